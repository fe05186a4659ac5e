"""What the local decision advisor makes of past trades: it quotes them, and only ever waits."""

from decimal import Decimal

import pytest

from mytrader.advisors.local import LocalDecisionAdvisor
from mytrader.advisors.local_memory import AVOID_DISTANCE_MAX, RECORD_TRADES_MIN, objections
from mytrader.advisors.opinion import checked
from mytrader.domain.decision import Advice, Opinion
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.execution.guards import should_block_on_wait
from tests.memory_samples import a_signal, features

LESSON = "BUY ES lost $1700.00; avoid: nothing limited the loss."


def similar(distance: float, *, avoid: bool = False, name: str = "past") -> SimilarTrade:
    lesson = LESSON if avoid else ""
    return SimilarTrade(name, distance, Decimal(-1700), None, lesson, avoid)


def record(support: float | None, *, trades: int = RECORD_TRADES_MIN) -> Recall:
    near = tuple(similar(0.3, name=f"past-{number}") for number in range(trades))
    return Recall(near, support, trades=trades, wins=1, mean_r=-0.8)


def judge(recall: Recall | None, *, efficiency: float = 0.4) -> Opinion:
    signal = a_signal(features=features(efficiency_ratio=efficiency))
    return LocalDecisionAdvisor().judge(signal, recall)


def test_without_a_memory_nothing_changes() -> None:
    alone = judge(None)
    assert alone.decision is Advice.GO
    assert judge(Recall()) == LocalDecisionAdvisor().judge(a_signal()) == alone


def test_a_memory_that_failed_is_a_failure_that_binds() -> None:
    opinion = judge(Recall(failure="timeout"))
    assert (opinion.decision, opinion.failure) == (Advice.WAIT, "memory: timeout")
    assert opinion.binding


def test_a_close_lesson_is_an_advisory_wait_that_quotes_it() -> None:
    opinion = judge(Recall((similar(0.1, avoid=True),)))
    assert opinion.decision is Advice.WAIT
    assert not opinion.binding
    assert opinion.cited == ("past",)
    assert f'much like past (distance 0.10): "{LESSON}"' in opinion.rationale
    assert opinion.confidence == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("distance", "confidence"), [(0.0, 1.0), (AVOID_DISTANCE_MAX, 0.5), (0.2501, None)]
)
def test_the_lesson_fades_with_distance(distance: float, confidence: float | None) -> None:
    told = objections(Recall((similar(distance, avoid=True),)))
    assert [each.confidence for each in told] == ([] if confidence is None else [confidence])


def test_a_close_loss_that_is_no_lesson_does_not_object() -> None:
    assert objections(Recall((similar(0.0),))) == []


def test_the_nearest_of_two_lessons_is_quoted() -> None:
    near = (similar(0.1, avoid=True, name="near"), similar(0.2, avoid=True, name="far"))
    assert judge(Recall(near)).cited == ("near",)


def test_a_poor_record_is_an_advisory_wait_with_its_numbers() -> None:
    opinion = judge(record(0.2))
    assert opinion.decision is Advice.WAIT
    assert not opinion.binding
    assert opinion.cited == tuple(f"past-{number}" for number in range(RECORD_TRADES_MIN))
    assert "of 8 trades like this one 1 won, -0.80 R on average" in opinion.rationale
    assert opinion.confidence == pytest.approx(0.7)


@pytest.mark.parametrize(
    "recall",
    [record(None), record(0.2, trades=RECORD_TRADES_MIN - 1), record(1 / 3), record(0.9)],
    ids=["no support", "few", "even", "good"],
)
def test_a_record_that_is_not_poor_does_not_object(recall: Recall) -> None:
    assert judge(recall).decision is Advice.GO


def test_a_cached_recall_is_told_as_one() -> None:
    opinion = judge(Recall((similar(0.1, avoid=True),), cached=True))
    assert "as remembered a moment ago" in opinion.rationale


def test_chop_and_a_lesson_are_both_told_and_the_surest_counts() -> None:
    opinion = judge(Recall((similar(0.25, avoid=True),)), efficiency=0.0)
    assert opinion.confidence == 1.0
    assert opinion.rationale.startswith("much like past")
    assert "chop" in opinion.rationale
    assert opinion.advisory_only


def test_the_panel_accepts_what_it_says() -> None:
    said = judge(Recall((similar(0.1, avoid=True),)))
    assert checked(said, advisor=said.advisor, role=said.role) == said


@pytest.mark.parametrize(("confidence", "blocked"), [(0.62, True), (0.75, True), (0.76, False)])
def test_the_lesson_holds_the_founding_signal_and_yields_to_a_sure_one(
    confidence: float, blocked: bool
) -> None:
    opinion = judge(Recall((similar(0.0, avoid=True),)))
    verdict = should_block_on_wait([opinion], signal_confidence=confidence, override=0.75)
    assert verdict.approved is not blocked
