"""The proxy passes every byte on unchanged, records it, and never cuts a session off by itself."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from mytrader.errors import BadInput
from mytrader.runtime import SystemRuntime
from mytrader.simulator.recording import Chunk, RecordingWriter, Side, read_recording
from mytrader.simulator.recording_proxy import RecordingProxy
from tests.recorded import through_proxy

ASKED: Final = bytes(range(256)) * 700
ANSWERED: Final = bytes(reversed(range(256))) * 900


async def _gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take all that is asked, answer, and hang up."""
    await reader.readexactly(len(ASKED))
    writer.write(ANSWERED)
    await writer.drain()
    writer.close()


async def _ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ASKED)
    answered = await reader.read(-1)
    writer.close()
    return answered


def _recorded(out: Path, session: Callable[[int], Awaitable[bytes]]) -> tuple[bytes, list[Chunk]]:
    async def play() -> bytes:
        server = await asyncio.start_server(_gateway, "127.0.0.1", 0)
        place = ("127.0.0.1", server.sockets[0].getsockname()[1])
        answered, _ = await through_proxy(place, out, session)
        server.close()
        return answered

    return asyncio.run(play()), read_recording(out)


def test_every_byte_passes_and_is_recorded_both_ways(tmp_path: Path) -> None:
    answered, chunks = _recorded(tmp_path / "x", _ask)
    assert answered == ANSWERED
    assert b"".join(c.data for c in chunks if c.side is Side.CLIENT) == ASKED
    assert b"".join(c.data for c in chunks if c.side is Side.GATEWAY) == ANSWERED
    assert [chunks[0].side, chunks[-1].side] == [Side.OPENED, Side.CLOSED]
    assert [c.at for c in chunks] == sorted(c.at for c in chunks)


def test_connections_are_told_apart(tmp_path: Path) -> None:
    async def two(port: int) -> bytes:
        return b"".join(await asyncio.gather(_ask(port), _ask(port)))

    answered, chunks = _recorded(tmp_path / "x", two)
    assert answered == ANSWERED * 2
    for number in (1, 2):
        mine = [c for c in chunks if c.connection == number]
        assert b"".join(c.data for c in mine if c.side is Side.CLIENT) == ASKED


def test_what_is_open_at_the_end_is_closed_and_recorded(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome")
        await reader.read(-1)
        writer.close()

    async def stay(port: int) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readexactly(7)
        return writer

    async def play() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        place = ("127.0.0.1", server.sockets[0].getsockname()[1])
        writer, _ = await through_proxy(place, tmp_path / "x", stay)
        writer.close()
        server.close()

    asyncio.run(play())
    assert [c.side for c in read_recording(tmp_path / "x")] == [
        Side.OPENED,
        Side.GATEWAY,
        Side.CLOSED,
    ]


def test_a_gateway_that_is_away_closes_the_client_and_is_recorded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answered, proxy = asyncio.run(through_proxy(("127.0.0.1", port), tmp_path / "x", _ask_nobody))
    assert answered == b""
    assert proxy.connections == 1
    assert [c.side for c in read_recording(tmp_path / "x")] == [Side.OPENED, Side.CLOSED]


async def _ask_nobody(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = await reader.read(-1)
    writer.close()
    return answered


class FullDisk(RecordingWriter):
    """A recording whose disk is full from the third line on."""

    lines = 0

    def add(self, chunk: Chunk) -> None:
        """Refuse after the second line."""
        self.lines += 1
        if self.lines > 2:
            raise OSError(28, "No space left on device")
        super().add(chunk)


def test_a_full_disk_ends_the_recording_and_not_the_session(tmp_path: Path) -> None:
    async def play() -> tuple[bytes, OSError | None]:
        server = await asyncio.start_server(_gateway, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        runtime = SystemRuntime(lambda *_: None)
        with FullDisk(tmp_path / "x", "gateway") as recording:
            proxy = RecordingProxy("127.0.0.1", port, recording=recording, now=runtime.now)
            front = await proxy.serve(0)
            answered = await _ask(front.sockets[0].getsockname()[1])
            front.close()
            await proxy.close()
        server.close()
        return answered, proxy.failure

    answered, failure = asyncio.run(play())
    assert answered == ANSWERED
    assert failure is not None
    assert failure.strerror == "No space left on device"


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    async def play(port: int) -> None:
        with RecordingWriter(tmp_path / "x", "gateway") as recording:
            runtime = SystemRuntime(lambda *_: None)
            proxy = RecordingProxy("127.0.0.1", 1, recording=recording, now=runtime.now)
            await proxy.serve(port)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"port {port} on 127.0.0.1"):
            asyncio.run(play(port))
