"""Everything that the real client sends is read, and written back byte for byte."""

from collections.abc import Callable
from typing import Any

import pytest
from ib_async import ExecutionFilter, Future

from mytrader.tws import requests
from mytrader.tws.codec import decode_request, encode
from mytrader.tws.contracts import WireContract
from mytrader.tws.fields import Message
from mytrader.tws.frames import frame
from tests.real_client import what_the_client_sends

FUTURE = Future("ES", "202512", "CME", currency="USD", localSymbol="ESZ5", conId=600)
CONTRACT = WireContract(
    con_id=600,
    symbol="ES",
    sec_type="FUT",
    expiry="202512",
    exchange="CME",
    currency="USD",
    local_symbol="ESZ5",
)

CASES: list[tuple[Callable[[Any], object], Message]] = [
    (lambda c: c.startApi(), requests.StartApi(-1)),
    (lambda c: c.reqIds(1), requests.RequestIds(1)),
    (lambda c: c.reqManagedAccts(), requests.RequestManagedAccounts()),
    (lambda c: c.reqCurrentTime(), requests.RequestCurrentTime()),
    (lambda c: c.reqContractDetails(5, FUTURE), requests.RequestContractDetails(5, CONTRACT)),
    (lambda c: c.reqMarketRule(67), requests.RequestMarketRule(67)),
    (lambda c: c.reqMarketDataType(3), requests.RequestMarketDataType(3)),
    (
        lambda c: c.reqMktData(6, FUTURE, "233", True, False, []),
        requests.RequestMarketData(6, CONTRACT, generic_ticks="233", snapshot=True),
    ),
    (lambda c: c.cancelMktData(6), requests.CancelMarketData(6)),
    (
        lambda c: c.reqHistoricalData(7, FUTURE, "", "2 D", "1 min", "TRADES", 1, 2, True, []),
        requests.RequestHistoricalData(
            7,
            CONTRACT,
            duration="2 D",
            regular_hours_only=True,
            date_format=2,
            keep_up_to_date=True,
        ),
    ),
    (lambda c: c.cancelHistoricalData(7), requests.CancelHistoricalData(7)),
    (
        lambda c: c.reqRealTimeBars(8, FUTURE, 5, "TRADES", False, []),
        requests.RequestRealTimeBars(8, CONTRACT),
    ),
    (lambda c: c.cancelRealTimeBars(8), requests.CancelRealTimeBars(8)),
    (
        lambda c: c.reqHistoricalTicks(9, FUTURE, "a", "b", 10, "TRADES", True, True, []),
        requests.RequestHistoricalTicks(
            9,
            CONTRACT,
            start="a",
            end="b",
            count=10,
            regular_hours_only=True,
            ignore_size=True,
        ),
    ),
    (
        lambda c: c.reqTickByTickData(9, FUTURE, "AllLast", 3, False),
        requests.RequestTickByTick(9, CONTRACT, "AllLast", 3),
    ),
    (lambda c: c.cancelTickByTickData(9), requests.CancelTickByTick(9)),
    (lambda c: c.cancelOrder(11, "t"), requests.CancelOrder(11, "t")),
    (lambda c: c.reqGlobalCancel(), requests.GlobalCancel()),
    (lambda c: c.reqOpenOrders(), requests.RequestOpenOrders()),
    (lambda c: c.reqAllOpenOrders(), requests.RequestAllOpenOrders()),
    (lambda c: c.reqAutoOpenOrders(True), requests.RequestAutoOpenOrders(on=True)),
    (lambda c: c.reqCompletedOrders(True), requests.RequestCompletedOrders(api_only=True)),
    (
        lambda c: c.reqExecutions(
            12, ExecutionFilter(3, "DU1", "20251212 00:00:00", "ES", "FUT", "CME", "BUY")
        ),
        requests.RequestExecutions(
            12,
            3,
            "DU1",
            "20251212 00:00:00",
            symbol="ES",
            sec_type="FUT",
            exchange="CME",
            side="BUY",
        ),
    ),
    (lambda c: c.reqPositions(), requests.RequestPositions()),
    (lambda c: c.cancelPositions(), requests.CancelPositions()),
    (
        lambda c: c.reqAccountUpdates(True, "DU1"),
        requests.RequestAccountUpdates(subscribe=True, account="DU1"),
    ),
    (
        lambda c: c.reqAccountSummary(13, "All", "a,b"),
        requests.RequestAccountSummary(13, "All", "a,b"),
    ),
    (lambda c: c.cancelAccountSummary(13), requests.CancelAccountSummary(13)),
    (
        lambda c: c.reqAccountUpdatesMulti(14, "DU1", "m", True),
        requests.RequestAccountUpdatesMulti(14, "DU1", "m", ledger_and_liquidation=True),
    ),
    (lambda c: c.cancelAccountUpdatesMulti(14), requests.CancelAccountUpdatesMulti(14)),
    (lambda c: c.reqPnL(15, "DU1", "m"), requests.RequestProfit(15, "DU1", "m")),
    (lambda c: c.cancelPnL(15), requests.CancelProfit(15)),
    (lambda c: c.reqPnLSingle(16, "DU1", "m", 5), requests.RequestProfitSingle(16, "DU1", "m", 5)),
    (lambda c: c.cancelPnLSingle(16), requests.CancelProfitSingle(16)),
]


@pytest.mark.parametrize(("ask", "expected"), CASES, ids=[type(m).__name__ for _, m in CASES])
def test_request_of_the_real_client_is_read_and_written_alike(
    ask: Callable[[Any], object], expected: Message
) -> None:
    (body,) = what_the_client_sends(ask)
    assert decode_request(body) == expected
    assert encode(expected) == frame(body)


def test_every_request_is_among_the_cases() -> None:
    declared = {
        each
        for each in vars(requests).values()
        if isinstance(each, type) and issubclass(each, Message) and each is not Message
    }
    assert {type(message) for _, message in CASES} == declared
