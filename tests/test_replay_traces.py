"""A journal's traces, found again by a part of their id."""

import pytest

from mytrader.domain import events
from mytrader.errors import BadInput
from mytrader.journal.cycle_histories import CycleHistories, CycleHistory
from mytrader.journal.trace import trace_hex
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.replay.traces import chosen, fold_watched, read_traces
from tests.playbook import CYCLE
from tests.trace_samples import OTHER, Tape, call, closed, refused


def test_a_watched_fold_is_a_fold() -> None:
    tape, ended = closed(), list[CycleHistory]()
    plain, watched = CycleBook(), CycleBook()
    state = fold(tape.records, plain)
    again = fold_watched(tape.records, watched, listeners=[CycleHistories(ended.append)])
    assert again == state == tape.state
    assert watched.ended == plain.ended
    assert [history.cycle.cycle_id for history in ended] == [CYCLE]


def test_every_cycle_of_a_journal_has_its_trace() -> None:
    assert list(read_traces(closed().records)) == [CYCLE]
    open_now = read_traces(Tape().decided().opened().records)
    assert open_now[CYCLE].open
    assert read_traces([]) == {}


def test_a_late_call_stands_in_the_trace_of_its_cycle() -> None:
    tape = refused()
    tape.tell(events.AdvisorCalled(CYCLE, call(3, "timeout")), later_ms=3000)
    trace = read_traces(tape.records)[CYCLE]
    assert trace.spans[-1].key == "call decision 3 agent/alias"
    assert not trace.open


def test_a_part_of_an_id_is_enough_when_it_is_unique() -> None:
    traces = read_traces(closed().records)
    assert chosen(traces, CYCLE).cycle_id == CYCLE
    assert chosen(traces, f" {CYCLE[:6].lower()} ").cycle_id == CYCLE


def test_the_id_that_a_collector_shows_is_as_good() -> None:
    traces = read_traces(closed().records)
    for told in (trace_hex(CYCLE), trace_hex(CYCLE)[:8].upper()):
        assert chosen(traces, told).cycle_id == CYCLE


def test_what_is_not_found_or_not_clear_is_one_line() -> None:
    trace = read_traces(closed().records)[CYCLE]
    two = {CYCLE: trace, OTHER: trace}
    many = {f"{CYCLE[:-1]}{letter}": trace for letter in "ABCDEFGH"}
    for traces, prefix, said in (
        (two, "7ZZ", "not in this journal"),
        (two, "", "not in this journal"),
        ({}, CYCLE, "not in this journal"),
        (two, CYCLE[:10], f"begins 2 cycles ({CYCLE}, {OTHER}): say more"),
        (many, CYCLE[:10], "and 3 more): say more"),
    ):
        with pytest.raises(BadInput) as told:
            chosen(traces, prefix)
        assert said in str(told.value)
        assert "\n" not in str(told.value)
