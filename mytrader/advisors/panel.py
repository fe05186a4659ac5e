"""Asks the memory, then several advisors at once, and hands back what came by the deadline.

Whatever they do, the panel answers: one opinion per seat, in the order of the seats, no later
than the deadline. The memory has half of that time; one that hangs, fails or answers nonsense is
no empty memory. It has said WAIT, as an advisor that does the like, and that WAIT binds. An
advisor that even ignores its cancellation is left behind, not waited for.
Time is the loop's, so the same panel works in virtual time.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.advisors.opinion import checked, checked_recall, failed
from mytrader.domain.decision import AdvisorRole, Counsel, Opinion, Question
from mytrader.domain.memory import Recall
from mytrader.errors import invariant
from mytrader.ports import Advisor, Clock, Memory

DEADLINE: Final = timedelta(seconds=2)
PANEL_NAME: Final = "panel"
MEMORY_NAME: Final = "memory"

AdvisorTask = asyncio.Task[Opinion]


class Seat(Struct, frozen=True):
    """An advisor with the name and the role it was given; its own claims do not count."""

    name: str
    role: AdvisorRole
    advisor: Advisor


class Panel:
    """The advisors of one trader. `clock` measures latency, nothing else."""

    def __init__(
        self,
        seats: Sequence[Seat],
        clock: Clock,
        *,
        deadline: timedelta = DEADLINE,
        memory: Memory | None = None,
    ) -> None:
        invariant(deadline > timedelta(0), "the advisors' deadline is longer than nothing")
        names = [seat.name for seat in seats]
        invariant(len(names) == len(set(names)), "every seat of the panel has its own name")
        self._seats = tuple(seats)
        self._clock = clock
        self._deadline = deadline
        self._memory = memory
        self._left_behind: set[asyncio.Task[Any]] = set()

    async def ask(self, question: Question) -> Counsel:
        """Return one opinion per seat, in order; without seats, one failure.

        A memory that failed adds one. Raises nothing for what advisors do. Cancelling it cancels
        all of them.
        """
        if not self._seats:
            nobody = failed(PANEL_NAME, AdvisorRole.RISK, failure="no advisor is configured")
            return Counsel((nobody,))
        loop = asyncio.get_running_loop()
        over_s = loop.time() + self._deadline.total_seconds()
        recall = await self._recall(question)
        left_s = max(over_s - loop.time(), 0.0)
        opinions = await self._ask_seats(replace(question, recall=recall), within_s=left_s)
        if recall is not None and recall.failure is not None:
            opinions += (failed(MEMORY_NAME, AdvisorRole.RISK, failure=recall.failure),)
        return Counsel(opinions, recall)

    async def _recall(self, question: Question) -> Recall | None:
        """Ask the memory; what it says of itself is checked like a foreign reply."""
        if self._memory is None:
            return None
        asked_at = self._clock.now()
        task = asyncio.ensure_future(  # noqa: TID251 - its outcome is looked at right here
            _remember(self._memory, question, now=asked_at)
        )
        try:
            await asyncio.wait([task], timeout=self._deadline.total_seconds() / 2)
        finally:
            self._dismiss([task])
        if not task.done():
            recall = Recall(failure="timeout")
        elif task.cancelled():
            recall = Recall(failure="error: CancelledError")
        elif (error := task.exception()) is not None:
            recall = Recall(failure=f"error: {type(error).__name__}")
        else:
            recall = task.result()
        return replace(recall, latency_ms=_milliseconds(self._clock.now() - asked_at))

    async def _ask_seats(self, question: Question, *, within_s: float) -> tuple[Opinion, ...]:
        asked_at = self._clock.now()
        # Tasks are made here rather than by the runtime because each one's outcome is looked at
        # here, and because a task that ignores its cancellation must not be waited for.
        tasks = [
            asyncio.ensure_future(  # noqa: TID251 - each task's outcome is looked at right here
                _ask(seat, question, now=asked_at)
            )
            for seat in self._seats
        ]
        answered_at: dict[AdvisorTask, datetime] = {}
        for task in tasks:
            task.add_done_callback(lambda done: answered_at.update({done: self._clock.now()}))
        try:
            await asyncio.wait(tasks, timeout=within_s)
        finally:
            self._dismiss(tasks)
        given_up_at = self._clock.now()
        return tuple(
            _timed(_outcome(seat, task), answered_at.get(task, given_up_at) - asked_at)
            for seat, task in zip(self._seats, tasks, strict=True)
        )

    def _dismiss(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        for task in tasks:
            if not task.done():
                # The loop holds tasks only weakly; one that lingers is held until it ends.
                self._left_behind.add(task)
                task.add_done_callback(self._forget)
                task.cancel()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            # Looking at it keeps the loop from reporting an error that nobody waits for.
            task.exception()


async def _ask(seat: Seat, question: Question, *, now: datetime) -> Opinion:
    # Each advisor gets its own copy of the numbers: what one writes, no one else reads.
    own = replace(question.signal, features=dict(question.signal.features))
    answer: object = await seat.advisor.opine(replace(question, signal=own), now)
    return checked(answer, advisor=seat.name, role=seat.role)


async def _remember(memory: Memory, question: Question, *, now: datetime) -> Recall:
    answer: object = await memory.recall(question, now)
    return checked_recall(answer)


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
    return replace(opinion, latency_ms=_milliseconds(latency))


def _milliseconds(latency: timedelta) -> float:
    return round(max(latency / timedelta(milliseconds=1), 0.0), 3)
