"""Made bars to try a strategy on, the same on every machine: no market ever looked like this.

Sessions of the exchange's calendar, all their minutes. The market drifts for an hour or two, then
some other way; around the open of the stocks it moves most; volume follows the measured profile.
The numbers come from a multiplicative congruential generator (Park and Miller, "Random number
generators: good ones are hard to find", 1988), so that the same seed gives the same bars for ever.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from mytrader.domain.exchange_days import exchange_sessions
from mytrader.domain.market import BAR_LENGTH, Bar
from mytrader.domain.session import SESSION_MINUTES, minute_of_session
from mytrader.domain.volume_profile import expected_share

_FIRST: Final = date(2025, 11, 3)
_LAST: Final = date(2026, 11, 3)
_PRICE_TICKS: Final = 27_200
_VOLUME: Final = 1_200_000
_DRIFT_MINUTES: Final = (40, 150)
_LEAST_SHARE: Final = 0.2


class _Numbers:
    """Park and Miller's minimal standard generator."""

    def __init__(self, seed: int) -> None:
        self._state = seed % 2_147_483_646 + 1

    def between(self, low: float, high: float) -> float:
        self._state = self._state * 16_807 % 2_147_483_647
        return low + (high - low) * self._state / 2_147_483_647


def practice_bars(sessions: int = 5, *, seed: int = 1) -> list[Bar]:
    """Return all minutes of so many sessions (250 at most), from Monday 2025-11-03 on."""
    return list(_minutes(sessions, _Numbers(seed)))


def _minutes(sessions: int, numbers: _Numbers) -> Iterator[Bar]:
    close, drift, changes_at = _PRICE_TICKS, 0.0, 0
    for opens, closes in exchange_sessions(_FIRST, _LAST)[:sessions]:
        close += round(numbers.between(-30, 30))  # the jump over the break
        for minute in range((closes - opens) // BAR_LENGTH):
            changes_at -= 1
            if changes_at < 0:
                changes_at = round(numbers.between(*_DRIFT_MINUTES))
                drift = numbers.between(-0.35, 0.35)
            bar = _bar(opens + timedelta(minutes=minute), close, drift=drift, numbers=numbers)
            close = bar.close
            yield bar


def _bar(at: datetime, before: int, *, drift: float, numbers: _Numbers) -> Bar:
    """Return a minute that moves by the root of its share of the day, about six ticks at most."""
    share = expected_share(minute_of_session(at)) * SESSION_MINUTES
    reach = 3 * max(share, _LEAST_SHARE) ** 0.5
    noise = sum(numbers.between(-1, 1) for _ in range(3))
    opened = before + round(numbers.between(-1, 1))
    close = opened + round(reach * (noise + drift))
    return Bar(
        opened_at=at,
        open=opened,
        high=max(opened, close) + round(numbers.between(0, reach)),
        low=min(opened, close) - round(numbers.between(0, reach)),
        close=close,
        volume=round(_VOLUME / SESSION_MINUTES * share * numbers.between(0.3, 1.7)),
    )
