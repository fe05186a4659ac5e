"""From a strategy's levels to prices that an order can have, and from evidence to confidence."""

from decimal import Decimal
from math import ceil, floor
from typing import Final

from msgspec import Struct

from mytrader.domain.instrument import Instrument
from mytrader.domain.orders import Side
from mytrader.signals.features import FEATURE_DIGITS

CONFIDENCE_FLOOR: Final = 0.5
"""A proposal that nothing speaks for is the throw of a coin."""


class BracketPrices(Struct, frozen=True):
    """Entry, stop and target in index points, on the grid."""

    entry: Decimal
    stop: Decimal
    target: Decimal


def bracket(
    instrument: Instrument, side: Side, *, entry: int, stop: float, target: float
) -> BracketPrices:
    """Return levels in ticks as prices; stop and target are put on the grid away from the entry.

    No leg is moved to the other side and no distance forced up to any minimum: that is for the
    guards to judge, and they refuse rather than adjust.
    """
    down, up = (floor, ceil) if side is Side.BUY else (ceil, floor)
    price = instrument.price
    return BracketPrices(price(entry), stop=price(down(stop)), target=price(up(target)))


def earned(*parts: tuple[float, float]) -> float:
    """Return the confidence that parts of (weight, evidence) have earned, 0.5 to 1.

    Half is given, the other half is shared out by the weights, which sum to 1. Evidence counts
    from 0 to 1, whatever it is, so more of it never lowers the confidence.
    """
    share = sum(weight * unit(evidence) for weight, evidence in parts)
    return round(CONFIDENCE_FLOOR + (1 - CONFIDENCE_FLOOR) * share, FEATURE_DIGITS)


def unit(value: float) -> float:
    """Return the value, but at least 0 and at most 1."""
    return min(max(value, 0.0), 1.0)
