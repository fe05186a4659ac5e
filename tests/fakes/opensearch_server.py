"""A search server of the tests' own: enough of OpenSearch's REST protocol, on this machine.

It knows an index with a mapping, `_bulk` with index and delete actions, `_count`, and `_search` by
exact k-NN with a filter of terms, or for the oldest but some. What it can do wrong is set by
`trouble`. It counts the connections it took.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import dist
from typing import Any


class Trouble(StrEnum):
    """What the server does instead of answering."""

    NONE = "none"
    HANG = "hang"
    HANG_UP = "hang_up"
    ERROR = "error"
    THROTTLE = "throttle"
    GARBAGE = "garbage"
    NOT_JSON = "not_json"
    OTHER_SHAPE = "other_shape"
    PART_OF_SHARDS = "part_of_shards"
    TIMED_OUT = "timed_out"
    REFUSES_DOCUMENTS = "refuses_documents"
    BAD_DOCUMENT = "bad_document"
    COUNTS_NOTHING = "counts_nothing"


class SearchServer(ThreadingHTTPServer):
    """Holds indices by name and documents by id."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.trouble = Trouble.NONE
        self.connections = 0
        self.requests: list[tuple[str, str]] = []
        self.authorizations: set[str | None] = set()
        self.indices: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.released = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Count a connection."""
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that left."""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and answer of one request."""
        self.requests.append((method, path))
        parts = path.strip("/").split("/")
        match parts[-1]:
            case "_bulk":
                found = self._bulk(parts[0], body)
            case "_count" if self.trouble is Trouble.COUNTS_NOTHING:
                found = 503, {"error": {"type": "unavailable"}, "status": 503}
            case "_count":
                found = 200, {"count": len(self.documents)}
            case "_search":
                found = self._search(parts[0], json.loads(body))
            case _:
                found = self._index(method, parts[0], body)
        return found

    def _index(self, method: str, name: str, body: bytes) -> tuple[int, Any]:
        if method == "PUT":
            if name in self.indices:
                return 400, {"error": {"type": "resource_already_exists_exception"}}
            self.indices[name] = json.loads(body)
            return 200, {"acknowledged": True}
        return (200 if name in self.indices else 404), {}

    def _bulk(self, index: str, body: bytes) -> tuple[int, Any]:
        refuses = self.trouble is Trouble.REFUSES_DOCUMENTS
        lines = iter([json.loads(line) for line in body.splitlines() if line])
        for action in lines:
            if "delete" in action:
                self.documents.pop(action["delete"]["_id"], None)
                continue
            source = next(lines)
            assert len(source["vector"]) == self._dimension(index)
            if not refuses:
                self.documents[action["index"]["_id"]] = source
        return 200, {"took": 1, "errors": refuses, "items": []}

    def _dimension(self, index: str) -> int:
        dimension: int = self.indices[index]["mappings"]["properties"]["vector"]["dimension"]
        return dimension

    def _oldest(self, asked: dict[str, Any]) -> tuple[int, Any]:
        assert asked["sort"] == [{"closed_at": "asc"}]
        kept = asked["query"]["bool"]["must_not"][0]["ids"]["values"]
        found = sorted(set(self.documents) - set(kept), key=self._closed_at)[: asked["size"]]
        return self._found([{"_id": name, "_score": None} for name in found])

    def _closed_at(self, name: str) -> str:
        closed_at: str = self.documents[name]["closed_at"]
        return closed_at

    def _search(self, index: str, body: dict[str, Any]) -> tuple[int, Any]:
        if index not in self.indices:
            return 404, {"error": {"type": "index_not_found_exception"}, "status": 404}
        if "knn" not in body["query"]:
            return self._oldest(body)
        asked = body["query"]["knn"]["vector"]
        terms = [term["term"] for term in asked["filter"]["bool"]["filter"]]
        fit = [
            (dist(source["vector"], asked["vector"]), name, source)
            for name, source in self.documents.items()
            if all(source[key] == value for term in terms for key, value in term.items())
        ]
        fit.sort(key=lambda each: each[:2])
        hits = [
            {"_id": name, "_score": 1 / (1 + far**2), "_source": {"document": source["document"]}}
            for far, name, source in fit[: min(asked["k"], body["size"])]
        ]
        if self.trouble is Trouble.BAD_DOCUMENT:
            hits[0]["_source"] = {"document": {"symbol": "ES"}}
        return self._found(hits)

    def _found(self, hits: list[dict[str, Any]]) -> tuple[int, Any]:
        failed = int(self.trouble is Trouble.PART_OF_SHARDS)
        return 200, {
            "took": 1,
            "timed_out": self.trouble is Trouble.TIMED_OUT,
            "_shards": {"total": 2, "successful": 2 - failed, "skipped": 0, "failed": failed},
            "hits": {"total": {"value": len(hits)}, "max_score": None, "hits": hits},
        }


class _Handler(BaseHTTPRequestHandler):
    server: SearchServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.authorizations.add(self.headers.get("Authorization"))
        match self.server.trouble:
            case Trouble.HANG:
                self.server.released.wait(10)
                self.close_connection = True
                return
            case Trouble.HANG_UP:
                self.close_connection = True
                return
            case Trouble.ERROR:
                self._send(500, b'{"error": {"reason": "secret 12345"}, "status": 500}')
            case Trouble.THROTTLE:
                self._send(429, b'{"error": "too many", "status": 429}')
            case Trouble.GARBAGE:
                self._send(200, b"\xff\xfe not text", kind="application/json")
            case Trouble.NOT_JSON:
                self._send(200, b"<html>a proxy</html>", kind="text/html")
            case Trouble.OTHER_SHAPE:
                self._send(200, b'{"hits": [1, 2]}')
            case _:
                status, answer = self.server.answer(self.command, self.path.split("?")[0], body)
                self._send(status, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes, *, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = _serve  # noqa: N815 - the library's names


@contextmanager
def search_server() -> Iterator[SearchServer]:
    """Serve until the block is left."""
    with SearchServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join(5)
