"""Levels become prices on the grid, evidence becomes confidence."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.instrument import ES
from mytrader.domain.orders import Side
from mytrader.signals.bracket import bracket, earned, unit
from tests.signal_bars import QUICK


def test_a_buy_and_a_sell_are_put_on_the_grid_away_from_the_entry() -> None:
    buy = bracket(ES, Side.BUY, entry=27_600, stop=27_589.5, target=27_620.2)
    assert (buy.entry, buy.stop, buy.target) == (
        Decimal("6900.00"),
        Decimal("6897.25"),
        Decimal("6905.25"),
    )
    sell = bracket(ES, Side.SELL, entry=27_600, stop=27_610.5, target=27_579.8)
    assert (sell.stop, sell.target) == (Decimal("6902.75"), Decimal("6894.75"))


def test_a_level_on_the_grid_stays_there() -> None:
    buy = bracket(ES, Side.BUY, entry=27_600, stop=27_590, target=27_620)
    assert (ES.ticks(buy.stop), ES.ticks(buy.target)) == (27_590, 27_620)


@QUICK
@given(st.lists(st.floats(-10, 10), min_size=3, max_size=3), st.floats(0, 5))
def test_confidence_lies_between_a_coin_and_certainty(parts: list[float], more: float) -> None:
    weighted = list(zip((0.5, 0.3, 0.2), parts, strict=True))
    first = weighted[0][1]
    assert 0.5 <= earned(*weighted) <= 1
    assert earned((0.5, first + more), *weighted[1:]) >= earned(*weighted)


@pytest.mark.parametrize(("value", "expected"), [(-3.0, 0), (0.25, 0.25), (7.0, 1)])
def test_a_unit_is_bounded(value: float, expected: float) -> None:
    assert unit(value) == expected


def test_nothing_earned_is_a_coin_and_everything_is_certain() -> None:
    assert earned((0.6, 0.0), (0.4, -1.0)) == 0.5
    assert earned((0.6, 1.0), (0.4, 9.0)) == 1.0
    assert earned((0.6, 0.5), (0.4, 0.0)) == 0.65


@pytest.mark.parametrize("side", list(Side))
def test_legs_on_the_wrong_sides_stay_there(side: Side) -> None:
    """Put right in silence, signs that were mixed up would trade; the guards refuse them."""
    sign = side.sign
    legs = bracket(ES, side, entry=27_600, stop=27_600 + sign * 8, target=27_600 - sign * 4.5)
    assert legs.stop == ES.price(27_600 + sign * 8)
    assert (legs.entry - legs.target) * sign > 0
