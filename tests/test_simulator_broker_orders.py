"""Orders under their numbers: ids only rise, relatives find each other."""

import random
from datetime import UTC, datetime

import pytest

from mytrader.domain.instrument import ES
from mytrader.domain.orders import OrderKind, Side, TimeInForce
from mytrader.simulator.broker_orders import BrokerOrder, OrderBook, OrderState
from mytrader.simulator.listing import front_month
from mytrader.simulator.matching import Filled
from mytrader.simulator.order_rules import Terms
from mytrader.tws.contracts import WireContract
from mytrader.tws.place_order import PlaceOrder

AT = datetime(2025, 12, 12, 15, 0, tzinfo=UTC)
TERMS = Terms(
    contract=front_month(ES, AT.date()),
    side=Side.BUY,
    quantity=3,
    kind=OrderKind.LMT,
    limit=27400,
    stop=None,
    tif=TimeInForce.DAY,
    outside_rth=True,
)


def _add(book: OrderBook, order_id: int, *, parent: BrokerOrder | None = None) -> BrokerOrder:
    return book.add(7, PlaceOrder(order_id, WireContract()), terms=TERMS, parent=parent)


@pytest.fixture
def book() -> OrderBook:
    """Return an empty book."""
    return OrderBook(random.Random(1))  # noqa: S311 - repeatable is the point


def test_ids_of_one_client_only_rise(book: OrderBook) -> None:
    assert book.next_id(7) == 1
    assert book.claim_id(7, 5)
    assert not book.claim_id(7, 5)
    assert not book.claim_id(7, 4)
    assert book.claim_id(8, 4)
    assert (book.next_id(7), book.next_id(8)) == (6, 5)


def test_order_is_found_by_its_client_and_id(book: OrderBook) -> None:
    order = _add(book, 5)
    assert book.find(7, 5) == order
    assert book.find(8, 5) is None
    assert book[order.perm_id] == order
    assert order.con_id == TERMS.contract.con_id


def test_relatives_find_each_other(book: OrderBook) -> None:
    parent = _add(book, 1)
    children = [_add(book, 2, parent=parent), _add(book, 3, parent=parent)]
    assert book.children(parent) == children
    assert book.parent(children[0]) == parent
    assert book.parent(parent) is None
    assert len({parent.perm_id, *(each.perm_id for each in children)}) == 3


def test_fills_add_up_and_the_last_one_ends_the_order(book: OrderBook) -> None:
    order = book.update(_add(book, 1), state=OrderState.WORKING)
    order = book.fill(order, Filled(order.perm_id, 2, 100, AT, aggressor=True))
    assert (order.filled, order.remaining, order.live, order.ended_at) == (2, 1, True, None)
    order = book.fill(order, Filled(order.perm_id, 1, 103, AT, aggressor=True))
    assert (order.filled_ticks, order.last_fill, order.status) == (303, 103, "Filled")
    assert order.ended_at == AT
    assert book.live() == []
    assert book.over() == [order]


@pytest.mark.parametrize(
    ("state", "status", "held"),
    [
        (OrderState.HELD, "PendingSubmit", ""),
        (OrderState.SENT, "PreSubmitted", ""),
        (OrderState.CHILD, "PreSubmitted", "child"),
        (OrderState.QUEUED, "PreSubmitted", ""),
        (OrderState.WORKING, "Submitted", ""),
        (OrderState.FILLED, "Filled", ""),
        (OrderState.CANCELLED, "Cancelled", ""),
        (OrderState.REFUSED, "Cancelled", ""),
    ],
)
def test_state_in_the_words_of_the_protocol(
    book: OrderBook, state: OrderState, status: str, held: str
) -> None:
    order = book.update(_add(book, 1), state=state)
    assert (order.status, order.why_held) == (status, held)
    assert order.transmitted is (state is not OrderState.HELD)
    dying = book.update(order, cancelling=True)
    assert dying.status == ("PendingCancel" if dying.live else status)


def test_day_orders_away_from_the_exchange_end_with_the_session(book: OrderBook) -> None:
    order = book.update(_add(book, 1), state=OrderState.CHILD)
    assert order.expires_with_session
    assert not book.update(order, state=OrderState.WORKING).expires_with_session


def test_size_and_end_are_changes_of_the_kept_order(book: OrderBook) -> None:
    order = _add(book, 1)
    assert book.resize(order, 1).terms.quantity == 1
    ended = book.end(order, OrderState.CANCELLED, why="why", at=AT)
    assert (ended.terms.quantity, ended.ended_why, ended.ended_at) == (1, "why", AT)
