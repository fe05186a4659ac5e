"""Orders that a person places at the gateway's window, and who hears of them."""

import asyncio

import pytest

from mytrader.domain.orders import Side
from mytrader.simulator.fault_rules import ByHand, Rule, When
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings
from tests.virtual_desk import PRICE, Desk, connected, flat, run_desk

ASK = (PRICE + 1) / 4


def _by_hand(desk: Desk, *, limit: int | None = -20) -> None:
    away = None if limit is None else PRICE + limit
    desk.gateway.place_by_hand("ES", Side.BUY, 1, limit=away)


def test_an_unbound_order_is_shown_without_an_id_and_nobody_may_cancel_it() -> None:
    async def scenario(desk: Desk) -> None:
        _by_hand(desk)
        await asyncio.sleep(1)
        assert desk.ib.openTrades() == []
        (trade,) = await desk.ib.reqAllOpenOrdersAsync()
        assert (trade.order.orderId, trade.order.clientId) == (0, 0)
        desk.client.cancelOrder(1)
        await asyncio.sleep(1)
        assert desk.codes == [10147]
        desk.ib.reqGlobalCancel()
        await asyncio.sleep(1)
        assert desk.gateway.ledger.orders == ()

    run_desk(connected(scenario), flat(60))


def test_client_0_binds_and_may_change_and_cancel() -> None:
    async def scenario(desk: Desk) -> None:
        _by_hand(desk)
        await asyncio.sleep(1)
        await desk.connect(0)
        _by_hand(desk, limit=-30)
        await asyncio.sleep(1)
        await desk.ib.reqOpenOrdersAsync()
        trades = sorted(desk.ib.openTrades(), key=lambda each: -each.order.orderId)
        assert [each.order.orderId for each in trades] == [-1, -2]
        trades[0].order.lmtPrice = (PRICE - 24) / 4
        desk.ib.placeOrder(desk.contract, trades[0].order)
        await asyncio.sleep(1)
        assert desk.codes == []
        limits = [order.terms.limit for order in desk.gateway.ledger.orders]
        assert limits == [PRICE - 24, PRICE - 30]
        desk.ib.cancelOrder(trades[1].order)
        await asyncio.sleep(1)
        assert trades[1].orderStatus.status == "Cancelled"
        assert len(await desk.ib.reqCompletedOrdersAsync(apiOnly=False)) == 1
        assert await desk.ib.reqCompletedOrdersAsync(apiOnly=True) == []

    async def start(desk: Desk) -> None:
        other = Desk(desk.loop, desk.gateway)
        await other.connect()
        await other.subscribe()
        other.ib.disconnect()
        await scenario(desk)

    run_desk(start, flat(60))


def test_only_client_0_may_bind_by_itself() -> None:
    async def scenario(desk: Desk) -> None:
        desk.ib.reqAutoOpenOrders(True)
        await asyncio.sleep(1)
        assert desk.codes == [321]

    run_desk(connected(scenario), flat(30))


def test_a_fill_by_hand_moves_the_account_and_is_told_on_demand() -> None:
    async def scenario(desk: Desk) -> None:
        await asyncio.sleep(10)
        assert [each.position for each in desk.ib.positions()] == [-2]
        assert desk.ib.fills() == []
        (fill,) = await desk.ib.reqExecutionsAsync()
        assert (fill.execution.orderId, fill.execution.clientId) == (0, 0)

    rule = Rule(ByHand(Side.SELL, 2), when=When(after_s=8))
    run_desk(connected(scenario), flat(60), faults=Faults(rules=(rule,)))


def test_the_master_hears_of_everybodys_orders() -> None:
    async def scenario(desk: Desk) -> None:
        master = Desk(desk.loop, desk.gateway)
        await master.connect(9)
        desk.place(desk.order("BUY", ASK - 5))
        _by_hand(desk)
        await asyncio.sleep(1)
        refs = sorted(each.order.clientId for each in master.ib.openTrades())
        assert refs == [0, 7]
        desk.place(desk.order("BUY", ASK + 1))
        await asyncio.sleep(1)
        assert len(master.ib.fills()) == 1
        master.ib.disconnect()

    run_desk(connected(scenario), flat(60), settings=GatewaySettings(master_client_id=9))


def test_an_order_that_nobody_would_take_is_said_so() -> None:
    async def scenario(desk: Desk) -> None:
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="no order"):
            desk.gateway.place_by_hand("ES", Side.BUY, 0)

    run_desk(connected(scenario), flat(30))
