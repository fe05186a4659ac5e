"""What kind of market this is: two labels from features, for people, advisors and memory.

Both are relative to what the same session has shown, so that the labels mean the same at night
and at noon, in a calm month and in a wild one.
"""

from enum import StrEnum
from typing import Final

from mytrader.signals.features import Features

TREND_SLOPE_ATR_MIN: Final = 0.25
"""A slow average that moves a quarter of an average bar in ten bars is going somewhere."""
VOLATILITY_LOW_BELOW: Final = 0.75
VOLATILITY_HIGH_ABOVE: Final = 1 / VOLATILITY_LOW_BELOW


class Trend(StrEnum):
    """Where the market is going."""

    UPTREND = "UPTREND"
    DOWNTREND = "DOWNTREND"
    RANGE = "RANGE"


class Volatility(StrEnum):
    """How much it moves, for this session and this minute of the day."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


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
