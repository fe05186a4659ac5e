"""Families, siblings and races at the broker, without a wire between."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from mytrader.domain.instrument import ES
from mytrader.simulator.agenda import Agenda
from mytrader.simulator.broker import Broker
from mytrader.simulator.broker_orders import BrokerOrder, OrderNews, OrderState
from mytrader.simulator.faults import Faults
from mytrader.simulator.ledger import BrokerFill, Ledger
from mytrader.simulator.listing import Listing, front_month
from mytrader.simulator.market import MarketTick
from mytrader.simulator.order_rules import Problem
from mytrader.tws.contracts import WireContract
from mytrader.tws.place_order import PlaceOrder
from tests.manual_runtime import START, ManualRuntime

CONTRACT = front_month(ES, date(2025, 12, 12))
PRICE = 27400
CLIENT = 7


class Floor:
    """A broker with a market by hand and a record of what it reports."""

    def __init__(self, faults: Faults = Faults()) -> None:  # noqa: B008 - frozen
        self.runtime = ManualRuntime()
        self.news: list[str] = []
        agenda = Agenda(self.runtime, lambda: None)
        self.broker = Broker(
            Listing([CONTRACT]),
            Ledger("DU1", Decimal(100_000)),
            agenda=agenda,
            faults=faults,
            latency=timedelta(milliseconds=1),
            seed=1,
        )
        self.broker.report_to(self)
        self.tick(PRICE)

    def order_changed(self, order: BrokerOrder, news: OrderNews) -> None:
        """Note the status."""
        del news
        self.news.append(f"{order.sent.order_id} {order.status}")

    def traded(self, order: BrokerOrder, fill: BrokerFill) -> None:
        """Note the fill."""
        self.news.append(f"{order.sent.order_id} +{fill.quantity}@{fill.price - PRICE}")

    def problem(self, client_id: int, order_id: int, *, problem: Problem) -> None:
        """Note the code."""
        del client_id
        self.news.append(f"{order_id} !{problem.code}")

    def tick(self, price: int, size: int = 10) -> None:
        """Let the market trade at a price, the ask one above."""
        at = self.runtime.now()
        self.broker.advance(CONTRACT, MarketTick(at, price, price + 1, price, size))

    def place(self, order_id: int, side: str, *, limit: int, **more: Any) -> None:  # noqa: ANN401 - any field of an order
        """Place an order of one contract; prices in ticks from the market's first."""
        stop = more.pop("stop", None)
        order = PlaceOrder(
            order_id,
            WireContract(con_id=CONTRACT.con_id),
            action=side,
            quantity=Decimal(1),
            order_type="LMT" if stop is None else "STP LMT",
            limit_price=ES.price(PRICE + limit),
            aux_price=None if stop is None else ES.price(PRICE + stop),
            tif="GTC",
            outside_rth=True,
        )
        self.broker.place(CLIENT, structs.replace(order, **more))

    def arrive(self) -> list[str]:
        """Let a second pass and return what was reported since the last time."""
        self.runtime.pass_time(1)
        news, self.news = self.news, []
        return news

    def state(self, order_id: int) -> OrderState:
        """Return where an order stands."""
        order = self.broker.orders.find(CLIENT, order_id)
        assert order is not None
        return order.state


def _family(floor: Floor, limit: int, *, quantity: int = 1) -> None:
    size = Decimal(quantity)
    floor.place(1, "BUY", limit=limit, transmit=False, quantity=size)
    floor.place(2, "SELL", limit=20, parent_id=1, transmit=False, quantity=size)
    floor.place(3, "SELL", limit=-24, stop=-20, parent_id=1, quantity=size)


def test_children_are_announced_before_their_parent_fills() -> None:
    floor = Floor()
    _family(floor, 1)
    assert floor.arrive() == [
        "1 PreSubmitted",
        "2 PreSubmitted",
        "3 PreSubmitted",
        "1 Submitted",
        "1 +1@1",
        "2 Submitted",
        "3 Submitted",
    ]


def test_one_sibling_fills_and_the_other_is_cancelled() -> None:
    floor = Floor()
    _family(floor, 1)
    floor.arrive()
    floor.tick(PRICE + 21)
    assert floor.arrive() == ["2 +1@20", "3 Cancelled", "3 !202"]
    assert floor.broker.ledger.position(CONTRACT.con_id) == 0


def test_cancelling_one_child_cancels_its_sibling() -> None:
    floor = Floor()
    _family(floor, 1)
    floor.arrive()
    floor.broker.cancel(CLIENT, 2)
    assert floor.arrive() == ["2 PendingCancel", "2 Cancelled", "2 !202", "3 Cancelled", "3 !202"]


def test_part_of_a_sibling_reduces_the_other() -> None:
    floor = Floor()
    _family(floor, 1, quantity=3)
    floor.arrive()
    floor.tick(PRICE + 21, size=2)
    assert floor.arrive()[0] == "2 +2@20"
    (target, stop) = floor.broker.orders.live()
    assert (target.remaining, stop.terms.quantity) == (1, 1)
    floor.tick(PRICE - 21)
    floor.arrive()
    assert floor.broker.ledger.position(CONTRACT.con_id) == 0
    assert floor.broker.orders.live() == []


def test_children_work_for_the_part_that_filled_when_the_parent_is_cancelled() -> None:
    floor = Floor()
    floor.tick(PRICE, size=1)
    _family(floor, 1, quantity=3)
    assert floor.arrive()[-1] == "1 +1@1"
    assert floor.state(3) is OrderState.CHILD
    floor.broker.cancel(CLIENT, 1)
    assert floor.arrive() == [
        "1 PendingCancel",
        "1 Cancelled",
        "1 !202",
        "2 Submitted",
        "3 Submitted",
    ]
    assert [order.terms.quantity for order in floor.broker.orders.live()] == [1, 1]


def test_parent_that_is_cancelled_unfilled_takes_its_children_along() -> None:
    floor = Floor()
    _family(floor, -5)
    floor.arrive()
    floor.broker.cancel(CLIENT, 1)
    assert floor.arrive() == [
        "1 PendingCancel",
        "1 Cancelled",
        "1 !202",
        "2 Cancelled",
        "2 !202",
        "3 Cancelled",
        "3 !202",
    ]


def test_held_family_is_cancelled_without_ever_being_at_the_exchange() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=1, transmit=False)
    floor.place(2, "SELL", limit=-24, stop=-20, parent_id=1, transmit=False)
    assert floor.arrive() == []
    floor.broker.cancel(CLIENT, 1)
    assert floor.arrive() == ["1 Cancelled", "1 !202", "2 Cancelled", "2 !202"]


def test_held_order_may_be_changed_and_then_transmitted() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-9, transmit=False)
    floor.place(1, "BUY", limit=1)
    assert floor.arrive() == ["1 Submitted", "1 +1@1"]


def test_waiting_child_may_be_changed() -> None:
    floor = Floor()
    _family(floor, -5)
    floor.arrive()
    floor.place(3, "SELL", limit=-34, stop=-30, parent_id=1)
    assert floor.arrive() == ["3 PreSubmitted"]
    floor.tick(PRICE - 6)
    floor.arrive()
    assert floor.broker.orders.live()[-1].terms.stop == PRICE - 30


@pytest.mark.parametrize("quantity", [1, 2])
def test_child_of_a_filled_parent_works_at_once(quantity: int) -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=1)
    floor.arrive()
    floor.place(2, "SELL", limit=-24, stop=-20, parent_id=1, quantity=Decimal(quantity))
    assert floor.arrive() == ["2 Submitted"]


def test_child_of_a_cancelled_parent_is_rejected() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5)
    floor.arrive()
    floor.broker.cancel(CLIENT, 1)
    floor.arrive()
    floor.place(2, "SELL", limit=-24, stop=-20, parent_id=1)
    assert floor.arrive() == ["2 !201"]
    assert floor.state(2) is OrderState.REFUSED


def test_change_that_arrives_after_the_fill_is_too_late() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5)
    floor.arrive()
    floor.place(1, "BUY", limit=-4)
    floor.tick(PRICE - 8)
    assert floor.arrive() == ["1 +1@-5", "1 !104"]


def test_change_of_a_cancelled_order_is_a_duplicate_id() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5)
    floor.broker.cancel(CLIENT, 1)
    floor.arrive()
    floor.place(1, "BUY", limit=-4)
    assert floor.arrive() == ["1 !103"]


def test_quantity_below_what_has_filled_is_refused_by_the_exchange() -> None:
    floor = Floor()
    floor.tick(PRICE, size=2)
    floor.place(1, "BUY", limit=1, quantity=Decimal(5))
    assert floor.arrive() == ["1 Submitted", "1 +2@1"]
    floor.place(1, "BUY", limit=1, quantity=Decimal(2))
    assert floor.arrive() == ["1 !105"]


def test_repeated_cancel_of_a_dying_order_is_answered_once() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5)
    floor.arrive()
    floor.broker.cancel(CLIENT, 1)
    floor.broker.cancel(CLIENT, 1)
    assert floor.arrive() == ["1 PendingCancel", "1 PendingCancel", "1 Cancelled", "1 !202"]


def test_order_that_is_cancelled_on_its_way_never_works() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5)
    floor.broker.cancel_all()
    assert floor.arrive()[-2:] == ["1 Cancelled", "1 !202"]
    assert floor.broker.ledger.executions == []


def test_session_end_takes_day_orders_and_waiting_day_children() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5, transmit=False)
    floor.place(2, "SELL", limit=-24, stop=-20, parent_id=1, tif="DAY")
    floor.place(3, "BUY", limit=-6, tif="DAY")
    floor.arrive()
    floor.broker.close_session(CONTRACT, START)
    assert floor.arrive() == ["3 Cancelled", "3 !202", "2 Cancelled", "2 !202"]
    assert floor.state(1) is OrderState.WORKING


def test_order_in_the_break_waits_for_the_reopening() -> None:
    floor = Floor()
    floor.broker.close_session(CONTRACT, START)
    floor.place(1, "BUY", limit=1)
    assert floor.arrive() == ["1 PreSubmitted", "1 !399"]
    floor.tick(PRICE)
    assert floor.arrive() == ["1 Submitted", "1 +1@1"]


def test_stop_reports_nothing_new_to_the_status_when_it_triggers() -> None:
    floor = Floor()
    floor.place(1, "SELL", limit=-21, stop=-20)
    floor.arrive()
    floor.tick(PRICE - 40)
    assert floor.arrive() == ["1 Submitted"]
    assert floor.broker.orders.live()[0].triggered


def test_numbers_depend_on_the_seed_alone() -> None:
    first, second = Floor(), Floor()
    for floor in (first, second):
        floor.place(1, "BUY", limit=1)
        floor.arrive()
    assert first.broker.orders.over() == second.broker.orders.over()
    assert first.broker.ledger.executions[0].exec_id == "0000e0d5.6571a2b3.01.01"
    assert first.broker.now() == START + timedelta(seconds=1)
