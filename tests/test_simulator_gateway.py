"""The gateway as a whole: over real TCP, with several clients, through session ends."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ib_async import IB, Future, LimitOrder, StopLimitOrder

from mytrader.domain.instrument import ES, MES
from mytrader.errors import BadInput
from mytrader.runtime import SystemRuntime
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from tests.virtual_desk import (
    CONTRACT,
    EPOCH,
    OPENED,
    PRICE,
    Desk,
    connected,
    flat,
    history,
    run_desk,
    ticks,
)

ASK = (PRICE + 1) / 4
CLOSE = datetime(2025, 12, 12, 22, 0, tzinfo=UTC)


def _no_failures(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


async def _tcp_gateway() -> tuple[SimulatedGateway, asyncio.Server, int]:
    """Return a gateway on a free port, whose day runs sixty times as fast as ours."""
    runtime = SystemRuntime(_no_failures, speed=60, anchor=EPOCH)
    market = SimulatedMarket(CONTRACT, flat(3600), history())
    gateway = SimulatedGateway([market], runtime, on_start=runtime.set_anchor)
    server = await gateway.serve_tcp(0)
    return gateway, server, server.sockets[0].getsockname()[1]


def _over_tcp(scenario: Any) -> None:  # noqa: ANN401 - a coroutine function of gateway and port
    async def main() -> None:
        gateway, server, port = await _tcp_gateway()
        try:
            await asyncio.wait_for(scenario(gateway, port), 20)
        finally:
            gateway.drop_connections()
            server.close()
            await server.wait_closed()

    asyncio.run(main())


async def _until(holds: Any) -> None:  # noqa: ANN401 - a function without arguments
    """Let the loop turn until a condition holds."""
    while not holds():
        await _turn()


async def _turn() -> None:
    loop = asyncio.get_running_loop()
    turned: asyncio.Future[None] = loop.create_future()
    loop.call_later(0.002, turned.set_result, None)
    await turned


@pytest.mark.slow
def test_day_over_real_tcp_with_the_unmodified_client() -> None:
    async def scenario(gateway: SimulatedGateway, port: int) -> None:
        ib = IB()
        await ib.connectAsync("127.0.0.1", port, clientId=7, raiseSyncErrors=True)
        (contract,) = await ib.qualifyContractsAsync(Future("ES", exchange="CME"))
        assert isinstance(contract, Future)
        bars = await ib.reqHistoricalDataAsync(
            contract, "", "1 D", "1 min", "TRADES", False, 2, True
        )
        ticker = ib.reqMktData(contract)
        await _until(lambda: ticker.bid > 0)
        parent = LimitOrder("BUY", 1, ticker.ask + 1, tif="GTC", transmit=False, orderId=501)
        stop = StopLimitOrder("SELL", 1, ASK - 15, ASK - 10, tif="GTC", parentId=501, orderId=502)
        placed = ib.placeOrder(contract, parent), ib.placeOrder(contract, stop)
        await _until(lambda: placed[1].orderStatus.status == "Submitted")
        stop.auxPrice = ASK + 1
        ib.placeOrder(contract, stop)
        await _until(lambda: placed[1].orderStatus.status == "Filled")
        await _until(lambda: not ib.positions())
        await _until(lambda: all(fill.commissionReport.execId for fill in ib.fills()))
        assert len(await ib.reqExecutionsAsync()) == 2
        await _until(lambda: len(bars) > len(history()) + 1)
        assert gateway.ledger.position(CONTRACT.con_id) == 0
        ib.disconnect()

    _over_tcp(scenario)


@pytest.mark.slow
def test_garbage_over_tcp_leaves_the_other_clients_alone() -> None:
    async def scenario(gateway: SimulatedGateway, port: int) -> None:
        ib = IB()
        await ib.connectAsync("127.0.0.1", port, clientId=7, raiseSyncErrors=True)
        for data in (b"\0" * 100, b"API\0\xff\xff\xff\xff", b"API\0\0\0\0\x09v157"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        assert await ib.reqCurrentTimeAsync() <= gateway.now()
        assert ib.isConnected()
        ib.disconnect()

    _over_tcp(scenario)


def test_port_in_use_and_port_that_does_not_exist_are_bad_input() -> None:
    async def scenario(gateway: SimulatedGateway, port: int) -> None:
        with pytest.raises(BadInput, match=f"port {port} on 127.0.0.1: it is in use"):
            await gateway.serve_tcp(port)
        with pytest.raises(BadInput, match="port 70000: there is no such port"):
            await gateway.serve_tcp(70000)

    _over_tcp(scenario)


def test_server_listens_on_the_loopback_address_alone() -> None:
    async def main() -> None:
        _, server, _ = await _tcp_gateway()
        assert [each.getsockname()[0] for each in server.sockets] == ["127.0.0.1"]
        assert server.sockets[0].family == socket.AF_INET
        server.close()
        await server.wait_closed()

    asyncio.run(main())


def test_second_client_with_the_same_id_is_turned_away() -> None:
    async def scenario(desk: Desk) -> None:
        twin, other = Desk(desk.loop, desk.gateway), Desk(desk.loop, desk.gateway)
        with pytest.raises(TimeoutError):
            await twin.connect(7)
        assert twin.errors == [(-1, 326)]
        await other.connect(8)
        assert desk.ib.isConnected()
        other.ib.disconnect()
        await asyncio.sleep(1)
        await other.connect(8)
        other.ib.disconnect()

    run_desk(connected(scenario), flat(60))


def test_each_client_hears_of_its_own_orders_and_all_of_the_account() -> None:
    async def scenario(desk: Desk) -> None:
        other = Desk(desk.loop, desk.gateway)
        await other.connect(8)
        trade = desk.place(desk.order("BUY", ASK))
        await asyncio.sleep(1)
        assert other.statuses == []
        assert [each.position for each in other.ib.positions()] == [1]
        assert other.ib.fills() == []
        assert len(await other.ib.reqExecutionsAsync()) == 1
        other.client.cancelOrder(trade.order.orderId)
        await asyncio.sleep(1)
        assert [code for _, code in other.errors] == [10147]
        other.ib.disconnect()

    run_desk(connected(scenario), flat(60))


def test_requests_that_are_not_offered_are_refused_by_name() -> None:
    async def scenario(desk: Desk) -> None:
        desk.client.send(71, 2, 7, "")
        desk.client.reqScannerParameters()
        await asyncio.sleep(1)
        assert desk.errors == [(-1, 321), (-1, 321)]
        assert desk.ib.isConnected()

    run_desk(connected(scenario), flat(30))


def test_ids_continue_above_those_that_were_used() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK - 5, orderId=500))
        desk.client.reqIds(1)
        await asyncio.sleep(1)
        assert desk.ib.client.getReqId() >= 501
        desk.ib.disconnect()
        await asyncio.sleep(1)
        await desk.connect()
        assert desk.ib.client.getReqId() > 501

    run_desk(connected(scenario), flat(60))


def test_day_orders_end_with_the_session_and_the_others_wait() -> None:
    market = [
        *ticks([PRICE] * 60, start=CLOSE - timedelta(minutes=2)),
        *ticks([PRICE] * 60, start=CLOSE + timedelta(hours=49)),
    ]

    async def scenario(desk: Desk) -> None:
        day = desk.place(desk.order("BUY", ASK - 5, tif="DAY"))
        gtc = desk.place(desk.order("BUY", ASK - 6))
        await asyncio.sleep(1)
        await asyncio.sleep((CLOSE - desk.loop.now()).total_seconds() + 1)
        assert (day.orderStatus.status, gtc.orderStatus.status) == ("Cancelled", "Submitted")
        assert desk.errors == [(day.order.orderId, 202)]
        night = desk.place(desk.order("BUY", ASK))
        await asyncio.sleep(60)
        assert desk.codes == [202, 399]
        assert [order.status for order in desk.gateway.ledger.orders] == [
            "Submitted",
            "PreSubmitted",
        ]
        await desk.gateway.finished.wait()
        await asyncio.sleep(1)
        assert night.orderStatus.status == "Filled"

    async def late(desk: Desk) -> None:
        await desk.connect()
        await asyncio.sleep((CLOSE - timedelta(minutes=3) - desk.loop.now()).total_seconds())
        desk.ib.reqMktData(desk.contract)
        await asyncio.sleep(90)
        await scenario(desk)

    gateway = run_desk(late, market)
    assert gateway.ledger.position(CONTRACT.con_id) == 1


def test_connections_are_dropped_when_a_fault_says_so() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK - 5))
        await asyncio.sleep(10)
        assert not desk.ib.isConnected()
        await desk.connect()
        assert len(desk.ib.openTrades()) == 1

    faults = Faults(drop_connections_at=(OPENED + timedelta(seconds=5),))
    run_desk(connected(scenario), flat(60), faults=faults)


def test_two_contracts_have_two_markets() -> None:
    small = front_month(MES, OPENED.date())

    async def main(loop: VirtualLoop) -> SimulatedGateway:
        runtime = VirtualRuntime(loop, _no_failures, seed=1)
        markets = [
            SimulatedMarket(CONTRACT, flat(30)),
            SimulatedMarket(small, flat(30, PRICE + 3)),
        ]
        starts: list[datetime] = []
        gateway = SimulatedGateway(markets, runtime, on_start=starts.append)
        loop.serve("127.0.0.1", 4002, protocol_factory=gateway.protocol_factory)
        desk = Desk(loop, gateway)
        await desk.connect()
        desk.contract = Future("MES", "202512", "CME")
        desk.place(desk.order("BUY", (PRICE + 4) / 4))
        gateway.start()
        gateway.start()
        await gateway.finished.wait()
        assert starts == [OPENED]
        desk.ib.disconnect()
        await asyncio.sleep(1)
        return gateway

    gateway = run_virtual(main, epoch=EPOCH)
    (fill,) = gateway.ledger.executions
    assert (fill.contract, fill.commission_usd) == (small, Decimal("0.62"))
    assert gateway.ledger.position(small.con_id) == 1
    assert gateway.ledger.position(CONTRACT.con_id) == 0


def test_market_without_ticks_is_finished_at_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        runtime = VirtualRuntime(loop, _no_failures, seed=1)
        gateway = SimulatedGateway([SimulatedMarket(front_month(ES, OPENED.date()), [])], runtime)
        gateway.start()
        await gateway.finished.wait()

    run_virtual(main, epoch=EPOCH)


def test_same_day_is_the_same_to_the_byte() -> None:
    def day() -> list[tuple[str, int, datetime]]:
        async def scenario(desk: Desk) -> None:
            desk.bracket(ASK + 1, ASK - 5)
            await asyncio.sleep(40)

        gateway = run_desk(connected(scenario), ticks([PRICE] * 20 + [PRICE - 25] * 30))
        return [(each.exec_id, each.perm_id, each.at) for each in gateway.ledger.executions]

    first = day()
    assert len(first) == 2
    assert day() == first
