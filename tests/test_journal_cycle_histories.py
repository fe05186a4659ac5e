"""What is kept of a cycle: all that is new, nothing that is repeated, never without a bound."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, QueryBook, RaiseAlert
from mytrader.domain.cycle import ExitPlan, ExitReason, ExitStage, Phase, TradeCycle
from mytrader.domain.limits import Limits
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.journal.cycle_histories import (
    ENDED_MAX,
    OPEN_MAX,
    RECORDS_MAX,
    CycleHistories,
    CycleHistory,
    ExitStep,
    LateCall,
    Uncovered,
    asked_for,
)
from mytrader.journal.watched import Appended
from mytrader.runtime import encode_ulid
from tests.domain_samples import a_cycle
from tests.journal_samples import COMMANDS, EVENTS, OTHER
from tests.journal_samples import CYCLE as SAMPLE
from tests.playbook import CYCLE, NOON, proposed
from tests.trace_samples import Tape, call, moment


class Kept:
    """Histories with what they handed on."""

    def __init__(self) -> None:
        self.ended: list[CycleHistory] = []
        self.late: list[LateCall] = []
        self.histories = CycleHistories(self.ended.append, late=self.late.append)


def kinds(history: CycleHistory) -> Counter[str]:
    """Count the kinds of records kept."""
    return Counter(type(record.event).__name__ for record in history.records)


def test_a_trade_is_kept_whole_and_its_repeats_are_not() -> None:
    """The broker repeats a resting stop's status twice a minute for as long as it rests."""
    kept = Kept()
    tape = Tape().watched_by(kept.histories).decided().opened()
    tape.held(minutes=60).stopped()
    (history,) = kept.ended
    assert history.cycle.phase is Phase.CLOSED
    found = kinds(history)
    assert found["StatusReported"] == 4
    assert (found["SignalRaised"], found["AdviceGiven"], found["MarginStated"]) == (1, 1, 1)
    assert (found["ExecutionReported"], found["CommissionReported"]) == (2, 2)
    assert found["AdvisorCalled"] == 2
    assert not found["QuoteSeen"]
    assert [record.sequence for record in history.records] == sorted(
        {record.sequence for record in history.records}
    )
    assert not kept.histories.standing()


def test_time_without_protection_is_the_traders_own_judgement() -> None:
    kept = Kept()
    Tape().watched_by(kept.histories).decided().opened(cover_ms=150).held().stopped()
    (history,) = kept.ended
    (uncovered,) = history.uncovered
    assert uncovered == Uncovered(moment(0.523), moment(0.674))
    lasted = (uncovered.until - uncovered.since).total_seconds()
    assert lasted == history.cycle.unprotected_seconds_max


def test_an_open_cycle_stands_and_has_not_ended() -> None:
    kept = Kept()
    Tape().watched_by(kept.histories).decided().opened()
    assert not kept.ended
    (history,) = kept.histories.standing()
    assert history.cycle.phase is Phase.OPEN
    assert history.cycle.cycle_id == CYCLE


def test_an_exit_is_followed_step_by_step() -> None:
    kept = Kept()
    tape = Tape().watched_by(kept.histories).decided().opened().held(1)
    tape.tell(events.OperatorAsked(events.Request.FLATTEN, "a person"), later_ms=100)
    asked_at = tape.now
    tape.tell(tape.quote(27_199), later_ms=5000)
    (history,) = kept.histories.standing()
    assert history.exit_steps[0] == ExitStep(asked_at, ExitReason.OPERATOR, ExitStage.MOVING_STOP)


def test_a_call_that_ends_after_its_cycle_is_handed_on_alone() -> None:
    kept = Kept()
    tape = Tape().watched_by(kept.histories).decided(wait=True)
    tape.tell(events.AdvisorCalled(CYCLE, call(3, "timeout")), later_ms=5000)
    tape.tell(events.AdvisorCalled("", call(4)), events.AdvisorCalled(OTHER, call(5)))
    (late,) = kept.late
    assert (late.at, late.call.outcome, late.cycle.cycle_id) == (tape.now, "timeout", CYCLE)
    assert len(kept.ended) == 1


def test_a_lesson_is_asked_for_once_the_trade_has_ended() -> None:
    ended: list[CycleHistory] = []
    document = TradeDocument(
        document_id=CYCLE,
        symbol="ES",
        side=Side.BUY,
        strategy="s",
        confidence=0.8,
        features={},
        regime=None,
        opened_at=NOON,
        closed_at=NOON,
        net_usd=Decimal(-1),
        commission_usd=Decimal(1),
        risk_usd=None,
        result_r=None,
        exit_reason="stop",
    )
    asked: list[Phase] = []

    def lesson(cycle: TradeCycle) -> TradeDocument:
        asked.append(cycle.phase)
        return document

    histories = CycleHistories(ended.append, lesson=lesson)
    Tape().watched_by(histories).decided().opened().held(1).stopped()
    assert asked == [Phase.CLOSED]
    assert ended[0].lesson is document


def test_a_cycle_that_vanishes_unseen_ends_as_it_was_last_seen() -> None:
    """Two events at once, one of which finished it: the state that is shown has forgotten it."""
    kept = Kept()
    tape = Tape().watched_by(kept.histories).decided().opened()
    last = tape.state.cycles[CYCLE]
    kept.histories.looked(replace(tape.state, cycles={}), tape.now)
    (history,) = kept.ended
    assert history.cycle == last


def test_one_cycle_cannot_fill_the_memory() -> None:
    kept = Kept()
    tape = Tape().watched_by(kept.histories).decided().opened()
    for number in range(RECORDS_MAX + 10):
        tape.tell(events.ErrorReported(f"mt/{CYCLE}/S1", 2, 399, f"notice {number}"))
    (history,) = kept.histories.standing()
    assert len(history.records) == RECORDS_MAX
    assert history.left_out > 0


def test_many_cycles_cannot_fill_the_memory() -> None:
    kept = Kept()
    raised = proposed()
    assert isinstance(raised, events.SignalRaised)
    for number in range(OPEN_MAX + ENDED_MAX + 50):
        cycle_id = encode_ulid(1, number)
        event = replace(raised, cycle_id=cycle_id)
        kept.histories.recorded(Appended(number, NOON, event, ()))
        if number > OPEN_MAX + 10:
            open_now = TraderState(Limits(), cycles={cycle_id: _named(cycle_id)})
            kept.histories.looked(open_now, NOON)
            kept.histories.looked(TraderState(Limits()), NOON)
    assert len(kept.histories._open) <= OPEN_MAX
    assert len(kept.histories._ended) <= ENDED_MAX


def _named(cycle_id: str) -> TradeCycle:
    return replace(a_cycle(), cycle_id=cycle_id)


def test_a_repeated_signal_opens_nothing_twice() -> None:
    kept = Kept()
    tape = Tape().watched_by(kept.histories).decided(wait=True)
    kept.histories.recorded(Appended(99, tape.now, proposed(), ()))
    assert not kept.histories.standing()


def test_every_command_knows_its_cycle_or_has_none() -> None:
    for command in COMMANDS:
        whose = asked_for(command)
        assert (whose == "") == isinstance(command, QueryBook)
        assert whose in ("", SAMPLE, OTHER)
    assert not asked_for(RaiseAlert(AlertLevel.INFO, "RESUMED", "by hand"))


@settings(max_examples=20)
@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_whatever_is_told_nothing_fails(told: list[events.AnyEvent]) -> None:
    """Events of every kind in any order, as a watcher that must not fail will see them."""
    kept = Kept()
    for number, event in enumerate(told, start=1):
        kept.histories.recorded(Appended(number, NOON, event, COMMANDS))
        cycle = replace(a_cycle(), cycle_id=SAMPLE)
        plan = ExitPlan(ExitReason.STOP, ExitStage.SENDING, NOON)
        moved = replace(cycle, naked_since=NOON if number % 2 else None, exit=plan)
        later = NOON + timedelta(seconds=number)
        kept.histories.looked(TraderState(Limits(), cycles={SAMPLE: moved}), later)
    assert len(kept.histories.standing()) <= 1
