"""Between the client's objects and ours: prices to ticks, echoes to events, orders to fields.

The client's objects are taken as they are (`Any`): this module reads a handful of their
attributes and does not import the client. Prices that are unset or off the grid are `None`.
Floats are turned into decimals through their shortest text, which is what the wire said.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from mytrader.domain.events import OrderReported
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import FuturesContract, Instrument, OffGridError
from mytrader.domain.market import Bar
from mytrader.domain.orders import OrderSpec, Side
from mytrader.errors import BrokerFault

BOUGHT: Final = "BOT"


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
    """Return the broker's echo of an order; `None` on a contract that we do not trade."""
    if contract is None:
        return None
    return OrderReported(
        ref=order.orderRef,
        order_id=order.orderId,
        perm_id=order.permId,
        client_id=order.clientId,
        con_id=contract.con_id,
        side=Side(order.action),
        quantity=int(order.totalQuantity),
        order_type=order.orderType,
        limit=ticks(contract.instrument, order.lmtPrice),
        stop=ticks(contract.instrument, order.auxPrice),
        tif=order.tif,
        outside_rth=order.outsideRth,
        trigger_method=order.triggerMethod,
        parent_id=order.parentId,
        status=status,
    )


def fill_report(contract: FuturesContract, execution: Any) -> Execution | None:
    """Return a fill; `None` if its price is not on the grid."""
    price = ticks(contract.instrument, execution.price)
    if price is None:
        return None
    return Execution(
        exec_id=execution.execId,
        ref=execution.orderRef,
        order_id=execution.orderId,
        perm_id=execution.permId,
        con_id=contract.con_id,
        side=Side.BUY if execution.side == BOUGHT else Side.SELL,
        quantity=int(execution.shares),
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
    return fields


def closed_bar(contract: FuturesContract, bar: Any) -> Bar:
    """Return a complete bar; raises `BrokerFault` for a price off the grid."""
    prices = [ticks(contract.instrument, p) for p in (bar.open, bar.high, bar.low, bar.close)]
    known = [price for price in prices if price is not None]
    if len(known) != len(prices):
        raise BrokerFault(f"the bar of {bar.date} has a price off the grid")
    opened, high, low, close = known
    return Bar(bar.date, opened, high, low, close, int(bar.volume))


def expiry_of(details: Any) -> date:
    """Return the last trading date of a contract's details."""
    text = details.contract.lastTradeDateOrContractMonth
    return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - a date has no zone
