"""Bars form from ticks exactly as the market's own, and requests are cut to measure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.simulator.bar_book import BarBook
from mytrader.simulator.market import MarketTick, aggregate, bar_ticks
from mytrader.tws.contracts import WireContract
from mytrader.tws.errors import WireError
from mytrader.tws.requests import RequestHistoricalData

OPENED = datetime(2025, 12, 12, 14, 28, tzinfo=UTC)
WANTED = RequestHistoricalData(4, WireContract())


def _bars(count: int, start: datetime = OPENED) -> list[Bar]:
    return [
        Bar(start + timedelta(minutes=n), 27400 + n, 27410 + n, 27390, 27405 - n, 60)
        for n in range(count)
    ]


def _answer(book: BarBook, now: datetime, **changes: Any) -> list[str]:  # noqa: ANN401 - any field
    request = structs.replace(WANTED, date_format=2, **changes)
    return [bar.date for bar in book.answer(request, now).bars]


def test_ticks_form_the_markets_bars() -> None:
    book, market = BarBook(ES, _bars(2)), list(bar_ticks(_bars(3, OPENED + timedelta(minutes=2))))
    for tick in market:
        book.advance(tick)
    assert [each.bar for each in book.since(2, WANTED)] == list(aggregate(market))
    assert book.count == 5


def test_tick_of_the_last_bar_of_history_extends_it() -> None:
    book = BarBook(ES, _bars(1))
    book.advance(MarketTick(OPENED + timedelta(seconds=59), 1, 2, 27500, 5))
    (traced,) = book.since(0, WANTED)
    assert (traced.bar.high, traced.bar.close, traced.bar.volume) == (27500, 27500, 65)


def test_average_is_weighted_by_what_traded() -> None:
    book = BarBook(ES, [])
    book.advance(MarketTick(OPENED, 1, 2, 100, 1))
    book.advance(MarketTick(OPENED, 1, 2, 104, 3))
    book.advance(MarketTick(OPENED, 1, 2, 108, 0))
    update = book.update(book.since(0, WANTED)[0], WANTED)
    assert (update.average, update.count, update.volume) == (Decimal("25.75"), 2, Decimal(4))
    assert (update.open, update.high, update.low, update.close) == tuple(
        map(Decimal, (25, 27, 25, 27))
    )


def test_bar_without_trades_has_its_close_for_average() -> None:
    book = BarBook(ES, [])
    book.advance(MarketTick(OPENED, 1, 2, 100, 0))
    assert book.update(book.since(0, WANTED)[0], WANTED).average == 25


def test_regular_hours_begin_at_half_past_eight() -> None:
    book = BarBook(ES, _bars(4))
    now = OPENED + timedelta(minutes=4)
    assert len(_answer(book, now)) == 4
    assert _answer(book, now, regular_hours_only=True) == ["1765549800", "1765549860"]


def test_durations_count_seconds_sessions_weeks_and_months() -> None:
    days = [OPENED - timedelta(days=n) for n in (40, 20, 4, 3, 0)]
    book = BarBook(ES, [bar for day in days for bar in _bars(2, day)])
    now = OPENED + timedelta(minutes=2)
    lengths = {
        "60 S": 0,
        "61 S": 1,
        "1 D": 2,
        "2 D": 4,
        "3 D": 6,
        "1 W": 6,
        "1 M": 8,
        "2 M": 10,
        "9 D": 10,
    }
    assert {each: len(_answer(book, now, duration=each)) for each in lengths} == lengths


def test_end_time_cuts_the_bars() -> None:
    book = BarBook(ES, _bars(4))
    now = OPENED + timedelta(minutes=9)
    assert len(_answer(book, now, end="20251212 08:29:00 US/Central")) == 2
    assert book.answer(structs.replace(WANTED, end="20240101-00:00:00"), now).bars == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"bar_size": "7 mins"},
        {"what_to_show": "BID"},
        {"date_format": 0},
        {"end": "x"},
        {"keep_up_to_date": True, "end": "20251212-00:00:00"},
        {"duration": ""},
        {"duration": "0 D"},
        {"duration": "-1 D"},
        {"duration": "1 Y"},
        {"duration": "5000 D"},
        {"duration": "5000 W"},
        {"duration": "9999999 S"},
    ],
)
def test_request_that_nobody_could_answer_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        BarBook(ES, _bars(1)).answer(structs.replace(WANTED, **changes), OPENED)
