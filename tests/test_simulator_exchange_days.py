"""Half days and holidays: from the table, and from the bars where they show otherwise."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.session import trading_date
from mytrader.simulator.bar_files import load_bars
from mytrader.simulator.exchange_days import HALF_DAY_CLOSE, HOLIDAY_HALT, TABLE
from mytrader.simulator.trading_hours import session_bounds

NOVEMBER = Path("../shared/data/es-1m-2025-11.parquet")
FRIDAY = date(2025, 11, 28)


def minute(at: datetime) -> Bar:
    return Bar(at, 27400, 27400, 27400, 27400, 1)


def until(day: date, minutes_after_noon: int) -> list[Bar]:
    """Return two bars of a day (in winter), the last one ending so long after noon in Chicago."""
    end = datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
    end += timedelta(minutes=minutes_after_noon)
    return [minute(end - timedelta(hours=3)), minute(end - timedelta(minutes=1))]


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2025, 11, 27), time(18)),
        (FRIDAY, time(18, 15)),
        (date(2025, 12, 24), time(18, 15)),
        (date(2025, 7, 3), time(17, 15)),
        (date(2025, 7, 4), time(17)),
        (date(2025, 12, 12), time(22)),
        (date(2026, 11, 27), time(18, 15)),
    ],
)
def test_the_table_closes_days_early(day: date, close: time) -> None:
    session = TABLE.session(day)
    assert session is not None
    assert session[1] == TABLE.close(day)
    assert session[1].time() == close
    assert session[0] == session_bounds(day)[0]


@pytest.mark.parametrize("day", [date(2025, 12, 25), date(2026, 1, 1), date(2025, 12, 13)])
def test_some_days_have_no_session(day: date) -> None:
    assert TABLE.session(day) is None
    assert TABLE.close(day) == session_bounds(day)[1], "for prices that come all the same"


def test_special_days_are_weekdays() -> None:
    assert all(day.weekday() < 5 for day in (*TABLE.early, *TABLE.closed))


def test_a_day_whose_bars_end_early_closed_early() -> None:
    day = date(2025, 12, 10)
    assert TABLE.shown_by(until(day, 15)).early[day] == HALF_DAY_CLOSE
    assert TABLE.shown_by(until(day, 0)).early[day] == HOLIDAY_HALT
    assert day not in TABLE.shown_by(until(day, 14)).early, "bars that merely stop"


def test_bars_win_over_the_table() -> None:
    assert FRIDAY not in TABLE.shown_by(until(FRIDAY, 16)).early
    assert TABLE.shown_by(until(FRIDAY, 10)).early[FRIDAY] == HALF_DAY_CLOSE
    christmas = date(2025, 12, 25)
    assert TABLE.shown_by(until(christmas, 100)).session(christmas) == session_bounds(christmas)


@pytest.mark.skipif(not NOVEMBER.exists(), reason=f"{NOVEMBER} is not here")
def test_the_next_opening_is_found_over_weekends_and_holidays() -> None:
    friday = datetime(2025, 12, 12, 22, 30, tzinfo=UTC)
    assert TABLE.next_open(friday) == datetime(2025, 12, 14, 23, 0, tzinfo=UTC)
    assert TABLE.next_open(friday, regular=True) == datetime(2025, 12, 15, 14, 30, tzinfo=UTC)
    christmas = datetime(2025, 12, 24, 20, 0, tzinfo=UTC)
    assert TABLE.next_open(christmas) == datetime(2025, 12, 25, 23, 0, tzinfo=UTC)


def test_the_bars_of_a_real_month_agree_with_the_table() -> None:
    bars = load_bars(NOVEMBER, ES)
    shown = TABLE.shown_by(bars)
    traded = {trading_date(bar.opened_at) for bar in bars}
    assert {day: shown.early[day] for day in traded if day in shown.early} == {
        date(2025, 11, 27): HOLIDAY_HALT,
        FRIDAY: HALF_DAY_CLOSE,
    }
