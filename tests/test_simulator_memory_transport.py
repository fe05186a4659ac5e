"""Connections in memory behave as asyncio's own do."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from mytrader.simulator.memory_transport import MemoryTransport
from mytrader.simulator.virtual_time import VirtualLoop, run_virtual

EPOCH = datetime(2025, 12, 12, tzinfo=UTC)


class Recorder(asyncio.Protocol):
    """Writes down what happens to it."""

    def __init__(self, *, keeps_open: bool = False) -> None:
        self.heard: list[object] = []
        self.times: list[float] = []
        self.keeps_open = keeps_open
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Note data and its time."""
        self.heard.append(data)
        self.times.append(asyncio.get_running_loop().time())
        if data == b"raise":
            raise ValueError("unreadable")

    def eof_received(self) -> bool:
        """Note the end of the other's writing."""
        self.heard.append("eof")
        return self.keeps_open

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self.heard.append(("lost", exc if exc is None else type(exc)))

    def pause_writing(self) -> None:
        """Note pressure."""
        self.heard.append("pause")

    def resume_writing(self) -> None:
        """Note relief."""
        self.heard.append("resume")


class Line:
    """A connection: the client's transport and protocol, the server's likewise."""

    def __init__(self, transport: MemoryTransport, client: Recorder, *, server: Recorder) -> None:
        self.transport = transport
        self.client = client
        self.server = server

    @property
    def server_transport(self) -> MemoryTransport:
        """The server's end."""
        assert isinstance(self.server.transport, MemoryTransport)
        return self.server.transport


Test = Callable[[Line], Awaitable[None]]


def connected(test: Test, *, keeps_open: bool = False) -> None:
    """Run a test with a connection."""

    async def main(loop: VirtualLoop) -> None:
        server = Recorder(keeps_open=keeps_open)
        loop.serve("127.0.0.1", 4002, protocol_factory=lambda: server)
        transport, client = await loop.create_connection(Recorder, "localhost", 4002)
        assert isinstance(client, Recorder)
        await test(Line(transport, client, server=server))

    run_virtual(main, epoch=EPOCH)


def test_writes_of_one_turn_arrive_as_one_delivery() -> None:
    async def test(line: Line) -> None:
        line.transport.write(b"a")
        line.transport.writelines([b"b", bytearray(b"c"), memoryview(b"d"), b""])
        await asyncio.sleep(0)
        line.transport.write(b"e")
        await asyncio.sleep(1)
        assert line.server.heard == [b"abcd", b"e"]
        assert line.server.times == sorted(set(line.server.times))

    connected(test)


def test_deliveries_keep_their_order() -> None:
    async def test(line: Line) -> None:
        sent = [bytes([number]) for number in range(200)]
        for data in sent:
            line.transport.write(data)
            await asyncio.sleep(0)
        await asyncio.sleep(1)
        assert line.server.heard == sent

    connected(test)


def test_what_is_written_may_be_changed_afterwards() -> None:
    async def test(line: Line) -> None:
        data = bytearray(b"before")
        line.transport.write(data)
        data[:] = b"after!"
        await asyncio.sleep(1)
        assert line.server.heard == [b"before"]

    connected(test)


def test_close_lets_what_was_written_arrive() -> None:
    async def test(line: Line) -> None:
        line.transport.write(b"last words")
        line.transport.close()
        line.transport.close()
        assert line.transport.is_closing()
        line.transport.write(b"too late")
        await asyncio.sleep(1)
        assert line.server.heard == [b"last words", "eof", ("lost", None)]
        assert line.client.heard == [("lost", None)]

    connected(test)


def test_nothing_is_read_after_close() -> None:
    async def test(line: Line) -> None:
        line.server_transport.write(b"on its way")
        line.transport.close()
        await asyncio.sleep(1)
        assert line.client.heard == [("lost", None)]

    connected(test)


def test_a_half_closed_connection_still_reads() -> None:
    async def test(line: Line) -> None:
        assert line.transport.can_write_eof()
        line.transport.write_eof()
        line.transport.write_eof()
        line.transport.write(b"ignored")
        await asyncio.sleep(1)
        assert line.server.heard == ["eof"]
        line.server_transport.write(b"answer")
        await asyncio.sleep(1)
        assert line.client.heard == [b"answer"]
        line.transport.close()
        line.server_transport.write(b"to nobody")
        await asyncio.sleep(1)
        assert line.client.heard == [b"answer", ("lost", None)]

    connected(test, keeps_open=True)


def test_abort_loses_what_has_not_arrived_and_resets_the_peer() -> None:
    async def test(line: Line) -> None:
        line.transport.write(b"lost on the way")
        line.transport.abort()
        await asyncio.sleep(1)
        line.transport.abort()
        await asyncio.sleep(1)
        assert line.server.heard == [("lost", ConnectionResetError)]
        assert line.client.heard == [("lost", None)]

    connected(test)


def test_a_protocol_that_raises_loses_its_connection() -> None:
    async def test(line: Line) -> None:
        reported: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(str(context["exception"])))
        line.transport.write(b"raise")
        await asyncio.sleep(1)
        assert reported == ["unreadable"]
        assert line.server.heard == [b"raise", ("lost", ValueError)]
        assert line.client.heard == ["eof", ("lost", None)]

    connected(test)


def test_a_slow_reader_stops_the_writer() -> None:
    async def test(line: Line) -> None:
        line.transport.set_write_buffer_limits(high=8)
        assert line.transport.get_write_buffer_limits() == (2, 8)
        line.server_transport.pause_reading()
        assert not line.server_transport.is_reading()
        for _ in range(3):
            line.transport.write(b"12345")
            await asyncio.sleep(1)
        assert line.transport.get_write_buffer_size() == 15
        assert line.client.heard == ["pause"]
        assert line.server.heard == []
        line.server_transport.resume_reading()
        await asyncio.sleep(1)
        assert line.server.heard == [b"12345"] * 3
        assert line.client.heard == ["pause", "resume"]
        assert line.transport.get_write_buffer_size() == 0

    connected(test)


@pytest.mark.parametrize(
    ("high", "low", "limits"), [(None, None, (16384, 65536)), (None, 5, (5, 20)), (9, 3, (3, 9))]
)
def test_the_marks_of_flow_control(
    high: int | None, low: int | None, limits: tuple[int, int]
) -> None:
    async def test(line: Line) -> None:
        line.transport.set_write_buffer_limits(high, low)
        assert line.transport.get_write_buffer_limits() == limits

    connected(test)


def test_a_protocol_can_be_replaced_by_another_of_its_kind() -> None:
    async def test(line: Line) -> None:
        other = Recorder()
        line.transport.set_protocol(other)
        assert line.transport.get_protocol() is other
        line.server_transport.write(b"hello")
        await asyncio.sleep(1)
        assert (line.client.heard, other.heard) == ([], [b"hello"])
        with pytest.raises(TypeError):
            line.transport.set_protocol(asyncio.BufferedProtocol())

    connected(test)


def test_the_ends_know_their_addresses() -> None:
    async def test(line: Line) -> None:
        assert line.transport.get_extra_info("peername") == ("localhost", 4002)
        ours = line.transport.get_extra_info("sockname")
        assert line.server_transport.get_extra_info("peername") == ours
        assert line.transport.get_extra_info("sslcontext") is None

    connected(test)


def test_closing_after_the_loop_has_ended_is_harmless() -> None:
    kept: list[MemoryTransport] = []

    async def test(line: Line) -> None:
        kept.append(line.transport)

    connected(test)
    kept[0].close()
    kept[0].abort()
    assert kept[0].is_closing()
