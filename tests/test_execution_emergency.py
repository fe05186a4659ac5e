"""The emergency stop: where one is missing, in its group where that is trusted, never doubled."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import ExitReason, Phase
from mytrader.domain.events import Request
from mytrader.domain.limits import Limits
from mytrader.domain.market import BAR_LENGTH, Bar
from mytrader.domain.orders import Side
from mytrader.domain.trader import Mode
from tests.playbook import (
    BRACKET,
    CON_ID,
    CYCLE,
    ENTRY,
    LINK_LOST,
    NOON,
    STOP,
    TARGET,
    Advised,
    Answered,
    Elapsed,
    EntrySubmitted,
    Erred,
    Filled,
    Playbook,
    Quoted,
    Stated,
    StopWorking,
    Written,
    asked,
    entering,
    opened,
    proposed,
)
from tests.wanted import AskBook, Cancel, Change, Page, PlaceEmergencyStop, Warn

ANOTHER: Final = "01JCXW5M7Q0000000000000001"


def group_of(script: object, name: str) -> str:
    """Return the group of a named order."""
    group: str = script.order(name).spec.oca_group  # type: ignore[attr-defined]  # a Playbook
    return group


def test_a_missing_stop_joins_the_group_of_its_target() -> None:
    """The target may rest: whichever of the two fills, the broker withdraws the other."""
    script = entering(limits=BRACKET) >> Filled("E1", ENTRY) >> Stated("T1", "Submitted")
    script = script >> Erred("S1", 201) << AskBook() >> Answered(("T1",))
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    script = script >> Written("M1") >> StopWorking("M1")
    assert group_of(script, "M1") == group_of(script, "T1") != ""
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


def test_a_stop_in_doubt_gets_a_second_one_in_its_group_at_the_deadline() -> None:
    """In profile `bracket` silence is answered by a stop: the budget of the group is one."""
    script = entering(limits=BRACKET) >> Filled("E1", ENTRY) >> Stated("T1", "Submitted")
    script = script.past(Elapsed(1.9))
    script = script >> Elapsed(0.1) << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    script = script >> Written("M1") >> StopWorking("M1")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)
    assert group_of(script, "M1") == group_of(script, "S1")
    assert script.state.mode is Mode.NORMAL


def test_when_that_stop_is_silent_too_the_machine_halts() -> None:
    script = entering(limits=BRACKET).past(Filled("E1", ENTRY), Elapsed(2), Written("M1"))
    script = script.past(Elapsed(2))
    assert (script.cycle.phase, script.state.mode) == (Phase.HALTED, Mode.HALT)
    assert len(script.cycle.orders) == 4


def test_nothing_is_sent_twice_in_profile_strict() -> None:
    """Silence there is a page: a second stop beside the first could flip the position."""
    script = entering() >> Filled("E1", ENTRY) >> Elapsed(2) << AskBook()
    script = script << Page("CYCLE_HALTED") << Page("MODE_HALT")
    assert script.is_complete


def test_two_lots_that_lost_their_stops_get_one_each() -> None:
    script = entering(2, limits=BRACKET).past(Filled("E1", ENTRY), Filled("E2", ENTRY))
    script = script.past(Erred("S1", 201), Erred("S2", 201), Answered(("T1", "T2")))
    script = script.past(Answered(("T1", "T2")))
    made = [name for name in script.cycle.orders if name[30] == "M"]
    assert len(made) == 2
    assert group_of(script, "M1") == group_of(script, "T1")
    assert group_of(script, "M2") == group_of(script, "T2")


def test_a_flip_is_protected_at_once_flattened_and_halts() -> None:
    """The broker filled both legs of one group: short 1 that nobody wanted."""
    script = opened(limits=BRACKET) >> Filled("T1", TARGET) << Cancel("S1")
    script = script >> Quoted(STOP) >> Filled("S1", STOP)
    script = script << Page("CYCLE_HALTED") << Page("MODE_HALT") << AskBook()
    script = script << PlaceEmergencyStop(side=Side.BUY) << Page("EMERGENCY_STOP_PLACED")
    spec = script.order("M1").spec
    assert (spec.stop, spec.side, spec.oca_group) == (STOP + 1 + 20, Side.BUY, "")
    script = script >> Written("M1") >> StopWorking("M1")
    assert script.cycle.unprotected_seconds_max < 2
    script = script.past(Answered(("M1",), status="PreSubmitted"), Elapsed(2))
    assert script.cycle.phase is Phase.EXITING
    assert script.order("M1").change is not None
    script = script.past(Filled("M1", STOP), Answered())
    assert (script.cycle.phase, script.cycle.exit_reason) == (Phase.CLOSED, ExitReason.FLIP)
    assert script.state.mode is Mode.HALT


def test_the_stop_of_a_flip_risks_no_more_than_one_trade_may() -> None:
    """$12.50 a tick: 100 dollars are 8 ticks."""
    limits = replace(BRACKET, loss_usd_trade_max=Decimal(100))
    script = opened(limits=BRACKET)
    script = replace(script, state=replace(script.state, limits=limits))
    script = script.past(Filled("T1", TARGET), Quoted(STOP), Filled("S1", STOP))
    assert script.order("M1").spec.stop == STOP + 1 + 8


def test_the_price_of_a_flip_without_a_quote_is_its_last_fill() -> None:
    script = opened(limits=BRACKET).past(Filled("T1", TARGET))
    script = replace(script, state=replace(script.state, quotes={}))
    assert script.past(Filled("S1", STOP)).order("M1").spec.stop == STOP + 20


def test_nothing_joins_a_group_while_nobody_hears() -> None:
    script = entering(limits=BRACKET).past(Filled("E1", ENTRY), LINK_LOST, Elapsed(2))
    assert (script.cycle.phase, len(script.cycle.orders)) == (Phase.HALTED, 3)


def test_a_lost_target_is_told_once_and_watched() -> None:
    """`BRACKET_MISSING` never delays the stop; the trader watches the price itself."""
    script = entering(limits=BRACKET) >> Filled("E1", ENTRY) >> StopWorking()
    script = script >> Erred("T1", 201) << AskBook() >> Answered(("S1",), status="PreSubmitted")
    script = script << Warn("BRACKET_MISSING")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)
    script = script >> Quoted(TARGET) << Change("S1")
    assert script.is_complete


def test_the_tries_of_an_emergency_stop_are_counted_per_lot() -> None:
    """Two for one lot; then the position is flattened."""
    script = entering(limits=Limits()).past(Filled("E1", ENTRY))
    for name in ("S1", "M1", "M2"):
        if name != "S1":
            script = script.past(Written(name))
        script = script.past(Erred(name, 201), Answered(), Answered())
    assert script.cycle.emergency_stops == 2
    assert script.order("X1").spec.quantity == 1
    assert script.now - NOON < timedelta(seconds=2)


def bought(script: Playbook, cycle_id: str, *, number: int) -> Playbook:
    """Let ten minutes pass, and buy; the fill is the day's so-and-so-many-th."""
    script = script.past(Elapsed(600))
    bar = Bar(script.now - BAR_LENGTH, ENTRY, ENTRY, ENTRY, ENTRY, 1)
    script = script.past(events.BarClosed(CON_ID, bar), Quoted(ENTRY - 1))
    script = script.past(proposed(cycle_id=cycle_id), Advised(), EntrySubmitted())
    return script.past(Filled("E1", ENTRY, part=number))


def refused_stop(script: Playbook) -> Playbook:
    """The venue refuses the stop of the entry, and the book shows that it is gone."""
    script = script >> Erred("S1", 201) << AskBook() >> Answered()
    return script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")


def after_one() -> Playbook:
    """One trade had its emergency stop, and left by it."""
    script = refused_stop(bought(Playbook(), CYCLE, number=1))
    script = script.past(Written("M1"), StopWorking("M1"), Filled("M1", STOP), Answered())
    assert (script.state.cycles, script.state.mode) == ({}, Mode.NORMAL)
    return script


def test_the_second_of_a_day_pages_and_ends_entries_also_for_another_trade() -> None:
    script = refused_stop(bought(after_one(), ANOTHER, number=2)) << Page("MODE_REDUCE_ONLY")
    assert (script.is_complete, script.state.mode) == (True, Mode.REDUCE_ONLY)
    assert script.state.mode_why == "more than one emergency stop today"


def test_the_second_of_a_day_pages_also_where_entries_had_ended_already() -> None:
    """Else whoever lifts the other reason would do so without a word of this one."""
    script = bought(after_one(), ANOTHER, number=2).past(asked(Request.REDUCE_ONLY))
    why = script.state.mode_why
    script = refused_stop(script) << Page("EMERGENCY_STOP_REPEATED")
    assert script.is_complete
    assert (script.state.mode, script.state.mode_why) == (Mode.REDUCE_ONLY, why)


def test_yesterdays_emergency_stop_does_not_count() -> None:
    script = after_one()
    day = script.state.day
    assert day.on is not None
    yesterday = replace(day, on=day.on - timedelta(days=1))
    script = replace(script, state=replace(script.state, day=yesterday))
    script = refused_stop(bought(script, ANOTHER, number=2))
    assert (script.is_complete, script.state.mode) == (True, Mode.NORMAL)
