"""What elects a stop, by method and side."""

import pytest

from mytrader.domain.orders import Side
from mytrader.simulator.market import MarketTick
from mytrader.simulator.order_types import TriggerMethod as Method
from mytrader.simulator.stop_triggers import hits_needed, stop_reached
from tests.manual_runtime import START


def _reached(side: Side, method: Method, *, bid: int, ask: int, traded: int | None) -> bool:
    tick = MarketTick(START, bid, ask, traded or bid, 1)
    return stop_reached(side, 100, method=method, tick=tick, traded=traded)


@pytest.mark.parametrize("method", [Method.DEFAULT, Method.LAST, Method.DOUBLE_LAST])
def test_trades_elect_and_quotes_do_not(method: Method) -> None:
    assert _reached(Side.BUY, method, bid=98, ask=99, traded=100)
    assert _reached(Side.SELL, method, bid=101, ask=102, traded=100)
    assert not _reached(Side.BUY, method, bid=105, ask=106, traded=99)
    assert not _reached(Side.BUY, method, bid=105, ask=106, traded=None)


@pytest.mark.parametrize("method", [Method.BID_ASK, Method.DOUBLE_BID_ASK])
def test_the_near_quote_elects_and_trades_do_not(method: Method) -> None:
    assert _reached(Side.BUY, method, bid=100, ask=101, traded=99)
    assert _reached(Side.SELL, method, bid=99, ask=100, traded=101)
    assert not _reached(Side.BUY, method, bid=99, ask=110, traded=110)


def test_either_elects() -> None:
    method = Method.LAST_OR_BID_ASK
    assert _reached(Side.BUY, method, bid=100, ask=101, traded=99)
    assert _reached(Side.BUY, method, bid=98, ask=99, traded=100)
    assert not _reached(Side.BUY, method, bid=98, ask=105, traded=99)


def test_midpoint_elects() -> None:
    assert _reached(Side.SELL, Method.MIDPOINT, bid=98, ask=102, traded=110)
    assert not _reached(Side.SELL, Method.MIDPOINT, bid=98, ask=103, traded=90)


def test_double_methods_want_it_twice() -> None:
    assert [hits_needed(each) for each in (Method.LAST, Method.DOUBLE_LAST)] == [1, 2]
