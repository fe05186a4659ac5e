"""Requests for past ticks that nobody could answer, and what fits those that can be."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from mytrader.domain.instrument import ES
from mytrader.simulator.market import MarketTick
from mytrader.simulator.past_ticks import past_ticks
from mytrader.tws.answers import HistoricalQuotes, HistoricalTrades
from mytrader.tws.contracts import WireContract
from mytrader.tws.errors import WireError
from mytrader.tws.requests import RequestHistoricalTicks

AT = datetime(2025, 12, 12, 14, 29, 58, tzinfo=UTC)
KEPT = [
    MarketTick(AT + timedelta(seconds=step), 99, 100, 100 + step, step % 2) for step in range(6)
]
WISH = RequestHistoricalTicks(1, WireContract(), start="20251212-00:00:00", count=10)


@pytest.mark.parametrize(
    "changes",
    [
        {"start": ""},
        {"end": "20251212-00:00:00"},
        {"count": 0},
        {"count": 1001},
        {"what_to_show": "GOSSIP"},
        {"start": "yesterday"},
    ],
)
def test_a_wish_that_cannot_be_answered_is_an_error(changes: dict[str, object]) -> None:
    with pytest.raises(WireError):
        past_ticks(structs.replace(WISH, **changes), KEPT, ES)


def test_trades_are_ticks_with_a_size_and_quotes_are_all() -> None:
    trades = past_ticks(WISH, KEPT, ES)
    assert isinstance(trades, HistoricalTrades)
    assert [each.price * 4 for each in trades.ticks] == [101, 103, 105]
    quotes = past_ticks(structs.replace(WISH, what_to_show="BID_ASK"), KEPT, ES)
    assert isinstance(quotes, HistoricalQuotes)
    assert len(quotes.ticks) == 6
    regular = past_ticks(structs.replace(WISH, regular_hours_only=True), KEPT, ES)
    assert isinstance(regular, HistoricalTrades)
    assert [each.price * 4 for each in regular.ticks] == [103, 105]


def test_an_end_takes_the_newest_before_it() -> None:
    wish = structs.replace(WISH, start="", end="20251212-14:30:02", count=1)
    (trade,) = past_ticks(wish, KEPT, ES).ticks  # type: ignore[attr-defined]  # trades were asked for
    assert trade.price * 4 == 103
