"""Connections inside one process: asyncio transports whose wire is a queue.

What one side writes during one turn of the loop arrives at the other as one delivery, a fixed
latency later, in order, at strictly increasing times. The client's library treats one delivery as
one update, and asyncio's timer heap does not keep the order of equal deadlines: both matter.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

_HIGH_WATER: Final = 64 * 1024
_STEP_S: Final = 2e-6
"""More than the loop lands after a timer, so that two deliveries never share an instant."""


class TurningLoop(Protocol):
    """What a wire needs to know of its loop: time in seconds, timers, and the turn it is in."""

    @property
    def turn(self) -> int:
        """Number of the present turn of the loop."""
        ...

    def time(self) -> float:
        """Return the loop's clock, seconds."""
        ...

    def call_at(self, when: float, callback: Callable[[], object]) -> object:
        """Arm a timer."""
        ...

    def call_soon(self, callback: Callable[..., object], *args: object) -> object:
        """Call in the next turn."""
        ...

    def is_closed(self) -> bool:
        """Whether the loop runs no more."""
        ...


class MemoryTransport(asyncio.Transport):
    """One end of a connection; two of them are joined by setting each other's `peer`.

    Behaves as asyncio's socket transports do: `close` lets what was written arrive first, `abort`
    does not; a protocol that raises in `data_received` loses its connection; flow control calls
    `pause_writing` and `resume_writing` while the other side does not read.
    """

    def __init__(
        self,
        loop: TurningLoop,
        protocol: asyncio.Protocol,
        *,
        latency_s: float,
        extra: dict[str, Any],
    ) -> None:
        super().__init__(extra)
        self._loop = loop
        self._protocol = protocol
        self._latency_s = latency_s
        self.peer: MemoryTransport | None = None
        self.waiting_bytes = 0
        self._inbox: deque[bytearray | None] = deque()
        self._inbox_turn = -1
        self._due_last = 0.0
        self._deliveries_due = 0
        self._reading = True
        self._closing = False
        self._lost = False
        self._eof_sent = False
        self._limits = (_HIGH_WATER // 4, _HIGH_WATER)
        self._writing_paused = False

    # The interface of asyncio.Transport.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send; ignored once the connection is closing, as on a socket."""
        if self._closing or self._eof_sent or self.peer is None or not data:
            return
        self.peer.receive(data)
        if not self._writing_paused and self.get_write_buffer_size() > self._limits[1]:
            self._writing_paused = True
            self._protocol.pause_writing()

    def write_eof(self) -> None:
        """Say that nothing more will be written; reading goes on."""
        if self._closing or self._eof_sent:
            return
        self._eof_sent = True
        if self.peer is not None:
            self.peer.receive(None)

    def can_write_eof(self) -> bool:
        """Return true."""
        return True

    def close(self) -> None:
        """Let what was written arrive, then end the connection."""
        if not self._closing:
            self.write_eof()
            self._end(None)

    def abort(self) -> None:
        """End the connection now; what was written and has not arrived is lost."""
        if self._lost:
            return
        self._eof_sent = True
        if self.peer is not None:
            self.peer.reset()
        self._end(None)

    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self._closing

    def is_reading(self) -> bool:
        """Whether data is passed to the protocol."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Let arriving data wait."""
        self._reading = False

    def resume_reading(self) -> None:
        """Pass on what has waited, then what arrives."""
        if not self._reading:
            self._reading = True
            self._loop.call_soon(self._deliver_due)

    def get_write_buffer_size(self) -> int:
        """Return the bytes that were written and have not been read."""
        return 0 if self.peer is None else self.peer.waiting_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high mark of flow control, bytes."""
        return self._limits

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks of flow control, bytes; the low one is a quarter of the high one."""
        top = high if high is not None else (_HIGH_WATER if low is None else 4 * low)
        self._limits = (top // 4 if low is None else low, top)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Pass data to `protocol` from now on."""
        if not isinstance(protocol, asyncio.Protocol):
            raise TypeError("a memory transport speaks to asyncio.Protocol only")
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that data is passed to."""
        return self._protocol

    # The wire.

    def receive(self, data: bytes | bytearray | memoryview | None) -> None:
        """Take what the peer has written, `None` for its end of file, for delivery later."""
        if self._closing or self._loop.is_closed():
            return
        last = self._inbox[-1] if self._inbox else None
        size = 0 if data is None else len(data)
        self.waiting_bytes += size
        if last is not None and data is not None and self._inbox_turn == self._loop.turn:
            last += data
            return
        self._inbox.append(None if data is None else bytearray(data))
        self._inbox_turn = self._loop.turn
        self._due_last = max(self._loop.time() + self._latency_s, self._due_last + _STEP_S)
        self._loop.call_at(self._due_last, self._due)

    def reset(self) -> None:
        """Lose the connection and everything that has not arrived: the peer aborted."""
        self._inbox.clear()
        self._end(ConnectionResetError("connection reset by peer"))

    def _due(self) -> None:
        self._deliveries_due += 1
        self._deliver_due()

    def _deliver_due(self) -> None:
        while self._reading and self._deliveries_due and self._inbox and not self._closing:
            self._deliveries_due -= 1
            data = self._inbox.popleft()
            self.waiting_bytes -= 0 if data is None else len(data)
            self._deliver(data)

    def _deliver(self, data: bytearray | None) -> None:
        completed = False
        try:
            if data is not None:
                self._protocol.data_received(bytes(data))
            elif not self._protocol.eof_received():
                self.close()
            completed = True
        finally:
            if not completed:
                error = sys.exception()
                self.write_eof()
                self._end(error if isinstance(error, Exception) else None)
        if self.peer is not None:
            self.peer.drained()

    def drained(self) -> None:
        """Learn that the peer has read."""
        if self._writing_paused and self.get_write_buffer_size() <= self._limits[0]:
            self._writing_paused = False
            self._protocol.resume_writing()

    def _end(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        if not self._loop.is_closed():
            self._loop.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._protocol.connection_lost(error)
