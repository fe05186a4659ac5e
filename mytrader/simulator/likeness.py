"""What one-minute bars look like, in numbers that two markets can be compared by.

All figures are of whole sessions of 23 hours; moves are in ticks. The size of a move depends on
the time of day most of all, so tails and clusters are measured twice: as they are, and with every
move divided by the standard deviation of its half hour.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev, quantiles
from typing import Final

from msgspec import Struct

from mytrader.domain.market import Bar
from mytrader.domain.session import SESSION_MINUTES, minute_of_session, trading_date
from mytrader.domain.volume_profile import SLOT_MINUTES
from mytrader.errors import invariant

LAGS: Final = (1, 5, 15, 60)
"""Minutes between two moves whose sizes are compared."""

SLOTS: Final = SESSION_MINUTES // SLOT_MINUTES
TICKS_PER_POINT: Final = 4


class Spread(Struct, frozen=True):
    """The quarters of a quantity over sessions."""

    low: float
    middle: float
    high: float


class Likeness(Struct, frozen=True):
    """The figures of a market.

    * `range_points`, `volume`: of a session, over sessions.
    * `volatility_by_slot`: standard deviation of close minus open of a minute, ticks, by half hour
      from 17:00 US Central; `volume_by_slot`: each half hour's share of the session's volume.
    * `kurtosis`: excess over a normal distribution, of a minute's close minus open; the second is
      of moves divided by their half hour's deviation. `extreme`: the largest of 1,000 such.
    * `autocorrelation`: of the sizes of such moves, at `LAGS`.
    * `gap_share`, `gap_ticks`: minutes that open away from the close before, and how far in the
      mean; `session_gap_ticks`: the same from session to session.
    * `silent_share`: minutes without a trade.
    """

    sessions: int
    range_points: Spread
    volume: Spread
    volatility_by_slot: tuple[float, ...]
    volume_by_slot: tuple[float, ...]
    kurtosis: float
    kurtosis_by_hour: float
    extreme: float
    autocorrelation: tuple[float, ...]
    gap_share: float
    gap_ticks: float
    session_gap_ticks: float
    silent_share: float


def whole_sessions(bars: Iterable[Bar], minutes_min: int = SESSION_MINUTES) -> list[list[Bar]]:
    """Return the sessions with at least so many minutes, oldest first."""
    by_day: dict[object, list[Bar]] = {}
    for bar in bars:
        by_day.setdefault(trading_date(bar.opened_at), []).append(bar)
    return [day for day in by_day.values() if len(day) >= minutes_min]


def likeness(sessions: Sequence[Sequence[Bar]]) -> Likeness:
    """Return the figures of two sessions or more, which are consecutive and in order."""
    invariant(len(sessions) > 1, "two sessions or more have a spread")
    slots: list[list[int]] = [[] for _ in range(SLOTS)]
    for bar in (bar for session in sessions for bar in session):
        slots[_slot(bar)].append(bar.close - bar.open)
    volatility = tuple(pstdev(moves) for moves in slots)
    scaled = [
        [(bar.close - bar.open) / volatility[_slot(bar)] for bar in session]
        for session in sessions
    ]
    flat = [move for session in scaled for move in session]
    gaps = [
        abs(after.open - before.close)
        for session in sessions
        for before, after in pairwise(session)
    ]
    minutes = len(sessions) * SESSION_MINUTES
    return Likeness(
        sessions=len(sessions),
        range_points=_spread(sessions, _range_points),
        volume=_spread(sessions, lambda bars: sum(bar.volume for bar in bars)),
        volatility_by_slot=volatility,
        volume_by_slot=_volume_by_slot(sessions),
        kurtosis=_excess_kurtosis([move for moves in slots for move in moves]),
        kurtosis_by_hour=_excess_kurtosis(flat),
        extreme=sorted(map(abs, flat))[-max(len(flat) // 1000, 1)],
        autocorrelation=tuple(_autocorrelation(scaled, lag) for lag in LAGS),
        gap_share=sum(gap > 0 for gap in gaps) / len(gaps),
        gap_ticks=fmean(gaps),
        session_gap_ticks=fmean(
            abs(after[0].open - before[-1].close) for before, after in pairwise(sessions)
        ),
        silent_share=1 - sum(bar.volume > 0 for day in sessions for bar in day) / minutes,
    )


def _slot(bar: Bar) -> int:
    return minute_of_session(bar.opened_at) // SLOT_MINUTES


def _range_points(bars: Sequence[Bar]) -> float:
    return (max(bar.high for bar in bars) - min(bar.low for bar in bars)) / TICKS_PER_POINT


def _spread(
    sessions: Sequence[Sequence[Bar]], measure: Callable[[Sequence[Bar]], float]
) -> Spread:
    values = [measure(session) for session in sessions]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, median(values), high)


def _volume_by_slot(sessions: Sequence[Sequence[Bar]]) -> tuple[float, ...]:
    shares = [0.0] * SLOTS
    for session in sessions:
        whole = sum(bar.volume for bar in session)
        for bar in session:
            shares[_slot(bar)] += bar.volume / whole / len(sessions)
    return tuple(shares)


def _excess_kurtosis(values: Sequence[float]) -> float:
    centre = fmean(values)
    variance = fmean((value - centre) ** 2 for value in values)
    return fmean((value - centre) ** 4 for value in values) / variance**2 - 3


def _autocorrelation(sessions: Sequence[Sequence[float]], lag: int) -> float:
    """Return the correlation of |move| with |move| `lag` minutes later, within sessions."""
    sizes = [list(map(abs, session)) for session in sessions]
    centre = fmean(size for session in sizes for size in session)
    variance = fmean((size - centre) ** 2 for session in sizes for size in session)
    products = [
        (before - centre) * (after - centre)
        for session in sizes
        for before, after in zip(session, session[lag:], strict=False)
    ]
    return math.fsum(products) / len(products) / variance
