"""What a book settles, field by field: later decisions are made on it."""

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, RaiseAlert
from mytrader.domain.cycle import Phase
from mytrader.domain.known import Known
from mytrader.domain.orders import Death, ForeignOrder, Side
from mytrader.domain.trader import Mode
from tests.playbook import (
    CON_ID,
    CYCLE,
    ENTRY,
    RESTARTED,
    STOP,
    TARGET,
    Answered,
    Echoed,
    Elapsed,
    Filled,
    Playbook,
    Quoted,
    Stated,
    Written,
    asked,
    entering,
    fill_of,
    opened,
)


def alerts(script: Playbook) -> list[RaiseAlert]:
    """What people were told just now."""
    return [each for each in script.left if isinstance(each, RaiseAlert)]


def test_a_change_under_way_at_a_restart_counts_twice() -> None:
    """The new process cannot know whether it arrived (B16)."""
    script = opened().past(Quoted(TARGET), Written("S1", "change"), RESTARTED)
    assert (script.order("S1").change_unknown, script.order("S1").remaining) == (True, 2)


def test_a_change_that_nobody_refused_stays_under_way_while_the_order_is_listed() -> None:
    """The book may be older than the change; only a refusal takes it back."""
    script = opened().past(Quoted(TARGET), Written("S1", "change"), Elapsed(3))
    change = script.order("S1").change
    shown = Echoed("S1", spec=script.order("S1").spec)
    script = script.past(Stated("S1", "Inactive"), Answered((shown,)))
    assert change is not None
    assert script.order("S1").change == change


def test_an_order_of_somebody_else_is_remembered_as_it_was_shown() -> None:
    """Contract, side, size and status; without a permanent id by its number."""
    script = opened()
    report = replace(
        Echoed("S1").report(script), ref="", order_id=7, perm_id=4711, side=Side.BUY, quantity=3
    )
    script = script.after(report)
    assert script.state.foreign == {4711: ForeignOrder(4711, CON_ID, Side.BUY, 3, "Submitted")}
    assert [(each.code, each.ref) for each in alerts(script)] == [
        ("FOREIGN_ORDER", None),
        ("MODE_REDUCE_ONLY", None),
    ]
    script = script.ignoring().after(replace(report, perm_id=0))
    assert script.state.foreign[7] == ForeignOrder(7, CON_ID, Side.BUY, 3, "Submitted")
    ours = replace(report, ref="mt/01JCXW5M7Q0000000000000099/S1", perm_id=4712)
    told = alerts(script.ignoring().after(ours))
    assert [(each.code, each.ref) for each in told] == [("FOREIGN_ORDER", ours.ref)]


def test_a_status_that_the_executions_do_not_match_names_its_cycle() -> None:
    """A page without the trade that it is about helps nobody."""
    script = entering().past(Stated("E1", "Cancelled", filled=1)) >> Answered()
    told = {each.code: each for each in alerts(script)}
    page = told["FILL_MISMATCH"]
    assert (page.level, page.cycle_id) == (AlertLevel.PAGE, CYCLE)
    assert (script.cycle.phase, script.cycle.halted_why) == (
        Phase.HALTED,
        "surprise while ENTERING",
    )
    assert script.state.mode is Mode.HALT


def test_a_claim_that_the_fills_complete_is_a_filled_death() -> None:
    """Two identities: one has filled everything, the other was cancelled empty."""
    script = opened().past(Stated("S1", "PreSubmitted", perm_id=77), Filled("S1", STOP))
    script = script.past(Stated("S1", "Filled", filled=1), Stated("S1", "Cancelled", perm_id=77))
    script = script.past(Answered(), Answered())
    assert script.cycle.orders[f"mt/{CYCLE}/S1"].death is Death.FILLED


def test_a_doubt_that_a_person_ends_leaves_the_position_unconfirmed() -> None:
    """It is the next book that confirms it, not the person."""
    script = opened()
    fill = fill_of(script, "E1", price=ENTRY)
    corrected = events.ExecutionReported(replace(fill, exec_id="0000e0d5.E101.02"))
    script = script.past(corrected, Answered())
    assert script.state.position(CON_ID).doubt is not None
    script = script.past(asked(events.Request.RESUME))
    assert script.state.position(CON_ID).doubt is None
    assert script.state.position(CON_ID).confirmed is False


def test_what_is_listed_after_somebody_elses_order_is_taken_too() -> None:
    """A stranger in the list hides nothing of ours: the claim does not stand."""
    script = entering().past(Stated("E1", "Cancelled"))
    ours = Echoed("E1").report(script)
    stranger = replace(ours, ref="", order_id=7, perm_id=4711)
    book = events.Book((stranger, ours), (), (events.PositionReported(CON_ID, 0),))
    number = script.state.link.queries_asked
    script = script.past(events.BookAnswered(number, Known(book)))
    assert (script.order("E1").live, script.order("E1").claims) == (True, {})


def test_a_halted_cycle_says_why_and_waits_for_no_entry() -> None:
    """Its deadlines are over; what a person reads stays."""
    script = entering().past(Stated("E1", "PreSubmitted", perm_id=77))
    assert (script.cycle.phase, script.cycle.entry_due_at) == (Phase.HALTED, None)
    assert script.cycle.halted_why == "surprise while ENTERING"
    assert script.cycle.advice_due_at is None
