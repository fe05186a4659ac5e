"""Initial margin per contract, and how far a market order may run, as data.

Simulated figures, not the exchange's: 300 points of the S&P 500 and 1,200 of the Nasdaq-100, about
what brokers asked intraday in 2025.
"""

from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument
from mytrader.simulator.ledger import Ledger

INITIAL_MARGIN_USD: Final = {
    "ES": Decimal(15_000),
    "MES": Decimal(1_500),
    "NQ": Decimal(24_000),
    "MNQ": Decimal(2_400),
}
"""Initial margin of one contract, long or short, dollars by symbol."""

PROTECTION_TICKS: Final = {"ES": 12, "MES": 12, "NQ": 60, "MNQ": 60}
"""How far beyond the touch a market order may fill, ticks: half of the exchange's non-reviewable
range, which was 6 points in the S&P 500 and 30 in the Nasdaq-100 (CME Group, rule 588 and "Market
Order with Protection"). Simulated figures: the exchange sets the range from time to time."""


def initial_margin_usd(instrument: Instrument, position: int) -> Decimal:
    """Return the initial margin of a position in one contract, dollars."""
    return INITIAL_MARGIN_USD[instrument.symbol] * abs(position)


def account_margin_usd(ledger: Ledger) -> Decimal:
    """Return the initial margin of everything that is open, dollars."""
    return sum(
        (initial_margin_usd(each.contract.instrument, each.position) for each in ledger.open()),
        Decimal(0),
    )
