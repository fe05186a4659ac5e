"""The settlement: 15:00 US Central of the day before, or the first price there is."""

from datetime import UTC, datetime, timedelta

import pytest

from mytrader.domain.market import Bar
from mytrader.simulator.settlement import Settlement

THREE = datetime(2025, 12, 11, 21, 0, tzinfo=UTC)
"""15:00 US Central on a Thursday; the session ends an hour later."""

NEXT_OPEN = THREE + timedelta(hours=2)


def bar(at: datetime, close: int) -> Bar:
    return Bar(at, close - 1, close + 1, close - 2, close, 10)


def test_before_any_price_there_is_none() -> None:
    assert Settlement([]).price is None


def test_without_a_day_before_it_is_the_first_price() -> None:
    settlement = Settlement([])
    settlement.advance(NEXT_OPEN, 27400)
    settlement.advance(NEXT_OPEN + timedelta(hours=1), 27500)
    assert settlement.price == 27400


def test_of_bars_it_is_the_close_of_the_minute_before_three() -> None:
    history = [
        bar(THREE - timedelta(minutes=2), 27300),
        bar(THREE - timedelta(minutes=1), 27310),
        bar(THREE, 27400),
        bar(THREE + timedelta(minutes=58), 27410),
    ]
    settlement = Settlement(history)
    assert settlement.price == 27299, "the first bar's open while the day lasts"
    settlement.advance(NEXT_OPEN, 27500)
    assert settlement.price == 27310


@pytest.mark.parametrize(
    "end",
    [
        THREE + timedelta(hours=1),
        datetime(2025, 11, 28, 18, 15, tzinfo=UTC),
        datetime(2025, 11, 27, 18, 0, tzinfo=UTC),
    ],
    ids=["16:00", "half day", "holiday"],
)
def test_bars_to_the_end_of_a_day_settle_it(end: datetime) -> None:
    """Whoever subscribes in the pause before the next session is told the right one at once."""
    minutes = [bar(end - timedelta(minutes=back), 27300) for back in range(90, 0, -1)]
    settlement = Settlement(minutes)
    assert settlement.price == 27300
    settlement.advance(NEXT_OPEN, 27500)
    assert settlement.price == 27300


def test_of_ticks_it_is_the_last_one_at_or_before_three() -> None:
    settlement = Settlement([])
    for seconds, price in ((-60, 27300), (0, 27301), (1, 27302)):
        settlement.advance(THREE + timedelta(seconds=seconds), price)
    settlement.advance(NEXT_OPEN, 27500)
    assert settlement.price == 27301


def test_a_day_that_has_no_price_before_three_changes_nothing() -> None:
    settlement = Settlement([bar(THREE - timedelta(minutes=1), 27310)])
    settlement.advance(NEXT_OPEN, 27500)
    settlement.advance(NEXT_OPEN + timedelta(days=1, hours=-1, minutes=-1), 27600)
    assert settlement.price == 27310
    later = NEXT_OPEN + timedelta(days=3)
    settlement.advance(later, 27700)
    assert settlement.price == 27500, "the last price before three of the day that had one"


def test_over_days_it_follows() -> None:
    settlement = Settlement([])
    for day in range(3):
        settlement.advance(THREE + timedelta(days=7 + day), 27300 + day)
    assert settlement.price == 27301
