"""Version 157: what the broker's own client writes is read, and it reads what we write.

Two clients judge: `ibapi` 9.81.1, and `ib_async` told that the server is that old.
"""

from decimal import Decimal
from typing import Any

import pytest
from ib_async import Future, LimitOrder

from mytrader.tws import answers, requests
from mytrader.tws.codec import decode_answer, decode_request, encode, split
from mytrader.tws.contracts import WireContract
from mytrader.tws.errors import NO_SUBJECT, WireError
from mytrader.tws.fields import Message
from mytrader.tws.frames import LENGTH_BYTES, OLDER_VERSION, SERVER_VERSION, frame
from mytrader.tws.place_order import PlaceOrder
from mytrader.tws.versions import CHANGED, CHANGES, Since, Until, is_older
from tests.older_client import older_contract, older_order, what_ibapi_reads, what_ibapi_sends
from tests.real_client import what_the_client_reads, what_the_client_sends
from tests.test_tws_answers import ALL, DETAILS
from tests.test_tws_order_answers import COMPLETED, EXECUTION, OPEN, STATUS

D = Decimal
FUTURE = {"symbol": "ES", "secType": "FUT", "exchange": "CME", "currency": "USD"}
CONTRACT = WireContract(
    symbol="ES", sec_type="FUT", expiry="202512", exchange="CME", currency="USD"
)


def _older(message: Message) -> bytes:
    return encode(message, OLDER_VERSION)


def _count(message: Message, version: int) -> int:
    return len(split(encode(message, version)[LENGTH_BYTES:]))


def test_order_of_ibapi_is_read_and_written_alike() -> None:
    order = older_order(
        action="BUY",
        totalQuantity=2,
        orderType="STP LMT",
        lmtPrice=6850.25,
        auxPrice=6850.0,
        tif="GTC",
        orderRef="mt/x/E1",
        parentId=30,
        transmit=False,
        outsideRth=True,
        eTradeOnly=False,
        firmQuoteOnly=False,
        faProfile="gone",
    )
    contract = older_contract(**FUTURE, lastTradeDateOrContractMonth="202512")
    (body,) = what_ibapi_sends(lambda client: client.placeOrder(31, contract, order))
    read = decode_request(body, OLDER_VERSION)
    assert isinstance(read, PlaceOrder)
    assert (read.order_id, read.contract, read.parent_id) == (31, CONTRACT, 30)
    assert (read.limit_price, read.aux_price) == (D("6850.25"), D("6850.0"))
    assert (read.action, read.quantity, read.order_type) == ("BUY", D(2), "STP LMT")
    assert (read.transmit, read.outside_rth, read.tif) == (False, True, "GTC")
    assert read.order_ref == "mt/x/E1"
    # What is not set has two spellings, and the adviser's profile has no place with us.
    same = body.replace(b"gone", b"").replace(b"1.7976931348623157e+308", b"")
    assert _older(read) == frame(same)


def test_orders_of_both_clients_have_the_same_number_of_fields() -> None:
    contract = older_contract(**FUTURE)
    order = older_order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=6850.25)
    (theirs,) = what_ibapi_sends(lambda client: client.placeOrder(31, contract, order))
    (ours,) = what_the_client_sends(
        lambda client: client.placeOrder(
            31, Future("ES", exchange="CME", currency="USD"), LimitOrder("BUY", 1, 6850.25)
        ),
        OLDER_VERSION,
    )
    assert len(split(theirs)) == len(split(ours)) == 110
    assert isinstance(decode_request(ours, OLDER_VERSION), PlaceOrder)


REQUESTS: list[tuple[Any, Message]] = [
    (lambda c: c.cancelOrder(31), requests.CancelOrder(31)),
    (lambda c: c.reqIds(1), requests.RequestIds(1)),
    (lambda c: c.reqOpenOrders(), requests.RequestOpenOrders()),
    (lambda c: c.reqAllOpenOrders(), requests.RequestAllOpenOrders()),
    (lambda c: c.reqAutoOpenOrders(True), requests.RequestAutoOpenOrders(True)),
    (lambda c: c.reqGlobalCancel(), requests.GlobalCancel()),
    (lambda c: c.reqPositions(), requests.RequestPositions()),
    (lambda c: c.reqCompletedOrders(False), requests.RequestCompletedOrders()),
    (lambda c: c.reqCurrentTime(), requests.RequestCurrentTime()),
    (lambda c: c.reqMarketDataType(3), requests.RequestMarketDataType(3)),
    (lambda c: c.reqMarketRule(67), requests.RequestMarketRule(67)),
    (lambda c: c.reqAccountUpdates(True, "DU1"), requests.RequestAccountUpdates(True, "DU1")),
    (
        lambda c: c.reqAccountSummary(4, "All", "NetLiquidation"),
        requests.RequestAccountSummary(4, "All", "NetLiquidation"),
    ),
    (lambda c: c.reqPnL(4, "DU1", ""), requests.RequestProfit(4, "DU1")),
    (lambda c: c.reqPnLSingle(4, "DU1", "", 600), requests.RequestProfitSingle(4, "DU1", "", 600)),
    (
        lambda c: c.reqContractDetails(
            4, older_contract(**FUTURE, lastTradeDateOrContractMonth="202512")
        ),
        requests.RequestContractDetails(4, CONTRACT),
    ),
    (
        lambda c: c.reqMktData(
            4,
            older_contract(**FUTURE, lastTradeDateOrContractMonth="202512"),
            "233",
            False,
            False,
            [],
        ),
        requests.RequestMarketData(4, CONTRACT, generic_ticks="233"),
    ),
    (
        lambda c: c.reqHistoricalData(
            4,
            older_contract(**FUTURE, lastTradeDateOrContractMonth="202512"),
            "",
            "1 D",
            "1 min",
            "TRADES",
            0,
            2,
            False,
            [],
        ),
        requests.RequestHistoricalData(4, CONTRACT, date_format=2),
    ),
    (
        lambda c: c.reqTickByTickData(
            4,
            older_contract(**FUTURE, lastTradeDateOrContractMonth="202512"),
            "BidAsk",
            0,
            True,
        ),
        requests.RequestTickByTick(4, CONTRACT, "BidAsk", ignore_size=True),
    ),
]


@pytest.mark.parametrize(
    ("ask", "expected"), REQUESTS, ids=[type(each).__name__ for _, each in REQUESTS]
)
def test_request_of_ibapi_is_read(ask: Any, expected: Message) -> None:  # noqa: ANN401 - untyped client
    (body,) = what_ibapi_sends(ask)
    assert decode_request(body, OLDER_VERSION) == expected


def test_ibapi_reads_an_open_order_to_its_last_field() -> None:
    ((name, (order_id, contract, order, state)),) = what_ibapi_reads(_older(OPEN))
    assert (name, order_id, contract.localSymbol) == ("openOrder", OPEN.order_id, "ESZ5")
    assert (order.parentId, order.ocaGroup) == (OPEN.parent_id, OPEN.oca_group)
    assert (order.permId, order.orderRef) == (OPEN.perm_id, OPEN.order_ref)
    assert (state.status, state.warningText) == (OPEN.status, OPEN.warning_text)
    assert order.softDollarTier.displayName == OPEN.soft_dollar_tier_display_name
    ((_, (_, _, same, _)),) = what_the_client_reads(_older(OPEN), OLDER_VERSION)
    assert (same.parentId, same.faProfile) == (OPEN.parent_id, "")
    assert _count(OPEN, OLDER_VERSION) == _count(OPEN, SERVER_VERSION) - 7


def test_ibapi_reads_a_completed_order_to_its_last_field() -> None:
    ((name, (contract, order, state)),) = what_ibapi_reads(_older(COMPLETED))
    assert (name, contract.localSymbol) == ("completedOrder", "ESZ5")
    assert (order.permId, order.parentPermId) == (COMPLETED.perm_id, COMPLETED.parent_perm_id)
    assert (state.completedTime, state.completedStatus) == (
        COMPLETED.completed_time,
        COMPLETED.completed_status,
    )
    assert what_the_client_reads(_older(COMPLETED), OLDER_VERSION)


def test_ibapi_reads_contract_details_to_their_last_field() -> None:
    ((name, (req_id, details)),) = what_ibapi_reads(_older(DETAILS))
    assert (name, req_id, details.contract.conId) == ("contractDetails", 4, 600)
    assert (details.contract.multiplier, details.mdSizeMultiplier) == ("50", 1)
    assert (details.marketRuleIds, details.stockType) == ("67,67", "stock")
    ((_, (_, same)),) = what_the_client_reads(_older(DETAILS), OLDER_VERSION)
    assert (same.contract.conId, same.marketRuleIds) == (600, "67,67")


def test_ibapi_reads_an_execution_and_a_status() -> None:
    ((name, (req_id, _, execution)),) = what_ibapi_reads(_older(EXECUTION))
    assert (name, req_id, execution.lastLiquidity) == ("execDetails", -1, 2)
    ((name, arguments),) = what_ibapi_reads(_older(STATUS))
    assert (name, arguments[:2], arguments[-1]) == ("orderStatus", (1, "Submitted"), 9)


def test_ibapi_reads_an_error_which_has_no_json_yet() -> None:
    problem = answers.Problem(31, 201, "Order rejected", "{}")
    assert what_ibapi_reads(_older(problem)) == [("error", (31, 201, "Order rejected"))]


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_ibapi_reads_every_answer(message: Message) -> None:
    assert what_ibapi_reads(_older(message))


@pytest.mark.parametrize(
    "message", [*ALL, OPEN, COMPLETED, EXECUTION], ids=lambda message: type(message).__name__
)
def test_older_answer_round_trips_but_for_what_the_version_lacks(message: Message) -> None:
    read = decode_answer(_older(message)[LENGTH_BYTES:], OLDER_VERSION)
    for name in message.__struct_fields__:
        lacks = any(
            isinstance(each, Since) and (each.message, each.name) == (type(message), name)
            for each in CHANGES
        )
        assert lacks or getattr(read, name) == getattr(message, name)


def test_an_older_message_is_refused_by_its_subject() -> None:
    with pytest.raises(WireError, match="more than the message has") as caught:
        decode_request(b"4\x001\x0031\x00surplus\0", OLDER_VERSION)
    assert caught.value.subject == 31
    with pytest.raises(WireError, match="ends too early") as caught:
        decode_answer(b"10\x008\x004\0", OLDER_VERSION)
    assert caught.value.subject == 4
    with pytest.raises(WireError, match="ends too early") as caught:
        decode_answer(b"10\0", OLDER_VERSION)
    assert caught.value.subject == NO_SUBJECT


def test_the_changes_name_fields_that_exist_between_the_two_versions() -> None:
    assert {each.message for each in CHANGES} == CHANGED
    for each in CHANGES:
        assert OLDER_VERSION < each.version <= SERVER_VERSION
        name = each.after if isinstance(each, Until) else each.name
        assert not name or name in each.message.__struct_fields__


def test_no_third_version_is_spoken() -> None:
    assert not is_older(SERVER_VERSION)
    with pytest.raises(WireError, match="version 160"):
        encode(STATUS, 160)
