"""Every answer is read by the real client's decoder as it was meant, and by ours as it was."""

from decimal import Decimal
from typing import Any

import pytest

from mytrader.tws import answers
from mytrader.tws.codec import decode_answer, encode
from mytrader.tws.contracts import OrderContract
from mytrader.tws.fields import Message
from mytrader.tws.frames import LENGTH_BYTES
from tests.real_client import what_the_client_reads

D = Decimal
CONTRACT = OrderContract(600, "ES", "FUT", "20251219", "0", "?", "50", "CME", "USD", "ESZ5", "ESX")
BARS = tuple(
    answers.HistoricalBar(date, D(1), D("4.5"), D("0.25"), D(3), D(100), D("2.5"), 7)
    for date in ("20251212 09:30:00 US/Central", "20251212 09:31:00 US/Central")
)

# The message, the method that the real client calls, and the arguments it calls it with.
CASES: list[tuple[Message, str, tuple[Any, ...]]] = [
    (answers.TickPrice(3, 1, D("6850.25"), D(9)), "priceSizeTick", (3, 1, 6850.25, 9)),
    (answers.TickSize(3, 8, D(77)), "tickSize", (3, 8, 77)),
    (answers.TickGeneric(3, 49, D(1)), "tickGeneric", (3, 49, 1)),
    (answers.TickString(3, 45, "1765500000"), "tickString", (3, 45, "1765500000")),
    (answers.TickSnapshotEnd(3), "tickSnapshotEnd", (3,)),
    (answers.TickRequestParameters(3, D("0.25"), "a6", 3), "tickReqParams", (3, 0.25, "a6", 3)),
    (answers.MarketDataType(3, 1), "marketDataType", (3, 1)),
    (answers.Problem(5, 201, "no", "{}"), "error", (5, 201, "no", "{}")),
    (answers.notice(2104, "ok"), "error", (-1, 2104, "ok", "")),
    (answers.NextValidId(41), "nextValidId", (41,)),
    (answers.ManagedAccounts("DU1,DU2"), "managedAccounts", ("DU1,DU2",)),
    (answers.CurrentTime(1765500000), "currentTime", (1765500000,)),
    (answers.ContractDetailsEnd(4), "contractDetailsEnd", (4,)),
    (
        answers.RealTimeBar(4, 9, D(1), D(4), D("0.5"), D(3), D(100), D(2), 7),
        "realtimeBar",
        (4, 9, 1, 4, 0.5, 3, 100, 2, 7),
    ),
    (
        answers.AccountValue("NetLiquidation", "5.5", "USD", "DU1"),
        "updateAccountValue",
        ("NetLiquidation", "5.5", "USD", "DU1"),
    ),
    (answers.AccountTime("09:30"), "updateAccountTime", ("09:30",)),
    (answers.AccountDownloadEnd("DU1"), "accountDownloadEnd", ("DU1",)),
    (answers.PositionEnd(), "positionEnd", ()),
    (
        answers.AccountSummary(4, "DU1", "t", "v", "USD"),
        "accountSummary",
        (4, "DU1", "t", "v", "USD"),
    ),
    (answers.AccountSummaryEnd(4), "accountSummaryEnd", (4,)),
    (
        answers.AccountUpdateMulti(4, "DU1", "m", "t", "v", "USD"),
        "accountUpdateMulti",
        (4, "DU1", "m", "t", "v", "USD"),
    ),
    (answers.AccountUpdateMultiEnd(4), "accountUpdateMultiEnd", (4,)),
    (answers.Profit(4, D(1), D(2), D(3)), "pnl", (4, 1, 2, 3)),
    (
        answers.ProfitSingle(4, D(1), D(2), D(3), D(4), D(5)),
        "pnlSingle",
        (4, 1, 2, 3, 4, 5),
    ),
]

DETAILS = answers.ContractDetails(
    req_id=4,
    symbol="ES",
    sec_type="FUT",
    last_trade_date="20251219 08:30 US/Central",
    strike="0",
    right="",
    exchange="CME",
    currency="USD",
    local_symbol="ESZ5",
    market_name="market",
    trading_class="class",
    con_id=600,
    min_tick=D("0.25"),
    multiplier="50",
    order_types="LMT",
    valid_exchanges="CME,QBALGO",
    price_magnifier=1,
    under_con_id=11,
    long_name="E-mini S\\u0026P",
    primary_exchange="primary",
    contract_month="202512",
    industry="industry",
    category="category",
    subcategory="subcategory",
    time_zone="US/Eastern",
    trading_hours="hours",
    liquid_hours="liquid",
    ev_rule="rule",
    ev_multiplier="3",
    sec_ids=(answers.TagValue("ISIN", "X"),),
    agg_group="2",
    under_symbol="under",
    under_sec_type="IND",
    market_rule_ids="67,67",
    real_expiration_date="20251219",
    stock_type="stock",
    min_size=D(1),
    size_increment=D(2),
    suggested_size_increment=D(3),
)
PORTFOLIO = answers.PortfolioValue(CONTRACT, D(-2), D("6850.5"), D(1), D(2), D(3), D(4), "DU1")
POSITION = answers.Position("DU1", CONTRACT, D(-2), D("342762.5"))
HISTORY = answers.HistoricalData(4, "start", "end", BARS)
UPDATE = answers.HistoricalDataUpdate(
    4, 7, "1765500000", D(1), D(3), D("4.5"), D("0.25"), D("2.5"), D(100)
)
RULE = answers.MarketRule(67, (answers.PriceIncrement(D(0), D("0.25")),))
COMPOUND: list[Message] = [DETAILS, PORTFOLIO, POSITION, HISTORY, UPDATE, RULE]
TICKS: list[tuple[Message, str]] = [
    (answers.TickByTickLast(4, 1, 9, D(1), D(2), 1, "CME", "c"), "tickByTickAllLast"),
    (answers.TickByTickAllLast(4, 2, 9, D(1), D(2), 1, "CME", "c"), "tickByTickAllLast"),
    (answers.TickByTickQuote(4, 3, 9, D(1), D(2), D(3), D(4), 1), "tickByTickBidAsk"),
    (answers.TickByTickMidpoint(4, 4, 9, D(1)), "tickByTickMidPoint"),
    (
        answers.HistoricalMidpoints(4, (answers.PastMidpoint(9, "0", D(1), D(2)),)),
        "historicalTicks",
    ),
    (
        answers.HistoricalQuotes(4, (answers.PastQuote(9, 0, D(1), D(2), D(3), D(4)),)),
        "historicalTicksBidAsk",
    ),
    (answers.HistoricalTrades(4, (answers.PastTrade(9, 0, D(1), D(2)),)), "historicalTicksLast"),
]
COMPOUND += [message for message, _ in TICKS]
ALL = [message for message, _, _ in CASES] + COMPOUND


@pytest.mark.parametrize(
    ("message", "method", "arguments"), CASES, ids=[type(case[0]).__name__ for case in CASES]
)
def test_real_client_reads_the_answer(
    message: Message, method: str, arguments: tuple[Any, ...]
) -> None:
    assert what_the_client_reads(encode(message)) == [(method, arguments)]


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_answer_round_trips(message: Message) -> None:
    assert decode_answer(encode(message)[LENGTH_BYTES:]) == message


def test_real_client_reads_contract_details() -> None:
    ((method, (req_id, details)),) = what_the_client_reads(encode(DETAILS))
    assert (method, req_id) == ("contractDetails", 4)
    contract = details.contract
    assert contract.lastTradeDateOrContractMonth == "20251219"
    assert (contract.conId, contract.multiplier, contract.localSymbol) == (600, "50", "ESZ5")
    assert (contract.tradingClass, contract.primaryExchange) == ("class", "primary")
    assert (details.minTick, details.priceMagnifier, details.underConId) == (0.25, 1, 11)
    assert (details.longName, details.marketRuleIds) == ("E-mini S&P", "67,67")
    assert (details.tradingHours, details.liquidHours) == ("hours", "liquid")
    assert (details.lastTradeTime, details.timeZoneId) == ("08:30", "US/Central")
    assert [(each.tag, each.value) for each in details.secIdList] == [("ISIN", "X")]
    assert (details.minSize, details.sizeIncrement, details.suggestedSizeIncrement) == (1, 2, 3)
    assert (details.realExpirationDate, details.stockType) == ("20251219", "stock")


def test_real_client_reads_a_portfolio_line() -> None:
    ((method, arguments),) = what_the_client_reads(encode(PORTFOLIO))
    assert method == "updatePortfolio"
    assert arguments[1:] == (-2, 6850.5, 1, 2, 3, 4, "DU1")
    assert (arguments[0].conId, arguments[0].primaryExchange) == (600, "CME")
    assert arguments[0].tradingClass == "ESX"


def test_real_client_reads_a_position() -> None:
    ((method, arguments),) = what_the_client_reads(encode(POSITION))
    assert method == "position"
    assert (arguments[0], arguments[2], arguments[3]) == ("DU1", -2, 342762.5)
    assert (arguments[1].conId, arguments[1].exchange, arguments[1].currency) == (
        600,
        "CME",
        "USD",
    )


def test_real_client_reads_bars() -> None:
    calls = what_the_client_reads(encode(HISTORY))
    assert [name for name, _ in calls] == ["historicalData", "historicalData", "historicalDataEnd"]
    bar = calls[1][1][1]
    assert bar.date == "20251212 09:31:00 US/Central"
    assert (bar.open, bar.high, bar.low, bar.close) == (1, 4.5, 0.25, 3)
    assert (bar.volume, bar.average, bar.barCount) == (100, 2.5, 7)


def test_real_client_reads_the_update_of_a_bar() -> None:
    ((method, (req_id, bar)),) = what_the_client_reads(encode(UPDATE))
    assert (method, req_id, bar.date) == ("historicalDataUpdate", 4, "1765500000")
    assert (bar.open, bar.high, bar.low, bar.close) == (1, 4.5, 0.25, 3)
    assert (bar.volume, bar.average, bar.barCount) == (100, 2.5, 7)


def test_real_client_reads_a_market_rule() -> None:
    ((method, (rule_id, increments)),) = what_the_client_reads(encode(RULE))
    assert (method, rule_id) == ("marketRule", 67)
    assert [(each.lowEdge, each.increment) for each in increments] == [(0, 0.25)]


def test_every_answer_is_among_the_cases() -> None:
    declared = {
        each
        for each in vars(answers).values()
        if isinstance(each, type) and issubclass(each, Message) and each is not Message
    }
    assert {type(message) for message in ALL} == declared


@pytest.mark.parametrize(("message", "method"), TICKS, ids=lambda case: str(case)[:30])
def test_real_client_reads_ticks(message: Message, method: str) -> None:
    ((name, arguments),) = what_the_client_reads(encode(message))
    assert (name, arguments[0]) == (method, 4)
    numbers = [each for each in arguments if isinstance(each, float)]
    assert numbers == [float(n + 1) for n in range(len(numbers))]
