"""Whole trades as scripts: what happens to us and what we do about it, nothing left over."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import ExitPlan, ExitReason, ExitStage, Fact, Phase
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.events import Request
from mytrader.domain.fills import Execution
from mytrader.domain.limits import Limits
from mytrader.domain.market import BAR_LENGTH, Bar, Quote
from mytrader.domain.orders import Death, OrderKind, Side
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution import trade_cycle
from mytrader.execution.trade_cycle import HANDLERS, REQUESTS, TRANSITIONS, next_deadline, step
from mytrader.execution.turn import Turn
from tests.playbook import (
    CON_ID,
    CYCLE,
    ENTRY,
    LINK_BACK,
    LINK_LOST,
    NOON,
    RESTARTED,
    SESSION,
    STOP,
    TARGET,
    Advised,
    Answered,
    Echoed,
    Elapsed,
    EntrySubmitted,
    Erred,
    Filled,
    Playbook,
    Quoted,
    Stated,
    StopWorking,
    Unanswered,
    Written,
    asked,
    entering,
    fill_of,
    opened,
    proposed,
    the_start,
)
from tests.wanted import (
    AskAdvice,
    AskBook,
    Cancel,
    Change,
    Page,
    PlaceBracket,
    PlaceExit,
    Tell,
    Warn,
)

FLATTEN = asked(Request.FLATTEN)
RESUME = asked(Request.RESUME)


# A trade that goes well


@pytest.mark.parametrize("side", Side)
def test_a_stop_that_fills_closes_the_trade_with_its_exact_cost(side: Side) -> None:
    """Fills and commissions alone make the profit, to the cent."""
    away = -20 * side.sign
    script = opened(side=side) >> Filled("S1", ENTRY + away)
    assert script.is_complete
    cycle = script.cycle
    assert (cycle.phase, cycle.exit_reason, cycle.position) == (Phase.CLOSED, ExitReason.STOP, 0)
    assert script.state.day.realised_usd == Decimal("-254.80")
    assert script.state.equity_usd == Decimal("-254.80")
    assert script.state.day.losses_in_a_row == 1
    assert not script.state.cycles
    assert next_deadline(script.state) is None


def test_a_child_is_acknowledged_before_its_parent_fills() -> None:
    """Held is not working: only after the fill, by the broker's own word, is it protection."""
    script = entering()
    assert script.cycle.phase is Phase.ENTERING
    script = script >> Filled("E1", ENTRY)
    assert script.cycle.phase is Phase.PROTECTING
    script = script >> StopWorking()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


def test_a_touched_target_moves_the_stop_to_the_market() -> None:
    """Protocol A: one order at all times, so nothing can open a position."""
    script = opened() >> Quoted(TARGET) << Change("S1")
    assert script.cycle.phase is Phase.EXITING
    changed = script.order("S1").change
    assert changed is not None
    assert (changed.quantity, changed.kind) == (1, OrderKind.STP_LMT)
    assert changed.limit < TARGET
    script = script >> Written("S1", "change") >> Echoed("S1") >> Filled("S1", TARGET)
    assert script.is_complete
    assert (script.cycle.phase, script.cycle.exit_reason) == (Phase.CLOSED, ExitReason.TARGET)
    assert script.state.day.realised_usd == Decimal("495.20")


def test_a_refused_move_is_remembered_and_the_stop_is_cancelled_proven_dead_and_replaced() -> None:
    """Protocol C: the exit leaves only after a book asked later than the cancelled status."""
    script = opened() >> Quoted(TARGET) << Change("S1")
    resting = script.order("S1").spec
    script = script >> Erred("S1", 201) << AskBook() >> Echoed("S1", spec=resting)
    echo = Echoed("S1", spec=resting)
    script = script >> Answered((echo,)) << Warn("MOVE_STOP_REFUSED") << Cancel("S1")
    assert script.state.move_stop_refused == {OrderKind.STP_LMT}
    script = script >> Stated("S1", "PendingCancel") >> Stated("S1", "Cancelled") << AskBook()
    assert script.order("S1").live
    script = script >> Answered() << PlaceExit(1)
    assert script.order("S1").death is Death.CANCELLED
    script = script >> Written("X1") >> Stated("X1", "Submitted") >> Filled("X1", TARGET - 2)
    assert script.is_complete
    assert (script.cycle.phase, script.cycle.exit_reason) == (Phase.CLOSED, ExitReason.TARGET)
    assert script.state.day.realised_usd == Decimal("470.20")


def test_the_next_exit_does_not_ask_a_venue_again_that_refused() -> None:
    """A definitive refusal is remembered per order type, for the life of the record."""
    script = opened()
    script = replace(
        script, state=replace(script.state, move_stop_refused=frozenset({OrderKind.STP_LMT}))
    )
    script = script >> Quoted(TARGET) << Cancel("S1")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.EXITING)


def test_the_session_end_flattens() -> None:
    """Nobody holds a position over the close because no quote came."""
    script = opened()
    until = SESSION[1] - script.state.limits.flatten_before_close - script.now
    script = script >> Elapsed(until.total_seconds()) << Change("S1")
    assert script.cycle.exit is not None
    assert script.cycle.exit.reason is ExitReason.SESSION_END


def test_an_entry_that_does_not_fill_in_time_is_cancelled_and_the_trade_aborted() -> None:
    """Orders end proven dead, or the cycle does not end."""
    script = entering() >> Elapsed(10) << Cancel("E1")
    script = script >> Stated("E1", "Cancelled") << AskBook()
    script = script >> Stated("S1", "Cancelled") >> Answered() << AskBook()
    assert script.cycle.phase is Phase.ENTERING
    script = script >> Answered()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.ABORTED)
    assert script.state.day.realised_usd == 0


def test_a_cancel_that_loses_against_the_fill_is_a_trade() -> None:
    """A pending cancel is live at its full size."""
    script = entering() >> Elapsed(10) << Cancel("E1") >> Filled("E1", ENTRY) >> StopWorking()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


def test_a_fill_after_a_cancelled_status_is_booked_and_told() -> None:
    """Orders reported cancelled have filled (B21); the status was only a claim."""
    script = entering() >> Elapsed(10) << Cancel("E1") >> Stated("E1", "Cancelled") << AskBook()
    script = script >> Filled("E1", ENTRY) << Warn("LATE_FILL") >> StopWorking()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)
    assert script.state.position(CON_ID).booked == 1


def test_a_fill_of_an_order_that_was_proven_dead_halts_and_is_protected() -> None:
    """Even proof can be wrong: the fill is a fact, the page goes out, a stop goes out."""
    script = entering() >> Elapsed(10) << Cancel("E1") >> Stated("E1", "Cancelled") << AskBook()
    script = script >> Answered(("S1",), status="PreSubmitted") << Cancel("S1")
    assert script.order("E1").death is Death.CANCELLED
    script = script >> Filled("E1", ENTRY)
    script = script << Page("UNEXPECTED_FILL") << Page("CYCLE_HALTED") << Page("MODE_HALT")
    script = script << AskBook()
    assert (script.is_complete, script.cycle.phase, script.cycle.position) == (
        True,
        Phase.HALTED,
        1,
    )


# Several lots


@pytest.mark.parametrize("lots", [2, 3])
def test_every_lot_has_its_own_stop(lots: int) -> None:
    """Partial fills cannot make a stop larger than its position."""
    script = entering(lots)
    for number in range(1, lots + 1):
        script = script >> Filled(f"E{number}", ENTRY)
        assert script.cycle.phase is Phase.PROTECTING
        script = script >> StopWorking(f"S{number}")
        assert (script.cycle.phase, script.cycle.position) == (Phase.OPEN, number)
    for number in range(1, lots):
        script = script >> Filled(f"S{number}", STOP)
        assert script.cycle.phase is Phase.OPEN
    script = script >> Filled(f"S{lots}", STOP)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)
    assert script.state.day.realised_usd == Decimal("-254.80") * lots


def test_an_exit_with_an_entry_still_working_takes_the_late_lot_with_it() -> None:
    """The flatten that a person asked for is not forgotten because an entry fills late."""
    script = entering(2) >> Filled("E1", ENTRY) >> StopWorking("S1") >> FLATTEN
    script = script << Page("MODE_REDUCE_ONLY") << Cancel("E2") << Change("S1")
    script = script >> Filled("E2", ENTRY) << AskBook() << Change("S2")
    assert script.cycle.phase is Phase.EXITING
    script = script >> Echoed("S1") >> Echoed("S2") >> Filled("S1") >> Filled("S2")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)
    assert script.cycle.exit_reason is ExitReason.OPERATOR


def test_the_first_lot_stopped_out_cancels_the_entry_that_still_works() -> None:
    """Flat with an entry working is a position that nobody wants any more."""
    script = entering(2) >> Filled("E1", ENTRY) >> StopWorking("S1")
    script = script >> Filled("S1", STOP) << Cancel("E2")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.EXITING)
    script = script >> Filled("E2", ENTRY) >> StopWorking("S2")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


# What goes wrong and is seen


def test_a_stop_whose_fate_is_unknown_is_asked_for_and_halts_at_the_deadline() -> None:
    """No answer is neither death nor life: nothing is sent twice, a person is paged."""
    script = entering() >> Filled("E1", ENTRY) >> Elapsed(1.4) << AskBook()
    script = script >> Unanswered() << Warn("BOOK_UNKNOWN") << AskBook() >> Elapsed(0.6)
    script = script << Page("CYCLE_HALTED") << Page("MODE_HALT")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.HALTED)
    assert script.order("S1").live
    script = script >> StopWorking()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.HALTED)
    assert script.cycle.unprotected_seconds_max == 2.0


def test_resuming_over_a_naked_halted_cycle_halts_again_in_time() -> None:
    """A person may take the risk, but is paged again when it stays."""
    script = entering() >> Filled("E1", ENTRY) >> Elapsed(2) << AskBook()
    script = script << Page("CYCLE_HALTED") << Page("MODE_HALT") >> RESUME << Tell("RESUMED")
    script = script >> Elapsed(2) << Page("MODE_HALT")
    assert (script.is_complete, script.state.mode) == (True, Mode.HALT)


def test_a_flatten_refuses_what_waits_for_advice() -> None:
    """A person who asked to be flat is not put into a position by an answer that comes later."""
    script = Playbook() >> proposed() << AskAdvice() >> FLATTEN << Tell("MODE")
    script = script << Page("MODE_REDUCE_ONLY") << Warn("EXIT_WHEN_FLAT")
    assert script.cycle.phase is Phase.REFUSED
    script = script >> events.AdviceGiven(CYCLE, ())
    assert (script.is_complete, script.cycle.phase) == (True, Phase.REFUSED)


def test_two_contracts_go_their_own_ways() -> None:
    """What one market does leaves the trade in the other alone."""
    other = "01JCXW5M7Q0000000000000007"
    stated = events.ContractStated(7, "MES", "MESZ5", date(2025, 12, 19), (SESSION,))
    script = opened().past(
        stated,
        events.SettlementStated(7, ENTRY - 200),
        Answered(("S1",)),
        Elapsed(400),
        Quoted(ENTRY),
    )
    near = events.QuoteSeen(7, Quote(script.now, ENTRY - 1, ENTRY, ENTRY))
    signal = replace(script.cycle.signal, strategy="another")
    bar = Bar(script.now - BAR_LENGTH, ENTRY, ENTRY, ENTRY, ENTRY, 1)
    script = script.past(events.SettlementStated(7, ENTRY), near, events.BarClosed(7, bar))
    script = script.past(events.SignalRaised(other, 7, signal))
    said = tuple(Opinion(role, role, Advice.GO, "-", confidence=0.9) for role in AdvisorRole)
    script = script >> events.AdviceGiven(other, said) << PlaceBracket()
    entry = script.state.cycles[other].orders[f"mt/{other}/E1"].spec
    fill = Execution("7.01", entry.ref, 91, 991, 7, Side.BUY, 1, ENTRY, script.now)
    script = script >> events.ExecutionReported(fill)
    assert script.state.cycles[other].phase is Phase.PROTECTING
    assert (script.state.position(7).booked, script.state.position(CON_ID).booked) == (1, 1)
    script = script >> Quoted(TARGET) << Change("S1")
    assert script.state.cycles[CYCLE].phase is Phase.EXITING
    working = events.StatusReported(f"mt/{other}/S1", 92, 992, "PreSubmitted", 0, 1, "trigger")
    script = script >> working >> Echoed("S1") >> Filled("S1", TARGET)
    assert (script.is_complete, list(script.state.cycles)) == (True, [other])
    assert script.state.cycles[other].phase is Phase.OPEN


# The end of a cycle


def test_a_flat_cycle_whose_orders_are_not_proven_dead_is_asked_about_ever_more_rarely() -> None:
    """It does not end by itself, and it does not shout for ever."""
    script = entering() >> Elapsed(10) << Cancel("E1") >> Elapsed(10) << AskBook()
    script = script >> Answered() >> Elapsed(10) << AskBook() << Page("ORDER_FATE_UNKNOWN")
    script = script >> Answered() >> Elapsed(3600)
    assert len(script.left) == 1
    assert script.cycle.phase is Phase.ENTERING


def test_a_stop_is_not_cancelled_while_flat_is_not_proven() -> None:
    """Our fills may be incomplete: a resting stop is left alone until the position is known."""
    script = entering(2) >> Filled("E1", ENTRY) >> StopWorking("S1") >> LINK_LOST
    script = script << Page("LINK_DOWN") >> LINK_BACK << AskBook() >> Filled("S1", STOP)
    script = script << Cancel("E2") >> Stated("E2", "Cancelled") >> Answered() << AskBook()
    assert script.is_complete
    script = script >> Answered(("S2",), status="PreSubmitted") << Cancel("S2")
    assert script.order("E2").death is Death.CANCELLED


def test_a_dormant_stop_is_left_while_the_fills_may_be_incomplete() -> None:
    """Its entry is dead, its twin has filled, and nobody has confirmed the position."""
    script = entering(2) >> Filled("E1", ENTRY) >> StopWorking("S1") >> Elapsed(10) << Cancel("E2")
    script = script >> Stated("E2", "Cancelled") << AskBook() >> Answered(("S1", "S2"))
    script = script >> LINK_LOST << Page("LINK_DOWN") >> LINK_BACK << AskBook()
    script = script >> Filled("S1", STOP)
    assert (script.is_complete, script.order("S2").cancel_asked) == (True, False)
    script = script >> Answered(("S2",), status="PreSubmitted") << Cancel("S2")
    assert script.is_complete


# The decision


def test_silence_is_a_wait() -> None:
    """A panel that never answers blocks the entry, at its deadline."""
    script = Playbook() >> proposed() << AskAdvice() >> Elapsed(4) << Tell("AWS_WAIT")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.REFUSED)
    assert not script.state.closed


def test_a_wait_blocks() -> None:
    """Advice can only subtract permission."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised(Advice.WAIT) << Tell("AWS_WAIT")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.REFUSED)


# The table and the function


def test_every_pair_that_is_not_in_the_table_halts() -> None:
    """A fact that nobody foresaw is never ignored."""
    script = opened()
    for phase in Phase:
        for fact in Fact:
            if (phase, fact) in TRANSITIONS:
                continue
            cycle = replace(script.cycle, phase=phase)
            turn = Turn(replace(script.state, cycles={CYCLE: cycle}), script.now)
            trade_cycle._transition(turn, cycle, fact=fact)
            assert turn.state.cycles[CYCLE].phase is Phase.HALTED, (phase, fact)
            halted = turn.state.mode is Mode.HALT
            assert halted or phase is Phase.HALTED, (phase, fact)


def test_no_transition_leaves_a_final_phase() -> None:
    """What is over stays over."""
    assert not [pair for pair in TRANSITIONS if pair[0].final]


def test_every_event_has_its_handler() -> None:
    """The union of events and the table of handlers name the same types."""
    assert set(HANDLERS) == set(events.AnyEvent.__args__)
    assert set(REQUESTS) == set(Request)


def test_an_endless_argument_of_the_kernel_with_itself_halts() -> None:
    """More facts than any event can mean: stop deciding."""
    script = opened()
    turn = Turn(script.state, script.now)
    for _ in range(trade_cycle.FACTS_PER_EVENT_MAX + 2):
        turn.fact(script.cycle, Fact.REDUCED)
    trade_cycle._work_through_facts(turn)
    assert (turn.state.mode, turn.facts) == (Mode.HALT, [])
    assert turn.state.cycles[CYCLE].phase is Phase.HALTED


def test_a_dead_child_withdraws_its_entry_and_a_needless_exit_is_dropped() -> None:
    """An emergency exit was only wanted while nothing protected."""
    script = opened()
    plan = ExitPlan(ExitReason.EMERGENCY, ExitStage.REFUSED, script.now + timedelta(seconds=2))
    cycle = replace(script.cycle, exit=plan, phase=Phase.PROTECTING)
    state = replace(script.state, cycles={cycle.cycle_id: cycle})
    script = replace(script, state=state) >> StopWorking()
    assert (script.is_complete, script.cycle.exit, script.cycle.phase) == (True, None, Phase.OPEN)


def test_an_emergency_exit_that_was_put_off_waits_for_its_turn() -> None:
    """Tried twice, then the exit, then the interval: nothing goes round in between."""
    script = entering().past(Filled("E1", ENTRY), Erred("S1", 201), Answered())
    script = script.past(Written("M1"), Erred("M1", 201), Answered())
    bare = replace(script.state, quotes={})
    script = replace(script, state=bare).past(Written("M2"), Erred("M2", 201), Answered())
    assert script.cycle.exit is not None
    assert script.cycle.exit.stage is ExitStage.REFUSED
    script = script >> Written("M2")
    assert script.is_complete


def test_a_fact_of_a_cycle_that_is_gone_is_nothing() -> None:
    """The event that closed it may have meant more than one thing."""
    script = opened()
    turn = Turn(replace(script.state, cycles={}), script.now)
    turn.fact(script.cycle, Fact.FLAT)
    trade_cycle._work_through_facts(turn)
    assert turn.commands == []


@pytest.mark.parametrize(
    ("request_", "mode"),
    [(Request.HALT, Mode.HALT), (Request.REDUCE_ONLY, Mode.REDUCE_ONLY)],
)
def test_only_a_person_moves_the_mode_up(request_: Request, mode: Mode) -> None:
    """Down by anybody, never up by itself."""
    script = Playbook() >> asked(request_) << Page(f"MODE_{mode}") >> asked(Request.REDUCE_ONLY)
    assert script.state.mode is mode
    script = script >> RESUME << Tell("RESUMED")
    assert (script.is_complete, script.state.mode) == (True, Mode.NORMAL)


def test_a_loop_that_stopped_itself_halts() -> None:
    """The broad handler's event reaches the mode."""
    script = Playbook() >> events.Halted("a test") << Page("MODE_HALT")
    assert (script.is_complete, script.state.mode_why) == (True, "a test")


def test_finished_cycles_leave_with_the_next_event() -> None:
    """The state does not grow with the trades of a day but for what must be recognised."""
    script = opened() >> Filled("S1", STOP)
    assert [cycle.cycle_id for cycle in script.state.finished] == [CYCLE]
    script = script >> Quoted(ENTRY)
    assert (script.state.finished, set(script.state.closed)) == ((), {CYCLE})


def test_repeats_of_a_finished_cycle_change_nothing() -> None:
    """A book repeats executions for days; a signal with the same id would reuse references."""
    script = opened()
    fill = fill_of(script, "E1", price=ENTRY)
    script = script >> Filled("S1", STOP) >> Quoted(ENTRY)
    again = script >> events.ExecutionReported(fill) >> proposed()
    assert (again.is_complete, again.state) == (True, script.state)


def test_deadlines_are_the_earliest_of_all() -> None:
    """The loop arms one timer."""
    assert next_deadline(TraderState(Limits())) is None
    script = entering()
    assert next_deadline(script.state) == script.cycle.entry_due_at
    unknown = Playbook() >> LINK_BACK << AskBook() >> Unanswered() << Warn("BOOK_UNKNOWN")
    assert next_deadline(unknown.state) == NOON + timedelta(seconds=0.5)


def test_step_leaves_the_old_state_alone_and_repeats_itself() -> None:
    """Same inputs, same outputs: what a replay rests on."""
    script = opened()
    before = (script.state, hash(repr(script.state)))
    first = step(script.state, events.QuoteSeen(CON_ID, _quote(TARGET)), script.now)
    second = step(script.state, events.QuoteSeen(CON_ID, _quote(TARGET)), script.now)
    assert first == second
    assert (script.state, hash(repr(script.state))) == before


def _quote(bid: int) -> Quote:
    return Quote(NOON, bid, bid + 1, bid)


def test_a_trade_survives_the_restart_of_the_trader_in_its_middle() -> None:
    """The same events folded again, then the start, the link and the book: nothing is sent."""
    script = entering() >> Filled("E1", ENTRY) >> RESTARTED >> LINK_BACK << AskBook()
    script = script >> Answered(("S1",)) >> StopWorking() >> Filled("S1", STOP)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)


def test_the_start_of_a_script_is_a_trader_that_may_trade() -> None:
    """Otherwise the scripts above would show refusals."""
    script = Playbook(the_start()) >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.ENTERING)
    assert (script >> EntrySubmitted()).is_complete
