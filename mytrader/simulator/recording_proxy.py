"""Stands between clients and a gateway, passes every byte on unchanged, and records it.

It listens on the loopback address only, for what passes here can trade. It understands nothing
of the protocol and never adds, drops or delays a byte on purpose; when the file cannot be written
any more, the connection lives on and the failure is reported: a full disk must not cut a trader
off from its stop.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from mytrader.errors import BadInput
from mytrader.simulator.gateway import HOST
from mytrader.simulator.recording import Chunk, RecordingWriter, Side

READ_BYTES_MAX: Final = 1 << 16
CONNECT_WAIT_S: Final = 10.0

_log = logging.getLogger(__name__)


class RecordingProxy:
    """Serves clients of `host`:`port` and writes what passes to `recording`.

    `failure` is what ended the recording before its time, if anything did.
    """

    def __init__(
        self, host: str, port: int, *, recording: RecordingWriter, now: Callable[[], datetime]
    ) -> None:
        self.connections = 0
        self.failure: OSError | None = None
        self._host, self._port = host, port
        self._recording = recording
        self._now = now
        self._over = asyncio.Event()
        self._sessions: set[asyncio.Task[None]] = set()

    async def serve(self, port: int) -> asyncio.Server:
        """Listen on the loopback address; port 0 takes a free one. Raises `BadInput`."""
        try:
            return await asyncio.start_server(self._client, HOST, port)
        except OSError as error:
            raise BadInput(f"port {port} on {HOST}: {error.strerror}; give another port") from None

    async def close(self) -> None:
        """End every connection and wait until the recording knows of it."""
        self._over.set()
        await asyncio.gather(*self._sessions)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        if session is not None:
            self._sessions.add(session)
            session.add_done_callback(self._sessions.discard)
        self.connections += 1
        number = self.connections
        self._note(number, Side.OPENED)
        try:
            async with asyncio.timeout(CONNECT_WAIT_S):
                there = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            why = error.strerror or f"no answer within {CONNECT_WAIT_S:g} s"
            _log.warning("The gateway %s:%s refused: %s", self._host, self._port, why)
        else:
            await self._pass_on((reader, writer), there, number=number)
        finally:
            self._note(number, Side.CLOSED)
            writer.close()

    async def _pass_on(self, here: "Ends", there: "Ends", *, number: int) -> None:
        ways = [
            asyncio.create_task(self._pump(here[0], there[1], number=number, side=Side.CLIENT)),
            asyncio.create_task(self._pump(there[0], here[1], number=number, side=Side.GATEWAY)),
            asyncio.create_task(self._ended()),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            # What was read has been written; closing sends it before the end.
            here[1].close()
            there[1].close()

    async def _ended(self) -> None:
        await self._over.wait()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        number: int,
        side: Side,
    ) -> None:
        try:
            while data := await source.read(READ_BYTES_MAX):
                self._note(number, side, data)
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            return  # a reset ends the session as an orderly end does

    def _note(self, number: int, side: Side, data: bytes = b"") -> None:
        if self.failure is not None:
            return
        try:
            self._recording.add(Chunk(self._now(), number, side, data))
        except OSError as error:
            self.failure = error
            _log.error("Recording ended: %s; the connections live on", error.strerror)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""The two ends of one connection."""
