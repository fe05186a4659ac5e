"""A runtime whose clock is moved by hand."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2025, 12, 12, 15, 0, tzinfo=UTC)


class ManualRuntime:
    """`ports.Runtime` for tests: `pass_time` moves the clock and calls what is due."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []
        self.armed_count = 0
        self._ids = 0

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._now

    def new_cycle_id(self) -> str:
        """Return a new id, in order."""
        self._ids += 1
        return f"{self._ids:026d}"

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Arm a timer."""
        self.armed_count += 1
        timer = (when, self.armed_count, callback)
        self._timers.append(timer)
        return lambda: self._timers.remove(timer)

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Do it here and now."""
        return work()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Drop the work: what it would have answered, a test delivers itself."""
        del name
        work.close()

    @property
    def waiting(self) -> int:
        """How many timers are armed."""
        return len(self._timers)

    def pass_time(self, seconds: float, *, late_s: float = 0.0) -> None:
        """Move the clock; timers are called in order, each at least `late_s` late."""
        end = self._now + timedelta(seconds=seconds)
        while self._timers and min(self._timers)[0] <= end:
            timer = min(self._timers)
            self._timers.remove(timer)
            self._now = max(self._now, timer[0] + timedelta(seconds=late_s))
            timer[2]()
        self._now = max(self._now, end)
