"""Averages that take one value at a time, in constant time and memory.

Conventions, those of TA-Lib, so that anybody can compute the same numbers:

- **EMA**: smoothing 2 / (n + 1), seeded with the plain mean of the first n values.
- **ATR**: J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978): seeded with the
  mean of the first n true ranges, then (previous x (n - 1) + true range) / n.
- **RSI**: of the same book, 100 x gain / (gain + loss) of the average gain and loss, which are
  seeded and continued as the true range is. 50 where nothing has moved (TA-Lib says 0).

Where TA-Lib gives no value yet, before a seed is complete, these use the mean of what there was.
"""

from collections import deque
from typing import Final

from mytrader.domain.market import Bar

SLOPE_BARS: Final = 10
ATR_BARS: Final = 14
RSI_BARS: Final = 14
RSI_NEUTRAL: Final = 50.0


class Ema:
    """An exponential average seeded with the mean of its first `period` values."""

    __slots__ = ("_count", "_past", "period", "value")

    def __init__(self, period: int) -> None:
        self.period = period
        self.value = 0.0
        self._count = 0
        self._past: deque[float] = deque(maxlen=SLOPE_BARS + 1)

    @property
    def ready(self) -> bool:
        """Whether the seed is complete."""
        return self._count == self.period

    @property
    def slope(self) -> float:
        """Change over the last ten values, or over as many as there were."""
        return self._past[-1] - self._past[0] if self._past else 0.0

    def update(self, value: float) -> float:
        """Take the next value in and return the average."""
        if self.ready:
            self.value += (value - self.value) * 2 / (self.period + 1)
        else:
            self._count += 1
            self.value += (value - self.value) / self._count
        self._past.append(self.value)
        return self.value


class WilderAtr:
    """The average true range, seeded with the mean of its first `period` true ranges."""

    __slots__ = ("_count", "period", "value")

    def __init__(self, period: int = ATR_BARS) -> None:
        self.period = period
        self.value = 0.0
        self._count = 0

    def update(self, bar: Bar, previous_close: int | None) -> float:
        """Take the next bar in; `previous_close` is `None` for the first bar of a session."""
        high, low = bar.high, bar.low
        if previous_close is not None:
            high, low = max(high, previous_close), min(low, previous_close)
        self._count = min(self._count + 1, self.period)
        self.value += (max(high - low, 0) - self.value) / self._count
        return self.value


class Rsi:
    """The relative strength of gains among all changes, 0 to 100.

    It takes changes, not prices: only its caller knows which of them anybody could have traded.
    """

    __slots__ = ("_count", "_gain", "_loss", "period", "value")

    def __init__(self, period: int = RSI_BARS) -> None:
        self.period = period
        self.value = RSI_NEUTRAL
        self._count = 0
        self._gain = self._loss = 0.0

    @property
    def ready(self) -> bool:
        """Whether the seed is complete."""
        return self._count == self.period

    def update(self, change: float) -> float:
        """Take the next change in and return the index."""
        self._count = min(self._count + 1, self.period)
        self._gain += (max(change, 0) - self._gain) / self._count
        self._loss += (max(-change, 0) - self._loss) / self._count
        moved = self._gain + self._loss
        # A share of one first: rounded the other way round, it could lie beyond 100.
        self.value = 100 * (self._gain / moved) if moved > 0 else RSI_NEUTRAL
        return self.value
