"""Garbage collection when nothing happens, instead of in the middle of a decision.

Python looks for garbage whenever enough was made, and a full look at the client's objects takes
20 to 440 ms (DESIGN.md section 6). What exists after the start stays for the whole run, so it is
frozen: never looked at again. After that the collector runs only in a pause.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent
from mytrader.domain.trader import TraderState
from mytrader.ports import Runtime

LOOK_EVERY: Final = timedelta(seconds=1)
QUIET_FOR: Final = timedelta(milliseconds=50)
"""After an event others usually follow at once."""

OBJECTS_MAX: Final = 50_000
"""With so many new ones nobody waits for a pause any longer; to look at these alone takes 5 ms."""


class IdleCollector:
    """Looks once a second whether it may collect; an observer of the loop."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._heard_at = runtime.now()
        self.collections = 0
        self._disarm = runtime.call_at(self._heard_at + LOOK_EVERY, self._look)

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """See `execution.live_trading_manager.Observer`."""
        del event, asked, state
        self._heard_at = self._runtime.now()

    def close(self) -> None:
        """Look no more."""
        self._disarm()

    def _look(self) -> None:
        now = self._runtime.now()
        self._disarm = self._runtime.call_at(now + LOOK_EVERY, self._look)
        if now - self._heard_at >= QUIET_FOR:
            gc.collect()
            self.collections += 1
        elif gc.get_count()[0] > OBJECTS_MAX:
            gc.collect(0)
            self.collections += 1


@contextmanager
def collecting_when_idle(runtime: Runtime) -> Iterator[IdleCollector]:
    """Freeze what exists and let only pauses collect meanwhile; afterwards all is as before."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    collector = IdleCollector(runtime)
    try:
        yield collector
    finally:
        collector.close()
        gc.unfreeze()
        if was_enabled:
            gc.enable()
