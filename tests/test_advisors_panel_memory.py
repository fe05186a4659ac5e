"""The memory is asked first, has half of the time, and fails closed."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from mytrader.advisors.panel import Panel, Seat
from mytrader.domain.decision import Advice, AdvisorRole, Counsel, Opinion, Question
from mytrader.domain.memory import Recall, SimilarTrade, TradeDocument
from tests.test_advisors_panel import QUESTION, JumpingLoop, hang, pause, run

ONCE = SimilarTrade("01K", 0.1, Decimal(-1700), -1.2, "an exit that opened\n\x1b[31m", avoid=True)


class Scripted:
    """A memory that does one thing."""

    def __init__(self, act: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._act = act

    async def recall(self, question: Question, now: datetime) -> Recall:
        """Do it."""
        del question, now
        return cast("Recall", await self._act())

    def remember(self, document: TradeDocument) -> None:
        """Forget it."""


class Listening:
    """An advisor that says what it was asked with, and when."""

    def __init__(self) -> None:
        self.heard: list[tuple[Recall | None, float]] = []

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Let pass."""
        del now
        self.heard.append((question.recall, asyncio.get_running_loop().time()))
        await pause(0.5)
        return Opinion("x", AdvisorRole.DECISION, Advice.GO, "fine", 0.9)


def ask(act: Callable[[], Coroutine[Any, Any, object]]) -> tuple[Counsel, Listening, float]:
    """What a panel with this memory says, what its advisor heard, and the seconds it took."""
    advisor, took, said = Listening(), [0.0], [Counsel(())]

    async def work(loop: JumpingLoop) -> None:
        seats = [Seat("seat", AdvisorRole.DECISION, advisor)]
        said[0] = await Panel(seats, loop, memory=Scripted(act)).ask(QUESTION)
        took[0] = loop.time()

    assert run(work) == []
    return said[0], advisor, took[0]


def answering(answer: object, after_s: float = 0.0) -> Callable[[], Coroutine[Any, Any, object]]:
    async def act() -> object:
        await pause(after_s)
        return answer

    return act


def test_advisors_hear_what_the_memory_said() -> None:
    counsel, advisor, _ = ask(answering(Recall((ONCE,), 0.25), after_s=0.25))
    assert counsel.recall is not None
    assert counsel.recall.support == 0.25
    assert counsel.recall.latency_ms == 250
    assert advisor.heard[0][0] == counsel.recall
    assert [opinion.failure for opinion in counsel.opinions] == [None]


def test_text_from_the_memory_is_made_plain() -> None:
    counsel, _, _ = ask(answering(Recall((ONCE,))))
    assert counsel.recall is not None
    assert counsel.recall.similar[0].lesson == "an exit that opened [31m"


def test_a_memory_that_hangs_has_half_of_the_time_and_blocks() -> None:
    async def act() -> object:
        return await hang(QUESTION.signal)

    counsel, advisor, took = ask(act)
    assert advisor.heard[0][1] == 1
    assert took == 1.5
    assert counsel.recall is not None
    assert counsel.recall.failure == "timeout"
    assert counsel.opinions[-1].advisor == "memory"
    assert counsel.opinions[-1].binding


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"support": 1.0},
        Recall(failure=""),
        Recall(failure="index gone"),
        Recall(support=1.5),
        Recall(support=float("nan")),
        Recall(mean_r=float("inf")),
        Recall((SimilarTrade("a", float("nan"), Decimal(1), None),)),
    ],
)
def test_nonsense_of_a_memory_is_no_empty_memory(answer: object) -> None:
    counsel, _, _ = ask(answering(answer))
    assert counsel.recall is not None
    assert counsel.recall.failure
    assert counsel.recall.support is None
    assert counsel.opinions[-1].failure
    assert counsel.opinions[-1].binding


def test_an_error_of_a_memory_tells_its_kind_alone() -> None:
    async def act() -> object:
        raise RuntimeError("host 10.0.0.1, key AKIA")

    counsel, _, _ = ask(act)
    assert counsel.recall is not None
    assert counsel.recall.failure == "error: RuntimeError"
