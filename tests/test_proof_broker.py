"""The broker of the proof obeys, word for word as the simulated gateway does."""

import pytest
from msgspec.structs import replace

from mytrader.domain.events import BookAnswered, ErrorReported, StatusReported
from mytrader.domain.known import Known
from mytrader.domain.limits import Profile
from mytrader.domain.orders import OrderSpec
from mytrader.execution.trade_cycle import step
from mytrader.proof import broker
from mytrader.proof.ledger import Ledger, Resting
from mytrader.proof.moves import start


def held(profile: Profile = Profile.BRACKET, *, lots: int = 1) -> Ledger:
    """Return the ledger of an open position, everything said and heard."""
    return start(profile, root="open", lots=lots, faults=0, step=step).ledger


def order(ledger: Ledger, name: str) -> Resting:
    """Return an order by role and number."""
    return next(o for o in ledger.orders.values() if o.spec.ref[30:] == name)


def said(ledger: Ledger) -> list[str]:
    """Return the statuses and errors that are on their way."""
    found = []
    for event in (event for message in ledger.outbox for event in message):
        if isinstance(event, StatusReported):
            found.append(f"{event.ref[30:]} {event.status}")
        elif isinstance(event, ErrorReported):
            found.append(f"{event.ref[30:]} {event.code}")
    return found


def test_a_leg_that_fills_withdraws_the_other() -> None:
    ledger = broker.fill(held(), order(held(), "T1"))
    assert said(ledger) == ["T1 Filled", "S1 202", "S1 Cancelled"]
    assert (ledger.position, ledger.stops) == (0, 0)


def test_a_leg_that_fills_alone_leaves_the_other() -> None:
    ledger = broker.fill(held(), order(held(), "T1"), alone=True)
    assert order(ledger, "S1").live


def test_a_child_wakes_with_its_parent_and_ends_with_it() -> None:
    entering = start(Profile.STRICT, root="entering", lots=1, faults=0, step=step).ledger
    assert order(entering, "S1").stage == "held"
    assert order(broker.fill(entering, order(entering, "E1")), "S1").stage == "working"
    ended = broker.cancel(entering, order(entering, "E1").spec.ref)
    assert said(ended) == ["E1 202", "E1 Cancelled", "S1 202", "S1 Cancelled"]


@pytest.mark.parametrize(("name", "code"), [("E1", 10148), ("X7", 10147)])
def test_a_cancel_of_nothing_is_answered(name: str, code: int) -> None:
    ledger = held()
    ref = order(ledger, "E1").spec.ref[:30] + name
    assert said(broker.cancel(ledger, ref)) == [f"{name} {code}"]


def test_a_change_is_taken_refused_or_too_late() -> None:
    ledger = held()
    stop = order(ledger, "S1")
    moved = replace(stop.spec, stop=1)
    assert order(broker.change(ledger, moved), "S1").spec == moved
    stubborn = broker.change(replace(ledger, stubborn=True), moved)
    assert (order(stubborn, "S1").spec, said(stubborn)) == (stop.spec, ["S1 201"])
    late = broker.change(broker.cancel(ledger, stop.spec.ref), moved)
    assert said(late)[-1] == "S1 104"


def test_a_group_that_has_filled_takes_nobody_new() -> None:
    """Its budget is spent: that is what it means to trust it."""
    ledger = broker.fill(held(), order(held(), "T1"))
    stop: OrderSpec = order(ledger, "S1").spec
    late = replace(stop, ref=stop.ref[:30] + "M1", parent_ref=None)
    assert not order(broker.place(ledger, late), "M1").live


def test_a_book_lists_what_is_over_with_its_end() -> None:
    ledger = broker.book(broker.fill(held(), order(held(), "T1")), 7)
    answer = ledger.outbox[-1][0]
    assert isinstance(answer, BookAnswered)
    assert isinstance(answer.book, Known)
    assert [o.status for o in answer.book.value.orders] == ["Filled", "Filled", "Cancelled"]
    assert answer.book.value.positions == ()


def test_two_lots_fill_in_parts() -> None:
    """An order of two contracts fills one at a time."""
    ledger = held(Profile.STRICT, lots=2)
    stop = order(ledger, "S1")
    both = replace(stop, spec=replace(stop.spec, quantity=2))
    once = broker.fill(ledger.put(both), both)
    assert (order(once, "S1").stage, order(once, "S1").left) == ("working", 1)
    assert order(broker.fill(once, order(once, "S1")), "S1").stage == "filled"
