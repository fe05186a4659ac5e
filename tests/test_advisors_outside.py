"""An advisor outside answers in time, costs what it may, and tells of every call."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from mytrader.advisors.breaker import Phase
from mytrader.advisors.budget import Budget
from mytrader.advisors.outside import UNENDED_MAX, Reply
from mytrader.domain.decision import Advice, Opinion
from tests.advisor_samples import GO, NOW, QUESTION, RECALL, Desk, pause, play
from tests.test_advisors_panel import JumpingLoop

T = TypeVar("T")

SIMILAR = RECALL.similar
ANSWER = Reply("answered", GO, tokens_in=900, tokens_out=60, cost_usd=Decimal("0.01"))
THROTTLED = Reply("throttled", cost_usd=Decimal(0))
BROKEN = Reply("server_error")


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Play in time that jumps."""
    return play(main, JumpingLoop())


async def ask(desk: Desk, confidence: float = 0.7) -> Opinion:
    """Ask; another confidence is another question."""
    signal = replace(QUESTION.signal, confidence=confidence)
    return await desk.advisor.opine(replace(QUESTION, signal=signal), desk.runtime.now())


def test_an_answer_is_an_opinion_and_its_call_is_told() -> None:
    async def main() -> tuple[Desk, Opinion]:
        desk = Desk((0.5, ANSWER))
        return desk, await ask(desk)

    desk, opinion = run(main)
    assert (opinion.decision, opinion.failure, opinion.cached) == (Advice.GO, None, False)
    assert opinion.cited == ("lost-1", "won-1")
    ((cycle_id, call),) = desk.calls
    assert cycle_id == QUESTION.cycle_id
    assert (call.advisor, call.target, call.attempt) == ("bedrock-risk", "model/scripted", 1)
    assert (call.outcome, call.tokens_in, call.tokens_out) == ("answered", 900, 60)
    assert (call.cost_usd, call.reserved_usd) == (Decimal("0.01"), Decimal("0.10"))
    assert call.latency_ms == pytest.approx(500)
    assert desk.shared.budget.usd == Decimal("0.01")


def test_an_equal_question_is_not_asked_again() -> None:
    async def main() -> tuple[Desk, list[Opinion]]:
        desk = Desk((0.1, ANSWER))
        return desk, [await ask(desk), await ask(desk), await ask(desk, 0.9)]

    desk, (_, again, other) = run(main)
    assert (again.cached, again.decision, other.cached) == (True, Advice.GO, False)
    assert len(desk.target.asked) == 2


def test_what_may_be_over_in_a_moment_is_tried_again_within_the_time() -> None:
    async def main() -> tuple[Desk, Opinion]:
        desk = Desk((0.1, THROTTLED), (0.1, ANSWER))
        return desk, await ask(desk)

    desk, opinion = run(main)
    assert opinion.failure is None
    assert [(call.attempt, call.outcome) for _, call in desk.calls] == [
        (1, "throttled"),
        (2, "answered"),
    ]
    assert desk.shared.budget.calls == 2
    (_, first), (_, second) = desk.target.asked
    assert first != second, "every attempt is a session of its own"


def test_attempts_are_bounded() -> None:
    async def main() -> tuple[Desk, Opinion]:
        desk = Desk((0.01, THROTTLED), attempts_max=3)
        return desk, await ask(desk)

    desk, opinion = run(main)
    assert opinion.failure == "throttled"
    assert len(desk.calls) == 3


@pytest.mark.parametrize("word", ["timeout", "access_denied", "cut_stream", "bad_checksum"])
def test_what_will_not_be_over_in_a_moment_is_not_tried_again(word: str) -> None:
    async def main() -> tuple[Desk, Opinion]:
        desk = Desk((0.01, Reply(word)), attempts_max=5)
        return desk, await ask(desk)

    desk, opinion = run(main)
    assert (opinion.decision, opinion.failure, opinion.binding) == (Advice.WAIT, word, True)
    assert desk.outcomes == [word]


def test_the_pause_is_random_and_no_attempt_begins_without_room() -> None:
    async def main() -> tuple[float, float, Desk]:
        loop = asyncio.get_running_loop()
        patient = Desk((0.1, BROKEN), chance=lambda: 1.0)
        before_s = loop.time()
        await ask(patient)
        took_s = loop.time() - before_s
        late = Desk((1.6, BROKEN), chance=lambda: 1.0)
        await ask(late)
        return took_s, loop.time() - before_s - took_s, late

    took_s, late_s, late = run(main)
    assert took_s == pytest.approx(0.1 + 0.1 + 0.1)
    assert late.outcomes == ["server_error"]
    assert late_s == pytest.approx(1.6)


def test_an_answer_that_comes_too_late_is_a_timeout_and_its_cost_is_told() -> None:
    async def main() -> tuple[Desk, Opinion, float, list[str]]:
        desk = Desk((5.0, ANSWER))
        opinion = await ask(desk)
        over_s, by_then = asyncio.get_running_loop().time(), desk.outcomes
        await pause(10)
        return desk, opinion, over_s, by_then

    desk, opinion, over_s, by_then = run(main)
    assert opinion.failure == "timeout"
    assert over_s == pytest.approx(1.8)
    assert by_then == []
    ((cycle_id, call),) = desk.calls
    assert (cycle_id, call.outcome, call.cost_usd) == (
        QUESTION.cycle_id,
        "abandoned",
        Decimal("0.01"),
    )
    assert call.latency_ms == pytest.approx(5000)
    assert desk.shared.budget.usd == Decimal("0.01")


def test_a_call_that_the_panel_cancelled_is_told_when_it_ends() -> None:
    """Cancelling stops the waiting, not the thread: the request was sent and costs money."""

    async def main() -> tuple[Desk, list[str]]:
        desk = Desk((1.0, ANSWER))
        asking = asyncio.create_task(ask(desk))
        await pause(0.5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        by_then = desk.outcomes
        await pause(1)
        return desk, by_then

    desk, by_then = run(main)
    assert by_then == []
    assert desk.outcomes == ["abandoned"]
    assert desk.advisor.breaker.failures == 0, "the service was well: it was we who left"


def test_a_cancelled_call_that_fails_tells_its_own_end() -> None:
    async def main() -> Desk:
        desk = Desk((1.0, BROKEN))
        asking = asyncio.create_task(ask(desk))
        await pause(0.5)
        asking.cancel()
        await pause(1)
        return desk

    desk = run(main)
    assert desk.outcomes == ["server_error"]
    assert desk.advisor.breaker.failures == 1
    assert desk.shared.budget.usd == Decimal("0.10"), "nobody told the cost, so the worst stands"


def test_closing_tells_of_what_is_still_under_way_and_once() -> None:
    async def main() -> Desk:
        desk = Desk((5.0, ANSWER))
        await ask(desk)
        desk.advisor.close()
        await pause(10)
        return desk

    desk = run(main)
    ((_, call),) = desk.calls
    assert (call.outcome, call.cost_usd, call.reserved_usd) == ("abandoned", None, Decimal("0.10"))


def test_calls_that_never_end_take_up_few_places() -> None:
    async def main() -> tuple[Desk, list[str | None]]:
        desk = Desk((1000.0, ANSWER))
        told = [(await ask(desk, number / 10)).failure for number in range(UNENDED_MAX + 1)]
        return desk, told

    desk, told = run(main)
    assert len(desk.target.asked) == UNENDED_MAX
    assert told[:UNENDED_MAX] == ["timeout"] * UNENDED_MAX
    assert told[UNENDED_MAX] in {"busy", "breaker_open"}


def test_a_service_that_keeps_failing_is_left_alone_and_then_tried() -> None:
    async def main() -> tuple[Desk, list[str | None]]:
        desk = Desk((0.01, BROKEN), (0.01, BROKEN), (0.01, BROKEN), (0.01, ANSWER), attempts_max=1)
        told = [(await ask(desk)).failure for _ in range(4)]
        await pause(30)
        return desk, [*told, (await ask(desk)).failure]

    desk, told = run(main)
    assert told == ["server_error"] * 3 + ["breaker_open", None]
    assert len(desk.target.asked) == 4


def test_lateness_counts_against_the_service_at_once_and_once() -> None:
    async def main() -> tuple[int, int]:
        desk = Desk((5.0, ANSWER))
        await ask(desk)
        at_once = desk.advisor.breaker.failures
        await pause(10)
        return at_once, desk.advisor.breaker.failures

    assert run(main) == (1, 1)


def test_a_try_that_the_budget_forbids_has_not_been_made() -> None:
    async def main() -> tuple[str | None, Phase]:
        desk = Desk((0.01, BROKEN), budget=Budget(3, Decimal(10)), attempts_max=1)
        for _ in range(3):
            await ask(desk)
        await pause(30)
        return (await ask(desk)).failure, desk.advisor.breaker.phase

    assert run(main) == ("budget_spent", Phase.OPEN)


def test_nonsense_is_no_sign_of_a_service_that_is_down() -> None:
    async def main() -> tuple[Desk, list[str | None]]:
        desk = Desk((0.01, replace(ANSWER, body="I would buy.")))
        return desk, [(await ask(desk)).failure for _ in range(5)]

    desk, told = run(main)
    assert told == ["unreadable: not one JSON object"] * 5
    assert desk.outcomes == ["unreadable"] * 5
    assert desk.calls[0][1].cost_usd == Decimal("0.01")


def test_a_spent_budget_is_a_failure_and_nothing_is_asked() -> None:
    async def main() -> tuple[Desk, list[Opinion]]:
        desk = Desk((0.01, Reply("timeout")), budget=Budget(100, Decimal("0.25")))
        return desk, [await ask(desk) for _ in range(3)]

    desk, told = run(main)
    assert [opinion.failure for opinion in told] == ["timeout", "timeout", "budget_spent"]
    assert told[2].binding
    assert len(desk.target.asked) == 2


def test_a_retry_that_the_budget_forbids_leaves_the_first_failure() -> None:
    async def main() -> tuple[Desk, Opinion]:
        desk = Desk((0.01, BROKEN), budget=Budget(1, Decimal(10)))
        return desk, await ask(desk)

    desk, opinion = run(main)
    assert opinion.failure == "server_error"
    assert len(desk.target.asked) == 1


def test_an_error_nobody_foresaw_is_a_failure_by_its_kind_alone() -> None:
    async def main() -> tuple[Desk, Opinion]:
        desk = Desk((0.01, KeyError("arn:aws:iam::123456789012:user/x")))
        return desk, await ask(desk)

    desk, opinion = run(main)
    assert opinion.failure == "error: KeyError"
    assert desk.outcomes == ["error"]


def test_a_question_that_cannot_be_put_is_not_asked() -> None:
    async def main() -> tuple[Desk, Opinion]:
        desk = Desk((0.01, ANSWER))
        signal = replace(QUESTION.signal, features={"x": float("nan")})
        return desk, await desk.advisor.opine(replace(QUESTION, signal=signal), NOW)

    desk, opinion = run(main)
    assert opinion.failure == "unusable question: 'x' is not a finite number"
    assert desk.target.asked == []


def test_a_cached_opinion_cites_what_was_shown_this_time() -> None:
    async def main() -> list[Opinion]:
        desk = Desk((0.01, ANSWER))
        other = tuple(replace(each, document_id=f"other-{each.document_id}") for each in SIMILAR)
        elsewhere = replace(QUESTION, recall=replace(RECALL, similar=other))
        asked = (QUESTION, elsewhere)
        return [await desk.advisor.opine(each, desk.runtime.now()) for each in asked]

    first, second = run(main)
    assert (first.cached, first.cited) == (False, ("lost-1", "won-1"))
    assert (second.cached, second.cited) == (True, ("other-lost-1", "other-won-1"))


def test_a_reply_cannot_cite_what_was_not_shown() -> None:
    async def main() -> Opinion:
        desk = Desk((0.01, ANSWER))
        unremembered = replace(QUESTION, recall=replace(RECALL, similar=()))
        return await desk.advisor.opine(unremembered, NOW)

    assert run(main).cited == ()
