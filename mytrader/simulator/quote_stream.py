"""One contract's quotes as messages: what changed since a subscriber was last told."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.session import trading_date
from mytrader.simulator.listing import epoch_text
from mytrader.simulator.market import MarketTick
from mytrader.simulator.settlement import Settlement
from mytrader.simulator.trading_hours import session_bounds
from mytrader.tws.answers import TickPrice, TickSize, TickString
from mytrader.tws.fields import Message

BID, ASK, LAST, CLOSE = 1, 2, 4, 9
HIGH, LOW, OPEN, MARK = 6, 7, 14, 37
BID_SIZE, ASK_SIZE, LAST_SIZE, VOLUME = 0, 3, 5, 8
LAST_TIME, RT_VOLUME = 45, 48
MARK_WISHES: Final = frozenset({"221", "232"})
RT_VOLUME_WISH: Final = "233"

BOOK_SIZE: Final = Decimal(20)
"""Contracts shown at the touch: the market here has no depth, and clients read 0 as empty."""


class QuoteState:
    """What the market of one contract shows: touch, last trade, settlement.

    Volume, open, high and low (ticks) are the session's; without a trade there is no `open`.
    """

    def __init__(self, instrument: Instrument, history: Sequence[Bar] = ()) -> None:
        self._instrument = instrument
        self.settlement = Settlement(history)
        self._prices: dict[int, Decimal] = {}
        self.tick: MarketTick | None = None
        self.trade: MarketTick | None = None
        self.volume = 0
        self.traded_ticks = 0
        self.open: int | None = None
        self.high = self.low = 0
        self._until: datetime | None = None
        for bar in history:
            self._begin_session(bar.opened_at)
            self.volume += bar.volume
            self.traded_ticks += bar.volume * bar.close
            self._widen(bar.open, high=bar.high, low=bar.low)

    def advance(self, tick: MarketTick) -> None:
        """Let the market move."""
        self._begin_session(tick.at)
        self.tick = tick
        self.settlement.advance(tick.at, tick.last)
        self.volume += tick.size
        if tick.size:
            self._trade(tick)

    def _trade(self, tick: MarketTick) -> None:
        self.trade = tick
        self.traded_ticks += tick.size * tick.last
        self._widen(tick.last, high=tick.last, low=tick.last)

    def _widen(self, price: int, *, high: int, low: int) -> None:
        if self.open is None:
            self.open, self.high, self.low = price, high, low
            return
        self.high = max(self.high, high)
        self.low = min(self.low, low)

    def _begin_session(self, at: datetime) -> None:
        if self._until is None or at >= self._until:
            self._until = session_bounds(trading_date(at))[1]
            self.volume = self.traded_ticks = 0
            self.open = None

    def price(self, ticks: int) -> Decimal:
        """Return a price in points; the same object for the same ticks."""
        known = self._prices.get(ticks)
        if known is None:
            known = self._prices[ticks] = self._instrument.price(ticks)
        return known


class QuoteSubscription:
    """What one subscriber was told; `news` returns what is new to it.

    `wishes` are the generic ticks that it asked for, by their numbers.
    """

    def __init__(self, req_id: int, wishes: frozenset[str] = frozenset()) -> None:
        self.req_id = req_id
        self._marks = bool(wishes & MARK_WISHES)
        self._rt_volume = RT_VOLUME_WISH in wishes
        self._extremes: dict[int, int] = {}
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
        if self._marks:
            messages.append(TickPrice(self.req_id, MARK, state.price(trade.last), Decimal(0)))
        if self._rt_volume:
            messages.append(TickString(self.req_id, RT_VOLUME, _rt_volume(trade, state)))
        return messages + self._session(state)

    def _session(self, state: QuoteState) -> list[Message]:
        if state.open is None:
            return []
        now = {OPEN: state.open, HIGH: state.high, LOW: state.low}
        if now == self._extremes:
            return []
        before, self._extremes = self._extremes, now
        return [
            TickPrice(self.req_id, kind, state.price(ticks), Decimal(0))
            for kind, ticks in now.items()
            if before.get(kind) != ticks
        ]


def _rt_volume(trade: MarketTick, state: QuoteState) -> str:
    """Return `price;size;epoch ms;total volume;vwap;single`."""
    average = state.price(1) * state.traded_ticks / state.volume
    at_ms = int(trade.at.timestamp() * 1000)
    price = state.price(trade.last)
    return f"{price};{trade.size};{at_ms};{state.volume};{average:.4f};true"
