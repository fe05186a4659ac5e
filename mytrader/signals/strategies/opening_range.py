"""Opening-range breakout.

The first minutes after 08:30 US Central show where buyers and sellers of the day disagree. A
minute that closes beyond that range, by a quarter of the ATR that stood when it was complete,
may begin a move. The entry is that close. The stop stands at the other side of the range, but
never farther away than three ATR: a wide range would else risk whatever it likes. The target is
twice as far away as the stop. Each side may be proposed once a day, nothing three hours after the
open, nor in the last hour of the regular session, which on half days comes earlier.

A break counts when the close crosses the level: a close that stays beyond it is old news. It is
passed over, not kept for later, when the range was hardly wider than a minute's or when the last
minutes had less volume than this time of the day lets one expect. A day of which a minute of the
range is missing has no range.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Final, Self

from msgspec import Meta, Struct

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import BAR_LENGTH, Bar
from mytrader.domain.orders import Side
from mytrader.domain.session import trading_date
from mytrader.errors import BadInput
from mytrader.signals.bracket import earned
from mytrader.signals.features import Features
from mytrader.signals.idea import Idea, signal
from mytrader.signals.regime import regime
from mytrader.signals.regular_session import regular_session
from mytrader.signals.strategy import parse_params

NAME: Final = "opening-range"
BEFORE_CLOSE: Final = timedelta(hours=1)
"""A trade needs time to reach its target before the session ends."""
VOLUME_FULL: Final = 2.0
WEIGHT_VOLUME: Final = 0.4
WEIGHT_EFFICIENCY: Final = 0.4
WEIGHT_BEYOND: Final = 0.2


class OpeningRangeParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Minutes from 08:30 on, distances in average true ranges, the target in multiples of risk."""

    range_minutes: Annotated[int, Meta(ge=2, le=120)] = 15
    entry_minutes: Annotated[int, Meta(ge=3, le=390)] = 180
    beyond_atr: Annotated[float, Meta(ge=0, le=10)] = 0.25
    height_atr_min: Annotated[float, Meta(ge=0, le=50)] = 1.5
    volume_ratio_min: Annotated[float, Meta(ge=0, le=10)] = 1.0
    stop_atr_max: Annotated[float, Meta(gt=0, le=50)] = 3.0
    target_risks: Annotated[float, Meta(gt=0, le=20)] = 2.0


class BreakEvidence(Struct, frozen=True):
    """What speaks for a break, seen in its direction: negative numbers speak against it.

    `volume_ratio` is 1 where the volume is usual, `efficiency` the signed efficiency ratio,
    `beyond_atr` how far the close lies beyond the level in ATRs.
    """

    volume_ratio: float
    efficiency: float
    beyond_atr: float


def confidence(evidence: BreakEvidence) -> float:
    """Return 0.5 to 1; more of any evidence never lowers it.

    A break alone is the throw of a coin, 0.5. The other half is earned by three parts, each from
    0 to 1: 0.4 for volume (nothing at what is usual, full at twice that), 0.4 for efficiency (full
    when all changes of the last twenty bars went this way) and 0.2 for the distance beyond the
    level (full at one ATR). The numbers are round on purpose: none was fitted to results.
    """
    return earned(
        (WEIGHT_VOLUME, (evidence.volume_ratio - 1) / (VOLUME_FULL - 1)),
        (WEIGHT_EFFICIENCY, evidence.efficiency),
        (WEIGHT_BEYOND, evidence.beyond_atr),
    )


class _Morning:
    """One day's range while it forms, then its levels in ticks and the sides already proposed."""

    __slots__ = ("_bars", "_params", "close", "high", "levels", "low", "opens", "taken", "until")

    def __init__(self, day: date, params: OpeningRangeParams) -> None:
        self._params = params
        self._bars = 0
        self.high = self.low = self.close = 0
        self.levels: dict[Side, float] = {}
        self.taken: set[Side] = set()
        session = regular_session(day)
        self.opens = None if session is None else session[0]
        if session is not None:
            latest = session[0] + params.entry_minutes * BAR_LENGTH
            self.until = min(latest, session[1] - BEFORE_CLOSE)

    def minutes(self, bar: Bar) -> int:
        """How many minutes after the open a bar ends; 0 or less before it, and without one."""
        return 0 if self.opens is None else (bar.opened_at - self.opens) // BAR_LENGTH + 1

    def form(self, bar: Bar, features: Features) -> None:
        """Take a bar of the range in; the last one sets the levels if none was missing."""
        self.high = bar.high if self._bars == 0 else max(self.high, bar.high)
        self.low = bar.low if self._bars == 0 else min(self.low, bar.low)
        self._bars += 1
        if self._bars == self._params.range_minutes:
            beyond = self._params.beyond_atr * features.atr
            if self.high - self.low >= self._params.height_atr_min * features.atr:
                self.levels = {Side.BUY: self.high + beyond, Side.SELL: self.low - beyond}

    def crossed(self, bar: Bar) -> Side | None:
        """Return the side whose level lies between the last close and this one."""
        for side, level in self.levels.items():
            if side.sign * self.close <= side.sign * level < side.sign * bar.close:
                return side
        return None


class OpeningRange:
    """BUY when a minute closes above the opening range, SELL when one closes below it."""

    def __init__(self, instrument: Instrument, params: OpeningRangeParams) -> None:
        self._instrument = instrument
        self._params = params
        self._last: Bar | None = None
        self._day: date | None = None
        self._morning = _Morning(date.min, params)

    @property
    def name(self) -> str:
        """The name in the register."""
        return NAME

    @classmethod
    def create(cls, instrument: Instrument, params: Mapping[str, object]) -> Self:
        """Return a fresh strategy; raises `BadInput` for parameters it cannot use."""
        parsed = parse_params(NAME, params, kind=OpeningRangeParams)
        if parsed.entry_minutes <= parsed.range_minutes:
            raise BadInput(
                f"strategy {NAME}: `entry_minutes` is {parsed.entry_minutes} and `range_minutes` "
                f"{parsed.range_minutes}; give an `entry_minutes` above `range_minutes`"
            )
        return cls(instrument, parsed)

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """Take the next closed bar in; return the proposal if it broke out of the range."""
        if self._last is not None and bar.opened_at <= self._last.opened_at:
            return None
        self._last = bar
        day = trading_date(bar.opened_at)
        if day != self._day:
            self._day, self._morning = day, _Morning(day, self._params)
        minutes = self._morning.minutes(bar)
        if minutes <= 0:
            return None
        if minutes <= self._params.range_minutes:
            self._morning.form(bar, features)
            side = None
        else:
            side = self._broken(bar, features)
        self._morning.close = bar.close
        return None if side is None else self._signal(side, bar, features=features)

    def _broken(self, bar: Bar, features: Features) -> Side | None:
        morning = self._morning
        side = morning.crossed(bar)
        if side is None or side in morning.taken or bar.opened_at + BAR_LENGTH > morning.until:
            return None
        if features.volume_ratio < self._params.volume_ratio_min:
            return None
        morning.taken.add(side)
        return side

    def _signal(self, side: Side, bar: Bar, *, features: Features) -> Signal:
        morning, efficiency = self._morning, features.efficiency_ratio
        evidence = BreakEvidence(
            volume_ratio=features.volume_ratio,
            efficiency=efficiency if features.efficiency_net * side.sign > 0 else -efficiency,
            # A market that has not moved has no range; a tick is the least it can have.
            beyond_atr=side.sign * (bar.close - morning.levels[side]) / max(features.atr, 1.0),
        )
        other = morning.low if side is Side.BUY else morning.high
        risk = min(abs(bar.close - other), self._params.stop_atr_max * features.atr)
        numbers = {
            "range_high": float(morning.high),
            "range_low": float(morning.low),
            "range_height_atr": (morning.high - morning.low) / max(features.atr, 1.0),
            "range_beyond_atr": evidence.beyond_atr,
            "range_efficiency": evidence.efficiency,
        }
        idea = Idea(
            side,
            confidence(evidence),
            stop_ticks=risk,
            target_ticks=self._params.target_risks * risk,
            reason=self._reason(side, evidence, bar=bar, features=features),
            numbers=numbers,
        )
        return signal(NAME, idea, bar=bar, features=features, instrument=self._instrument)

    def _reason(self, side: Side, evidence: BreakEvidence, *, bar: Bar, features: Features) -> str:
        morning, price, seen = self._morning, self._instrument.price, regime(features)
        way = "above" if side is Side.BUY else "below"
        return (
            f"Close {price(bar.close)} {way} the first {self._params.range_minutes} minutes "
            f"({price(morning.low)} to {price(morning.high)}), {evidence.beyond_atr:.2f} ATR "
            f"beyond the level, {morning.minutes(bar)} minutes after the open: volume "
            f"{evidence.volume_ratio:.2f} of what is usual, signed efficiency ratio "
            f"{evidence.efficiency:.2f}, ATR {features.atr:.1f} ticks "
            f"({seen.trend}, volatility {seen.volatility})."
        )
