"""What the broker accepts as an order, and the code it answers otherwise."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from mytrader.domain.instrument import ES, MES
from mytrader.domain.orders import OrderKind, Side, TimeInForce
from mytrader.simulator.listing import Listing, front_month
from mytrader.simulator.order_rules import (
    OcaType,
    Problem,
    Rules,
    Terms,
    change_problem,
    commission_usd,
    marketable_stop,
)
from mytrader.tws.contracts import WireContract
from mytrader.tws.place_order import PlaceOrder

CONTRACT = front_month(ES, date(2025, 12, 12))
SMALL = front_month(MES, date(2025, 12, 12))
RULES = Rules(Listing([CONTRACT, SMALL]), "DU1")
STOP = PlaceOrder(
    5,
    WireContract(con_id=CONTRACT.con_id),
    action="SELL",
    quantity=Decimal(2),
    order_type="STP LMT",
    limit_price=Decimal(6840),
    aux_price=Decimal("6842.25"),
    tif="GTC",
    account="DU1",
    order_ref="mt/x/S1",
)
TERMS = Terms(
    contract=CONTRACT,
    side=Side.SELL,
    quantity=2,
    kind=OrderKind.STP_LMT,
    limit=27360,
    stop=27369,
    tif=TimeInForce.GTC,
    outside_rth=False,
)


def _with(**changes: Any) -> PlaceOrder:  # noqa: ANN401 - any field of an order
    return structs.replace(STOP, **changes)


def test_stop_limit_is_read_in_ticks() -> None:
    assert RULES.read(STOP) == TERMS


@pytest.mark.parametrize(("sent", "read"), [(0, 3), (1, 1), (2, 2), (3, 3)])
def test_group_is_read_with_its_type(sent: int, read: int) -> None:
    terms = RULES.read(_with(oca_group="a", oca_type=sent))
    assert isinstance(terms, Terms)
    assert (terms.oca_group, terms.oca_type) == ("a", read)


def test_limit_order_has_no_stop_whatever_its_other_price_says() -> None:
    read = RULES.read(_with(order_type="LMT", aux_price=Decimal("0.1"), tif="", account=""))
    assert read == structs.replace(TERMS, kind=OrderKind.LMT, stop=None, tif=TimeInForce.DAY)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"contract": WireContract(symbol="NQ")}, 200),
        ({"contract": WireContract(exchange="CME", con_id=1)}, 200),
        ({"account": "DU2"}, 321),
        ({"hidden": True}, 321),
        ({"oca_group": "a", "oca_type": 4}, 321),
        ({"what_if": True}, 321),
        ({"min_quantity": 1}, 321),
        ({"quantity": Decimal(0)}, 434),
        ({"quantity": Decimal("1.5")}, 321),
        ({"quantity": Decimal(-1)}, 321),
        ({"quantity": Decimal(10**9)}, 321),
        ({"action": "SSHORT"}, 321),
        ({"order_type": "TRAIL"}, 321),
        ({"tif": "IOC"}, 321),
        ({"limit_price": None}, 321),
        ({"aux_price": None}, 321),
        ({"limit_price": Decimal("6840.1")}, 110),
        ({"aux_price": Decimal("6842.3")}, 110),
        ({"limit_price": Decimal("1E+30")}, 110),
    ],
)
def test_refusal_has_its_code(changes: dict[str, Any], code: int) -> None:
    read = RULES.read(_with(**changes))
    assert isinstance(read, Problem)
    assert read.code == code


@pytest.mark.parametrize(
    ("sent", "terms", "code"),
    [
        ({}, {"contract": SMALL}, 105),
        ({}, {"side": Side.BUY}, 105),
        ({"order_ref": "other"}, {}, 105),
        ({"parent_id": 77}, {}, 105),
        ({}, {"oca_group": "other"}, 105),
        ({}, {"oca_type": OcaType.CANCEL_WITH_BLOCK}, 105),
        ({}, {"kind": OrderKind.LMT, "stop": None}, 329),
    ],
)
def test_change_into_another_order_is_refused(
    sent: dict[str, Any], terms: dict[str, Any], code: int
) -> None:
    new = structs.replace(TERMS, **terms)
    problem = change_problem(STOP, _with(**sent), terms=new, before=TERMS)
    assert problem is not None
    assert problem.code == code


def test_change_of_price_and_quantity_is_allowed() -> None:
    new = structs.replace(TERMS, limit=1, stop=2, quantity=1)
    assert change_problem(STOP, STOP, terms=new, before=TERMS) is None


@pytest.mark.parametrize(
    ("side", "last", "marketable"),
    [
        (Side.SELL, 27369, True),
        (Side.SELL, 27370, False),
        (Side.BUY, 27369, True),
        (Side.BUY, 27368, False),
        (Side.BUY, None, False),
    ],
)
def test_stop_is_marketable_at_its_price(side: Side, last: int | None, marketable: bool) -> None:
    assert marketable_stop(structs.replace(TERMS, side=side), last) is marketable


def test_limit_order_is_no_stop() -> None:
    assert not marketable_stop(structs.replace(TERMS, kind=OrderKind.LMT, stop=None), 1)


def test_exchange_sees_the_permanent_id() -> None:
    order = TERMS.exchange_order(99)
    assert (order.order_id, order.stop, order.limit) == (99, 27369, 27360)


def test_commission_is_per_contract() -> None:
    assert commission_usd(ES, 3) == Decimal("7.20")
