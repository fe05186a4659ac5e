"""The client's objects to our facts and back: nothing guessed, nothing off the grid."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from ib_async import Execution, Order
from ib_async.objects import BarData
from ib_async.util import UNSET_DOUBLE
from msgspec.structs import replace

from mytrader.domain.commands import AskMargin
from mytrader.domain.instrument import ES
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.domain.market import Bar
from mytrader.domain.orders import OrderKind, OrderSpec, Side
from mytrader.errors import BrokerFault
from mytrader.execution.ib_translation import (
    closed_bar,
    expiry_of,
    fill_report,
    margin_fields,
    margin_report,
    order_fields,
    order_report,
    ticks,
    whole,
)
from tests.virtual_desk import CONTRACT

AT = datetime(2025, 12, 12, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (6900.25, 27601),
        (Decimal("6900.25"), 27601),
        (None, None),
        (UNSET_DOUBLE, None),
        (6900.1, None),
        (float("nan"), None),
    ],
)
def test_a_price_is_on_the_grid_or_unknown(price: Any, expected: int | None) -> None:  # noqa: ANN401 - what a client may hold
    assert ticks(ES, price) == expected


def test_an_echo_is_reported_with_everything_that_is_compared() -> None:
    order = Order(
        orderId=7,
        permId=70,
        clientId=1,
        orderRef="mt/x/S1",
        action="SELL",
        totalQuantity=2,
        orderType="STP LMT",
        lmtPrice=6890.0,
        auxPrice=6895.0,
        tif="GTC",
        outsideRth=True,
        triggerMethod=2,
        parentId=6,
    )
    report = order_report(CONTRACT, order, "PreSubmitted")
    assert report is not None
    assert (report.ref, report.order_id, report.perm_id, report.parent_id) == ("mt/x/S1", 7, 70, 6)
    assert (report.side, report.quantity) == (Side.SELL, 2)
    assert (report.limit, report.stop) == (27560, 27580)
    assert (report.tif, report.outside_rth, report.trigger_method) == ("GTC", True, 2)
    assert report.status == "PreSubmitted"
    assert order_report(None, order, "PreSubmitted") is None, "a contract that is not ours"


def test_a_fill_is_reported_at_its_price_or_not_at_all() -> None:
    execution = Execution(
        execId="0001", time=AT, side="BOT", shares=1, price=6900.25, orderRef="mt/x/E1"
    )
    fill = fill_report(CONTRACT, execution)
    assert fill is not None
    assert (fill.side, fill.quantity, fill.price, fill.at) == (Side.BUY, 1, 27601, AT)
    execution.side, execution.price = "SLD", 6900.1
    assert fill_report(CONTRACT, execution) is None
    execution.price = 6900.0
    sold = fill_report(CONTRACT, execution)
    assert sold is not None
    assert sold.side is Side.SELL


STOP = OrderSpec(
    ref="mt/x/S1",
    con_id=CONTRACT.con_id,
    side=Side.SELL,
    quantity=1,
    kind=OrderKind.STP_LMT,
    limit=27560,
    stop=27580,
    reduce_only=True,
)


def test_every_field_of_an_order_is_explicit() -> None:
    fields = order_fields(ES, STOP)
    assert fields["orderType"] == "STP LMT"
    assert (fields["lmtPrice"], fields["auxPrice"]) == (6890.0, 6895.0)
    for name in ("tif", "outsideRth", "triggerMethod", "transmit", "orderRef", "action"):
        assert name in fields, name
    assert Order(**fields).totalQuantity == 1, "the client accepts them"


def test_an_order_without_a_stop_has_no_trigger_price() -> None:
    assert "auxPrice" not in order_fields(ES, replace(STOP, kind=OrderKind.LMT, stop=None))


def test_a_bar_is_complete_or_a_fault() -> None:
    bar = BarData(date=AT, open=6900, high=6901, low=6899.5, close=6900.25, volume=12.0)
    assert closed_bar(CONTRACT, bar) == Bar(AT, 27600, 27604, 27598, 27601, 12)
    bar.close = 6900.1
    with pytest.raises(BrokerFault, match="off the grid"):
        closed_bar(CONTRACT, bar)


@pytest.mark.parametrize("text", ["20251219", "20251219 08:30:00 US/Central"])
def test_the_expiry_is_the_day_whatever_follows_it(text: str) -> None:
    details = SimpleNamespace(contract=SimpleNamespace(lastTradeDateOrContractMonth=text))
    assert expiry_of(details) == date(2025, 12, 19)


@pytest.mark.parametrize("count", [0.5, float("nan"), float("inf"), Decimal("1.2")])
def test_a_fraction_of_a_contract_is_no_count(count: float | Decimal) -> None:
    with pytest.raises((ValueError, OverflowError)):
        whole(count)
    assert whole(-2.0) == -2


def test_a_group_is_named_with_cancel_and_block() -> None:
    spec = OrderSpec("mt/x/T1", 1, Side.SELL, 1, OrderKind.LMT, 27600)
    assert "ocaGroup" not in order_fields(ES, spec)
    fields = order_fields(ES, replace(spec, oca_group="mt/x/1"))
    assert (fields["ocaGroup"], fields["ocaType"]) == ("mt/x/1", 1)


def test_a_question_about_margin_is_marked_as_one_and_names_no_order() -> None:
    fields = margin_fields(ES, AskMargin("cycle", 1, Side.BUY, 2, 27600))
    assert fields["whatIf"] is True
    assert (fields["action"], fields["totalQuantity"], fields["lmtPrice"]) == ("BUY", 2, 6900.0)
    assert "orderRef" not in fields


def test_margin_is_known_from_two_amounts() -> None:
    state = SimpleNamespace(initMarginAfter="15000.10", equityWithLoanAfter="99000")
    assert margin_report(state) == Known(Margin(Decimal("15000.10"), Decimal(99000)))
    state.equityWithLoanAfter = str(UNSET_DOUBLE)
    assert isinstance(margin_report(state), Unknown)
