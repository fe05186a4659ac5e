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

    def change(self, sent: PlaceOrder, changes: dict[str, Any]) -> None:
        """Send an order again, changed."""
        self.broker.place(CLIENT, structs.replace(sent, **changes))

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
    assert floor.arrive() == ["1 ApiCancelled", "1 !202", "2 ApiCancelled", "2 !202"]


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


# One-cancels-all groups. With the market at 0 and its ask at 1, a sale at 2 and one at 3 both
# trade when the market comes to 5.


def _pair(floor: Floor, kind: int, *, quantity: int = 1, limits: tuple[int, int] = (2, 3)) -> None:
    for order_id, limit in enumerate(limits, 1):
        size = Decimal(quantity)
        floor.place(order_id, "SELL", limit=limit, oca_group="a", oca_type=kind, quantity=size)
    floor.arrive()


@pytest.mark.parametrize("kind", [1, 2])
def test_with_block_no_two_orders_of_a_group_fill_together(kind: int) -> None:
    floor = Floor()
    _pair(floor, kind)
    floor.tick(PRICE + 5)
    assert floor.arrive() == ["1 +1@2", "2 Cancelled", "2 !202"]
    assert floor.broker.ledger.position(CONTRACT.con_id) == -1


def test_without_block_both_may_fill_in_a_fast_market() -> None:
    floor = Floor()
    _pair(floor, 3)
    floor.tick(PRICE + 5)
    assert floor.arrive() == ["1 +1@2", "2 +1@3"]
    assert floor.broker.ledger.position(CONTRACT.con_id) == -2


def test_without_block_the_other_goes_when_the_brokers_word_has_arrived() -> None:
    floor = Floor()
    _pair(floor, 3, limits=(2, 9))
    floor.tick(PRICE + 5)
    assert floor.arrive() == ["1 +1@2", "2 Cancelled", "2 !202"]


def test_type_one_cancels_on_a_part() -> None:
    floor = Floor()
    _pair(floor, 1, quantity=3)
    floor.tick(PRICE + 5, size=1)
    assert floor.arrive() == ["1 +1@2", "2 Cancelled", "2 !202"]
    assert floor.state(1) is OrderState.WORKING


@pytest.mark.parametrize("kind", [2, 3])
def test_the_reducing_types_take_as_many_as_were_filled(kind: int) -> None:
    floor = Floor()
    _pair(floor, kind, quantity=3, limits=(2, 9))
    floor.tick(PRICE + 5, size=1)
    floor.arrive()
    assert [order.remaining for order in floor.broker.orders.live()] == [2, 2]
    floor.tick(PRICE + 5, size=2)
    floor.arrive()
    assert floor.broker.orders.live() == []


def test_a_broken_block_keeps_the_others_working_for_a_while() -> None:
    """Hazard: the group is no guarantee (SAFETY.md B3); the position flips."""
    floor = Floor(Faults(oca_cancel_delay_ms=5000))
    _pair(floor, 1, limits=(2, 9))
    floor.tick(PRICE + 5)
    assert floor.arrive() == ["1 +1@2", "2 PendingCancel"]
    floor.tick(PRICE + 12)
    assert floor.arrive() == ["2 +1@9"]
    assert floor.broker.ledger.position(CONTRACT.con_id) == -2


def test_a_broken_block_cancels_in_the_end() -> None:
    floor = Floor(Faults(oca_cancel_delay_ms=5000))
    _pair(floor, 1, limits=(2, 9))
    floor.tick(PRICE + 5)
    floor.arrive()
    floor.runtime.pass_time(5)
    assert floor.arrive() == ["2 Cancelled", "2 !202"]


def test_both_legs_fill_wherever_the_market_is_as_often_as_asked() -> None:
    floor = Floor(Faults(both_oca_legs_fill=1))
    _pair(floor, 1, limits=(2, 900))
    floor.tick(PRICE + 5)
    assert floor.arrive() == ["1 +1@2", "2 +1@900"]
    for order_id, limit in ((3, 6), (4, 900)):
        floor.place(order_id, "SELL", limit=limit, oca_group="b", oca_type=1)
    floor.arrive()
    floor.tick(PRICE + 8)
    assert floor.arrive() == ["3 +1@6", "4 Cancelled", "4 !202"]


def test_an_order_that_joins_a_group_too_late_is_refused() -> None:
    floor = Floor()
    _pair(floor, 1)
    floor.tick(PRICE + 5)
    floor.arrive()
    floor.place(3, "SELL", limit=9, oca_group="a", oca_type=1)
    assert floor.arrive() == ["3 !201"]


def test_a_family_in_a_group_follows_the_group() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=1, transmit=False)
    floor.place(2, "SELL", limit=20, parent_id=1, transmit=False, oca_group="a", oca_type=1)
    floor.place(3, "SELL", limit=-24, stop=-20, parent_id=1, oca_group="a", oca_type=1)
    floor.arrive()
    floor.tick(PRICE + 21)
    assert floor.arrive() == ["2 +1@20", "3 Cancelled", "3 !202"]
    assert floor.broker.ledger.position(CONTRACT.con_id) == 0


def test_siblings_in_a_group_are_told_as_late_as_the_group() -> None:
    """Hazard: both legs of a bracket fill, and the position flips."""
    floor = Floor(Faults(oca_cancel_delay_ms=5000))
    floor.place(1, "BUY", limit=1, transmit=False)
    floor.place(2, "SELL", limit=20, parent_id=1, transmit=False, oca_group="a", oca_type=1)
    floor.place(3, "SELL", limit=-24, stop=-20, parent_id=1, oca_group="a", oca_type=1)
    floor.arrive()
    floor.tick(PRICE + 21)
    assert floor.arrive() == ["2 +1@20", "3 PendingCancel"]
    floor.tick(PRICE - 21)
    assert floor.arrive()[-1] == "3 +1@-21"
    assert floor.broker.ledger.position(CONTRACT.con_id) == -1


def test_a_child_that_its_sibling_ended_is_not_woken_by_the_parent() -> None:
    """Hazard: a target that fills as it arrives leaves a stop without a position behind."""
    floor = Floor()
    floor.place(1, "BUY", limit=1, transmit=False)
    floor.place(2, "SELL", limit=-2, parent_id=1, transmit=False)
    floor.place(3, "SELL", limit=-24, stop=-20, parent_id=1)
    floor.arrive()
    floor.tick(PRICE - 30)
    floor.arrive()
    assert floor.state(3) is OrderState.CANCELLED
    assert floor.broker.ledger.position(CONTRACT.con_id) == 0


def test_twenty_orders_of_a_side_are_active_and_no_more() -> None:
    floor = Floor()
    for order_id in range(1, 21):
        floor.place(order_id, "SELL", limit=100)
    assert not any("!" in news for news in floor.arrive())
    floor.place(21, "SELL", limit=100)
    floor.place(22, "BUY", limit=-100)
    assert floor.arrive() == ["21 !201", "22 Submitted"]
    floor.broker.cancel(CLIENT, 1)
    floor.arrive()
    floor.place(23, "SELL", limit=100)
    assert floor.arrive() == ["23 Submitted"]
