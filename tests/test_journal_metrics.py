"""Metrics say what the journal says, with a bounded number of series, to this machine alone."""

import importlib.util
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import PlaceBracket, RaiseAlert
from mytrader.domain.cycle import Phase
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.errors import BadInput
from mytrader.journal import metrics as module
from mytrader.journal.metrics import (
    HALTED_CODE,
    METRICS,
    WAITING_MAX,
    Metrics,
    metrics_table,
)
from mytrader.journal.watched import Appended
from mytrader.runtime import encode_ulid
from tests.domain_samples import a_cycle
from tests.journal_samples import COMMANDS, EVENTS
from tests.playbook import CYCLE, ENTRY, NOON, proposed
from tests.trace_samples import Tape, call

SERIES_MAX = 700
"""Every series there can ever be, buckets of histograms included."""


def counted(tape: Tape) -> Metrics:
    """Return the metrics of a trade that is yet to be told."""
    metrics = Metrics()
    tape.watched_by(metrics)
    return metrics


def test_nothing_in_the_environment_changes_what_is_counted(tmp_path: Path) -> None:
    """A variable that another program needs would move every count to a file, for ever."""
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from mytrader.journal.metrics import Metrics; m = Metrics(); print(m.text())",
        ],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "mytrader_signals_total 0.0" in said
    assert "_created" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_trade_is_counted() -> None:
    tape = Tape()
    metrics = counted(tape)
    tape.decided().opened(cover_ms=150).held(1)
    assert metrics.value("mytrader_position_contracts", symbol="ES") == 1
    assert metrics.value("mytrader_open_cycles") == 1
    tape.stopped()
    value = metrics.value
    assert value("mytrader_signals_total") == 1
    assert value("mytrader_entries_total") == 1
    assert value("mytrader_exits_total", reason="stop") == 1
    assert value("mytrader_executions_total") == 2
    assert value("mytrader_orders_written_total", action="place") == 2
    assert value("mytrader_advisor_calls_total", outcome="throttled") == 1
    assert value("mytrader_advisor_calls_total", outcome="answered") == 1
    assert value("mytrader_advisor_tokens_total", direction="input") == 1800
    assert value("mytrader_advisor_cost_usd_total") == pytest.approx(0.008)
    assert value("mytrader_advisor_latency_seconds_sum", role="decision") == pytest.approx(0.4)
    assert value("mytrader_memory_latency_seconds_sum") == pytest.approx(0.012)
    assert value("mytrader_bar_to_order_seconds_sum") == pytest.approx(0.423)
    assert value("mytrader_unprotected_seconds_count") == 1
    assert value("mytrader_unprotected_seconds_sum") == pytest.approx(0.151)
    assert value("mytrader_net_today_usd") == pytest.approx(-254.8)
    assert value("mytrader_equity_usd") == pytest.approx(-254.8)
    assert value("mytrader_position_contracts", symbol="ES") == 0
    assert value("mytrader_open_cycles") == 0
    assert value("mytrader_mode", mode="NORMAL") == 1
    assert value("mytrader_link_up") == 1


def test_metrics_equal_what_the_journal_says() -> None:
    """Counted again by hand from the records, whatever happened."""
    tape = Tape()
    metrics = Metrics()
    again = Tape().watched_by(metrics)
    again.decided().opened().held(2)
    again.tell(events.OperatorAsked(events.Request.HALT, "a person"))
    again.stopped()
    records = again.records[len(tape.records) :]
    alerts = [c for r in records for c in r.commands if isinstance(c, RaiseAlert)]
    levels = Counter(alert.level.value for alert in alerts)
    for level in ("info", "warning", "page"):
        assert metrics.value("mytrader_alerts_total", level=level) == levels[level]
    halts = sum(alert.code == HALTED_CODE for alert in alerts)
    assert metrics.value("mytrader_halts_total") == halts == 1
    brackets = sum(isinstance(c, PlaceBracket) for r in records for c in r.commands)
    assert metrics.value("mytrader_entries_total") == brackets
    written = [r.event for r in records if isinstance(r.event, events.OrderWritten)]
    for action, many in Counter(event.action for event in written).items():
        assert metrics.value("mytrader_orders_written_total", action=action) == many
    assert metrics.value("mytrader_mode", mode="HALT") == 1
    assert metrics.value("mytrader_mode", mode="NORMAL") == 0


def test_a_fill_that_is_told_twice_is_counted_once() -> None:
    tape = Tape()
    metrics = counted(tape)
    tape.decided().opened()
    tape.tell(tape.fill("E1", ENTRY, exec_id="0001.01.01", side=Side.BUY))
    assert metrics.value("mytrader_executions_total") == 1


def test_a_process_that_takes_over_counts_from_zero_and_shows_what_is_held() -> None:
    """Prometheus knows what a restart is; a position is not a count."""
    tape = Tape().decided().opened()
    metrics = Metrics()
    metrics.looked(tape.state, tape.now)
    assert metrics.value("mytrader_executions_total") == 0
    assert metrics.value("mytrader_position_contracts", symbol="ES") == 1
    tape.watched_by(metrics).held(1).stopped()
    assert metrics.value("mytrader_executions_total") == 1
    assert metrics.value("mytrader_exits_total", reason="stop") == 1


def test_refusals_count_by_the_code_that_decided() -> None:
    tape = Tape()
    metrics = counted(tape)
    tape.decided(wait=True)
    assert metrics.value("mytrader_refusals_total", code="AWS_WAIT") == 1
    assert metrics.value("mytrader_entries_total") == 0


def test_ends_of_every_kind() -> None:
    metrics, ended = Metrics(), replace(a_cycle(), reason_codes=())
    for phase in (Phase.REFUSED, Phase.ABORTED, Phase.CLOSED, Phase.HALTED):
        metrics.looked(TraderState(Limits(), cycles={CYCLE: ended}), NOON)
        gone = replace(ended, phase=phase)
        metrics.looked(TraderState(Limits(), finished=(gone,)), NOON)
    assert metrics.value("mytrader_refusals_total", code="MODE") == 1
    assert metrics.value("mytrader_entries_aborted_total") == 1
    assert metrics.value("mytrader_exits_total", reason="other") == 1


def test_a_stopped_order_counts_by_its_code() -> None:
    tape = Tape()
    metrics = counted(tape)
    tape.decided()
    tape.tell(events.OrderNotWritten(f"mt/{CYCLE}/S1", "place", "LINK_DOWN", "-"))
    tape.tell(events.OrderNotWritten(f"mt/{CYCLE}/S1", "place", "what?", "-"))
    assert metrics.value("mytrader_orders_not_written_total", code="LINK_DOWN") == 1
    assert metrics.value("mytrader_orders_not_written_total", code="other") == 1


def test_strangers_make_no_series_and_no_nonsense() -> None:
    metrics = Metrics()
    before = metrics.text().count("\n")
    for number in range(50):
        odd = AdvisorCall(f"a{number}", "t", 1, f"U{number}", float("nan"), cost_usd=Decimal(-1))
        metrics.recorded(Appended(number, NOON, events.AdvisorCalled("", odd), ()))
        metrics.committed(float("nan"))
        metrics.lagged(-1.0)
    assert metrics.text().count("\n") == before < SERIES_MAX
    assert metrics.value("mytrader_advisor_calls_total", outcome="other") == 50
    assert metrics.value("mytrader_advisor_cost_usd_total") == 0
    assert metrics.value("mytrader_journal_commit_seconds_count") == 0


def test_events_of_every_kind_are_counted_without_a_failure() -> None:
    metrics = Metrics()
    for number, event in enumerate(EVENTS):
        metrics.recorded(Appended(number, NOON, event, COMMANDS))
    assert metrics.value("mytrader_emergency_stops_total") == len(EVENTS)


def test_signals_that_never_become_orders_fill_no_memory() -> None:
    metrics, raised = Metrics(), proposed()
    assert isinstance(raised, events.SignalRaised)
    for number in range(WAITING_MAX + 9):
        event = replace(raised, cycle_id=encode_ulid(1, number))
        metrics.recorded(Appended(number, NOON, event, ()))
    assert len(metrics._bar_of) == WAITING_MAX


def test_a_new_day_begins_from_nothing() -> None:
    tape = Tape().decided().opened().held(1).stopped()
    metrics = Metrics()
    metrics.looked(tape.state, tape.now)
    assert metrics.value("mytrader_net_today_usd") == pytest.approx(-254.8)
    metrics.looked(tape.state, tape.now.replace(day=13))
    assert metrics.value("mytrader_net_today_usd") == 0
    assert metrics.value("mytrader_equity_usd") == pytest.approx(-254.8)


def test_every_metric_has_a_unit_a_word_and_a_closed_set() -> None:
    for metric in METRICS:
        assert metric.help.endswith(".")
        counter = metric.kind.__name__ == "Counter"
        assert counter == metric.name.endswith("_total")
        assert (metric.kind.__name__ == "Histogram") == bool(metric.buckets)
        for words in metric.labels.values():
            assert len(words) == len(set(words)) <= 60


@pytest.mark.slow
def test_it_is_served_on_this_machine_until_it_is_closed() -> None:
    metrics = Metrics()
    port = metrics.serve(0)
    metrics.dropped(2)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b"mytrader_traces_dropped_total 2.0" in answer.read()
    metrics.close()
    metrics.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=rf"prometheus_port: 127.0.0.1:{port} cannot be had"):
            Metrics().serve(port)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    spec = importlib.util.spec_from_file_location("metrics_again", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(BadInput, match=r"pip install -e '\.\[telemetry\]'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_a_call_of_nobody_knows_what_is_no_money() -> None:
    metrics = Metrics()
    unknown = replace(call(), tokens_in=None, tokens_out=None, cost_usd=None)
    metrics.recorded(Appended(1, NOON, events.AdvisorCalled(CYCLE, unknown), ()))
    assert metrics.value("mytrader_advisor_tokens_total", direction="input") == 0


# The documentation

PAGE = Path(__file__).resolve().parents[1] / "docs" / "telemetry.md"
BEGIN = "<!-- metrics: written by python -m tests.test_journal_metrics -->\n"
END = "<!-- end of metrics -->"


def page_with_table(page: str) -> str:
    """Return the page with the table as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{metrics_table()}\n\n{END}{after}"


def test_the_page_lists_every_metric() -> None:
    page = PAGE.read_text("utf-8")
    assert page == page_with_table(page)
    for name in set(re.findall(r"mytrader_[a-z_]+", page)):
        assert name.removeprefix("mytrader_") in {metric.name for metric in METRICS}


def test_the_pages_picture_is_a_trace() -> None:
    picture = (PAGE.parent / "trace.svg").read_text("utf-8")
    for name in (
        "signal",
        "guards",
        "order entry E1",
        "order stop S1",
        "cover",
        "exit",
        "settlement",
    ):
        assert f">{name}</text>" in picture


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text("utf-8")), "utf-8")
