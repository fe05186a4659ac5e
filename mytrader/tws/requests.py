"""What a client asks, except `place_order.PlaceOrder`: one struct per message, in wire order."""

from typing import ClassVar

from mytrader.tws.contracts import WireContract
from mytrader.tws.fields import Message


class StartApi(Message, frozen=True):
    """The client's name: the first message after the handshake."""

    ID = 71
    VERSION: ClassVar[int | None] = 2
    client_id: int
    capabilities: str = ""


class RequestIds(Message, frozen=True):
    """Ask for the next valid order id; the count is ignored."""

    ID = 8
    VERSION: ClassVar[int | None] = 1
    count: int = 1


class RequestManagedAccounts(Message, frozen=True):
    """Ask for the list of accounts."""

    ID = 17
    VERSION: ClassVar[int | None] = 1


class RequestCurrentTime(Message, frozen=True):
    """Ask for the server's time."""

    ID = 49
    VERSION: ClassVar[int | None] = 1


class RequestContractDetails(Message, frozen=True):
    """Look a contract up."""

    ID = 9
    VERSION: ClassVar[int | None] = 8
    req_id: int
    contract: WireContract
    include_expired: bool = False
    sec_id_type: str = ""
    sec_id: str = ""
    issuer_id: str = ""


class RequestMarketRule(Message, frozen=True):
    """Ask for the price increments of a market rule."""

    ID = 91
    rule_id: int


class RequestMarketDataType(Message, frozen=True):
    """Choose live (1), frozen (2), delayed (3) or delayed-frozen (4) quotes."""

    ID = 59
    VERSION: ClassVar[int | None] = 1
    data_type: int


class RequestMarketData(Message, frozen=True):
    """Subscribe to quotes."""

    ID = 1
    VERSION: ClassVar[int | None] = 11
    req_id: int
    contract: WireContract
    delta_neutral: bool = False
    generic_ticks: str = ""
    snapshot: bool = False
    regulatory_snapshot: bool = False
    options: str = ""


class CancelMarketData(Message, frozen=True):
    """End a subscription to quotes."""

    ID = 2
    VERSION: ClassVar[int | None] = 2
    req_id: int


class RequestHistoricalData(Message, frozen=True):
    """Ask for bars, and for their updates with `keep_up_to_date`.

    `date_format` 1 is text in the exchange's zone, 2 is epoch seconds.
    """

    ID = 20
    req_id: int
    contract: WireContract
    include_expired: bool = False
    end: str = ""
    bar_size: str = "1 min"
    duration: str = "1 D"
    regular_hours_only: bool = False
    what_to_show: str = "TRADES"
    date_format: int = 1
    keep_up_to_date: bool = False
    options: str = ""


class CancelHistoricalData(Message, frozen=True):
    """End the updates of bars."""

    ID = 25
    VERSION: ClassVar[int | None] = 1
    req_id: int


class RequestRealTimeBars(Message, frozen=True):
    """Subscribe to five-second bars."""

    ID = 50
    VERSION: ClassVar[int | None] = 3
    req_id: int
    contract: WireContract
    bar_size: int = 5
    what_to_show: str = "TRADES"
    regular_hours_only: bool = False
    options: str = ""


class CancelRealTimeBars(Message, frozen=True):
    """End five-second bars."""

    ID = 51
    VERSION: ClassVar[int | None] = 1
    req_id: int


class RequestHistoricalTicks(Message, frozen=True):
    """Ask for past ticks."""

    ID = 96
    req_id: int
    contract: WireContract
    include_expired: bool = False
    start: str = ""
    end: str = ""
    count: int = 1
    what_to_show: str = "TRADES"
    regular_hours_only: bool = False
    ignore_size: bool = False
    options: str = ""


class RequestTickByTick(Message, frozen=True):
    """Subscribe to unconflated ticks."""

    ID = 97
    req_id: int
    contract: WireContract
    tick_type: str = "Last"
    count: int = 0
    ignore_size: bool = False


class CancelTickByTick(Message, frozen=True):
    """End unconflated ticks."""

    ID = 98
    req_id: int


class CancelOrder(Message, frozen=True):
    """Ask to cancel one order of this client."""

    ID = 4
    VERSION: ClassVar[int | None] = 1
    order_id: int
    manual_time: str = ""


class GlobalCancel(Message, frozen=True):
    """Ask to cancel every order of the account, whoever placed it."""

    ID = 58
    VERSION: ClassVar[int | None] = 1


class RequestOpenOrders(Message, frozen=True):
    """Ask for this client's open orders."""

    ID = 5
    VERSION: ClassVar[int | None] = 1


class RequestAllOpenOrders(Message, frozen=True):
    """Ask once for the open orders of all clients."""

    ID = 16
    VERSION: ClassVar[int | None] = 1


class RequestAutoOpenOrders(Message, frozen=True):
    """Bind orders that are placed by hand to client 0."""

    ID = 15
    VERSION: ClassVar[int | None] = 1
    on: bool


class RequestCompletedOrders(Message, frozen=True):
    """Ask for orders that are filled or cancelled."""

    ID = 99
    api_only: bool = False


class RequestExecutions(Message, frozen=True):
    """Ask for executions; empty text and client id 0 leave a filter open.

    `since` is `YYYYMMDD HH:MM:SS` with or without a zone.
    """

    ID = 7
    VERSION: ClassVar[int | None] = 3
    req_id: int
    client_id: int = 0
    account: str = ""
    since: str = ""
    symbol: str = ""
    sec_type: str = ""
    exchange: str = ""
    side: str = ""


class RequestPositions(Message, frozen=True):
    """Subscribe to positions."""

    ID = 61
    VERSION: ClassVar[int | None] = 1


class CancelPositions(Message, frozen=True):
    """End the subscription to positions."""

    ID = 64
    VERSION: ClassVar[int | None] = 1


class RequestAccountUpdates(Message, frozen=True):
    """Subscribe to account values and the portfolio, or end that."""

    ID = 6
    VERSION: ClassVar[int | None] = 2
    subscribe: bool
    account: str = ""


class RequestAccountSummary(Message, frozen=True):
    """Ask for account values by their tags, comma-separated."""

    ID = 62
    VERSION: ClassVar[int | None] = 1
    req_id: int
    group: str = "All"
    tags: str = ""


class CancelAccountSummary(Message, frozen=True):
    """End an account summary."""

    ID = 63
    VERSION: ClassVar[int | None] = 1
    req_id: int


class RequestAccountUpdatesMulti(Message, frozen=True):
    """Subscribe to the account values of one account and model."""

    ID = 76
    VERSION: ClassVar[int | None] = 1
    req_id: int
    account: str = ""
    model: str = ""
    ledger_and_liquidation: bool = False


class CancelAccountUpdatesMulti(Message, frozen=True):
    """End the account values of one account and model."""

    ID = 77
    VERSION: ClassVar[int | None] = 1
    req_id: int


class RequestProfit(Message, frozen=True):
    """Subscribe to the profit of an account."""

    ID = 92
    req_id: int
    account: str = ""
    model: str = ""


class CancelProfit(Message, frozen=True):
    """End the profit of an account."""

    ID = 93
    req_id: int


class RequestProfitSingle(Message, frozen=True):
    """Subscribe to the profit of one position."""

    ID = 94
    req_id: int
    account: str = ""
    model: str = ""
    con_id: int = 0


class CancelProfitSingle(Message, frozen=True):
    """End the profit of one position."""

    ID = 95
    req_id: int
