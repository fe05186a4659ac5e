"""Asks several advisors at once, each with the same deadline, and hands back what came.

Whatever an advisor does, the panel answers: one opinion per seat, in the order of the seats, no
later than the deadline. An advisor that hangs, raises, or answers nonsense has said WAIT, and
that WAIT binds. An advisor that even ignores its cancellation is left behind, not waited for.
Time is the loop's, so the same panel works in virtual time.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.advisors.opinion import checked, failed
from mytrader.domain.decision import AdvisorRole, Opinion, Signal
from mytrader.errors import invariant
from mytrader.ports import Advisor, Clock

DEADLINE: Final = timedelta(seconds=2)
PANEL_NAME: Final = "panel"

AdvisorTask = asyncio.Task[Opinion]


class Seat(Struct, frozen=True):
    """An advisor with the name and the role it was given; its own claims do not count."""

    name: str
    role: AdvisorRole
    advisor: Advisor


class Panel:
    """The advisors of one trader. `clock` measures latency, nothing else."""

    def __init__(
        self, seats: Sequence[Seat], clock: Clock, *, deadline: timedelta = DEADLINE
    ) -> None:
        invariant(deadline > timedelta(0), "the advisors' deadline is longer than nothing")
        names = [seat.name for seat in seats]
        invariant(len(names) == len(set(names)), "every seat of the panel has its own name")
        self._seats = tuple(seats)
        self._clock = clock
        self._deadline = deadline
        self._left_behind: set[AdvisorTask] = set()

    async def ask(self, con_id: int, signal: Signal) -> tuple[Opinion, ...]:
        """Return one opinion per seat, in order; without seats, one failure.

        Raises nothing for what advisors do. Cancelling it cancels all of them.
        """
        if not self._seats:
            return (failed(PANEL_NAME, AdvisorRole.RISK, failure="no advisor is configured"),)
        asked_at = self._clock.now()
        # Tasks are made here rather than by the runtime because each one's outcome is looked at
        # here, and because a task that ignores its cancellation must not be waited for.
        tasks = [
            asyncio.ensure_future(  # noqa: TID251 - each task's outcome is looked at right here
                _ask(seat, con_id, signal=signal, now=asked_at)
            )
            for seat in self._seats
        ]
        answered_at: dict[AdvisorTask, datetime] = {}
        for task in tasks:
            task.add_done_callback(lambda done: answered_at.update({done: self._clock.now()}))
        try:
            await asyncio.wait(tasks, timeout=self._deadline.total_seconds())
        finally:
            self._dismiss(tasks)
        given_up_at = self._clock.now()
        return tuple(
            _timed(_outcome(seat, task), answered_at.get(task, given_up_at) - asked_at)
            for seat, task in zip(self._seats, tasks, strict=True)
        )

    def _dismiss(self, tasks: Sequence[AdvisorTask]) -> None:
        for task in tasks:
            if not task.done():
                # The loop holds tasks only weakly; one that lingers is held until it ends.
                self._left_behind.add(task)
                task.add_done_callback(self._forget)
                task.cancel()

    def _forget(self, task: AdvisorTask) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            # Looking at it keeps the loop from reporting an error that nobody waits for.
            task.exception()


async def _ask(seat: Seat, con_id: int, *, signal: Signal, now: datetime) -> Opinion:
    # Each advisor gets its own copy of the numbers: what one writes, no one else reads.
    own = replace(signal, features=dict(signal.features))
    answer: object = await seat.advisor.opine(con_id, own, now)
    return checked(answer, advisor=seat.name, role=seat.role)


def _outcome(seat: Seat, task: AdvisorTask) -> Opinion:
    if not task.done():
        return failed(seat.name, seat.role, failure="timeout")
    if task.cancelled():
        return failed(seat.name, seat.role, failure="error: CancelledError")
    error = task.exception()
    if error is not None:
        # The text of a foreign error may hold anything, so only its kind is told.
        return failed(seat.name, seat.role, failure=f"error: {type(error).__name__}")
    return task.result()


def _timed(opinion: Opinion, latency: timedelta) -> Opinion:
    milliseconds = max(latency / timedelta(milliseconds=1), 0.0)
    return replace(opinion, latency_ms=round(milliseconds, 3))
