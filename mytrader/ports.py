"""Every door to the outside world, on one screen. Adapters implement these; bootstrap joins."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Counsel, Opinion, Question
from mytrader.domain.events import AnyEvent
from mytrader.domain.memory import Recall, TradeDocument

T = TypeVar("T")

Emit = Callable[[AnyEvent], None]
"""Where an adapter delivers events."""


class Clock(Protocol):
    """What time it is: the machine's, the gateway's, or the virtual loop's."""

    def now(self) -> datetime:
        """Return the present, aware UTC."""
        ...


class Runtime(Clock, Protocol):
    """The loop's surroundings: time, timers, tasks and ids come from here and nowhere else."""

    def new_cycle_id(self) -> str:
        """Return a new 128-bit time-ordered id, 26 characters of Crockford base 32."""
        ...

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Arm a timer; the returned function disarms it."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start a task whose failure is not lost."""
        ...

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Do blocking `work` beside the loop and return its result; raises what it raises.

        Cancelling stops the waiting, not the work. In virtual time as much time passes on the
        clock as the work took on the machine's.
        """
        ...


class JournalRecord(Protocol):
    """One event as it was recorded, with the commands it led to."""

    @property
    def sequence(self) -> int:
        """Position in the journal, from 1."""
        ...

    @property
    def at(self) -> datetime:
        """When the event reached the loop, aware UTC."""
        ...

    @property
    def event(self) -> AnyEvent:
        """The event."""
        ...

    @property
    def commands(self) -> tuple[AnyCommand, ...]:
        """What `step` answered when it happened."""
        ...


class Journal(Protocol):
    """The append-only record. One writer at a time."""

    def append(
        self, at: datetime, event: AnyEvent, commands: Sequence[AnyCommand], *, durable: bool
    ) -> int:
        """Record an event with its commands and return its sequence number.

        With `durable` everything appended so far is on disk when this returns; without it the
        record may wait for the next durable one: what nothing was done about. Raises
        `JournalFault`.
        """
        ...

    def read(self) -> Iterator[JournalRecord]:
        """Yield every record in order."""
        ...

    def close(self) -> None:
        """Make everything durable and give the lease back."""
        ...


class Advisor(Protocol):
    """An opinion about an entry. It can only subtract permission."""

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Return an opinion; may fail or hang: the panel holds the deadline."""
        ...


class Memory(Protocol):
    """Past trades, found by their likeness to a proposed one."""

    async def recall(self, question: Question, now: datetime) -> Recall:
        """Return what is remembered of the proposal's like; may fail or hang, as an advisor."""
        ...

    def remember(self, document: TradeDocument) -> None:
        """Keep a finished trade; one with the same id is replaced."""
        ...


class Adviser(Protocol):
    """Memory and advisors as the loop sees them; always answers, failures included."""

    async def ask(self, question: Question) -> Counsel:
        """Return what memory and advisors say within the panel's deadline."""
        ...


class Broker(Protocol):
    """The broker as the loop sees it: events come in by `listen`, commands go out."""

    def listen(self, emit: Emit) -> None:
        """Deliver every event to `emit`, in order, never from inside `carry_out`."""
        ...

    def number(self, command: AnyCommand) -> tuple[tuple[str, int], ...]:
        """Give the new orders of a command their numbers, by reference; none if nobody hears.

        The loop records them before it lets the command be carried out.
        """
        ...

    def carry_out(self, command: AnyCommand) -> None:
        """Write what the command asks for; the outcome returns as events."""
        ...
