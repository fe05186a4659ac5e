"""The observer that tells people, in a thread of its own.

Theory of operation. `seen` puts what it is given on a queue and returns: it waits for nothing,
words nothing and cannot fail. A thread with its own event loop and the machine's own clock makes
messages of it and sends them, so it works beside a trader in virtual time just as beside one on
the machine's clock. Whatever goes wrong in that thread ends in the log. Nothing that the trader
does ever depends on it.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Final, Protocol, Self

import structlog
from msgspec import Struct

from mytrader.alerts.message import Message
from mytrader.alerts.messages import Teller, bare_page
from mytrader.alerts.outbox import Batch, Counts, Failed, Outbox, Outcome
from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.events import AnyEvent
from mytrader.domain.trader import TraderState

RECORDS_MAX: Final = 20_000
"""Events that may wait to be worded; with more the thread is stuck, and they are counted."""

FAILURES_MAX: Final = 20
GRACE_S: Final = 2.0
NAMED_MAX: Final = 10
_QUIET: Final = (events.QuoteSeen, events.SettlementStated)


class Post(Protocol):
    """What carries a text to people."""

    async def send(self, batch: Batch) -> Outcome:
        """Send once and return how it went; does not retry."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Ending(Struct, frozen=True):
    """How it ended: what became of all messages, which were not sent, and why."""

    counts: Counts
    unsent: tuple[Message, ...]
    lost_events: int
    why: str

    @property
    def complete(self) -> bool:
        """Whether everything that was to be told was accepted."""
        dropped = sum(self.counts.dropped.values())
        return not (self.unsent or self.lost_events or dropped or self.counts.rejected)


class _Record(Struct, frozen=True):
    at: datetime
    seen_s: float
    event: AnyEvent
    asked: tuple[AnyCommand, ...]
    state: TraderState


class _Note(Struct, frozen=True):
    at: datetime
    seen_s: float
    alert: RaiseAlert


class _End(Struct, frozen=True):
    at: datetime
    seen_s: float
    within_s: float
    failure: BaseException | None


class Alerts:
    """Observes a trader and tells people. `now` is the trader's clock, `elapsed_s` the machine's.

    The thread runs from the start; `close` ends it. As a context manager it closes itself, with
    what the block failed with. `drain_s` is how long it may then take for what still waits.
    """

    def __init__(
        self,
        teller: Teller,
        outbox: Outbox,
        post: Post,
        *,
        now: Callable[[], datetime],
        elapsed_s: Callable[[], float],
        drain_s: float = 5.0,
    ) -> None:
        self._teller = teller
        self._outbox = outbox
        self._post = post
        self._now = now
        self._elapsed_s = elapsed_s
        self._drain_s = drain_s
        self._records: queue.SimpleQueue[_Record | _Note | _End] = queue.SimpleQueue()
        self._lost = 0
        self._failures = 0
        self._ending: _End | None = None
        self._wording: _Record | _Note | None = None
        self._flights: dict[asyncio.Task[Outcome], Batch] = {}
        self._pinged = False
        self._closed = False
        self._log = structlog.get_logger("mytrader.alerts")
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()
        self._ready.wait()

    # In the trader's thread

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """See `execution.live_trading_manager.Observer`; hands over and returns."""
        if self._closed or (isinstance(event, _QUIET) and not asked and not state.finished):
            return
        if self._records.qsize() >= RECORDS_MAX:
            self._lost += 1
            return
        self._records.put(_Record(self._now(), self._elapsed_s(), event, tuple(asked), state))
        self._ping()

    def note(self, alert: RaiseAlert) -> None:
        """Tell something beside the record; hands over and returns."""
        if not self._closed:
            self._records.put(_Note(self._now(), self._elapsed_s(), alert))
            self._ping()

    def close(self, within_s: float | None = None, failure: BaseException | None = None) -> Ending:
        """Tell that the trader has ended, wait for what is not sent yet, and end the thread.

        Waits `within_s` seconds, `drain_s` if not given, and logs what was not sent by then.
        """
        if not self._closed:
            self._closed = True
            wait_s = self._drain_s if within_s is None else within_s
            self._records.put(_End(self._now(), self._elapsed_s(), wait_s, failure))
            self._ping()
            self._thread.join(wait_s + GRACE_S)
            self._tell_unsent()
        return self.ending()

    def ending(self) -> Ending:
        """Return what became of everything so far."""
        unsent = tuple(self._outbox.unsent())
        return Ending(self._outbox.counts(), unsent, self._lost, self._outbox.stopped)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(failure=error)

    def _ping(self) -> None:
        """Wake the thread, once for many records: it looks at all that came meanwhile."""
        if not self._pinged:
            self._pinged = True
            # The loop may be closed already: then nobody listens, and that is in the log.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake.set)

    def _tell_unsent(self) -> None:
        ending = self.ending()
        if ending.complete:
            return
        named = [f"{each.level} {each.code}" for each in ending.unsent[:NAMED_MAX]]
        more = len(ending.unsent) - len(named)
        dropped = sum(ending.counts.dropped.values())
        self._log.warning(
            "ALERTS_NOT_SENT",
            text=", ".join(named) + (f" and {more} more" if more > 0 else ""),
            dropped=dropped or None,
            rejected=ending.counts.rejected or None,
            events_lost=ending.lost_events or None,
        )

    # In the thread

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        finally:
            self._ready.set()

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._ready.set()
        try:
            while not self._over() and self._failures < FAILURES_MAX:
                rounds = asyncio.ensure_future(  # noqa: TID251 - its failure is looked at right here
                    self._rounds()
                )
                await asyncio.wait([rounds])
                self._note_failure(rounds)
        finally:
            for flight in self._flights:
                flight.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._post.close(), GRACE_S / 2)

    def _note_failure(self, rounds: "asyncio.Task[None]") -> None:
        """A failure of our own: of the event that could not be worded only its pages are told."""
        error = rounds.exception()
        if error is None:
            return
        self._failures += 1
        self._lost += 1
        # What it says could hold anything, a token among it.
        self._log.error("ALERTS_FAILED", text=f"{type(error).__name__} in the alerts' thread")
        record, self._wording = self._wording, None
        if record is not None:
            for command in (record.alert,) if isinstance(record, _Note) else record.asked:
                if isinstance(command, RaiseAlert) and command.level is AlertLevel.PAGE:
                    page = bare_page(record.at, command.code, self._teller.mark)
                    self._outbox.put(page, record.seen_s)

    async def _rounds(self) -> None:
        while not self._over():
            self._wake.clear()
            self._pinged = False
            self._land()
            for message, seen_s in self._worded():
                self._outbox.put(message, seen_s)
            while (batch := self._outbox.take(self._elapsed_s())) is not None:
                flight = asyncio.ensure_future(  # noqa: TID251 - its outcome is looked at when it lands
                    self._post.send(batch)
                )
                flight.add_done_callback(lambda _: self._wake.set())
                self._flights[flight] = batch
            await self._rest()

    def _worded(self) -> Iterator[tuple[Message, float]]:
        """Make messages of what was handed over, each with the moment of its event."""
        while self._ending is None:
            try:
                record = self._records.get_nowait()
            except queue.Empty:
                return
            if isinstance(record, _End):
                self._ending = record
                self._outbox.hurry()
                messages: Sequence[Message] = self._teller.ended(record.at, record.failure)
            elif isinstance(record, _Note):
                self._wording = record
                messages = self._teller.noted(record.at, record.alert)
            else:
                self._wording = record
                messages = self._teller.seen(
                    record.at, record.event, asked=record.asked, state=record.state
                )
            yield from ((message, record.seen_s) for message in messages)

    def _land(self) -> None:
        for flight in [each for each in self._flights if each.done()]:
            batch = self._flights.pop(flight)
            if flight.cancelled():
                outcome: Outcome = Failed("a request was cancelled")
            elif (error := flight.exception()) is not None:
                outcome = Failed(f"{type(error).__name__} while sending")
            else:
                outcome = flight.result()
            said = self._outbox.settle(batch, outcome, self._elapsed_s())
            if said:
                self._log.warning("ALERTS", text=said)

    def _over(self) -> bool:
        """Whether the end was told and nothing is left to do, or no time to do it."""
        ending = self._ending
        if ending is None:
            return False
        late = self._elapsed_s() - ending.seen_s >= ending.within_s
        return late or bool(self._outbox.stopped) or not len(self._outbox)

    async def _rest(self) -> None:
        """Sleep until something is handed over, lands, or is due."""
        if self._over():
            return
        due_s = self._outbox.due_s()
        ends_s = None if self._ending is None else self._ending.seen_s + self._ending.within_s
        wakes = [at_s for at_s in (due_s, ends_s) if at_s is not None]
        left_s = max(min(wakes) - self._elapsed_s(), 0.0) if wakes else None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), left_s)
