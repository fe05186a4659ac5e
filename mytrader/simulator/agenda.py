"""Everything the gateway will do, in order of time, on one timer.

Timers of an event loop do not keep the order of equal deadlines, and on a busy machine they are
late. The agenda keeps its own order: entries happen by time, equal times in the order in which
they were entered, and each happens as of its own time however late the loop wakes it.
"""

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count

from mytrader.ports import Runtime

Action = Callable[[], None]


class Agenda:
    """Carries out actions at their times. `settled` is called after every batch of them."""

    def __init__(self, runtime: Runtime, settled: Action) -> None:
        self._runtime = runtime
        self._settled = settled
        self._entries: list[tuple[datetime, int, Action]] = []
        self._numbers = count()
        self._reached: datetime | None = None
        self._working = False
        self._armed: tuple[datetime, Action] | None = None

    @property
    def now(self) -> datetime:
        """The time of the action under way, otherwise the present; it never goes back."""
        if self._working and self._reached is not None:
            return self._reached
        return self._forward(self._runtime.now())

    def at(self, when: datetime, action: Action) -> None:
        """Carry out `action` at `when`; a time that is past means as soon as possible."""
        heapq.heappush(self._entries, (when, next(self._numbers), action))
        if not self._working:
            self._arm()

    def catch_up(self) -> None:
        """Carry out everything that is due."""
        if self._working:
            return
        self._working = True
        try:
            now = self._runtime.now()
            while self._entries and self._entries[0][0] <= now:
                when, _, action = heapq.heappop(self._entries)
                self._reached = self._forward(when)
                action()
        finally:
            self._working = False
        self._settled()
        self._arm()

    def _forward(self, when: datetime) -> datetime:
        return when if self._reached is None else max(self._reached, when)

    def _arm(self) -> None:
        due = self._entries[0][0] if self._entries else None
        if self._armed is not None:
            if self._armed[0] == due:
                return
            self._armed[1]()
            self._armed = None
        if due is not None:
            self._armed = (due, self._runtime.call_at(due, self._wake))

    def _wake(self) -> None:
        self._armed = None
        self.catch_up()
