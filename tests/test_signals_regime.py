"""Labels follow the session's own history, and flip with the market."""

import pytest
from hypothesis import given
from msgspec.structs import replace

from mytrader.domain.market import Bar
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.signals.features import FeatureEngine, Features
from mytrader.signals.regime import regime, trend, volatility
from tests.signal_bars import QUICK, bar, bar_series


def last_features(closes: list[int]) -> Features:
    engine = FeatureEngine(lambda _: 1.0)
    return [engine.update(bar(minute, close)) for minute, close in enumerate(closes)][-1]


ZIGZAG = [27_000 + 3 * (minute % 2) for minute in range(60)]


@pytest.mark.parametrize(
    ("step", "label"), [(4, Trend.UPTREND), (-4, Trend.DOWNTREND), (0, Trend.RANGE)]
)
def test_a_steady_move_is_a_trend_and_rest_is_a_range(step: int, label: Trend) -> None:
    assert trend(last_features([*ZIGZAG, *(27_000 + step * n for n in range(40))])) is label


def test_a_slow_average_that_hardly_moves_is_a_range() -> None:
    rising = last_features([*ZIGZAG, *(27_000 + 4 * n for n in range(40))])
    assert trend(replace(rising, ema_slow_slope=0.24 * rising.atr)) is Trend.RANGE
    assert trend(replace(rising, ema_slow_slope=0.26 * rising.atr)) is Trend.UPTREND


def test_averages_that_disagree_are_a_range() -> None:
    rising = last_features([*ZIGZAG, *(27_000 + 4 * n for n in range(40))])
    assert trend(replace(rising, ema_fast_slope=-1.0)) is Trend.RANGE


def test_less_efficient_than_the_session_so_far_is_a_range() -> None:
    rising = last_features([*ZIGZAG, *(27_000 + 4 * n for n in range(40))])
    assert trend(replace(rising, efficiency_ratio=0.4, efficiency_session=0.5)) is Trend.RANGE


@QUICK
@given(bar_series())
def test_the_mirrored_market_has_the_mirrored_trend(bars: list[Bar]) -> None:
    up, down = FeatureEngine(lambda _: 1.0), FeatureEngine(lambda _: 1.0)
    mirrored = {
        Trend.UPTREND: Trend.DOWNTREND,
        Trend.DOWNTREND: Trend.UPTREND,
        Trend.RANGE: Trend.RANGE,
    }
    for each in bars:
        twin = Bar(
            opened_at=each.opened_at,
            open=-each.open,
            high=-each.low,
            low=-each.high,
            close=-each.close,
            volume=each.volume,
        )
        assert trend(down.update(twin)) is mirrored[trend(up.update(each))]


@pytest.mark.parametrize(
    ("ratio", "label"),
    [
        (0.0, Volatility.LOW),
        (0.74, Volatility.LOW),
        (0.75, Volatility.MEDIUM),
        (1.33, Volatility.MEDIUM),
        (1.34, Volatility.HIGH),
    ],
)
def test_volatility_is_medium_within_a_third_of_the_expected(
    ratio: float, label: Volatility
) -> None:
    assert volatility(replace(last_features([27_000]), volatility_ratio=ratio)) is label


def test_a_burst_after_a_calm_hour_is_high_and_a_lull_after_a_wild_one_low() -> None:
    calm = [27_000 + minute % 2 for minute in range(60)]
    wild = [27_000 + 20 * (minute % 2) for minute in range(60)]
    assert volatility(last_features([*calm, *wild[:20]])) is Volatility.HIGH
    assert volatility(last_features([*wild, *calm[:22]])) is Volatility.LOW


def test_a_regime_is_both_labels() -> None:
    features = last_features([27_000, 27_010])
    assert regime(features) == Regime(trend(features), volatility(features))
