"""Ticks to quotes: one per delivery, empty sides empty, delayed data named."""

from datetime import UTC, datetime

import pytest

from mytrader.domain.events import QuoteSeen, SettlementStated
from mytrader.domain.market import Quote
from mytrader.execution.quote_feed import ASK, BID, LAST, QuoteFeed
from tests.virtual_desk import CONTRACT

NOW = datetime(2025, 12, 12, 15, tzinfo=UTC)
REQUEST = 7


@pytest.fixture
def feed() -> QuoteFeed:
    made = QuoteFeed()
    made.watch(REQUEST, CONTRACT)
    return made


def told(feed: QuoteFeed) -> list[Quote]:
    seen = list(feed.changed(NOW))
    assert all(isinstance(event, QuoteSeen) and event.con_id == CONTRACT.con_id for event in seen)
    return [event.quote for event in seen]


def test_all_ticks_of_a_delivery_are_one_quote(feed: QuoteFeed) -> None:
    feed.take_tick(REQUEST, BID, price=6900.0, size=5)
    feed.take_tick(REQUEST, ASK, price=6900.25, size=5)
    feed.take_tick(REQUEST, LAST, price=6900.0, size=1)
    assert told(feed) == [Quote(NOW, 27600, 27601, 27600, False)]
    assert told(feed) == [], "nothing changed since"


def test_what_did_not_change_is_remembered(feed: QuoteFeed) -> None:
    feed.take_tick(REQUEST, BID, price=6900.0, size=5)
    told(feed)
    feed.take_tick(REQUEST, ASK, price=6900.25, size=5)
    assert told(feed) == [Quote(NOW, 27600, 27601, None, False)]


@pytest.mark.parametrize(
    ("price", "size"), [(-1.0, 0.0), (0.0, 5.0), (6900.0, 0.0), (6900.1, 5.0), (float("nan"), 5)]
)
def test_a_side_without_a_usable_price_is_empty(
    feed: QuoteFeed, price: float, size: float
) -> None:
    feed.take_tick(REQUEST, BID, price=6900.0, size=5)
    feed.take_tick(REQUEST, BID, price=price, size=size)
    assert [quote.bid for quote in told(feed)] == [None]


def test_a_trade_needs_no_size(feed: QuoteFeed) -> None:
    feed.take_tick(REQUEST, LAST, price=6900.0, size=0)
    assert [quote.last for quote in told(feed)] == [27600]


@pytest.mark.parametrize("kind", [66, 67, 68])
def test_delayed_ticks_make_a_delayed_quote(feed: QuoteFeed, kind: int) -> None:
    feed.take_tick(REQUEST, kind, price=6900.0, size=5)
    assert [quote.delayed for quote in told(feed)] == [True]


def test_the_brokers_word_decides_whether_data_is_delayed(feed: QuoteFeed) -> None:
    feed.take_data_type(REQUEST, 3)
    feed.take_tick(REQUEST, BID, price=6900.0, size=5)
    assert told(feed)[0].delayed
    feed.take_data_type(REQUEST, 1)
    feed.take_tick(REQUEST, BID, price=6900.25, size=5)
    assert not told(feed)[0].delayed


def test_strangers_and_other_ticks_say_nothing(feed: QuoteFeed) -> None:
    feed.take_tick(REQUEST + 1, BID, price=6900.0, size=5)
    feed.take_tick(REQUEST, 9, price=6900.0, size=5)
    feed.take_data_type(REQUEST + 1, 3)
    assert told(feed) == []


@pytest.mark.parametrize("kind", [9, 75])
def test_a_settlement_is_told_when_it_changes(feed: QuoteFeed, kind: int) -> None:
    for price in (6900.0, 6900.0, 6901.25):
        feed.take_tick(REQUEST, kind, price=price, size=0)
        feed.take_tick(REQUEST, kind, price=price, size=0)
    assert list(feed.settled()) == [SettlementStated(CONTRACT.con_id, 27605)]
    feed.watch(REQUEST + 1, CONTRACT)
    feed.take_tick(REQUEST + 1, kind, price=6901.25, size=0)
    assert list(feed.settled()) == [], "a new subscription repeats what is known"
    assert told(feed) == [], "a settlement is no quote"


@pytest.mark.parametrize("price", [-1.0, 0.0, 6900.1, float("nan"), float("inf"), 1.8e308])
def test_a_settlement_without_a_usable_price_is_not_told(feed: QuoteFeed, price: float) -> None:
    feed.take_tick(REQUEST, 9, price=price, size=0)
    assert list(feed.settled()) == []


def test_trades_are_told_apart_from_quotes(feed: QuoteFeed) -> None:
    feed.take_tick(REQUEST, BID, price=6900.0, size=5)
    feed.take_tick(REQUEST, ASK, price=6900.25, size=5)
    feed.take_tick(REQUEST, LAST, price=-1.0, size=0)
    assert list(feed.traded()) == [], "no price is no trade"
    feed.take_tick(REQUEST, LAST, price=6900.0, size=1)
    feed.take_tick(REQUEST, 68, price=6900.25, size=1)
    assert list(feed.traded()) == [CONTRACT.con_id]
    assert list(feed.traded()) == []
