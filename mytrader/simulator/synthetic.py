"""A market from a seed: one-minute bars that resemble those of the E-mini S&P 500.

What it has, per minute: volatility and volume by time of day as measured (`_TICKS_BY_SLOT`,
`domain.volume_profile`), clusters of volatility (a slow and a fast autoregressive factor and one
factor per session), fat tails (Student's t), jumps, and spells of trend and of chop. Highs and
lows are drawn from the extremes of a Brownian bridge between open and close. The seed also draws
what kind of day it is (`day_kinds`): ordinary, trend, chop, news, or, rarely, one that locks at
its price limit, falls into the circuit breaker or loses its exchange for a while.

What it has not: holidays, half days, a term structure. `docs/synthetic-market.md` holds it
against the measured month, side by side; the picture there is drawn by
`scripts/draw_likeness.py`.

The figures come from 18 full sessions of one-minute bars of ESZ5, 2025-11-03 to 2025-11-26. The
generator is seeded by text, so the same seed gives the same bars in every process.
"""

import math
import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.price_limits import price_limits
from mytrader.domain.session import SESSION_MINUTES
from mytrader.domain.volume_profile import SLOT_MINUTES, expected_share
from mytrader.errors import BadInput
from mytrader.simulator.day_kinds import HALT_MINUTES, RUN_MINUTES, DayKind, DayPlan, draw_day
from mytrader.simulator.trading_hours import regular_bounds, session_bounds

START_PRICE: Final = Decimal(6800)

_TICKS_BY_SLOT: Final = (
    *(6.9, 4.1, 5.5, 4.3, 5.6, 4.9, 4.3, 3.9, 3.5, 4.1, 4.5, 3.7, 4.0, 3.9, 4.1, 4.0),
    *(4.5, 4.7, 6.4, 5.1, 5.7, 5.3, 5.1, 5.2, 5.4, 5.2, 6.5, 6.9, 6.2, 6.8, 6.5),
    *(16.3, 14.1, 12.2, 11.6, 11.9, 12.1, 10.7, 10.2, 10.5, 9.1, 9.7, 8.6, 10.9),
    *(6.0, 4.1),
)
"""Standard deviation of close minus open, ticks, by half hour from 17:00 US Central."""

_PERIOD_MINUTES: Final = 5
_TICKS_WITHIN_SLOT: Final = {
    0: (1.75, 1.05, 0.73, 0.76, 0.67, 0.55),
    29: (1.53, 0.91, 0.82, 0.94, 0.78, 0.74),
    31: (1.3, 0.95, 0.95, 0.95, 0.92, 0.85),
    43: (0.78, 0.93, 0.8, 0.98, 1.27, 1.08),
    44: (1.4, 0.86, 0.84, 0.84, 0.84, 0.8),
}
_VOLUME_WITHIN_SLOT: Final = {
    0: (2.1, 1.1, 0.9, 0.75, 0.65, 0.5),
    30: (1.0, 0.86, 0.73, 0.73, 0.73, 1.95),
    31: (1.33, 0.95, 0.96, 1.0, 0.96, 0.8),
    43: (0.53, 0.47, 0.48, 0.59, 1.05, 2.88),
    44: (3.36, 0.91, 0.71, 0.38, 0.38, 0.26),
}
"""The opening, the news at 07:30, the regular open, and the close: half hours in which every five
minutes differ, as parts of their half hour's mean. The others are flat."""

_FLAT: Final = (1.0,) * (SLOT_MINUTES // _PERIOD_MINUTES)
_SESSION_VOLUME: Final = 1_950_000
_FREEDOM: Final = 9.0
_SPELL_MINUTES: Final = 45.0
_GAP_TICKS: Final = 20.0
_OPEN_TICKS: Final = 0.71
_LEVEL_SIGMA: Final = 0.15
_SLOW: Final = (0.997, 0.029)
_FAST: Final = (0.85, 0.05)
_NEWS_JUMP: Final = (2.5, 1.0)
_NEWS_LEVEL: Final = 0.7
_NEWS_HALF_LIFE: Final = 15.0
_BREAKER_PERCENT: Final = (7, 13, 20)
_SATURDAY: Final = 5
_OPENS_AT: Final = 17 * 60
_DAY: Final = 24 * 60


def synthetic_bars(
    seed: int,
    instrument: Instrument,
    *,
    session: date,
    start_price: Decimal = START_PRICE,
    regular_hours_only: bool = False,
    kinds: Sequence[DayKind] = tuple(DayKind),
) -> list[Bar]:
    """Return the bars of one session, 17:00 to 16:00 Central, a minute without a trade left out.

    With `regular_hours_only` the same session's bars from 08:30 to 15:00. `start_price` is in
    index points, and the settlement that price limits count from. The seed draws from `kinds`
    what sort of day it is. Raises `BadInput` for a day without a session.
    """
    bars = synthetic_sessions(
        seed, instrument, sessions=[session], start_price=start_price, kinds=kinds
    )
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
    kinds: Sequence[DayKind] = tuple(DayKind),
) -> list[Bar]:
    """Return the bars of several sessions in a row; each opens near the close before it."""
    settlement = instrument.ticks_down(start_price)
    bars: list[Bar] = []
    for session in sessions:
        if session.weekday() >= _SATURDAY:
            raise BadInput(f"{session} is a {session:%A}; choose a day from Monday to Friday")
        chance = _chance(seed, instrument, session)
        plan = draw_day(chance, kinds)
        price = settlement
        if bars:
            settlement = bars[-1].close
            price = settlement + round(chance.gauss(0, _GAP_TICKS))
        bars.extend(_Session(chance, price, settlement=settlement, plan=plan).bars(session))
    return bars


def synthetic_kind(
    seed: int, instrument: Instrument, session: date, *, kinds: Sequence[DayKind] = tuple(DayKind)
) -> DayKind:
    """Return what kind of day a seed makes of a session."""
    return draw_day(_chance(seed, instrument, session), kinds).kind


def _chance(seed: int, instrument: Instrument, session: date) -> random.Random:
    return random.Random(f"{seed} {instrument.symbol} {session}")  # noqa: S311  # repeatable


class _Session:
    """One session's state: price, factors of volatility, the spell of trend or chop."""

    def __init__(
        self, chance: random.Random, price: int, *, settlement: int, plan: DayPlan
    ) -> None:
        self._chance = chance
        self._price = price
        self._settlement = settlement
        self._plan = plan
        spread = _LEVEL_SIGMA**2 + _stationary(_SLOW) ** 2 + _stationary(_FAST) ** 2
        self._level = chance.gauss(plan.character.level - spread, _LEVEL_SIGMA)
        self._slow = chance.gauss(0, _stationary(_SLOW))
        self._fast = chance.gauss(0, _stationary(_FAST))
        self._volume = _SESSION_VOLUME * math.exp(chance.gauss(-0.02, 0.2))
        self._spell_left = 0
        self._trend = 0
        self._mean = float(price)
        self._news = 0.0
        self._halted_until = -1
        self._breakers = 0
        self._run_left = RUN_MINUTES if plan.depth else 0

    def bars(self, session: date) -> list[Bar]:
        """Return the session's bars, one for each minute in which something trades."""
        opened, _ = session_bounds(session)
        bars = []
        for minute in range(SESSION_MINUTES):
            bar = self._bar(minute, opened + timedelta(minutes=minute))
            if minute not in self._plan.silent and minute > self._halted_until:
                bars.append(bar)
                self._stop_at_the_breaker(minute, bar)
        return bars

    def _bar(self, minute: int, at: datetime) -> Bar:
        sigma = self._sigma(minute)
        if self._locked(minute):
            stays = self._price
            return Bar(at, stays, stays, stays, stays, self._contracts(minute, 0, sigma=sigma))
        low_limit, high_limit = self._limits(minute)
        start = self._price + round(self._chance.gauss(0, _OPEN_TICKS))
        start = min(max(start, low_limit), high_limit)
        end = start + round(self._move(sigma) + self._event(minute, sigma))
        end = min(max(end, low_limit), high_limit)
        high, low = self._extremes(start, end, sigma=sigma)
        high, low = min(high, high_limit), max(low, low_limit)
        volume = self._contracts(minute, high - low, sigma=sigma)
        if minute > self._halted_until:
            self._price = end
        self._mean += (end - self._mean) / _SPELL_MINUTES
        return Bar(at, start, high, low, end, volume)

    def _limits(self, minute: int) -> tuple[int, int]:
        """Return the lowest and the highest price of a minute; above regular hours have none."""
        low, high = price_limits(self._settlement, (_OPENS_AT + minute) % _DAY)
        if self._breakers:
            percent = 100 - _BREAKER_PERCENT[self._breakers]
            low = min(low, -(-self._settlement * percent // 100))
        return max(low, 1), 2 * self._settlement if high is None else high

    def _stop_at_the_breaker(self, minute: int, bar: Bar) -> None:
        """Halt trading for a quarter of an hour when regular hours fall to their limit."""
        _, above = price_limits(self._settlement, (_OPENS_AT + minute) % _DAY)
        lowest, _ = self._limits(minute)
        steps_left = self._breakers < len(_BREAKER_PERCENT) - 1
        if above is None and bar.low <= lowest and steps_left:
            self._breakers += 1
            self._halted_until = minute + HALT_MINUTES

    def _event(self, minute: int, sigma: float) -> float:
        """Return what the day's event adds to a minute's move, ticks."""
        plan = self._plan
        self._news *= 0.5 ** (1 / _NEWS_HALF_LIFE)
        if plan.kind is DayKind.NEWS and minute == plan.event_minute:
            self._news = _NEWS_LEVEL
            least, more = _NEWS_JUMP
            return plan.side * sigma * (least + self._chance.expovariate(1 / more))
        if minute < plan.event_minute or minute <= self._halted_until or not self._run_left:
            return 0.0
        target = self._settlement * (1 + plan.side * plan.depth)
        step = (target - self._price) / self._run_left
        self._run_left -= 1
        return step

    def _locked(self, minute: int) -> bool:
        """Return whether all who would trade stand on one side, at the limit."""
        begin = self._plan.event_minute + RUN_MINUTES
        return begin <= minute < begin + self._plan.locked_minutes

    def _sigma(self, minute: int) -> float:
        self._slow = _SLOW[0] * self._slow + self._chance.gauss(0, _SLOW[1])
        self._fast = _FAST[0] * self._fast + self._chance.gauss(0, _FAST[1])
        factors = self._level + self._slow + self._fast + self._news
        usual = _TICKS_BY_SLOT[minute // SLOT_MINUTES] * _within(minute, _TICKS_WITHIN_SLOT)
        return usual * math.exp(factors)

    def _move(self, sigma: float) -> float:
        chance, character = self._chance, self._plan.character
        if self._spell_left <= 0:
            self._spell_left = max(round(chance.expovariate(1 / _SPELL_MINUTES)), 5)
            self._trend = chance.choice(character.spells)
        self._spell_left -= 1
        if self._trend:
            drift = self._trend * character.trend * sigma
        else:
            drift = -character.pull * (self._price - self._mean)
        scale = math.sqrt((_FREEDOM - 2) / _FREEDOM)
        chi_square = chance.gammavariate(_FREEDOM / 2, 2.0)
        shock = chance.gauss(0, 1) * scale * math.sqrt(_FREEDOM / chi_square)
        if chance.random() < character.jumps / SESSION_MINUTES:
            shock += chance.choice((-1, 1)) * (2.5 + chance.expovariate(1.0))
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
        share = expected_share(minute) * _within(minute, _VOLUME_WITHIN_SLOT)
        return max(round(self._volume * share * activity * noise * busy), 1)


def _within(minute: int, shape: Mapping[int, tuple[float, ...]]) -> float:
    """Return a minute's part of its half hour's mean."""
    slot, rest = divmod(minute, SLOT_MINUTES)
    return shape.get(slot, _FLAT)[rest // _PERIOD_MINUTES]


def _stationary(factor: tuple[float, float]) -> float:
    """Return the standard deviation of an autoregressive factor in the long run."""
    memory, shock = factor
    return shock / math.sqrt(1 - memory**2)
