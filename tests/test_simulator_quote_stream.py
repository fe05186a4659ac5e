"""A subscriber is told what changed since it was last told, and nothing twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.simulator.market import MarketTick
from mytrader.simulator.quote_stream import BOOK_SIZE, QuoteState, QuoteSubscription
from mytrader.tws.answers import TickPrice, TickSize, TickString

AT = datetime(2025, 12, 12, 21, 59, 59, tzinfo=UTC)
TICK = MarketTick(AT, 27400, 27401, 27400, 3)


def test_first_news_is_the_whole_picture() -> None:
    state, subscriber = QuoteState(ES), QuoteSubscription(4)
    assert subscriber.news(state) == []
    state.advance(TICK)
    assert subscriber.news(state) == [
        TickPrice(4, 9, Decimal(6850), Decimal(0)),
        TickPrice(4, 1, Decimal(6850), BOOK_SIZE),
        TickSize(4, 0, BOOK_SIZE),
        TickPrice(4, 2, Decimal("6850.25"), BOOK_SIZE),
        TickSize(4, 3, BOOK_SIZE),
        TickString(4, 45, "1765576799"),
        TickPrice(4, 4, Decimal(6850), Decimal(3)),
        TickSize(4, 5, Decimal(3)),
        TickSize(4, 8, Decimal(3)),
        TickPrice(4, 14, Decimal(6850), Decimal(0)),
        TickPrice(4, 6, Decimal(6850), Decimal(0)),
        TickPrice(4, 7, Decimal(6850), Decimal(0)),
    ]
    assert subscriber.news(state) == []


def test_only_what_changed_is_told_again() -> None:
    state, subscriber = QuoteState(ES), QuoteSubscription(4)
    state.advance(TICK)
    subscriber.news(state)
    state.advance(MarketTick(AT, 27400, 27402, 27401, 0))
    assert subscriber.news(state) == [
        TickPrice(4, 2, Decimal("6850.5"), BOOK_SIZE),
        TickSize(4, 3, BOOK_SIZE),
    ]
    state.advance(MarketTick(AT, 27400, 27402, 27402, 2))
    assert subscriber.news(state) == [
        TickPrice(4, 4, Decimal("6850.5"), Decimal(2)),
        TickSize(4, 5, Decimal(2)),
        TickSize(4, 8, Decimal(5)),
        TickPrice(4, 6, Decimal("6850.5"), Decimal(0)),
    ]


def test_quote_without_a_trade_has_no_last_price() -> None:
    state, subscriber = QuoteState(ES), QuoteSubscription(4)
    state.advance(MarketTick(AT, 27400, 27401, 27400, 0))
    assert {each.tick_type for each in subscriber.news(state) if isinstance(each, TickPrice)} == {
        1,
        2,
        9,
    }


def test_settlement_is_told_before_the_first_tick_and_again_when_it_changes() -> None:
    day_before = AT - timedelta(days=1, hours=3)
    bar = Bar(day_before, 27300, 27300, 27300, 27300, 10)
    state, subscriber = QuoteState(ES, [bar]), QuoteSubscription(4)
    assert subscriber.news(state) == [TickPrice(4, 9, Decimal(6825), Decimal(0))]
    for day in range(2):
        at = AT - timedelta(hours=3) + timedelta(days=day)
        state.advance(MarketTick(at, 27400, 27401, 27400, 3))
    assert subscriber.news(state)[0] == TickPrice(4, 9, Decimal(6850), Decimal(0))


def test_generic_ticks_are_told_to_those_who_ask() -> None:
    state, subscriber = QuoteState(ES), QuoteSubscription(4, frozenset({"221", "233"}))
    state.advance(TICK)
    state.advance(MarketTick(AT, 27400, 27402, 27402, 2))
    told = subscriber.news(state)
    assert TickPrice(4, 37, Decimal("6850.5"), Decimal(0)) in told
    text = "6850.50;2;1765576799000;5;6850.2000;true"
    assert TickString(4, 48, text) in told


def test_the_sessions_extremes_include_the_bars_before() -> None:
    bars = [
        Bar(AT - timedelta(hours=26), 27300, 27700, 27200, 27300, 10),
        Bar(AT - timedelta(hours=2), 27390, 27500, 27380, 27400, 10),
        Bar(AT - timedelta(hours=1), 27400, 27410, 27350, 27400, 10),
    ]
    state = QuoteState(ES, bars)
    state.advance(TICK)
    assert (state.open, state.high, state.low) == (27390, 27500, 27350)
    assert state.volume == 23


def test_volume_begins_anew_with_the_session() -> None:
    state = QuoteState(ES)
    state.advance(TICK)
    assert state.volume == 3
    state.advance(MarketTick(AT + timedelta(hours=2), 27400, 27401, 27400, 5))
    assert state.volume == 5
