"""Children of a partly filled parent, with both answers to the open question."""

from decimal import Decimal

import pytest

from mytrader.simulator.broker_orders import OrderState
from mytrader.simulator.faults import Faults
from tests.test_simulator_broker import CONTRACT, PRICE, Floor, _family

PART = Faults(children_work_for_part=True)


def _partly_filled(faults: Faults) -> Floor:
    """A parent of three, of which one has filled, with target and stop."""
    floor = Floor(faults)
    floor.tick(PRICE + 5)
    _family(floor, 0, quantity=3)
    floor.arrive()
    floor.tick(PRICE - 1, size=1)
    floor.arrive()
    return floor


def test_children_wait_for_the_whole_parent_as_a_rule() -> None:
    floor = _partly_filled(Faults())
    assert floor.state(3) is OrderState.CHILD
    floor.tick(PRICE - 30)
    assert floor.broker.ledger.position(CONTRACT.con_id) == 3


def test_children_work_for_the_part() -> None:
    floor = _partly_filled(PART)
    assert floor.state(3) is OrderState.WORKING
    floor.tick(PRICE + 30)
    assert floor.arrive() == ["2 +1@20", "3 Submitted"]
    assert floor.broker.ledger.position(CONTRACT.con_id) == 0
    floor.tick(PRICE - 1, size=2)
    floor.arrive()
    assert floor.broker.ledger.position(CONTRACT.con_id) == 2
    floor.tick(PRICE + 30)
    assert floor.arrive() == ["2 +2@20", "3 Cancelled", "3 !202"]
    assert floor.broker.ledger.position(CONTRACT.con_id) == 0


@pytest.mark.parametrize("faults", [Faults(), PART])
def test_a_parent_cancelled_after_a_part_leaves_its_stop_for_that_part(faults: Faults) -> None:
    floor = _partly_filled(faults)
    floor.broker.cancel(7, 1)
    floor.arrive()
    stop = floor.broker.orders.find(7, 3)
    assert stop is not None
    assert (stop.state, stop.remaining) == (OrderState.WORKING, 1)
    floor.tick(PRICE - 21)
    floor.arrive()
    assert floor.broker.ledger.position(CONTRACT.con_id) == 0
    assert floor.broker.orders.live() == []


def test_a_parent_that_ends_after_its_part_was_closed_takes_its_children_along() -> None:
    floor = _partly_filled(PART)
    floor.tick(PRICE + 30)
    floor.arrive()
    floor.broker.cancel(7, 1)
    floor.arrive()
    assert floor.broker.orders.live() == []


def test_a_stop_that_triggers_for_the_part_closes_the_rest_as_it_comes() -> None:
    floor = _partly_filled(PART)
    floor.tick(PRICE - 21, size=1)
    floor.arrive()
    floor.tick(PRICE - 22, size=5)
    floor.arrive()
    floor.tick(PRICE - 22, size=5)
    floor.arrive()
    assert floor.broker.ledger.position(CONTRACT.con_id) == 0
    assert sum(abs(each.quantity) for each in floor.broker.ledger.executions) == 6
    assert floor.broker.ledger.commissions_usd == Decimal("2.4") * 6
