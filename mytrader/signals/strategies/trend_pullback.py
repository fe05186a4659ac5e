"""Trend pullback: with the trend, after it has paused.

There is a trend while the fast average stands on one side of the slow one and the slow one moves
that way, by at least a quarter of an ATR in ten bars. A pullback begins when the RSI falls to 45
(in a downtrend: rises to 55) and is over when it is back at 50: that close is the entry. Between
40 and 50 the RSI of a rising market usually turns (Constance Brown, "Technical Analysis for the
Trading Professional"); 45 is the middle of it. The stop stands 2 ATR behind the entry, the target
3 ATR before it. A trend that does not outlive its pullback was none, and a pullback does not
outlive its session.

The labels of `regime.py` ask for more: both averages moving the same way, and efficiency. Inside
a pullback they say RANGE, so they are recorded here and decide nothing.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Self

from msgspec import Meta, Struct

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.domain.session import trading_date
from mytrader.errors import BadInput
from mytrader.signals.bracket import earned
from mytrader.signals.features import Features
from mytrader.signals.idea import Idea, signal
from mytrader.signals.indicators import RSI_BARS, SLOPE_BARS, Rsi
from mytrader.signals.regime import TREND_SLOPE_ATR_MIN, regime
from mytrader.signals.strategy import parse_params

NAME: Final = "trend-pullback"
SLOPE_FULL_ATR: Final = 1.0
HOLD_FULL_ATR: Final = 1.0
TURN_FULL: Final = 25.0
WEIGHT_SLOPE: Final = 0.4
WEIGHT_HOLD: Final = 0.3
WEIGHT_TURN: Final = 0.3
WARM_PERIODS: Final = 3
RSI_HIGHEST: Final = 100


class TrendPullbackParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Periods in bars, distances in average true ranges, the RSI as an uptrend sees it."""

    rsi_bars: Annotated[int, Meta(ge=2, le=500)] = RSI_BARS
    rsi_pullback: Annotated[float, Meta(gt=0, lt=100)] = 45.0
    rsi_resumed: Annotated[float, Meta(gt=0, lt=100)] = 50.0
    slope_atr_min: Annotated[float, Meta(ge=0, le=10)] = TREND_SLOPE_ATR_MIN
    stop_atr: Annotated[float, Meta(gt=0, le=50)] = 2.0
    target_atr: Annotated[float, Meta(gt=0, le=50)] = 3.0


class PullbackEvidence(Struct, frozen=True):
    """What speaks for a trend that goes on, seen in its direction.

    `slope_atr` is the change of the slow average over ten bars in ATRs, `hold_atr` how far the
    worst price of the pullback stayed clear of that average (negative: went through it), `turn`
    how many points the RSI came back from its worst.
    """

    slope_atr: float
    hold_atr: float
    turn: float


def confidence(evidence: PullbackEvidence) -> float:
    """Return 0.5 to 1; more of any evidence never lowers it.

    A pullback that ends is alone the throw of a coin, 0.5. The other half is earned by three
    parts, each from 0 to 1: 0.4 for the trend (full when the slow average moves one ATR in ten
    bars), 0.3 for how well the pullback held (nothing when it went one ATR through the slow
    average, full when it stayed one clear of it) and 0.3 for the turn (full at 25 points of the
    RSI). The numbers are round on purpose: none was fitted to results.
    """
    return earned(
        (WEIGHT_SLOPE, evidence.slope_atr / SLOPE_FULL_ATR),
        (WEIGHT_HOLD, (evidence.hold_atr / HOLD_FULL_ATR + 1) / 2),
        (WEIGHT_TURN, evidence.turn / TURN_FULL),
    )


class _Pullback:
    """A pullback against one side: its worst price in ticks and its worst RSI, as seen by it."""

    __slots__ = ("rsi", "side", "worst")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.rsi = float(RSI_HIGHEST)
        self.worst: int | None = None

    def update(self, bar: Bar, rsi: float) -> None:
        """Take the next bar in."""
        self.rsi = min(self.rsi, rsi)
        if self.side is Side.BUY:
            self.worst = bar.low if self.worst is None else min(self.worst, bar.low)
        else:
            self.worst = bar.high if self.worst is None else max(self.worst, bar.high)


class TrendPullback:
    """BUY when the RSI comes back from a pullback in an uptrend, SELL mirrored.

    One proposal for each pullback. Signals before the RSI has forgotten its seed say that they
    are not warm: an RSI of n bars remembers as long as an average of 2n - 1.
    """

    def __init__(self, instrument: Instrument, params: TrendPullbackParams) -> None:
        self._instrument = instrument
        self._params = params
        self._rsi = Rsi(params.rsi_bars)
        self._pullback: _Pullback | None = None
        self._last: Bar | None = None

    @property
    def name(self) -> str:
        """The name in the register."""
        return NAME

    @classmethod
    def create(cls, instrument: Instrument, params: Mapping[str, object]) -> Self:
        """Return a fresh strategy; raises `BadInput` for parameters it cannot use."""
        parsed = parse_params(NAME, params, kind=TrendPullbackParams)
        if parsed.rsi_pullback >= parsed.rsi_resumed:
            raise BadInput(
                f"strategy {NAME}: `rsi_pullback` is {parsed.rsi_pullback:g} and `rsi_resumed` "
                f"{parsed.rsi_resumed:g}; give an `rsi_pullback` below `rsi_resumed`"
            )
        return cls(instrument, parsed)

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """Take the next closed bar in; return the proposal if a pullback is over."""
        last = self._last
        if last is not None and bar.opened_at <= last.opened_at:
            return None
        self._last = bar
        goes_on = last is not None and trading_date(last.opened_at) == trading_date(bar.opened_at)
        # A session begins without a pullback, and an RSI that is low by then falls no more.
        before = self._rsi.value if goes_on and self._rsi.ready else None
        self._rsi.update(bar.close - (last.close if last is not None and goes_on else bar.open))
        side = self._trend(features)
        if side is None or before is None:
            self._pullback = None
            return None
        return self._follow(side, bar, features=features, before=_seen_by(side, before))

    def _trend(self, features: Features) -> Side | None:
        slope = features.ema_slow_slope
        side = Side.BUY if slope > 0 else Side.SELL
        moving = abs(slope) >= self._params.slope_atr_min * features.atr
        led = side.sign * (features.ema_fast - features.ema_slow) > 0
        return side if moving and led else None

    def _follow(self, side: Side, bar: Bar, *, features: Features, before: float) -> Signal | None:
        rsi = _seen_by(side, self._rsi.value)
        pullback = self._pullback
        if pullback is None or pullback.side is not side:
            pullback = _Pullback(side) if before > self._params.rsi_pullback >= rsi else None
        self._pullback = pullback
        if pullback is None:
            return None
        pullback.update(bar, rsi)
        if rsi < self._params.rsi_resumed:
            return None
        self._pullback = None
        return self._signal(pullback, bar, features=features, rsi=rsi)

    def _signal(self, pullback: _Pullback, bar: Bar, *, features: Features, rsi: float) -> Signal:
        side, params = pullback.side, self._params
        # A market that has not moved has no range; a tick is the least it can have.
        atr = max(features.atr, 1.0)
        worst = bar.close if pullback.worst is None else pullback.worst
        evidence = PullbackEvidence(
            slope_atr=side.sign * features.ema_slow_slope / atr,
            hold_atr=side.sign * (worst - features.ema_slow) / atr,
            turn=rsi - pullback.rsi,
        )
        numbers = {
            "pullback_rsi": self._rsi.value,
            "pullback_rsi_worst": _seen_by(side, pullback.rsi),
            "pullback_slope_atr": evidence.slope_atr,
            "pullback_hold_atr": evidence.hold_atr,
            "pullback_turn": evidence.turn,
        }
        idea = Idea(
            side,
            confidence(evidence),
            stop_ticks=params.stop_atr * features.atr,
            target_ticks=params.target_atr * features.atr,
            reason=self._reason(pullback, evidence, bar=bar, features=features),
            numbers=numbers,
            warm=features.bars >= WARM_PERIODS * (2 * params.rsi_bars - 1),
        )
        return signal(NAME, idea, bar=bar, features=features, instrument=self._instrument)

    def _reason(
        self, pullback: _Pullback, evidence: PullbackEvidence, *, bar: Bar, features: Features
    ) -> str:
        seen = regime(features)
        way = "up" if pullback.side is Side.BUY else "down"
        worst = _seen_by(pullback.side, pullback.rsi)
        return (
            f"Trend {way}, pullback over at {self._instrument.price(bar.close)}: RSI "
            f"{self._params.rsi_bars} went from {worst:.0f} to {self._rsi.value:.0f}, the slow "
            f"average {evidence.slope_atr:+.2f} ATR this way in {SLOPE_BARS} bars, its worst "
            f"price {evidence.hold_atr:+.2f} ATR from it, ATR {features.atr:.1f} ticks "
            f"({seen.trend}, volatility {seen.volatility})."
        )


def _seen_by(side: Side, rsi: float) -> float:
    """Return the RSI as an uptrend would see it, or back."""
    return rsi if side is Side.BUY else RSI_HIGHEST - rsi
