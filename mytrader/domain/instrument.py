"""Instruments as data: tick, multiplier, commission and margin; prices become whole ticks here.

Contract facts: CME Group contract specifications of the E-mini and Micro E-mini S&P 500 (ES, MES)
and Nasdaq-100 (NQ, MNQ): tick 0.25 index points, multipliers $50, $5, $20 and $2.

`initial_margin_usd` is our own table, against which the broker's word is checked (SAFETY.md C04).
It is no quotation and has no source but caution: it is meant to lie above what exchange and broker
ask for, so that it errs towards fewer contracts. Compare it with the broker's table of futures
margins before you trade, and when volatility has changed; last set 2025-12.
"""

from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property, lru_cache
from math import ceil
from typing import Final

from msgspec import Struct

PRICE_TICKS_MAX: Final = 10_000_000
"""No price of any index future is near this; anything larger is of another magnitude."""


_DIGITS_MAX: Final = len(str(PRICE_TICKS_MAX))
_NO_PRICE: Final = Decimal("NaN")


class OffGridError(ValueError):
    """A price that is not a whole number of ticks, or not a finite number at all."""


class Instrument(Struct, frozen=True, dict=True):
    """What is true of every expiry of a future.

    `multiplier_usd` is dollars per index point; `group` names instruments whose risk is netted;
    `initial_margin_usd` is the own table's margin of one contract, dollars.
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
    initial_margin_usd: int

    @cached_property
    def tick_value_usd(self) -> Decimal:
        """Dollars that one contract gains or loses per tick."""
        return self.tick_size * self.multiplier_usd

    @cached_property
    def tick_value_cents(self) -> int:
        """`tick_value_usd` in whole cents, rounded up: a loss is never counted too small."""
        return ceil(self.tick_value_usd * 100)

    @cached_property
    def commission_cents_per_side(self) -> int:
        """`commission_usd_per_side` in whole cents, rounded up."""
        return ceil(self.commission_usd_per_side * 100)

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

    def grid_ticks(self, price: Decimal | None) -> int | None:
        """Return `price` (index points) in whole ticks, `None` for whatever is no grid price.

        The quick way for prices that should be on the grid; `ticks` says what is wrong with one.
        """
        if price is None or not price.is_finite():
            return None
        return _grid_ticks(price, self.tick_size)

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


@lru_cache(maxsize=4096)
def _grid_ticks(price: Decimal, tick_size: Decimal) -> int | None:
    """As `Instrument.grid_ticks` of a finite price: a day's prices are few, and come again."""
    try:
        # The magnitude first: a short Decimal may stand for a number of a million digits.
        exact = price / tick_size if price.adjusted() < _DIGITS_MAX else _NO_PRICE
        whole = int(exact)
    except (ArithmeticError, ValueError):
        return None
    possible = whole == exact and -PRICE_TICKS_MAX <= whole <= PRICE_TICKS_MAX
    return whole if possible else None


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
    initial_margin_usd=28_000,
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
    initial_margin_usd=2_800,
)
NQ: Final = Instrument(
    symbol="NQ",
    name="E-mini Nasdaq-100",
    exchange="CME",
    currency="USD",
    multiplier_usd=20,
    tick_size=Decimal("0.25"),
    commission_usd_per_side=Decimal("2.40"),
    group="NDX",
    market_rule_id=67,
    initial_margin_usd=42_000,
)
MNQ: Final = Instrument(
    symbol="MNQ",
    name="Micro E-mini Nasdaq-100",
    exchange="CME",
    currency="USD",
    multiplier_usd=2,
    tick_size=Decimal("0.25"),
    commission_usd_per_side=Decimal("0.62"),
    group="NDX",
    market_rule_id=67,
    initial_margin_usd=4_200,
)
INSTRUMENTS: Final = {instrument.symbol: instrument for instrument in (ES, MES, NQ, MNQ)}
