"""The account as the wire tells it: positions, portfolio and values, from the ledger alone."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.simulator.ledger import Holding, Ledger
from mytrader.simulator.listing import order_contract
from mytrader.simulator.margins import account_margin_usd
from mytrader.tws.answers import PortfolioValue, Position

_CENT: Final = Decimal("0.01")


class AccountFigure(Struct, frozen=True):
    """One value of the account under its name."""

    tag: str
    value: str
    currency: str


def position_report(holding: Holding, account: str) -> Position:
    """Return what is open in one contract; the broker leaves the exchange out."""
    return Position(
        account=account,
        contract=order_contract(holding.contract, exchange=False),
        position=Decimal(holding.position),
        average_cost=holding.average_cost_usd,
    )


def portfolio_report(holding: Holding, account: str, *, mark: int) -> PortfolioValue:
    """Return what is open in one contract with its value at `mark`, ticks."""
    instrument = holding.contract.instrument
    price = instrument.price(mark)
    return PortfolioValue(
        contract=order_contract(holding.contract),
        position=Decimal(holding.position),
        market_price=price,
        market_value=price * instrument.multiplier_usd * holding.position,
        average_cost=holding.average_cost_usd,
        unrealized_pnl=holding.unrealised_usd(mark),
        realized_pnl=holding.realised_usd,
        account=account,
    )


def account_figures(ledger: Ledger, marks: Mapping[int, int]) -> Iterator[AccountFigure]:
    """Yield the values of the account; `marks` is the last price in ticks by contract id."""
    unrealised = ledger.unrealised_usd(dict(marks))
    liquidation = ledger.cash_usd + unrealised
    margin = account_margin_usd(ledger)
    free, settled = liquidation - margin, ledger.settled_cash_usd
    yield AccountFigure("AccountCode", ledger.account, "")
    yield AccountFigure("AccountReady", "true", "")
    yield AccountFigure("AccountType", "INDIVIDUAL", "")
    yield AccountFigure("Currency", "USD", "USD")
    amounts = {
        "NetLiquidation": liquidation,
        "EquityWithLoanValue": liquidation,
        "TotalCashValue": settled,
        "CashBalance": settled,
        "TotalCashBalance": settled,
        "AvailableFunds": free,
        "ExcessLiquidity": free,
        "BuyingPower": free,
        "InitMarginReq": margin,
        "MaintMarginReq": margin,
        "GrossPositionValue": Decimal(0),
        "RealizedPnL": ledger.realised_usd,
        "UnrealizedPnL": unrealised,
        "FuturesPNL": ledger.daily_usd(dict(marks)),
    }
    for tag, amount in amounts.items():
        yield AccountFigure(tag, str(amount.quantize(_CENT)), "USD")
