"""Holes are told from breaks, half days, weekends and thin markets."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from mytrader.domain.bar_holes import HOLE_MINUTES_MAX, is_hole, minutes_missing
from tests.signal_bars import MONTH, real_bars


@pytest.mark.slow
def test_a_month_of_real_bars_has_no_hole() -> None:
    """Daily halts, weekends and both kinds of half day are in it."""
    bars = real_bars(MONTH)
    missing = {minutes_missing(one.opened_at, two.opened_at) for one, two in pairwise(bars)}
    assert missing == {0}


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("2025-11-05 20:00", "2025-11-05 20:01", 0),
        ("2025-11-05 20:00", "2025-11-05 20:21", 20),
        ("2025-11-05 21:59", "2025-11-05 23:00", 0),
        ("2025-11-05 21:49", "2025-11-05 23:12", 22),
        ("2025-11-07 21:59", "2025-11-09 23:00", 0),
        ("2025-11-06 21:59", "2025-11-09 23:00", 1380),
        ("2025-11-27 17:59", "2025-11-27 23:00", 0),
        ("2025-11-28 18:14", "2025-11-30 23:00", 0),
        ("2025-11-28 18:00", "2025-11-30 23:00", 14),
        ("2025-10-31 20:59", "2025-11-02 23:00", 0),
        ("2025-11-01 00:00", "2025-11-20 00:00", 19 * 1440 - 1),
        ("2021-11-04 20:00", "2021-11-04 20:21", 20),
        ("2021-11-04 21:00", "2021-11-04 22:00", 0),
    ],
)
def test_minutes_count_as_missing_while_the_exchange_is_open(
    before: str, after: str, missing: int
) -> None:
    """Breaks, weekends, half days, the change of the clocks, and a year without a calendar."""
    began, resumed = (datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (before, after))
    assert minutes_missing(began, resumed) == missing


def test_more_than_five_minutes_are_a_hole() -> None:
    """Quiet minutes of the night are a market, twenty minutes in a row are none."""
    at = datetime(2025, 11, 5, 8, 0, tzinfo=UTC)
    assert not is_hole(at, at.replace(minute=HOLE_MINUTES_MAX + 1))
    assert is_hole(at, at.replace(minute=HOLE_MINUTES_MAX + 2))
    assert not is_hole(at, at)
