"""Ids that never change, and words that give nothing away."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.errors import BadInput
from mytrader.journal.trace import (
    ROOT,
    Span,
    Trace,
    plain,
    span_number,
    trace_hex,
    trace_number,
)
from mytrader.runtime import encode_ulid
from tests.playbook import CYCLE

AT = datetime(2025, 11, 12, 18, tzinfo=UTC)


def test_the_trace_id_is_the_cycle_id() -> None:
    """The same 128 bits, written as the world of tracing writes them."""
    cycle_id = encode_ulid(1_469_918_176_385, 0xABC)
    assert trace_number(cycle_id) == 1_469_918_176_385 << 80 | 0xABC
    assert trace_hex(cycle_id) == f"{1_469_918_176_385:012x}{0xABC:020x}"
    with pytest.raises(BadInput):
        trace_hex("not an id")


def test_span_ids_are_the_same_in_every_process_and_differ_within_a_trace() -> None:
    assert span_number(CYCLE, "guards") == 0x94F98827F286AC9
    keys = [ROOT, "advice", "guards", "order E1", "order S1"]
    assert len({span_number(CYCLE, key) for key in keys}) == len(keys)
    assert 0 < span_number(CYCLE, ROOT) < 1 << 64


def test_children_come_in_order_of_beginning() -> None:
    def span(key: str, seconds: int, parent: str = ROOT) -> Span:
        at = AT + timedelta(seconds=seconds)
        return Span(key, key, at, at + timedelta(seconds=1), parent=parent)

    root = span(ROOT, 0, "")
    trace = Trace(CYCLE, (root, span("late", 5), span("early", 1), span("deep", 2, "early")))
    assert trace.root is root
    assert [each.key for each in trace.children(ROOT)] == ["early", "late"]
    assert [each.key for each in trace.children("early")] == ["deep"]
    assert root.lasted == timedelta(seconds=1)


@given(st.text(max_size=3000))
def test_plain_text_is_one_short_printable_line(text: str) -> None:
    line = plain(text, 50)
    assert len(line) <= 50
    assert line.isprintable()
    assert line == line.strip()


def test_a_secret_at_the_cut_does_not_survive_it() -> None:
    """It is masked before the line is cut."""
    assert "U1234" not in plain("x" * 45 + " U1234567 and more", 50)
