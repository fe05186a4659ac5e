"""The hours of the stocks: half days, holidays, both clocks."""

from datetime import UTC, date, datetime

import pytest

from mytrader.signals.regular_session import regular_session


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2025, 11, 5), "2025-11-05 14:30", "2025-11-05 21:00"),
        (date(2025, 7, 1), "2025-07-01 13:30", "2025-07-01 20:00"),
        (date(2025, 11, 3), "2025-11-03 14:30", "2025-11-03 21:00"),
        (date(2025, 10, 31), "2025-10-31 13:30", "2025-10-31 20:00"),
        (date(2025, 11, 28), "2025-11-28 14:30", "2025-11-28 18:15"),
        (date(2025, 12, 24), "2025-12-24 14:30", "2025-12-24 18:15"),
    ],
)
def test_a_regular_session_follows_chicago_and_ends_early_on_half_days(
    day: date, opens: str, closes: str
) -> None:
    expected = tuple(datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (opens, closes))
    assert regular_session(day) == expected


@pytest.mark.parametrize(
    "day",
    [
        date(2025, 11, 27),
        date(2025, 7, 4),
        date(2025, 6, 19),
        date(2025, 12, 25),
        date(2025, 11, 8),
        date(2021, 11, 5),
    ],
    ids=["Thanksgiving", "4 July", "Juneteenth", "Christmas", "Saturday", "no calendar"],
)
def test_a_holiday_of_the_stocks_has_no_opening(day: date) -> None:
    """The futures trade until noon on most of them; nothing opens at 08:30."""
    assert regular_session(day) is None
