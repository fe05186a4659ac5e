"""What a fill means for the rest of its group, by type and by fault."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from mytrader.domain.instrument import ES
from mytrader.domain.orders import OrderKind, Side, TimeInForce
from mytrader.simulator.broker_orders import BrokerOrder, OrderBook, OrderState
from mytrader.simulator.faults import Faults
from mytrader.simulator.listing import front_month
from mytrader.simulator.oca_groups import Effect, OcaGroups
from mytrader.simulator.order_rules import OcaType, Terms
from mytrader.tws.contracts import WireContract
from mytrader.tws.place_order import PlaceOrder

LATENCY = timedelta(milliseconds=1)
TERMS = Terms(
    contract=front_month(ES, date(2025, 12, 12)),
    side=Side.SELL,
    quantity=4,
    kind=OrderKind.LMT,
    limit=27400,
    stop=None,
    tif=TimeInForce.GTC,
    outside_rth=True,
)


class Book:
    """An order book with a group in it."""

    def __init__(self, kind: OcaType, faults: Faults = Faults()) -> None:  # noqa: B008 - frozen
        self.orders = OrderBook(random.Random(1))  # noqa: S311 - repeatable
        self.groups = OcaGroups(self.orders, faults, LATENCY)
        self.kind = kind

    def add(self, quantity: int = 4, *, group: str = "a") -> BrokerOrder:
        """Add a working order."""
        terms = structs.replace(TERMS, quantity=quantity, oca_group=group, oca_type=self.kind)
        number = self.orders.next_id(7)
        self.orders.claim_id(7, number)
        sent = PlaceOrder(number, WireContract(), quantity=Decimal(quantity))
        order = self.orders.add(7, sent, terms=terms, parent=None)
        return self.orders.update(order, state=OrderState.WORKING)


@pytest.mark.parametrize(
    ("kind", "by", "delay"),
    [
        (OcaType.CANCEL_WITH_BLOCK, None, timedelta()),
        (OcaType.REDUCE_WITH_BLOCK, 2, timedelta()),
        (OcaType.REDUCE_WITHOUT_BLOCK, 2, LATENCY),
    ],
)
def test_each_type_has_its_effect(kind: OcaType, by: int | None, delay: timedelta) -> None:
    book = Book(kind)
    order, other = book.add(), book.add(8)
    book.add(group="b")
    filled = book.orders.update(order, filled=1)
    assert book.groups.effects(filled, 1) == [Effect(other.perm_id, by, delay)]
    book.orders.update(other, state=OrderState.CANCELLED)
    assert book.groups.effects(filled, 1) == []


def test_a_reduction_never_leaves_more_than_is_left_to_do() -> None:
    book = Book(OcaType.REDUCE_WITH_BLOCK)
    order, other = book.add(3), book.add(4)
    left = []
    for filled in (1, 2, 3):
        order = book.orders.update(order, filled=filled)
        (effect,) = book.groups.effects(order, 1)
        other = book.orders.resize(other, other.terms.quantity - (effect.by or 0))
        left.append(other.remaining)
    assert left == [2, 1, 0]


@pytest.mark.parametrize(
    ("kind", "faults", "blocked"),
    [
        (OcaType.CANCEL_WITH_BLOCK, Faults(), True),
        (OcaType.REDUCE_WITH_BLOCK, Faults(), True),
        (OcaType.REDUCE_WITHOUT_BLOCK, Faults(), False),
        (OcaType.CANCEL_WITH_BLOCK, Faults(oca_cancel_delay_ms=1), False),
        (OcaType.CANCEL_WITH_BLOCK, Faults(both_oca_legs_fill=1), False),
    ],
)
def test_the_block_is_the_types_unless_a_fault_breaks_it(
    kind: OcaType, faults: Faults, blocked: bool
) -> None:
    book = Book(kind, faults)
    assert bool(book.groups.block(book.add())) is blocked
    assert book.groups.block(book.add(group="")) == ""


def test_a_group_is_over_when_one_has_done_its_work() -> None:
    book = Book(OcaType.REDUCE_WITH_BLOCK)
    order, other = book.add(), book.add()
    book.orders.update(order, filled=1)
    assert not book.groups.over(other)
    book.orders.update(order, filled=4, state=OrderState.FILLED)
    assert book.groups.over(other)
    strict = Book(OcaType.CANCEL_WITH_BLOCK)
    order, other = strict.add(), strict.add()
    strict.orders.update(order, filled=1)
    assert strict.groups.over(other)
