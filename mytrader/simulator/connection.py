"""One client's connection: handshake, frames, pacing, and writes that are joined.

Whatever a client sends, only its own connection can end by it. Bytes that are no protocol close
the connection with a line in the log; a message that is malformed or unknown is answered with an
error and the connection lives on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final, Protocol

from mytrader.simulator.listing import zoned_text
from mytrader.tws import answers, codec, frames
from mytrader.tws.errors import NO_SUBJECT, WireError
from mytrader.tws.fields import Message
from mytrader.tws.requests import StartApi

REQUEST_BYTES_MAX: Final = 1 << 16
"""An order with everything set has about two thousand bytes."""

MESSAGES_PER_SECOND_MAX: Final = 50
UNSENT_BYTES_MAX: Final = 64 << 20
PATIENCE_S: Final = 30.0
"""How long a client may take to introduce itself, and to finish a message it has begun."""

TOO_FAST: Final = 100
MALFORMED: Final = 321
CLIENT_ID_IN_USE: Final = 326
_SECOND: Final = timedelta(seconds=1)

_log = logging.getLogger(__name__)


class _Stage(StrEnum):
    GREETING = "greeting"
    STARTING = "starting"
    READY = "ready"
    CLOSED = "closed"


class FrontDesk(Protocol):
    """What a connection needs of its gateway."""

    def now(self) -> datetime:
        """Return the gateway's time."""
        ...

    def later(self, delay_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` after real seconds; what is returned takes that back."""
        ...

    def arrived(self) -> None:
        """Prepare for messages: carry out what was due before them."""
        ...

    def admit(self, connection: "ClientConnection", client_id: int) -> bool:
        """Take a client in; False if its id is in use."""
        ...

    def handle(self, connection: "ClientConnection", message: Message) -> None:
        """Answer a request."""
        ...

    def settle(self) -> None:
        """Write what has gathered for all connections."""
        ...

    def gone(self, connection: "ClientConnection") -> None:
        """Forget a connection."""
        ...


class Meddler(Protocol):
    """Whoever may come between a connection and its desk: the faults."""

    def welcomes(self, connection: "ClientConnection") -> bool:
        """Whether a new connection may live."""
        ...

    def outbound(self, connection: "ClientConnection", message: Message) -> list[Message]:
        """Return what leaves now in the place of a message."""
        ...

    def inbound(self, connection: "ClientConnection", message: Message) -> bool:
        """Whether a request is to be carried out now."""
        ...

    @property
    def idle(self) -> bool:
        """Whether messages pass untouched."""
        ...


At = Callable[[datetime, Callable[[], None]], None]
"""Carries out an action at a time."""


class ClientConnection(asyncio.Protocol):
    """The server's end of one client's connection."""

    def __init__(self, desk: FrontDesk, meddler: Meddler | None = None) -> None:
        self.client_id: int | None = None
        self._desk = desk
        self._meddler = meddler
        self._deaf = False
        self._holds = 0
        self._dozes = 0
        self._splitter: Splitter | None = None
        self._stage = _Stage.GREETING
        self._reader = frames.FrameReader(prefix=frames.API_PREFIX, limit=REQUEST_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._paused = False
        self._version = frames.SERVER_VERSION
        self._arrivals: deque[datetime] = deque(maxlen=MESSAGES_PER_SECOND_MAX)
        self._give_up: Callable[[], None] | None = None

    @property
    def ready(self) -> bool:
        """Whether the client has started and the connection stands."""
        return self._stage is _Stage.READY

    @property
    def congested(self) -> bool:
        """Whether the client reads slower than it is written to; quotes may be left out."""
        return self._paused

    def send(self, *messages: Message) -> None:
        """Add messages to the next write, after the faults have seen them."""
        if self._meddler is None or self._meddler.idle:
            self.send_plain(*messages)
            return
        for message in messages:
            self.send_plain(*self._meddler.outbound(self, message))

    def send_plain(self, *messages: Message) -> None:
        """Add messages to the next write as they are."""
        self.send_frames([codec.encode(message, self._version) for message in messages])

    def send_frames(self, encoded: list[bytes]) -> None:
        """Add encoded messages to the next write."""
        if self._stage is _Stage.CLOSED or self._deaf:
            return
        self._unsent += encoded
        self._unsent_bytes += sum(map(len, encoded))
        if self._unsent_bytes > UNSENT_BYTES_MAX:
            self._fail(f"it left {self._unsent_bytes} bytes unread")

    def flush(self) -> None:
        """Write everything that was added, in one piece."""
        held = self._paused or self._holds
        if self._unsent and self._transport is not None and not held:
            joined = b"".join(self._unsent)
            self._unsent.clear()
            self._unsent_bytes = 0
            if self._splitter is None:
                self._transport.write(joined)
            else:
                self._splitter.write(self._transport, joined, now=self._desk.now())

    def close(self) -> None:
        """Write what is left and end the connection."""
        self.flush()
        self._stage = _Stage.CLOSED
        self._expect_nothing()
        self._unsent.clear()
        if self._transport is not None:
            self._transport.close()

    # What faults do to a connection.

    def deafen(self) -> None:
        """Stay open, and hear and say nothing from now on."""
        self._deaf = True
        self._unsent.clear()

    def cut(self, message: Message) -> None:
        """End the connection in the middle of a message."""
        encoded = codec.encode(message)
        self.send_frames([encoded[: len(encoded) // 2]])
        self.close()

    def hold(self, held: bool) -> None:
        """Hold writes back, or end that; holds add up."""
        self._holds += 1 if held else -1
        self.flush()

    def doze(self, asleep: bool) -> None:
        """Read nothing, or read on; dozes add up."""
        self._dozes += 1 if asleep else -1
        if self._transport is None:
            return
        if self._dozes:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def split(self, size: int, gap: timedelta, at: At, *, pieces: int) -> None:
        """Let bytes leave in pieces of `size`, `gap` apart, from now on, so many of them."""
        self._splitter = Splitter(size, gap, at, pieces=pieces)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; the client speaks first."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._expect("it did not introduce itself")
        if self._meddler is not None and not self._meddler.welcomes(self):
            self.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes, answer every message in them, and write the answers at once."""
        if self._stage is _Stage.CLOSED or self._deaf:
            return
        self._desk.arrived()
        try:
            bodies = self._reader.feed(data)
            for body in bodies:
                self._take(body)
        except WireError as error:
            self._fail(str(error))
        else:
            self._wait_for_the_rest(progress=bool(bodies))
        self.flush()
        self._desk.settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client. Its orders work on."""
        del exc  # a reset and an orderly end mean the same here
        self._stage = _Stage.CLOSED
        self._transport = None
        self._expect_nothing()
        self._desk.gone(self)

    def pause_writing(self) -> None:
        """Hold writes back until the client has read."""
        self._paused = True

    def resume_writing(self) -> None:
        """Write what was held back."""
        self._paused = False
        self.flush()

    # Patience: an open connection that says nothing more costs a socket, so it ends.

    def _expect(self, else_why: str) -> None:
        self._give_up = self._desk.later(PATIENCE_S, lambda: self._fail(else_why))

    def _expect_nothing(self) -> None:
        if self._give_up is not None:
            self._give_up()
            self._give_up = None

    def _wait_for_the_rest(self, *, progress: bool) -> None:
        """Give a begun message its time; time to say hello is not given twice."""
        if self._stage is not _Stage.READY:
            return
        if progress or not self._reader.pending:
            self._expect_nothing()
        if self._reader.pending and self._give_up is None:
            self._expect(f"it began a message and sent {self._reader.pending} bytes of it")

    # Messages.

    def _take(self, body: bytes) -> None:
        if self._stage is _Stage.GREETING:
            self._greet(body)
        elif self._stage is _Stage.STARTING:
            self._start(body)
        elif self._stage is _Stage.READY:
            self._answer(body)

    def _greet(self, body: bytes) -> None:
        self._version = frames.choose_version(frames.decode_client_hello(body))
        hello = frames.ServerHello(self._version, zoned_text(self._desk.now()))
        self._unsent.append(frames.encode_server_hello(hello))
        self._stage = _Stage.STARTING

    def _start(self, body: bytes) -> None:
        message = codec.decode_request(body, self._version)
        if not isinstance(message, StartApi):
            raise WireError(f"{type(message).__name__} came before StartApi")
        if message.client_id < 0:
            raise WireError(f"client id {message.client_id} is negative")
        if self._passes(message):
            self._admit(message)

    def carry_out(self, message: Message) -> None:
        """Take a request that a fault kept back."""
        if isinstance(message, StartApi):
            if self._stage is _Stage.STARTING:
                self._admit(message)
        elif self._stage is _Stage.READY:
            self._desk.handle(self, message)

    def _admit(self, message: StartApi) -> None:
        self._stage = _Stage.READY
        if not self._desk.admit(self, message.client_id):
            text = "Unable to connect as the client id is already in use."
            self.send(answers.notice(CLIENT_ID_IN_USE, text))
            self.close()
            return
        self.client_id = message.client_id

    def _answer(self, body: bytes) -> None:
        too_fast = self._too_fast()
        try:
            message = codec.decode_request(body, self._version)
        except WireError as error:
            text = f"Error validating request: {error}"
            self.send(answers.Problem(error.subject, MALFORMED, text))
            return
        if too_fast:
            subject = getattr(message, "order_id", getattr(message, "req_id", NO_SUBJECT))
            text = f"Max rate of messages per second has been exceeded: {MESSAGES_PER_SECOND_MAX}"
            self.send(answers.Problem(subject, TOO_FAST, text))
            return
        if self._passes(message):
            self._desk.handle(self, message)

    def _passes(self, message: Message) -> bool:
        return self._meddler is None or self._meddler.idle or self._meddler.inbound(self, message)

    def _too_fast(self) -> bool:
        now = self._desk.now()
        full = len(self._arrivals) == MESSAGES_PER_SECOND_MAX
        too_fast = full and now - self._arrivals[0] < _SECOND
        self._arrivals.append(now)
        return too_fast

    def _fail(self, why: str) -> None:
        name = "a client" if self.client_id is None else f"client {self.client_id}"
        _log.warning("Connection of %s closed: %s", name, why)
        self.close()
        if self._paused and self._transport is not None:
            # Who does not read would keep an orderly end, and all that is unwritten, for ever.
            self._transport.abort()


class Splitter:
    """Writes bytes in pieces, one after the other, whatever comes in between."""

    def __init__(self, size: int, gap: timedelta, at: At, *, pieces: int) -> None:
        self._size = size
        self._gap = gap
        self._at = at
        self._pieces = pieces
        self._free_from: datetime | None = None

    def write(self, transport: asyncio.Transport, data: bytes, *, now: datetime) -> None:
        """Write `data` behind all that was written before."""
        if not self._pieces and (self._free_from is None or now >= self._free_from):
            transport.write(data)
            return
        when = now if self._free_from is None else max(now, self._free_from)
        rest = data
        while rest:
            size = self._size if self._pieces else len(rest)
            self._pieces = max(self._pieces - 1, 0)
            self._at(when, partial(_write_open, transport, rest[:size]))
            rest = rest[size:]
            when += self._gap
        self._free_from = when


def _write_open(transport: asyncio.Transport, piece: bytes) -> None:
    if not transport.is_closing():
        transport.write(piece)


Handler = Callable[[ClientConnection, Any], None]
"""Answers one kind of request: takes the connection and a request of the type it stands for."""
