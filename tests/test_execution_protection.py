"""No position without a working stop: what covers, what is naked, what is too much."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import Phase
from mytrader.domain.events import Request
from mytrader.domain.orders import Death, OrderKind, Side
from mytrader.domain.trader import Mode
from mytrader.execution import emergency, protection
from mytrader.execution.cover import covered, held_lots, naked_lots, protective_orders
from mytrader.execution.turn import Turn
from tests.playbook import (
    CON_ID,
    ENTRY,
    LINK_BACK,
    LINK_LOST,
    NOON,
    STOP,
    Answered,
    Elapsed,
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
)
from tests.wanted import (
    AskBook,
    Cancel,
    Page,
    PlaceEmergencyStop,
    PlaceExit,
    Tell,
    Warn,
    described,
)


def test_a_dormant_child_protects_nothing() -> None:
    """Its parent has not filled."""
    script = entering(2) >> Filled("E1", ENTRY)
    assert [order.spec.ref[30:] for order in protective_orders(script.cycle)] == ["S1"]
    assert not covered(script.state, script.cycle)
    script = script >> StopWorking("S2")
    assert not covered(script.state, script.cycle)
    script = script >> StopWorking("S1")
    assert covered(script.state, script.cycle)


def test_covered_is_an_equality() -> None:
    """Less is naked, more could flip."""
    script = opened(2)
    assert covered(script.state, script.cycle)
    assert naked_lots(script.state, script.cycle) == 0
    one_dead = (script >> Stated("S2", "Cancelled")).ignoring() >> Answered(("S1",))
    assert naked_lots(one_dead.state, one_dead.cycle) == 0
    assert one_dead.order("M1").spec.quantity == 1
    doubled = (script >> Stated("S1", "PreSubmitted", perm_id=9)).ignoring()
    assert not covered(doubled.state, doubled.cycle)


def test_a_position_is_held_as_far_as_the_account_is_known_to_hold_it() -> None:
    """What somebody else closed needs no protection; what is unknown needs all of it."""
    script = opened(2)
    assert held_lots(script.state, script.cycle) == 2
    lost = script >> LINK_LOST
    assert held_lots(lost.state, lost.cycle) == 2
    by_hand = replace(fill_of(script, "S1"), ref="by hand", exec_id="9.01")
    sold = (script >> events.ExecutionReported(by_hand)).ignoring()
    assert held_lots(sold.state, sold.cycle) == 1
    flat = entering()
    assert held_lots(flat.state, flat.cycle) == 0


def test_half_a_position_sold_by_hand_loses_half_its_stops() -> None:
    """The doubtful ones first, the confirmed ones only as far as they are too many."""
    script = opened(2) >> Stated("S1", "Inactive") << AskBook()
    by_hand = replace(fill_of(script, "S1"), ref="by hand", exec_id="9.01")
    script = script >> events.ExecutionReported(by_hand) << Page("FOREIGN_FILL")
    script = script << Page("MODE_REDUCE_ONLY") << Cancel("S1") << Page("EXIT_EXCESS")
    script = script << Page("MODE_HALT")
    assert (script.is_complete, script.order("S2").cancel_asked) == (True, False)


def test_an_excess_is_not_repaired_while_the_position_is_a_range_or_nobody_hears() -> None:
    """A resting stop is left alone until the position is known again."""
    script = opened() >> events.PositionReported(CON_ID, 0) << AskBook()
    assert (script.is_complete, script.order("S1").cancel_asked) == (True, False)
    script = opened()
    link = replace(script.state.link, up=False)
    views = {CON_ID: replace(script.state.position(CON_ID), booked=0)}
    turn = Turn(replace(script.state, link=link, positions=views), NOON)
    protection.cancel_excess(turn, script.cycle)
    assert turn.commands == []


def test_an_order_larger_than_the_excess_is_left() -> None:
    """Cancelling it would make the rest naked; only the person who sold can tell more."""
    script = opened(2).past(Erred("S1", 201), Erred("S2", 201), Answered(), Answered())
    assert [script.order(name).spec.quantity for name in ("M1", "M2")] == [1, 1]
    both = replace(script.order("M1").spec, quantity=2)
    orders = {both.ref: replace(script.order("M1"), spec=both)}
    cycle = replace(script.cycle, orders={**opened(2).cycle.orders, **orders})
    dead = {ref: replace(each, death=Death.CANCELLED) for ref, each in cycle.orders.items()}
    cycle = replace(cycle, orders={**dead, **orders})
    script = replace(script, state=replace(script.state, cycles={cycle.cycle_id: cycle}))
    by_hand = replace(fill_of(script, "S1"), ref="by hand", exec_id="9.01")
    script = script >> events.ExecutionReported(by_hand) << Page("FOREIGN_FILL")
    assert not script.order("M1").cancel_asked


def test_the_unprotected_time_is_measured() -> None:
    """From the fill to the broker's word, the longest of the cycle."""
    script = entering(2) >> Filled("E1", ENTRY) >> Elapsed(0.25) >> StopWorking("S1")
    assert script.cycle.unprotected_seconds_max == 0.25
    script = script >> Filled("E2", ENTRY) >> Elapsed(0.1) >> StopWorking("S2")
    assert (script.cycle.unprotected_seconds_max, script.cycle.naked_since) == (0.25, None)


def test_nothing_is_sent_while_nobody_hears() -> None:
    """The stop is sent when the link and the position are back."""
    script = entering() >> Filled("E1", ENTRY) >> Erred("S1", 201) << AskBook()
    script = script >> LINK_LOST << Page("LINK_DOWN") >> Elapsed(1)
    assert script.is_complete
    script = script >> LINK_BACK << AskBook() >> Answered()
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert script.is_complete


def test_a_refusal_is_told_again_when_its_reason_changes_or_comes_back() -> None:
    """Once per reason while the position is naked."""
    script = entering() >> Filled("E1", ENTRY) >> Erred("S1", 201) << AskBook()
    script = script >> Answered(position=0) << AskBook() << Page("EMERGENCY_STOP_REFUSED")
    again = Turn(script.state, script.now)
    assert emergency.protect(again, script.cycle)
    assert again.commands == []
    other = replace(script.cycle, protection_refused="ANOTHER")
    told = Turn(script.state, script.now)
    assert emergency.protect(told, told.put(other))
    assert len(told.commands) == 1


def test_an_emergency_stop_names_its_parent_and_its_prices() -> None:
    """A stop-limit at the signal's stop, reduce-only, not a child of the filled parent."""
    script = entering(side=Side.SELL) >> Filled("E1", ENTRY) >> Erred("S1", 201) << AskBook()
    script = script >> Answered() << PlaceEmergencyStop(side=Side.BUY)
    spec = script.order("M1").spec
    stop = 2 * ENTRY - STOP
    assert (spec.kind, spec.stop, spec.limit) == (OrderKind.STP_LMT, stop, stop + 20)
    assert (spec.reduce_only, spec.parent_ref, spec.transmit) == (True, None, True)


def test_an_exit_that_failed_after_the_deadline_gets_a_new_one() -> None:
    """The deadline passed while the exit was under way; without it nobody would be paged."""
    script = opened()
    refused = replace(script.state, move_stop_refused=frozenset({OrderKind.STP_LMT}))
    script = replace(script, state=refused) >> asked(Request.FLATTEN)
    script = script << Page("MODE_REDUCE_ONLY") << Cancel("S1") >> Stated("S1", "Cancelled")
    script = script << AskBook() >> Answered() << PlaceExit()
    script = script.past(Written("X1"), Elapsed(1.9), Answered(), Elapsed(0.1), Answered())
    assert (script.cycle.phase, script.cycle.cover_due_at) == (Phase.EXITING, None)
    script = script.past(Stated("X1", "Cancelled"), Answered(), Answered())
    assert script.cycle.phase is Phase.PROTECTING
    assert script.cycle.cover_due_at == script.now + timedelta(seconds=2)
    script = script.past(Elapsed(2))
    assert script.state.mode is Mode.HALT


def test_the_book_is_asked_every_half_second_while_the_stop_is_unconfirmed() -> None:
    """Each query waits for the answer to the one before."""
    script = entering() >> Filled("E1", ENTRY)
    for _ in range(3):
        script = script >> Elapsed(0.5) << AskBook() >> Answered(("S1",), status="PreSubmitted")
    assert script.is_complete
    script = script >> Elapsed(0.5) << AskBook() << Page("CYCLE_HALTED") << Page("MODE_HALT")
    assert script.is_complete


def test_a_halted_cycle_asks_as_seldom_as_a_covered_one() -> None:
    """It was paged and waits for a person: two whole books a second help nobody (B13)."""
    script = entering() >> Filled("E1", ENTRY)
    while script.cycle.phase is not Phase.HALTED:
        script = script.past(Elapsed(0.5)).past(Answered(("S1",), status="PreSubmitted"))
    script = script.past(Elapsed(0.5)).past(Answered(("S1",), status="PreSubmitted"))
    due = script.cycle.query_due_at
    assert due == script.now + script.state.limits.reconcile_interval


def test_after_two_emergency_stops_the_position_is_left() -> None:
    """What was tried often enough is not tried again; a cycle without a stop price neither."""
    script = entering() >> Filled("E1", ENTRY)
    for given in ({"emergency_stops": 2}, {"stop": None}):
        dead = {
            ref: replace(each, death=Death.REFUSED) if ref.endswith("S1") else each
            for ref, each in script.cycle.orders.items()
        }
        cycle = replace(script.cycle, orders=dead, **given)
        turn = Turn(replace(script.state, cycles={cycle.cycle_id: cycle}), NOON)
        assert not emergency.protect(turn, cycle)
        assert turn.commands == []


def test_a_protected_position_asks_for_nothing() -> None:
    """Hours pass quietly."""
    script = opened() >> Elapsed(3600) >> Quoted(ENTRY)
    assert script.is_complete


@pytest.mark.parametrize("mode", Mode)
def test_protection_is_repaired_in_every_mode(mode: Mode) -> None:
    """HALT decides nothing new, and a missing stop is not new."""
    script = opened()
    script = replace(script, state=replace(script.state, mode=mode))
    script = script >> Stated("S1", "Cancelled") << AskBook() >> Answered()
    script = script << Page("STOP_CANCELLED")
    if mode is Mode.NORMAL:
        script = script << Page("MODE_REDUCE_ONLY")
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert script.is_complete


def test_the_deadline_of_a_halted_cycle_is_not_set_again_by_itself() -> None:
    """The page is out; only a person who resumes starts the clock again."""
    script = entering() >> Filled("E1", ENTRY) >> Elapsed(2)
    script = script.past(Answered(("S1",), status="PreSubmitted"))
    assert (script.cycle.phase, script.cycle.cover_due_at) == (Phase.HALTED, None)
    script = script >> asked(Request.RESUME) << Tell("RESUMED")
    assert script.cycle.cover_due_at == NOON + timedelta(seconds=4)


def test_scripts_that_end_flat_have_nothing_to_protect() -> None:
    """The clock of a flat cycle does not run."""
    script: Playbook = opened() >> Filled("S1", STOP, paid=False)
    assert (script.cycle.naked_since, script.cycle.cover_due_at) == (None, None)
    script = script >> Elapsed(30) << Warn("COMMISSION_MISSING") << AskBook()
    assert script.is_complete


def test_an_exit_that_leaves_the_position_naked_past_the_deadline_is_paged() -> None:
    """The stop is cancelled, its end cannot be proven, and the exit has to wait for that."""
    script = opened()
    refused = replace(script.state, move_stop_refused=frozenset({OrderKind.STP_LMT}))
    script = replace(script, state=refused) >> asked(Request.FLATTEN)
    script = script << Page("MODE_REDUCE_ONLY") << Cancel("S1") >> Stated("S1", "Cancelled")
    script = script << AskBook() >> Unanswered() << Warn("BOOK_UNKNOWN") >> Elapsed(1)
    script = script << AskBook() >> Unanswered() << Warn("BOOK_UNKNOWN")
    script = script.past(Elapsed(0.9), Unanswered()) >> Elapsed(0.1)
    assert "page EXIT_UNCOVERED" in " ".join(described(each) for each in script.left)


def test_a_person_who_resumes_is_paged_again_for_an_exit_that_cannot_be_sent() -> None:
    """The risk was taken again for a position that nothing covers (I2)."""
    script = opened()
    refused = replace(script.state, move_stop_refused=frozenset({OrderKind.STP_LMT}))
    script = replace(script, state=refused).past(asked(Request.FLATTEN))
    script = script.past(Stated("S1", "Cancelled"), Unanswered(), Elapsed(1), Unanswered())
    script = script.past(Elapsed(0.9), Unanswered(), Elapsed(0.1))
    assert (script.cycle.phase, script.cycle.cover_due_at) == (Phase.EXITING, None)
    script = script.past(asked(Request.RESUME))
    assert script.cycle.cover_due_at == script.now + script.state.limits.cover_timeout


def test_the_deadline_of_an_exit_is_kept_until_somebody_hears() -> None:
    """It passes while the link is down, and the position is still naked when it is back."""
    script = opened()
    refused = replace(script.state, move_stop_refused=frozenset({OrderKind.STP_LMT}))
    script = replace(script, state=refused) >> asked(Request.FLATTEN)
    script = script << Page("MODE_REDUCE_ONLY") << Cancel("S1") >> Stated("S1", "Cancelled")
    script = script << AskBook() >> LINK_LOST << Page("LINK_DOWN") >> Elapsed(7)
    assert script.is_complete
    script = script >> LINK_BACK << AskBook() >> Unanswered() << Warn("BOOK_UNKNOWN")
    script = script.past(Elapsed(0.5), Unanswered()) >> Elapsed(0.5)
    assert "page EXIT_UNCOVERED" in " ".join(described(each) for each in script.left)
