"""A cycle's trace: what its records amount to, whole, in order, and giving nothing away."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import Phase
from mytrader.domain.decision import AdvisorRole
from mytrader.domain.events import Request
from mytrader.domain.known import Unknown
from mytrader.domain.memory import Recall, TradeDocument
from mytrader.domain.orders import Side
from mytrader.journal.cycle_histories import CycleHistories, CycleHistory, LateCall
from mytrader.journal.telemetry import LATENCY_MS_MAX, late_trace, trace_of
from mytrader.journal.trace import ROOT, Span, Trace
from mytrader.journal.watched import Appended
from mytrader.ports import JournalRecord
from mytrader.replay.cycle_book import CycleBook
from mytrader.replay.traces import fold_watched
from tests.domain_samples import a_cycle
from tests.journal_samples import COMMANDS, EVENTS
from tests.journal_samples import CYCLE as SAMPLE
from tests.playbook import AMPLE, CYCLE, ENTRY
from tests.trace_samples import RATIONALE, RECALL, Tape, call, closed, moment, opinion, refused


def history_of(tape: Tape) -> CycleHistory:
    """Return the history of the only cycle, ended or not."""
    ended: list[CycleHistory] = []
    histories = CycleHistories(ended.append)
    fold_watched(tape.records, CycleBook(), listeners=[histories])
    (history,) = [*ended, *histories.standing()]
    return history


def spans_of(trace: Trace) -> dict[str, Span]:
    """Return the spans by key; there are no two of one key."""
    found = {span.key: span for span in trace.spans}
    assert len(found) == len(trace.spans)
    return found


@pytest.fixture(scope="module")
def trade() -> dict[str, Span]:
    """The spans of a trade that was stopped out."""
    return spans_of(trace_of(history_of(closed())))


def test_a_trade_has_a_span_for_everything_that_made_it(trade: dict[str, Span]) -> None:
    assert list(trade) == [
        "cycle",
        "signal",
        "advice",
        "memory",
        "advisor decision",
        "advisor risk",
        "call decision 1 agent/alias",
        "call decision 2 agent/alias",
        "margin",
        "guards",
        "order E1",
        "order S1",
        "position",
        "cover 1",
        "exit",
        "settlement",
    ]


def test_parents_are_who_asked(trade: dict[str, Span]) -> None:
    parents = {key: span.parent for key, span in trade.items()}
    assert parents.pop("cycle") == ""
    assert parents.pop("memory") == "advice"
    assert parents.pop("advisor decision") == parents.pop("advisor risk") == "advice"
    assert parents.pop("call decision 1 agent/alias") == "advisor decision"
    assert parents.pop("call decision 2 agent/alias") == "advisor decision"
    assert parents.pop("cover 1") == "position"
    assert set(parents.values()) == {ROOT}


def test_times_are_those_of_the_journal(trade: dict[str, Span]) -> None:
    def times(key: str) -> tuple[datetime, datetime]:
        return trade[key].started_at, trade[key].ended_at

    assert times("cycle") == (moment(0), moment(1801.479))
    assert times("margin") == (moment(0), moment(0.03))
    assert times("memory") == (moment(0), moment(0.012))
    assert times("advice") == (moment(0), moment(0.42))
    assert times("advisor decision") == (moment(0.012), moment(0.412))
    assert times("call decision 1 agent/alias") == (moment(0.03), moment(0.13))
    assert times("guards") == (moment(0.42), moment(0.42))
    assert times("order E1") == (moment(0.42), moment(0.523))
    assert times("cover 1") == (moment(0.523), moment(0.674))
    assert times("position") == (moment(0.523), moment(1801.179))
    assert times("exit") == (moment(1801.179), moment(1801.179))
    assert times("settlement") == (moment(1801.179), moment(1801.479))


def test_every_span_lies_within_the_cycle(trade: dict[str, Span]) -> None:
    root = trade[ROOT]
    for span in trade.values():
        assert root.started_at <= span.started_at <= span.ended_at <= root.ended_at, span.key
        for event in span.events:
            assert root.started_at <= event.at <= root.ended_at


def test_the_root_says_what_became_of_it(trade: dict[str, Span]) -> None:
    said = trade[ROOT].attributes
    assert said["mytrader.cycle.id"] == CYCLE
    assert said["mytrader.cycle.phase"] == "CLOSED"
    assert said["mytrader.exit.reason"] == "stop"
    assert said["mytrader.net_usd"] == -254.8
    assert said["mytrader.unprotected_seconds_max"] == 0.151
    assert trade[ROOT].error == ""


def test_a_call_speaks_the_conventions_of_the_trade(trade: dict[str, Span]) -> None:
    throttled = trade["call decision 1 agent/alias"]
    assert throttled.attributes["gen_ai.request.model"] == "agent/alias"
    assert throttled.attributes["gen_ai.usage.input_tokens"] == 900
    assert throttled.attributes["error.type"] == throttled.error == "throttled"
    assert throttled.remote
    assert trade["call decision 2 agent/alias"].error == ""


def test_nothing_that_a_stranger_said_leaves_the_house() -> None:
    """A model's reasons may hold anything, an order to our collector's reader included."""
    for tape in (closed(), refused()):
        encoded = msgspec.json.encode(trace_of(history_of(tape))).decode()
        assert RATIONALE not in encoded
        assert "ignore all" not in encoded
        assert "U7654321" not in encoded
        assert "equity" not in encoded


def test_a_refusal_ends_at_its_guards_with_every_code() -> None:
    trace = trace_of(history_of(refused()))
    spans = spans_of(trace)
    assert "position" not in spans
    assert not trace.open
    guards = spans["guards"]
    assert guards.ended_at == trace.root.ended_at == moment(0.42)
    assert guards.attributes["mytrader.guards.refused"] == ("AWS_WAIT",)
    assert guards.attributes["mytrader.guards.approved"] is False
    assert [event.name for event in guards.events] == ["AWS_WAIT"]
    assert guards.events[0].attributes == {}, "the advisor's words are not ours to send"
    assert trace.root.error == "", "a refusal is no failure"
    assert [event.name for event in trace.root.events] == ["AWS_WAIT"]


def test_a_guards_own_words_are_shown() -> None:
    tape = Tape(replace(Tape().state.limits, confidence_min=0.99)).decided()
    (event,) = spans_of(trace_of(history_of(tape)))["guards"].events
    assert event.name == "LOW_CONFIDENCE"
    assert "0.99" in str(event.attributes["mytrader.verdict.detail"])


def test_silence_and_failure_are_errors() -> None:
    tape = Tape()
    tape.tell(tape.bar(), closed().records[8].event)
    tape.tell(events.MarginStated(CYCLE, Unknown("no answer")))
    failed = replace(opinion(AdvisorRole.RISK), failure="error: ReadTimeout at U7654321")
    recall = Recall(failure="timeout", latency_ms=1000.0)
    tape.tell(events.AdviceGiven(CYCLE, (failed,), recall), later_ms=900)
    spans = spans_of(trace_of(history_of(tape)))
    assert spans["margin"].error == "unknown"
    assert spans["memory"].error == "timeout"
    assert spans["memory"].ended_at == moment(0.9), "no longer than the advice"
    assert spans["advisor risk"].error == "error: ReadTimeout"
    assert spans["advice"].error == "no opinion from risk"


def test_a_panel_that_never_answers_leaves_a_span_up_to_the_verdict() -> None:
    tape = Tape()
    tape.tell(tape.bar(), closed().records[8].event, events.MarginStated(CYCLE, AMPLE))
    tape.tell(events.TimeReached(), later_ms=4000)
    spans = spans_of(trace_of(history_of(tape)))
    assert spans["advice"].ended_at == moment(4)
    assert spans["advisor panel"].error == "timeout"


def test_a_person_leaves_a_position_and_the_exit_begins_with_the_wish() -> None:
    tape = Tape().decided().opened().held(1)
    asked_at = tape.now + timedelta(milliseconds=10)
    tape.tell(events.OperatorAsked(Request.FLATTEN, "a person"), later_ms=10)
    tape.tell(tape.written("S1", "change"))
    tape.tell(tape.fill("S1", ENTRY - 2, exec_id="0002.01.01", side=Side.SELL), later_ms=90)
    tape.tell(tape.status("S1", "Filled", filled=1))
    tape.tell(events.CommissionReported("0002.01.01", Decimal("2.40")), later_ms=5)
    spans = spans_of(trace_of(history_of(tape)))
    exit_ = spans["exit"]
    assert (exit_.started_at, exit_.lasted) == (asked_at, timedelta(milliseconds=90))
    assert exit_.attributes["mytrader.exit.reason"] == "operator"
    assert exit_.attributes["mytrader.exit.stages"] == ("moving_stop",)
    assert spans["order S1"].attributes["mytrader.order.moved_from"] == 6795.0
    told = [event.name for event in spans["order S1"].events]
    assert told[2:4] == ["change asked", "written"]


def test_an_open_trade_is_drawn_up_to_its_last_word() -> None:
    trace = trace_of(history_of(Tape().decided().opened()))
    spans = spans_of(trace)
    assert trace.open
    assert "settlement" not in spans
    assert "exit" not in spans
    assert spans["position"].ended_at == trace.root.ended_at == moment(0.674)


def test_a_position_that_is_naked_now_is_an_error() -> None:
    tape = Tape().decided()
    tape.tell(tape.written("E1"), tape.written("S1"))
    tape.tell(tape.fill("E1", ENTRY, exec_id="0001.01.01", side=Side.BUY), later_ms=10)
    tape.tell(tape.status("E1", "Filled", filled=1), later_ms=700)
    cover = spans_of(trace_of(history_of(tape)))["cover 1"]
    assert cover.error == "not covered"
    assert cover.attributes["mytrader.unprotected_seconds"] == 0.7


def test_an_emergency_stop_is_an_order_and_a_failure_of_the_trade() -> None:
    tape = Tape().decided()
    tape.tell(tape.written("E1"))
    tape.tell(events.OrderNotWritten(f"mt/{CYCLE}/S1", "place", "LINK_DOWN", "-"))
    tape.tell(tape.fill("E1", ENTRY, exec_id="0001.01.01", side=Side.BUY), later_ms=10)
    spans = spans_of(trace_of(history_of(tape)))
    assert spans["order M1"].name == "order emergency stop"
    assert spans[ROOT].error == "emergency stop"
    assert "EMERGENCY_STOP_PLACED" in [event.name for event in spans[ROOT].events]
    assert spans["order S1"].lasted == timedelta(0)


def test_a_halted_cycle_says_why() -> None:
    history = history_of(Tape().decided().opened())
    halted = replace(history.cycle, phase=Phase.HALTED, halted_why="surprise while OPEN")
    assert trace_of(replace(history, cycle=halted)).root.error == "surprise while OPEN"


def test_a_lesson_has_the_id_of_its_trade() -> None:
    history = history_of(closed())
    lesson = TradeDocument(
        document_id=CYCLE,
        symbol="ES",
        side=Side.BUY,
        strategy="ema-cross",
        confidence=0.8,
        features={},
        regime=None,
        opened_at=moment(0),
        closed_at=moment(2),
        net_usd=Decimal("-254.80"),
        commission_usd=Decimal("4.80"),
        risk_usd=Decimal(250),
        result_r=-1.02,
        exit_reason="stop",
        lesson="Stopped out.\nAccount U7654321",
        avoid=True,
    )
    span = spans_of(trace_of(replace(history, lesson=lesson)))["lesson"]
    assert span.attributes["mytrader.document.id"] == CYCLE
    assert span.attributes["mytrader.lesson"] == "Stopped out. Account ********"
    assert span.attributes["mytrader.result_r"] == -1.02


def test_a_late_call_joins_the_trace_below_its_advisor() -> None:
    cycle = history_of(refused()).cycle
    late = call(3, "timeout", latency_ms=3000.0)
    trace = late_trace(LateCall(cycle, moment(3.5), late))
    (span,) = trace.spans
    assert (trace.cycle_id, span.parent) == (CYCLE, "advisor decision")
    assert (span.started_at, span.ended_at) == (moment(0.5), moment(3.5))
    stranger = replace(late, advisor="nobody", latency_ms=float("nan"))
    (span,) = late_trace(LateCall(cycle, moment(3.5), stranger)).spans
    assert (span.parent, span.lasted) == ("advice", timedelta(0))


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1.0, 2 * LATENCY_MS_MAX])
def test_a_latency_that_cannot_be_is_none(odd: float) -> None:
    history = history_of(refused())
    cycle = replace(history.cycle, recall=replace(RECALL, latency_ms=odd))
    assert spans_of(trace_of(replace(history, cycle=cycle)))["memory"].lasted == timedelta(0)


@settings(max_examples=20)
@given(st.lists(st.sampled_from(EVENTS), max_size=20), st.sampled_from(list(Phase)))
def test_any_records_make_some_trace(told: list[events.AnyEvent], phase: Phase) -> None:
    """Whatever a journal holds, its trace can be drawn; an exporter's thread must not die."""
    records: list[JournalRecord] = [
        Appended(number, moment(number), event, COMMANDS)
        for number, event in enumerate(told, start=1)
    ]
    cycle = replace(a_cycle(), cycle_id=SAMPLE, phase=phase, proposed_at=moment(0))
    trace = trace_of(CycleHistory(cycle, tuple(records)))
    for span in trace.spans:
        assert span.started_at <= span.ended_at
        assert span.parent in ("", *(each.key for each in trace.spans))
