"""Connecting through the one door: who answers there decides whether anything is sent."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from mytrader.bootstrap import CLIENT_CLOCKS
from mytrader.domain import events
from mytrader.errors import BrokerFault
from mytrader.execution.ib_executor import CONNECT_TIMEOUT_S, Endpoint, IBExecutor
from mytrader.simulator.connection import ClientConnection
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.tws import answers
from tests.virtual_desk import CONTRACT, EPOCH, flat, history

HOST, PORT = "127.0.0.1", 4002


class Stranger(asyncio.Protocol):
    """A peer that says `greeting` (nothing if empty), or hangs up if it is `None`."""

    def __init__(self, greeting: bytes | None) -> None:
        self._greeting = greeting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        if isinstance(transport, asyncio.Transport):
            if self._greeting is None:
                transport.close()
            elif self._greeting:
                transport.write(self._greeting)


class Counted(ClientConnection):
    """A gateway's connection that keeps what arrived."""

    def __init__(self, gateway: SimulatedGateway, heard: list[bytes]) -> None:
        super().__init__(gateway)
        self._heard = heard

    def data_received(self, data: bytes) -> None:
        """Keep the bytes and answer them."""
        self._heard.append(data)
        super().data_received(data)


def connect(
    peer: Callable[[VirtualRuntime], Callable[[], asyncio.Protocol]], *, clients: int = 1
) -> tuple[BrokerFault | None, timedelta]:
    """Connect so many clients; return why the last was refused and how long it took."""

    async def main(loop: VirtualLoop) -> tuple[BrokerFault | None, timedelta]:
        runtime = VirtualRuntime(loop, _no_failures, seed=1)
        loop.serve(HOST, PORT, protocol_factory=peer(runtime))
        fault = None
        began = runtime.now()
        # Kept: the client's events are weak references, and a forgotten one hangs up.
        executors = [
            IBExecutor(Endpoint(HOST, PORT, client_id=1), runtime=runtime) for _ in range(clients)
        ]
        for executor in executors:
            try:
                await executor.connect()
            except BrokerFault as error:
                fault = error
        return fault, runtime.now() - began

    return run_virtual(main, epoch=EPOCH, modules=CLIENT_CLOCKS)


def _no_failures(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


async def passed(runtime: VirtualRuntime, seconds: float) -> None:
    """Let simulated time pass."""
    over = asyncio.Event()
    runtime.call_at(runtime.now() + timedelta(seconds=seconds), over.set)
    await over.wait()


def gateway(runtime: VirtualRuntime, account: str = "DU0000001") -> SimulatedGateway:
    market = SimulatedMarket(CONTRACT, flat(60), history())
    return SimulatedGateway([market], runtime, settings=GatewaySettings(account=account))


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b"\0\0\0\4a\0b\0"]
)
def test_another_protocol_is_named_at_once(greeting: bytes) -> None:
    fault, took = connect(lambda _: lambda: Stranger(greeting))
    assert "does not speak the TWS API" in str(fault)
    assert took < timedelta(seconds=1)


def test_a_peer_that_hangs_up_is_named_at_once() -> None:
    fault, took = connect(lambda _: lambda: Stranger(None))
    assert "closed the connection before it answered" in str(fault)
    assert took < timedelta(seconds=1)


def test_a_silent_peer_is_given_a_bounded_time() -> None:
    fault, took = connect(lambda _: lambda: Stranger(b""))
    assert "no complete answer within 10 s" in str(fault)
    assert took < timedelta(seconds=CONNECT_TIMEOUT_S + 1)


def test_a_client_id_in_use_is_named_at_once() -> None:
    fault, took = connect(lambda runtime: gateway(runtime).protocol_factory, clients=2)
    assert "client id 1 is in use" in str(fault)
    assert took < timedelta(seconds=1)


def test_a_live_account_is_left_before_anything_is_asked_of_it() -> None:
    heard: list[bytes] = []

    def peer(runtime: VirtualRuntime) -> Callable[[], asyncio.Protocol]:
        live = gateway(runtime, account="U1234567")
        return lambda: Counted(live, heard)

    fault, _ = connect(peer)
    assert "live account; live trading is not built" in str(fault)
    assert "1234567" not in str(fault)
    assert len(heard) == 2, "the greeting and the start, nothing else"
    assert heard[0].startswith(b"API\0")
    assert heard[1][4:].startswith(b"71\0"), "startApi"


def test_a_paper_account_is_connected_and_its_cash_is_known() -> None:
    async def main(loop: VirtualLoop) -> None:
        runtime = VirtualRuntime(loop, _no_failures, seed=1)
        loop.serve(HOST, PORT, protocol_factory=gateway(runtime).protocol_factory)
        executor = IBExecutor(Endpoint(HOST, PORT, client_id=1), runtime=runtime)
        await executor.connect()
        assert executor.cash_usd == 100_000
        now = await executor.gateway_time()
        assert abs(now - runtime.now()) <= timedelta(seconds=1)
        con_id, bars = await executor.open_market("ES", roll_days=1)
        assert con_id == CONTRACT.con_id
        assert len(bars) >= 2
        executor.close()

    run_virtual(main, epoch=EPOCH, modules=CLIENT_CLOCKS)


def test_a_gateway_without_the_contract_says_so() -> None:
    async def main(loop: VirtualLoop) -> None:
        runtime = VirtualRuntime(loop, _no_failures, seed=1)
        loop.serve(HOST, PORT, protocol_factory=gateway(runtime).protocol_factory)
        executor = IBExecutor(Endpoint(HOST, PORT, client_id=1), runtime=runtime)
        await executor.connect()
        with pytest.raises(BrokerFault, match="no tradable expiry of ES"):
            await executor.open_market("ES", roll_days=100)

    run_virtual(main, epoch=EPOCH, modules=CLIENT_CLOCKS)


def test_losing_the_connection_is_told_once() -> None:
    async def main(loop: VirtualLoop) -> list[datetime]:
        runtime = VirtualRuntime(loop, _no_failures, seed=1)
        served = gateway(runtime)
        loop.serve(HOST, PORT, protocol_factory=served.protocol_factory)
        executor = IBExecutor(Endpoint(HOST, PORT, client_id=1), runtime=runtime)
        lost: list[datetime] = []
        executor.on_lost(lambda: lost.append(runtime.now()))
        await executor.connect()
        over = asyncio.Event()
        served.drop_connections()
        runtime.call_at(runtime.now() + timedelta(seconds=1), over.set)
        await over.wait()
        await executor.connect()
        return lost

    lost = run_virtual(main, epoch=EPOCH, modules=CLIENT_CLOCKS)
    assert len(lost) == 1
    assert lost[0].tzinfo is UTC


def test_a_broker_that_lost_our_subscriptions_is_connected_to_anew() -> None:
    """Code 1101: quotes and bars would stay away for good, and nobody would notice."""

    async def main(loop: VirtualLoop) -> tuple[int, int]:
        runtime = VirtualRuntime(loop, _no_failures, seed=1)
        served = gateway(runtime)
        loop.serve(HOST, PORT, protocol_factory=served.protocol_factory)
        executor = IBExecutor(Endpoint(HOST, PORT, client_id=1), runtime=runtime)
        heard: list[events.AnyEvent] = []
        lost = asyncio.Event()
        executor.listen(heard.append)
        executor.on_lost(lost.set)

        def quotes() -> int:
            return sum(isinstance(event, events.QuoteSeen) for event in heard)

        await executor.connect()
        await executor.open_market("ES", roll_days=1)
        executor.announce()
        await passed(runtime, 5)
        (connection,) = served._connections
        served._market_desk.forget(connection)
        connection.send(answers.notice(1101, "Connectivity restored - data lost."))
        await lost.wait()
        assert events.LinkChanged(up=False, why="the broker lost our subscriptions") in heard
        before = quotes()
        await executor.connect()
        await executor.open_market("ES", roll_days=1)
        executor.announce()
        await passed(runtime, 5)
        executor.close()
        return before, quotes()

    before, after = run_virtual(main, epoch=EPOCH, modules=CLIENT_CLOCKS)
    assert 0 < before < after
