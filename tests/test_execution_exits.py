"""Ways out: one owner, protocol A or C, a bounded number of tries, and never a second order."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import ExitPlan, ExitReason, ExitStage, Phase
from mytrader.domain.events import Request
from mytrader.domain.market import Quote
from mytrader.domain.orders import Death, OrderKind, Role, Side
from mytrader.domain.trader import Mode
from mytrader.execution import exits
from mytrader.execution.exits import DEFINITIVE_CHANGE_REFUSALS, target_reached, under_way
from mytrader.execution.order_tracking import CHANGE_REFUSAL_CODES
from mytrader.execution.turn import Turn
from tests.playbook import (
    CON_ID,
    ENTRY,
    LINK_BACK,
    LINK_LOST,
    NOON,
    STOP,
    TARGET,
    Answered,
    Echoed,
    Elapsed,
    Erred,
    Filled,
    NotWritten,
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
)
from tests.wanted import (
    AskBook,
    Cancel,
    Change,
    Page,
    PlaceEmergencyStop,
    PlaceExit,
    Warn,
)

FLATTEN = asked(Request.FLATTEN)


def refusing(lots: int = 1) -> Playbook:
    """Return an open trade at a venue that is known to refuse moved stops."""
    script = opened(lots)
    kinds = frozenset({OrderKind.STP_LMT})
    return replace(script, state=replace(script.state, move_stop_refused=kinds))


def flattening(lots: int = 1) -> Playbook:
    """Return a script in which a person has asked to be flat and protocol C has begun."""
    script = refusing(lots) >> FLATTEN << Page("MODE_REDUCE_ONLY")
    for number in range(1, lots + 1):
        script = script << Cancel(f"S{number}")
    return script


def sent() -> Playbook:
    """Return a script in which the exit order of protocol C works."""
    script = flattening() >> Stated("S1", "Cancelled") << AskBook() >> Answered() << PlaceExit()
    return script >> Written("X1") >> Stated("X1", "Submitted")


# Protocol A


def test_every_resting_stop_is_moved() -> None:
    """One changed order per lot; no new order exists at any time."""
    script = opened(3) >> Quoted(TARGET) << Change("S1") << Change("S2") << Change("S3")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.EXITING)
    for number in (1, 2, 3):
        script = script >> Echoed(f"S{number}") >> Filled(f"S{number}", TARGET)
    assert (script.is_complete, script.cycle.exit_reason) == (True, ExitReason.TARGET)


def test_a_moved_stop_that_does_not_fill_follows_the_market() -> None:
    """And is left alone where it already trades at the market."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> Echoed("S1") >> Elapsed(2) << AskBook()
    assert script.is_complete
    script = script >> Answered(("S1",)) >> Quoted(ENTRY) >> Elapsed(2) << AskBook()
    script = script << Change("S1")
    assert script.is_complete


def test_a_change_that_is_not_echoed_is_asked_about_and_not_sent_twice() -> None:
    """Two changes under way would be three versions."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> Elapsed(2) << AskBook()
    assert script.is_complete
    script = script >> Answered((Echoed("S1"),)) << AskBook() >> Filled("S1", TARGET)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)


@pytest.mark.parametrize("code", sorted(CHANGE_REFUSAL_CODES))
def test_only_a_definitive_refusal_is_remembered(code: int) -> None:
    """Any refusal ends protocol A for this exit; the moment's reasons are not the venue's."""
    script = opened()
    old = Echoed("S1", spec=script.order("S1").spec)
    script = script >> Quoted(TARGET) << Change("S1") >> Erred("S1", code) << AskBook()
    script = script >> Answered((old,))
    definitive = code in DEFINITIVE_CHANGE_REFUSALS
    if definitive:
        script = script << Warn("MOVE_STOP_REFUSED")
    script = script << Cancel("S1")
    assert (script.is_complete, bool(script.state.move_stop_refused)) == (True, definitive)


# Protocol C


def test_nothing_is_sent_before_every_stop_is_proven_dead() -> None:
    """The status alone is not enough, and what is proven for one lot is not for the other."""
    script = flattening(2) >> Stated("S1", "Cancelled") << AskBook() >> Answered(("S2",))
    script = script << PlaceExit(1)
    assert (script.is_complete, script.order("S2").live) == (True, True)
    script = script >> Written("X1") >> Elapsed(2) << AskBook() << Cancel("S2")
    script = script >> Stated("S2", "Cancelled") >> Answered() << AskBook() >> Answered()
    script = script << PlaceExit(1, name="X2")
    assert script.is_complete
    script = script >> Filled("X1") >> Written("X2") >> Filled("X2")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)


def test_a_stop_that_fills_while_it_is_cancelled_is_the_exit() -> None:
    """The race that a second order would turn into a position."""
    script = flattening() >> Filled("S1", STOP)
    assert (script.is_complete, script.cycle.exit_reason) == (True, ExitReason.OPERATOR)


def test_a_cancel_that_is_late_is_asked_about() -> None:
    """It is repeated only when a book asked later shows the stop resting."""
    script = flattening() >> Elapsed(2) << AskBook()
    assert script.is_complete
    script = script >> Answered(("S1",)) >> Elapsed(2) << AskBook() << Cancel("S1")
    assert script.is_complete


def test_no_stop_is_cancelled_while_the_position_is_unknown() -> None:
    """Protection is left alone until it is known what it protects; the wish is kept."""
    script = refusing() >> events.PositionReported(CON_ID, 0) << AskBook() >> FLATTEN
    script = script << Page("MODE_REDUCE_ONLY") << Warn("POSITION_UNKNOWN")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)
    script = script >> Answered(("S1",)) >> Elapsed(2) << Cancel("S1")
    assert script.is_complete


def test_a_partly_filled_exit_that_dies_is_replaced_by_a_stop_for_the_rest() -> None:
    """One contract is out; the other is protected and asked for again."""
    script = opened(2)
    script = script >> FLATTEN << Page("MODE_REDUCE_ONLY") << Change("S1") << Change("S2")
    script = script.past(Stated("S1", "Cancelled"), Stated("S2", "Cancelled"), Answered())
    script = script >> Answered()
    sizes = [order.spec.quantity for order in script.cycle.of_role(Role.EXIT)]
    assert sum(sizes) == 2
    both = script.order("X1")
    orders = {
        ref: order
        for ref, order in script.cycle.orders.items()
        if not order.spec.ref.endswith("X2")
    }
    orders[both.spec.ref] = replace(both, spec=replace(both.spec, quantity=2))
    cycle = replace(script.cycle, orders=orders)
    state = replace(script.state, cycles={cycle.cycle_id: cycle})
    script = replace(script, state=state).past(Written("X1"), Filled("X1", ENTRY))
    script = script.past(Stated("X1", "Cancelled", filled=1)) >> Answered()
    script = script << Warn("EXIT_FAILED") << PlaceEmergencyStop(parent="E1")
    assert (script.cycle.position, script.order("X1").filled) == (1, 1)


def test_without_a_price_no_exit_is_sent_and_it_is_told_once() -> None:
    """Neither moved nor sent blindly."""
    script = opened()
    bare = replace(script, state=replace(script.state, quotes={})) >> FLATTEN
    bare = bare << Page("MODE_REDUCE_ONLY") << Warn("STALE_DATA") >> Elapsed(4)
    assert (bare.is_complete, bare.cycle.phase) == (True, Phase.OPEN)
    script = flattening()
    bare = replace(script, state=replace(script.state, quotes={}))
    bare = bare >> Stated("S1", "Cancelled") << AskBook() >> Answered() << Warn("STALE_DATA")
    bare = bare << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert (bare.is_complete, bare.cycle.phase) == (True, Phase.PROTECTING)


# Tries


def test_an_exit_that_is_refused_again_and_again_halts() -> None:
    """Five tries, then a page; protection stays where it is."""
    script = opened()
    bare = replace(script, state=replace(script.state, quotes={})) >> FLATTEN
    bare = bare.ignoring() >> Elapsed(8)
    assert bare.is_complete
    bare = bare >> Elapsed(2) << Page("EXIT_STUCK") << Page("CYCLE_HALTED") << Page("MODE_HALT")
    bare = bare << AskBook()
    assert (bare.is_complete, bare.order("S1").live) == (True, True)


def test_a_target_that_is_left_again_is_not_exited_at_a_worse_price() -> None:
    """What was refused at the target is not sent when the market has gone back."""
    script = opened() >> events.PositionReported(CON_ID, 0) << AskBook()
    script = script >> Quoted(TARGET) << Warn("POSITION_UNKNOWN") >> Answered(("S1",))
    away = script >> Quoted(ENTRY) >> Elapsed(2)
    assert (away.is_complete, away.cycle.exit) == (True, None)
    still = script >> Elapsed(2) << Change("S1")
    assert still.is_complete


def test_a_person_takes_over_an_exit_that_was_put_off() -> None:
    """With all tries to come, and the person's reason."""
    script = opened() >> events.PositionReported(CON_ID, 0) << AskBook()
    script = script >> Quoted(TARGET) << Warn("POSITION_UNKNOWN") >> Answered(("S1",))
    script = script >> FLATTEN << Page("MODE_REDUCE_ONLY") << Change("S1")
    assert script.cycle.exit is not None
    assert (script.cycle.exit.reason, script.cycle.exit.attempts) == (ExitReason.OPERATOR, 1)


def test_an_exit_that_cannot_be_written_is_paced() -> None:
    """A refusal at the last moment does not go round as fast as the loop runs."""
    script = flattening() >> Stated("S1", "Cancelled") << AskBook() >> Answered() << PlaceExit()
    script = script >> NotWritten("X1", code="EXIT_UNSAFE") << Warn("EXIT_UNSAFE")
    script = script << Warn("EXIT_FAILED")
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    script = script >> NotWritten("M1") << Warn("LINK_DOWN")
    script = script << PlaceEmergencyStop(name="M2") << Page("EMERGENCY_STOP_PLACED")
    script = script << Page("EMERGENCY_STOP_REPEATED")
    script = script >> NotWritten("M2") << Warn("LINK_DOWN") << PlaceExit(name="X2")
    script = script >> NotWritten("X2") << Warn("LINK_DOWN") << Warn("EXIT_FAILED")
    assert script.is_complete
    assert script.cycle.exit is not None
    assert script.cycle.exit.stage is ExitStage.REFUSED


def test_an_emergency_exit_is_needless_once_the_position_is_covered() -> None:
    """It was only wanted because nothing protected."""
    script = opened()
    plan = ExitPlan(ExitReason.EMERGENCY, ExitStage.REFUSED, script.now + timedelta(seconds=2))
    cycle = replace(script.cycle, exit=plan, phase=Phase.PROTECTING)
    state = replace(script.state, cycles={cycle.cycle_id: cycle})
    script = replace(script, state=state) >> StopWorking()
    assert (script.is_complete, script.cycle.exit, script.cycle.phase) == (True, None, Phase.OPEN)


def test_an_exit_after_which_somebody_else_flattened_gives_up() -> None:
    """There is nothing left to exit; a person sorts it out."""
    script = sent()
    by_hand = replace(fill_of(script, "X1"), ref="by hand", exec_id="9.01")
    script = (script >> events.ExecutionReported(by_hand)).ignoring()
    assert (script.order("X1").cancel_asked, script.state.mode) == (True, Mode.HALT)
    script = script.past(Stated("X1", "Cancelled"), Answered(), Elapsed(12))
    assert script.cycle.phase is Phase.HALTED
    assert [order for order in script.cycle.orders.values() if order.live] == []


def test_an_exit_at_the_market_needs_no_change() -> None:
    """The same price again would be a message for nothing."""
    script = sent() >> Elapsed(2) << AskBook()
    assert (script.is_complete, script.order("X1").change) == (True, None)


def test_a_refused_reprice_leaves_the_exit_working() -> None:
    """The old version works on."""
    script = sent() >> Quoted(ENTRY - 9) >> events.PositionReported(CON_ID, 0) << AskBook()
    script = script >> Elapsed(2)
    assert (script.is_complete, script.order("X1").live) == (True, True)


def test_a_change_of_the_exit_under_way_is_not_changed_again() -> None:
    """One change at a time."""
    script = sent() >> Quoted(ENTRY - 9) >> Elapsed(2) << AskBook() << Change("X1")
    script = script >> Unanswered() << Warn("BOOK_UNKNOWN") >> Quoted(ENTRY - 20)
    script = script >> Elapsed(0.5) << AskBook() >> Elapsed(1.5)
    assert script.is_complete


def test_an_exit_waits_for_its_interval() -> None:
    """Neither the link nor a refusal makes it hurry."""
    script = sent() >> LINK_LOST << Page("LINK_DOWN") >> Elapsed(1)
    assert script.is_complete
    script = script >> LINK_BACK << AskBook() >> Answered(("X1",)) >> Elapsed(0.5)
    assert (script.is_complete, script.order("X1").death) == (True, None)


def test_a_filled_exit_with_a_stop_left_moves_that_stop() -> None:
    """An entry that filled late brought its stop with it; both leave."""
    script = entering(2) >> Filled("E1", ENTRY) >> StopWorking("S1")
    kinds = frozenset({OrderKind.STP_LMT})
    script = replace(script, state=replace(script.state, move_stop_refused=kinds)) >> FLATTEN
    script = script << Page("MODE_REDUCE_ONLY") << Cancel("E2") << Cancel("S1")
    script = script >> Stated("S1", "Cancelled") << AskBook() >> Answered() << PlaceExit()
    script = script >> Written("X1") >> Filled("E2", ENTRY) << Cancel("S2")
    script = script >> Filled("X1", ENTRY) >> Stated("S2", "Cancelled") << AskBook()
    script = script >> Answered() << PlaceExit(name="X2") >> Filled("X2", ENTRY)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)
    assert script.order("S2").death is Death.CANCELLED


def test_whoever_asks_second_is_told_who_was_first() -> None:
    """One owner per position."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> FLATTEN << Page("MODE_REDUCE_ONLY")
    script = script << Warn("EXIT_ALREADY_WORKING")
    assert (script.is_complete, script.cycle.exit_reason) == (True, None)
    assert script.cycle.exit is not None
    assert script.cycle.exit.reason is ExitReason.TARGET


def test_while_nobody_hears_the_wish_is_kept_and_paced() -> None:
    """It is told once; the next look is an interval later, whatever happens meanwhile."""
    script = opened() >> LINK_LOST << Page("LINK_DOWN") >> FLATTEN << Page("MODE_REDUCE_ONLY")
    script = script << Warn("LINK_DOWN") >> Elapsed(1) >> StopWorking() >> Elapsed(60)
    assert script.is_complete
    script = script >> LINK_BACK << AskBook() >> Answered(("S1",)) >> Elapsed(2) << Change("S1")
    assert script.is_complete


def test_an_exit_that_the_rule_refuses_is_not_sent_and_the_stop_is_restored_when_it_can_be() -> (
    None
):
    """The position became a range between the proof and the exit."""
    script = flattening() >> events.PositionReported(CON_ID, 0) << AskBook()
    script = script >> Stated("S1", "Cancelled") >> Answered(position=0) << AskBook()
    script = script >> Answered(position=0) << Page("POSITION_MISMATCH")
    script = script << Warn("POSITION_UNKNOWN") << Page("EMERGENCY_STOP_REFUSED")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.PROTECTING)


def test_an_exit_that_dies_in_a_halted_cycle_leaves_it_halted() -> None:
    """Its stop is repaired all the same."""
    script = sent().past(Stated("X1", "Submitted", perm_id=77))
    assert script.cycle.phase is Phase.HALTED
    script = script.past(Stated("X1", "Cancelled"), Stated("X1", "Cancelled", perm_id=77))
    script = script.past(Answered()) >> Answered() << Warn("EXIT_FAILED")
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert script.cycle.phase is Phase.HALTED


def test_a_late_exit_of_a_lot_that_filled_meanwhile_is_under_way_again() -> None:
    """The fill put the cycle back to protecting; the chase takes it out again."""
    script = entering(2) >> Filled("E1", ENTRY) >> StopWorking("S1") >> Quoted(TARGET)
    script = script.past(Echoed("S1"), Elapsed(1.9))
    script = replace(script, now=script.now + timedelta(seconds=0.1))
    script = script >> Filled("E2", ENTRY, paid=False)
    assert script.cycle.phase is Phase.EXITING
    assert script.order("S2").change is not None


def test_a_refused_move_is_seen_although_another_lot_has_been_sent_for() -> None:
    """One lot had no stop left, so its exit was sent; the other's stop may not be moved."""
    script = opened(2).past(Stated("S1", "Inactive"), Erred("S1", 201))
    script = script >> FLATTEN << Page("MODE_REDUCE_ONLY")
    script = script << Change("S1") << Change("S2")
    old = Echoed("S2", spec=script.order("S2").spec)
    script = script.past(Stated("S1", "Cancelled"), Answered((old,)), Answered((old,)))
    assert (script.order("X1").live, script.cycle.position) == (True, 2)
    script = script.past(Erred("S2", 201)) >> Answered((old,)) << Warn("MOVE_STOP_REFUSED")
    script = script << Cancel("S2")
    assert script.is_complete


def test_the_parts_answer_for_themselves() -> None:
    """What has no plan, no target or no quote is not under way and not reached."""
    script = opened()
    assert not under_way(script.cycle)
    assert not target_reached(replace(script.cycle, target=None), Quote(NOON, TARGET, TARGET, 1))
    assert not target_reached(script.cycle, None)
    turn = Turn(script.state, NOON)
    exits.review(turn, script.cycle)
    assert (turn.state, turn.commands) == (script.state, [])
    short = opened(side=Side.SELL)
    assert target_reached(short.cycle, Quote(NOON, None, 2 * ENTRY - TARGET, None))
