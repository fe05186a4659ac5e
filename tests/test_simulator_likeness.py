"""Figures of a market are what they are called, on bars whose figures are known."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from mytrader.domain.market import Bar
from mytrader.errors import InvariantBroken
from mytrader.simulator.likeness import (
    autocorrelation,
    half_hour_sums,
    half_hours,
    likeness,
    range_points,
    scaled_moves,
    whole_sessions,
)

OPENS = datetime(2025, 12, 10, 23, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def session(at: datetime, moves: list[int], *, volume: int = 10, gap: int = 0) -> list[Bar]:
    """Return bars with these moves, each opening `gap` ticks from the close before."""
    bars, price = [], 27_000
    for minute, move in enumerate(moves):
        begin, price = price + gap, price + gap + move
        high, low = max(begin, price), min(begin, price)
        bars.append(Bar(at + timedelta(minutes=minute), begin, high, low, price, volume))
    return bars


def two(moves: list[int], **how: int) -> list[list[Bar]]:
    """Return the same session on two days."""
    return [session(OPENS, moves, **how), session(OPENS + DAY, moves, **how)]


def normal(count: int = 1380, *, seed: int = 1, scale: float = 100.0) -> list[int]:
    """Return moves without tails or memory."""
    chance = random.Random(seed)  # noqa: S311  # repeatable
    return [round(chance.gauss(0, scale)) for _ in range(count)]


def test_volatility_is_measured_by_time_of_day() -> None:
    figures = likeness(two([3, -3] * 15 + [6, -6] * 675))
    assert figures.sessions == 2
    assert figures.volatility[:6] == (3.0,) * 6
    assert figures.volatility[6:] == (6.0,) * 270
    assert half_hours(figures.volatility)[:2] == pytest.approx((3.0, 6.0))


def test_shares_of_the_volume_add_up() -> None:
    figures = likeness(two([1, -1] * 690))
    assert sum(figures.volume_share) == pytest.approx(100)
    assert half_hour_sums(figures.volume_share) == pytest.approx([100 / 46] * 46)
    assert figures.volume.middle == 13_800


def test_a_minute_without_a_bar_or_without_volume_is_silent() -> None:
    figures = likeness(two([1, -1] * 345))
    assert figures.silent_share == pytest.approx(0.5)
    assert figures.volatility[-1] == 0.0
    thin = [
        [replace(bar, volume=0) if at % 4 else bar for at, bar in enumerate(bars)]
        for bars in two([1, -1] * 690)
    ]
    assert likeness(thin).silent_share == 0.75


def test_gaps_are_counted_and_measured() -> None:
    figures = likeness(two([2, -2] * 690, gap=3))
    assert figures.gap_share == 1.0
    assert figures.gap_ticks == 3.0
    assert figures.session_gap_ticks == abs(3 - 1380 * 3)


def test_a_session_that_is_not_later_has_no_gap_before_it() -> None:
    early, late = two([1, -1] * 690, gap=1)
    assert likeness([early, late, early]).session_gap_ticks == abs(1 - 1380)


def test_normal_moves_have_no_tails_and_no_memory() -> None:
    figures = likeness([session(OPENS + DAY * day, normal(seed=day)) for day in range(4)])
    assert abs(figures.kurtosis) < 0.4
    assert abs(figures.kurtosis_by_hour) < 0.4
    assert 2.8 < figures.extreme < 4.0
    assert all(abs(value) < 0.05 for value in figures.autocorrelation)


def test_time_of_day_is_taken_out_of_the_tails() -> None:
    """Quiet hours and loud ones make a mixture with tails; divided, the tails are gone."""
    moves = [*normal(690, scale=30), *normal(690, seed=2, scale=300)]
    figures = likeness([session(OPENS + DAY * day, moves) for day in range(2)])
    assert figures.kurtosis > 2
    assert abs(figures.kurtosis_by_hour) < 0.5


def test_alternating_sizes_remember() -> None:
    sizes = [[1.0, 1.0, 3.0, 3.0] * 100]
    assert autocorrelation(sizes, 2) == pytest.approx(-1)
    assert autocorrelation(sizes, 4) == pytest.approx(1)


def test_scaled_moves_have_one_deviation() -> None:
    flat = [move for day in scaled_moves(two(normal())) for move in day]
    assert math.fsum(move * move for move in flat) / len(flat) == pytest.approx(1)


def test_range_is_in_points() -> None:
    assert range_points(session(OPENS, [4, 4, -12])) == 3.0


def test_sessions_that_are_too_short_are_left_out() -> None:
    whole, half = session(OPENS, [1] * 1380), session(OPENS + DAY, [1] * 700)
    assert whole_sessions([*whole, *half]) == [whole]
    assert whole_sessions([*whole, *half], 700) == [whole, half]


def test_one_session_has_no_spread() -> None:
    with pytest.raises(InvariantBroken, match="two sessions or more"):
        likeness([session(OPENS, [1, -1] * 690)])
