"""What a server says about everything but orders: one struct per message, in wire order.

The versions are those that the message had when its layout was last changed; clients of this
server version read past them.
"""

from decimal import Decimal
from typing import ClassVar, Literal

from msgspec import Struct

from mytrader.tws.contracts import OrderContract
from mytrader.tws.errors import NO_SUBJECT
from mytrader.tws.fields import Message


class TickPrice(Message, frozen=True):
    """A price of the market with its size; types 1 bid, 2 ask, 4 last."""

    ID = 1
    VERSION: ClassVar[int | None] = 6
    req_id: int
    tick_type: int
    price: Decimal
    size: Decimal
    attributes: int = 0


class TickSize(Message, frozen=True):
    """A size alone; types 0 bid, 3 ask, 5 last, 8 volume of the day."""

    ID = 2
    VERSION: ClassVar[int | None] = 6
    req_id: int
    tick_type: int
    size: Decimal


class TickGeneric(Message, frozen=True):
    """A number such as 49, halted."""

    ID = 45
    VERSION: ClassVar[int | None] = 6
    req_id: int
    tick_type: int
    value: Decimal


class TickString(Message, frozen=True):
    """A text such as 45, the time of the last trade in epoch seconds."""

    ID = 46
    VERSION: ClassVar[int | None] = 6
    req_id: int
    tick_type: int
    value: str


class TickSnapshotEnd(Message, frozen=True):
    """The end of a snapshot."""

    ID = 57
    VERSION: ClassVar[int | None] = 1
    req_id: int


class TickRequestParameters(Message, frozen=True):
    """The grid of a quote subscription."""

    ID = 81
    req_id: int
    min_tick: Decimal
    bbo_exchange: str = ""
    snapshot_permissions: int = 3


class MarketDataType(Message, frozen=True):
    """Whether a subscription is live (1), frozen (2), delayed (3) or delayed-frozen (4)."""

    ID = 58
    VERSION: ClassVar[int | None] = 1
    req_id: int
    data_type: int


class Problem(Message, frozen=True):
    """An error, warning or notice about a request, an order or (-1) nothing in particular."""

    ID = 4
    VERSION: ClassVar[int | None] = 2
    subject: int
    code: int
    text: str
    advanced_reject: str = ""


class NextValidId(Message, frozen=True):
    """The lowest order id that this client may use next."""

    ID = 9
    VERSION: ClassVar[int | None] = 1
    order_id: int


class ManagedAccounts(Message, frozen=True):
    """The accounts, comma-separated."""

    ID = 15
    VERSION: ClassVar[int | None] = 1
    accounts: str


class CurrentTime(Message, frozen=True):
    """The server's time in epoch seconds."""

    ID = 49
    VERSION: ClassVar[int | None] = 1
    epoch_seconds: int


class TagValue(Struct, frozen=True):
    """A name with a value."""

    tag: str
    value: str


class ContractDetails(Message, frozen=True):
    """All that is known of one contract."""

    ID = 10
    req_id: int
    symbol: str
    sec_type: str
    last_trade_date: str
    strike: str
    right: str
    exchange: str
    currency: str
    local_symbol: str
    market_name: str
    trading_class: str
    con_id: int
    min_tick: Decimal
    multiplier: str
    order_types: str
    valid_exchanges: str
    price_magnifier: int
    under_con_id: int
    long_name: str
    primary_exchange: str
    contract_month: str
    industry: str
    category: str
    subcategory: str
    time_zone: str
    trading_hours: str
    liquid_hours: str
    ev_rule: str
    ev_multiplier: str
    sec_ids: tuple[TagValue, ...]
    agg_group: str
    under_symbol: str
    under_sec_type: str
    market_rule_ids: str
    real_expiration_date: str
    stock_type: str
    min_size: Decimal
    size_increment: Decimal
    suggested_size_increment: Decimal


class ContractDetailsEnd(Message, frozen=True):
    """The end of an answer to a contract request."""

    ID = 52
    VERSION: ClassVar[int | None] = 1
    req_id: int


class PriceIncrement(Struct, frozen=True):
    """From `low_edge` on prices move in steps of `increment`."""

    low_edge: Decimal
    increment: Decimal


class MarketRule(Message, frozen=True):
    """The price increments of one rule."""

    ID = 93
    rule_id: int
    increments: tuple[PriceIncrement, ...]


class HistoricalBar(Struct, frozen=True):
    """One bar of the past."""

    date: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    average: Decimal
    count: int


class HistoricalData(Message, frozen=True):
    """All bars of a request, oldest first; its arrival ends the request."""

    ID = 17
    req_id: int
    start: str
    end: str
    bars: tuple[HistoricalBar, ...]


class HistoricalDataUpdate(Message, frozen=True):
    """The newest bar of a request that is kept up to date. Mind the order of the prices."""

    ID = 90
    req_id: int
    count: int
    date: str
    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    average: Decimal
    volume: Decimal


class RealTimeBar(Message, frozen=True):
    """A bar of five seconds."""

    ID = 50
    VERSION: ClassVar[int | None] = 3
    req_id: int
    epoch_seconds: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    average: Decimal
    count: int


class TickByTickLast(Message, frozen=True):
    """One trade of the unconflated feed, combinations and late reports left out."""

    ID = 99
    req_id: int
    tick_type: Literal[1]
    epoch_seconds: int
    price: Decimal
    size: Decimal
    attributes: int = 0
    exchange: str = ""
    conditions: str = ""


class TickByTickAllLast(Message, frozen=True):
    """One trade of the unconflated feed."""

    ID = 99
    req_id: int
    tick_type: Literal[2]
    epoch_seconds: int
    price: Decimal
    size: Decimal
    attributes: int = 0
    exchange: str = ""
    conditions: str = ""


class TickByTickQuote(Message, frozen=True):
    """One change of bid or ask."""

    ID = 99
    req_id: int
    tick_type: Literal[3]
    epoch_seconds: int
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    attributes: int = 0


class TickByTickMidpoint(Message, frozen=True):
    """One change of the middle between bid and ask."""

    ID = 99
    req_id: int
    tick_type: Literal[4]
    epoch_seconds: int
    midpoint: Decimal


class PastMidpoint(Struct, frozen=True):
    """A middle of the past; one field is not used."""

    epoch_seconds: int
    unused: str
    price: Decimal
    size: Decimal


class PastQuote(Struct, frozen=True):
    """A bid and an ask of the past."""

    epoch_seconds: int
    attributes: int
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal


class PastTrade(Struct, frozen=True):
    """A trade of the past."""

    epoch_seconds: int
    attributes: int
    price: Decimal
    size: Decimal
    exchange: str = ""
    conditions: str = ""


class HistoricalMidpoints(Message, frozen=True):
    """Past middles, oldest first."""

    ID = 96
    req_id: int
    ticks: tuple[PastMidpoint, ...]
    done: bool = True


class HistoricalQuotes(Message, frozen=True):
    """Past bids and asks, oldest first."""

    ID = 97
    req_id: int
    ticks: tuple[PastQuote, ...]
    done: bool = True


class HistoricalTrades(Message, frozen=True):
    """Past trades, oldest first."""

    ID = 98
    req_id: int
    ticks: tuple[PastTrade, ...]
    done: bool = True


class AccountValue(Message, frozen=True):
    """One value of an account."""

    ID = 6
    VERSION: ClassVar[int | None] = 2
    tag: str
    value: str
    currency: str
    account: str


class PortfolioValue(Message, frozen=True):
    """One position with its market value, dollars; `average_cost` is price times multiplier."""

    ID = 7
    VERSION: ClassVar[int | None] = 8
    contract: OrderContract
    position: Decimal
    market_price: Decimal
    market_value: Decimal
    average_cost: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    account: str


class AccountTime(Message, frozen=True):
    """When the account was last valued, `HH:MM`."""

    ID = 8
    VERSION: ClassVar[int | None] = 1
    time: str


class AccountDownloadEnd(Message, frozen=True):
    """The end of the first picture of an account."""

    ID = 54
    VERSION: ClassVar[int | None] = 1
    account: str


class Position(Message, frozen=True):
    """One position; `average_cost` of a future is price times multiplier, dollars."""

    ID = 61
    VERSION: ClassVar[int | None] = 3
    account: str
    contract: OrderContract
    position: Decimal
    average_cost: Decimal


class PositionEnd(Message, frozen=True):
    """The end of the first picture of the positions."""

    ID = 62
    VERSION: ClassVar[int | None] = 1


class AccountSummary(Message, frozen=True):
    """One value of an account summary."""

    ID = 63
    VERSION: ClassVar[int | None] = 1
    req_id: int
    account: str
    tag: str
    value: str
    currency: str


class AccountSummaryEnd(Message, frozen=True):
    """The end of an account summary."""

    ID = 64
    VERSION: ClassVar[int | None] = 1
    req_id: int


class AccountUpdateMulti(Message, frozen=True):
    """One value of an account and model."""

    ID = 73
    VERSION: ClassVar[int | None] = 1
    req_id: int
    account: str
    model: str
    tag: str
    value: str
    currency: str


class AccountUpdateMultiEnd(Message, frozen=True):
    """The end of the first picture of an account and model."""

    ID = 74
    VERSION: ClassVar[int | None] = 1
    req_id: int


class Profit(Message, frozen=True):
    """The profit of an account, dollars."""

    ID = 94
    req_id: int
    daily: Decimal
    unrealized: Decimal
    realized: Decimal


class ProfitSingle(Message, frozen=True):
    """The profit of one position, dollars."""

    ID = 95
    req_id: int
    position: Decimal
    daily: Decimal
    unrealized: Decimal
    realized: Decimal
    value: Decimal


def notice(code: int, text: str) -> Problem:
    """Return a notice that is about no request."""
    return Problem(NO_SUBJECT, code, text)
