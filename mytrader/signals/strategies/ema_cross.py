"""EMA cross with an ATR bracket: the reference strategy.

When the fast average crosses the slow one the market may have turned. The entry is the close of
that bar, the stop stands 1.5 ATR behind it and the target 3 ATR before it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Self

from msgspec import Meta, Struct

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.signals.bracket import earned
from mytrader.signals.features import EMA_FAST_BARS, EMA_SLOW_BARS, Features
from mytrader.signals.idea import Idea, signal
from mytrader.signals.indicators import SLOPE_BARS, Ema
from mytrader.signals.regime import regime
from mytrader.signals.strategy import parse_params

NAME: Final = "ema-cross"
SPEED_FULL_ATR: Final = 0.25
"""Rare: of the ES crosses of November 2025 one in a hundred is as fast."""
SLOPE_FULL_ATR: Final = 1.0
WEIGHT_SPEED: Final = 0.4
WEIGHT_EFFICIENCY: Final = 0.4
WEIGHT_SLOPE: Final = 0.2
WARM_PERIODS: Final = 3


class EmaCrossParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Periods in bars, distances in average true ranges."""

    fast: Annotated[int, Meta(ge=2, le=1000)] = EMA_FAST_BARS
    slow: Annotated[int, Meta(ge=3, le=2000)] = EMA_SLOW_BARS
    stop_atr: Annotated[float, Meta(gt=0, le=50)] = 1.5
    target_atr: Annotated[float, Meta(gt=0, le=50)] = 3.0


class CrossEvidence(Struct, frozen=True):
    """What speaks for a cross, seen in its direction: negative numbers speak against it.

    `speed_atr` is how many ATRs the averages drew apart in the bar, `efficiency` the signed
    efficiency ratio, `slope_atr` the change of the slow average over ten bars in ATRs.
    """

    speed_atr: float
    efficiency: float
    slope_atr: float


def confidence(evidence: CrossEvidence) -> float:
    """Return 0.5 to 1; more of any evidence never lowers it.

    A cross alone is the throw of a coin, 0.5. The other half is earned by three parts, each from
    0 to 1: 0.4 for speed (full at a quarter of an ATR per bar: the close stands about four and a
    half ATRs beyond both averages), 0.4 for efficiency (full when all changes of the last twenty
    bars went this way) and 0.2 for the slow average's slope (nothing at one ATR against the trade
    in ten bars, full at one ATR with it). Full marks are for what is rare: a cross of the usual
    kind stays below the confidence that may override an advisory WAIT. The numbers are round on
    purpose: none was fitted to results.
    """
    return earned(
        (WEIGHT_SPEED, evidence.speed_atr / SPEED_FULL_ATR),
        (WEIGHT_EFFICIENCY, evidence.efficiency),
        (WEIGHT_SLOPE, (evidence.slope_atr / SLOPE_FULL_ATR + 1) / 2),
    )


class EmaCross:
    """BUY when the fast average crosses above the slow one, SELL when it crosses below.

    Averages that are equal for a while have not crossed; a cross is a change of the sign of
    their difference. Signals before three slow periods say that they are not warm.
    """

    def __init__(self, instrument: Instrument, params: EmaCrossParams) -> None:
        self._instrument = instrument
        self._params = params
        self._fast = Ema(params.fast)
        self._slow = Ema(params.slow)
        self._gap = 0.0
        self._sign = 0
        self._last_at: datetime | None = None

    @property
    def name(self) -> str:
        """The name in the register."""
        return NAME

    @classmethod
    def create(cls, instrument: Instrument, params: Mapping[str, object]) -> Self:
        """Return a fresh strategy; raises `BadInput` for parameters it cannot use."""
        parsed = parse_params(NAME, params, kind=EmaCrossParams)
        if parsed.fast >= parsed.slow:
            raise BadInput(
                f"strategy {NAME}: `fast` is {parsed.fast} and `slow` {parsed.slow}; "
                "give a `fast` below `slow`"
            )
        return cls(instrument, parsed)

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """Take the next closed bar in; return the proposal if the averages crossed."""
        if self._last_at is not None and bar.opened_at <= self._last_at:
            return None
        self._last_at = bar.opened_at
        gap_before = self._gap
        self._gap = self._fast.update(bar.close) - self._slow.update(bar.close)
        sign = (self._gap > 0) - (self._gap < 0)
        if not self._slow.ready or sign == 0:
            return None
        sign_before, self._sign = self._sign, sign
        if sign_before in (0, sign):
            return None
        side = Side.BUY if sign > 0 else Side.SELL
        return self._signal(side, bar, features=features, speed=self._gap - gap_before)

    def _signal(self, side: Side, bar: Bar, *, features: Features, speed: float) -> Signal:
        # A market that has not moved has no range; a tick is the least it can have.
        atr = max(features.atr, 1.0)
        efficiency = features.efficiency_ratio
        evidence = CrossEvidence(
            speed_atr=side.sign * speed / atr,
            efficiency=efficiency if features.efficiency_net * side.sign > 0 else -efficiency,
            slope_atr=side.sign * self._slow.slope / atr,
        )
        numbers = {
            "cross_ema_fast": self._fast.value,
            "cross_ema_slow": self._slow.value,
            "cross_speed_atr": evidence.speed_atr,
            "cross_efficiency": evidence.efficiency,
            "cross_slope_atr": evidence.slope_atr,
        }
        idea = Idea(
            side,
            confidence(evidence),
            stop_ticks=self._params.stop_atr * features.atr,
            target_ticks=self._params.target_atr * features.atr,
            reason=self._reason(side, evidence, close=bar.close, features=features),
            numbers=numbers,
            warm=features.bars >= WARM_PERIODS * self._params.slow,
        )
        return signal(NAME, idea, bar=bar, features=features, instrument=self._instrument)

    def _reason(
        self, side: Side, evidence: CrossEvidence, *, close: int, features: Features
    ) -> str:
        fast, slow = self._params.fast, self._params.slow
        seen = regime(features)
        way = "above" if side is Side.BUY else "below"
        return (
            f"EMA {fast} crossed {way} EMA {slow} at {self._instrument.price(close)}: "
            f"they part by {evidence.speed_atr:.3f} ATR a bar, signed efficiency ratio "
            f"{evidence.efficiency:.2f}, EMA {slow} went {evidence.slope_atr:+.2f} ATR this way "
            f"in {SLOPE_BARS} bars, ATR {features.atr:.1f} ticks "
            f"({seen.trend}, volatility {seen.volatility})."
        )
