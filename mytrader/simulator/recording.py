"""A recorded session: every byte between clients and a gateway, both ways, with its time.

The file is one JSON object to a line. The first names the gateway; each of the others is one read
from one socket: when (UTC, microseconds), which connection, which side, and the bytes in base64.
A line is written before the bytes go on, so what the other side has seen is in the file.

A recording holds account numbers, positions and orders: the file can be read by its owner alone.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from msgspec import Struct

from mytrader.errors import BadInput

FORMAT: Final = 1
LINE_BYTES_MAX: Final = 64 << 20


class Side(StrEnum):
    """Whose bytes a line holds, or what became of the connection."""

    OPENED = "opened"
    CLIENT = "client"
    GATEWAY = "gateway"
    CLOSED = "closed"


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: the form of the file and the gateway's address."""

    recording: int
    gateway: str


class Chunk(Struct, frozen=True, forbid_unknown_fields=True, rename={"side": "from"}):
    """One read from one socket; `at` is aware UTC, `connection` counts from 1."""

    at: datetime
    connection: int
    side: Side
    data: bytes = b""


class RecordingWriter:
    """Writes a recording to a new file. Raises `BadInput` if it cannot be made."""

    def __init__(self, path: Path, gateway: str) -> None:
        self.path = path
        self.bytes_recorded = 0
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            self._file = os.fdopen(os.open(path, flags, 0o600), "wb")
        except FileExistsError:
            raise BadInput(f"--out {path}: it exists; a recording is never overwritten") from None
        except OSError as error:
            raise BadInput(
                f"--out {path}: {error.strerror}; give a file that can be made"
            ) from None
        self._write(Header(FORMAT, gateway))

    def add(self, chunk: Chunk) -> None:
        """Write one chunk through to the file. Raises `OSError` when the disk refuses."""
        self._write(chunk)
        self.bytes_recorded += len(chunk.data)

    def _write(self, line: Struct) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()


def read_recording(path: Path) -> list[Chunk]:
    """Return a recording's chunks, oldest first. Raises `BadInput` with the line that is wrong."""
    try:
        with path.open("rb") as lines:
            return list(_chunks(path, lines))
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise BadInput(f"recording {path}: {reason}; give a file made with --record") from None


def _chunks(path: Path, lines: Iterator[bytes]) -> Iterator[Chunk]:
    for number, line in enumerate(lines, start=1):
        try:
            if number > 1:
                yield msgspec.json.decode(line, type=Chunk)
                continue
            header = msgspec.json.decode(line, type=Header)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(
                f"recording {path}, line {number}: {error}; give a file made with --record"
            ) from None
        if header.recording != FORMAT:
            raise BadInput(
                f"recording {path} has form {header.recording}, this program reads {FORMAT}"
            )
