"""Indicators equal TA-Lib's, on every bar of a month and on made ones.

Where the conventions differ TA-Lib is given what makes them equal:

- It takes no true range of a first bar, ours takes high - low: a bar that only closes, inside the
  range of the first one, is put before it.
- Nothing jumps over the break between two sessions for ours. The close before a session is
  replaced by the session's open, of which the ATR uses nothing else; for the RSI the closes are
  rebuilt from the changes that count.
- It knows no session, so nothing else is adjusted: EMA, seeds and smoothing are compared as is.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
import talib
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mytrader.domain.market import Bar
from mytrader.domain.session import trading_date
from mytrader.signals.features import EFFICIENCY_BARS, FeatureEngine
from mytrader.signals.indicators import RSI_NEUTRAL, Ema, Rsi, WilderAtr
from tests.signal_bars import MONTH, QUICK, random_bars, real_bars

SEED = 20251128
AGREED = 1e-9
"""Relative; the orders of operations differ by far less."""
Floats = NDArray[np.float64]
month = pytest.param(lambda: real_bars(MONTH), id="month", marks=pytest.mark.slow)
made = pytest.param(lambda: tuple(random_bars(SEED, 2000)), id=f"seed {SEED}")
on_bars = pytest.mark.parametrize("bars_of", [month, made])
BarsOf = Callable[[], Sequence[Bar]]


def column(bars: Sequence[Bar], name: str) -> Floats:
    return np.array([getattr(each, name) for each in bars], dtype=np.float64)


def begins(bars: Sequence[Bar]) -> list[bool]:
    """Which bars are the first of their session."""
    days = [trading_date(each.opened_at) for each in bars]
    return [True, *(now != before for before, now in pairwise(days))]


def changes(bars: Sequence[Bar]) -> Floats:
    """From close to close, in the first bar of a session from its open."""
    closes = column(bars, "close")
    before = np.concatenate((closes[:1], closes[:-1]))
    return closes - np.where(begins(bars), column(bars, "open"), before)


def assert_agree(ours: Sequence[float], theirs: Floats) -> None:
    """TA-Lib has no number before its seeds are complete."""
    known = ~np.isnan(theirs)
    assert known.sum() > 0.9 * len(theirs)
    np.testing.assert_allclose(np.array(ours)[known], theirs[known], rtol=AGREED, atol=0)


@on_bars
@pytest.mark.parametrize("period", [2, 20, 50, 200])
def test_an_ema_is_talibs(bars_of: BarsOf, period: int) -> None:
    closes = column(bars_of(), "close")
    ours = Ema(period)
    assert_agree([ours.update(close) for close in closes], talib.EMA(closes, period))


@on_bars
@pytest.mark.parametrize("period", [2, 14, 50])
def test_an_atr_is_talibs(bars_of: BarsOf, period: int) -> None:
    bars = bars_of()
    ours, values, before = WilderAtr(period), [], None
    for each, first in zip(bars, begins(bars), strict=True):
        values.append(ours.update(each, None if first else before))
        before = each.close
    assert_agree(values, talibs_atr(bars, period))


def talibs_atr(bars: Sequence[Bar], period: int) -> Floats:
    """TA-Lib's average true range, no jump over a break counted."""
    opens, closes = column(bars, "open"), column(bars, "close")
    after_break = np.array([*begins(bars)[1:], False])
    closes[:-1] = np.where(after_break[:-1], opens[1:], closes[:-1])
    high, low, close = (
        np.concatenate((opens[:1], values))
        for values in (column(bars, "high"), column(bars, "low"), closes)
    )
    found: Floats = talib.ATR(high, low, close, period)[1:]
    return found


@on_bars
@pytest.mark.parametrize("period", [2, 14, 50])
def test_an_rsi_is_talibs(bars_of: BarsOf, period: int) -> None:
    steps = changes(bars_of())
    ours = Rsi(period)
    prices = np.concatenate(([30_000.0], 30_000 + np.cumsum(steps)))
    theirs: Floats = talib.RSI(prices, period)[1:]
    assert_agree([ours.update(step) for step in steps], theirs)


@on_bars
def test_the_features_of_every_bar_are_those_of_the_library_and_of_plain_formulas(
    bars_of: BarsOf,
) -> None:
    bars = bars_of()
    engine = FeatureEngine()
    found = [engine.update(each) for each in bars]
    closes, steps = column(bars, "close"), changes(bars)
    assert_agree([each.ema_fast for each in found], talib.EMA(closes, 20))
    assert_agree([each.ema_slow for each in found], talib.EMA(closes, 50))
    assert_agree([each.atr for each in found], talibs_atr(bars, 14))
    windows = sliding_window_view(steps, EFFICIENCY_BARS)
    late = found[EFFICIENCY_BARS - 1 :]
    net, path = windows.sum(axis=1), np.abs(windows).sum(axis=1)
    efficiency = np.divide(np.abs(net), path, out=np.zeros_like(path), where=path > 0)
    np.testing.assert_array_equal([each.efficiency_net for each in late], net)
    assert_agree([each.efficiency_ratio for each in late], efficiency)
    volatility = np.sqrt((windows**2).mean(axis=1))
    assert_agree([each.volatility for each in late], volatility)


@QUICK
@example([0, 0, 299], 3)
@given(st.lists(st.integers(-400, 400), max_size=60), st.integers(2, 20))
def test_an_rsi_lies_between_0_and_100_and_mirrors(steps: list[int], period: int) -> None:
    up, down = Rsi(period), Rsi(period)
    for step in steps:
        index, mirrored = up.update(step), down.update(-step)
        assert 0 <= index <= 100
        assert index + mirrored == pytest.approx(100)
    assert up.ready is (len(steps) >= period)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [([], RSI_NEUTRAL), ([0, 0], RSI_NEUTRAL), ([1], 100), ([-1], 0), ([3, -1], 75)],
)
def test_an_rsi_before_its_seed_is_complete(steps: list[int], expected: float) -> None:
    index = Rsi(14)
    for step in steps:
        index.update(step)
    assert index.value == pytest.approx(expected)


def test_a_seed_is_the_mean_and_a_slope_spans_ten_bars() -> None:
    average = Ema(3)
    assert average.slope == 0
    assert [average.update(value) for value in (3.0, 6.0, 9.0)] == [3, 4.5, 6]
    assert average.ready
    assert average.update(10.0) == 8
    assert average.slope == 5
    for _ in range(20):
        average.update(8.0)
    assert average.slope == 0
