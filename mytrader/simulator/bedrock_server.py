"""A Bedrock on this machine: the real protocols, and whatever a script says it does wrong.

    POST /agents/{id}/agentAliases/{alias}/sessions/{session}/text    a stream of events
    POST /model/{id}/converse                                         one JSON object

It runs in threads, because its clients block: so it serves clients on any loop, or on none. Like
the real service it wants requests signed (AWS Signature Version 4), but cannot check by whom.
Requests are kept, so that a test can look for what must not be in one.
"""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote

from msgspec import Struct

from mytrader.errors import BadInput
from mytrader.simulator.bedrock_replies import Answer, agent_answer, model_answer, refusal
from mytrader.simulator.bedrock_script import Deed, Script, Step

HOST: Final = "127.0.0.1"
HANG_MAX_S: Final = 600.0
REQUEST_BYTES_MAX: Final = 1_000_000
SIGNED: Final = "AWS4-HMAC-SHA256 Credential="
_AGENT: Final = re.compile(r"/agents/([^/]+)/agentAliases/([^/]+)/sessions/([^/]+)/text")
_MODEL: Final = re.compile(r"/model/([^/]+)/converse")


class Asked(Struct, frozen=True):
    """One request as it came. `target` is the agent's or the model's id."""

    target: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        """Everything that was sent, to look for what must not be in it."""
        head = "\n".join(f"{name}: {value}" for name, value in self.headers)
        return f"{self.path}\n{head}\n\n{self.body.decode(errors='replace')}"


class BedrockServer:
    """Serves from `with` to its end, on `port` of the loopback address; 0 is any.

    Raises `BadInput` when the port is taken.
    """

    def __init__(self, script: Script, *, port: int = 0) -> None:
        self.script = script
        self._asked: list[Asked] = []
        self._noting = threading.Condition()
        self.closing = threading.Event()
        try:
            self._http = _Http((HOST, port), self)
        except OSError as error:
            raise BadInput(f"port {port} on {HOST}: {error.strerror}: choose another") from None
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._http.server_port

    @property
    def url(self) -> str:
        """What goes into `aws_agents.endpoint_url`."""
        return f"http://{HOST}:{self.port}"

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Every request so far, in the order of their arrival."""
        with self._noting:
            return tuple(self._asked)

    def note(self, asked: Asked) -> None:
        """Keep a request."""
        with self._noting:
            self._asked.append(asked)
            self._noting.notify_all()

    def wait_asked(self, count: int, within_s: float) -> bool:
        """Wait until so many requests have come; whether they have."""
        with self._noting:
            return self._noting.wait_for(lambda: len(self._asked) >= count, within_s)

    def forget(self) -> None:
        """Keep only what is asked from here on."""
        with self._noting:
            self._asked.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], service: BedrockServer) -> None:
        self.service = service
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer a client's requests; one that has gone is no error."""
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def do_POST(self) -> None:
        """Answer one request as the script says."""
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked is kept."""

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > REQUEST_BYTES_MAX:
            self.close_connection = True
            self._write(refusal(400, "ValidationException", "The length is missing or too large."))
            return
        body = self.rfile.read(int(length))
        agent, model = _AGENT.fullmatch(self.path), _MODEL.fullmatch(self.path)
        found = agent or model
        target = unquote(found[1]) if found else ""
        service = self.server.service
        service.note(Asked(target, self.path, tuple(self.headers.items()), body))
        if found is None:
            self._write(refusal(404, "UnknownOperationException", "There is no such operation."))
            return
        problem = self._problem(body, "inputText" if agent else "messages")
        if problem is not None:
            self._write(problem)
            return
        step = service.script.next(target)
        if step is None:
            self._write(refusal(404, "ResourceNotFoundException", "There is no such resource."))
            return
        self._act(step, agent_answer(step, agent[3]) if agent else model_answer(step))

    def _problem(self, body: bytes, needed: str) -> Answer | None:
        if not self.headers.get("Authorization", "").startswith(SIGNED):
            return refusal(403, "MissingAuthenticationTokenException", "Missing Token")
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict) or not asked.get(needed):
            return refusal(400, "ValidationException", f"{needed} is missing.")
        return None

    def _act(self, step: Step, answer: Answer) -> None:
        if step.after_s:
            self._wait(step.after_s)
        if step.do is Deed.HANG:
            self._wait(HANG_MAX_S)
            self.close_connection = True
        elif step.do is Deed.VANISH:
            self._drop()
        else:
            self._write(answer, every_s=step.every_s if step.do is Deed.TRICKLE else None)

    def _write(self, answer: Answer, *, every_s: float | None = None) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        size = sum(len(piece) for piece in answer.pieces)
        if answer.stream:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        for piece in self._pieces(answer, every_s):
            head = f"{len(piece):x}\r\n".encode() if answer.stream else b""
            self.wfile.write(head + piece + (b"\r\n" if answer.stream else b""))
            self.wfile.flush()
        if not answer.whole:
            self._drop()
        elif answer.stream:
            self.wfile.write(b"0\r\n\r\n")

    def _pieces(self, answer: Answer, every_s: float | None) -> Iterator[bytes]:
        pieces = answer.pieces
        if not answer.whole:
            # All but the end of it: what came could still be read by a lenient reader.
            pieces = (*pieces[:-1], pieces[-1][: len(pieces[-1]) // 2])
        if every_s is None:
            yield from pieces
            return
        for byte in b"".join(pieces):
            yield bytes([byte])
            if self._wait(every_s):
                return

    def _wait(self, seconds: float) -> bool:
        """Wait; true if the server is being closed meanwhile."""
        return self.server.service.closing.wait(seconds)

    def _drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
