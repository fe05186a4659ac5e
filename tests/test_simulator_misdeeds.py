"""Faults done to orders and executions, without a wire between."""

from decimal import Decimal

from mytrader.simulator.broker_orders import OrderState
from mytrader.simulator.misdeeds import Misdeeds
from tests.test_simulator_broker import CLIENT, CONTRACT, PRICE, Floor


def test_what_was_not_transmitted_is_gone_without_a_word() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5, transmit=False)
    floor.place(2, "BUY", limit=-6)
    floor.arrive()
    Misdeeds(floor.broker).lose_untransmitted()
    assert floor.arrive() == []
    assert [floor.state(each) for each in (1, 2)] == [OrderState.CANCELLED, OrderState.WORKING]


def test_an_order_fills_wherever_the_market_is_if_it_works() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=-5)
    Misdeeds(floor.broker).fill_now(CLIENT, 1)
    assert floor.arrive() == ["1 Submitted"]
    Misdeeds(floor.broker).fill_now(CLIENT, 1)
    Misdeeds(floor.broker).fill_now(CLIENT, 99)
    assert floor.arrive() == ["1 +1@-5"]


def test_executions_are_corrected_or_taken_back() -> None:
    floor = Floor()
    floor.place(1, "BUY", limit=1)
    floor.arrive()
    misdeeds, ledger = Misdeeds(floor.broker), floor.broker.ledger
    misdeeds.correct(ledger.executions[0].exec_id, -3)
    assert floor.arrive() == ["1 +1@-2"]
    assert floor.broker.orders.over()[0].filled_ticks == PRICE - 2
    misdeeds.correct("unknown", 1)
    misdeeds.bust(ledger.executions[0].exec_id)
    assert (ledger.position(CONTRACT.con_id), ledger.cash_usd) == (0, Decimal(100_000))
