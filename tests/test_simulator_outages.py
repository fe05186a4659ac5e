"""What is away and how it returns, through the real client."""

import asyncio

from mytrader.simulator.fault_rules import FarmDown, Halt, LoseLink, Restart, Rule, When
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import SimulatedGateway
from mytrader.simulator.outages import HELD_MAX
from mytrader.tws import requests
from tests.virtual_desk import PRICE, Desk, Scenario, connected, flat, run_desk, ticks

ASK = (PRICE + 1) / 4
AT = When(after_s=10)
"""Seconds of the market; the desk of these tests is connected when two have passed."""


def _run(scenario: Scenario, rule: Rule, prices: list[int] | None = None) -> SimulatedGateway:
    market = flat(90) if prices is None else ticks(prices)
    return run_desk(connected(scenario), market, faults=Faults(rules=(rule,)))


def test_news_of_orders_come_when_the_link_is_back() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(15)
        assert trade.orderStatus.status == "Submitted"
        late = desk.place(desk.order("BUY", ASK - 6))
        await asyncio.sleep(5)
        assert late.orderStatus.status == "PendingSubmit"
        await asyncio.sleep(10)
        assert trade.orderStatus.status == "Filled"
        assert late.orderStatus.status == "Submitted"
        assert [code for code in desk.codes if 1000 < code < 2000] == [1100, 1102]

    _run(scenario, Rule(LoseLink(20), when=AT), [PRICE] * 20 + [PRICE - 21] * 60)


def test_simulated_stops_sleep_and_native_ones_do_not() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK + 1, totalQuantity=2))
        native = desk.order("SELL", ASK - 20, stop=ASK - 3)
        kept = desk.order("SELL", 0, orderType="STP", auxPrice=ASK - 3)
        trades = [desk.place(native), desk.place(kept)]
        await asyncio.sleep(22)
        assert [fill.order_id for fill in desk.gateway.ledger.executions][1:] == [native.orderId]
        await asyncio.sleep(20)
        assert [each.orderStatus.status for each in trades] == ["Filled", "Filled"]

    _run(scenario, Rule(LoseLink(20), when=AT), [PRICE] * 20 + [PRICE - 21] * 60)


def test_quotes_may_stop_without_a_word() -> None:
    async def scenario(desk: Desk) -> None:
        ticker = desk.ib.tickers()[0]
        await asyncio.sleep(12)
        before = ticker.last
        await asyncio.sleep(8)
        assert ticker.last == before
        await asyncio.sleep(20)
        assert ticker.last != before
        assert desk.codes == []

    prices = [PRICE + step for step in range(80)]
    _run(scenario, Rule(FarmDown(15, told=False), when=AT), prices)


def test_subscriptions_are_gone_when_data_is_lost() -> None:
    async def scenario(desk: Desk) -> None:
        await asyncio.sleep(15)
        ticker = desk.ib.tickers()[0]
        assert desk.codes == [1100, 1101]
        before = ticker.last
        await asyncio.sleep(10)
        assert ticker.last == before
        desk.ib.cancelMktData(desk.contract)
        ticker = desk.ib.reqMktData(desk.contract)
        await asyncio.sleep(2)
        assert ticker.last != before

    _run(scenario, Rule(LoseLink(3, data_kept=False), when=AT), list(range(PRICE, PRICE + 90)))


def test_quotes_stop_while_the_farm_is_down_and_orders_do_not() -> None:
    async def scenario(desk: Desk) -> None:
        await asyncio.sleep(10)
        ticker = desk.ib.tickers()[0]
        before = ticker.last
        trade = desk.place(desk.order("BUY", ASK + 50))
        await asyncio.sleep(5)
        assert (ticker.last, trade.orderStatus.status) == (before, "Filled")
        await asyncio.sleep(20)
        assert ticker.last > before
        assert desk.codes == [2103, 2105]

    _run(scenario, Rule(FarmDown(20), when=AT), list(range(PRICE, PRICE + 90)))


def test_a_gateway_dies_and_the_exchange_lives_on() -> None:
    async def scenario(desk: Desk) -> None:
        resting = desk.order("BUY", ASK - 5, orderRef="resting")
        desk.place(resting)
        desk.place(desk.order("BUY", ASK - 5, transmit=False, orderRef="never sent"))
        await asyncio.sleep(15)
        assert not desk.ib.isConnected()
        try:
            await desk.ib.connectAsync("127.0.0.1", 4002, clientId=7, timeout=2)
        except (TimeoutError, ConnectionError):
            pass
        else:
            raise AssertionError("a dead gateway took a connection")
        await asyncio.sleep(20)
        await desk.connect()
        assert [fill.execution.orderRef for fill in desk.ib.fills()] == ["resting"]
        assert await desk.ib.reqAllOpenOrdersAsync() == []

    gateway = _run(scenario, Rule(Restart(20), when=AT), [PRICE] * 20 + [PRICE - 21] * 60)
    assert gateway.ledger.position(600202512) == 1
    assert next(each.sent.order_ref for each in gateway.ledger.orders_over) == "resting"


def test_nothing_trades_in_a_halt() -> None:
    async def scenario(desk: Desk) -> None:
        await asyncio.sleep(10)
        trade = desk.place(desk.order("BUY", ASK + 1))
        await asyncio.sleep(5)
        assert (desk.statuses[-2:], trade.fills) == (
            [(trade.order.orderId, "PreSubmitted"), (trade.order.orderId, "ValidationError")],
            [],
        )
        assert desk.ib.tickers()[0].halted == 1
        await asyncio.sleep(20)
        assert (trade.orderStatus.status, desk.ib.tickers()[0].halted) == ("Filled", 0)
        assert desk.codes == [399]

    _run(scenario, Rule(Halt(20), when=AT))


def test_who_asks_without_end_while_the_link_is_lost_is_closed() -> None:
    async def scenario(desk: Desk) -> None:
        await asyncio.sleep(10)
        (connection,) = desk.gateway._connections
        outages = desk.gateway.faults.outages
        for _ in range(HELD_MAX):
            outages.hold_request(connection, requests.RequestCurrentTime())
        assert desk.ib.isConnected()
        outages.hold_request(connection, requests.RequestCurrentTime())
        await asyncio.sleep(1)
        assert not desk.ib.isConnected()

    _run(scenario, Rule(LoseLink(20), when=AT))
