"""What kind of market it is, in two words: for people, for advisors and for the memory."""

from enum import StrEnum

from msgspec import Struct


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


class Regime(Struct, frozen=True):
    """Direction and restlessness of a market at one moment."""

    trend: Trend
    volatility: Volatility
