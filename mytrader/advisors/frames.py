"""Notices when a stream of frames breaks off: what its client would take for its end. Pure.

A frame of `application/vnd.amazon.eventstream` begins with its whole length, four bytes, most
significant first. That is all that is read here; checksums and content are the client's to judge.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

LENGTH_BYTES: Final = 4


class CutStream(ConnectionError):
    """The stream ended inside a frame, or before the length that was announced."""


class TooLong(ConnectionError):
    """The stream is longer than any answer; the rest was not read."""


class TooLate(ConnectionError):
    """The time was over before the stream was; the rest was not read."""


class FrameWatch:
    """Follows a stream of frames; `whole` is true between two frames."""

    def __init__(self) -> None:
        self._length = b""
        self._left = 0

    @property
    def whole(self) -> bool:
        """Whether what was fed so far ends with a frame."""
        return not self._length and self._left == 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes in, however they were cut."""
        at = 0
        while at < len(piece):
            if self._left:
                step = min(self._left, len(piece) - at)
                self._left -= step
            else:
                step = min(LENGTH_BYTES - len(self._length), len(piece) - at)
                self._length += piece[at : at + step]
                if len(self._length) == LENGTH_BYTES:
                    # A length too small for its own prelude is the checksum's to find.
                    self._left = max(int.from_bytes(self._length) - LENGTH_BYTES, 0)
                    self._length = b""
            at += step


def whole_frames(
    pieces: Iterable[bytes],
    in_time: Callable[[], bool],
    *,
    length: int | None,
    bytes_max: int,
) -> Iterator[bytes]:
    """Yield the pieces of a stream; raises `CutStream`, `TooLong`, `TooLate`.

    `length` is what was announced, `None` if nothing was.
    """
    watch, total = FrameWatch(), 0
    for piece in pieces:
        if not in_time():
            raise TooLate("the stream goes on beyond its time")
        total += len(piece)
        if total > bytes_max:
            raise TooLong(f"more than {bytes_max} bytes")
        watch.feed(piece)
        yield piece
    if not watch.whole:
        raise CutStream("the stream ended inside a frame")
    if length is not None and total != length:
        raise CutStream(f"{total} bytes of {length}")


class _Raw(Protocol):
    """What is used of a response that is still being read."""

    def stream(self) -> Iterable[bytes]: ...

    def close(self) -> None: ...


class WatchedStream:
    """A response as its client reads it, which does not end unnoticed; see `whole_frames`."""

    def __init__(
        self, raw: _Raw, in_time: Callable[[], bool], *, length: int | None, bytes_max: int
    ) -> None:
        self._raw = raw
        self._in_time = in_time
        self._length = length
        self._bytes_max = bytes_max

    def stream(self) -> Iterator[bytes]:
        """Yield what comes; raises the faults of this module and of who reads."""
        return whole_frames(
            self._raw.stream(), self._in_time, length=self._length, bytes_max=self._bytes_max
        )

    def close(self) -> None:
        """Give the connection up."""
        self._raw.close()
