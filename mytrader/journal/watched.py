"""A journal that lets others watch: records in their order, then the state they led to.

The loop tells its observers of an event after everything that followed from it, so an event that
led to another inside (an order's number) is told after it, and without the time it was recorded
at. A watched journal keeps what was appended, in order, until the loop tells the next event; then
every listener gets the records as they stand in the journal, and the state. What is derived from
them live is therefore what a reader of the journal derives later.

Appending does nothing more than remember: a listener is never between an event and its record.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent, QuoteSeen
from mytrader.domain.trader import TraderState
from mytrader.ports import Journal, JournalRecord

WAITING_MAX: Final = 4096
"""Records that nobody has asked for yet; a loop that tells nothing any more has ended."""


class Appended(Struct, frozen=True):
    """One record as it was appended; see `ports.JournalRecord`."""

    sequence: int
    at: datetime
    event: AnyEvent
    commands: tuple[AnyCommand, ...]


class Listener(Protocol):
    """Watches a journal from beside the loop. Must not fail, block, or change anything."""

    def recorded(self, record: JournalRecord) -> None:
        """Take note of one durable record."""
        ...

    def looked(self, state: TraderState, at: datetime) -> None:
        """Take note of the state after the records so far; `at` is when they began."""
        ...


class WatchedJournal:
    """Stands before a journal (`ports.Journal`) and is an observer of the loop that writes it.

    `elapsed_s` is a machine's seconds that never go back; `committed` is told how many of them a
    durable append took.
    """

    def __init__(
        self,
        inner: Journal,
        listeners: Sequence[Listener],
        *,
        elapsed_s: Callable[[], float],
        committed: Callable[[float], None] | None = None,
    ) -> None:
        self._inner = inner
        self._listeners = tuple(listeners)
        self._elapsed_s = elapsed_s
        self._committed = committed
        self._waiting: deque[Appended] = deque(maxlen=WAITING_MAX)

    def append(
        self, at: datetime, event: AnyEvent, commands: Sequence[AnyCommand], *, durable: bool
    ) -> int:
        """See `ports.Journal`. A quote of no consequence is passed on unwatched."""
        if isinstance(event, QuoteSeen) and not commands:
            return self._inner.append(at, event, commands, durable=durable)
        began_s = self._elapsed_s()
        sequence = self._inner.append(at, event, commands, durable=durable)
        if durable and self._committed is not None:
            self._committed(self._elapsed_s() - began_s)
        self._waiting.append(Appended(sequence, at, event, tuple(commands)))
        return sequence

    def read(self) -> Iterator[JournalRecord]:
        """See `ports.Journal`."""
        return self._inner.read()

    def close(self) -> None:
        """See `ports.Journal`."""
        self._inner.close()

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """See `execution.live_trading_manager.Observer`."""
        del event, asked
        if not self._waiting:
            return
        began = self._waiting[0].at
        while self._waiting:
            record = self._waiting.popleft()
            for listener in self._listeners:
                listener.recorded(record)
        for listener in self._listeners:
            listener.looked(state, began)
