"""A moment belongs to the trading date that the exchange's clock says."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.session import (
    BROKER_ZONE,
    EXCHANGE_ZONE,
    RESETS,
    common_sessions,
    exchange_hour,
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


# The same moment in Chicago and in New York

MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis wants them naive
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001 - hypothesis wants them naive
    timezones=st.just(UTC),
)
CHANGES = [
    datetime(2025, 3, 9, 8, tzinfo=UTC),
    datetime(2025, 11, 2, 7, tzinfo=UTC),
    datetime(2026, 3, 8, 8, tzinfo=UTC),
]
AROUND_CHANGES = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-2000, 2000),
)


@pytest.mark.slow
@given(at=MOMENTS | AROUND_CHANGES)
def test_local_times_are_what_the_clocks_show(at: datetime) -> None:
    """Looked up by the hour, and the same as asking the zones, through both clock changes."""
    chicago, new_york = at.astimezone(EXCHANGE_ZONE), at.astimezone(BROKER_ZONE)
    times = local_times(at)
    assert times.trading_date == trading_date(at)
    assert times.exchange_minute == chicago.hour * 60 + chicago.minute
    in_day = (new_york.hour * 60 + new_york.minute) * 60 + new_york.second
    assert times.broker_second == new_york.weekday() * 86_400 + in_day
    assert times.epoch_second == int(at.timestamp())


@pytest.mark.parametrize(
    ("clock", "margin_s", "inside"),
    [
        ("Tue 00:14:59", 0, False),
        ("Tue 00:15:00", 0, True),
        ("Tue 01:44:59", 0, True),
        ("Tue 01:45:00", 0, False),
        ("Mon 23:59:59", 900, False),
        ("Tue 00:00:00", 900, True),
        # A margin that reaches into the day before.
        ("Mon 20:14:59", 4 * 3600, False),
        ("Mon 20:15:00", 4 * 3600, True),
        ("Sun 20:15:00", 4 * 3600, True),
        # The weekend's reset.
        ("Fri 22:59:59", 0, False),
        ("Fri 23:00:00", 0, True),
        ("Sat 02:59:59", 0, True),
        ("Sat 03:00:00", 0, False),
        ("Fri 22:45:00", 900, True),
        ("Thu 23:00:00", 900, False),
    ],
)
def test_the_broker_is_reset_by_new_yorks_clock(
    clock: str, margin_s: float, *, inside: bool
) -> None:
    """00:15 to 01:45 every day, Friday 23:00 to Saturday 03:00 (SAFETY.md B10)."""
    day, _, time = clock.partition(" ")
    hour, minute, second = map(int, time.split(":"))
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    of_week = days.index(day) * 86_400 + hour * 3600 + minute * 60 + second
    assert in_broker_reset(of_week, margin_s=margin_s) is inside


@pytest.mark.slow
@pytest.mark.parametrize("margin_s", [0.0, 0.5, 899.5, 900.0, 3600.0, 7200.0, 90_000.0])
def test_an_hour_that_is_answered_at_once_holds_no_reset(margin_s: float) -> None:
    """Hours without a reset are known beforehand: every second answers as the table does."""
    wrong = [
        second
        for second in (*range(0, 7 * 86_400, 60), *range(899, 7 * 86_400, 900))
        if in_broker_reset(second, margin_s=margin_s)
        is not any(
            (second - start + margin_s) % period < end - start + margin_s
            for period, start, end in RESETS
        )
    ]
    assert not wrong


HOURS = st.integers(0, 60).map(lambda hours: OPEN + timedelta(hours=hours))
SESSIONS = st.lists(st.tuples(HOURS, HOURS), max_size=4)


@pytest.mark.slow
@given(stated=SESSIONS, known=SESSIONS, at=HOURS)
def test_open_is_what_both_call_open(
    stated: list[tuple[datetime, datetime]], known: list[tuple[datetime, datetime]], at: datetime
) -> None:
    both = common_sessions(stated, known)
    ours, theirs = session_at(tuple(stated), at), session_at(tuple(known), at)
    assert (session_at(both, at) is not None) is (ours is not None and theirs is not None)
    assert list(both) == sorted(both)


@given(
    st.datetimes(
        min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis wants them naive
        max_value=datetime(2040, 1, 1),  # noqa: DTZ001 - hypothesis wants them naive
        timezones=st.sampled_from([UTC, EXCHANGE_ZONE]),
    )
)
def test_the_hour_is_that_of_the_clock_in_chicago(at: datetime) -> None:
    """Both clock changes included, and whatever zone the moment is written in."""
    assert exchange_hour(at) == at.astimezone(UTC).astimezone(EXCHANGE_ZONE).hour
