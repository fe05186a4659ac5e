"""Minutes add up to longer bars, each under the time at which it opens."""

from datetime import UTC, datetime, timedelta

import pytest

from mytrader.domain.market import Bar
from mytrader.simulator.bar_sizes import DAY, MINUTES, TracedBar, joined

OPENED = datetime(2025, 12, 12, 14, 58, tzinfo=UTC)


def _minutes(count: int, start: datetime = OPENED) -> list[TracedBar]:
    return [
        TracedBar(
            Bar(start + timedelta(minutes=n), 100 + n, 110 + n, 90 - n, 101 + n, 10), 1000 + n, 2
        )
        for n in range(count)
    ]


def test_minutes_stay_minutes() -> None:
    assert joined(_minutes(3), "1 min") == _minutes(3)
    assert joined([], "5 mins") == []


def test_a_bar_is_all_of_its_minutes() -> None:
    first, second = joined(_minutes(4), "5 mins")
    assert first.bar == Bar(OPENED - timedelta(minutes=3), 100, 111, 89, 102, 20)
    assert (first.traded_ticks, first.trades) == (2001, 4)
    assert second.bar == Bar(OPENED + timedelta(minutes=2), 102, 113, 87, 104, 20)


@pytest.mark.parametrize("size", [each for each, minutes in MINUTES.items() if minutes > 1])
def test_bars_begin_at_full_multiples_of_the_exchanges_clock(size: str) -> None:
    # 14:58 in London is 08:58 in Chicago.
    for each in joined(_minutes(600), size):
        into = (each.bar.opened_at.hour - 6) % 24 * 60 + each.bar.opened_at.minute
        assert into % MINUTES[size] == 0


def test_a_day_is_a_trading_date() -> None:
    evening = datetime(2025, 12, 12, 21, 30, tzinfo=UTC)
    friday, monday = joined(
        _minutes(30, evening) + _minutes(5, evening + timedelta(hours=49, minutes=30)), DAY
    )
    assert (friday.bar.volume, monday.bar.volume) == (300, 50)
