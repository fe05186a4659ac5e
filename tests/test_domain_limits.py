"""Limits in the units that guards compare: whole cents, and the releases of a moment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.limits import NO_ROOM, Blackout, Limits, is_amount

NOON = datetime(2025, 11, 12, 18, tzinfo=UTC)
MINUTES = st.integers(-60, 60).map(lambda minutes: NOON + timedelta(minutes=minutes))
BLACKOUTS = st.lists(st.builds(Blackout, MINUTES, MINUTES, st.just("a release")), max_size=8)


@pytest.mark.slow
@given(blackouts=BLACKOUTS, at=MINUTES)
def test_a_moment_is_in_a_blackout_if_any_contains_it(
    blackouts: list[Blackout], at: datetime
) -> None:
    """They may overlap, contain each other and come in any order."""
    found = Limits(blackouts=tuple(blackouts)).blackout_at(at)
    containing = [one for one in blackouts if one.starts_at <= at < one.ends_at]
    assert (found in containing) if containing else found is None


def test_a_calendar_that_is_not_known_names_no_release() -> None:
    """The guard asks whether it is known first."""
    assert Limits(blackouts=None).blackout_at(NOON) is None


@pytest.mark.parametrize(
    ("usd", "cents"),
    [
        ("1250", 125_000),
        ("1204.809", 120_480),
        ("-0.001", -1),
        ("NaN", NO_ROOM),
        ("sNaN", NO_ROOM),
        ("Infinity", NO_ROOM),
        ("1.7976931348623157E308", NO_ROOM),
    ],
)
def test_a_limit_in_cents_is_never_wider(usd: str, cents: int) -> None:
    """What is no amount of money leaves room for nothing."""
    amount = Decimal(usd)
    limits = Limits(
        loss_usd_trade_max=amount,
        loss_usd_daily_max=amount,
        drawdown_usd_max=amount,
        net_usd_per_point_max=amount,
    )
    assert limits.loss_cents_trade_max == limits.loss_cents_daily_max == cents
    assert limits.drawdown_cents_max == limits.net_cents_per_point_max == cents


@pytest.mark.slow
@given(usd=st.decimals())
def test_an_amount_is_finite_and_believable(usd: Decimal) -> None:
    assert is_amount(usd) is (usd.is_finite() and abs(usd) < 10**12)


def test_what_was_looked_up_is_no_part_of_the_limits() -> None:
    """The journal records the limits; equal ones stay equal whoever has asked them what."""
    asked = Limits()
    assert asked.reset_margin_s == 900
    assert asked.blackout_at(NOON) is None
    assert asked == Limits()
    assert msgspec.json.encode(asked) == msgspec.json.encode(Limits())
    assert msgspec.structs.replace(asked, reset_margin=timedelta(0)).reset_margin_s == 0
