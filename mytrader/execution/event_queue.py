"""Events on their way to the loop: in order, and never from inside the call that caused them."""

import asyncio
from collections import deque

from mytrader.domain.events import AnyEvent
from mytrader.ports import Emit


class EventQueue:
    """Delivers what it is told in a turn of the event loop of its own.

    It holds everything back while a connection is being made, and until it is opened.
    """

    def __init__(self) -> None:
        self._emit: Emit | None = None
        self._waiting: deque[AnyEvent] = deque()
        self._scheduled = False
        self._holding = True
        self.opened = False
        """Whether it was ever opened."""

    def listen(self, emit: Emit) -> None:
        """Deliver every event to `emit`."""
        self._emit = emit

    def tell(self, event: AnyEvent) -> None:
        """Take an event."""
        self._waiting.append(event)
        self._schedule()

    def hold(self) -> None:
        """Deliver nothing for now."""
        self._holding = True

    def open(self) -> None:
        """Deliver, for the first time or again."""
        self.opened = True
        self.release()

    def release(self) -> None:
        """Deliver again what was held back; nothing before it was opened."""
        self._holding = not self.opened
        self._schedule()

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled and not self._holding:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        while self._waiting:
            event = self._waiting.popleft()
            if self._emit is not None:
                self._emit(event)
