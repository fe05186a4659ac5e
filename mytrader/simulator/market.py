"""Real or synthetic bars become a market: a stream of trades with a bid and an ask around them.

Inside a minute only four prices are known. The path between them is a choice, made once here:

* open, low, high, close when the minute closed at or above its open; open, high, low, close
  otherwise. The smaller excursion is thus taken first, as in most minutes that have a direction.
* The path is walked in steps of one price tick; where that would need more than
  `STEPS_PER_BAR_MAX` steps, in equal steps of a few, so that a level inside the range is crossed
  with trades near it on both sides. The four prices themselves are always visited.
* A minute never shows more trades than contracts traded. A minute with few contracts therefore
  walks in wider steps; where even the four prices outnumber the contracts, the surplus ticks have
  size 0: the quote moved and nothing traded. A minute with volume 0 is one such tick.
* The spread is one tick. A price above the one before is a trade at the ask, one below a trade
  at the bid, an equal one is on the side of the trade before.
* Ticks are spread evenly inside their minute and the volume evenly over its ticks, the remainder
  going to the first ones. Nothing happens between the last tick of a bar and the next bar: gaps
  between bars and sessions stay gaps.

Aggregating the ticks of a minute therefore gives back its bar, volume included.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from msgspec import Struct

from mytrader.domain.market import Bar

STEPS_PER_BAR_MAX: Final = 50
"""A minute shows at most this many steps, plus the corners of its path that they miss."""

_MINUTE: Final = timedelta(minutes=1)


class MarketTick(Struct, frozen=True):
    """One change of the market: prices in ticks, `size` contracts traded at `last`.

    `size` 0 means that the quote moved and nothing traded; `last` is then only the price around
    which the quote stands. `at` is aware UTC.
    """

    at: datetime
    bid: int
    ask: int
    last: int
    size: int


def bar_ticks(
    bars: Iterable[Bar], *, steps_max: int = STEPS_PER_BAR_MAX, ticks_min: int = 0
) -> Iterator[MarketTick]:
    """Yield the ticks of `bars` in order, as the module describes.

    A minute has at least `ticks_min` ticks: on a shorter path the market stays at each price.
    """
    rising, previous = True, None
    for bar in bars:
        prices = _path(bar, steps_max)
        if len(prices) < ticks_min:
            prices = [prices[tick * len(prices) // ticks_min] for tick in range(ticks_min)]
        count = len(prices)
        share, rest = divmod(bar.volume, count)
        for index, last in enumerate(prices):
            if previous is not None and last != previous:
                rising = last > previous
            previous = last
            yield MarketTick(
                at=bar.opened_at + _MINUTE * (2 * index + 1) / (2 * count),
                bid=last - 1 if rising else last,
                ask=last if rising else last + 1,
                last=last,
                size=share + (index < rest),
            )


def aggregate(ticks: Iterable[MarketTick]) -> Iterator[Bar]:
    """Yield the one-minute bars that `ticks`, in order of time, add up to."""
    minute: datetime | None = None
    prices: list[int] = []
    volume = 0
    for tick in ticks:
        opened = tick.at.replace(second=0, microsecond=0)
        if minute is not None and opened != minute:
            yield _bar(minute, prices, volume=volume)
            prices, volume = [], 0
        minute = opened
        prices.append(tick.last)
        volume += tick.size
    if minute is not None:
        yield _bar(minute, prices, volume=volume)


def _bar(minute: datetime, prices: list[int], *, volume: int) -> Bar:
    return Bar(minute, prices[0], max(prices), min(prices), prices[-1], volume)


def _path(bar: Bar, steps_max: int) -> list[int]:
    if bar.volume == 0 and bar.low == bar.high:
        return [bar.close]
    if bar.close >= bar.open:
        corners = (bar.open, bar.low, bar.high, bar.close)
    else:
        corners = (bar.open, bar.high, bar.low, bar.close)
    length = sum(abs(end - start) for start, end in pairwise(corners))
    # Each of the three legs may end with one shorter step, hence the reserve.
    wanted = min(steps_max, max(bar.volume - len(corners), 1))
    stride = max(-(-length // wanted), 1)
    prices = [bar.open]
    for start, end in pairwise(corners):
        direction = 1 if end > start else -1
        prices.extend(range(start + direction * stride, end, direction * stride))
        if end != prices[-1]:
            prices.append(end)
    return prices
