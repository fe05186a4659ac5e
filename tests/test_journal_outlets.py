"""What was asked for is opened and nothing else; a restart goes on with the same trace."""

import socket
import urllib.request

import pytest

from mytrader.errors import BadInput
from mytrader.journal.outlets import AGAIN_MAX, Outlets
from mytrader.journal.trace import ROOT, span_number, trace_number
from mytrader.replay.cycle_book import CycleBook
from mytrader.replay.traces import fold_watched
from mytrader.runtime import monotonic_seconds
from mytrader.service_settings import TelemetrySettings
from tests.fakes.journal import FakeJournal
from tests.fakes.otlp_collector import OtlpCollector
from tests.manual_runtime import ManualRuntime
from tests.playbook import CYCLE
from tests.trace_samples import Tape, closed, refused


def opened(endpoint: str | None = None, port: int | None = None, *, on: bool = True) -> Outlets:
    """Return what some settings open."""
    settings = TelemetrySettings(enabled=on, otlp_endpoint=endpoint, prometheus_port=port)
    return Outlets(settings, version="1.2.3", elapsed_s=monotonic_seconds)


def test_nothing_is_opened_unless_asked_for() -> None:
    for outlets in (opened(), opened("http://127.0.0.1:4318", 9464, on=False)):
        assert not outlets.wanted
        assert outlets.past == ()
        assert (outlets.metrics, outlets.exporter) == (None, None)
        outlets.begin(Tape().state, Tape().now, runtime=ManualRuntime())
        outlets.close()


def test_a_watched_trade_is_sent_when_it_has_ended() -> None:
    with OtlpCollector() as collector:
        outlets = opened(collector.endpoint)
        assert outlets.wanted
        tape, journal = Tape(), FakeJournal()
        watched = outlets.watch(journal)
        outlets.begin(tape.state, tape.now)
        outlets.begin(tape.state, tape.now)
        for record in closed().records[len(tape.records) :]:
            watched.append(record.at, record.event, record.commands, durable=True)
            tape.now = record.at
            tape.tell(record.event)
            watched.seen(record.event, list(record.commands), tape.state)
        collector.wait_for(spans=1)
        outlets.close()
    names = [span.name for span in collector.spans]
    assert names.count(ROOT) == 1
    assert {"memory", "guards", "cover", "exit", "settlement"} <= set(names)
    assert len(journal.records) == len(closed().records) - len(Tape().records)


def test_a_restart_in_mid_trade_goes_on_with_the_same_trace() -> None:
    """The new process folds the journal and knows what the old one had seen."""
    before = Tape().decided().opened().held(1)
    with OtlpCollector() as collector:
        outlets = opened(collector.endpoint)
        state = fold_watched(before.records, CycleBook(), listeners=outlets.past)
        watched = outlets.watch(FakeJournal())
        outlets.begin(state, before.now)
        already = len(before.records)
        for record in before.stopped().records[already:]:
            watched.append(record.at, record.event, record.commands, durable=True)
            state = fold_watched(before.records[: record.sequence], CycleBook(), listeners=())
            watched.seen(record.event, list(record.commands), state)
        collector.wait_for(spans=1)
        outlets.close()
    root = next(span for span in collector.spans if span.name == ROOT)
    assert root.trace_id == trace_number(CYCLE).to_bytes(16, "big")
    assert root.span_id == span_number(CYCLE, ROOT).to_bytes(8, "big")
    names = [span.name for span in collector.spans]
    assert {"signal", "memory", "call decision", "order entry", "cover", "exit"} <= set(names)


def test_the_past_is_not_sent_again_but_for_what_a_crash_may_have_kept() -> None:
    tape = refused()
    with OtlpCollector() as collector:
        outlets = opened(collector.endpoint)
        state = fold_watched(tape.records, CycleBook(), listeners=outlets.past)
        outlets.begin(state, tape.now)
        collector.wait_for(spans=1)
        outlets.close()
    assert [span.name for span in collector.spans].count(ROOT) == 1
    assert AGAIN_MAX < 10


@pytest.mark.slow
def test_metrics_are_served_and_measured() -> None:
    outlets = opened(port=_free_port())
    metrics = outlets.metrics
    assert metrics is not None
    tape, runtime = Tape().decided().opened(), ManualRuntime()
    outlets.begin(tape.state, tape.now, runtime=runtime)
    runtime.pass_time(2)
    watched = outlets.watch(FakeJournal())
    record = tape.records[-1]
    watched.append(record.at, record.event, record.commands, durable=True)
    assert metrics.value("mytrader_loop_lag_seconds_count") == 2
    assert metrics.value("mytrader_journal_commit_seconds_count") == 1
    assert metrics.value("mytrader_position_contracts", symbol="ES") == 1
    assert metrics.value("mytrader_signals_total") == 0, "the past is not counted"
    outlets.close()
    assert runtime.waiting == 0


@pytest.mark.slow
def test_a_scrape_shows_what_no_collector_took() -> None:
    port = _free_port()
    nobody = f"http://127.0.0.1:{_free_port()}"
    outlets = opened(nobody, port)
    exporter = outlets.exporter
    assert exporter is not None
    tape = refused()
    outlets.begin(fold_watched(tape.records, CycleBook(), listeners=outlets.past), tape.now)
    exporter.close(0.5)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b"mytrader_traces_dropped_total 1.0" in answer.read()
    outlets.close()


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_at_the_start() -> None:
    first = opened(port=_free_port())
    metrics = first.metrics
    assert metrics is not None
    port = _port_of(metrics._server)
    with pytest.raises(BadInput, match="cannot be had"):
        opened(port=port)
    first.close()


def _port_of(server: object) -> int:
    assert isinstance(server, tuple)
    return int(server[0].server_port)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
