"""What one-minute bars look like, in numbers that two markets can be compared by.

All figures are of whole sessions of 23 hours; moves are in ticks. The size of a move depends on
the time of day most of all, so tails and clusters are measured twice: as they are, and with every
move divided by the standard deviation of its half hour.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median, quantiles
from typing import Final

from msgspec import Struct

from mytrader.domain.market import Bar
from mytrader.domain.session import SESSION_MINUTES, minute_of_session, trading_date
from mytrader.domain.volume_profile import SLOT_MINUTES
from mytrader.errors import invariant

LAGS: Final = (1, 5, 15, 60)
"""Minutes between two moves whose sizes are compared."""

PERIOD_MINUTES: Final = 5
"""How finely volatility and volume are measured over the day."""

_SLOTS: Final = SESSION_MINUTES // SLOT_MINUTES
_PERIODS: Final = SESSION_MINUTES // PERIOD_MINUTES
TICKS_PER_POINT: Final = 4


class Spread(Struct, frozen=True):
    """The quarters of a quantity over sessions."""

    low: float
    middle: float
    high: float


class Likeness(Struct, frozen=True):
    """The figures of a market.

    * `range_points`, `volume`: of a session, over sessions.
    * `volatility`: standard deviation of close minus open of a minute, ticks, for every five
      minutes from 17:00 US Central; `volume_share`: their part of the session's volume, per cent.
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
    volatility: tuple[float, ...]
    volume_share: tuple[float, ...]
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
    """Return the figures of two sessions or more; a gap is measured to the next that is later."""
    invariant(len(sessions) > 1, "two sessions or more have a spread")
    scaled = scaled_moves(sessions)
    flat = [move for session in scaled for move in session]
    gaps = [
        abs(after.open - before.close)
        for session in sessions
        for before, after in pairwise(session)
    ]
    minutes = len(sessions) * SESSION_MINUTES
    return Likeness(
        sessions=len(sessions),
        range_points=_spread(sessions, range_points),
        volume=_spread(sessions, lambda bars: sum(bar.volume for bar in bars)),
        volatility=_volatility(sessions),
        volume_share=_volume_share(sessions),
        kurtosis=_excess_kurtosis([bar.close - bar.open for day in sessions for bar in day]),
        kurtosis_by_hour=_excess_kurtosis(flat),
        extreme=sorted(map(abs, flat))[-max(len(flat) // 1000, 1)],
        autocorrelation=tuple(autocorrelation(scaled, lag) for lag in LAGS),
        gap_share=sum(gap > 0 for gap in gaps) / len(gaps),
        gap_ticks=fmean(gaps),
        session_gap_ticks=fmean(
            abs(after[0].open - before[-1].close)
            for before, after in pairwise(sessions)
            if before[-1].opened_at < after[0].opened_at
        ),
        silent_share=1 - sum(bar.volume > 0 for day in sessions for bar in day) / minutes,
    )


def range_points(bars: Sequence[Bar]) -> float:
    """Return the distance from the lowest to the highest price, index points."""
    return (max(bar.high for bar in bars) - min(bar.low for bar in bars)) / TICKS_PER_POINT


def scaled_moves(sessions: Sequence[Sequence[Bar]]) -> list[list[float]]:
    """Return each minute's close minus open, in standard deviations of its half hour."""
    by_hour = half_hours(_volatility(sessions))
    return [
        [
            (bar.close - bar.open) / by_hour[minute_of_session(bar.opened_at) // SLOT_MINUTES]
            for bar in session
        ]
        for session in sessions
    ]


def autocorrelation(sessions: Sequence[Sequence[float]], lag: int) -> float:
    """Return the correlation of |move| with |move| `lag` minutes later, within sessions.

    Moves that are all of one size have none: 0.
    """
    sizes = [list(map(abs, session)) for session in sessions]
    centre = fmean(size for session in sizes for size in session)
    variance = fmean((size - centre) ** 2 for session in sizes for size in session)
    products = [
        (before - centre) * (after - centre)
        for session in sizes
        for before, after in zip(session, session[lag:], strict=False)
    ]
    return math.fsum(products) / len(products) / variance if variance else 0.0


def half_hours(volatility: Sequence[float]) -> tuple[float, ...]:
    """Return the volatility of every half hour from that of its parts."""
    return tuple(math.hypot(*part) / math.sqrt(len(part)) for part in _parts(volatility))


def half_hour_sums(shares: Sequence[float]) -> tuple[float, ...]:
    """Return each half hour's share from those of its parts."""
    return tuple(sum(part) for part in _parts(shares))


def _parts(values: Sequence[float]) -> list[Sequence[float]]:
    per_slot = len(values) // _SLOTS
    return [values[slot * per_slot : (slot + 1) * per_slot] for slot in range(_SLOTS)]


def _volatility(sessions: Sequence[Sequence[Bar]]) -> tuple[float, ...]:
    """Return the root of the mean square move: a minute is taken to have no trend."""
    moves: list[list[int]] = [[] for _ in range(_PERIODS)]
    for bar in (bar for session in sessions for bar in session):
        moves[_period(bar)].append((bar.close - bar.open) ** 2)
    return tuple(math.sqrt(fmean(squares)) if squares else 0.0 for squares in moves)


def _period(bar: Bar) -> int:
    return minute_of_session(bar.opened_at) // PERIOD_MINUTES


def _spread(
    sessions: Sequence[Sequence[Bar]], measure: Callable[[Sequence[Bar]], float]
) -> Spread:
    values = [measure(session) for session in sessions]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, median(values), high)


def _volume_share(sessions: Sequence[Sequence[Bar]]) -> tuple[float, ...]:
    shares = [0.0] * _PERIODS
    for session in sessions:
        whole = sum(bar.volume for bar in session) * len(sessions)
        for bar in session:
            shares[_period(bar)] += 100 * bar.volume / whole
    return tuple(shares)


def _excess_kurtosis(values: Sequence[float]) -> float:
    centre = fmean(values)
    variance = fmean((value - centre) ** 2 for value in values)
    return fmean((value - centre) ** 4 for value in values) / variance**2 - 3
