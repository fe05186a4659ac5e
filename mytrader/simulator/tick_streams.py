"""What one subscriber hears of single ticks, and of bars of five seconds."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.domain.instrument import Instrument
from mytrader.simulator.market import MarketTick
from mytrader.simulator.quote_stream import BOOK_SIZE
from mytrader.simulator.trading_hours import in_regular_hours
from mytrader.tws import answers
from mytrader.tws.fields import Message
from mytrader.tws.requests import RequestRealTimeBars, RequestTickByTick

BAR_S: Final = 5
TICK_TYPES: Final = ("Last", "AllLast", "BidAsk", "MidPoint")
TRADES: Final = "TRADES"
SHOWN: Final = (TRADES, "BID", "ASK", "MIDPOINT")
HALF: Final = Decimal("0.5")
_AVERAGE_STEP: Final = Decimal("0.001")


class TickSubscription:
    """One subscriber of single ticks; `news` returns what a tick tells it."""

    def __init__(self, wanted: RequestTickByTick, instrument: Instrument) -> None:
        self._wanted = wanted
        self._instrument = instrument
        self._touch: tuple[int, int] | None = None

    def news(self, tick: MarketTick) -> list[Message]:
        """Return the message about a tick, none if nothing that was asked for changed."""
        at, kind = int(tick.at.timestamp()), self._wanted.tick_type
        if kind in ("Last", "AllLast"):
            return [self._trade(tick, at)] if tick.size else []
        touch = (tick.bid, tick.ask)
        if touch == self._touch:
            return []
        self._touch = touch
        req_id, price = self._wanted.req_id, self._instrument.price
        if kind == "MidPoint":
            return [answers.TickByTickMidpoint(req_id, 4, at, price(tick.bid + tick.ask) * HALF)]
        bid, ask = price(tick.bid), price(tick.ask)
        return [answers.TickByTickQuote(req_id, 3, at, bid, ask, BOOK_SIZE, BOOK_SIZE)]

    def _trade(self, tick: MarketTick, at: int) -> Message:
        req_id, exchange = self._wanted.req_id, self._instrument.exchange
        price, size = self._instrument.price(tick.last), Decimal(tick.size)
        if self._wanted.tick_type == "Last":
            return answers.TickByTickLast(req_id, 1, at, price, size, exchange=exchange)
        return answers.TickByTickAllLast(req_id, 2, at, price, size, exchange=exchange)


class _Forming(Struct):
    """A bar of five seconds so far; prices are doubled ticks, so that a middle is whole."""

    began: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    traded: int = 0
    count: int = 0


class FiveSecondBars:
    """One subscriber of bars of five seconds: `take` gathers, `finish` returns what is complete.

    Volume, average and count are of trades, and 0 or the close where something else is shown.
    """

    def __init__(self, wanted: RequestRealTimeBars, instrument: Instrument) -> None:
        self._wanted = wanted
        self._instrument = instrument
        self._bar: _Forming | None = None

    def take(self, tick: MarketTick) -> datetime | None:
        """Gather a tick; return when the bar that it begins is complete, `None` for others."""
        trades = self._wanted.what_to_show == TRADES
        hours_only = self._wanted.regular_hours_only
        if (trades and not tick.size) or (hours_only and not in_regular_hours(tick.at)):
            return None
        price, bar, begun = self._doubled(tick), self._bar, False
        if bar is None:
            began = tick.at.replace(second=tick.at.second // BAR_S * BAR_S, microsecond=0)
            bar = self._bar = _Forming(began, price, price, price, price)
            begun = True
        bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
        if trades:
            bar.volume += tick.size
            bar.traded += tick.size * price
            bar.count += 1
        return bar.began + timedelta(seconds=BAR_S) if begun else None

    def finish(self) -> list[Message]:
        """Return the bar that is complete and begin anew."""
        bar, self._bar = self._bar, None
        if bar is None:
            return []
        point = self._instrument.price(1) * HALF
        average = point * bar.close
        if bar.volume:
            average = (point * bar.traded / bar.volume).quantize(_AVERAGE_STEP)
        return [
            answers.RealTimeBar(
                req_id=self._wanted.req_id,
                epoch_seconds=int(bar.began.timestamp()),
                open=point * bar.open,
                high=point * bar.high,
                low=point * bar.low,
                close=point * bar.close,
                volume=Decimal(bar.volume),
                average=average,
                count=bar.count,
            )
        ]

    def _doubled(self, tick: MarketTick) -> int:
        match self._wanted.what_to_show:
            case "BID":
                return 2 * tick.bid
            case "ASK":
                return 2 * tick.ask
            case "MIDPOINT":
                return tick.bid + tick.ask
            case _:
                return 2 * tick.last
