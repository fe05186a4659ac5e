"""Ticks of the past as a client asks for them: so many after a time, or so many before one."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument
from mytrader.simulator.market import MarketTick
from mytrader.simulator.quote_stream import BOOK_SIZE
from mytrader.simulator.tick_streams import HALF, TRADES
from mytrader.simulator.times import read_time
from mytrader.simulator.trading_hours import in_regular_hours
from mytrader.tws.answers import (
    HistoricalMidpoints,
    HistoricalQuotes,
    HistoricalTrades,
    PastMidpoint,
    PastQuote,
    PastTrade,
)
from mytrader.tws.errors import WireError
from mytrader.tws.fields import Message
from mytrader.tws.requests import RequestHistoricalTicks

COUNT_MAX: Final = 1000
QUOTES: Final = "BID_ASK"
MIDDLES: Final = "MIDPOINT"


def past_ticks(
    wanted: RequestHistoricalTicks, kept: Sequence[MarketTick], instrument: Instrument
) -> Message:
    """Return the answer to a request. Raises `WireError` for one that nobody could answer.

    With a start the oldest of the ticks from then on, with an end the newest before it.
    """
    if bool(wanted.start) is bool(wanted.end):
        raise WireError("give either a start or an end")
    if not 0 < wanted.count <= COUNT_MAX:
        raise WireError(f"the number of ticks {wanted.count} is not 1 to {COUNT_MAX}")
    if wanted.what_to_show not in (TRADES, QUOTES, MIDDLES):
        raise WireError(f"{wanted.what_to_show!r} is not {TRADES}, {QUOTES} or {MIDDLES}")
    bound = read_time(wanted.start or wanted.end)
    found = [each for each in kept if _fits(each, wanted, bound)]
    found = found[: wanted.count] if wanted.start else found[-wanted.count :]
    return _answer(wanted, found, instrument)


def _fits(tick: MarketTick, wanted: RequestHistoricalTicks, bound: datetime) -> bool:
    in_time = tick.at >= bound if wanted.start else tick.at < bound
    shown = tick.size > 0 or wanted.what_to_show != TRADES
    return in_time and shown and (not wanted.regular_hours_only or in_regular_hours(tick.at))


def _answer(
    wanted: RequestHistoricalTicks, ticks: Sequence[MarketTick], instrument: Instrument
) -> Message:
    price, req_id = instrument.price, wanted.req_id
    if wanted.what_to_show == TRADES:
        return HistoricalTrades(
            req_id,
            tuple(
                PastTrade(
                    _epoch(each), 0, price(each.last), Decimal(each.size), instrument.exchange
                )
                for each in ticks
            ),
        )
    if wanted.what_to_show == QUOTES:
        quotes = (
            PastQuote(_epoch(each), 0, price(each.bid), price(each.ask), BOOK_SIZE, BOOK_SIZE)
            for each in ticks
        )
        return HistoricalQuotes(req_id, tuple(quotes))
    middles = (
        PastMidpoint(_epoch(each), "", price(each.bid + each.ask) * HALF, Decimal(0))
        for each in ticks
    )
    return HistoricalMidpoints(req_id, tuple(middles))


def _epoch(tick: MarketTick) -> int:
    return int(tick.at.timestamp())
