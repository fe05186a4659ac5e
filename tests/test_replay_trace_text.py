"""A trace on a terminal of any width, and as JSON."""

import io
import json

import pytest
from msgspec.structs import replace
from rich.console import Console

from mytrader.journal.trace import Span, Trace, trace_hex
from mytrader.replay.trace_text import COLUMNS_MIN, print_trace, trace_view
from mytrader.replay.traces import read_traces
from tests.playbook import CYCLE, NOON
from tests.trace_samples import Tape, closed, refused

TRADE = read_traces(closed().records)[CYCLE]
REFUSED = read_traces(refused().records)[CYCLE]


def drawn(trace: Trace, width: int) -> list[str]:
    """Return the lines on a terminal so wide."""
    out = io.StringIO()
    print_trace(trace, Console(file=out, width=width, color_system=None))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    for trace in (TRADE, REFUSED):
        lines = drawn(trace, width)
        assert max(len(line) for line in lines) <= width
        assert lines[0].startswith(f"cycle {CYCLE}")
        assert lines[1] == f"trace {trace_hex(CYCLE)}"


@pytest.mark.parametrize("width", [80, 200])
def test_every_span_has_its_line_with_a_bar_and_a_length(width: int) -> None:
    lines = drawn(TRADE, width)
    for name in ("memory", "advisor decision", "guards", "order entry", "cover", "settlement"):
        (line,) = [line for line in lines if line.strip().startswith(name)]
        assert any(sign in line for sign in "█◆●")
    assert any("scales: decision 674 ms │ holding 30 min 01 s │ exit 300 ms" in x for x in lines)
    assert any("30 min 01 s" in line and "CLOSED by stop" in line for line in lines)


def test_a_wide_terminal_cuts_no_words() -> None:
    assert not any("…" in line for line in drawn(TRADE, 200))


def test_a_pipe_gets_every_word() -> None:
    """Whoever greps it, or keeps it in a file, has no wider terminal to try."""
    out = io.StringIO()
    print_trace(TRADE, Console(file=out, width=80, color_system=None), whole=True)
    assert "…" not in out.getvalue()
    assert "CLOSED by stop" in out.getvalue()


def test_a_narrow_pipe_still_gets_something() -> None:
    assert max(len(line) for line in drawn(TRADE, 20)) >= COLUMNS_MIN - 10


def test_what_refused_is_explained_below() -> None:
    assert drawn(REFUSED, 80)[-1] == "AWS_WAIT  see the advice"
    strict = Tape(replace(Tape().state.limits, confidence_min=0.99)).decided()
    last = drawn(read_traces(strict.records)[CYCLE], 80)[-1]
    assert last.startswith("LOW_CONFIDENCE  0.")


def test_markup_in_a_strategys_words_is_only_words() -> None:
    """Rich reads brackets as colours; a reason is no markup."""
    said = {"mytrader.lesson": "[bold red]buy![/] :boom:"}
    lesson = Span("lesson", "lesson", NOON, NOON, attributes=said)
    lines = drawn(Trace(CYCLE, (*TRADE.spans, lesson)), 200)
    assert any("[bold red]buy![/] :boom:" in line for line in lines)


def test_json_has_the_ids_under_which_a_collector_holds_it() -> None:
    view = json.loads(json.dumps(trace_view(TRADE), allow_nan=False))
    assert view["cycle_id"] == CYCLE
    assert view["trace_id"] == trace_hex(CYCLE)
    assert view["open"] is False
    spans = {span["span_id"]: span for span in view["spans"]}
    assert len(spans) == len(TRADE.spans)
    (root,) = [span for span in view["spans"] if span["parent_span_id"] is None]
    assert root["duration_ms"] == 1801479.0
    for span in view["spans"]:
        assert span is root or span["parent_span_id"] in spans
        assert {"name", "at"} <= set(span["events"][0]) if span["events"] else True
