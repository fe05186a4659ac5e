"""Where a trade lies among others: by numbers that mean the same everywhere, or nowhere at all."""

from collections.abc import Mapping
from math import dist, inf, log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.rag.likeness import (
    COORDINATES,
    LABEL_STEP,
    SCALES,
    Incomparable,
    market_of,
    place_of,
    place_of_question,
    strategy_step,
)
from tests.memory_samples import FEATURES, a_document, a_question, features

NEEDED = sorted(set(FEATURES) - {"volume_minutes"})


def vector(
    changed: Mapping[str, float] | None = None,
    *,
    side: Side = Side.BUY,
    regime: Regime | None = None,
) -> list[float]:
    document = a_document(side=side, regime=regime, features=features(**(changed or {})))
    return list(place_of(document).vector)


def coordinate(
    name: str, changed: Mapping[str, float] | None = None, *, side: Side = Side.BUY
) -> float:
    """One coordinate in its own unit, its scale."""
    return vector(changed, side=side)[COORDINATES.index(name)] * sqrt(len(SCALES))


def test_a_proposal_lies_where_its_trade_will_lie() -> None:
    assert place_of_question(a_question()) == place_of(a_document())


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("slope", {"ema_slow_slope": 4.0 + 0.3 * 10}),
        ("stretch", {"ema_slow": 27_180.0 - 1.25 * 10}),
        ("efficiency", {"efficiency_ratio": 0.65}),
        ("volatility", {"volatility_ratio": 1.1 * 2.718281828**0.45}),
        ("volume", {"volume_ratio": 0.9 * 2.718281828**0.55}),
        ("hour", {"minute_of_session": 400.0}),
    ],
)
def test_one_is_the_scale_of_each_number(name: str, changed: dict[str, float]) -> None:
    """And the root of the mean over the seven is what a difference in one of them amounts to."""
    assert abs(coordinate(name, changed) - coordinate(name)) == pytest.approx(1, abs=1e-6)
    assert dist(vector(changed), vector()) == pytest.approx(1 / sqrt(7), abs=1e-6)


def test_the_range_is_relative_to_the_price() -> None:
    expected = log(10 / 27_200) / SCALES["range"]
    assert coordinate("range") == pytest.approx(expected)
    double = {name: 2 * FEATURES[name] for name in ("close", "ema_slow", "atr", "ema_slow_slope")}
    assert dist(vector(double), vector()) == pytest.approx(0)


def test_what_points_along_the_market_is_turned_to_the_side() -> None:
    mirrored = {"ema_slow_slope": -4.0, "ema_slow": 27_220.0, "efficiency_net": -30.0}
    up, down = Regime(Trend.UPTREND, Volatility.LOW), Regime(Trend.DOWNTREND, Volatility.LOW)
    assert vector(side=Side.BUY, regime=up) == pytest.approx(
        vector(mirrored, side=Side.SELL, regime=down)
    )
    assert coordinate("efficiency", side=Side.SELL) == pytest.approx(-coordinate("efficiency"))


def test_a_label_is_a_quarter_step_and_no_regime_is_the_middle() -> None:
    middle = vector(regime=Regime(Trend.RANGE, Volatility.MEDIUM))
    assert vector(regime=None) == middle
    assert dist(vector(regime=Regime(Trend.UPTREND, Volatility.MEDIUM)), middle) == LABEL_STEP
    assert dist(vector(regime=Regime(Trend.RANGE, Volatility.LOW)), middle) == LABEL_STEP


def test_another_strategy_is_a_step_away_and_a_trade_without_one_none() -> None:
    assert strategy_step("ema-cross", "opening-range") == LABEL_STEP**2
    assert strategy_step("ema-cross", "ema-cross") == 0
    assert strategy_step("", "ema-cross") == strategy_step("ema-cross", "") == 0


def test_es_and_mes_are_one_market() -> None:
    assert market_of("ES") == market_of("MES") != market_of("NQ")
    with pytest.raises(Incomparable, match="'ZZ' is no instrument"):
        market_of("ZZ")


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("value", [nan, inf, -inf, 1e300, 10**400, None, True])
def test_a_feature_without_a_usable_number_is_refused_by_name(
    name: str, value: float | None
) -> None:
    numbers = features()
    del numbers[name]
    if value is not None:
        numbers[name] = value
    with pytest.raises(Incomparable, match=f"feature '{name}'"):
        place_of(a_document(features=numbers))


def test_a_feature_that_no_coordinate_uses_must_be_a_number_too() -> None:
    """It could not be written down, and whatever made it is not to be trusted."""
    with pytest.raises(Incomparable, match="feature 'own'"):
        vector({"own": nan})


def test_a_price_of_nothing_has_no_range() -> None:
    with pytest.raises(Incomparable, match="not a price above zero"):
        vector({"close": 0.0})


@pytest.mark.slow
@given(
    st.fixed_dictionaries(
        {name: st.floats(min_value=-1e12, max_value=1e12) for name in NEEDED}
        | {"close": st.floats(min_value=0.01, max_value=1e12)}
    ),
    st.sampled_from(Side),
)
def test_any_finite_numbers_have_a_finite_place(numbers: dict[str, float], side: Side) -> None:
    found = place_of(a_document(side=side, features=numbers)).vector
    assert len(found) == len(COORDINATES)
    assert sum(each**2 for each in found) < np.finfo(np.float32).max
