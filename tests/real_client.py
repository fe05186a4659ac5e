"""The unmodified client's own encoder and decoder, without a socket: judges of our layouts."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ib_async.client import Client
from ib_async.decoder import Decoder

from mytrader.tws.codec import split
from mytrader.tws.fields import Message
from mytrader.tws.frames import SERVER_VERSION, FrameReader


class _Wire:
    """Stands where the client has its transport, and keeps what it writes."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        """Keep the data."""
        self.written += data


def what_the_client_sends(
    ask: Callable[[Any], object], version: int = SERVER_VERSION
) -> list[bytes]:
    """Return the bodies of the frames that a real client writes when `ask` uses it."""

    async def send() -> bytes:
        make: Any = Client
        client = make(SimpleNamespace())
        wire = _Wire()
        client.conn.transport = wire
        client.connState = client.CONNECTED
        client._serverVersion = version
        ask(client)
        client.conn.transport = None
        return wire.written

    return FrameReader().feed(asyncio.run(send()))


class _Listener:
    """Stands where the client's decoder has its wrapper, and keeps what it is called with."""

    defaultTimezone = None  # noqa: N815 - the client's name

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.ib = SimpleNamespace(TimezoneTWS=None)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: self.calls.append((name, args))


def what_the_client_reads(
    frame: bytes, version: int = SERVER_VERSION
) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the calls (name and arguments) that the real decoder makes of one frame."""
    listener = _Listener()
    decoder: Any = Decoder
    (body,) = FrameReader().feed(frame)
    decoder(listener, version).interpret(split(body))
    return listener.calls


def message_fields(message: Message) -> dict[str, Any]:
    """Return a message's attributes by name."""
    return {name: getattr(message, name) for name in message.__struct_fields__}
