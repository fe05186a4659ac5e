"""Between the client's objects and ours: prices to ticks, echoes to events, orders to fields.

The client's objects are taken as they are (`Any`): this module reads a handful of their
attributes and does not import the client. Prices that are unset or off the grid are `None`.
Floats are turned into decimals through their shortest text, which is what the wire said.
"""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from mytrader.domain.commands import AskMargin
from mytrader.domain.events import OrderReported
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import FuturesContract, Instrument, OffGridError
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.domain.market import Bar
from mytrader.domain.orders import OrderKind, OrderSpec, Side, TimeInForce
from mytrader.errors import BrokerFault

SIDES: Final = {"BOT": Side.BUY, "SLD": Side.SELL}
"""How executions name their sides."""

OCA_CANCEL_WITH_BLOCK: Final = 1
"""The first fill cancels the others, and only one of them is at the exchange (SAFETY.md B2)."""

AMOUNT_USD_MAX: Final = 10**15
"""No account holds as much; the protocol's "not set" for a double is far above."""


def whole(number: float | Decimal) -> int:
    """Return a count of contracts; raises `ValueError` or `OverflowError` for a fraction."""
    count = int(number)
    if count != number:
        raise ValueError(f"{number} is not a whole number of contracts")
    return count


def ticks(instrument: Instrument, price: float | Decimal | None) -> int | None:
    """Return a price in ticks; `None` when it is unset, no number or off the grid."""
    if price is None:
        return None
    try:
        return instrument.ticks(price)
    except OffGridError:
        return None


def order_report(
    contract: FuturesContract | None, order: Any, status: str
) -> OrderReported | None:
    """Return the broker's echo of an order; `None` on a contract that we do not trade.

    Raises `ValueError` for a side or a quantity that cannot be read.
    """
    if contract is None:
        return None
    return OrderReported(
        ref=order.orderRef,
        order_id=order.orderId,
        perm_id=order.permId,
        client_id=order.clientId,
        con_id=contract.con_id,
        side=Side(order.action),
        quantity=whole(order.totalQuantity),
        order_type=order.orderType,
        limit=ticks(contract.instrument, order.lmtPrice),
        stop=ticks(contract.instrument, order.auxPrice),
        tif=order.tif,
        outside_rth=order.outsideRth,
        trigger_method=order.triggerMethod,
        parent_id=order.parentId,
        status=status,
        oca_group=order.ocaGroup,
        oca_type=order.ocaType if order.ocaGroup else 0,
    )


def fill_report(contract: FuturesContract, execution: Any) -> Execution | None:
    """Return a fill; `None` if its price is not on the grid.

    Raises `KeyError` for an unknown side and `ValueError` for a fraction of a contract.
    """
    price = ticks(contract.instrument, execution.price)
    if price is None:
        return None
    return Execution(
        exec_id=execution.execId,
        ref=execution.orderRef,
        order_id=execution.orderId,
        perm_id=execution.permId,
        con_id=contract.con_id,
        side=SIDES[execution.side],
        quantity=whole(execution.shares),
        price=price,
        at=execution.time,
    )


def order_fields(instrument: Instrument, spec: OrderSpec) -> dict[str, Any]:
    """Return an order's fields in the client's words; every one is explicit (SAFETY.md B21)."""
    fields: dict[str, Any] = {
        "action": spec.side.value,
        "totalQuantity": spec.quantity,
        "orderType": spec.kind.value,
        "lmtPrice": float(instrument.price(spec.limit)),
        "tif": spec.tif.value,
        "outsideRth": spec.outside_rth,
        "triggerMethod": spec.trigger_method,
        "orderRef": spec.ref,
        "transmit": spec.transmit,
    }
    if spec.stop is not None:
        fields["auxPrice"] = float(instrument.price(spec.stop))
    if spec.oca_group:
        fields["ocaGroup"] = spec.oca_group
        fields["ocaType"] = OCA_CANCEL_WITH_BLOCK
    return fields


def margin_fields(instrument: Instrument, asked: AskMargin) -> dict[str, Any]:
    """Return the fields of an order that is only asked about: `whatIf`, and no reference."""
    return {
        "action": asked.side.value,
        "totalQuantity": asked.quantity,
        "orderType": OrderKind.LMT.value,
        "lmtPrice": float(instrument.price(asked.limit)),
        "tif": TimeInForce.GTC.value,
        "outsideRth": True,
        "whatIf": True,
    }


def margin_report(state: Any) -> Known[Margin] | Unknown:
    """Return the account after an order, from the state that answers a what-if.

    An amount that is empty, no number, below zero or the protocol's "not set" is `Unknown`.
    """
    amounts = []
    for name in ("initMarginAfter", "equityWithLoanAfter"):
        amount = _amount_usd(getattr(state, name))
        if amount is None:
            return Unknown(f"the broker's {name} is {getattr(state, name)!r}")
        amounts.append(amount)
    return Known(Margin(*amounts))


def _amount_usd(text: object) -> Decimal | None:
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_USD_MAX:
        return None
    return amount


def closed_bar(contract: FuturesContract, bar: Any) -> Bar:
    """Return a complete bar; raises `BrokerFault` for one that cannot be read."""
    prices = [ticks(contract.instrument, p) for p in (bar.open, bar.high, bar.low, bar.close)]
    known = [price for price in prices if price is not None]
    if len(known) != len(prices):
        raise BrokerFault(f"the bar of {bar.date} has a price off the grid")
    opened, high, low, close = known
    try:
        volume = whole(bar.volume)
    except (ValueError, OverflowError):
        raise BrokerFault(f"the bar of {bar.date} has a volume of {bar.volume}") from None
    return Bar(bar.date, opened, high, low, close, volume)


def expiry_of(details: Any) -> date:
    """Return the last trading date of a contract's details."""
    text = details.contract.lastTradeDateOrContractMonth
    return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone
