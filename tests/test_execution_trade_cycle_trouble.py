"""Whole trades that meet trouble: the stop is missing, the exit fails, the link is lost."""

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import ExitReason, Phase
from mytrader.domain.events import Request
from mytrader.domain.orders import Death, OrderKind, Side
from mytrader.domain.trader import Mode
from tests.playbook import (
    CON_ID,
    ENTRY,
    LINK_BACK,
    LINK_LOST,
    RESTARTED,
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
    Written,
    asked,
    entering,
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
RESUME = asked(Request.RESUME)


# Protection


def test_a_stop_refused_after_the_fill_is_replaced_by_an_emergency_stop() -> None:
    """Refused, proven dead by a complete book, replaced: recorded with its parent, and paged."""
    script = entering() >> Filled("E1", ENTRY) >> Erred("S1", 201) << AskBook()
    script = script >> Answered() << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert script.order("M1").spec.stop == STOP
    assert script.state.day.emergency_stops == 1
    script = script >> Written("M1") >> StopWorking("M1")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)
    script = script >> Filled("M1", STOP)
    assert (script.is_complete, script.cycle.exit_reason) == (True, ExitReason.EMERGENCY)


def test_a_stop_refused_before_the_fill_withdraws_the_entry() -> None:
    """Without its stop the entry must not fill; if it does, the emergency stop follows."""
    script = entering() >> Erred("S1", 201) << AskBook() >> Answered(("E1",)) << Cancel("E1")
    assert script.order("S1").death is Death.REFUSED
    script = script >> Filled("E1", ENTRY)
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.PROTECTING)


def test_the_emergency_stop_is_tried_twice_then_the_position_is_flattened() -> None:
    """Idempotent per loss of the stop, retried once; the second one of the day reduces only."""
    script = entering() >> Filled("E1", ENTRY) >> Erred("S1", 201) << AskBook()
    script = script >> Answered() << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    script = script >> Written("M1") >> Erred("M1", 201) << AskBook() >> Answered()
    script = script << PlaceEmergencyStop(name="M2") << Page("EMERGENCY_STOP_PLACED")
    script = script << Page("MODE_REDUCE_ONLY")
    script = script >> Written("M2") >> Erred("M2", 201) << AskBook() >> Answered()
    script = script << PlaceExit(1)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.EXITING)
    assert script.state.mode is Mode.REDUCE_ONLY


def test_a_halted_cycle_that_is_naked_is_protected_once_its_stop_is_proven_dead() -> None:
    """HALT repairs protection (the modes of SAFETY.md); it decides nothing else."""
    script = entering() >> Filled("E1", ENTRY) >> Elapsed(2) << AskBook()
    script = script << Page("CYCLE_HALTED") << Page("MODE_HALT")
    script = script >> Stated("S1", "Cancelled") >> Answered() << AskBook() >> Answered()
    script = script << Page("STOP_CANCELLED")
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    script = script >> Written("M1") >> StopWorking("M1") >> Quoted(TARGET)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.HALTED)
    script = script >> FLATTEN << Change("M1") >> Filled("M1", TARGET)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)


def test_a_stop_that_vanishes_in_an_open_trade_is_replaced() -> None:
    """The exchange, a kill switch (X2, X4) or a person (H12): nothing new is opened after it."""
    script = opened() >> Stated("S1", "Cancelled") << AskBook()
    assert script.cycle.phase is Phase.PROTECTING
    script = script >> Answered() << Page("STOP_CANCELLED") << Page("MODE_REDUCE_ONLY")
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert script.is_complete


def test_a_refused_emergency_stop_is_told_once_and_tried_again() -> None:
    """While the position is a range nothing may be sent; nobody is paged twice for one reason."""
    script = entering() >> Filled("E1", ENTRY) >> Erred("S1", 201) << AskBook()
    script = script >> Answered(position=0) << AskBook()
    script = script << Page("EMERGENCY_STOP_REFUSED")
    script = script >> Quoted(ENTRY) >> Elapsed(0.5)
    assert script.is_complete
    script = script >> Answered() << AskBook()
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert script.is_complete


# Exits that meet trouble


def test_the_founding_incident_sends_no_order() -> None:
    """Short 1, flattened, flat by our fills; the stale report says -1 and a person flattens."""
    script = opened(side=Side.SELL) >> FLATTEN << Page("MODE_REDUCE_ONLY") << Change("S1")
    script = script >> Echoed("S1") >> Filled("S1", ENTRY)
    assert script.cycle.phase is Phase.CLOSED
    script = script >> events.PositionReported(CON_ID, -1) << AskBook() >> FLATTEN
    script = script << Warn("EXIT_WHEN_FLAT")
    assert (script.is_complete, script.state.position(CON_ID).interval) == (True, (-1, 0))


def test_two_flattens_at_once_send_one_exit() -> None:
    """One owner per position; whoever comes second is told so."""
    script = opened() >> FLATTEN << Page("MODE_REDUCE_ONLY") << Change("S1")
    script = script >> FLATTEN << Warn("EXIT_ALREADY_WORKING") >> Quoted(TARGET)
    assert script.is_complete


def test_a_flatten_withdraws_an_entry_that_has_not_filled() -> None:
    """Nothing is open, so the entries are all there is to close."""
    script = entering() >> FLATTEN << Page("MODE_REDUCE_ONLY") << Cancel("E1")
    assert (script.is_complete, script.cycle.entry_due_at) == (True, None)


def test_an_exit_order_that_dies_restores_the_stop_and_is_asked_for_again() -> None:
    """The position is never left bare because an exit failed."""
    script = _sent_exit() >> Stated("X1", "Cancelled") << AskBook() >> Answered()
    script = script << Warn("EXIT_FAILED")
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    script = script >> Written("M1") >> StopWorking("M1")
    assert script.cycle.phase is Phase.OPEN
    script = script >> Elapsed(2) << Cancel("M1")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.EXITING)


def _sent_exit() -> Playbook:
    """Return a script in which a person's flatten has come to its exit order."""
    script = opened()
    refused = replace(script.state, move_stop_refused=frozenset({OrderKind.STP_LMT}))
    script = replace(script, state=refused) >> FLATTEN << Page("MODE_REDUCE_ONLY")
    script = script << Cancel("S1") >> Stated("S1", "Cancelled") << AskBook()
    return script >> Answered() << PlaceExit(1) >> Written("X1") >> Stated("X1", "Submitted")


def test_an_exit_that_does_not_fill_follows_the_market_a_bounded_number_of_times() -> None:
    """Then the machine halts and pages, with what rests at the broker left in place."""
    script = _sent_exit()
    for number in range(1, script.state.limits.exit_attempts_max):
        script = script >> Quoted(ENTRY - 10 * number) >> Elapsed(2) << AskBook() << Change("X1")
        script = script >> Answered(("X1",)) >> Written("X1", "change") >> Echoed("X1")
    script = script >> Elapsed(2) << Page("EXIT_STUCK") << Page("CYCLE_HALTED")
    script = script << Page("MODE_HALT") << AskBook()
    assert (script.is_complete, script.order("X1").live) == (True, True)
    script = script >> Quoted(ENTRY - 100) >> FLATTEN << Change("X1")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.EXITING)


def test_a_change_that_could_not_be_written_is_not_the_venues_refusal() -> None:
    """Nothing is remembered of what never left the machine."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> NotWritten("S1", "change")
    script = script << Warn("LINK_DOWN")
    assert (script.is_complete, script.state.move_stop_refused) == (True, frozenset())
    script = script >> Elapsed(2) << AskBook() << Change("S1")
    assert script.is_complete


def test_a_change_lost_with_the_link_counts_twice_and_ends_in_a_cancel() -> None:
    """A modify at the moment of a broken link has made two live orders (B16)."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> LINK_LOST << Page("LINK_DOWN")
    assert script.order("S1").remaining == 2
    script = script >> Elapsed(10) >> LINK_BACK << AskBook() >> Answered(("S1",)) << Cancel("S1")
    assert (script.is_complete, script.order("S1").remaining) == (True, 2)
    script = script >> Stated("S1", "Cancelled") << AskBook() >> Answered() << PlaceExit(1)
    assert (script.is_complete, script.order("S1").remaining) == (True, 0)


def test_a_fill_between_executions_and_positions_of_a_book_is_asked_about_once() -> None:
    """The report is newer than the executions: a range for a moment, then known."""
    script = entering() >> Elapsed(0.1) >> LINK_BACK << AskBook()
    script = script >> Answered(("E1", "S1"), position=1) << AskBook()
    assert script.state.position(CON_ID).interval == (0, 1)
    script = script >> Filled("E1", ENTRY) >> StopWorking() >> Answered(("S1",))
    assert (script.is_complete, script.state.position(CON_ID).interval) == (True, (1, 1))
    assert script.state.mode is Mode.NORMAL


# The link


@pytest.mark.parametrize(
    ("script", "again"),
    [
        (entering(), (Phase.ENTERING, ("E1", "S1"))),
        (entering() >> Filled("E1", ENTRY), (Phase.OPEN, ("S1",))),
        (opened(), (Phase.OPEN, ("S1",))),
        (opened() >> Filled("S1", STOP, paid=False), (Phase.EXITING, ())),
    ],
    ids=["entering", "protecting", "open", "flat"],
)
@pytest.mark.parametrize("restarted", [False, True], ids=["link", "restart"])
def test_a_link_lost_in_every_phase_changes_nothing_but_what_is_confirmed(
    script: Playbook, again: tuple[Phase, tuple[str, ...]], *, restarted: bool
) -> None:
    """Orders work on, nothing is placed twice, the stop is adopted, positions are asked for."""
    orders = script.cycle.orders.keys()
    script = script >> LINK_LOST << Page("LINK_DOWN")
    assert not script.state.position(CON_ID).known
    if restarted:
        script = script >> RESTARTED
    phase, shown = again
    script = script >> LINK_BACK << AskBook() >> Answered(shown)
    assert (script.is_complete, script.cycle.phase) == (True, phase)
    assert (script.cycle.orders.keys(), script.state.position(CON_ID).known) == (orders, True)


def test_an_exit_waits_for_the_link_without_losing_tries_or_talking() -> None:
    """Nothing can be sent: nothing is counted, and the wish is kept."""
    script = opened() >> LINK_LOST << Page("LINK_DOWN") >> FLATTEN
    script = script << Page("MODE_REDUCE_ONLY") << Warn("LINK_DOWN") >> Elapsed(600)
    assert script.is_complete
    script = script >> LINK_BACK << AskBook() >> Answered(("S1",)) >> Elapsed(2) << Change("S1")
    assert script.is_complete


def test_a_cancel_that_the_link_swallowed_is_asked_for_again() -> None:
    """The book shows the entry resting: the cancel never arrived."""
    script = entering() >> Elapsed(10) << Cancel("E1") >> LINK_LOST << Page("LINK_DOWN")
    script = script >> LINK_BACK << AskBook() >> Answered(("E1", "S1")) << Cancel("E1")
    assert script.is_complete


def test_a_cancel_that_cannot_be_written_is_not_tried_in_a_circle() -> None:
    """The next try waits for a book that shows the order."""
    script = entering() >> Elapsed(10) << Cancel("E1") >> NotWritten("E1", "cancel")
    script = script << Warn("LINK_DOWN") << AskBook() >> Answered()
    assert script.is_complete
