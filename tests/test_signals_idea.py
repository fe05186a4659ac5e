"""An idea becomes a signal that says everything about it."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.instrument import ES
from mytrader.domain.orders import Side
from mytrader.signals.features import WARM_BARS, FeatureEngine
from mytrader.signals.idea import Idea, signal
from mytrader.signals.regime import regime
from tests.signal_bars import bar

ENGINE = FeatureEngine()
FEATURES = [ENGINE.update(bar(minute, 27_000)) for minute in range(WARM_BARS)]
IDEA = Idea(Side.SELL, 0.7, stop_ticks=10.2, target_ticks=20, reason="So.", numbers={"own": 1 / 3})


def test_a_signal_has_prices_on_the_grid_and_every_number() -> None:
    made = signal("thing", IDEA, bar=bar(0, 27_000), features=FEATURES[-1], instrument=ES)
    assert (made.strategy, made.side, made.confidence) == ("thing", Side.SELL, 0.7)
    prices = Decimal("6750.00"), Decimal("6752.75"), Decimal("6745.00")
    assert (made.entry, made.stop, made.target) == prices
    assert made.features == FEATURES[-1].numbers() | {"own": 0.3333}
    assert made.reason == "So."
    assert made.regime == regime(FEATURES[-1])


@pytest.mark.parametrize(
    ("own", "bars", "warm"), [(True, 150, True), (True, 149, False), (False, 150, False)]
)
def test_a_signal_is_warm_when_everything_is(own: bool, bars: int, warm: bool) -> None:
    idea = replace(IDEA, warm=own)
    made = signal("t", idea, bar=bar(0, 1), features=FEATURES[bars - 1], instrument=ES)
    assert made.warm is warm
