"""Trading dates, sessions, and the broker's trading hours."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.session import EXCHANGE_ZONE, parse_sessions, session_at, trading_date


@pytest.mark.parametrize(
    ("at", "belongs_to"),
    [
        (datetime(2025, 12, 11, 22, 59, tzinfo=UTC), date(2025, 12, 11)),
        (datetime(2025, 12, 11, 23, 0, tzinfo=UTC), date(2025, 12, 12)),
        (datetime(2025, 7, 10, 21, 59, tzinfo=UTC), date(2025, 7, 10)),
        (datetime(2025, 7, 10, 22, 0, tzinfo=UTC), date(2025, 7, 11)),
    ],
)
def test_a_trading_date_begins_at_five_in_the_evening_in_chicago(
    at: datetime, belongs_to: date
) -> None:
    """Winter and summer: the exchange's clock decides, not UTC."""
    assert trading_date(at) == belongs_to


@given(st.integers(1_577_836_800, 1_893_456_000))
def test_a_trading_date_is_that_of_chicago_seven_hours_later(epoch_s: int) -> None:
    """Also on the days on which the clocks change, from 2020 to 2030."""
    at = datetime.fromtimestamp(epoch_s, UTC)
    local = at.astimezone(EXCHANGE_ZONE).replace(tzinfo=None)
    assert trading_date(at) == (local + timedelta(hours=7)).date()


def test_hours_become_sessions_in_utc_without_the_closed_days() -> None:
    text = "20251212:1700-20251213:1600;20251213:CLOSED;20251210:1700-20251211:1600;"
    assert parse_sessions(text, "US/Central") == (
        (datetime(2025, 12, 10, 23, tzinfo=UTC), datetime(2025, 12, 11, 22, tzinfo=UTC)),
        (datetime(2025, 12, 12, 23, tzinfo=UTC), datetime(2025, 12, 13, 22, tzinfo=UTC)),
    )


@pytest.mark.parametrize("text", ["20251210:1700", "nonsense", "20251210:1700-later", "-"])
def test_hours_that_cannot_be_read_are_an_error_not_no_hours(text: str) -> None:
    """Unknown is not closed, and not open either."""
    with pytest.raises(ValueError, match=r"."):
        parse_sessions(text, "US/Central")


def test_a_session_holds_its_open_and_not_its_close() -> None:
    sessions = parse_sessions("20251210:1700-20251211:1600", "US/Central")
    opens, closes = sessions[0]
    assert session_at(sessions, opens) == sessions[0]
    assert session_at(sessions, closes - timedelta(microseconds=1)) == sessions[0]
    assert session_at(sessions, closes) is None
    assert session_at(sessions, opens - timedelta(microseconds=1)) is None
