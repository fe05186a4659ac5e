"""Intervals: against published figures, and by whether they hold as often as they say."""

import random
from statistics import fmean

import pytest

from mytrader.learning.intervals import (
    RESAMPLED_MAX,
    SAMPLE_MIN,
    Interval,
    _student,
    corrected,
    mean_interval,
    win_share,
)


def test_wilson_agrees_with_the_formula_by_hand() -> None:
    """10 of 20: centre 0.5, half width 1.96 sqrt(0.25/20 + 1.96^2/1600) / (1 + 1.96^2/20)."""
    found = win_share(10, 20)
    assert found is not None
    assert found.low == pytest.approx(0.2993, abs=1e-4)
    assert found.high == pytest.approx(0.7007, abs=1e-4)


def test_wilson_stays_between_none_and_all() -> None:
    none, every = win_share(0, 12), win_share(12, 12)
    assert none is not None
    assert every is not None
    assert (none.low, every.high) == (0.0, 1.0)
    assert none.high == pytest.approx(1 - every.low)


@pytest.mark.parametrize(
    ("confidence", "freedom", "quantile"),
    [(0.95, 7, 2.3646), (0.95, 19, 2.0930), (0.99, 10, 3.1693), (0.95, 1000, 1.9623)],
)
def test_students_quantile_agrees_with_the_tables(
    confidence: float, freedom: int, quantile: float
) -> None:
    assert _student(confidence, freedom) == pytest.approx(quantile, abs=0.003)


def test_few_values_have_no_interval() -> None:
    """Three losses in a row are a bad morning, not a finding."""
    assert mean_interval([-1.0, -1.02, -1.01]) is None
    assert mean_interval([-1.0] * (SAMPLE_MIN - 1)) is None
    assert win_share(0, SAMPLE_MIN - 1) is None


def test_an_interval_depends_on_its_values_and_not_on_their_order() -> None:
    chance = random.Random(3)  # noqa: S311 - a sample
    values = [chance.gauss(0.2, 1.0) for _ in range(30)]
    found = mean_interval(values)
    assert found is not None
    assert found == mean_interval(values[::-1])
    assert found.low < fmean(values) < found.high


def test_more_confidence_is_a_wider_interval() -> None:
    values = [(-1.0, 1.8, -1.1, 0.4)[place % 4] for place in range(40)]
    usual, wide = mean_interval(values), mean_interval(values, confidence=0.999)
    assert usual is not None
    assert wide is not None
    assert wide.low < usual.low < usual.high < wide.high


def test_many_values_take_the_quick_way_and_it_agrees() -> None:
    chance = random.Random(11)  # noqa: S311 - a sample
    values = [chance.gauss(0.1, 1.0) for _ in range(RESAMPLED_MAX + 1)]
    quick, slow = mean_interval(values), mean_interval(values[:-1])
    assert quick is not None
    assert slow is not None
    assert quick.low == pytest.approx(slow.low, abs=0.02)
    assert quick.high == pytest.approx(slow.high, abs=0.02)


@pytest.mark.slow
def test_the_interval_of_trades_holds_as_often_as_it_says() -> None:
    """Stops and targets, 20 trades: 95 % should hold the true mean at least nine times in ten."""
    chance = random.Random(20_251_212)  # noqa: S311 - a sample
    rounds, held = 200, 0
    true = 0.4 * 1.7 + 0.6 * -1.03
    for _ in range(rounds):
        values = [1.7 if chance.random() < 0.4 else -1.03 for _ in range(20)]
        found = mean_interval(values)
        held += found is not None and found.low <= true <= found.high
    assert held / rounds >= 0.92


def test_looking_at_many_rows_asks_more_of_each() -> None:
    assert corrected(0.95, 1) == pytest.approx(0.95)
    assert corrected(0.95, 10) == pytest.approx(0.995)
    assert corrected(0.95, 0) == pytest.approx(0.95)


def test_an_interval_says_on_which_side_of_zero_it_lies() -> None:
    assert Interval(-2, -1).below_zero
    assert Interval(1, 2).above_zero
    across = Interval(-1, 1)
    assert not across.below_zero
    assert not across.above_zero
