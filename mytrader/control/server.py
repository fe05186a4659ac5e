"""The door: a Unix socket beside the journal, for this machine and the trader's own user.

Whatever comes through, only its own connection can end by it. A line that is no request, a client
that sends too fast or never reads is told so and disconnected; the loop hears of nothing but whole
requests, one at a time. The file's mode keeps others out, and the kernel's word about the peer
(`SO_PEERCRED`, unix(7)) says who it is.
"""

import asyncio
import errno
import os
import socket
import stat
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import structlog

from mytrader.control.address import short_path, socket_path
from mytrader.control.peer import name_of, peer_of, trusted
from mytrader.control.protocol import (
    QUESTION_BYTES_MAX,
    Answer,
    Lines,
    NotUnderstood,
    Question,
    Refusal,
    decode_question,
    encode,
)
from mytrader.errors import BadInput

CONNECTIONS_MAX: Final = 8
IDLE_MAX_S: Final = 30.0
REQUESTS_PER_SECOND_MAX: Final = 50
UNREAD_BYTES_MAX: Final = 1 << 20


class Clerk(Protocol):
    """Whoever answers."""

    def answer(self, question: Question, *, who: str) -> Answer:
        """Return what came of a request by `who`."""
        ...


class Door:
    """An open door; `close` shuts it and takes the socket's file away."""

    def __init__(self, path: Path, clerk: Clerk, *, elapsed_s: Callable[[], float]) -> None:
        self.path = path
        self.clerk = clerk
        self._elapsed_s = elapsed_s
        self._callers: list[_Caller] = []
        self._arrivals: deque[float] = deque()
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def open(self) -> None:
        """Start to listen; raises `BadInput` when the socket cannot be made.

        The journal's lease is held, so a socket that is already there is a dead trader's.
        """
        listener = _bound(self.path)
        self._inode = self.path.stat().st_ino
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Caller(self), sock=listener)

    def close(self) -> None:
        """Disconnect everybody; what was asked before has been answered."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for caller in list(self._callers):
            caller.hang_up()
        # Not somebody else's socket, should this one have been moved away.
        if self.path.exists() and self.path.stat().st_ino == self._inode:
            self.path.unlink()

    def admit(self, caller: "_Caller") -> None:
        """Let a caller in; the one that was silent for longest makes room."""
        if len(self._callers) >= CONNECTIONS_MAX:
            self._callers[0].hang_up()
        self._callers.append(caller)

    def active(self, caller: "_Caller") -> None:
        """Note that a caller has said something."""
        self._callers.remove(caller)
        self._callers.append(caller)

    def gone(self, caller: "_Caller") -> None:
        """Forget a caller."""
        if caller in self._callers:
            self._callers.remove(caller)

    def too_fast(self) -> bool:
        """Whether this request is one too many for this second, over all callers."""
        now = self._elapsed_s()
        while self._arrivals and self._arrivals[0] <= now - 1:
            self._arrivals.popleft()
        if len(self._arrivals) >= REQUESTS_PER_SECOND_MAX:
            return True
        self._arrivals.append(now)
        return False


async def open_door(journal: Path, clerk: Clerk, *, elapsed_s: Callable[[], float]) -> Door:
    """Open the door beside `journal`; raises `BadInput`."""
    door = Door(socket_path(journal), clerk, elapsed_s=elapsed_s)
    await door.open()
    return door


def _bound(path: Path) -> socket.socket:
    """Return a socket bound to `path` that nobody else may open, not even for a moment."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        with short_path(path) as short:
            listener.bind(str(short))
        # Nobody can connect before `listen`, which asyncio calls after this.
        path.chmod(0o600)
    except OSError as error:
        listener.close()
        raise BadInput(
            f"control socket {path} cannot be made ({error.strerror or error}): choose a --journal"
            " on a local disk"
        ) from None
    listener.setblocking(False)
    return listener


def _clear(path: Path) -> None:
    """Take a dead trader's socket away; whatever else is there stays. Raises `OSError`."""
    if not path.exists() and not path.is_symlink():
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise FileExistsError(errno.EEXIST, "something else is there")
    path.unlink()


class _Caller(asyncio.Protocol):
    """One connection: a line in, an answer out, never two at a time."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._lines = Lines(QUESTION_BYTES_MAX)
        self._waiting: deque[bytes] = deque()
        self._transport: asyncio.Transport | None = None
        self._who = ""
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the peer in if the kernel says that it may come in."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        pid, uid = peer_of(transport.get_extra_info("socket"))
        self._who = name_of(uid)
        self._door.admit(self)
        if not trusted(uid):
            text = f"the trader belongs to {name_of(os.geteuid())}, you are {self._who}"
            log = structlog.get_logger("mytrader.control")
            log.error("CONTROL_DENIED", text=f"{self._who} (pid {pid}) knocked at the door")
            self._end(Refusal.DENIED, text)
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take bytes; every whole line in them is answered in its turn."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        try:
            lines = self._lines.feed(data)
        except NotUnderstood as error:
            self._end(Refusal.MALFORMED, str(error))
            return
        begun = bool(self._waiting)
        self._waiting += [line for line in lines if line.strip()]
        if self._waiting and not begun:
            transport.pause_reading()
            self._answer_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was not answered."""
        del exc
        self._transport = None
        self._waiting.clear()
        if self._idle is not None:
            self._idle.cancel()
        self._door.gone(self)

    def hang_up(self) -> None:
        """End the connection once what was written has left."""
        self._waiting.clear()
        if self._transport is not None:
            self._transport.close()

    def _answer_next(self) -> None:
        """Answer one line, and leave the loop to others before the next."""
        transport = self._transport
        if transport is None or not self._waiting:
            return
        self._answer(self._waiting.popleft())
        if transport.is_closing():
            return
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._answer_next)
            return
        self._wait()
        transport.resume_reading()

    def _answer(self, line: bytes) -> None:
        self._door.active(self)
        if self._door.too_fast():
            limit = f"more than {REQUESTS_PER_SECOND_MAX} requests a second: wait, and ask again"
            self._end(Refusal.TOO_FAST, limit)
            return
        try:
            question = decode_question(line)
        except NotUnderstood as error:
            self._end(Refusal.MALFORMED, str(error))
            return
        self._write(self._door.clerk.answer(question, who=self._who))

    def _write(self, answer: Answer) -> None:
        transport = self._transport
        if transport is None:
            return
        transport.write(encode(answer))
        if transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            transport.abort()

    def _end(self, refusal: Refusal, text: str) -> None:
        self._write(Answer(ok=False, text=text, refusal=refusal))
        self.hang_up()

    def _wait(self) -> None:
        """Give the caller its time to say something, from now on."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_MAX_S, self.hang_up)
