"""One contract's quotes as messages: what changed since a subscriber was last told."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.session import trading_date
from mytrader.simulator.listing import epoch_text
from mytrader.simulator.market import MarketTick
from mytrader.simulator.settlement import Settlement
from mytrader.tws.answers import TickPrice, TickSize, TickString
from mytrader.tws.fields import Message

BID, ASK, LAST, CLOSE = 1, 2, 4, 9
BID_SIZE, ASK_SIZE, LAST_SIZE, VOLUME = 0, 3, 5, 8
LAST_TIME = 45

BOOK_SIZE: Final = Decimal(20)
"""Contracts shown at the touch: the market here has no depth, and clients read 0 as empty."""


class QuoteState:
    """What the market of one contract shows: touch, last trade, volume, settlement."""

    def __init__(self, instrument: Instrument, history: Sequence[Bar] = ()) -> None:
        self._instrument = instrument
        self.settlement = Settlement(history)
        self._prices: dict[int, Decimal] = {}
        self.tick: MarketTick | None = None
        self.trade: MarketTick | None = None
        self.volume = 0

    def advance(self, tick: MarketTick) -> None:
        """Let the market move."""
        if self.tick is not None and trading_date(self.tick.at) != trading_date(tick.at):
            self.volume = 0
        self.tick = tick
        self.settlement.advance(tick.at, tick.last)
        self.volume += tick.size
        if tick.size:
            self.trade = tick

    def price(self, ticks: int) -> Decimal:
        """Return a price in points; the same object for the same ticks."""
        known = self._prices.get(ticks)
        if known is None:
            known = self._prices[ticks] = self._instrument.price(ticks)
        return known


class QuoteSubscription:
    """What one subscriber was told; `news` returns what is new to it."""

    def __init__(self, req_id: int) -> None:
        self.req_id = req_id
        self._bid: int | None = None
        self._ask: int | None = None
        self._trade: MarketTick | None = None
        self._time = ""
        self._settlement: int | None = None

    def news(self, state: QuoteState) -> list[Message]:
        """Return the messages that bring this subscriber up to date, none if it is."""
        tick, messages = state.tick, list[Message]()
        settled = state.settlement.price
        if settled is not None and settled != self._settlement:
            self._settlement = settled
            messages.append(TickPrice(self.req_id, CLOSE, state.price(settled), Decimal(0)))
        if tick is None:
            return messages
        if tick.bid != self._bid:
            self._bid = tick.bid
            messages += self._touch(BID, BID_SIZE, price=state.price(tick.bid))
        if tick.ask != self._ask:
            self._ask = tick.ask
            messages += self._touch(ASK, ASK_SIZE, price=state.price(tick.ask))
        if state.trade is not None and state.trade is not self._trade:
            self._trade = state.trade
            messages += self._last(state.trade, state)
        return messages

    def _touch(self, price_type: int, size_type: int, *, price: Decimal) -> list[Message]:
        return [
            TickPrice(self.req_id, price_type, price, BOOK_SIZE),
            TickSize(self.req_id, size_type, BOOK_SIZE),
        ]

    def _last(self, trade: MarketTick, state: QuoteState) -> list[Message]:
        messages: list[Message] = []
        when = epoch_text(trade.at)
        if when != self._time:
            messages.append(TickString(self.req_id, LAST_TIME, when))
            self._time = when
        size = Decimal(trade.size)
        messages.append(TickPrice(self.req_id, LAST, state.price(trade.last), size))
        messages.append(TickSize(self.req_id, LAST_SIZE, size))
        messages.append(TickSize(self.req_id, VOLUME, Decimal(state.volume)))
        return messages
