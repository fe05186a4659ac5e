"""The account as messages: dollars from the ledger, marked at the last price."""

from datetime import UTC, datetime
from decimal import Decimal

from mytrader.domain.instrument import ES
from mytrader.domain.orders import Side
from mytrader.simulator.account_reports import account_figures, portfolio_report, position_report
from mytrader.simulator.ledger import BrokerFill, Ledger
from mytrader.simulator.listing import front_month

AT = datetime(2025, 12, 12, 15, 30, tzinfo=UTC)
CONTRACT = front_month(ES, AT.date())


def _ledger() -> Ledger:
    """Return an account that is long two at 27400 ticks."""
    ledger = Ledger("DU1", Decimal(100_000))
    fill = BrokerFill(
        exec_id="a.b.01",
        contract=CONTRACT,
        perm_id=1,
        client_id=7,
        order_id=1,
        order_ref="",
        side=Side.BUY,
        quantity=2,
        price=27400,
        at=AT,
        aggressor=True,
        cumulative=2,
        average_price=Decimal(27400),
    )
    ledger.book(fill, Decimal("4.80"))
    return ledger


def test_position_is_at_price_times_multiplier() -> None:
    report = position_report(_ledger().holdings[0], "DU1")
    assert (report.position, report.average_cost) == (Decimal(2), Decimal(342_500))
    assert (report.account, report.contract.exchange) == ("DU1", "")


def test_portfolio_is_marked() -> None:
    report = portfolio_report(_ledger().holdings[0], "DU1", mark=27404)
    assert (report.market_price, report.market_value) == (Decimal(6851), Decimal(685_100))
    assert (report.unrealized_pnl, report.realized_pnl) == (Decimal(100), Decimal(0))


def test_figures_add_up() -> None:
    figures = {
        each.tag: each.value for each in account_figures(_ledger(), {CONTRACT.con_id: 27404})
    }
    assert figures["TotalCashValue"] == "99995.20"
    assert figures["UnrealizedPnL"] == "100.00"
    assert figures["NetLiquidation"] == "100095.20"
    assert figures["InitMarginReq"] == "30000.00"
    assert figures["AvailableFunds"] == "70095.20"
    assert figures["RealizedPnL"] == "-4.80"
    assert figures["AccountCode"] == "DU1"
