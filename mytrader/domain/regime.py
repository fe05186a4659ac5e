"""What kind of market it is, in two words: for people, for advisors, for the memory, for rules."""

from enum import StrEnum
from typing import Final

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

    @property
    def name(self) -> str:
        """Both words, as tables, settings and refusals spell them: "UPTREND HIGH"."""
        return f"{self.trend} {self.volatility}"


REGIMES: Final[dict[str, Regime]] = {
    regime.name: regime
    for regime in (Regime(trend, much) for trend in Trend for much in Volatility)
}
"""Every regime by its name."""
