"""An order is live until its death is proven, and everything the broker says is remembered."""

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import Phase
from mytrader.domain.events import AnyEvent
from mytrader.domain.orders import Death, OrderLife, Side
from mytrader.domain.trader import Mode
from mytrader.execution import order_tracking
from mytrader.execution.order_tracking import (
    CANCEL_REFUSED_CODES,
    CANCELLED_CODE,
    CHANGE_REFUSAL_CODES,
    REFUSAL_CODES,
)
from mytrader.execution.turn import Turn
from tests.playbook import (
    COMMISSION,
    CYCLE,
    ENTRY,
    LINK_BACK,
    LINK_LOST,
    STOP,
    TARGET,
    Advised,
    Answered,
    Echoed,
    Elapsed,
    EntrySubmitted,
    Erred,
    Filled,
    NotWritten,
    Playbook,
    Quoted,
    Stated,
    StopWorking,
    Written,
    entering,
    fill_of,
    opened,
    proposed,
)
from tests.wanted import (
    AskAdvice,
    AskBook,
    Cancel,
    Change,
    Page,
    PlaceBracket,
    Tell,
    Warn,
)

STRANGER = "mt/01JCXW5M7Q0000000000000099/E1"


# Identity


def test_an_order_gets_its_number_once_it_is_written() -> None:
    """Messages are counted per second, whoever they are of."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    assert script.order("E1").life is OrderLife.INTENDED
    script = script >> Written("E1") >> events.OrderWritten(STRANGER, 7, "place")
    assert (script.order("E1").life, script.order("E1").order_id) == (OrderLife.WRITTEN, 1)
    assert script.state.link.messages == 2
    script = script >> Elapsed(1) >> Written("S1")
    assert script.state.link.messages == 1


def test_a_second_permanent_id_is_a_second_order_and_halts() -> None:
    """Every identity counts until it is proven dead; each needs its own word for that."""
    script = opened() >> Stated("S1", "PreSubmitted", perm_id=77) << Page("SECOND_IDENTITY")
    script = script << Page("CYCLE_HALTED") << Page("MODE_HALT") << AskBook()
    assert (script.is_complete, script.order("S1").remaining) == (True, 2)
    script = script >> Stated("S1", "Cancelled", perm_id=77) >> Answered() << AskBook()
    script = script >> Answered()
    assert (script.is_complete, script.order("S1").live) == (True, True)
    script = (script >> Stated("S1", "Cancelled") << AskBook() >> Answered()).ignoring()
    assert script.order("S1").death is Death.CANCELLED


def test_a_cancel_before_the_first_permanent_id_counts_for_it() -> None:
    """The broker cancels an order that it has not numbered yet."""
    script = entering_unacknowledged() >> Stated("E1", "ApiCancelled", perm_id=0) << AskBook()
    script = script >> Echoed("E1", "PendingSubmit") >> Answered()
    assert script.order("E1").death is Death.CANCELLED


def test_a_cancel_without_a_permanent_id_counts_for_the_only_one() -> None:
    """A status may leave the number out."""
    script = entering() >> Stated("E1", "Cancelled", perm_id=0) << AskBook()
    assert script.order("E1").claim_filled == 0


def entering_unacknowledged() -> Playbook:
    """Return a script whose bracket was written and not answered."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    return script >> Written("E1") >> Written("S1")


# What never left


def test_an_echo_may_come_before_our_own_note() -> None:
    """The order has its number from whoever says it first."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    script = script >> Echoed("E1")
    assert (script.order("E1").order_id, script.order("E1").perm_ids) == (1, (901,))
    script = script >> Echoed("E1", perm_id=0) >> Stated("S1", "PreSubmitted", perm_id=0)
    assert (script.order("E1").perm_ids, script.order("S1").perm_ids) == ((901,), ())


def test_a_change_that_was_not_written_never_was() -> None:
    """The order is as it was; what was neither placed, changed nor cancelled is only told."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> NotWritten("S1", "change")
    script = script << Warn("LINK_DOWN")
    assert (script.order("S1").change, script.order("S1").change_refusal) == (None, None)
    script = script >> NotWritten("S1", "cancel") << Warn("LINK_DOWN") << AskBook()
    script = script >> NotWritten("S1", "shout") << Warn("LINK_DOWN")
    assert script.is_complete


def test_what_was_never_written_is_dead() -> None:
    """Proof 4: nothing of it has left the machine."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    script = script >> NotWritten("E1", code="MODE") << Warn("MODE") << Cancel("S1")
    assert script.order("E1").death is Death.NEVER_WRITTEN
    script = script >> NotWritten("E1")
    script = script >> NotWritten("S1") << Warn("LINK_DOWN")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.ABORTED)


def test_what_was_written_is_not_dead_because_a_second_try_was_not() -> None:
    """Only an intent that was never written dies of not being written."""
    script = entering() >> NotWritten("E1") << Warn("LINK_DOWN")
    assert (script.is_complete, script.order("E1").live) == (True, True)


def test_a_note_about_nothing_of_ours_is_nothing() -> None:
    """The state is equal but for the count of messages."""
    script = opened()
    strange: tuple[AnyEvent, ...] = (
        events.OrderNotWritten(STRANGER, "place", "LINK_DOWN", "-"),
        events.StatusReported(STRANGER, 1, 2, "Cancelled", 0, 1, ""),
        events.ErrorReported(STRANGER, 1, 201, "-"),
    )
    for event in strange:
        assert (script >> event).state == script.state


# Echoes


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": 2},
        {"limit": STOP - 99},
        {"stop": STOP - 1},
        {"tif": "DAY"},
        {"outside_rth": False},
        {"trigger_method": 0},
        {"side": Side.BUY},
    ],
)
def test_protection_that_is_echoed_differently_pages_once_and_does_not_count(
    changed: dict[str, object],
) -> None:
    """A wrong stop is left where it is: taking it away would be worse (C14)."""
    script = opened()
    wrong = Echoed("S1", spec=replace(script.order("S1").spec, **changed))
    script = script >> wrong << Page("ECHO_MISMATCH") << Page("MODE_REDUCE_ONLY")
    assert not script.order("S1").confirmed_working
    script = script >> wrong
    assert script.order("S1").remaining == changed.get("quantity", 1)
    script = script >> Echoed("S1", "PreSubmitted")
    assert (script.is_complete, script.order("S1").confirmed_working) == (True, True)


def test_an_entry_that_is_echoed_differently_is_cancelled() -> None:
    """A wrong entry must not fill."""
    script = entering()
    wrong = Echoed("E1", spec=replace(script.order("E1").spec, quantity=3))
    script = script >> wrong << Page("ECHO_MISMATCH") << Page("MODE_REDUCE_ONLY") << Cancel("E1")
    assert (script.is_complete, script.order("E1").remaining) == (True, 3)


def test_late_echoes_around_a_change_are_no_surprise() -> None:
    """The version before the change may be echoed before the new one, and after it."""
    script = opened()
    old = Echoed("S1", "PreSubmitted", spec=script.order("S1").spec)
    script = script >> Quoted(TARGET) << Change("S1") >> old >> Echoed("S1", "PreSubmitted")
    assert script.order("S1").change is None
    script = script >> old
    assert (script.is_complete, script.state.mode) == (True, Mode.NORMAL)


def test_an_echo_alone_does_not_make_a_child_a_resting_stop() -> None:
    """PreSubmitted in an echo does not say whether it waits for its parent or its trigger."""
    script = entering_unacknowledged() >> Echoed("S1", "PreSubmitted")
    assert script.order("S1").life is OrderLife.HELD
    script = script >> Filled("E1", ENTRY) >> Echoed("S1", "PreSubmitted")
    assert (script.order("S1").life, script.cycle.phase) == (OrderLife.HELD, Phase.PROTECTING)
    script = script >> Echoed("S1", "Submitted")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


# Statuses


@pytest.mark.parametrize(
    ("status", "life"),
    [
        ("PendingCancel", OrderLife.CANCELLING),
        ("PendingSubmit", OrderLife.WORKING),
        ("", OrderLife.WORKING),
    ],
)
def test_a_status_that_ends_nothing_leaves_the_order_live(status: str, life: OrderLife) -> None:
    """Pending cancel may still execute (B20)."""
    script = opened() >> Stated("S1", status)
    assert (script.is_complete, script.order("S1").life) == (True, life)
    assert script.order("S1").remaining == 1


def test_an_inactive_order_may_become_active_again() -> None:
    """It protects nothing meanwhile, and it is not dead."""
    script = opened() >> Stated("S1", "Inactive") << AskBook()
    assert (script.order("S1").life, script.order("S1").live) == (OrderLife.HELD, True)
    script = script >> StopWorking()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


def test_a_filled_status_is_a_claim_until_its_executions_come() -> None:
    """The position is made of executions; a stop that may be gone protects nothing."""
    script = opened() >> Stated("S1", "Filled", filled=1) << AskBook()
    assert (script.order("S1").live, script.order("S1").confirmed_working) == (True, False)
    script = script >> Filled("S1", STOP)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)


def test_a_filled_echo_claims_the_whole_order() -> None:
    """An echo does not say how much."""
    script = opened() >> Echoed("S1", "Filled") << AskBook()
    assert (script.is_complete, script.order("S1").claim_filled) == (True, 1)


def test_repeated_words_change_nothing() -> None:
    """The first claim counts from its own query on, however often it is repeated."""
    script = entering() >> Stated("E1", "Cancelled") << AskBook()
    again = script >> Stated("E1", "Cancelled")
    assert again.order("E1") == script.order("E1")
    script = entering() >> Erred("S1", 201) << AskBook()
    again = script >> Erred("S1", 201)
    assert again.order("S1") == script.order("S1")
    dead = again >> Answered(("E1",)) << AskBook() << Cancel("E1")
    for repeat in (Erred("S1", 201), Stated("S1", "Cancelled"), Echoed("S1", "Submitted")):
        assert (dead >> repeat).order("S1") == dead.order("S1")


# Errors


@pytest.mark.parametrize("code", sorted(REFUSAL_CODES))
def test_a_refusal_is_a_claim_and_kills_nothing(code: int) -> None:
    """Only a complete book asked after it proves the death."""
    script = opened() >> Erred("S1", code) << AskBook()
    assert (script.is_complete, script.order("S1").live) == (True, True)
    script = script >> Answered(("S1",))
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


@pytest.mark.parametrize("code", [399, 2109, 10349, 1])
def test_a_notice_is_told_and_nothing_else(code: int) -> None:
    """Notice 10349 was once read as a cancel; fifteen orders filled (B21)."""
    script = opened() >> Erred("S1", code) << Tell(f"BROKER_{code}")
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


def test_the_cancelled_code_only_asks() -> None:
    """The status says what was filled; the code does not."""
    script = opened() >> Erred("S1", CANCELLED_CODE) << AskBook()
    assert (script.is_complete, script.order("S1").confirmed_working) == (True, True)


@pytest.mark.parametrize("code", sorted(CHANGE_REFUSAL_CODES))
def test_a_refused_change_leaves_the_old_version_live(code: int) -> None:
    """A failed modify is not a cancel of the order (B22); its repeat changes nothing."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> Erred("S1", code) << AskBook()
    again = script >> Erred("S1", code)
    assert again.state.cycles == script.state.cycles
    assert (script.order("S1").change_refusal, script.order("S1").refusal) == (code, None)


@pytest.mark.parametrize("code", sorted(CANCEL_REFUSED_CODES))
def test_a_refused_cancel_asks_and_is_not_repeated_by_itself(code: int) -> None:
    """A cancel that is answered with a refusal must not go round with the broker."""
    script = entering() >> Elapsed(10) << Cancel("E1") >> Erred("E1", code) << AskBook()
    script = script >> Answered()
    assert (script.is_complete, script.order("E1").live) == (True, True)


def test_too_late_to_cancel_ends_an_order_whose_every_contract_has_filled() -> None:
    """A change lost with the link may have doubled it; the broker says there is nothing left."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> LINK_LOST << Page("LINK_DOWN")
    script = script >> LINK_BACK << AskBook()
    fill = fill_of(script, "S1", price=TARGET)
    script = script >> Answered(fills=(fill,), position=0) << Cancel("S1")
    assert (script.cycle.position, script.order("S1").remaining) == (0, 1)
    script = script >> Erred("S1", 10148) << AskBook() >> Answered()
    script = script >> events.CommissionReported(fill.exec_id, COMMISSION)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)


# Cancels


def test_a_cancel_is_asked_for_once_and_only_of_what_may_still_fill() -> None:
    """Not of the unknown, the dead, the claimed, nor while nobody hears."""
    script = opened()
    turn = Turn(script.state, script.now)
    assert not order_tracking.ask_cancel(turn, STRANGER, why="a test")
    assert not order_tracking.ask_cancel(turn, f"mt/{CYCLE}/E1", why="a test")
    assert order_tracking.ask_cancel(turn, f"mt/{CYCLE}/S1", why="a test")
    assert not order_tracking.ask_cancel(turn, f"mt/{CYCLE}/S1", why="a test")
    down = Turn((script >> LINK_LOST).state, script.now)
    assert not order_tracking.ask_cancel(down, f"mt/{CYCLE}/S1", why="a test")
    claimed = Turn((script >> Stated("S1", "Cancelled")).state, script.now)
    assert not order_tracking.ask_cancel(claimed, f"mt/{CYCLE}/S1", why="a test")


def test_words_about_an_order_that_is_gone_are_nothing() -> None:
    """A status may follow the echo that buried its order."""
    script = opened()
    turn = Turn(script.state, script.now)
    order_tracking.take_status(turn, f"mt/{CYCLE}/E1", status="Submitted", perm_id=1)
    order_tracking.take_status(turn, STRANGER, status="Submitted", perm_id=1)
    assert (turn.state, turn.commands) == (script.state, [])


def test_the_start_of_these_scripts_is_acknowledged() -> None:
    """An acknowledged bracket has numbers for all its orders."""
    script = entering_unacknowledged() >> EntrySubmitted()
    assert script.is_complete
    assert all(order.perm_ids for order in script.cycle.orders.values())
