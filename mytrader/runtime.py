"""The real clock, and the one way to arm a timer, start a task or make an id.

`SystemRuntime` runs on a real event loop. Its clock is `anchor + elapsed x speed` over the
machine's monotonic clock: it never jumps when the wall clock is set, and it may follow the clock
of a gateway whose day runs faster than ours.
"""

import asyncio
import math
import resource
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from mytrader.errors import BadInput, invariant

T = TypeVar("T")

TaskFailed = Callable[[str, BaseException], None]
"""Told the name of a task and what ended it; a cancelled task has not failed."""

RANDOM_BITS: Final = 80
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MS_BITS: Final = 48
_CHARACTERS: Final = 26
_FIRST_DIGITS: Final = 8
"""26 characters hold 130 bits: the first one has only three."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)


def encode_ulid(unix_ms: int, randomness: int) -> str:
    """Return 48 bits of milliseconds and 80 random bits as 26 characters of Crockford base 32.

    Text order is time order. Source: the ULID specification, ulid/spec.
    """
    fits = 0 <= unix_ms < 1 << _MS_BITS and 0 <= randomness < 1 << RANDOM_BITS
    invariant(fits, f"{unix_ms} ms and {randomness} fit an id of 128 bits")
    number = unix_ms << RANDOM_BITS | randomness
    return "".join(
        _ALPHABET[number >> shift & 31] for shift in range(5 * (_CHARACTERS - 1), -1, -5)
    )


def decode_ulid(text: str) -> int:
    """Return the 128 bits of an id: what `encode_ulid` was given, milliseconds first.

    Raises `BadInput` for any other text, one that is only written otherwise included.
    """
    digits = [_ALPHABET.find(character) for character in text]
    if len(digits) != _CHARACTERS or min(digits) < 0 or digits[0] >= _FIRST_DIGITS:
        raise BadInput(f"{text[:40]!r} is no cycle id: 26 characters of Crockford base 32")
    number = 0
    for digit in digits:
        number = number << 5 | digit
    return number


class CycleIds:
    """Makes ids that only ever grow, also within a millisecond and when the clock steps back.

    `draw` returns 80 random bits.
    """

    def __init__(self, draw: Callable[[], int]) -> None:
        self._draw = draw
        self._newest = (-1, 0)

    def next(self, now: datetime) -> str:
        """Return a new id for `now`, aware UTC."""
        unix_ms, randomness = (now - _EPOCH) // _MILLISECOND, self._draw()
        newest_ms, newest_randomness = self._newest
        if unix_ms <= newest_ms:
            unix_ms, randomness = newest_ms, newest_randomness + 1
            if randomness >> RANDOM_BITS:
                unix_ms, randomness = unix_ms + 1, self._draw()
        self._newest = (unix_ms, randomness)
        return encode_ulid(unix_ms, randomness)


class Tasks:
    """Starts tasks, keeps hold of them until they end, and reports those that fail."""

    def __init__(self, on_failure: TaskFailed) -> None:
        self._on_failure = on_failure
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start `work` on the running loop."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        # The loop itself holds tasks weakly: one that nobody keeps may vanish half done.
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_failure(task.get_name(), error)


class _Timer(Struct):
    when: datetime
    callback: Callable[[], None]
    handle: asyncio.TimerHandle | None = None


def processor_seconds() -> float:
    """Return what this process has used of its processor, seconds."""
    return time.process_time()


def memory_peak_mb() -> float:
    """Return the most memory that this process ever held, megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def monotonic_seconds() -> float:
    """Return a machine's seconds that never go back, for measuring how long something took."""
    return time.monotonic()


def random_fraction() -> float:
    """Return a number from 0 to 1, for what must not happen at the same moment everywhere."""
    return secrets.randbits(53) / (1 << 53)


def sleep_seconds(seconds: float) -> None:
    """Do nothing for so long: for commands that wait outside of any loop."""
    time.sleep(seconds)


class _Work(Generic[T]):
    """Blocking work in a thread: its result, or what it raised, is told to a loop.

    As a context it takes the error along instead of letting it end the thread.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._error: BaseException | None = None
        self.ended: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        """Work, and tell the loop if it is still there."""
        results: list[T] = []
        with self:
            results.append(self._work())
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._settle, results)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._error = error
        return True

    def _settle(self, results: list[T]) -> None:
        if self.ended.done():
            return  # whoever waited was cancelled
        if self._error is not None:
            self.ended.set_exception(self._error)
        else:
            self.ended.set_result(results[0])


class SystemRuntime:
    """`ports.Runtime` on the running loop.

    `speed` is seconds of this clock per real second. `anchor` is what the clock shows now, the
    machine's time if it is not given. `monotonic` is replaced by tests only.
    """

    def __init__(
        self,
        on_failure: TaskFailed,
        *,
        speed: float = 1.0,
        anchor: datetime | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (math.isfinite(speed) and speed > 0):
            raise BadInput(f"speed is {speed}; give a number above 0, 1 for real time")
        self.speed = speed
        self._monotonic = monotonic
        self._tasks = Tasks(on_failure)
        self._ids = CycleIds(lambda: secrets.randbits(RANDOM_BITS))
        self._timers: dict[int, _Timer] = {}
        self._numbers = count()
        self._anchor = anchor or datetime.now(UTC)
        self._anchored_at = monotonic()

    def now(self) -> datetime:
        """Return the present, aware UTC."""
        return self._anchor + _SECOND * ((self._monotonic() - self._anchored_at) * self.speed)

    def set_anchor(self, now: datetime) -> None:
        """Let the clock show `now` (aware UTC) from here on; armed timers follow it."""
        self._anchor, self._anchored_at = now, self._monotonic()
        for number, timer in self._timers.items():
            self._arm(number, timer)

    def new_cycle_id(self) -> str:
        """Return a new id; see `CycleIds`."""
        return self._ids.next(self.now())

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start a task; its failure goes to `on_failure`."""
        self._tasks.spawn(work, name)

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Do blocking `work` in a thread of its own; see `ports.Runtime`.

        A daemon, unlike a thread of the loop's executor: what never ends holds up neither other
        work nor the end of the process.
        """
        doing = _Work(work)
        threading.Thread(target=doing.run, name="mytrader beside the loop", daemon=True).start()
        return await doing.ended

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once, never before this clock shows `when`; the result disarms it."""
        number = next(self._numbers)
        self._timers[number] = _Timer(when, callback)
        self._arm(number, self._timers[number])
        return lambda: self._disarm(number)

    def _arm(self, number: int, timer: _Timer) -> None:
        if timer.handle is not None:
            timer.handle.cancel()
        delay_s = max((timer.when - self.now()) / _SECOND / self.speed, 0.0)
        loop = asyncio.get_running_loop()
        timer.handle = loop.call_later(delay_s, self._fire, number)

    def _fire(self, number: int) -> None:
        timer = self._timers[number]
        if self.now() < timer.when:
            # Two clocks and a rounding lie between the delay and the time that was asked for.
            self._arm(number, timer)
            return
        del self._timers[number]
        timer.callback()

    def _disarm(self, number: int) -> None:
        timer = self._timers.pop(number, None)
        if timer is not None and timer.handle is not None:
            timer.handle.cancel()
