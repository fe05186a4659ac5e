"""The nearest price limits, by the time of day in Chicago (SAFETY.md X5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.price_limits import price_limits


@pytest.mark.parametrize(
    ("clock", "limits"),
    [
        ("17:00", (9300, 10_700)),
        ("00:00", (9300, 10_700)),
        ("08:29", (9300, 10_700)),
        ("08:30", (9300, None)),
        ("14:24", (9300, None)),
        ("14:25", (8000, None)),
        ("14:59", (8000, None)),
        ("15:00", (9300, 10_700)),
        ("15:59", (9300, 10_700)),
    ],
)
def test_the_limits_follow_the_hours(clock: str, limits: tuple[int, int | None]) -> None:
    hour, minute = map(int, clock.split(":"))
    assert price_limits(10_000, hour * 60 + minute) == limits


@pytest.mark.slow
@given(settlement=st.integers(1, 10**7), minute=st.integers(0, 1439))
def test_a_limit_is_put_on_the_nearer_tick(settlement: int, minute: int) -> None:
    """Never further away than the exchange's, and less than a tick nearer."""
    low, high = price_limits(settlement, minute)
    percent = 80 if 865 <= minute < 900 else 93
    assert 0 <= low * 100 - settlement * percent < 100
    assert high is None or 0 <= settlement * 107 - high * 100 < 100
