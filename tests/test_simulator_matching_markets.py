"""The exchange: market orders, simulated stops, releases and halts."""

from typing import Any

import pytest
from msgspec import structs

from mytrader.domain.orders import OrderKind, Side, TimeInForce
from mytrader.simulator.market import MarketTick
from mytrader.simulator.matching import Accepted, ExchangeOrder, Filled, Matching, Triggered
from mytrader.simulator.order_types import MarketKind, TriggerMethod
from tests.matching_venue import AT

BOTH = pytest.mark.parametrize("side", list(Side))


def _market(side: Side, **more: Any) -> ExchangeOrder:  # noqa: ANN401 - any field of an order
    return ExchangeOrder(1, side, 4, more.pop("kind", MarketKind.MKT), 0, protection=3, **more)


@BOTH
def test_a_market_order_takes_the_touch_and_rests_at_its_protection(side: Side) -> None:
    matching, sign = Matching(), side.sign
    matching.advance(MarketTick(AT, 99, 101, 100, 1))
    touch = 100 + sign
    facts = matching.submit(_market(side), AT)
    assert facts == [Accepted(1), Filled(1, 1, touch, AT, aggressor=True)]
    (rest,) = matching.working
    assert (rest.limit, rest.remaining) == (touch + 3 * sign, 3)
    far = MarketTick(AT, 99 + 9 * sign, 101 + 9 * sign, 100 + 9 * sign, 9)
    assert matching.advance(far) == []
    near = MarketTick(AT, 99, 101, 100, 9)
    assert matching.advance(near) == [Filled(1, 3, touch + 3 * sign, AT, aggressor=False)]


@BOTH
def test_a_market_order_waits_for_a_market_and_is_first_in_it(side: Side) -> None:
    matching = Matching()
    limit = ExchangeOrder(2, side, 4, OrderKind.LMT, 100 + 50 * side.sign)
    matching.submit(limit, AT)
    assert matching.submit(_market(side), AT) == [Accepted(1)]
    (fill,) = matching.advance(MarketTick(AT, 99, 101, 100, 4))
    assert fill == Filled(1, 4, 100 + side.sign, AT, aggressor=True)


@BOTH
def test_a_market_stop_is_protected_from_where_it_was_triggered(side: Side) -> None:
    matching, sign = Matching(), side.sign
    matching.advance(MarketTick(AT, 99, 101, 100, 9))
    matching.submit(_market(side, kind=MarketKind.STP, stop=100 + 5 * sign), AT)
    gone = 100 + 8 * sign
    facts = matching.advance(MarketTick(AT, gone - 1, gone + 1, gone, 9))
    assert facts == [Triggered(1), Filled(1, 4, gone + sign, AT, aggressor=True)]


def test_a_simulated_stop_follows_its_method_and_sleeps_without_servers() -> None:
    matching = Matching()
    method = TriggerMethod.DOUBLE_BID_ASK
    stop = _market(Side.BUY, kind=MarketKind.STP, stop=105, simulated=True, trigger=method)
    matching.submit(stop, AT)
    traded = MarketTick(AT, 100, 101, 110, 9)
    assert matching.advance(traded) == []
    quoted = MarketTick(AT, 105, 106, 100, 9)
    matching.servers_up = False
    assert [matching.advance(quoted), matching.advance(quoted)] == [[], []]
    matching.servers_up = True
    assert matching.advance(quoted) == []
    assert matching.advance(quoted)[0] == Triggered(1)


def test_only_what_is_released_fills_and_a_release_keeps_the_place() -> None:
    matching = Matching()
    order = ExchangeOrder(1, Side.BUY, 5, OrderKind.LMT, 100, released=2)
    matching.submit(order, AT)
    low = MarketTick(AT, 99, 100, 100, 9)
    assert matching.advance(low) == [Filled(1, 2, 100, AT, aggressor=True)]
    assert matching.advance(low) == []
    matching.submit(ExchangeOrder(2, Side.BUY, 1, OrderKind.LMT, 90), AT)
    matching.replace(structs.replace(order, released=3), AT)
    first, other = matching.working
    assert (first.filled, first.place < other.place) == (3, True)


def test_a_halt_ends_nothing_and_fills_nothing() -> None:
    matching = Matching()
    matching.advance(MarketTick(AT, 99, 100, 100, 9))
    matching.halt()
    day = ExchangeOrder(1, Side.BUY, 1, OrderKind.LMT, 100, tif=TimeInForce.DAY)
    assert matching.submit(day, AT) == [Accepted(1)]
    assert matching.advance(MarketTick(AT, 99, 100, 100, 9)) != []
