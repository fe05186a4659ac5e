"""How late the loop is: a timer asked for every second, and when it really came.

On the machine's clock only. In virtual time a timer is never late, and one that nobody needs
would be stepped through all day.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from mytrader.ports import Runtime

EVERY: Final = timedelta(seconds=1)
_SECOND: Final = timedelta(seconds=1)


class LoopLag:
    """Tells `lagged` once a second, from `start` to `stop`, how many seconds its timer was late.

    `speed` is seconds of the runtime's clock per real second: what is told is real seconds.
    """

    def __init__(
        self, runtime: Runtime, lagged: Callable[[float], None], *, speed: float = 1.0
    ) -> None:
        self._runtime = runtime
        self._lagged = lagged
        self._speed = speed
        self._due: datetime | None = None
        self._disarm: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to measure."""
        if self._disarm is None:
            self._arm()

    def stop(self) -> None:
        """Measure no more."""
        if self._disarm is not None:
            self._disarm()
            self._disarm = None

    def _arm(self) -> None:
        self._due = self._runtime.now() + EVERY * self._speed
        self._disarm = self._runtime.call_at(self._due, self._came)

    def _came(self) -> None:
        if self._due is not None:
            late = (self._runtime.now() - self._due) / _SECOND / self._speed
            self._lagged(max(late, 0.0))
        self._arm()
