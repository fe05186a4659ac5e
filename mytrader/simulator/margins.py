"""Initial margin per contract, as data.

A simulated figure, not the exchange's: 300 index points, about what brokers asked for ES in 2025.
"""

from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument
from mytrader.simulator.ledger import Ledger

INITIAL_MARGIN_USD: Final = {"ES": Decimal(15_000), "MES": Decimal(1_500)}
"""Initial margin of one contract, long or short, dollars by symbol."""


def initial_margin_usd(instrument: Instrument, position: int) -> Decimal:
    """Return the initial margin of a position in one contract, dollars."""
    return INITIAL_MARGIN_USD[instrument.symbol] * abs(position)


def account_margin_usd(ledger: Ledger) -> Decimal:
    """Return the initial margin of everything that is open, dollars."""
    return sum(
        (initial_margin_usd(each.contract.instrument, each.position) for each in ledger.open()),
        Decimal(0),
    )
