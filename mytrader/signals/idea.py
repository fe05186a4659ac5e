"""What a strategy has in mind, and the signal that it becomes."""

from msgspec import Struct

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.signals.bracket import bracket
from mytrader.signals.features import FEATURE_DIGITS, Features
from mytrader.signals.regime import regime


class Idea(Struct, frozen=True):
    """A trade at the close of a bar: how far away it ends well or badly, in ticks, and why.

    `numbers` are the strategy's own, to be recorded beside the features: begin their names with
    a word of its own. `warm` says whether its own indicators are; the features have their say too.
    """

    side: Side
    confidence: float
    stop_ticks: float
    target_ticks: float
    reason: str
    numbers: dict[str, float] = {}
    warm: bool = True


def signal(
    strategy: str, idea: Idea, *, bar: Bar, features: Features, instrument: Instrument
) -> Signal:
    """Return the signal of an idea: prices on the grid, the features, the kind of market."""
    sign = idea.side.sign
    prices = bracket(
        instrument,
        idea.side,
        entry=bar.close,
        stop=bar.close - sign * idea.stop_ticks,
        target=bar.close + sign * idea.target_ticks,
    )
    numbers = {name: round(value, FEATURE_DIGITS) for name, value in idea.numbers.items()}
    return Signal(
        strategy=strategy,
        side=idea.side,
        confidence=idea.confidence,
        entry=prices.entry,
        stop=prices.stop,
        target=prices.target,
        features=features.numbers() | numbers,
        reason=idea.reason,
        warm=features.warm and idea.warm,
        regime=regime(features),
    )
