"""The settlement of the day before, as this market knows it.

It is the last price at or before 15:00 US Central of the last trading day that is over; until
there has been one, the first price. The exchange settles ES by an average around that time
(CME Group, E-mini S&P 500 daily settlement procedure), which comes to within a tick or two.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from mytrader.domain.market import Bar
from mytrader.domain.session import trading_date
from mytrader.simulator.exchange_days import TABLE
from mytrader.simulator.trading_hours import regular_bounds

_MINUTE: Final = timedelta(minutes=1)


class Settlement:
    """Follows the prices of one contract; `price` is in ticks, `None` before the first."""

    def __init__(self, history: Sequence[Bar]) -> None:
        self.price: int | None = None
        self._day: date | None = None
        self._until = datetime.min.replace(tzinfo=UTC)
        self._candidate: int | None = None
        for bar in history:
            self._take(bar.opened_at, bar.open)
            if bar.opened_at < self._until:
                self._candidate = bar.close
        if history and _day_is_over(history):
            self._conclude()

    def advance(self, at: datetime, last: int) -> None:
        """Let a price be traded."""
        self._take(at, last)
        if at <= self._until:
            self._candidate = last

    @property
    def of_this_day(self) -> int | None:
        """What the day under way settles at, as far as it has come; the one before until then."""
        return self.price if self._candidate is None else self._candidate

    def _take(self, at: datetime, price: int) -> None:
        day = trading_date(at)
        if day != self._day:
            self._day = day
            self._until = regular_bounds(day)[1]
            self._conclude()
            if self.price is None:
                self.price = price

    def _conclude(self) -> None:
        if self._candidate is not None:
            self.price = self._candidate
        self._candidate = None


def _day_is_over(history: Sequence[Bar]) -> bool:
    """Whether the last bar is the last one of its day, as far as anybody can tell from bars."""
    last = history[-1].opened_at
    return last + _MINUTE >= TABLE.shown_by(history).close(trading_date(last))
