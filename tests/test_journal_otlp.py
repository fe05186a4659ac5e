"""A closed cycle reaches a collector whole; whatever a collector does, nobody waits for it."""

import importlib.util
import json
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from mytrader.errors import BadInput
from mytrader.journal import otlp as module
from mytrader.journal.cycle_histories import LateCall
from mytrader.journal.otlp import (
    ANSWER_BYTES_MAX,
    PATIENCE_S,
    QUEUE_MAX,
    OtlpExporter,
    nanoseconds,
)
from mytrader.journal.telemetry import trace_of
from mytrader.journal.trace import ROOT, span_number, trace_number
from mytrader.runtime import monotonic_seconds
from tests.fakes.otlp_collector import OtlpCollector, Reply
from tests.memory_samples import everything_told
from tests.playbook import CYCLE, NOON
from tests.test_journal_telemetry import history_of
from tests.trace_samples import Tape, call, closed, moment, refused

TRADE = history_of(closed())
SPANS = len(trace_of(TRADE).spans)


def exporter(endpoint: str, *, patience_s: float = PATIENCE_S) -> OtlpExporter:
    """Return an exporter to a collector."""
    return OtlpExporter(
        endpoint,
        service="a-test",
        version="1.2.3",
        elapsed_s=monotonic_seconds,
        patience_s=patience_s,
    )


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def plain(values: list[KeyValue]) -> dict[str, object]:
    """Return attributes as plain values."""
    found: dict[str, object] = {}
    for each in values:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind or "")
        found[each.key] = (
            [v.string_value for v in value.values] if kind == "array_value" else value
        )
    return found


def sent() -> OtlpCollector:
    """Return a collector that took the trade."""
    with OtlpCollector() as collector:
        one = exporter(collector.endpoint)
        one.send(TRADE)
        collector.wait_for(spans=SPANS)
        one.close()
    return collector


def test_a_closed_cycle_arrives_whole() -> None:
    """Every span, under the cycle's own id, below its parent, at its time, with its events."""
    collector = sent()
    found = {bytes(span.span_id): span for span in collector.spans}
    trace = trace_of(TRADE)
    assert len(found) == len(collector.spans) == len(trace.spans)
    for span in trace.spans:
        taken = found[span_number(CYCLE, span.key).to_bytes(8, "big")]
        parent = span_number(CYCLE, span.parent).to_bytes(8, "big") if span.parent else b""
        assert taken.trace_id == trace_number(CYCLE).to_bytes(16, "big")
        assert taken.parent_span_id == parent
        assert taken.name == span.name
        assert taken.start_time_unix_nano == nanoseconds(span.started_at)
        assert taken.end_time_unix_nano == nanoseconds(span.ended_at)
        assert [event.name for event in taken.events] == [event.name for event in span.events]
        assert plain(list(taken.attributes)).keys() == span.attributes.keys()
        assert (taken.status.code == Status.STATUS_CODE_ERROR) == bool(span.error)
        kind = Span.SPAN_KIND_CLIENT if span.remote else Span.SPAN_KIND_INTERNAL
        assert taken.kind == kind


def test_times_lie_within_the_cycle_and_parents_are_there() -> None:
    collector = sent()
    spans = {bytes(span.span_id): span for span in collector.spans}
    root = spans[span_number(CYCLE, ROOT).to_bytes(8, "big")]
    for span in spans.values():
        assert span is root or bytes(span.parent_span_id) in spans
        assert root.start_time_unix_nano <= span.start_time_unix_nano
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= root.end_time_unix_nano


def test_values_keep_their_kinds() -> None:
    collector = sent()
    root = next(span for span in collector.spans if span.name == ROOT)
    said = plain(list(root.attributes))
    assert said["mytrader.cycle.id"] == CYCLE
    assert said["mytrader.net_usd"] == -254.8
    assert said["mytrader.quantity"] == 1
    guards = next(span for span in collector.spans if span.name == "guards")
    codes = plain(list(guards.attributes))["mytrader.guards.codes"]
    assert isinstance(codes, list)
    assert "LOW_CONFIDENCE" in codes


def test_it_says_who_it_is_and_takes_nothing_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Variables that other programs' telemetry obeys neither redirect ours nor add to it."""
    for name, value in (
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://192.0.2.1:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc"),
        ("OTEL_RESOURCE_ATTRIBUTES", "host.name=mine"),
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_SERVICE_NAME", "another"),
        ("HTTP_PROXY", "http://192.0.2.1:3128"),
        ("http_proxy", "http://192.0.2.1:3128"),
    ):
        monkeypatch.setenv(name, value)
    collector = sent()
    (resource,) = collector.requests[0].resource_spans
    said = plain(list(resource.resource.attributes))
    assert said == {"service.name": "a-test", "service.version": "1.2.3"}
    assert resource.scope_spans[0].scope.name == "mytrader"
    assert collector.paths == ["/v1/traces"]
    headers = {name.lower(): value for name, value in collector.headers[0].items()}
    assert headers["content-type"] == "application/x-protobuf"
    assert "x-key" not in headers


def test_a_path_of_ones_own_is_kept() -> None:
    with OtlpCollector() as collector:
        one = exporter(f"{collector.endpoint}/otlp/traces?tenant=desk")
        one.send(TRADE)
        collector.wait_for(spans=SPANS)
        one.close()
    assert collector.paths == ["/otlp/traces?tenant=desk"]


def test_sending_again_sends_the_same() -> None:
    """A process that starts again and sends what it may have sent adds nothing."""
    first, second = sent(), sent()
    assert [s.SerializeToString() for s in first.spans] == [
        s.SerializeToString() for s in second.spans
    ]


def test_many_cycles_share_requests_and_none_is_lost() -> None:
    with OtlpCollector([Reply(hold=True)]) as collector:
        one = exporter(collector.endpoint)
        for _ in range(40):
            one.send(TRADE)
        collector.wait_for(spans=1)
        collector.let_go()
        collector.wait_for(spans=40 * SPANS)
        one.close()
    assert len(collector.requests) < 10
    assert (one.counts.sent, one.counts.dropped) == (40, 0)


def test_a_late_call_joins_its_trace() -> None:
    with OtlpCollector() as collector:
        one = exporter(collector.endpoint)
        cycle = history_of(refused()).cycle
        one.send_late(LateCall(cycle, moment(9), call(3, "timeout")))
        collector.wait_for(spans=1)
        one.close()
    (span,) = collector.spans
    assert span.trace_id == trace_number(CYCLE).to_bytes(16, "big")
    assert span.parent_span_id == span_number(CYCLE, "advisor decision").to_bytes(8, "big")


def codes(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """The codes of log lines."""
    return [line["event"] for line in told]


def test_a_dead_collector_costs_a_counted_drop_and_one_line(nobody: str) -> None:
    dropped: list[int] = []
    one = OtlpExporter(
        nobody,
        service="s",
        version="1",
        elapsed_s=monotonic_seconds,
        dropped=dropped.append,
        patience_s=0.0,
    )
    with everything_told() as told:
        for _ in range(20):
            one.send(TRADE)
        one.close()
    assert one.counts.sent == 0
    assert one.counts.dropped == sum(dropped) == 20
    assert codes(told) == ["TRACES_DROPPED"]


def test_a_collector_that_comes_back_is_told_of_once() -> None:
    refusing = OtlpCollector([Reply(status=400), Reply(status=500)])
    with everything_told() as told, refusing as collector:
        one = exporter(collector.endpoint)
        for refusals in (1, 2):
            one.send(TRADE)
            collector.wait_for(refused=refusals)
        one.send(TRADE)
        collector.wait_for(spans=SPANS)
        one.close()
    assert (one.counts.sent, one.counts.dropped) == (1, 2)
    assert codes(told) == ["TRACES_DROPPED", "TRACES_FLOW_AGAIN"]
    assert "it answers 400" in told[0]["text"]


@pytest.mark.slow
def test_a_busy_collector_is_asked_again_when_it_says_so() -> None:
    later = (("Retry-After", "1"),)
    with OtlpCollector([Reply(status=503, headers=later), Reply(status=429)]) as collector:
        one = exporter(collector.endpoint)
        began = monotonic_seconds()
        one.send(TRADE)
        collector.wait_for(spans=SPANS)
        assert monotonic_seconds() - began >= 1.9
        one.close()
    assert (one.counts.sent, one.counts.dropped) == (1, 0)


def test_a_busy_collector_that_asks_for_too_much_is_left() -> None:
    busy = OtlpCollector([Reply(status=503, headers=(("Retry-After", "3600"),))])
    with everything_told() as told, busy as collector:
        one = exporter(collector.endpoint)
        one.send(TRADE)
        collector.wait_for(refused=1)
        one.close()
    assert (one.counts.sent, one.counts.dropped) == (0, 1)
    assert "it answers 503" in told[0]["text"]


@pytest.mark.parametrize("told", ["soon", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 400, "²"])
def test_a_time_that_cannot_be_read_is_no_time(told: str) -> None:
    headers = (("Retry-After", told.encode("utf-8").decode("latin-1")),)
    with OtlpCollector([Reply(status=503, headers=headers)]) as collector:
        one = exporter(collector.endpoint, patience_s=0.0)
        one.send(TRADE)
        collector.wait_for(refused=1)
        one.close()
    assert one.counts.dropped == 1


def test_an_answer_of_garbage_is_an_answer() -> None:
    body = b"\xff" * (ANSWER_BYTES_MAX + 10)
    with OtlpCollector([Reply(body=b"<html>"), Reply(body=body)]) as collector:
        one = exporter(collector.endpoint)
        for times in (1, 2, 3):
            one.send(TRADE)
            collector.wait_for(spans=times * SPANS)
        one.close()
    assert (one.counts.sent, one.counts.dropped) == (3, 0)


def test_what_a_collector_rejects_is_dropped() -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3
    with OtlpCollector([Reply(body=answer.SerializeToString())]) as collector:
        one = exporter(collector.endpoint)
        one.send(TRADE)
        collector.wait_for(spans=SPANS)
        one.close()
    assert (one.counts.sent, one.counts.dropped) == (0, 1)


def test_a_peer_that_speaks_no_http_is_no_stack_trace() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        one = exporter(f"http://127.0.0.1:{port}", patience_s=0.0)
        one.send(TRADE)
        thread.join(10)
        one.close()
    assert one.counts.dropped == 1


def test_a_slow_collector_holds_nobody_up_and_the_end_has_a_limit() -> None:
    """It takes the request and does not answer; the queue fills, the rest is dropped."""
    with OtlpCollector([Reply(hold=True)]) as collector:
        one = exporter(collector.endpoint)
        one.send(TRADE)
        collector.wait_for(spans=SPANS)
        for _ in range(QUEUE_MAX + 5):
            one.send(TRADE)
        assert one.counts.dropped == 5
        began = monotonic_seconds()
        one.close(within_s=0.1)
        assert monotonic_seconds() - began < 2
        assert one.counts.dropped == QUEUE_MAX + 5
        one.send(TRADE)
        assert one.counts.dropped == QUEUE_MAX + 6


def test_what_waits_at_the_end_is_still_sent() -> None:
    with OtlpCollector() as collector:
        one = exporter(collector.endpoint)
        one.send(TRADE)
        one.close()
        assert len(collector.spans) == SPANS


def test_an_id_that_is_none_is_dropped_and_the_next_is_sent() -> None:
    odd = replace(TRADE, cycle=replace(TRADE.cycle, cycle_id="not an id"))
    with OtlpCollector() as collector:
        one = exporter(collector.endpoint)
        one.send(odd)
        while one.counts.dropped == 0:
            assert one._thread.is_alive()
        one.send(TRADE)
        collector.wait_for(spans=SPANS)
        one.close()
    assert (one.counts.sent, one.counts.dropped) == (1, 1)


def test_nanoseconds_are_exact() -> None:
    at = datetime(2025, 12, 12, 14, 30, 0, 1, tzinfo=UTC)
    assert nanoseconds(at) == 1_765_549_800_000_001_000
    assert nanoseconds(NOON + timedelta(microseconds=1)) - nanoseconds(NOON) == 1000


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    spec = importlib.util.spec_from_file_location("otlp_again", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(BadInput, match=r"pip install -e '\.\[telemetry\]'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_an_open_cycle_can_be_sent_and_sent_again_when_it_has_ended() -> None:
    """After a restart in the middle of a trade the same trace goes on."""
    tape = Tape().decided().opened()
    early = json.dumps([span.key for span in trace_of(history_of(tape)).spans])
    late = [span.key for span in trace_of(history_of(tape.held(1).stopped())).spans]
    assert set(json.loads(early)) <= set(late)
