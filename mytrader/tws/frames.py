"""Frames and the handshake: four bytes of big-endian length, then that many bytes.

The only bytes outside a frame are `API` and a NUL, which a client sends first; then both sides
speak in frames alone. A segment of the stream may hold several frames or a part of one.
"""

import re
from typing import Final

from msgspec import Struct

from mytrader.tws.errors import WireError

API_PREFIX: Final = b"API\0"
LENGTH_BYTES: Final = 4
FRAME_BYTES_MAX: Final = 0xFFFFFF
"""The broker's own client libraries refuse anything longer."""
SERVER_VERSION: Final = 178
OLDER_VERSION: Final = 157
"""The highest that `ibapi` 9.81.1 offers; `versions` says what it has otherwise."""
CLIENT_VERSION_MIN: Final = 157


def frame(body: bytes) -> bytes:
    """Return `body` behind its length. Raises `WireError` for a body over the limit."""
    if len(body) > FRAME_BYTES_MAX:
        raise WireError(f"a message of {len(body)} bytes is over the limit of {FRAME_BYTES_MAX}")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class FrameReader:
    """Turns a stream of bytes into frame bodies, however the stream was cut.

    `prefix` is what must come first, once. A length over `limit` raises `WireError` before a
    byte of the frame is stored; after an error the stream is lost and the reader is useless.
    """

    def __init__(self, *, prefix: bytes = b"", limit: int = FRAME_BYTES_MAX) -> None:
        self._prefix = prefix
        self._limit = limit
        self._pending = bytearray()

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._pending)

    def feed(self, data: bytes) -> list[bytes]:
        """Take `data` and return the bodies that are now complete, oldest first."""
        self._pending += data
        if self._prefix and not self._skip_prefix():
            return []
        bodies: list[bytes] = []
        start = 0
        while (end := self._end_of_frame(start)) is not None:
            bodies.append(bytes(self._pending[start + LENGTH_BYTES : end]))
            start = end
        del self._pending[:start]
        return bodies

    def _skip_prefix(self) -> bool:
        seen = bytes(self._pending[: len(self._prefix)])
        if not self._prefix.startswith(seen):
            raise WireError(f"the stream begins with {seen!r}, not with {self._prefix!r}")
        if len(seen) < len(self._prefix):
            return False
        del self._pending[: len(self._prefix)]
        self._prefix = b""
        return True

    def _end_of_frame(self, start: int) -> int | None:
        if len(self._pending) < start + LENGTH_BYTES:
            return None
        length = int.from_bytes(self._pending[start : start + LENGTH_BYTES], "big")
        if length > self._limit:
            raise WireError(f"a frame of {length} bytes is over the limit of {self._limit}")
        end = start + LENGTH_BYTES + length
        return end if len(self._pending) >= end else None


class ClientHello(Struct, frozen=True):
    """The versions that a client offers and its connect options, usually empty."""

    version_min: int
    version_max: int
    options: str = ""


class ServerHello(Struct, frozen=True):
    """The version that the server chose, and its time of connection as text."""

    version: int
    time: str


_CLIENT_HELLO: Final = re.compile(rb"v([0-9]{1,9})\.\.([0-9]{1,9})(?: ([^\0]*))?")


def encode_client_hello(hello: ClientHello) -> bytes:
    """Return the first bytes that a client sends, the prefix included."""
    text = f"v{hello.version_min}..{hello.version_max}"
    if hello.options:
        text += f" {hello.options}"
    return API_PREFIX + frame(text.encode())


def decode_client_hello(body: bytes) -> ClientHello:
    """Return what the first frame of a client says. Raises `WireError`."""
    match = _CLIENT_HELLO.fullmatch(body)
    if match is None:
        raise WireError(f"{body[:40]!r} is not an offer of versions such as v157..178")
    options = (match[3] or b"").decode(errors="backslashreplace")
    return ClientHello(int(match[1]), int(match[2]), options)


def choose_version(hello: ClientHello) -> int:
    """Return the version both sides will speak: the newer of ours that the client offers.

    Raises `WireError` when it offers neither.
    """
    for version in (SERVER_VERSION, OLDER_VERSION):
        if hello.version_min <= version <= hello.version_max:
            return version
    raise WireError(
        f"the client speaks versions {hello.version_min} to {hello.version_max}, "
        f"this server speaks {SERVER_VERSION} and {OLDER_VERSION}"
    )


def encode_server_hello(hello: ServerHello) -> bytes:
    """Return the frame that answers a client's offer."""
    return frame(f"{hello.version}\0{hello.time}\0".encode())


def decode_server_hello(body: bytes) -> ServerHello:
    """Return what a server answered to the offer. Raises `WireError`."""
    parts = body.split(b"\0")
    if len(parts) != 3 or parts[2] or not re.fullmatch(rb"[0-9]{1,9}", parts[0]):
        raise WireError(f"{body[:40]!r} is not a server's version and time")
    return ServerHello(int(parts[0]), parts[1].decode(errors="backslashreplace"))
