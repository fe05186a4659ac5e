"""What makes two trades alike: nine numbers, each measured in its own usual difference.

A situation becomes a point; the distance of two points says how unlike they are. Every number is
free of the price level and of the contract's size, so that a trade of March speaks for one of
November and MES for ES. What points along the market is turned to the trade's side: "the market
runs with the trade" reads the same for a BUY and a SELL.

| coordinate | from the features of the signal | 1 is a difference of |
| --- | --- | --- |
| slope | side x `ema_slow_slope` / `atr` | 0.3 ATR in ten bars |
| stretch | side x (`close` - `ema_slow`) / `atr` | 1.25 ATR |
| efficiency | `efficiency_ratio` with the sign of side x `efficiency_net` | 0.25 |
| volatility | ln `volatility_ratio` | 0.45 (one and a half times) |
| volume | ln `volume_ratio` | 0.55 (one and three quarters) |
| range | ln (`atr` / `close`) | 0.85 (two and a third) |
| hour | `minute_of_session` | 550 minutes |
| trend, restlessness | the regime's labels, three steps each | four steps |

The scales are the root mean squares of the differences between two trades, rounded, over the 513
crosses that the reference strategy saw in the ES bars of November 2025. They are constants: equal
journals give equal vectors, whatever was remembered before. The distance is the root of the mean
of the seven squared numeric differences, to which the labels and the strategy each add a step of
a quarter. 1 is thus the usual distance between two trades: of the pairs of one side half are
nearer than 0.93, and nine in ten lie between 0.50 and 1.53. *Not taken:* running quantiles, which
move every old vector whenever a trade is added; the fast average's slope, which says what the slow
one's says (correlation 0.98 over those trades).

The labels are coordinates and no filters, because they are thresholds on the very numbers above:
two trades a hair apart may bear different labels. **The side is a filter**: markets fall faster
than they rise, and what happened to a long says nothing about a short. **The market is a filter**
by the instrument's group: ES and MES are one market, ES and NQ are not. **The strategy is a
step**: another strategy's trade speaks of the situation, but its exits are its own.

A feature of the table that is missing, or any feature that is not a finite number, makes a trade
incomparable: it is refused with the reason. There is no substitute for it, because any would place
the trade somewhere.
"""

from collections.abc import Mapping
from math import log, sqrt
from typing import Final

from msgspec import Struct

from mytrader.domain.decision import Question
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility

SCALES: Final = {
    "slope": 0.3,
    "stretch": 1.25,
    "efficiency": 0.25,
    "volatility": 0.45,
    "volume": 0.55,
    "range": 0.85,
    "hour": 550.0,
}
LABEL_STEP: Final = 0.25
"""A regime one label away, and another strategy, are each as far as a quarter of usual."""
RATIO_FLOOR: Final = 0.05
"""Below a twentieth of what is usual there is nothing; the logarithm needs an end."""
ATR_TICKS_FLOOR: Final = 1.0
"""A market that has not moved has no range; a tick is the least it can have."""
NUMBER_MAX: Final = 1e12
"""Squares of coordinates made of larger numbers would leave the range of 32 bits."""
COORDINATES: Final = (*SCALES, "trend", "restlessness")
SPACE_VERSION: Final = 1
"""Goes up whenever a vector would come out differently: stored vectors are then made anew."""

_TRENDS: Final = {Trend.DOWNTREND: -1, Trend.RANGE: 0, Trend.UPTREND: 1}
_RESTLESSNESS: Final = {Volatility.LOW: -1, Volatility.MEDIUM: 0, Volatility.HIGH: 1}
_SPREAD: Final = sqrt(len(SCALES))

Vector = tuple[float, ...]


class Incomparable(ValueError):
    """The situation has no place among the others; the message says which number is at fault."""


class Place(Struct, frozen=True):
    """Where a situation lies: `vector` within the trades of one `market` and `side`."""

    market: str
    side: Side
    strategy: str
    vector: Vector


def place_of_question(question: Question) -> Place:
    """Return where a proposal lies; raises `Incomparable`."""
    signal = question.signal
    vector = _vector(signal.features, signal.side, regime=signal.regime)
    return Place(market_of(question.symbol), signal.side, signal.strategy, vector)


def place_of(document: TradeDocument) -> Place:
    """Return where a remembered trade lies; raises `Incomparable`."""
    vector = _vector(document.features, document.side, regime=document.regime)
    return Place(market_of(document.symbol), document.side, document.strategy, vector)


def market_of(symbol: str) -> str:
    """Return the market of a symbol: the instruments that share its risk."""
    instrument = INSTRUMENTS.get(symbol)
    if instrument is None:
        raise Incomparable(f"'{symbol}' is no instrument that is known")
    return instrument.group


def strategy_step(one: str, other: str) -> float:
    """Return what the strategies add to the squared distance; a trade without one adds nothing."""
    return LABEL_STEP**2 if one and other and one != other else 0.0


def _vector(features: Mapping[str, float], side: Side, *, regime: Regime | None) -> Vector:
    for name in features:
        _feature(features, name)
    numbers = _numbers(features, side.sign)
    scaled = [number / SCALES[name] / _SPREAD for name, number in numbers.items()]
    # A strategy that names no regime stands in the middle of all of them.
    trend = 0 if regime is None else side.sign * _TRENDS[regime.trend]
    restlessness = 0 if regime is None else _RESTLESSNESS[regime.volatility]
    return (*scaled, trend * LABEL_STEP, restlessness * LABEL_STEP)


def _numbers(features: Mapping[str, float], sign: int) -> dict[str, float]:
    atr = max(_feature(features, "atr"), ATR_TICKS_FLOOR)
    close = _feature(features, "close")
    if close <= 0:
        raise Incomparable("the feature 'close' is not a price above zero")
    efficiency = abs(_feature(features, "efficiency_ratio"))
    if _feature(features, "efficiency_net") * sign < 0:
        efficiency = -efficiency
    return {
        "slope": sign * _feature(features, "ema_slow_slope") / atr,
        "stretch": sign * (close - _feature(features, "ema_slow")) / atr,
        "efficiency": efficiency,
        "volatility": log(max(_feature(features, "volatility_ratio"), RATIO_FLOOR)),
        "volume": log(max(_feature(features, "volume_ratio"), RATIO_FLOOR)),
        "range": log(atr / close),
        "hour": _feature(features, "minute_of_session"),
    }


def _feature(features: Mapping[str, float], name: str) -> float:
    value: object = features.get(name)
    if value is None:
        raise Incomparable(f"there is no feature '{name}'")
    # In this order: a whole number may be too large for a float, and NaN compares with nothing.
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        raise Incomparable(f"the feature '{name}' is not a finite number")
    if abs(value) > NUMBER_MAX:
        raise Incomparable(f"the feature '{name}' is not a finite number, or beyond any market")
    return float(value)
