"""The local advisors look at the numbers, say which, and block when they cannot."""

import asyncio
from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
from mytrader.advisors.opinion import checked
from mytrader.domain.decision import Advice, Opinion, Question, Signal, hybrid_confidence
from mytrader.domain.instrument import ES
from mytrader.domain.orders import Side
from mytrader.signals.features import FeatureEngine
from mytrader.signals.strategies.ema_cross import EmaCross
from tests.signal_bars import SESSION_OPEN, bar

CALM = {
    "efficiency_ratio": 0.5,
    "volume_minutes": 120.0,
    "volume_ratio": 1.1,
    "volatility_ratio": 0.9,
}
LocalAdvisor = LocalDecisionAdvisor | LocalRiskAdvisor


def signal(**features: float) -> Signal:
    return Signal(
        strategy="test",
        side=Side.BUY,
        confidence=0.7,
        entry=Decimal("6800.00"),
        stop=Decimal("6795.00"),
        target=Decimal("6810.00"),
        features={**CALM, **features},
        reason="a test asked for it",
    )


def decision(**features: float) -> Opinion:
    return LocalDecisionAdvisor().judge(signal(**features))


def risk(**features: float) -> Opinion:
    return LocalRiskAdvisor().judge(signal(**features))


def test_a_directed_market_is_a_go() -> None:
    opinion = decision(efficiency_ratio=0.5)
    assert opinion.decision is Advice.GO
    assert not opinion.advisory_only
    assert "efficiency ratio 0.50" in opinion.rationale


def test_chop_is_an_advisory_wait_with_its_number() -> None:
    opinion = decision(efficiency_ratio=0.1)
    assert opinion.decision is Advice.WAIT
    assert opinion.advisory_only
    assert not opinion.binding
    assert "efficiency ratio 0.10 is chop, below the 0.22" in opinion.rationale


@pytest.mark.parametrize(
    ("efficiency", "advice", "confidence"),
    [
        (0.0, Advice.WAIT, 1.0),
        (0.1118, Advice.WAIT, 0.75),
        (0.2235, Advice.WAIT, 0.5002),
        (0.2237, Advice.GO, 0.5001),
        (0.6118, Advice.GO, 0.75),
        (1.0, Advice.GO, 1.0),
    ],
)
def test_confidence_of_the_decision_is_the_distance_from_a_random_walk(
    efficiency: float, advice: Advice, confidence: float
) -> None:
    opinion = decision(efficiency_ratio=efficiency)
    assert opinion.decision is advice
    assert opinion.confidence == pytest.approx(confidence, abs=2e-4)


def test_ordinary_circumstances_are_a_go_that_names_them_all() -> None:
    opinion = risk()
    assert (opinion.decision, opinion.confidence) == (Advice.GO, 1.0)
    for number in ("120 minutes", "1.10 of what this minute", "0.90 of what this session"):
        assert number in opinion.rationale


@pytest.mark.parametrize(
    ("features", "told", "confidence"),
    [
        ({"volume_ratio": 0.4}, "five-minute volume is 0.40", 0.6),
        ({"volume_ratio": 0.0}, "five-minute volume is 0.00", 1.0),
        ({"volatility_ratio": 3.0}, "volatility is 3.00", 0.75),
        ({"volatility_ratio": 40.0}, "volatility is 40.00", 1.0),
        ({"volume_minutes": 15.0}, "15 minutes of the session seen, 30 needed", 0.75),
    ],
)
def test_thin_wild_or_young_markets_are_a_wait_that_binds(
    features: dict[str, float], told: str, confidence: float
) -> None:
    opinion = risk(**features)
    assert opinion.decision is Advice.WAIT
    assert opinion.binding
    assert opinion.failure is None
    assert opinion.rationale.startswith(told)
    assert ";" not in opinion.rationale
    assert opinion.confidence == pytest.approx(confidence)


def test_two_concerns_are_both_told() -> None:
    rationale = risk(volume_ratio=0.2, volatility_ratio=2.5).rationale
    assert "volume is 0.20" in rationale
    assert "volatility is 2.50" in rationale
    assert "minutes" not in rationale


@pytest.mark.parametrize(
    "features", [{"volume_ratio": 0.5}, {"volatility_ratio": 2.0}, {"volume_minutes": 30.0}]
)
def test_at_the_threshold_the_answer_is_a_go_without_conviction(
    features: dict[str, float],
) -> None:
    opinion = risk(**features)
    assert (opinion.decision, opinion.confidence) == (Advice.GO, 0.5)


@pytest.mark.parametrize("advisor", [LocalDecisionAdvisor(), LocalRiskAdvisor()])
@pytest.mark.parametrize("value", [None, nan, inf, -inf, True, "0.5"])
def test_a_number_that_is_missing_or_unusable_blocks(advisor: LocalAdvisor, value: object) -> None:
    needed = {
        "local-decision": ["efficiency_ratio"],
        "local-risk": ["volume_minutes", "volume_ratio", "volatility_ratio"],
    }[advisor.name]
    for name in needed:
        spoiled: dict[str, object] = {**CALM, name: value}
        missing = {key: number for key, number in CALM.items() if key != name}
        for features in (spoiled, missing):
            opinion = advisor.judge(replace(signal(), features=features))
            assert opinion.decision is Advice.WAIT
            assert opinion.binding
            assert f"'{name}'" in (opinion.failure or "")


ANY_NUMBER = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=30, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(CALM, ANY_NUMBER)), st.floats(0, 1))
def test_whatever_the_numbers_are_an_opinion_only_subtracts(
    features: dict[str, float], technical: float
) -> None:
    for opinion in (decision(**features), risk(**features)):
        assert checked(opinion, advisor=opinion.advisor, role=opinion.role) == opinion
        assert opinion.size_multiplier == 1
        assert hybrid_confidence(technical, opinion.confidence) <= technical


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 3), st.floats(0, 3), st.floats(0, 5), st.floats(0, 5))
def test_a_worse_market_never_turns_a_wait_into_a_go(
    volume: float, other_volume: float, volatility: float, other_volatility: float
) -> None:
    better = risk(
        volume_ratio=max(volume, other_volume),
        volatility_ratio=min(volatility, other_volatility),
    )
    worse = risk(volume_ratio=volume, volatility_ratio=volatility)
    assert (better.decision, worse.decision) != (Advice.WAIT, Advice.GO)
    if worse.decision is Advice.GO:
        assert (better.confidence or 0) >= (worse.confidence or 0)


@pytest.mark.parametrize("advisor", [LocalDecisionAdvisor(), LocalRiskAdvisor()])
def test_asking_is_judging(advisor: LocalAdvisor) -> None:
    asked = asyncio.run(advisor.opine(Question("", 1, "ES", signal()), SESSION_OPEN))
    assert asked == advisor.judge(signal())
    assert (asked.advisor, asked.role) == (advisor.name, advisor.role)


def test_the_signals_of_the_reference_strategy_hold_every_number_needed() -> None:
    """The two parts may not import each other, so the names agree by this test alone."""
    engine, strategy = FeatureEngine(lambda _: 1.0), EmaCross.create(ES, {})
    zigzag = (bar(minute, 27_000 + 40 * (minute // 70 % 2)) for minute in range(300))
    raised = [strategy.on_bar(each, engine.update(each)) for each in zigzag]
    opinions = [
        advisor.judge(each)
        for each in raised
        if each is not None
        for advisor in (LocalDecisionAdvisor(), LocalRiskAdvisor())
    ]
    assert len(opinions) >= 4
    assert all(opinion.failure is None for opinion in opinions)
