"""Bars longer than a minute, put together from minutes as they are asked for.

Shorter ones than a day begin at full multiples of their length on the exchange's clock; a day is a
trading date, whose name it carries instead of a time.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from msgspec import Struct

from mytrader.domain.market import Bar
from mytrader.domain.session import EXCHANGE_ZONE, trading_date

DAY: Final = "1 day"
MINUTES: Final = {
    "1 min": 1,
    "1 mins": 1,
    **{f"{each} mins": each for each in (2, 3, 5, 10, 15, 20, 30)},
    "1 hour": 60,
    **{f"{each} hours": 60 * each for each in (2, 3, 4, 8)},
}
SIZES: Final = (*MINUTES, DAY)


class TracedBar(Struct, frozen=True):
    """A bar with what the ticks tell beyond it: ticks times contracts traded, and trades."""

    bar: Bar
    traded_ticks: int
    trades: int


def opened_with(size: str) -> Callable[[TracedBar], datetime | date]:
    """Return what says of a minute with which bar of that size it belongs: that bar's opening."""
    if size == DAY:
        return lambda traced: trading_date(traced.bar.opened_at)
    minutes = MINUTES[size]
    if minutes == 1:
        return lambda traced: traced.bar.opened_at

    def opened(traced: TracedBar) -> datetime:
        local = traced.bar.opened_at.astimezone(EXCHANGE_ZONE)
        into = (local.hour * 60 + local.minute) % minutes
        return traced.bar.opened_at - timedelta(minutes=into)

    return opened


def joined(bars: Sequence[TracedBar], size: str) -> list[TracedBar]:
    """Return the bars of a size that minutes add up to; the last may be incomplete."""
    if MINUTES.get(size) == 1:
        return list(bars)
    return [_join(list(group), opened) for opened, group in groupby(bars, opened_with(size))]


def _join(group: Sequence[TracedBar], opened: datetime | date) -> TracedBar:
    first, last = group[0].bar, group[-1].bar
    bar = Bar(
        opened_at=opened if isinstance(opened, datetime) else first.opened_at,
        open=first.open,
        high=max(each.bar.high for each in group),
        low=min(each.bar.low for each in group),
        close=last.close,
        volume=sum(each.bar.volume for each in group),
    )
    return TracedBar(
        bar,
        traded_ticks=sum(each.traded_ticks for each in group),
        trades=sum(each.trades for each in group),
    )
