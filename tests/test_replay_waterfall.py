"""Where a span is drawn: milliseconds of a decision and hours of a position on one axis."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.journal.trace import ROOT, Span, Trace
from mytrader.replay.traces import read_traces
from mytrader.replay.waterfall import Axis, axis_of, lasting, note_of, rows_of
from tests.playbook import CYCLE, NOON
from tests.trace_samples import Tape, closed, moment, refused

TRADE = read_traces(closed().records)[CYCLE]
REFUSED = read_traces(refused().records)[CYCLE]


def notes(trace: Trace) -> dict[str, str]:
    """Return what stands beside each bar, by key."""
    return {span.key: note_of(span) for span in trace.spans}


def test_a_trade_has_three_scales_that_fill_the_width() -> None:
    stretches = axis_of(TRADE).stretches
    assert [stretch.name for stretch in stretches] == ["decision", "holding", "exit"]
    assert stretches[0].left == 0.0
    assert stretches[-1].right == pytest.approx(1.0)
    for one, next_one in pairwise(stretches):
        assert (one.right, one.ended) == (next_one.left, next_one.began)
    assert stretches[0].ended == moment(0.674), "until the position is covered"
    assert stretches[1].ended == moment(1801.179), "until it is left"


def test_a_refusal_has_one_scale() -> None:
    (stretch,) = axis_of(REFUSED).stretches
    assert (stretch.name, stretch.left, stretch.right) == ("decision", 0.0, 1.0)


def test_an_open_position_has_no_exit_yet() -> None:
    trace = read_traces(Tape().decided().opened().held(2).records)[CYCLE]
    assert [stretch.name for stretch in axis_of(trace).stretches] == ["decision", "holding"]


def test_a_stretch_without_length_is_small_and_there() -> None:
    spans = (
        Span(ROOT, ROOT, NOON, moment(5), parent=""),
        Span("position", "position", NOON, moment(5)),
        Span("exit", "exit", moment(5), moment(5)),
    )
    decision, holding, leaving = axis_of(Trace(CYCLE, spans)).stretches
    assert decision.right - decision.left == pytest.approx(0.1 / 0.45)
    assert holding.right - holding.left > leaving.right - leaving.left > 0
    assert decision.place(moment(3)) == decision.left


def test_rows_follow_the_tree() -> None:
    rows = rows_of(TRADE, axis_of(TRADE))
    assert [(row.span.key, row.depth) for row in rows][:7] == [
        ("cycle", 0),
        ("signal", 1),
        ("advice", 1),
        ("memory", 2),
        ("advisor decision", 2),
        ("call decision 1 agent/alias", 3),
        ("call decision 2 agent/alias", 3),
    ]
    assert len(rows) == len(TRADE.spans)
    for row in rows:
        assert 0.0 <= row.left <= row.right <= 1.0


def test_fills_are_marks_on_their_orders() -> None:
    rows = {row.span.key: row for row in rows_of(TRADE, axis_of(TRADE))}
    (entry,), (stop,) = rows["order E1"].marks, rows["order S1"].marks
    assert rows["order E1"].left < entry < stop
    assert rows["signal"].is_moment
    assert not rows["cover 1"].is_moment


@settings(max_examples=40)
@given(st.lists(st.integers(-10, 4000), min_size=2, max_size=20))
def test_later_is_never_drawn_before_earlier(seconds: list[int]) -> None:
    axis: Axis = axis_of(TRADE)
    places = [axis.place(moment(second)) for second in sorted(seconds)]
    assert places == sorted(places)
    assert 0.0 <= places[0] <= places[-1] <= 1.0 + 1e-9


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(0), "0"),
        (timedelta(microseconds=202), "202 µs"),
        (timedelta(milliseconds=1, microseconds=406), "1.41 ms"),
        (timedelta(milliseconds=812), "812 ms"),
        (timedelta(seconds=2, milliseconds=340), "2.34 s"),
        (timedelta(minutes=5, seconds=24.3), "5 min 24 s"),
        (timedelta(seconds=119.7), "2 min 00 s"),
        (timedelta(hours=2, minutes=5), "2 h 05 min"),
    ],
)
def test_lengths_are_said_as_people_say_them(length: timedelta, said: str) -> None:
    assert lasting(length) == said


def test_what_matters_stands_beside_the_bar() -> None:
    said = notes(TRADE)
    assert said["cycle"] == "CLOSED by stop, net -$254.80"
    assert said["signal"] == "0.80 entry 6800.00 stop 6795.00 target 6810.00"
    assert said["memory"] == "1 alike, support 0.60"
    assert said["advisor risk"] == "GO 0.80"
    assert said["call decision 1 agent/alias"] == "try 1: throttled, $0.0040"
    assert said["guards"] == "37 passed"
    assert said["order S1"] == "SELL 1 STP LMT 6795.00 filled"
    assert said["position"] == "1 at 6800.00, out 6795.00"
    assert said["cover 1"] == "0.151 s uncovered"
    assert said["exit"] == "stop at 6795.00"
    assert said["settlement"] == "commission $4.80"
    assert notes(REFUSED)["guards"] == "refused: AWS_WAIT"
    assert notes(REFUSED)["cycle"] == "REFUSED AWS_WAIT"


def test_an_error_is_said_and_not_twice() -> None:
    said = {"mytrader.margin.known": False}
    assert note_of(Span("margin", "margin", NOON, NOON, attributes=said, error="unknown")) == (
        "unknown"
    )
    assert note_of(Span("strange", "strange", NOON, NOON)) == ""
    bare = {key: note_of(Span(key, key, NOON, NOON)) for key in ("cycle", "exit", "cover 1")}
    assert bare == {"cycle": "", "exit": "", "cover 1": "covered at once"}
