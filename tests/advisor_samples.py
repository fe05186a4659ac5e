"""Samples for the advisors outside: questions, a target that does as told, a loop that jumps."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from mytrader.advisors.answer_cache import AnswerCache
from mytrader.advisors.breaker import Breaker
from mytrader.advisors.budget import Budget
from mytrader.advisors.outside import OutsideAdvisor, Reply, Shared, Terms
from mytrader.advisors.prompts import Prompt
from mytrader.domain.decision import AdvisorCall, AdvisorRole, Question, Signal
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from tests.manual_runtime import ManualRuntime

T = TypeVar("T")

NOW = datetime(2025, 11, 5, 15, 0, tzinfo=UTC)
GO = '{"decision": "GO", "confidence": 0.8, "rationale": "fine"}'
RECALL = Recall(
    similar=(
        SimilarTrade("lost-1", 0.25, Decimal(-1700), -1.36, "Chased a short in chop.", avoid=True),
        SimilarTrade("won-1", 0.5, Decimal(900), 0.72),
    ),
    support=0.25,
    trades=2,
    wins=1,
    mean_r=-0.32,
)
SIGNAL = Signal(
    strategy="ema-cross",
    side=Side.BUY,
    confidence=0.71234,
    entry=Decimal("6800.00"),
    stop=Decimal("6795.00"),
    target=Decimal("6810.00"),
    features={"close": 27201.5, "efficiency_ratio": 0.123456, "volume_minutes": 120.0},
    reason="fast crossed above slow",
    regime=Regime(Trend.UPTREND, Volatility.LOW),
)
QUESTION = Question("01JC0000000000000000000000", 7, "ES", SIGNAL, RECALL)


async def pause(seconds: float) -> None:
    """Let the loop's time pass."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(seconds, done.set_result, None)
    await done


class LoopRuntime(ManualRuntime):
    """A runtime on the running loop; work beside it takes as long as its target says."""

    def __init__(self) -> None:
        super().__init__()
        self.takes_s: list[float] = []

    def now(self) -> datetime:
        """The loop's time."""
        return NOW + timedelta(seconds=asyncio.get_running_loop().time())

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Do it now, and let its time pass."""
        try:
            return work()
        finally:
            await pause(self.takes_s.pop() if self.takes_s else 0.0)


class ScriptedTarget:
    """A target that answers from a list of (seconds, reply or error); the last is repeated."""

    name = "model/scripted"

    def __init__(self, runtime: LoopRuntime, *script: tuple[float, Reply | Exception]) -> None:
        self._runtime = runtime
        self._script = list(script)
        self.asked: list[tuple[Prompt, str]] = []

    def worst_usd(self, prompt: Prompt) -> Decimal:
        """Ten cents."""
        del prompt
        return Decimal("0.10")

    def ask(self, prompt: Prompt, session: str) -> Reply:
        """Do what comes next."""
        self.asked.append((prompt, session))
        seconds, told = self._script[0] if len(self._script) == 1 else self._script.pop(0)
        self._runtime.takes_s.append(seconds)
        if isinstance(told, Exception):
            raise told
        return told


class Desk:
    """An advisor on a scripted target, with everything it told."""

    def __init__(self, *script: tuple[float, Reply | Exception], **changes: Any) -> None:  # noqa: ANN401 - any of the terms
        self.runtime = LoopRuntime()
        self.target = ScriptedTarget(self.runtime, *script)
        self.calls: list[tuple[str, AdvisorCall]] = []
        self.shared = Shared(
            changes.get("budget", Budget(100, Decimal(10))),
            AnswerCache(8, timedelta(seconds=60)),
            noted=lambda cycle_id, call: self.calls.append((cycle_id, call)),
            chance=changes.get("chance", lambda: 0.5),
        )
        self.advisor = OutsideAdvisor(
            ("bedrock-risk", AdvisorRole.RISK),
            self.target,
            self.runtime,
            terms=Terms(timedelta(seconds=1.8), changes.get("attempts_max", 2)),
            shared=self.shared,
            breaker=Breaker(3, timedelta(seconds=30)),
        )

    @property
    def outcomes(self) -> list[str]:
        """How every call so far ended."""
        return [call.outcome for _, call in self.calls]


def play(main: Callable[[], Coroutine[Any, Any, T]], loop: asyncio.AbstractEventLoop) -> T:
    """Run on a loop of its own, to its end."""
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()
