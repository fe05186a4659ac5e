"""Judges a day by the gateway's ledger alone, after everything that the gateway does.

The trader's own state is never read. What the ledger cannot show, whether a person was paged and
whether a trader was running at all, comes from the journal and from whoever runs the day.
"""

from collections import Counter
from datetime import datetime, timedelta

from msgspec import Struct

from mytrader.domain.orders import Role, parse_ref
from mytrader.simulator.broker_orders import BrokerOrder, OrderState
from mytrader.simulator.gateway import LedgerView

ALLOWED = timedelta(seconds=3)
"""Two seconds from when the trader can know of a fill; its report may be a second late."""

HALT, RESUMED = "MODE_HALT", "RESUMED"
AT_BROKER = (OrderState.SENT, OrderState.QUEUED, OrderState.WORKING)


class Span(Struct):
    """A time without protection of exactly the position's size; `why` is what was there."""

    began: datetime
    ended: datetime
    why: str


class Judge:
    """Looks at the ledger whenever it may have changed."""

    def __init__(self, ledger: LedgerView, con_id: int) -> None:
        self.violations: list[str] = []
        self.roles: Counter[Role | None] = Counter()
        self.spans: list[Span] = []
        self._ledger = ledger
        self._con_id = con_id
        self._position = 0
        self._seen = 0
        self._filled: set[int] = set()
        self._open: Span | None = None

    def look(self, now: datetime) -> None:
        """Take note of every new execution, then of the orders that are left."""
        executions = self._ledger.executions
        for fill in executions[self._seen :]:
            after = self._position + fill.side.sign * fill.quantity
            if _role(fill.order_ref) is not Role.ENTRY and (
                self._position * after < 0 or abs(after) >= abs(self._position)
            ):
                self.violations.append(
                    f"{fill.at} {fill.order_ref} filled {fill.side} {fill.quantity}: "
                    f"{self._position} became {after}"
                )
            self._position = after
            self._filled.add(fill.perm_id)
            self.roles[_role(fill.order_ref)] += 1
        self._seen = len(executions)
        orders = self._ledger.orders
        self._look_for_doubles(now, orders)
        self._look_at_cover(now, orders)

    def finish(self, now: datetime) -> None:
        """End the span that is still open."""
        self._close(now)

    def _look_for_doubles(self, now: datetime, orders: tuple[BrokerOrder, ...]) -> None:
        counted = Counter(order.sent.order_ref for order in orders)
        for ref, count in counted.items():
            if count > 1:
                self.violations.append(f"{now} {count} live orders are called {ref}")

    def _look_at_cover(self, now: datetime, orders: tuple[BrokerOrder, ...]) -> None:
        reducing = opening = 0
        for order in orders:
            asleep = order.parent_perm_id and order.parent_perm_id not in self._filled
            if _role(order.sent.order_ref) is Role.ENTRY or asleep:
                continue
            if order.terms.side.sign * self._position < 0:
                reducing += order.remaining if order.state in AT_BROKER else 0
            else:
                opening += order.remaining
        if opening or reducing > abs(self._position):
            self._say_once(
                f"exits for {opening} that open and {reducing} that reduce while the position is "
                f"{self._position}: {[o.sent.order_ref for o in orders]}",
                now,
            )
        if reducing == abs(self._position):
            self._close(now)
        elif self._open is None:
            self._open = Span(now, now, f"{reducing} of {self._position}")

    def _say_once(self, text: str, now: datetime) -> None:
        if not any(text in violation for violation in self.violations):
            self.violations.append(f"{now} {text}")

    def _close(self, now: datetime) -> None:
        if self._open is not None:
            self._open.ended = now
            self.spans.append(self._open)
            self._open = None


def _role(ref: str) -> Role | None:
    parts = parse_ref(ref)
    return None if parts is None else parts.role


def unexcused(
    spans: list[Span],
    *,
    pages: list[tuple[datetime, str]],
    absences: list[tuple[datetime, datetime]],
) -> list[str]:
    """Return the spans that were too long although nobody was paged.

    A trader that does not run cannot page: its absence does not count.
    """
    found = []
    for span in spans:
        away = absent(span, absences)
        if span.ended - span.began - away <= ALLOWED:
            continue
        until = span.began + ALLOWED + away
        if not any(span.began <= at <= until for at, _ in pages) and not _halted(span, pages):
            length = (span.ended - span.began - away).total_seconds()
            found.append(f"{span.began} covered {span.why} for {length:.3f} s and no page")
    return found


def _halted(span: Span, pages: list[tuple[datetime, str]]) -> bool:
    """Whether a page of a halt was out, and nobody had resumed since."""
    before = [code for at, code in pages if at <= span.began and code in (HALT, RESUMED)]
    return before[-1:] == [HALT]


def absent(span: Span, absences: list[tuple[datetime, datetime]]) -> timedelta:
    """Return for how long of a span no trader ran."""
    return sum(
        (
            min(ended, span.ended) - max(began, span.began)
            for began, ended in absences
            if began < span.ended and ended > span.began
        ),
        timedelta(),
    )
