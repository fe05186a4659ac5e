"""Sends finished traces to a collector: OTLP over HTTP, protobuf, in a thread of its own.

Theory of operation. The loop hands a finished history over and goes on; deriving, encoding and
sending happen in the thread. Between them stands a bounded queue: what does not fit is dropped
and counted. A collector that is down, slow, or asks to be left alone is tried again for a while;
then the batch is dropped. Whatever becomes of it is one log line when it begins and one when it
ends, never one for each trace. A trace that is sent twice has the same ids.

Only what was given is used: no environment variable names another collector, proxy or header.
The address is `https`, or on this machine.
"""

import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import structlog
from msgspec import Struct

from mytrader.errors import MissingExtra, MytraderError
from mytrader.journal.cycle_histories import CycleHistory, LateCall
from mytrader.journal.telemetry import late_trace, trace_of
from mytrader.journal.trace import ROOT, Span, Trace, span_number, trace_number

try:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no types
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceResponse,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
    from opentelemetry.trace.status import Status, StatusCode
except ImportError:
    raise MissingExtra("telemetry.otlp_endpoint", "opentelemetry", extra="telemetry") from None

TRACES_PATH: Final = "/v1/traces"
QUEUE_MAX: Final = 256
"""Finished cycles that wait to be sent; a busy day has a few dozen."""

BATCH_MAX: Final = 32
PATIENCE_S: Final = 30.0
"""For how long a batch is tried before it is dropped."""

ATTEMPT_S: Final = 5.0
PAUSE_S: Final = 0.5
"""Between the first two tries; doubled for each further one."""

AGAIN: Final = frozenset({429, 502, 503, 504})
"""Statuses after which the protocol says to try again (OTLP specification 1.5, OTLP/HTTP)."""

ANSWER_BYTES_MAX: Final = 65_536

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Make = Callable[[], Trace]


class Counts(Struct):
    """What became of the traces so far."""

    sent: int = 0
    dropped: int = 0


class Answer(Struct, frozen=True):
    """How one try ended: `again_s` is when to try again, `None` is never; `why` is for people."""

    done: bool
    why: str = ""
    again_s: float | None = None


def readable_spans(trace: Trace, *, resource: Resource, version: str) -> list[ReadableSpan]:
    """Return a trace as the library's spans, with our own ids and times. Raises `BadInput`."""
    number = trace_number(trace.cycle_id)
    scope = InstrumentationScope("mytrader", version)
    return [
        _readable(span, trace.cycle_id, number, resource=resource, scope=scope)
        for span in trace.spans
    ]


def _readable(
    span: Span, cycle_id: str, number: int, *, resource: Resource, scope: InstrumentationScope
) -> ReadableSpan:
    parent = _context(number, span_number(cycle_id, span.parent)) if span.parent else None
    root = span.key == ROOT
    return ReadableSpan(
        name=span.name,
        context=_context(number, span_number(cycle_id, span.key)),
        parent=None if root else parent,
        resource=resource,
        attributes=dict(span.attributes),
        events=[
            Event(event.name, dict(event.attributes), timestamp=nanoseconds(event.at))
            for event in span.events
        ],
        kind=SpanKind.CLIENT if span.remote else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
        start_time=nanoseconds(span.started_at),
        end_time=nanoseconds(span.ended_at),
        instrumentation_scope=scope,
    )


def _context(trace: int, span: int) -> SpanContext:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(trace, span, is_remote=False, trace_flags=sampled)


def nanoseconds(at: datetime) -> int:
    """Return an aware time as nanoseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND * 1000


class OtlpExporter:
    """Sends traces to `endpoint` until it is closed. Nothing here raises into the loop.

    `elapsed_s` is a machine's seconds that never go back. `dropped` is told how many traces were
    lost, from any thread. Times in seconds.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        service: str,
        version: str,
        elapsed_s: Callable[[], float],
        dropped: Callable[[int], None] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.counts = Counts()
        self._post = Post(endpoint)
        self._version = version
        # Made by hand: `Resource.create` would add whatever the environment says.
        self._resource = Resource({"service.name": service, "service.version": version})
        self._elapsed_s = elapsed_s
        self._dropped = dropped
        self._patience_s = patience_s
        self._waiting: deque[Make] = deque()
        self._news = threading.Condition()
        self._closing = threading.Event()
        self._failing = False
        self._full = False
        self._log = structlog.get_logger("mytrader.telemetry")
        # Not the runtime's: in virtual time there are no threads, and this one touches no loop.
        self._thread = threading.Thread(target=self._work, name="otlp", daemon=True)
        self._thread.start()

    def send(self, history: CycleHistory) -> None:
        """Take a cycle that has ended; returns at once."""
        self._take(partial(trace_of, history))

    def send_late(self, late: LateCall) -> None:
        """Take a call that ended after its cycle; returns at once."""
        self._take(partial(late_trace, late))

    def close(self, within_s: float = 3.0) -> None:
        """Send what is left within some seconds, and drop the rest."""
        with self._news:
            self._closing.set()
            self._news.notify()
        self._thread.join(within_s)
        with self._news:
            left = len(self._waiting)
            self._waiting.clear()
        self._lose(left, "there was no time left to send")

    def _take(self, make: Make) -> None:
        with self._news:
            room = len(self._waiting) < QUEUE_MAX and not self._closing.is_set()
            if room and self._thread.is_alive():
                self._waiting.append(make)
                self._news.notify()
                return
        self._lose(1, "the queue is full")

    def _lose(self, traces: int, why: str) -> None:
        if not traces:
            return
        with self._news:
            self.counts.dropped += traces
        if self._dropped is not None:
            self._dropped(traces)
        if not self._failing:
            self._failing = True
            self._log.warning("TRACES_DROPPED", text=f"{self._post.where}: {why}")

    def _work(self) -> None:
        while True:
            with self._news:
                while not self._waiting and not self._closing.is_set():
                    self._news.wait()
                batch = [
                    self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))
                ]
            if not batch:
                break
            self._send_batch(batch)
        self._post.close()

    def _send_batch(self, batch: Sequence[Make]) -> None:
        spans: list[ReadableSpan] = []
        try:
            for make in batch:
                found = readable_spans(make(), resource=self._resource, version=self._version)
                spans.extend(found)
        except MytraderError as error:
            self._lose(len(batch), f"a trace cannot be made: {error}")
            return
        failure = self._tried(encode_spans(spans).SerializeToString())
        if failure:
            self._lose(len(batch), failure)
            return
        self.counts.sent += len(batch)
        if self._failing:
            self._failing = False
            self._log.warning("TRACES_FLOW_AGAIN", text=f"{self._post.where} takes traces again")

    def _tried(self, body: bytes) -> str:
        """Send until it is taken or patience ends; return why not, "" if it was."""
        until_s = self._elapsed_s() + self._patience_s
        pause_s = PAUSE_S
        while True:
            answer = self._post.send(body)
            if answer.done:
                return answer.why
            wait_s = max(pause_s, answer.again_s or 0.0)
            if answer.again_s is None or self._elapsed_s() + wait_s > until_s:
                return answer.why
            if self._closing.wait(wait_s):
                return f"{answer.why}, and the trader ends"
            pause_s *= 2


class Post:
    """One way to a collector: requests one after the other, each with a deadline."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._host, self._port = parts.hostname or "", parts.port
        self._secure = parts.scheme == "https"
        path = parts.path if parts.path not in ("", "/") else TRACES_PATH
        self._target = f"{path}?{parts.query}" if parts.query else path
        self._connection: HTTPConnection | None = None
        self.where = f"{parts.scheme}://{parts.netloc}{path}"

    def send(self, body: bytes) -> Answer:
        """Post one request; whatever the other side does becomes an answer."""
        try:
            connection = self._connection or self._connect()
            self._connection = connection
            headers = {"Content-Type": "application/x-protobuf", "User-Agent": "mytrader"}
            connection.request("POST", self._target, body, headers)
            response = connection.getresponse()
            content = response.read(ANSWER_BYTES_MAX + 1)
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            return Answer(done=False, why=_named(error), again_s=0.0)
        if len(content) > ANSWER_BYTES_MAX or response.will_close:
            self.close()
        return _answer(response, content)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> HTTPConnection:
        if not self._secure:
            return HTTPConnection(self._host, self._port, timeout=ATTEMPT_S)
        context = ssl.create_default_context()
        return HTTPSConnection(self._host, self._port, timeout=ATTEMPT_S, context=context)


def _answer(response: HTTPResponse, content: bytes) -> Answer:
    status = response.status
    if 200 <= status < 300:
        rejected = _rejected(content)
        return Answer(done=True, why=f"it rejected {rejected} spans" if rejected else "")
    if status in AGAIN:
        return Answer(done=False, why=f"it answers {status}", again_s=_retry_after(response))
    return Answer(done=False, why=f"it answers {status}")


def _retry_after(response: HTTPResponse) -> float:
    """Seconds after which the collector wants to be asked again; a date is not read."""
    told = (response.getheader("Retry-After") or "").strip()
    return float(told) if told.isascii() and told.isdigit() and len(told) < 6 else 0.0


def _rejected(content: bytes) -> int:
    """How many spans the collector says it did not take; what cannot be read says nothing."""
    answer = ExportTraceServiceResponse()
    try:
        answer.ParseFromString(content)
    except DecodeError:
        return 0
    return int(answer.partial_success.rejected_spans)


def _named(error: Exception) -> str:
    """The kind of a failure; its text is a stranger's."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return f"it cannot be reached ({type(error).__name__})"
