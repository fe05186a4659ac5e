"""Frames of `application/vnd.amazon.eventstream`, as AWS writes them.

4 bytes   length of the whole frame      | the prelude; numbers are most significant first
4 bytes   length of the headers          |
4 bytes   CRC-32 of those eight bytes
headers   each: length of its name, name, type (7 is a string), length of its value, value
payload
4 bytes   CRC-32 of everything before it
"""

import base64
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Final

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_STRING: Final = 7
_FIXED_BYTES: Final = 16


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one frame."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", _FIXED_BYTES + len(head) + len(payload), len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event(kind: str, content: Mapping[str, object]) -> bytes:
    """Return an event whose payload is JSON."""
    return frame(_headers("event", ":event-type", kind), json.dumps(content).encode())


def chunk(part: bytes) -> bytes:
    """Return the event that carries a part of an agent's answer."""
    return event("chunk", {"bytes": base64.b64encode(part).decode()})


def exception(kind: str, message: str) -> bytes:
    """Return the event by which a service ends a stream that went wrong."""
    headers = _headers("exception", ":exception-type", kind)
    return frame(headers, json.dumps({"message": message}).encode())


def with_wrong_checksum(whole: bytes) -> bytes:
    """Return a frame whose last bit was turned on the way."""
    return whole[:-1] + bytes([whole[-1] ^ 1])


def _headers(message_type: str, type_name: str, kind: str) -> dict[str, str]:
    return {":message-type": message_type, type_name: kind, ":content-type": "application/json"}


def _header(name: str, value: str) -> bytes:
    written, text = name.encode(), value.encode()
    return (
        struct.pack(">B", len(written)) + written + struct.pack(">BH", _STRING, len(text)) + text
    )
