"""A plug between a client and a service on this machine: it can be pulled, or lead nowhere.

What is behind it stays as it is, so any service dies and hangs in the same two ways.
"""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65_536


class Plug:
    """Passes bytes on to `port` of this machine, in threads, while its `with` block runs.

    `passed` and `swallowed` count bytes; `heard` is what each client sent.
    """

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._nowhere = threading.Event()
        self._pulled = threading.Event()
        self.heard: list[bytearray] = []
        self.passed = self.swallowed = 0

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"http://127.0.0.1:{self.port}"

    def pull(self) -> None:
        """Break every connection, and refuse new ones."""
        self._pulled.set()
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def hang(self) -> None:
        """Go on taking connections and bytes, and lead them nowhere."""
        self._nowhere.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pull()

    def _accept(self) -> None:
        while not self._pulled.is_set():
            with suppress(OSError):
                client, _ = self._listener.accept()
                service = socket.create_connection(self._to)
                self._ends += [client, service]
                self.heard.append(bytearray())
                for one, other, kept in (
                    (client, service, self.heard[-1]),
                    (service, client, bytearray()),
                ):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    passing = (one, other, kept)
                    threading.Thread(target=self._pass, args=passing, daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, kept: bytearray) -> None:
        with suppress(OSError):
            while data := one.recv(CHUNK_BYTES):
                kept += data
                if self._nowhere.is_set():
                    self.swallowed += len(data)
                else:
                    self.passed += len(data)
                    other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)
