"""Orders and executions as messages: prices in points, times in the exchange's zone."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from mytrader.domain.instrument import ES
from mytrader.domain.orders import OrderKind, Side, TimeInForce
from mytrader.simulator import order_reports
from mytrader.simulator.broker_orders import BrokerOrder, OrderState
from mytrader.simulator.faults import Faults
from mytrader.simulator.ledger import BrokerFill
from mytrader.simulator.listing import front_month
from mytrader.simulator.order_rules import Terms
from mytrader.tws.contracts import WireContract
from mytrader.tws.place_order import PlaceOrder
from tests.virtual_desk import PRICE, Desk, connected, flat, run_desk

ASK = (PRICE + 1) / 4
AT = datetime(2025, 12, 12, 15, 30, tzinfo=UTC)
CONTRACT = front_month(ES, AT.date())
ORDER = BrokerOrder(
    perm_id=99,
    client_id=7,
    sent=PlaceOrder(5, WireContract(), order_ref="mt/x/S1", trigger_method=2),
    terms=Terms(
        contract=CONTRACT,
        side=Side.SELL,
        quantity=3,
        kind=OrderKind.STP_LMT,
        limit=27360,
        stop=27369,
        tif=TimeInForce.GTC,
        outside_rth=True,
    ),
    state=OrderState.WORKING,
    parent_perm_id=98,
    filled=2,
    filled_ticks=54721,
    last_fill=27361,
)
FILL = BrokerFill(
    exec_id="a.b.01",
    contract=CONTRACT,
    perm_id=99,
    client_id=7,
    order_id=5,
    order_ref="mt/x/S1",
    side=Side.SELL,
    quantity=1,
    price=27361,
    at=AT,
    aggressor=False,
    cumulative=2,
    average_price=Decimal("27360.5"),
    commission_usd=Decimal("2.40"),
    realised_usd=Decimal(-10),
)


def test_open_order_echoes_every_term() -> None:
    report = order_reports.open_order(ORDER, "DU1", parent_id=4)
    assert (report.limit_price, report.aux_price) == (Decimal(6840), Decimal("6842.25"))
    assert (report.action, report.quantity, report.order_type) == ("SELL", Decimal(3), "STP LMT")
    assert (report.tif, report.outside_rth, report.trigger_method) == ("GTC", True, 2)
    assert (report.order_id, report.perm_id, report.client_id) == (5, 99, 7)
    assert (report.order_ref, report.parent_id, report.status) == ("mt/x/S1", 4, "Submitted")
    assert (report.account, report.contract.con_id) == ("DU1", CONTRACT.con_id)


def test_limit_order_has_no_stop() -> None:
    limit = structs.replace(ORDER, terms=structs.replace(ORDER.terms, stop=None))
    assert order_reports.open_order(limit, "DU1", parent_id=0).aux_price == 0
    assert order_reports.completed_order(limit, "DU1").aux_price == 0


def test_status_gives_the_average_of_the_fills() -> None:
    report = order_reports.order_status(ORDER, 4)
    assert (report.filled, report.remaining, report.parent_id) == (Decimal(2), Decimal(1), 4)
    assert report.average_fill_price == Decimal("6840.125")
    assert report.last_fill_price == Decimal("6840.25")
    unfilled = structs.replace(ORDER, filled=0, filled_ticks=0, last_fill=None)
    report = order_reports.order_status(unfilled, 0)
    assert (report.average_fill_price, report.last_fill_price) == (Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("state", "why", "text"),
    [
        (OrderState.FILLED, "", "Filled Size: 2"),
        (OrderState.CANCELLED, "", "Cancelled by Trader"),
        (OrderState.CANCELLED, "expired", "Cancelled: expired"),
        (OrderState.REFUSED, "no", "Rejected: no"),
    ],
)
def test_completed_order_says_how_it_ended(state: OrderState, why: str, text: str) -> None:
    over = structs.replace(ORDER, state=state, ended_why=why, ended_at=AT)
    report = order_reports.completed_order(over, "DU1")
    assert report.completed_status == text
    assert report.completed_time == "20251212 09:30:00 US/Central"
    assert (report.perm_id, report.parent_perm_id, report.filled_quantity) == (99, 98, Decimal(2))
    assert order_reports.completed_order(ORDER, "DU1").completed_time == ""


def test_execution_in_points_and_the_exchanges_time() -> None:
    report = order_reports.execution_details(FILL, "DU1", req_id=-1)
    assert (report.side, report.shares, report.price) == ("SLD", Decimal(1), Decimal("6840.25"))
    assert (report.time, report.liquidity) == ("20251212 09:30:00 US/Central", 1)
    assert (report.cumulative_quantity, report.average_price) == (Decimal(2), Decimal("6840.125"))
    bought = structs.replace(FILL, side=Side.BUY, aggressor=True)
    report = order_reports.execution_details(bought, "DU1", req_id=12)
    assert (report.side, report.liquidity, report.req_id) == ("BOT", 2, 12)


def test_commission_names_its_execution() -> None:
    report = order_reports.commission_report(FILL)
    assert (report.exec_id, report.commission, report.realized_pnl) == (
        "a.b.01",
        Decimal("2.40"),
        Decimal(-10),
    )


def test_a_refused_order_may_be_told_of_as_inactive_first() -> None:
    async def scenario(desk: Desk) -> None:
        order = desk.order("BUY", ASK - 5, totalQuantity=90)
        desk.place(order)
        await asyncio.sleep(1)
        assert desk.statuses == [(order.orderId, "Inactive")]
        assert desk.errors == [(order.orderId, 201)]
        (completed,) = await desk.ib.reqCompletedOrdersAsync(apiOnly=False)
        assert completed.orderStatus.status == "Cancelled"

    run_desk(connected(scenario), flat(60), faults=Faults(inactive_rejections=True))


def test_an_order_that_was_never_transmitted_is_cancelled_by_the_api() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5, transmit=False))
        await asyncio.sleep(1)
        desk.ib.cancelOrder(trade.order)
        await asyncio.sleep(1)
        assert trade.orderStatus.status == "ApiCancelled"
        assert desk.gateway.ledger.orders == ()

    run_desk(connected(scenario), flat(60))
