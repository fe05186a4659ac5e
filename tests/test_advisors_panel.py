"""The panel answers in time and in order, whatever an advisor does. Time is virtual."""

import asyncio
import gc
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
from mytrader.advisors.panel import Panel, Seat
from mytrader.domain.decision import (
    Advice,
    AdvisorRole,
    Opinion,
    Question,
    Signal,
    hybrid_confidence,
)
from mytrader.domain.orders import Side
from mytrader.errors import InvariantBroken
from mytrader.ports import Advisor

EPOCH = datetime(2025, 11, 5, 15, 0, tzinfo=UTC)
SIGNAL = Signal(
    strategy="test",
    side=Side.BUY,
    confidence=0.7,
    entry=Decimal("6800.00"),
    stop=Decimal("6795.00"),
    target=Decimal("6810.00"),
    features={
        "efficiency_ratio": 0.5,
        "volume_minutes": 120.0,
        "volume_ratio": 1.0,
        "volatility_ratio": 1.0,
    },
    reason="a test asked for it",
)
QUESTION = Question("", 7, "ES", SIGNAL)


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop that jumps to its next timer instead of waiting for it."""

    class _Selector(selectors.DefaultSelector):
        skipped = 0.0

        def select(self, timeout: float | None = None) -> list[Any]:
            assert timeout is not None, "the loop would wait for ever"
            self.skipped += timeout
            return super().select(0)

    def __init__(self) -> None:
        self._jumps = self._Selector()
        super().__init__(self._jumps)

    def time(self) -> float:
        """Seconds jumped so far."""
        return self._jumps.skipped

    def now(self) -> datetime:
        """The loop's time as a clock shows it."""
        return EPOCH + timedelta(seconds=self.time())


def opinion(name: str = "x", **changes: Any) -> Opinion:  # noqa: ANN401 - any field of the struct
    fields: dict[str, Any] = {"decision": Advice.GO, "rationale": "fine", "confidence": 0.8}
    return Opinion(advisor=name, role=AdvisorRole.DECISION, **{**fields, **changes})


async def pause(seconds: float) -> None:
    """Let virtual time pass."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(seconds, done.set_result, None)
    await done


class Scripted:
    """An advisor that does what the test says."""

    def __init__(self, act: Callable[[Signal], Coroutine[Any, Any, object]]) -> None:
        self._act = act
        self.asked_at: datetime | None = None

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Do it."""
        assert question.con_id == 7
        self.asked_at = now
        return cast("Opinion", await self._act(question.signal))


def after(seconds: float, answer: object) -> Scripted:
    async def act(_: Signal) -> object:
        await pause(seconds)
        return answer

    return Scripted(act)


def raising(error: BaseException) -> Scripted:
    async def act(_: Signal) -> object:
        raise error

    return Scripted(act)


async def hang(_: Signal) -> object:
    return await asyncio.get_running_loop().create_future()


def seats(*advisors: Advisor) -> list[Seat]:
    return [
        Seat(f"seat{number}", AdvisorRole.DECISION, advisor)
        for number, advisor in enumerate(advisors)
    ]


def run(work: Callable[[JumpingLoop], Coroutine[Any, Any, None]]) -> list[dict[str, Any]]:
    """Run in virtual time; return what the loop complained about afterwards."""
    loop, complaints = JumpingLoop(), []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    try:
        loop.run_until_complete(work(loop))
    finally:
        gc.collect()
        loop.close()
    return complaints


def ask(*advisors: Advisor) -> tuple[tuple[Opinion, ...], float]:
    """The opinions of a panel of these advisors, and the seconds it took."""
    got: list[tuple[tuple[Opinion, ...], float]] = []

    async def work(loop: JumpingLoop) -> None:
        opinions = (await Panel(seats(*advisors), loop).ask(QUESTION)).opinions
        got.append((opinions, loop.time()))

    assert run(work) == []
    return got[0]


def is_failure(answer: Opinion, failure: str) -> bool:
    return (
        answer.failure == failure
        and answer.decision is Advice.WAIT
        and answer.binding
        and answer.confidence is None
    )


def test_all_are_asked_together_and_answer_in_the_order_of_their_seats() -> None:
    slow, quick = after(1.5, opinion()), after(0.25, opinion())
    opinions, seconds = ask(slow, quick)
    assert [each.advisor for each in opinions] == ["seat0", "seat1"]
    assert [each.latency_ms for each in opinions] == [1500, 250]
    assert seconds == 1.5
    assert slow.asked_at == quick.asked_at == EPOCH


def test_one_that_hangs_is_a_timeout_and_the_others_still_count() -> None:
    opinions, seconds = ask(Scripted(hang), after(0.5, opinion()), Scripted(hang))
    assert seconds == 2
    assert is_failure(opinions[0], "timeout")
    assert is_failure(opinions[2], "timeout")
    assert opinions[0].latency_ms == 2000
    assert (opinions[1].decision, opinions[1].failure) == (Advice.GO, None)


def test_one_that_is_late_by_a_millisecond_is_a_timeout() -> None:
    assert ask(after(1.999, opinion()))[0][0].failure is None
    assert ask(after(2.001, opinion()))[0][0].failure == "timeout"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret text\nof someone else"),
        OSError(5),
        TimeoutError(),
        RecursionError(),
        asyncio.CancelledError(),
        ExceptionGroup("several", [ValueError()]),
        GeneratorExit(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_one_that_raises_is_an_error_by_its_kind(error: BaseException) -> None:
    """The text of a foreign error may hold anything, so it is not passed on."""
    opinions, seconds = ask(raising(error), after(0, opinion()))
    assert is_failure(opinions[0], f"error: {type(error).__name__}")
    assert "secret" not in opinions[0].rationale
    assert opinions[1].failure is None
    assert seconds == 0


class NotEvenAsync:
    """Raises before there is anything to await."""

    def opine(self, question: Question, now: datetime) -> Coroutine[Any, Any, Opinion]:
        """Raise."""
        raise ZeroDivisionError(question, now)


class NotAwaitable:
    """Answers at once, which nobody can await."""

    def opine(self, question: Question, now: datetime) -> Opinion:
        """Answer."""
        del question, now
        return opinion()


@pytest.mark.parametrize(
    ("advisor", "failure"),
    [
        (NotEvenAsync(), "error: ZeroDivisionError"),
        (NotAwaitable(), "error: TypeError"),
        (object(), "error: AttributeError"),
    ],
)
def test_one_that_is_no_advisor_is_an_error(advisor: object, failure: str) -> None:
    assert is_failure(ask(cast("Advisor", advisor))[0][0], failure)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "GO",
        {"decision": "GO"},
        opinion(decision="GO, all in"),
        opinion(decision=None),
        opinion(confidence=float("nan")),
        opinion(confidence=1.2),
        opinion(confidence=None),
        opinion(size_multiplier=3),
        opinion(advisory_only="yes"),
        opinion(rationale=b"bytes"),
    ],
)
def test_nonsense_is_a_wait_that_binds(answer: object) -> None:
    found = ask(after(0, answer))[0][0]
    assert (found.failure or "").startswith("unreadable: ")
    assert is_failure(found, found.failure or "")


def test_a_stubborn_one_is_left_behind_and_its_end_disturbs_nobody() -> None:
    """It swallows its cancellation and fails much later: no delay, no report, no crash."""
    ended: list[float] = []

    async def stubborn(_: Signal) -> object:
        try:
            await hang(_)
        except asyncio.CancelledError:
            await pause(60)
        ended.append(asyncio.get_running_loop().time())
        raise ValueError("far too late")

    async def work(loop: JumpingLoop) -> None:
        panel = Panel(seats(Scripted(stubborn)), loop)
        opinions = (await panel.ask(QUESTION)).opinions
        assert loop.time() == 2
        assert is_failure(opinions[0], "timeout")
        gc.collect()
        await pause(100)

    assert run(work) == []
    assert ended == [62]


def test_a_cancelled_panel_cancels_its_advisors() -> None:
    cancelled: list[str] = []

    async def noting(_: Signal) -> object:
        try:
            return await hang(_)
        except asyncio.CancelledError:
            cancelled.append("yes")
            raise

    async def work(loop: JumpingLoop) -> None:
        asking = asyncio.ensure_future(Panel(seats(Scripted(noting)), loop).ask(QUESTION))
        await pause(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await pause(0)

    assert run(work) == []
    assert cancelled == ["yes"]


def test_no_advisors_at_all_is_a_wait_that_binds() -> None:
    opinions, seconds = ask()
    assert len(opinions) == 1
    assert is_failure(opinions[0], "no advisor is configured")
    assert seconds == 0


def test_names_and_roles_come_from_the_seats() -> None:
    async def work(loop: JumpingLoop) -> None:
        mild = after(0, opinion("decision", decision=Advice.WAIT, advisory_only=True))
        panel = Panel([Seat("guardian", AdvisorRole.RISK, mild)], loop)
        found = (await panel.ask(QUESTION)).opinions[0]
        assert (found.advisor, found.role) == ("guardian", AdvisorRole.RISK)
        assert found.binding

    assert run(work) == []


def test_no_advisor_can_change_what_another_sees() -> None:
    async def meddle(signal: Signal) -> object:
        signal.features["volume_ratio"] = 99.0
        return opinion()

    async def look(signal: Signal) -> object:
        await pause(1)
        return opinion(rationale=f"volume {signal.features['volume_ratio']}")

    opinions, _ = ask(Scripted(meddle), Scripted(look))
    assert opinions[1].rationale == "volume 1.0"
    assert SIGNAL.features["volume_ratio"] == 1.0


def test_a_clock_that_is_set_back_shows_no_negative_latency() -> None:
    class BackwardClock:
        """Every look is earlier than the last."""

        looks = 0

        def now(self) -> datetime:
            """Go back a second."""
            self.looks += 1
            return EPOCH - timedelta(seconds=self.looks)

    async def work(_: JumpingLoop) -> None:
        panel = Panel(seats(after(1, opinion())), BackwardClock())
        assert (await panel.ask(QUESTION)).opinions[0].latency_ms == 0

    assert run(work) == []


def test_the_local_advisors_sit_on_a_panel() -> None:
    async def work(loop: JumpingLoop) -> None:
        local = (LocalDecisionAdvisor(), LocalRiskAdvisor())
        panel = Panel([Seat(each.name, each.role, each) for each in local], loop)
        opinions = (await panel.ask(QUESTION)).opinions
        assert [each.decision for each in opinions] == [Advice.GO, Advice.GO]
        assert [each.advisor for each in opinions] == ["local-decision", "local-risk"]

    assert run(work) == []


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from((0.0, 0.5, 1.9, 3.0)),
            st.none()
            | st.builds(
                opinion,
                decision=st.sampled_from((Advice.GO, Advice.WAIT, "MAYBE")),
                confidence=st.none() | st.floats() | st.integers(-1, 2),
                size_multiplier=st.floats(-1, 3),
                advisory_only=st.booleans(),
            ),
        ),
        min_size=1,
        max_size=4,
    ),
    st.floats(0, 1),
)
def test_nothing_an_advisor_returns_raises_confidence_or_size(
    script: list[tuple[float, Opinion | None]], technical: float
) -> None:
    opinions, seconds = ask(*(after(delay, answer) for delay, answer in script))
    assert len(opinions) == len(script)
    assert seconds <= 2
    for (delay, _), found in zip(script, opinions, strict=True):
        assert hybrid_confidence(technical, found.confidence) <= technical
        assert 0 <= found.size_multiplier <= 1
        assert (found.decision, found.failure is None) != (Advice.GO, False)
        assert delay <= 2 or found.failure == "timeout"


def test_a_panel_needs_a_deadline_and_distinct_names() -> None:
    loop = JumpingLoop()
    with pytest.raises(InvariantBroken, match="deadline"):
        Panel([], loop, deadline=timedelta(0))
    with pytest.raises(InvariantBroken, match="own name"):
        Panel([*seats(Scripted(hang)), *seats(Scripted(hang))], loop)
    loop.close()
