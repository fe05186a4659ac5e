"""The order of the real client is read field by field; what changes the layout is refused."""

from decimal import Decimal
from typing import Any

import pytest
from ib_async import Future, LimitOrder, MarketOrder, Order, StopLimitOrder, TagValue
from ib_async.order import TimeCondition

from mytrader.tws.codec import decode_request, encode, split
from mytrader.tws.contracts import WireContract
from mytrader.tws.errors import WireError
from mytrader.tws.frames import frame
from mytrader.tws.place_order import PlaceOrder
from tests.real_client import what_the_client_sends

FUTURE = Future("ES", "202512", "CME", currency="USD")
CONTRACT = WireContract(
    symbol="ES", sec_type="FUT", expiry="202512", exchange="CME", currency="USD"
)


def _sent(order: Order) -> bytes:
    (body,) = what_the_client_sends(lambda client: client.placeOrder(31, FUTURE, order))
    return body


def test_limit_order_of_the_real_client() -> None:
    order = LimitOrder(
        "BUY",
        2,
        6850.25,
        orderRef="mt/x/E1",
        tif="GTC",
        outsideRth=True,
        transmit=False,
        account="DU1",
        triggerMethod=2,
    )
    body = _sent(order)
    assert len(split(body)) == 114
    read = decode_request(body)
    assert read == PlaceOrder(
        31,
        CONTRACT,
        action="BUY",
        quantity=Decimal(2),
        order_type="LMT",
        limit_price=Decimal("6850.25"),
        tif="GTC",
        account="DU1",
        order_ref="mt/x/E1",
        transmit=False,
        trigger_method=2,
        outside_rth=True,
    )
    assert encode(read) == frame(body)


def test_stop_limit_child_of_the_real_client() -> None:
    read = decode_request(_sent(StopLimitOrder("SELL", 1, 6840.0, 6842.5, parentId=30)))
    assert isinstance(read, PlaceOrder)
    assert (read.order_type, read.parent_id) == ("STP LMT", 30)
    assert (read.limit_price, read.aux_price) == (Decimal(6840), Decimal("6842.5"))
    assert read.transmit


def test_order_without_prices_has_none() -> None:
    read = decode_request(_sent(MarketOrder("BUY", 1)))
    assert isinstance(read, PlaceOrder)
    assert read.limit_price is None
    assert read.aux_price is None


@pytest.mark.parametrize(
    "extra",
    [
        {"algoStrategy": "Adaptive", "algoParams": [TagValue("a", "b")]},
        {"hedgeType": "D"},
        {"deltaNeutralOrderType": "MKT"},
        {"scalePriceIncrement": 0.5},
        {"conditions": [TimeCondition()]},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_order_that_changes_the_layout_is_refused_by_its_id(extra: dict[str, Any]) -> None:
    with pytest.raises(WireError) as caught:
        decode_request(_sent(LimitOrder("BUY", 1, 6850.0, **extra)))
    assert caught.value.subject == 31
