"""One contract's minute bars: those before the start, and those that form from its ticks.

Longer bars are put together from them when they are asked for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.session import trading_date
from mytrader.simulator.bar_sizes import DAY, SIZES, TracedBar, joined, opened_with
from mytrader.simulator.listing import epoch_text, zoned_text
from mytrader.simulator.market import MarketTick
from mytrader.simulator.times import read_time
from mytrader.simulator.trading_hours import in_regular_hours
from mytrader.tws.answers import HistoricalBar, HistoricalData, HistoricalDataUpdate
from mytrader.tws.errors import WireError
from mytrader.tws.requests import RequestHistoricalData

EPOCH_SECONDS: Final = 2
_DAYS_PER: Final = {"W": 7, "M": 30}
_LENGTH_MAX: Final = 1000
_HUNDREDTH: Final = Decimal("0.01")


class BarBook:
    """All bars of one contract until now; the newest may still be forming."""

    def __init__(self, instrument: Instrument, history: Sequence[Bar]) -> None:
        self._instrument = instrument
        self._bars = [_untraced(bar) for bar in history]

    def advance(self, tick: MarketTick) -> None:
        """Let a tick form the newest bar, or begin one."""
        opened_at = tick.at.replace(second=0, microsecond=0)
        if self._bars and self._bars[-1].bar.opened_at >= opened_at:
            self._bars[-1] = _extended(self._bars[-1], tick)
        else:
            self._bars.append(_begun(opened_at, tick))

    @property
    def count(self) -> int:
        """How many bars there are, the forming one included."""
        return len(self._bars)

    def since(self, index: int, wanted: RequestHistoricalData) -> list[TracedBar]:
        """Return the bars of a request from the one that holds the minute at an index."""
        opened, bars = opened_with(wanted.bar_size), self._bars
        while 0 < index < len(bars) and opened(bars[index - 1]) == opened(bars[index]):
            index -= 1
        return joined(_shown(self._bars[index:], wanted), wanted.bar_size)

    def answer(self, wanted: RequestHistoricalData, now: datetime) -> HistoricalData:
        """Return the bars of a request. Raises `WireError` for a request nobody could answer."""
        _check(wanted)
        end = read_time(wanted.end) if wanted.end else now
        bars = _shown([each for each in self._bars if each.bar.opened_at <= end], wanted)
        bars = joined(_newest(bars, wanted.duration, end=end), wanted.bar_size)
        return HistoricalData(
            req_id=wanted.req_id,
            start=zoned_text(bars[0].bar.opened_at) if bars else "",
            end=zoned_text(end),
            bars=tuple(self._line(each, wanted) for each in bars),
        )

    def update(self, traced: TracedBar, wanted: RequestHistoricalData) -> HistoricalDataUpdate:
        """Return a bar as the update of a request that is kept up to date."""
        line = self._line(traced, wanted)
        return HistoricalDataUpdate(
            req_id=wanted.req_id,
            count=line.count,
            date=line.date,
            open=line.open,
            close=line.close,
            high=line.high,
            low=line.low,
            average=line.average,
            volume=line.volume,
        )

    def _line(self, traced: TracedBar, wanted: RequestHistoricalData) -> HistoricalBar:
        bar, price = traced.bar, self._instrument.price
        text = epoch_text if wanted.date_format == EPOCH_SECONDS else zoned_text
        opened = text(bar.opened_at)
        if wanted.bar_size == DAY:
            opened = f"{trading_date(bar.opened_at):%Y%m%d}"
        average = price(bar.close)
        if bar.volume:
            average = (price(1) * traced.traded_ticks / bar.volume).quantize(_HUNDREDTH)
        return HistoricalBar(
            date=opened,
            open=price(bar.open),
            high=price(bar.high),
            low=price(bar.low),
            close=price(bar.close),
            volume=Decimal(bar.volume),
            average=average,
            count=traced.trades,
        )


def _untraced(bar: Bar) -> TracedBar:
    typical = bar.high + bar.low + bar.close
    return TracedBar(bar, typical * bar.volume // 3, bar.volume)


def _begun(opened_at: datetime, tick: MarketTick) -> TracedBar:
    bar = Bar(opened_at, tick.last, tick.last, tick.last, tick.last, tick.size)
    return TracedBar(bar, tick.last * tick.size, min(tick.size, 1))


def _extended(traced: TracedBar, tick: MarketTick) -> TracedBar:
    bar = traced.bar
    longer = Bar(
        opened_at=bar.opened_at,
        open=bar.open,
        high=max(bar.high, tick.last),
        low=min(bar.low, tick.last),
        close=tick.last,
        volume=bar.volume + tick.size,
    )
    trades = traced.trades + min(tick.size, 1)
    return TracedBar(longer, traced.traded_ticks + tick.last * tick.size, trades)


def _shown(bars: list[TracedBar], wanted: RequestHistoricalData) -> list[TracedBar]:
    if not wanted.regular_hours_only:
        return bars
    return [each for each in bars if in_regular_hours(each.bar.opened_at)]


def _check(wanted: RequestHistoricalData) -> None:
    if wanted.bar_size not in SIZES:
        raise WireError(f"bar size {wanted.bar_size!r} is not one of {', '.join(SIZES)}")
    if wanted.what_to_show != "TRADES":
        raise WireError(f"{wanted.what_to_show!r} is not TRADES")
    if wanted.date_format not in (1, EPOCH_SECONDS):
        raise WireError(f"date format {wanted.date_format} is not 1 or 2")
    if wanted.keep_up_to_date and wanted.end:
        raise WireError("bars that are kept up to date have no end time")


def _newest(bars: list[TracedBar], duration: str, *, end: datetime) -> list[TracedBar]:
    """Return the newest bars: `N S` by time, `N D` by sessions that have bars, `N W`, `N M`."""
    number, _, unit = duration.partition(" ")
    if not number.isdecimal() or not 0 < int(number) <= _LENGTH_MAX * 100:
        raise WireError(f"duration {duration!r} is not such as 3600 S, 2 D, 1 W, 1 M")
    length = int(number)
    if unit == "S":
        return [each for each in bars if each.bar.opened_at > end - timedelta(seconds=length)]
    if length <= _LENGTH_MAX and unit in _DAYS_PER:
        days = length * _DAYS_PER[unit]
        return [each for each in bars if each.bar.opened_at > end - timedelta(days=days)]
    if length <= _LENGTH_MAX and unit == "D":
        return _newest_sessions(bars, length)
    raise WireError(f"duration {duration!r} is not such as 3600 S, 2 D, 1 W, 1 M")


def _newest_sessions(bars: list[TracedBar], sessions: int) -> list[TracedBar]:
    seen, day = 0, None
    for index in range(len(bars) - 1, -1, -1):
        its_day = trading_date(bars[index].bar.opened_at)
        if its_day != day:
            if seen == sessions:
                return bars[index + 1 :]
            seen, day = seen + 1, its_day
    return bars
