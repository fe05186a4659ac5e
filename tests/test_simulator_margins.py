"""Margin is a table times what is open."""

from datetime import UTC, date, datetime
from decimal import Decimal

from mytrader.domain.instrument import ES, INSTRUMENTS, MES
from mytrader.domain.orders import Side
from mytrader.simulator.ledger import BrokerFill, Ledger
from mytrader.simulator.listing import front_month
from mytrader.simulator.margins import (
    INITIAL_MARGIN_USD,
    account_margin_usd,
    initial_margin_usd,
)


def test_every_instrument_has_a_margin() -> None:
    assert set(INITIAL_MARGIN_USD) == set(INSTRUMENTS)


def test_long_and_short_ask_the_same() -> None:
    assert initial_margin_usd(ES, 2) == initial_margin_usd(ES, -2) == Decimal(30_000)
    assert initial_margin_usd(MES, 0) == 0


def test_an_accounts_margin_is_that_of_its_open_positions() -> None:
    ledger = Ledger("DU1", Decimal(100_000))
    assert account_margin_usd(ledger) == 0
    at = datetime(2025, 12, 12, 15, tzinfo=UTC)
    for index, instrument in enumerate((ES, MES)):
        contract = front_month(instrument, date(2025, 12, 12))
        fill = BrokerFill(
            exec_id=str(index),
            contract=contract,
            perm_id=1,
            client_id=1,
            order_id=1,
            order_ref="",
            side=Side.SELL,
            quantity=1,
            price=27400,
            at=at,
            aggressor=True,
            cumulative=1,
            average_price=Decimal(27400),
        )
        ledger.book(fill, Decimal(0))
    assert account_margin_usd(ledger) == Decimal(16_500)
