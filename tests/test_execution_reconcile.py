"""Only a book asked after a claim settles it, and absence alone proves nothing."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import Phase
from mytrader.domain.events import Book, OrderReported, PositionReported, Request
from mytrader.domain.known import Known
from mytrader.domain.orders import Death, OrderKind, OrderLife, OrderSpec, Side
from mytrader.domain.trader import Mode
from tests.playbook import (
    BRACKET,
    CON_ID,
    CYCLE,
    ENTRY,
    LIMITS,
    LINK_BACK,
    LINK_LOST,
    NOON,
    RESTARTED,
    STOP,
    TARGET,
    Advised,
    Answered,
    Echoed,
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
    proposed,
    report_of,
    the_start,
)
from tests.wanted import (
    AskAdvice,
    AskBook,
    Cancel,
    Change,
    Page,
    PlaceBracket,
    PlaceEmergencyStop,
    Tell,
    Warn,
)

BY_HAND = OrderSpec(
    ref="", con_id=CON_ID, side=Side.SELL, quantity=2, kind=OrderKind.LMT, limit=ENTRY
)


def by_hand(status: str = "Submitted", *, ref: str = "") -> OrderReported:
    """Return the echo of an order that no cycle knows."""
    return report_of(replace(BY_HAND, ref=ref), 3, perm_id=55, status=status)


# Starts and links


def test_a_start_confirms_nothing() -> None:
    """What the last process heard of the broker is not known to this one."""
    script = opened() >> RESTARTED
    view = script.state.position(CON_ID)
    assert (script.state.link.up, view.confirmed, view.booked) == (False, False, 1)
    limits = replace(LIMITS, order_size_max=1)
    assert (script >> events.TraderStarted(limits)).state.limits == limits


@pytest.mark.parametrize(
    ("script", "level"), [(Playbook(), AlertLevel.WARNING), (opened(), AlertLevel.PAGE)]
)
def test_a_lost_link_is_told_once(script: Playbook, level: AlertLevel) -> None:
    """With a trade open it is a page."""
    wanted = Page("LINK_DOWN") if level is AlertLevel.PAGE else Warn("LINK_DOWN")
    script = script >> LINK_LOST << wanted >> LINK_LOST
    assert (script.is_complete, script.state.position(CON_ID).known) == (True, False)


def test_questions_and_reports_end_with_the_link() -> None:
    """Nothing is asked on a dead link, and what was reported over it may be old."""
    script = opened()
    view = replace(script.state.position(CON_ID), reported=1, disagreeing_books=1)
    link = replace(script.state.link, query_wanted=True, query_due_at=NOON)
    state = replace(script.state, link=link, positions={CON_ID: view})
    script = replace(script, state=state).past(LINK_LOST)
    link, view = script.state.link, script.state.position(CON_ID)
    assert (link.query_pending, link.query_wanted, link.query_due_at) == (False, False, None)
    assert (view.reported, view.disagreeing_books) == (None, 0)


def test_an_answer_from_before_the_link_broke_is_no_answer() -> None:
    """Its positions may be older than what the broken link hid."""
    script = Playbook() >> LINK_BACK << AskBook() >> LINK_LOST << Warn("LINK_DOWN")
    script = script >> LINK_BACK << AskBook()
    assert script.state.link.queries_asked == 3
    script = script >> events.BookAnswered(2, Known(Book((), (), ())))
    assert not script.state.position(CON_ID).known
    script = script >> Answered()
    assert (script.is_complete, script.state.position(CON_ID).known) == (True, True)


NEW_PROCESS = events.TraderStarted(LIMITS, numbers_first=True)


def test_an_intent_without_a_number_was_never_written() -> None:
    """Bytes follow the record of their number: who died before it has sent nothing (H15)."""
    script = Playbook() >> NEW_PROCESS
    script = script.past(LINK_BACK, Answered(), proposed(), Advised())
    assert script.order("E1").life is OrderLife.INTENDED
    script = script.past(NEW_PROCESS)
    assert script.last[-1].phase is Phase.ABORTED
    assert {order.death for order in script.last[-1].orders.values()} == {Death.NEVER_WRITTEN}


def test_an_intent_with_a_number_may_have_been_written_and_is_withdrawn() -> None:
    """The broker's answer to a cancel under that number, and a book, say whether it was."""
    script = Playbook().past(NEW_PROCESS, LINK_BACK, Answered(), proposed(), Advised())
    numbers = tuple((order, 7 + place) for place, order in enumerate(script.cycle.orders))
    script = script.past(events.OrdersNumbered(numbers), NEW_PROCESS)
    assert [order.life for order in script.cycle.orders.values()] == [OrderLife.WRITTEN] * 2
    script = script >> LINK_BACK << Cancel("E1") << Cancel("S1") << AskBook()
    assert script.is_complete


def test_an_intent_of_a_process_that_recorded_no_numbers_stays_unknown() -> None:
    """A journal of an older version keeps its meaning."""
    script = Playbook().past(RESTARTED, LINK_BACK, Answered(), proposed(), Advised(), NEW_PROCESS)
    assert [order.live for order in script.cycle.orders.values()] == [True, True]


def test_what_was_lost_on_its_way_is_withdrawn_and_proven_not_to_exist() -> None:
    """No list proves that; the broker's word that it knows no such order, and a book, do."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    script = script >> Written("E1") >> Written("S1") >> LINK_LOST << Page("LINK_DOWN")
    script = script >> LINK_BACK << Cancel("E1") << Cancel("S1") << AskBook() >> Answered()
    assert (script.order("E1").live, script.order("S1").live) == (True, True), "absence"
    script = script >> Erred("E1", 10147) << AskBook() >> Erred("S1", 10147) >> Answered()
    assert script.order("E1").death is Death.REFUSED
    script = script << AskBook() >> Answered()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.ABORTED)


def test_a_cancel_that_was_lost_as_well_is_asked_for_again() -> None:
    """The process died between two cancels, or the link broke once more."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    script = script.past(Written("E1"), Written("S1"), LINK_LOST, LINK_BACK, RESTARTED)
    script = script >> LINK_BACK << Cancel("E1") << Cancel("S1") << AskBook()
    assert script.is_complete


def test_a_cancel_that_nobody_heard_is_asked_for_again() -> None:
    """An order of which the broker never said a word kept a flat trade open for ever."""
    script = Playbook(the_start(BRACKET)) >> proposed() << AskAdvice() >> Advised()
    script = script.past(Written("E1"), Written("T1"), Written("S1"), Filled("E1", ENTRY))
    script = script.past(StopWorking("S1"), Filled("S1"))
    assert (script.cycle.position, script.order("T1").cancel_asked) == (0, True)
    script = script >> Elapsed(10) << AskBook() << Cancel("T1")
    assert script.is_complete
    script = script.past(Erred("T1", 10147), Answered(), Elapsed(20), Answered())
    assert (script.last[-1].phase, script.last[-1].orders[f"mt/{CYCLE}/T1"].death) == (
        Phase.CLOSED,
        Death.REFUSED,
    )


def test_an_order_that_the_broker_has_acknowledged_is_not_withdrawn() -> None:
    """It rests; and to be told that it is unknown is then no proof of anything."""
    script = entering() >> LINK_LOST << Page("LINK_DOWN") >> LINK_BACK << AskBook()
    script = script >> Answered() >> Erred("E1", 10147) << AskBook() >> Answered()
    assert (script.is_complete, script.order("E1").live) == (True, True)


def test_a_stop_whose_entry_has_filled_is_not_withdrawn() -> None:
    """The two arrived together: to cancel it would take the protection away."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised() << PlaceBracket()
    script = script >> Written("E1") >> Written("S1") >> Filled("E1", ENTRY)
    script = script >> LINK_LOST << Page("LINK_DOWN") >> LINK_BACK << AskBook()
    assert script.is_complete


# Positions


def test_a_position_report_that_agrees_confirms_and_asks_nothing() -> None:
    """The usual case."""
    script = opened() >> PositionReported(CON_ID, 1)
    assert (script.is_complete, script.state.position(CON_ID).interval) == (True, (1, 1))


def test_a_report_that_disagrees_is_asked_about_once_and_paged_when_it_stays() -> None:
    """The answer repeats the report: asking about that again would never end."""
    report = PositionReported(CON_ID, 3)
    script = opened() >> report << AskBook() >> report >> Answered(("S1",), position=3)
    script = script << AskBook() >> report >> Answered(("S1",), position=3)
    script = script << Page("POSITION_MISMATCH") << Page("MODE_REDUCE_ONLY")
    assert script.state.position(CON_ID).interval == (1, 3)
    script = script >> LINK_BACK << AskBook() >> Answered(("S1",), position=3) << AskBook()
    script = script >> Answered(("S1",))
    assert (script.is_complete, script.state.position(CON_ID).interval) == (True, (1, 1))


def test_a_contract_that_a_complete_list_leaves_out_is_flat() -> None:
    """That much is known: the list had its end marker."""
    script = opened() >> LINK_BACK << AskBook()
    empty = Known(Book((), script.cycle.fills, ()))
    script = script >> events.BookAnswered(script.state.link.queries_asked, empty) << AskBook()
    assert (script.is_complete, script.state.position(CON_ID).interval) == (True, (0, 1))


def test_an_unknown_answer_is_asked_for_again_and_never_read_as_empty() -> None:
    """Every half second, one at a time, until it is complete."""
    script = opened() >> LINK_BACK << AskBook() >> Unanswered() << Warn("BOOK_UNKNOWN")
    assert not script.state.position(CON_ID).known
    script = script >> Elapsed(0.4)
    assert script.is_complete
    script = script >> Elapsed(0.1) << AskBook() >> Answered(("S1",)) >> Elapsed(3)
    assert (script.is_complete, script.state.position(CON_ID).known) == (True, True)


def test_fills_that_only_the_book_knows_are_booked() -> None:
    """Fills around a broken link were lost where nobody asked (B23)."""
    script = entering() >> LINK_LOST << Page("LINK_DOWN") >> LINK_BACK << AskBook()
    fill = fill_of(script, "E1", price=ENTRY)
    script = script >> Answered(("S1",), fills=(fill,), position=1)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


def test_a_person_who_resumes_ends_a_doubt_and_the_book_has_the_last_word() -> None:
    """Known again only if the broker's position equals the fills."""
    script = opened()
    fill = replace(fill_of(script, "E1"), exec_id="0000e0d5.E101.02")
    script = (script >> events.ExecutionReported(fill)).ignoring() >> Answered(("S1",))
    assert not script.state.position(CON_ID).known
    script = script >> asked(Request.RESUME) << AskBook() << Tell("RESUMED")
    assert not script.state.position(CON_ID).known
    script = script >> Answered(("S1",), fills=(fill,))
    assert (script.is_complete, script.state.position(CON_ID).interval) == (True, (1, 1))


# Claims


def test_a_book_asked_before_a_claim_says_nothing_about_it() -> None:
    """The answer may be older than the cancel."""
    script = opened() >> LINK_BACK << AskBook() >> Stated("S1", "Cancelled")
    script = script >> Answered() << AskBook()
    assert script.order("S1").live
    script = (script >> Answered()).ignoring()
    assert script.order("S1").death is Death.CANCELLED


@pytest.mark.parametrize("status", ["Submitted", "PendingCancel", "Inactive", "PendingSubmit"])
def test_an_order_that_is_listed_is_never_dead(status: str) -> None:
    """Whatever its status is but one that ends it: what is listed may fill."""
    script = opened() >> Stated("S1", "Cancelled") << AskBook()
    script = (script >> Answered(("S1",), status=status)).ignoring()
    assert (script.order("S1").live, script.order("S1").claims) == (True, {})
    script = (opened() >> Erred("S1", 201) << AskBook() >> Answered(("S1",))).ignoring()
    assert (script.order("S1").live, script.order("S1").refusal) == (True, None)


def test_absence_alone_proves_nothing() -> None:
    """Open-order queries leave filled and cancelled orders out (B17)."""
    script = opened() >> LINK_BACK << AskBook() >> Answered()
    assert (script.is_complete, script.order("S1").live) == (True, True)


def test_a_refusal_of_an_order_that_has_filled_proves_nothing() -> None:
    """A definitive refusal, with no execution known (proof 2)."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> LINK_LOST << Page("LINK_DOWN")
    script = script >> LINK_BACK << AskBook()
    fill = fill_of(script, "S1", price=TARGET)
    script = (script >> Answered(fills=(fill,))).ignoring()
    script = (script >> Erred("S1", 201)).ignoring() >> Answered()
    assert script.order("S1").live


def test_a_status_that_the_executions_do_not_match_halts() -> None:
    """The broker says that more has filled than it has shown."""
    script = entering() >> Stated("E1", "Cancelled", filled=1) << AskBook() >> Answered(("S1",))
    script = script << Page("FILL_MISMATCH") << Page("CYCLE_HALTED") << Page("MODE_HALT")
    script = script << AskBook()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.HALTED)
    assert script.order("E1").live


def test_a_status_that_was_lost_is_found_among_the_orders_that_are_over() -> None:
    """A complete book may list them; the next one proves the death."""
    script = entering() >> Elapsed(10) << Cancel("E1") >> Elapsed(10) << AskBook()
    script = script >> Answered((Echoed("E1", "Cancelled"), Echoed("S1", "Cancelled")))
    assert script.order("E1").live
    script = script << AskBook() >> Answered() << AskBook() >> Answered()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.ABORTED)


def test_a_refusal_that_a_complete_book_confirms_is_a_death() -> None:
    """Proof 2: refused, not listed, nothing filled."""
    script = entering() >> Erred("S1", 201) << AskBook() >> Answered(("E1",)) << Cancel("E1")
    assert script.order("S1").death is Death.REFUSED


def test_a_cancel_is_free_to_be_asked_again_when_a_later_book_shows_the_order_resting() -> None:
    """It was swallowed on its way; a book from before it says nothing about that."""
    script = entering() >> LINK_BACK << AskBook() >> Elapsed(10) << Cancel("E1")
    script = script >> Answered(("E1", "S1"))
    assert script.order("E1").cancel_asked
    script = script >> LINK_BACK << AskBook() >> Answered(("E1", "S1")) << Cancel("E1")
    assert script.is_complete


def test_resuming_without_a_doubt_asks_nothing() -> None:
    """The position is as known as it was."""
    script = opened() >> asked(Request.RESUME) << Tell("RESUMED")
    assert (script.is_complete, script.state.position(CON_ID).known) == (True, True)


def test_a_refused_change_is_settled_by_the_order_that_still_works() -> None:
    """And only then the exit goes on."""
    script = opened() >> Quoted(TARGET) << Change("S1")
    old = Echoed("S1", spec=script.order("S1").spec)
    script = script >> Erred("S1", 110) << AskBook() >> Answered((old,)) << Cancel("S1")
    assert (script.is_complete, script.order("S1").change) == (True, None)
    assert script.state.move_stop_refused == frozenset()


# Other people's orders


@pytest.mark.parametrize("live", [False, True], ids=["in the book", "by itself"])
def test_an_order_of_somebody_else_is_counted_paged_once_and_never_touched(*, live: bool) -> None:
    """Orders from another screen: no entries until they are gone (C20)."""
    script = Playbook()
    if live:
        script = script >> by_hand()
    else:
        script = script >> LINK_BACK << AskBook() >> _listed(script, by_hand())
    script = script << Page("FOREIGN_ORDER") << Page("MODE_REDUCE_ONLY") >> by_hand()
    assert (script.is_complete, script.state.foreign[55].remaining) == (True, 2)
    script = script >> LINK_BACK << AskBook() >> Answered()
    assert (script.is_complete, script.state.foreign) == (True, {})


def _listed(script: Playbook, *orders: OrderReported) -> events.BookAnswered:
    number = script.state.link.queries_asked + 1
    return events.BookAnswered(number, Known(Book(orders, (), ())))


def test_an_order_of_somebody_else_that_is_over_is_nothing() -> None:
    """It cannot fill."""
    script = Playbook() >> by_hand("Cancelled") >> by_hand("Filled")
    assert (script.is_complete, script.state.foreign) == (True, {})


def test_a_late_word_about_an_order_of_a_finished_cycle_is_asked_about() -> None:
    """It was proven dead; only a book that is newer than the end says otherwise."""
    script = opened()
    late = by_hand("PreSubmitted", ref=f"mt/{CYCLE}/S1")
    script = script >> LINK_BACK << AskBook() >> Filled("S1", STOP)
    old = events.BookAnswered(
        script.state.link.queries_asked, Known(Book((late,), script.cycle.fills, ()))
    )
    script = script >> old << AskBook()
    assert (script.is_complete, script.state.foreign) == (True, {})
    script = script >> Answered() >> late << AskBook()
    assert (script.is_complete, script.state.foreign) == (True, {})
    new = events.BookAnswered(
        script.state.link.queries_asked, Known(Book((late,), script.cycle.fills, ()))
    )
    script = script >> new << Page("FOREIGN_ORDER") << Page("MODE_REDUCE_ONLY")
    assert (script.is_complete, script.state.mode) == (True, Mode.REDUCE_ONLY)


def test_an_unknown_order_with_a_reference_like_ours_is_paged_as_such() -> None:
    """The record of it is gone, or it is of another trader."""
    script = Playbook() >> by_hand(ref="mt/01JCXW5M7Q0000000000000099/S1")
    script = script << Page("FOREIGN_ORDER") << Page("MODE_REDUCE_ONLY")
    assert script.is_complete


def test_a_stop_that_works_again_after_the_start_is_adopted() -> None:
    """By its reference; nothing is placed twice."""
    script = opened() >> RESTARTED >> LINK_BACK << AskBook() >> Answered(("S1",)) >> StopWorking()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


# What the broker does not say


LOOKING = replace(LIMITS, reconcile_interval=timedelta(seconds=30))


def test_the_whole_book_is_looked_at_while_a_position_is_open() -> None:
    """C21: nothing seems amiss, and the broker is asked all the same."""
    script = opened(limits=LOOKING) >> Elapsed(29.9)
    script = script >> Elapsed(0.1) << AskBook() >> Answered(("S1",), status="PreSubmitted")
    script = script >> Elapsed(29.9)
    assert script.is_complete
    assert script.past(Elapsed(0.1)).state.link.query_pending


def test_without_a_position_nobody_looks() -> None:
    script = entering(limits=LOOKING)
    assert script.state.link.reconcile_due_at is None
    script = opened(limits=LOOKING).past(LINK_LOST)
    assert script.state.link.reconcile_due_at is None
    script = entering(lots=2, limits=LOOKING).past(Filled("E1", ENTRY), StopWorking())
    assert script.state.link.reconcile_due_at is not None
    script = script.past(Filled("S1", STOP))
    assert script.order("E2").live
    assert script.state.link.reconcile_due_at is None


def test_a_stop_that_is_gone_without_a_word_is_found_and_does_not_cover() -> None:
    """B18: its status was lost. Absence proves no death, and it is no protection either."""
    script = opened(limits=LOOKING) >> Elapsed(30) << AskBook() >> Answered()
    assert (script.cycle.phase, script.order("S1").missing) == (Phase.PROTECTING, True)
    assert script.is_complete
    ended = Echoed("S1", "Cancelled")
    script = script >> Elapsed(0.5) << AskBook() >> Answered((ended,)) << AskBook()
    script = script >> Answered((ended,)) << Page("STOP_CANCELLED") << Page("MODE_REDUCE_ONLY")
    script = script << PlaceEmergencyStop() << Page("EMERGENCY_STOP_PLACED")
    assert script.is_complete


def test_a_stop_that_is_listed_again_covers_again() -> None:
    script = opened(limits=LOOKING).past(Elapsed(30), Answered(), Elapsed(0.5))
    script = script.past(Answered(("S1",), status="PreSubmitted"))
    assert (script.cycle.phase, script.order("S1").missing) == (Phase.OPEN, False)


def test_a_book_that_was_asked_before_the_broker_spoke_says_nothing_of_the_stop() -> None:
    """It may have been on its way when the stop began to work."""
    script = entering(limits=LOOKING).past(Filled("E1", ENTRY), Elapsed(0.5))
    script = script.past(StopWorking(), Answered())
    assert (script.cycle.phase, script.order("S1").missing) == (Phase.OPEN, False)
