"""Instruments as data: tick, multiplier and commission; prices become whole ticks here.

Contract facts for ES and MES: CME Group contract specifications (E-mini and Micro E-mini
S&P 500): tick 0.25 index points, multiplier $50 and $5.
"""

from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from msgspec import Struct

PRICE_TICKS_MAX: Final = 10_000_000
"""No price of any index future is near this; anything larger is of another magnitude."""


class OffGridError(ValueError):
    """A price that is not a whole number of ticks, or not a finite number at all."""


class Instrument(Struct, frozen=True):
    """What is true of every expiry of a future.

    `multiplier_usd` is dollars per index point; `group` names instruments whose risk is netted.
    """

    symbol: str
    name: str
    exchange: str
    currency: str
    multiplier_usd: int
    tick_size: Decimal
    commission_usd_per_side: Decimal
    group: str
    market_rule_id: int

    @property
    def tick_value_usd(self) -> Decimal:
        """Dollars that one contract gains or loses per tick."""
        return self.tick_size * self.multiplier_usd

    def exact_ticks(self, price: Decimal | float | str) -> Decimal:
        """Return `price` (index points) in ticks, a fraction where it is off the grid.

        Raises `OffGridError` when it is no finite number or of another magnitude.
        """
        try:
            points = price if isinstance(price, Decimal) else Decimal(str(price))
            exact = points / self.tick_size
            possible = abs(exact) <= PRICE_TICKS_MAX
        except (ArithmeticError, ValueError):
            # Not a number, too large to divide, or an integer too long to be written out.
            raise OffGridError(f"that is not a price of {self.symbol}") from None
        if not possible:
            raise OffGridError(f"{price!r} is not a price of {self.symbol}")
        return exact

    def ticks(self, price: Decimal | float | str) -> int:
        """Return `price` (index points) in whole ticks.

        Raises `OffGridError` when the price is not finite or not on the grid.
        """
        exact = self.exact_ticks(price)
        whole = int(exact)
        if whole != exact:
            raise OffGridError(f"{price} is off the {self.tick_size} grid of {self.symbol}")
        return whole

    def ticks_down(self, price: Decimal | float | str) -> int:
        """Return the grid price at or below `price`, in ticks."""
        return int(self.exact_ticks(price).to_integral_value(ROUND_FLOOR))

    def ticks_up(self, price: Decimal | float | str) -> int:
        """Return the grid price at or above `price`, in ticks."""
        return int(self.exact_ticks(price).to_integral_value(ROUND_CEILING))

    def price(self, ticks: int) -> Decimal:
        """Return the price in index points of a whole number of ticks."""
        return self.tick_size * ticks

    def usd(self, ticks: int, quantity: int = 1) -> Decimal:
        """Return the dollars that `quantity` contracts gain over `ticks`."""
        return self.tick_size * (self.multiplier_usd * ticks * quantity)


class FuturesContract(Struct, frozen=True):
    """One expiry of an instrument; `con_id` is the broker's number and our key everywhere."""

    con_id: int
    instrument: Instrument
    local_symbol: str
    expiry: date


ES: Final = Instrument(
    symbol="ES",
    name="E-mini S&P 500",
    exchange="CME",
    currency="USD",
    multiplier_usd=50,
    tick_size=Decimal("0.25"),
    commission_usd_per_side=Decimal("2.40"),
    group="SP500",
    market_rule_id=67,
)
MES: Final = Instrument(
    symbol="MES",
    name="Micro E-mini S&P 500",
    exchange="CME",
    currency="USD",
    multiplier_usd=5,
    tick_size=Decimal("0.25"),
    commission_usd_per_side=Decimal("0.62"),
    group="SP500",
    market_rule_id=67,
)
INSTRUMENTS: Final = {instrument.symbol: instrument for instrument in (ES, MES)}
