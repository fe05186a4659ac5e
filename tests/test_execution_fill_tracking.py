"""Fills are facts: booked once, into order, cycle and position, whatever they surprise."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import RaiseAlert
from mytrader.domain.cycle import Phase
from mytrader.domain.orders import Side
from mytrader.domain.trader import Mode
from tests.playbook import (
    COMMISSION,
    CON_ID,
    CYCLE,
    ENTRY,
    STOP,
    Advised,
    Answered,
    Filled,
    Playbook,
    Stated,
    entering,
    fill_of,
    opened,
    proposed,
)
from tests.wanted import (
    AskAdvice,
    AskBook,
    Cancel,
    Page,
    PlaceBracket,
    Warn,
)

STRANGER = "mt/01JCXW5M7Q0000000000000099/E1"


# Executions


def test_an_execution_counts_once() -> None:
    """Live, repeated, and in answer to a query: one fill."""
    script = opened()
    fill = fill_of(script, "E1", price=ENTRY)
    assert (script >> events.ExecutionReported(fill)).state == script.state


def test_a_corrected_execution_makes_the_position_unknown_until_a_person_resumes() -> None:
    """Whether a correction replaces or adds is not documented (B19): it is told once."""
    script = opened()
    fill = replace(fill_of(script, "E1", price=ENTRY), exec_id="0000e0d5.E101.02")
    script = script >> events.ExecutionReported(fill) << Page("POSITION_DOUBT")
    script = script << Page("MODE_REDUCE_ONLY") << Page("CYCLE_HALTED") << Page("MODE_HALT")
    script = script << AskBook() >> events.ExecutionReported(fill)
    assert (script.is_complete, script.state.position(CON_ID).known) == (True, False)
    assert script.state.position(CON_ID).booked == 1
    script = script >> Answered(("S1",))
    assert not script.state.position(CON_ID).known


def test_a_correction_of_a_finished_cycle_is_a_doubt_too() -> None:
    """It must not be booked as a new fill."""
    script = opened()
    fill = replace(fill_of(script, "E1", price=ENTRY), exec_id="0000e0d5.E101.02")
    first = fill_of(script, "E1", price=ENTRY)
    script = script >> Filled("S1", STOP) >> events.ExecutionReported(first)
    script = (
        script
        >> events.ExecutionReported(fill)
        << Page("POSITION_DOUBT")
        << Page("MODE_REDUCE_ONLY")
    )
    assert (script.is_complete, script.state.position(CON_ID).booked) == (True, 0)


@pytest.mark.parametrize(
    "changed",
    [{"quantity": 2}, {"side": Side.SELL}, {"con_id": 5}, {"quantity": 0}, {"quantity": -1}],
)
def test_a_fill_that_the_order_cannot_have_halts_and_is_booked(
    changed: dict[str, object],
) -> None:
    """A fill is a fact even when it surprises us."""
    script = entering()
    fill = replace(fill_of(script, "E1", price=ENTRY), **changed)
    script = script >> events.ExecutionReported(fill) << Page("UNEXPECTED_FILL")
    assert (script.cycle.phase, script.state.mode) == (Phase.HALTED, Mode.HALT)
    booked = script.state.position(fill.con_id).booked
    assert booked == fill.side.sign * fill.quantity


def test_a_fill_of_an_order_that_the_cycle_does_not_have_halts() -> None:
    """Our reference, our cycle, and no such order."""
    script = entering()
    fill = replace(fill_of(script, "E1"), ref=f"mt/{CYCLE}/X9")
    script = script >> events.ExecutionReported(fill) << Page("UNEXPECTED_FILL")
    assert (script.cycle.phase, script.state.position(CON_ID).booked) == (Phase.HALTED, 1)


def test_a_fill_that_is_not_ours_is_booked_counted_and_paged() -> None:
    """A person traded by hand: no new entries until a person says so."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    fill = replace(fill_of(script, "E1"), ref="by hand", exec_id="9.01")
    script = script >> events.ExecutionReported(fill) << Page("FOREIGN_FILL")
    script = script << Page("MODE_REDUCE_ONLY") >> events.ExecutionReported(fill)
    assert (script.is_complete, script.state.position(CON_ID).booked) == (True, 1)


def test_a_late_fill_of_a_finished_cycle_halts() -> None:
    """An order that was proven dead has filled: every proof is in doubt."""
    script = opened()
    fill = replace(fill_of(script, "S1", price=STOP), exec_id="late.01")
    script = script >> Filled("S1", STOP) >> events.ExecutionReported(fill)
    assert f"an order of the finished cycle {CYCLE}" in script.state.mode_why
    script = script << Page("FOREIGN_FILL") << Page("MODE_HALT")
    assert (script.is_complete, script.state.position(CON_ID).booked) == (True, -1)


def test_a_fill_of_a_cycle_that_the_journal_does_not_know_says_so() -> None:
    """A new journal on an account that another one has traded today: no cycle of it finished."""
    fill = replace(fill_of(entering(), "E1"), ref=STRANGER)
    script = Playbook() >> events.ExecutionReported(fill)
    assert "which this journal does not know" in script.state.mode_why
    script = script << Page("FOREIGN_FILL") << Page("MODE_HALT")
    assert script.is_complete


@pytest.mark.parametrize(
    ("changed", "code", "cycle_id", "words"),
    [
        ({"quantity": 2}, "UNEXPECTED_FILL", CYCLE, "although it could not"),
        ({"ref": "by hand"}, "FOREIGN_FILL", None, "an order that is not ours"),
        ({"ref": STRANGER}, "FOREIGN_FILL", STRANGER[3:29], "which this journal does not know"),
    ],
)
def test_a_page_about_a_fill_names_its_trade_and_its_order(
    changed: dict[str, object], code: str, cycle_id: str | None, words: str
) -> None:
    """Whoever is paged finds the trade in record, log and trace by this id."""
    script = entering()
    fill = replace(fill_of(script, "E1", price=ENTRY), **changed)
    page = (script >> events.ExecutionReported(fill)).left[0]
    assert isinstance(page, RaiseAlert)
    assert (page.code, page.cycle_id, page.ref) == (code, cycle_id, fill.ref)
    assert words in page.text


def test_a_page_about_a_corrected_fill_names_its_order() -> None:
    script = opened()
    fill = replace(fill_of(script, "E1", price=ENTRY), exec_id="0000e0d5.E101.02")
    page = (script >> events.ExecutionReported(fill)).left[0]
    assert isinstance(page, RaiseAlert)
    assert (page.code, page.ref) == ("POSITION_DOUBT", fill.ref)


def test_a_fill_too_many_is_counted_in_its_order() -> None:
    """What the order has filled is what its executions say, also where it could not."""
    script = entering()
    fill = replace(fill_of(script, "E1", price=ENTRY), quantity=2)
    script = script >> events.ExecutionReported(fill)
    assert script.order("E1").filled == 2


def test_a_fill_tells_an_order_its_ids() -> None:
    """The echo was lost: by these ids the order is cancelled, and another identity is noticed."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    fill = fill_of(script, "E1", price=ENTRY)
    script = script.past(events.ExecutionReported(fill))
    order = script.order("E1")
    assert (order.order_id, order.perm_ids) == (fill.order_id, (fill.perm_id,))


def test_a_second_identity_is_paged_with_its_trade() -> None:
    script = entering()
    fill = replace(fill_of(script, "E1", price=ENTRY), perm_id=77)
    page = (script >> events.ExecutionReported(fill)).left[0]
    assert isinstance(page, RaiseAlert)
    assert (page.code, page.cycle_id) == ("SECOND_IDENTITY", CYCLE)


def test_a_fill_ends_the_count_of_books_that_disagreed() -> None:
    """It may be the fill that the book was ahead of."""
    script = entering() >> events.PositionReported(CON_ID, 1) << AskBook()
    script = script >> Answered(("E1", "S1"), position=1) << AskBook()
    assert script.state.position(CON_ID).disagreeing_books == 1
    script = script >> Filled("E1", ENTRY)
    assert script.state.position(CON_ID).disagreeing_books == 0


def test_what_a_person_sold_by_hand_is_not_sold_again_by_the_stop() -> None:
    """The position is gone: its stop would open another one, so it is cancelled."""
    script = opened()
    fill = replace(fill_of(script, "S1"), ref="by hand", exec_id="9.01")
    script = script >> events.ExecutionReported(fill) << Page("FOREIGN_FILL")
    script = script << Page("MODE_REDUCE_ONLY") << Cancel("S1") << Page("EXIT_EXCESS")
    script = script << Page("MODE_HALT")
    assert script.is_complete
    script = script >> Stated("S1", "Cancelled") << AskBook() >> Answered()
    assert (script.is_complete, script.cycle.emergency_stops) == (True, 0)


# Commissions


def test_a_commission_may_come_before_its_execution() -> None:
    """The order of the broker's messages around a fill is not guaranteed."""
    script = opened()
    fill = fill_of(script, "S1", price=STOP)
    early = events.CommissionReported(fill.exec_id, Decimal("2.41"))
    script = script >> early >> events.ExecutionReported(fill)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)
    assert script.cycle.commission_usd == Decimal("4.81")
    assert not script.state.early_commissions


def test_a_late_fill_of_a_claimed_entry_is_told() -> None:
    """Cancelled, said the broker, with nothing filled."""
    script = entering() >> Stated("E1", "Cancelled") << AskBook() >> Filled("E1", ENTRY)
    script = script << Warn("LATE_FILL")
    assert script.cycle.phase is Phase.PROTECTING


def test_commissions_of_nobody_do_not_pile_up() -> None:
    """Other people's reports are kept for a while, the newest of them."""
    script = entering()
    for number in range(69):
        script = script >> events.CommissionReported(f"{number}", COMMISSION)
    kept = list(script.state.early_commissions)
    assert (len(kept), kept[-1]) == (64, "68")
    script = Playbook() >> events.CommissionReported("1", COMMISSION)
    assert not script.state.early_commissions
