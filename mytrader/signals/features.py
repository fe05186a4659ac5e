"""Indicator values, one bar at a time: what strategies decide on and advisors look at.

Conventions, so that anybody can compute the same numbers:

- **EMA** of the closes and **ATR** of the bars: as `indicators.py` says.
- **Efficiency ratio**: Perry J. Kaufman, "Trading Systems and Methods": the net change over n
  bars by the sum of the absolute changes. 0 where nothing moved.
- **Realised volatility**: root of the mean squared change of the last n bars, ticks per bar.
- **Session**: 17:00 to 16:00 US/Central. EMAs, the ATR and the windows carry over from one
  session to the next, but the jump over the break is no trade anybody could have made: the first
  bar of a session counts high - low as its true range and close - open as its change. A minute
  missing inside a session is an ordinary step, because minutes without trades have no bar.
- **Hole**: minutes that did not reach us, as `domain/bar_holes.py` tells them from a thin market.
  What happened in them is unknown, so everything counts as cold again, until as many bars have
  come as after a start: that is longer than any window here.
- **Volume and volatility are judged against the minute of the day**, because the same number is
  quiet at 08:30 and frantic at midnight. The share of the day's volume that a minute usually has
  comes from a measured profile. Volume is compared with the trailing 120 minutes of this
  session, volatility with this session so far. Expected variance is proportional to the square
  root of the minute's share: in the ES bars of November 2025 variance alone differs by a factor
  of 20 between half hours, and by one of 3.4 after division by that root.

No value is ever NaN or infinite: prices and volumes are whole numbers, and every quotient names
its answer for an empty denominator.
"""

from collections import deque
from collections.abc import Callable
from datetime import date
from itertools import accumulate
from math import sqrt
from typing import Final

from msgspec import Struct

from mytrader.domain.bar_holes import is_hole
from mytrader.domain.market import Bar
from mytrader.domain.session import SESSION_MINUTES, minute_of_session, trading_date
from mytrader.domain.volume_profile import expected_share
from mytrader.errors import invariant
from mytrader.signals.indicators import Ema, WilderAtr

EMA_FAST_BARS: Final = 20
EMA_SLOW_BARS: Final = 50
EFFICIENCY_BARS: Final = 20
VOLUME_MINUTES: Final = 5
VOLUME_HISTORY_MINUTES: Final = 120
WARM_BARS: Final = 3 * EMA_SLOW_BARS
"""After three periods the seed of the slow average weighs less than 2 % of its value."""
SESSION_CARRIED: Final = 1 / 23
"""How much of a session's volatility the next one starts from: an hour's worth."""
FEATURE_DIGITS: Final = 4


class Features(Struct, frozen=True):
    """What is known after one bar. Prices, ranges and changes in ticks; ratios are plain numbers.

    `ema_*_slope` is the change over the last ten bars. `efficiency_net` is the signed change
    behind `efficiency_ratio`, `efficiency_session` the mean ratio of this session so far.
    `volatility_ratio` and `volume_ratio` are 1 where the market does what the minute of the day
    lets one expect. `volume_minutes` is how many minutes that expectation of volume rests on.
    `bars` counts from the start, or from the first bar after the last hole. Until `warm` the
    averages still remember their seeds, or what was before the hole.
    """

    bars: int
    minute_of_session: int
    close: float
    ema_fast: float
    ema_slow: float
    ema_fast_slope: float
    ema_slow_slope: float
    atr: float
    efficiency_ratio: float
    efficiency_net: float
    efficiency_session: float
    volatility: float
    volatility_ratio: float
    volume_5m: float
    volume_5m_expected: float
    volume_ratio: float
    volume_minutes: int
    warm: bool

    def numbers(self) -> dict[str, float]:
        """Return everything but `bars` and `warm` as floats of four digits, for the record.

        Strategies put these into `Signal.features`; the local advisors rely on the names.
        """
        return {
            name: round(float(getattr(self, name)), FEATURE_DIGITS)
            for name in self.__struct_fields__
            if name not in ("bars", "warm")
        }


class _Changes:
    """The last changes from close to close: net, path and squares, exact in whole ticks."""

    __slots__ = ("_steps", "net", "path", "squares", "weights")

    def __init__(self) -> None:
        self._steps: deque[int] = deque()
        self.net = self.path = self.squares = 0
        self.weights: deque[float] = deque(maxlen=EFFICIENCY_BARS)

    def update(self, step: int, weight: float) -> None:
        self.weights.append(weight)
        self._steps.append(step)
        self._count(step, 1)
        if len(self._steps) > EFFICIENCY_BARS:
            self._count(self._steps.popleft(), -1)

    def _count(self, step: int, sign: int) -> None:
        self.net += sign * step
        self.path += sign * abs(step)
        self.squares += sign * step * step

    @property
    def efficiency(self) -> float:
        return abs(self.net) / self.path if self.path else 0.0

    @property
    def volatility(self) -> float:
        return sqrt(self.squares / len(self._steps))


class _Window:
    """The volume of the last minutes of one session."""

    __slots__ = ("_bars", "_minutes", "volume")

    def __init__(self, minutes: int) -> None:
        self._minutes = minutes
        self._bars: deque[tuple[int, int]] = deque()
        self.volume = 0

    def update(self, minute: int, volume: int) -> None:
        self._bars.append((minute, volume))
        self.volume += volume
        while self._bars[0][0] <= minute - self._minutes:
            self.volume -= self._bars.popleft()[1]


class _Session:
    """What one session has shown so far, and what it inherits from the one before."""

    __slots__ = (
        "_efficiency_sum",
        "bars",
        "day",
        "first_minute",
        "history",
        "recent",
        "squares",
        "weight",
    )

    def __init__(self, day: date, minute: int, *, before: "_Session | None") -> None:
        self.day = day
        self.first_minute = minute
        self.bars = 0
        self.squares: float = before.squares * SESSION_CARRIED if before else 0.0
        self.weight: float = before.weight * SESSION_CARRIED if before else 0.0
        self._efficiency_sum = 0.0
        self.history = _Window(VOLUME_HISTORY_MINUTES)
        self.recent = _Window(VOLUME_MINUTES)

    def update(self, minute: int, volume: int, *, step: int, weight: float) -> None:
        self.bars += 1
        self.squares += step * step
        self.weight += weight
        self.history.update(minute, volume)
        self.recent.update(minute, volume)

    def efficiency_mean(self, efficiency: float) -> float:
        """Take the bar's efficiency ratio in and return the mean of the session."""
        self._efficiency_sum += efficiency
        return self._efficiency_sum / self.bars


class FeatureEngine:
    """Turns bars into `Features`, one at a time, in constant time and memory.

    `profile` gives the share of a session's volume that a minute of it usually has (only
    proportions matter); it is asked once per minute, here. Bars must come in order; a bar that
    is not newer than the last one changes nothing and gets the last answer again, so that a
    repeat after a reconnect is harmless.
    """

    def __init__(self, profile: Callable[[int], float] = expected_share) -> None:
        shares = [profile(minute) for minute in range(SESSION_MINUTES)]
        invariant(min(shares) > 0, "every minute of the session has a share of the volume")
        self._share_before = list(accumulate(shares, initial=0.0))
        self._weights = [sqrt(share) for share in shares]
        self._ema_fast = Ema(EMA_FAST_BARS)
        self._ema_slow = Ema(EMA_SLOW_BARS)
        self._atr = WilderAtr()
        self._changes = _Changes()
        self._session: _Session | None = None
        self._bars = 0
        self._last: tuple[Bar, Features] | None = None

    def update(self, bar: Bar) -> Features:
        """Take the next closed bar in and return what is known after it."""
        if self._last is not None and bar.opened_at <= self._last[0].opened_at:
            return self._last[1]
        day, minute = trading_date(bar.opened_at), minute_of_session(bar.opened_at)
        minute = min(minute, SESSION_MINUTES - 1)
        previous_close = self._last[0].close if self._last is not None else None
        session = self._session
        if session is None or session.day != day:
            session = self._session = _Session(day, minute, before=session)
            previous_close = None
        step = bar.close - (bar.open if previous_close is None else previous_close)
        weight = self._weights[minute]
        after_hole = self._last is not None and is_hole(self._last[0].opened_at, bar.opened_at)
        self._bars = 1 if after_hole else self._bars + 1
        self._ema_fast.update(bar.close)
        self._ema_slow.update(bar.close)
        self._atr.update(bar, previous_close)
        self._changes.update(step, weight)
        session.update(minute, bar.volume, step=step, weight=weight)
        features = self._features(bar, session, minute=minute)
        self._last = (bar, features)
        return features

    def _features(self, bar: Bar, session: _Session, *, minute: int) -> Features:
        changes, volume = self._changes, session.recent.volume
        first = max(session.first_minute, minute - VOLUME_HISTORY_MINUTES + 1)
        expected = session.history.volume * self._share(
            max(session.first_minute, minute - VOLUME_MINUTES + 1), minute
        )
        expected /= self._share(first, minute)
        return Features(
            bars=self._bars,
            minute_of_session=minute,
            close=bar.close,
            ema_fast=self._ema_fast.value,
            ema_slow=self._ema_slow.value,
            ema_fast_slope=self._ema_fast.slope,
            ema_slow_slope=self._ema_slow.slope,
            atr=self._atr.value,
            efficiency_ratio=changes.efficiency,
            efficiency_net=changes.net,
            efficiency_session=session.efficiency_mean(changes.efficiency),
            volatility=changes.volatility,
            volatility_ratio=self._volatility_ratio(session),
            volume_5m=volume,
            volume_5m_expected=expected,
            # No volume for two hours: whatever is expected, there is none of it.
            volume_ratio=volume / expected if expected > 0 else 0.0,
            volume_minutes=minute - first + 1,
            warm=self._bars >= WARM_BARS,
        )

    def _share(self, first: int, last: int) -> float:
        return self._share_before[last + 1] - self._share_before[first]

    def _volatility_ratio(self, session: _Session) -> float:
        expected = session.squares * sum(self._changes.weights) / session.weight
        # Where the session has not moved at all there is nothing to compare with.
        return sqrt(self._changes.squares / expected) if expected > 0 else 1.0
