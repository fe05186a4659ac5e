"""Advice can only subtract: neither a model nor a memory raises a signal's confidence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.decision import Advice, AdvisorRole, Opinion, hybrid_confidence

CONFIDENCE = st.floats(0, 1)


@given(technical=CONFIDENCE, model=st.none() | CONFIDENCE, memory=st.none() | CONFIDENCE)
def test_nothing_raises_the_signals_own_confidence(
    technical: float, model: float | None, memory: float | None
) -> None:
    """The strategy's number is the ceiling, whatever the others say."""
    assert hybrid_confidence(technical, model, memory) <= technical


@pytest.mark.parametrize("odd", [(math.nan, None), (None, math.nan), (math.nan, 0.9)])
def test_a_source_that_is_no_number_gives_no_number(
    odd: tuple[float | None, float | None],
) -> None:
    """`min(0.8, nan)` is 0.8: an unreadable confidence would have counted as a full one."""
    assert math.isnan(hybrid_confidence(0.8, *odd))
    assert math.isnan(hybrid_confidence(math.nan))


def test_weights_are_a_half_three_tenths_and_two_tenths() -> None:
    """The design's weights, with a model and a memory that doubt."""
    assert hybrid_confidence(0.8, 0.5, 0.2) == pytest.approx(0.4 + 0.15 + 0.04)


def test_an_absent_source_gives_its_weight_to_the_technical_one() -> None:
    """No answer is no opinion, and no opinion changes nothing."""
    assert hybrid_confidence(0.7) == pytest.approx(0.7)
    assert hybrid_confidence(0.7, 0.4) == pytest.approx(0.7 * 0.7 + 0.3 * 0.4)


@pytest.mark.parametrize(
    ("role", "advisory_only", "failure", "binding"),
    [
        (AdvisorRole.DECISION, True, None, False),
        (AdvisorRole.DECISION, False, None, True),
        (AdvisorRole.DECISION, True, "timeout", True),
        (AdvisorRole.RISK, True, None, True),
    ],
)
def test_only_an_advisory_opinion_of_the_decision_advisor_does_not_bind(
    role: AdvisorRole, *, advisory_only: bool, failure: str | None, binding: bool
) -> None:
    """The risk advisor, a failure and a plain WAIT block whatever the confidence is."""
    opinion = Opinion("local", role, Advice.WAIT, "why", advisory_only=advisory_only)
    failed = Opinion(
        "local", role, Advice.WAIT, "why", advisory_only=advisory_only, failure=failure
    )
    assert failed.binding == binding
    assert failure is not None or opinion.binding == binding
