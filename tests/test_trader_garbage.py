"""A trader in front of something that speaks garbage: one line and status 2, or back to its work.

What listens is a thread that answers with prepared bytes; what holds a position runs in virtual
time against the simulated gateway, whose bytes are then no protocol.
"""

import random
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from mytrader import runs
from mytrader.bootstrap import CLIENT_CLOCKS, Outcome, Plan, Trader
from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Signal
from mytrader.domain.events import AnyEvent, Halted, LinkChanged, OperatorAsked, Request
from mytrader.domain.instrument import ES
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.errors import BrokerFault
from mytrader.settings import Settings
from mytrader.simulator.connection import ClientConnection
from mytrader.simulator.gateway import SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.tws.fields import Message
from mytrader.tws.frames import ServerHello, encode_server_hello, frame
from mytrader.tws.requests import RequestContractDetails
from mytrader.waiting import pause
from tests.command_line import CommandLine, mytrader
from tests.scenarios.world import EPOCH, PRICE, StraightPanel, history, quiet_market

pytestmark = pytest.mark.slow
"""Real sockets, or whole runs."""

__all__ = ["mytrader"]

WELCOME: Final = encode_server_hello(ServerHello(178, "20251211 09:00:00 US/Central"))
NOISE: Final = random.Random("noise").randbytes(200_000)  # noqa: S311  # repeatable

NO_GATEWAY: Final[dict[str, tuple[bytes, str]]] = {
    "the web": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "TWS API"),
    "a shell": (b"SSH-2.0-OpenSSH_9.2p1\r\n", "TWS API"),
    "noise": (b"\xee" + NOISE, "TWS API"),
    "a length of 4 GiB": (b"\xff\xff\xff\xff", "TWS API"),
    "an empty message": (frame(b""), "before it answered"),
    "many empty messages": (frame(b"") * 5000, "TWS API"),
    "words for a version": (frame(b"abc\0def\0"), "TWS API"),
    "a version of 2012": (frame(b"100\0now\0"), "version 100"),
    "a version of tomorrow": (frame(b"999\0now\0"), "version 999"),
    "a version below nothing": (frame(b"-3\0now\0"), "version -3"),
    "an answer before the version": (frame(b"15\x001\0DU1\0"), "before it answered"),
    "an order number in words": (WELCOME + frame(b"9\x001\0seven\0"), "TWS API"),
    "accounts that are cut": (WELCOME + frame(b"15\x001\0"), "TWS API"),
    "a message without an id": (WELCOME + frame(b"\0\0"), "TWS API"),
    "an empty message after the version": (WELCOME + frame(b""), "before it answered"),
    "4 GiB after the version": (WELCOME + b"\xff\xff\xff\xff", "TWS API"),
    "half a message": (WELCOME[:9], "before it answered"),
    "nothing": (b"", "before it answered"),
}


@contextmanager
def speaking(data: bytes) -> Iterator[str]:
    """Listen, answer every client with `data`, and leave it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, data), daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer(server: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(data)


@pytest.mark.parametrize("name", NO_GATEWAY)
def test_what_is_no_gateway_is_one_line(name: str, mytrader: CommandLine) -> None:
    data, words = NO_GATEWAY[name]
    with speaking(data) as place:
        said = mytrader("run", "--gateway", place)
    said.is_one_line(f"gateway {place}: ", words)
    assert len(said.err) < 300


# With a position.


class Gateway(SimulatedGateway):
    """A gateway whose bytes turn into something else."""

    def speak(self, data: bytes) -> None:
        """Send every client these bytes instead of a message."""
        for connection in list(self._connections):
            connection.send_frames([data])
            connection.flush()


class Events:
    """Keeps what the trader went through."""

    def __init__(self) -> None:
        self.seen_events: list[AnyEvent] = []

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Keep the event."""
        del asked, state
        self.seen_events.append(event)

    def of(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        """Return those of one kind."""
        return [event for event in self.seen_events if isinstance(event, kind)]


Script = Callable[[Trader, Gateway], Awaitable[None]]


def traded(
    folder: Path, script: Script, *, gateway_type: type[Gateway] = Gateway
) -> tuple[Outcome, Events, Gateway]:
    """Run a trader through a quiet market, with `script` beside it once it is connected."""
    events = Events()
    gateways: list[Gateway] = []

    async def main(loop: VirtualLoop) -> Outcome:
        watch = runs.Watch()
        watch.take_failures(loop)
        runtime = VirtualRuntime(loop, watch.note_failure, seed=1)
        market = SimulatedMarket(front_month(ES, EPOCH.date()), quiet_market(8), history())
        gateway = gateway_type([market], runtime)
        gateways.append(gateway)
        plan = Plan(Settings(), ("ES",), "ema-cross", folder / "x.journal", seed=1)
        loop.serve(plan.host, plan.port, protocol_factory=gateway.protocol_factory)
        trader = Trader(plan, runtime, observers=[events])
        trader.manager._panel = StraightPanel()
        runtime.spawn(_after_start(trader, gateway, script), "script")
        return await runs.trade(trader, trader.connect(), watch=watch, over=gateway.finished)

    return run_virtual(main, epoch=EPOCH, modules=CLIENT_CLOCKS), events, gateways[0]


async def _after_start(trader: Trader, gateway: Gateway, script: Script) -> None:
    await pause(trader.runtime, timedelta(seconds=30))
    await script(trader, gateway)


def enter(trader: Trader) -> None:
    """Raise a signal to buy at the market."""
    signal = Signal(
        strategy="test",
        side=Side.BUY,
        confidence=0.9,
        entry=ES.price(PRICE + 1),
        stop=ES.price(PRICE - 19),
        target=ES.price(PRICE + 41),
        features={},
        reason="a test",
    )
    (con_id,) = trader.executor.traded
    trader.manager._process_hybrid_signal(con_id, signal)


class GarbledAnswers(Gateway):
    """A gateway that is right until it is asked for a contract."""

    def handle(self, connection: ClientConnection, message: Message) -> None:
        """Answer that one question with bytes of no protocol."""
        if isinstance(message, RequestContractDetails):
            self.speak(b"\xff\xff\xff\xff")
        else:
            super().handle(connection, message)


def test_garbage_between_the_handshake_and_the_first_bar_is_one_line(tmp_path: Path) -> None:
    async def nothing(trader: Trader, gateway: Gateway) -> None:
        """Only connect."""

    with pytest.raises(BrokerFault, match="asked about the contracts of ES") as fault:
        traded(tmp_path, nothing, gateway_type=GarbledAnswers)
    assert "\n" not in str(fault.value)


GARBLED: Final = {
    "a length of 4 GiB": b"\xff\xff\xff\xff",
    "another protocol": b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
    "noise": b"\xee" + NOISE,
}


@pytest.mark.parametrize("name", GARBLED)
def test_with_a_position_the_gateway_is_found_again(name: str, tmp_path: Path) -> None:
    """The connection is worthless, the stop rests at the broker: connect anew and go on."""

    async def script(trader: Trader, gateway: Gateway) -> None:
        enter(trader)
        await pause(trader.runtime, timedelta(seconds=10))
        gateway.speak(GARBLED[name])
        await pause(trader.runtime, timedelta(seconds=1))
        assert [order.sent.order_type for order in gateway.ledger.orders] == ["STP LMT"]
        await pause(trader.runtime, timedelta(seconds=60))
        trader.manager.handle(OperatorAsked(Request.FLATTEN, "test"))

    outcome, events, gateway = traded(tmp_path, script)
    links = [event.up for event in events.of(LinkChanged) if isinstance(event, LinkChanged)]
    assert links == [True, False, True]
    assert len(gateway.ledger.executions) == 2
    assert outcome.position_open == 0
    assert outcome.book.closed
    assert events.of(Halted) == []


UNREADABLE: Final = {
    "a status in words": frame(b"3\0one\0Filled\0two\0three\0\0\0\0\0\0\0\0"),
    "an execution that is cut": frame(b"11\0-1\0"),
    "a position without a number": frame(b"61\x003\0DU0000001\0x\0"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_message_about_orders_that_cannot_be_read_halts_entries(
    name: str, tmp_path: Path
) -> None:
    """What it said about our orders is unknown, and unknown is never taken for nothing."""

    async def script(trader: Trader, gateway: Gateway) -> None:
        enter(trader)
        await pause(trader.runtime, timedelta(seconds=10))
        gateway.speak(UNREADABLE[name])
        await pause(trader.runtime, timedelta(seconds=10))
        enter(trader)
        await pause(trader.runtime, timedelta(seconds=10))
        trader.manager.handle(OperatorAsked(Request.FLATTEN, "test"))

    outcome, events, gateway = traded(tmp_path, script)
    (halted,) = events.of(Halted)
    assert "cannot be read" in str(halted)
    assert len(gateway.ledger.executions) == 2, "one entry and its exit"
    assert outcome.position_open == 0


def test_messages_of_no_kind_are_passed_over(tmp_path: Path) -> None:
    """An unknown message, a tick in words, an empty one: not about orders, so nothing halts."""
    harmless = b"".join(
        map(frame, (b"4242\x001\0", b"1\x006\x00one\0\0\0\0\0", b"", b"\0", b"words\0"))
    )

    async def script(trader: Trader, gateway: Gateway) -> None:
        enter(trader)
        await pause(trader.runtime, timedelta(seconds=10))
        gateway.speak(harmless)
        await pause(trader.runtime, timedelta(seconds=10))
        trader.manager.handle(OperatorAsked(Request.FLATTEN, "test"))

    outcome, events, gateway = traded(tmp_path, script)
    assert events.of(Halted) == []
    assert len(events.of(LinkChanged)) == 1
    assert len(gateway.ledger.executions) == 2
    assert outcome.position_open == 0
