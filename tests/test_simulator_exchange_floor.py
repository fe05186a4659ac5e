"""Contracts are shut one by one, and open with their next tick."""

from datetime import date

from mytrader.domain.instrument import ES, MES
from mytrader.domain.orders import OrderKind, Side
from mytrader.simulator.exchange_floor import ExchangeFloor
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import MarketTick
from mytrader.simulator.matching import Accepted, Cancelled, CancelReason, ExchangeOrder, Filled
from tests.manual_runtime import START

DAY = date(2025, 12, 12)
BIG, SMALL = front_month(ES, DAY), front_month(MES, DAY)
TICK = MarketTick(START, 99, 100, 100, 5)
ORDER = ExchangeOrder(1, Side.BUY, 2, OrderKind.LMT, 100)


def _floor() -> ExchangeFloor:
    floor = ExchangeFloor([BIG, SMALL])
    for each in (BIG, SMALL):
        list(floor.advance(each.con_id, TICK))
    return floor


def test_a_halt_is_one_contracts_and_ends_with_its_next_tick() -> None:
    floor = _floor()
    floor.halt(BIG.con_id)
    assert floor.is_shut(BIG.con_id)
    assert not floor.is_shut(SMALL.con_id)
    assert floor.submit(BIG.con_id, ORDER, START) == [Accepted(1)]
    assert floor.note_trade(BIG.con_id, TICK)
    assert not floor.note_trade(BIG.con_id, TICK)
    filled = Filled(1, 2, 100, START, aggressor=True)
    assert list(floor.advance(BIG.con_id, TICK)) == [filled]
    assert floor.last == {BIG.con_id: 100}


def test_orders_of_contracts_do_not_meet() -> None:
    floor = _floor()
    floor.halt(BIG.con_id)
    floor.halt(SMALL.con_id)
    floor.submit(BIG.con_id, ORDER, START)
    floor.submit(SMALL.con_id, ORDER, START)
    assert floor.cancel(BIG.con_id, 1, START) == [Cancelled(1, CancelReason.REQUESTED)]
    (filled,) = floor.fill_whole(SMALL.con_id, 1, START)
    assert isinstance(filled, Filled)
