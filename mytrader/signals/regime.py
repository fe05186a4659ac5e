"""What kind of market this is: two labels from features, for people, advisors and memory.

Both are relative to what the same session has shown, so that the labels mean the same at night
and at noon, in a calm month and in a wild one.
"""

from typing import Final

from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.signals.features import Features

TREND_SLOPE_ATR_MIN: Final = 0.25
"""A slow average that moves a quarter of an average bar in ten bars is going somewhere."""
VOLATILITY_LOW_BELOW: Final = 0.75
VOLATILITY_HIGH_ABOVE: Final = 1 / VOLATILITY_LOW_BELOW


def trend(features: Features) -> Trend:
    """Return the direction in which both averages move.

    RANGE unless the slow one moves at least a quarter of an ATR in ten bars, the fast one moves
    the same way, and the market is at least as efficient as it was on average in this session.
    """
    slope = features.ema_slow_slope
    moving = abs(slope) >= TREND_SLOPE_ATR_MIN * features.atr
    agreed = slope * features.ema_fast_slope > 0
    steady = features.efficiency_ratio >= features.efficiency_session
    if not (moving and agreed and steady):
        return Trend.RANGE
    return Trend.UPTREND if slope > 0 else Trend.DOWNTREND


def volatility(features: Features) -> Volatility:
    """Return MEDIUM within a third of what the session lets one expect at this minute."""
    if features.volatility_ratio < VOLATILITY_LOW_BELOW:
        return Volatility.LOW
    if features.volatility_ratio > VOLATILITY_HIGH_ABOVE:
        return Volatility.HIGH
    return Volatility.MEDIUM


def regime(features: Features) -> Regime:
    """Return both labels."""
    return Regime(trend(features), volatility(features))
