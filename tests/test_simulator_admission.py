"""What is refused of an order that is well-formed, through the broker."""

from decimal import Decimal

from mytrader.simulator.broker_orders import OrderState
from mytrader.simulator.faults import Faults
from tests.test_simulator_broker import CONTRACT, PRICE, Floor


def test_an_order_beyond_the_accounts_margin_is_refused() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5, quantity=Decimal(6))
    floor.place(2, "BUY", limit=-5, quantity=Decimal(7))
    assert floor.arrive() == ["1 Submitted", "2 !201"]


def test_what_closes_needs_no_margin() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=1, quantity=Decimal(6))
    floor.arrive()
    floor.place(2, "SELL", limit=5, quantity=Decimal(6))
    floor.place(3, "SELL", limit=5, quantity=Decimal(13))
    assert floor.arrive() == ["2 Submitted", "3 !201"]


def test_prices_beyond_the_limits_are_refused() -> None:
    floor = Floor()
    floor.broker.admission.settlement_of = {CONTRACT.con_id: PRICE}.__getitem__
    seven_percent = PRICE * 7 // 100
    floor.place(1, "BUY", limit=-seven_percent)
    floor.place(2, "BUY", limit=-seven_percent - 1)
    assert floor.arrive() == ["1 Submitted", "2 !201"]


def test_a_change_beyond_the_limits_or_the_margin_leaves_the_old_order() -> None:
    floor = Floor()
    floor.broker.admission.settlement_of = {CONTRACT.con_id: PRICE}.__getitem__
    floor.place(1, "BUY", limit=-5)
    floor.arrive()
    floor.place(1, "BUY", limit=-PRICE // 10)
    floor.place(1, "BUY", limit=-5, quantity=Decimal(7))
    assert floor.arrive() == ["1 !201", "1 !201"]
    floor.place(1, "BUY", limit=-6, quantity=Decimal(6))
    assert floor.arrive() == ["1 Submitted"]
    assert floor.broker.orders.live()[0].terms.limit == PRICE - 6


def test_so_many_child_stops_are_refused_and_no_more() -> None:
    floor = Floor(Faults(reject_child_stops=1))
    floor.place(1, "BUY", limit=-5, transmit=False)
    floor.place(2, "SELL", limit=-30, stop=-25, parent_id=1)
    floor.place(3, "BUY", limit=-5, transmit=False)
    floor.place(4, "SELL", limit=-30, stop=-25, parent_id=3)
    floor.arrive()
    assert [floor.state(each) for each in (2, 4)] == [OrderState.REFUSED, OrderState.CHILD]
