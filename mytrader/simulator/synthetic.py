"""A market from a seed: one-minute bars that resemble those of the E-mini S&P 500.

What it has, per minute: volatility and volume by time of day as measured (`_TICKS_BY_SLOT`,
`domain.volume_profile`), clusters of volatility (a slow and a fast autoregressive factor and one
factor per session), fat tails (Student's t), a few jumps a session, and spells of trend and of
chop. Highs and lows are drawn from the extremes of a Brownian bridge between open and close.

What it has not: holidays, half days, price limits, scheduled releases, a term structure.

The figures come from 18 full sessions of one-minute bars of ESZ5, 2025-11-03 to 2025-11-26. The
generator is seeded by text, so the same seed gives the same bars in every process.
"""

import math
import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.session import SESSION_MINUTES
from mytrader.domain.volume_profile import SLOT_MINUTES, expected_share
from mytrader.errors import BadInput
from mytrader.simulator.trading_hours import regular_bounds, session_bounds

START_PRICE: Final = Decimal(6800)

_TICKS_BY_SLOT: Final = (
    *(6.9, 4.1, 5.5, 4.3, 5.6, 4.9, 4.3, 3.9, 3.5, 4.1, 4.5, 3.7, 4.0, 3.9, 4.1, 4.0),
    *(4.5, 4.7, 6.4, 5.1, 5.7, 5.3, 5.1, 5.2, 5.4, 5.2, 6.5, 6.9, 6.2, 6.8, 6.5),
    *(16.3, 14.1, 12.2, 11.6, 11.9, 12.1, 10.7, 10.2, 10.5, 9.1, 9.7, 8.6, 10.9),
    *(6.0, 4.1),
)
"""Standard deviation of close minus open, ticks, by half hour from 17:00 US Central."""

_SESSION_VOLUME: Final = 2_050_000
_FREEDOM: Final = 6.0
_JUMPS_PER_SESSION: Final = 1.5
_SPELL_MINUTES: Final = 45.0
_TREND_PULL: Final = 0.09
_CHOP_PULL: Final = 0.04
_GAP_TICKS: Final = 12.0
_SATURDAY: Final = 5


def synthetic_bars(
    seed: int,
    instrument: Instrument,
    *,
    session: date,
    start_price: Decimal = START_PRICE,
    regular_hours_only: bool = False,
) -> list[Bar]:
    """Return the bars of one session, 17:00 to 16:00 Central, every minute present.

    With `regular_hours_only` the same session's bars from 08:30 to 15:00. `start_price` is in
    index points. Raises `BadInput` for a day without a session.
    """
    bars = synthetic_sessions(seed, instrument, sessions=[session], start_price=start_price)
    if regular_hours_only:
        opened, closed = regular_bounds(session)
        return [bar for bar in bars if opened <= bar.opened_at < closed]
    return bars


def synthetic_sessions(
    seed: int,
    instrument: Instrument,
    *,
    sessions: Sequence[date],
    start_price: Decimal = START_PRICE,
) -> list[Bar]:
    """Return the bars of several sessions in a row; each opens near the close before it."""
    price = instrument.ticks_down(start_price)
    bars: list[Bar] = []
    for session in sessions:
        if session.weekday() >= _SATURDAY:
            raise BadInput(f"{session} is a {session:%A}; choose a day from Monday to Friday")
        chance = random.Random(f"{seed} {instrument.symbol} {session}")  # noqa: S311  # repeatable
        if bars:
            price = bars[-1].close + round(chance.gauss(0, _GAP_TICKS))
        bars.extend(_Session(chance, price).bars(session))
    return bars


class _Session:
    """One session's state: price, factors of volatility, the spell of trend or chop."""

    def __init__(self, chance: random.Random, price: int) -> None:
        self._chance = chance
        self._price = price
        self._level = chance.gauss(-0.18, 0.25)
        self._slow = chance.gauss(0, 0.35)
        self._fast = chance.gauss(0, 0.2)
        self._volume = _SESSION_VOLUME * math.exp(chance.gauss(-0.02, 0.2))
        self._spell_left = 0
        self._trend = 0
        self._mean = float(price)

    def bars(self, session: date) -> list[Bar]:
        """Return the session's bars, one a minute."""
        opened, _ = session_bounds(session)
        bars = []
        for minute in range(SESSION_MINUTES):
            sigma = self._sigma(minute)
            start = self._price + round(self._chance.gauss(0, 0.6))
            end = max(start + round(self._move(sigma)), 1)
            high, low = self._extremes(start, end, sigma=sigma)
            volume = self._contracts(minute, high - low, sigma=sigma)
            at = opened + timedelta(minutes=minute)
            bars.append(Bar(at, start, high, low, end, volume))
            self._price = end
            self._mean += (end - self._mean) / _SPELL_MINUTES
        return bars

    def _sigma(self, minute: int) -> float:
        self._slow = 0.995 * self._slow + self._chance.gauss(0, 0.035)
        self._fast = 0.85 * self._fast + self._chance.gauss(0, 0.105)
        return _TICKS_BY_SLOT[minute // SLOT_MINUTES] * math.exp(
            self._level + self._slow + self._fast
        )

    def _move(self, sigma: float) -> float:
        chance = self._chance
        if self._spell_left <= 0:
            self._spell_left = max(round(chance.expovariate(1 / _SPELL_MINUTES)), 5)
            self._trend = chance.choice((-1, 0, 0, 1))
        self._spell_left -= 1
        if self._trend:
            drift = self._trend * _TREND_PULL * sigma
        else:
            drift = -_CHOP_PULL * (self._price - self._mean)
        scale = math.sqrt((_FREEDOM - 2) / _FREEDOM)
        chi_square = chance.gammavariate(_FREEDOM / 2, 2.0)
        shock = chance.gauss(0, 1) * scale * math.sqrt(_FREEDOM / chi_square)
        if chance.random() < _JUMPS_PER_SESSION / SESSION_MINUTES:
            shock += chance.choice((-1, 1)) * (3 + chance.expovariate(0.5))
        return drift + sigma * shock

    def _extremes(self, start: int, end: int, *, sigma: float) -> tuple[int, int]:
        # The maximum of a Brownian bridge from 0 to m has the distribution below; so, mirrored,
        # has its minimum. Drawing the two independently widens the range a little.
        move = end - start
        above, below = (
            math.sqrt(move * move - 2 * sigma * sigma * math.log(1 - self._chance.random()))
            for _ in range(2)
        )
        high = max(start + math.floor((move + above) / 2), start, end)
        low = min(start + math.ceil((move - below) / 2), start, end)
        return high, max(low, 1)

    def _contracts(self, minute: int, span: int, *, sigma: float) -> int:
        activity: float = ((span + 1) / (1.6 * sigma + 1)) ** 0.6
        noise = math.exp(self._chance.gauss(-0.05, 0.4))
        busy = math.exp(0.5 * (self._slow + self._level))
        contracts = self._volume * expected_share(minute) * activity * noise * busy
        return max(round(contracts), 1)
