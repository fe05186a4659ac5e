"""The clock of unprotected time (I2): the exchange's truth, and what the trader can know.

A span begins when the stops and exits at the broker do not cover the position exactly, and ends
when they do. Its full length goes into the distribution. What the trader must answer for is less:
time in which it runs, is connected and has been told, by any message, of what began the span.
What was told before a connection was lost may never have arrived: after one the trader knows by
such a message again, or when a new one has begun: every answer told to its end.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

COVER_TIMEOUT: Final = timedelta(seconds=2)
"""`T_cover` of SAFETY.md I2."""

ON_THE_WAY: Final = timedelta(seconds=1)
"""How long what was told may be on its way: faults hold bytes back."""

ALLOWED_S: Final = (COVER_TIMEOUT + ON_THE_WAY).total_seconds()

LEAVING_STEP: Final = timedelta(seconds=4)
"""How long after a deed that leaves the position the next one is awaited: twice the chase."""

LEAVING_MAX_S: Final = 90.0
"""How long leaving may take in all before a person has to know."""


class StartEnd(StrEnum):
    """The ends of the answers with which a connection begins, the whole book among them."""

    ORDERS = "open orders"
    OVER = "completed orders"
    EXECUTIONS = "executions"
    POSITIONS = "positions"
    ACCOUNT = "account values"


class Cause(Struct, frozen=True):
    """What may begin a span: an execution, or the end of an order that had covered."""

    exec_id: str = ""
    perm_id: int = 0
    order_id: int = 0


class Span(Struct):
    """A time without cover of exactly the position's size.

    `answerable_s` is the part of it in which the trader ran, heard, and had been told;
    `unanswered_s` the longest stretch of that in which it had neither paged nor halted nor was
    leaving. A person who resumes begins a new stretch.
    """

    began: datetime
    why: str
    seconds: float = 0.0
    answerable_s: float = 0.0
    unanswered_s: float = 0.0


class CoverWatch:
    """Follows one contract. `late` lists spans that were too long although nobody was paged."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.late: list[Span] = []
        self._open: Span | None = None
        self._causes: frozenset[Cause] = frozenset()
        self._told = False
        self._ends: set[StartEnd] = set()
        self._hearing = False
        self._halted = False
        self._paged = False
        self._accused = False
        self._forgiven_s = 0.0
        self._stretch_s = 0.0
        self._leaving_until: datetime | None = None
        self._last: datetime | None = None

    @property
    def bare(self) -> bool:
        """Whether a span is open."""
        return self._open is not None

    @property
    def late_now(self) -> bool:
        """Whether the open span has been too long."""
        return self._accused

    # What happens, each with its time.

    def uncovered(self, now: datetime, why: str, causes: Collection[Cause]) -> None:
        """The position is not covered; a span that is open goes on."""
        self.pass_to(now)
        if self._open is None:
            self._open = Span(now, why)
            self._causes = frozenset(causes)
            # What nothing at the exchange has caused, the trader has done itself.
            self._told = not causes
            self._paged = self._accused = False
            self._forgiven_s = self._stretch_s = 0.0

    def covered(self, now: datetime) -> None:
        """The position is covered, or there is none."""
        self.pass_to(now)
        if self._open is not None:
            self.spans.append(self._open)
            self._open = None

    def hears(self, now: datetime, hearing: bool) -> None:
        """Whether a trader runs, connected to a gateway that has its broker."""
        if hearing is not self._hearing:
            self.pass_to(now)
            self._hearing = hearing
            self._ends.clear()
            self._told = False

    def told(self, now: datetime, cause: Cause) -> None:
        """A message about an execution or an order leaves for the trader."""
        if self._open is not None and not self._told and cause in self._causes:
            self.pass_to(now)
            self._told = True

    def told_end(self, now: datetime, end: StartEnd) -> None:
        """One of the answers with which a connection begins has been told to its end.

        Until all of them have, the trader does not trade on what it has heard.
        """
        self.pass_to(now)
        self._ends.add(end)
        if len(self._ends) == len(StartEnd):
            self._told = True

    def left(self, now: datetime) -> None:
        """The trader did something to leave the position."""
        self.pass_to(now)
        self._leaving_until = now + LEAVING_STEP

    def paged(self, now: datetime, *, halted: bool) -> None:
        """A person was paged; `halted` says that the machine decides nothing new any more."""
        self.pass_to(now)
        self._paged = True
        self._halted |= halted

    def resumed(self, now: datetime) -> None:
        """A person took the risk again."""
        self.pass_to(now)
        self._halted = False
        self._paged = False
        self._stretch_s = 0.0
        if self._open is not None:
            self._forgiven_s = self._open.answerable_s

    def pass_to(self, now: datetime) -> None:
        """Let time pass: what was true until `now` is counted."""
        before, self._last = self._last, now
        span = self._open
        if span is None or before is None:
            return
        span.seconds = (now - span.began).total_seconds()
        if not (self._told and self._hearing and len(self._ends) == len(StartEnd)):
            return
        passed_s = (now - before).total_seconds()
        span.answerable_s += passed_s
        if self._excused(now, span):
            self._stretch_s = 0.0
            return
        self._stretch_s += passed_s
        span.unanswered_s = max(span.unanswered_s, self._stretch_s)
        if self._accused:
            return
        if span.answerable_s - self._forgiven_s > ALLOWED_S:
            self._accused = True
            self.late.append(span)

    def _excused(self, now: datetime, span: Span) -> bool:
        if self._paged or self._halted:
            return True
        leaving = self._leaving_until is not None and now <= self._leaving_until
        return leaving and span.answerable_s - self._forgiven_s <= LEAVING_MAX_S
