"""Whatever bytes reach the gateway: it lives, the others' sessions live, memory stays bounded.

The first part drives the real gateway without sockets, so that any error of its own comes out of
the test; the second goes over loopback TCP, with a real client beside the garbage.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ib_async import IB

from mytrader.runtime import SystemRuntime
from mytrader.simulator import connection as limits
from mytrader.simulator.connection import ClientConnection
from mytrader.simulator.gateway import HOST, SimulatedGateway, SimulatedMarket
from mytrader.tws import answers, codec, requests
from mytrader.tws.codec import decode_answer
from mytrader.tws.frames import FrameReader
from tests.garbage import ANSWERED, ENDING, HELLO, LISTED, STARTED, noise, streams
from tests.manual_runtime import ManualRuntime
from tests.virtual_desk import CONTRACT, EPOCH, flat, history

BYSTANDER: Final = 7


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the data."""
        self.written += data

    def close(self) -> None:
        """Remember."""
        self.closed = True

    def abort(self) -> None:
        """Remember."""
        self.aborted = True


class Patient(SimulatedGateway):
    """A gateway whose timers of real seconds are rung by hand."""

    def __init__(self, runtime: ManualRuntime) -> None:
        market = SimulatedMarket(CONTRACT, flat(600), history())
        super().__init__([market], runtime)
        self.alarms: list[Callable[[], None]] = []

    def later(self, delay_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Keep the alarm."""
        assert delay_s == limits.PATIENCE_S
        self.alarms.append(action)
        return lambda: self.alarms.remove(action)

    def ring(self) -> None:
        """Let the time pass that a client is given."""
        for action in list(self.alarms):
            action()


class Site:
    """A gateway with a client that behaves, and room for one that does not."""

    def __init__(self) -> None:
        self.runtime = ManualRuntime(EPOCH)
        self.gateway = Patient(self.runtime)
        self.good, self.good_wire = self.connect()
        self.say(codec.encode(requests.StartApi(BYSTANDER)), hello=True)
        self.say(codec.encode(requests.RequestMarketData(1, LISTED)))

    def connect(self) -> tuple[ClientConnection, Wire]:
        """Return a new connection and what is written to it."""
        connection, wire = self.gateway.protocol_factory(), Wire()
        connection.connection_made(wire)
        return connection, wire

    def say(self, data: bytes, *, hello: bool = False) -> None:
        """Let the good client write."""
        self.good.data_received((HELLO if hello else b"") + data)

    def check_the_bystander(self) -> None:
        """The good client is told the time, in a stream that can still be read."""
        self.runtime.pass_time(2)
        before = len(self.good_wire.written)
        self.say(codec.encode(requests.RequestCurrentTime()))
        bodies = FrameReader().feed(bytes(self.good_wire.written[before:]))
        told = [decode_answer(body) for body in bodies]
        assert any(isinstance(each, answers.CurrentTime) for each in told)
        assert not self.good_wire.closed


@pytest.mark.parametrize("name", ENDING)
def test_what_is_no_protocol_ends_its_connection_with_a_line(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site()
    connection, wire = site.connect()
    with caplog.at_level(logging.WARNING):
        connection.data_received(ENDING[name])
    assert wire.closed
    told = [record.getMessage() for record in caplog.records]
    if name != "a client id in use":  # which the client is told, not the log
        (line,) = told
        assert line.startswith("Connection of ")
        assert len(line) < 300
        assert "\n" not in line
    connection.connection_lost(None)
    site.check_the_bystander()
    assert site.gateway.alarms == []


@pytest.mark.parametrize("name", ANSWERED)
def test_a_message_that_means_nothing_is_answered(name: str) -> None:
    site = Site()
    connection, wire = site.connect()
    connection.data_received(STARTED)
    before = len(wire.written)
    connection.data_received(ANSWERED[name])
    told = [decode_answer(body) for body in FrameReader().feed(bytes(wire.written[before:]))]
    assert any(isinstance(each, answers.Problem) for each in told)
    assert not wire.closed
    site.check_the_bystander()


@pytest.mark.slow
@settings(max_examples=100)
@given(data=streams(), cuts=st.lists(st.integers(1, 400), max_size=6))
@example(data=b"".join(ANSWERED.values()), cuts=[1, 2, 3])
def test_no_stream_harms_another_session(data: bytes, cuts: list[int]) -> None:
    """Requests with absurd values, broken ones, and noise, however the stream is cut."""
    site = Site()
    connection, wire = site.connect()
    connection.data_received(STARTED)
    for size in (*cuts, len(data)):
        connection.data_received(data[:size])
        data = data[size:]
    site.runtime.pass_time(1.5)
    FrameReader().feed(bytes(wire.written))
    connection.connection_lost(None)
    site.check_the_bystander()


@pytest.mark.slow
@given(data=noise(), before=st.sampled_from([b"", HELLO, HELLO[:6], STARTED]))
def test_no_noise_harms_another_session(data: bytes, before: bytes) -> None:
    site = Site()
    connection, _ = site.connect()
    connection.data_received(before + data)
    site.gateway.ring()
    connection.connection_lost(None)
    site.check_the_bystander()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it did not introduce itself"),
        (b"AP", "it did not introduce itself"),
        (HELLO[:9], "it did not introduce itself"),
        (HELLO, "it did not introduce itself"),
        (STARTED[:-3], "it did not introduce itself"),
        (STARTED + b"\0\0", "it began a message and sent 2 bytes of it"),
        (STARTED + b"\0\0\x10\0abc", "it began a message and sent 7 bytes of it"),
    ],
)
def test_who_does_not_go_on_is_closed_with_a_line(
    data: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site()
    connection, wire = site.connect()
    connection.data_received(data)
    with caplog.at_level(logging.WARNING):
        site.gateway.ring()
    assert wire.closed
    assert [record.getMessage().partition("closed: ")[2] for record in caplog.records] == [why]
    assert site.gateway.alarms == []
    site.check_the_bystander()


def test_half_a_message_that_comes_to_its_end_is_heard() -> None:
    site = Site()
    connection, wire = site.connect()
    asked = codec.encode(requests.RequestCurrentTime())
    connection.data_received(STARTED + asked[:3])
    assert len(site.gateway.alarms) == 1
    connection.data_received(asked[3:])
    assert site.gateway.alarms == []
    connection.data_received(asked + asked[:5])
    assert len(site.gateway.alarms) == 1
    connection.data_received(asked[5:])
    site.gateway.ring()
    assert not wire.closed


def test_bytes_that_drip_do_not_buy_time() -> None:
    """The time to finish a message counts from its first byte."""
    site = Site()
    connection, wire = site.connect()
    connection.data_received(STARTED + b"\0\0\x10\0")
    (alarm,) = site.gateway.alarms
    connection.data_received(b"x")
    assert site.gateway.alarms == [alarm]
    alarm()
    assert wire.closed


def test_a_begun_message_costs_no_more_than_its_limit() -> None:
    site = Site()
    connection, _ = site.connect()
    connection.data_received(STARTED + limits.REQUEST_BYTES_MAX.to_bytes(4, "big"))
    for _ in range(100):
        connection.data_received(bytes(1 << 10))
    assert connection._reader.pending <= limits.REQUEST_BYTES_MAX + 4


def test_who_never_reads_is_cut_off() -> None:
    """What it did not read is dropped with it, and nobody waits for it to be written."""
    site = Site()
    connection, wire = site.connect()
    connection.data_received(STARTED)
    connection.pause_writing()
    written = len(wire.written)
    connection.send_frames([bytes(limits.UNSENT_BYTES_MAX), b"x"])
    assert wire.aborted
    assert len(wire.written) == written
    connection.connection_lost(None)
    site.check_the_bystander()


def test_numbers_too_long_are_not_remembered() -> None:
    """What is parsed is kept for the next time, so it must be short."""
    site = Site()
    connection, wire = site.connect()
    connection.data_received(STARTED)
    before = len(wire.written)
    for name in ("an endless number", "a number after an endless blank"):
        connection.data_received(ANSWERED[name])
    told = [decode_answer(body) for body in FrameReader().feed(bytes(wire.written[before:]))]
    assert [each.code for each in told if isinstance(each, answers.Problem)] == [321, 321]
    assert max(len(each.text) for each in told if isinstance(each, answers.Problem)) < 200


# Over loopback TCP.


def _over_tcp(scenario: Callable[[SimulatedGateway, int], Awaitable[None]]) -> None:
    failures: list[tuple[str, BaseException]] = []

    async def main() -> None:
        runtime = SystemRuntime(lambda name, error: failures.append((name, error)), anchor=EPOCH)
        market = SimulatedMarket(CONTRACT, flat(600), history())
        gateway = SimulatedGateway([market], runtime)
        server = await gateway.serve_tcp(0)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, told: failures.append(("loop", told["exception"])))
        try:
            await asyncio.wait_for(scenario(gateway, server.sockets[0].getsockname()[1]), 30)
        finally:
            gateway.drop_connections()
            server.close()
            await server.wait_closed()

    asyncio.run(main())
    assert failures == []


@pytest.mark.slow
def test_a_real_client_works_on_beside_every_garbage() -> None:
    async def scenario(gateway: SimulatedGateway, port: int) -> None:
        ib = IB()
        await ib.connectAsync(HOST, port, clientId=BYSTANDER, raiseSyncErrors=True)
        for data in (*ENDING.values(), *(STARTED + each for each in ANSWERED.values())):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(data)
            writer.write_eof()
            await reader.read()
            writer.close()
            await writer.wait_closed()
            assert await ib.reqCurrentTimeAsync() is not None
        assert gateway.client(BYSTANDER) is not None
        ib.disconnect()

    _over_tcp(scenario)


@pytest.mark.slow
def test_a_client_that_does_not_read_is_gone_from_its_socket_too() -> None:
    async def scenario(gateway: SimulatedGateway, port: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port, limit=1)
        writer.write(STARTED)
        while (connection := gateway.client(666)) is None:
            await _turn()
        for _ in range(80):
            connection.send_frames([bytes(1 << 20)])
            connection.flush()
        while gateway.client(666) is not None:
            await _turn()
        with suppress(ConnectionResetError):
            while await reader.read(1 << 20):
                pass
        writer.close()
        with suppress(ConnectionResetError):
            await writer.wait_closed()
        assert reader.at_eof() or reader.exception() is not None

    _over_tcp(scenario)


async def _turn() -> None:
    loop = asyncio.get_running_loop()
    turned: asyncio.Future[None] = loop.create_future()
    loop.call_later(0.002, turned.set_result, None)
    await turned
