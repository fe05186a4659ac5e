"""A moment belongs to the trading date that the exchange's clock says."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.session import (
    BROKER_ZONE,
    EXCHANGE_ZONE,
    common_sessions,
    in_broker_reset,
    local_times,
    parse_sessions,
    session_at,
    trading_date,
)

OPEN = datetime(2025, 11, 19, 23, tzinfo=UTC)
CLOSE = datetime(2025, 11, 20, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # Winter: 17:00 US Central is 23:00 UTC. Summer: 22:00 UTC.
        (datetime(2025, 11, 19, 22, 59, 59, tzinfo=UTC), date(2025, 11, 19)),
        (datetime(2025, 11, 19, 23, tzinfo=UTC), date(2025, 11, 20)),
        (datetime(2025, 7, 1, 21, 59, 59, 999999, tzinfo=UTC), date(2025, 7, 1)),
        (datetime(2025, 7, 1, 22, tzinfo=UTC), date(2025, 7, 2)),
    ],
)
def test_the_date_changes_at_five_in_chicago(at: datetime, expected: date) -> None:
    assert trading_date(at) == expected


@given(
    st.datetimes(
        min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis wants them naive
        max_value=datetime(2040, 1, 1),  # noqa: DTZ001 - hypothesis wants them naive
        timezones=st.sampled_from([UTC, EXCHANGE_ZONE]),
    )
)
def test_every_moment_has_the_date_of_seven_hours_later(at: datetime) -> None:
    """Both clock changes included, and whatever zone the moment is written in."""
    later = at.astimezone(EXCHANGE_ZONE).replace(tzinfo=None) + timedelta(hours=7)
    assert trading_date(at) == later.date()


def test_a_session_holds_its_open_and_not_its_close() -> None:
    session = (OPEN, CLOSE)
    assert session_at((session,), OPEN) == session
    assert session_at((session,), CLOSE - timedelta(microseconds=1)) == session
    assert session_at((session,), CLOSE) is None
    assert session_at((session,), OPEN - timedelta(microseconds=1)) is None
    assert session_at((), OPEN) is None


def test_hours_are_read_and_closed_days_left_out() -> None:
    text = "20251122:CLOSED;20251119:1700-20251120:1600;"
    assert parse_sessions(text, "America/Chicago") == ((OPEN, CLOSE),)


@pytest.mark.parametrize("text", ["20251119:1700", "nonsense-nonsense", "20251119-20251120"])
def test_hours_that_cannot_be_read_are_an_error(text: str) -> None:
    """Unknown hours must not pass for no hours."""
    with pytest.raises(ValueError):
        parse_sessions(text, "America/Chicago")
