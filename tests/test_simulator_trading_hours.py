"""Sessions of the CME day, over both kinds of time."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mytrader.domain.session import EXCHANGE_ZONE, SESSION_MINUTES, minute_of_session, trading_date
from mytrader.simulator.trading_hours import in_regular_hours, regular_bounds, session_bounds


def central(day: int, hour: int, *, minute: int = 0) -> datetime:
    """Return a time in December 2025, Central."""
    return datetime(2025, 12, day, hour, minute, tzinfo=EXCHANGE_ZONE)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (central(11, 16, minute=59), date(2025, 12, 11)),
        (central(11, 17), date(2025, 12, 12)),
        (central(12, 15, minute=59), date(2025, 12, 12)),
        (central(14, 17), date(2025, 12, 15)),
    ],
)
def test_a_session_has_the_date_on_which_it_ends(at: datetime, day: date) -> None:
    assert trading_date(at.astimezone(UTC)) == day


@pytest.mark.parametrize("day", [date(2025, 12, 12), date(2025, 7, 1), date(2025, 11, 3)])
def test_a_session_lasts_23_hours_and_contains_its_own_times(day: date) -> None:
    opened, closed = session_bounds(day)
    assert closed - opened == timedelta(minutes=SESSION_MINUTES)
    assert trading_date(opened) == trading_date(closed - timedelta(minutes=1)) == day
    assert minute_of_session(opened) == 0
    assert minute_of_session(closed) == SESSION_MINUTES


def test_the_incident_session_in_utc() -> None:
    opened, closed = session_bounds(date(2025, 12, 12))
    assert opened == datetime(2025, 12, 11, 23, tzinfo=UTC)
    assert closed == datetime(2025, 12, 12, 22, tzinfo=UTC)


def test_regular_hours_include_their_open_and_exclude_their_close() -> None:
    opened, closed = regular_bounds(date(2025, 12, 12))
    assert opened == central(12, 8, minute=30)
    assert in_regular_hours(opened)
    assert in_regular_hours(closed - timedelta(microseconds=1))
    assert not in_regular_hours(opened - timedelta(microseconds=1))
    assert not in_regular_hours(closed)


def test_a_weekend_has_no_regular_hours() -> None:
    assert not in_regular_hours(central(13, 12))
