"""Orders and executions as the wire tells them."""

from decimal import Decimal

from mytrader.domain.orders import Side
from mytrader.simulator.broker_orders import BrokerOrder, OrderState
from mytrader.simulator.ledger import BrokerFill
from mytrader.simulator.listing import order_contract, zoned_text
from mytrader.tws.order_answers import (
    CommissionReport,
    CompletedOrder,
    ExecutionDetails,
    OpenOrder,
    OrderStatus,
)

ADDED_LIQUIDITY = 1
REMOVED_LIQUIDITY = 2


def open_order(order: BrokerOrder, account: str, *, parent_id: int) -> OpenOrder:
    """Return the order as the broker holds it now."""
    terms, sent, price = order.terms, order.sent, order.terms.contract.instrument.price
    return OpenOrder(
        order_id=order.shown_order_id,
        contract=order_contract(terms.contract),
        action=terms.side,
        quantity=Decimal(terms.quantity),
        order_type=terms.kind,
        limit_price=price(terms.limit),
        aux_price=Decimal(0) if terms.stop is None else price(terms.stop),
        tif=terms.tif,
        oca_group=terms.oca_group,
        oca_type=terms.oca_type,
        account=account,
        open_close=sent.open_close,
        origin=sent.origin,
        order_ref=sent.order_ref,
        client_id=order.shown_client_id,
        perm_id=order.perm_id,
        outside_rth=terms.outside_rth,
        good_till_date=sent.good_till_date,
        parent_id=parent_id,
        trigger_method=sent.trigger_method,
        status=order.status,
    )


def order_status(order: BrokerOrder, parent_id: int) -> OrderStatus:
    """Return where the order stands."""
    price = order.terms.contract.instrument.price
    return OrderStatus(
        order_id=order.shown_order_id,
        status=order.status,
        filled=Decimal(order.filled),
        remaining=Decimal(order.remaining),
        average_fill_price=price(1) * order.filled_ticks / order.filled
        if order.filled
        else Decimal(0),
        perm_id=order.perm_id,
        parent_id=parent_id,
        last_fill_price=Decimal(0) if order.last_fill is None else price(order.last_fill),
        client_id=order.shown_client_id,
        why_held=order.why_held,
    )


def completed_order(order: BrokerOrder, account: str) -> CompletedOrder:
    """Return an order that is over."""
    terms, sent, price = order.terms, order.sent, order.terms.contract.instrument.price
    return CompletedOrder(
        contract=order_contract(terms.contract),
        action=terms.side,
        quantity=Decimal(terms.quantity),
        order_type=terms.kind,
        limit_price=price(terms.limit),
        aux_price=Decimal(0) if terms.stop is None else price(terms.stop),
        tif=terms.tif,
        oca_group=terms.oca_group,
        oca_type=terms.oca_type,
        account=account,
        open_close=sent.open_close,
        origin=sent.origin,
        order_ref=sent.order_ref,
        perm_id=order.perm_id,
        outside_rth=terms.outside_rth,
        good_till_date=sent.good_till_date,
        trigger_method=sent.trigger_method,
        status=order.status,
        filled_quantity=Decimal(order.filled),
        parent_perm_id=order.parent_perm_id,
        completed_time="" if order.ended_at is None else zoned_text(order.ended_at),
        completed_status=_completed_text(order),
    )


def _completed_text(order: BrokerOrder) -> str:
    if order.state is OrderState.FILLED:
        return f"Filled Size: {order.filled}"
    if order.state is OrderState.REFUSED:
        return f"Rejected: {order.ended_why}"
    return f"Cancelled: {order.ended_why}" if order.ended_why else "Cancelled by Trader"


def execution_details(fill: BrokerFill, account: str, *, req_id: int) -> ExecutionDetails:
    """Return one fill; `req_id` is -1 when nobody asked for it."""
    instrument = fill.contract.instrument
    return ExecutionDetails(
        req_id=req_id,
        order_id=fill.order_id,
        contract=order_contract(fill.contract),
        exec_id=fill.exec_id,
        time=zoned_text(fill.at),
        account=account,
        exec_exchange=instrument.exchange,
        side="BOT" if fill.side is Side.BUY else "SLD",
        shares=Decimal(fill.quantity),
        price=instrument.price(fill.price),
        perm_id=fill.perm_id,
        client_id=fill.client_id,
        liquidation=0,
        cumulative_quantity=Decimal(fill.cumulative),
        average_price=instrument.tick_size * fill.average_price,
        order_ref=fill.order_ref,
        liquidity=REMOVED_LIQUIDITY if fill.aggressor else ADDED_LIQUIDITY,
    )


def commission_report(fill: BrokerFill) -> CommissionReport:
    """Return what a fill cost and what it realised."""
    return CommissionReport(
        exec_id=fill.exec_id,
        commission=fill.commission_usd,
        currency=fill.contract.instrument.currency,
        realized_pnl=fill.realised_usd,
    )
