"""The exchange's calendar: what the library says, what it lacks, and what the bars show."""

import runpy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mytrader.domain import exchange_days
from mytrader.domain.exchange_days import (
    FIRST,
    LACKING,
    LAST,
    exchange_session,
    exchange_sessions,
    open_sessions,
)
from mytrader.domain.session import EXCHANGE_ZONE

SCRIPT = Path(__file__).parents[1] / "scripts" / "draw_exchange_days.py"


def utc(text: str) -> datetime:
    """Return a moment written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.slow
def test_the_table_is_what_the_library_says() -> None:
    """`python scripts/draw_exchange_days.py` writes it anew."""
    script = runpy.run_path(str(SCRIPT))
    days = script["days_of_library"](FIRST, LAST)
    assert exchange_days._TABLE.lstrip("\n") == script["table"](days)


def test_nothing_that_we_add_opens_a_day_that_the_library_shuts() -> None:
    """Ours only shuts earlier, or knows the quarter of an hour that it rounds away."""
    library = exchange_days._read(exchange_days._TABLE)
    assert all(library.get(day, "12:00") != "closed" for day in LACKING)
    assert set(LACKING.values()) == {"12:00", "12:15"}


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        # Winter, summer, and the first day after each change of the clocks.
        ("2025-11-20", "2025-11-19 23:00", "2025-11-20 22:00"),
        ("2025-07-02", "2025-07-01 22:00", "2025-07-02 21:00"),
        ("2025-03-07", "2025-03-06 23:00", "2025-03-07 22:00"),
        ("2025-03-10", "2025-03-09 22:00", "2025-03-10 21:00"),
        ("2025-10-31", "2025-10-30 22:00", "2025-10-31 21:00"),
        ("2025-11-03", "2025-11-02 23:00", "2025-11-03 22:00"),
        # Thanksgiving shuts at noon, the day after at 12:15: the bars of November 2025.
        ("2025-11-27", "2025-11-26 23:00", "2025-11-27 18:00"),
        ("2025-11-28", "2025-11-27 23:00", "2025-11-28 18:15"),
        ("2025-12-24", "2025-12-23 23:00", "2025-12-24 18:15"),
        ("2025-06-19", "2025-06-18 22:00", "2025-06-19 17:00"),
        ("2025-07-03", "2025-07-02 22:00", "2025-07-03 17:15"),
        ("2026-07-03", "2026-07-02 22:00", "2026-07-03 17:00"),
        # The session after a holiday opens on the holiday's evening.
        ("2025-12-26", "2025-12-25 23:00", "2025-12-26 22:00"),
    ],
)
def test_a_session_in_the_exchanges_time(day: str, opens: str, closes: str) -> None:
    assert exchange_session(date.fromisoformat(day)) == (utc(opens), utc(closes))


@pytest.mark.parametrize(
    "day",
    [
        "2025-11-22",
        "2025-11-23",
        "2025-12-25",
        "2025-04-18",
        "2026-01-01",
        "2021-12-31",
        "2036-01-02",
    ],
)
def test_a_weekend_a_holiday_and_an_unknown_year_have_no_session(day: str) -> None:
    assert exchange_session(date.fromisoformat(day)) is None


def test_no_session_spans_the_daily_halt() -> None:
    """16:00 to 17:00 in Chicago, every day of every year, whatever the clocks do."""
    sessions = exchange_sessions(FIRST, LAST)
    assert len(sessions) > 250 * (LAST.year - FIRST.year)
    for opens, closes in sessions:
        assert opens.astimezone(EXCHANGE_ZONE).hour == 17
        assert closes.astimezone(EXCHANGE_ZONE).hour <= 16
        assert timedelta(hours=18) < closes - opens <= timedelta(hours=23)


HALF_DAY = (utc("2025-11-27 23:00"), utc("2025-11-28 22:00"))
"""The Friday after Thanksgiving, as a broker states it that has forgotten the half day."""


def test_an_entry_needs_the_broker_and_the_calendar() -> None:
    """The earlier close counts, the later open; what only one of them knows is shut."""
    assert open_sessions((HALF_DAY,)) == ((HALF_DAY[0], utc("2025-11-28 18:15")),)
    late = (utc("2025-11-28 01:00"), utc("2025-11-28 17:00"))
    assert open_sessions((late,)) == (late,)
    christmas = (utc("2025-12-24 23:00"), utc("2025-12-25 22:00"))
    assert open_sessions((christmas,)) == ()
    assert open_sessions(()) == ()
    unknown = (utc("2040-01-02 23:00"), utc("2040-01-03 22:00"))
    assert open_sessions((unknown,)) == ()


def test_hours_of_a_whole_century_cost_nothing() -> None:
    """A broker's text may say anything."""
    always = (utc("0001-01-02 00:00"), utc("9999-12-30 00:00"))
    found = open_sessions((always,))
    assert (found[0][0].year, found[-1][1].year) == (2022, LAST.year)
