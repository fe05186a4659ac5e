"""A collector that takes traces over HTTP on the loopback address and keeps them.

It decodes what arrives with the protocol's own schema, so what it holds is what any collector
would have understood. It can refuse, delay and answer nonsense.
"""

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Reply(Struct, frozen=True):
    """How one request is answered."""

    status: int = 200
    body: bytes = ExportTraceServiceResponse().SerializeToString()
    headers: tuple[tuple[str, str], ...] = ()
    hold: bool = False


class OtlpCollector:
    """Listens on a free port from construction to the end of its `with` block.

    `replies` are for the first requests, in order; every later one is taken. A reply that is held
    waits until `let_go` is called, or the block ends.
    """

    def __init__(self, replies: Sequence[Reply] = ()) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.refused = 0
        self._replies = list(replies)
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def spans(self) -> list[Span]:
        """Every span that was taken, in order of arrival."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for(self, *, spans: int = 0, refused: int = 0, within_s: float = 10.0) -> None:
        """Return when so many spans were taken and so many requests refused."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: len(self.spans) >= spans and self.refused >= refused, within_s
            )
        assert done, f"{len(self.spans)} spans, {self.refused} refused"

    def let_go(self) -> None:
        """Answer what was held."""
        self._released.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, body: bytes, path: str, headers: dict[str, str]) -> Reply:
        with self._changed:
            reply = self._replies.pop(0) if self._replies else Reply()
            if reply.status == 200:
                request = ExportTraceServiceRequest()
                request.ParseFromString(body)
                self.requests.append(request)
                self.paths.append(path)
                self.headers.append(headers)
            else:
                self.refused += 1
            self._changed.notify_all()
        if reply.hold:
            self._released.wait(10)
        return reply

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                reply = take(self.rfile.read(length), self.path, dict(self.headers))
                try:
                    self.send_response(reply.status)
                    for name, value in reply.headers:
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(reply.body)))
                    self.end_headers()
                    self.wfile.write(reply.body)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise
                """Say nothing."""

        return Handler
