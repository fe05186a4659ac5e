"""Everything that can happen to us. An event is journalled before anything is done about it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from mytrader.domain.decision import AdvisorCall, Opinion, Signal
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.limits import Limits
from mytrader.domain.margin import Margin
from mytrader.domain.market import Bar, Quote
from mytrader.domain.memory import Recall
from mytrader.domain.orders import Side


class Event(Struct, frozen=True, tag_field="kind"):
    """A fact. Subclasses are tagged by `kind`; times inside are the broker's, aware UTC."""


# The start


class TraderStarted(Event, frozen=True, tag="started"):
    """A process took over: these limits hold from here on, and no broker has answered it yet.

    `numbers_first` says that it records the number of an order before the first of its bytes.
    """

    limits: Limits
    numbers_first: bool = False


# The market


class ContractStated(Event, frozen=True, tag="contract"):
    """The broker described a contract that we trade; sessions are (open, close) in UTC."""

    con_id: int
    symbol: str
    local_symbol: str
    expiry: date
    sessions: tuple[tuple[datetime, datetime], ...]


class QuoteSeen(Event, frozen=True, tag="quote"):
    """The top of the book changed."""

    con_id: int
    quote: Quote


class SettlementStated(Event, frozen=True, tag="settlement"):
    """The last settlement of a contract in ticks: the day's price limits are counted from it."""

    con_id: int
    price: int


class BarClosed(Event, frozen=True, tag="bar"):
    """A minute is complete."""

    con_id: int
    bar: Bar


class BarFeedChanged(Event, frozen=True, tag="bar_feed"):
    """A contract trades and its bars do not come; or, `up`, the first one has come by itself.

    No bar had come since `since`, and bars were `asked` for so many times because of it. This is
    told whenever they are asked for.
    """

    con_id: int
    up: bool
    since: datetime
    asked: int


# The decision


class SignalRaised(Event, frozen=True, tag="signal"):
    """A strategy proposes a trade; the runtime has given it a cycle id."""

    cycle_id: str
    con_id: int
    signal: Signal


class AdviceGiven(Event, frozen=True, tag="advice"):
    """All advisors have answered, or failed; `recall` is what the memory said before them."""

    cycle_id: str
    opinions: tuple[Opinion, ...]
    recall: Recall | None = None


class AdvisorCalled(Event, frozen=True, tag="advisor_called"):
    """A request to an advisor outside has ended, perhaps long after its answer was of use.

    `cycle_id` is empty for a call that no trade asked for.
    """

    cycle_id: str
    call: AdvisorCall


class MarginStated(Event, frozen=True, tag="margin"):
    """The broker answered what an entry would do to the margin; a sentinel is `Unknown`."""

    cycle_id: str
    margin: Known[Margin] | Unknown


# Our own hand


class OrdersNumbered(Event, frozen=True, tag="orders_numbered"):
    """New orders, by reference, got the numbers under which their bytes will go out next."""

    numbers: tuple[tuple[str, int], ...]


class OrderWritten(Event, frozen=True, tag="order_written"):
    """The bytes of an order, of a change to it, or of its cancel went to the socket."""

    ref: str
    order_id: int
    action: str


class OrderNotWritten(Event, frozen=True, tag="order_not_written"):
    """Nothing was sent: the last check before the bytes refused, or the link was down."""

    ref: str
    action: str
    code: str
    detail: str


# The broker


class LinkChanged(Event, frozen=True, tag="link"):
    """The connection to the broker: `up` is true only after a complete synchronisation."""

    up: bool
    why: str


class OrderReported(Event, frozen=True, tag="order_reported"):
    """The broker echoed an order (openOrder). Prices in ticks; `ref` is empty if not ours.

    `oca_type` is 0 where the order is in no one-cancels-all group.
    """

    ref: str
    order_id: int
    perm_id: int
    client_id: int
    con_id: int
    side: Side
    quantity: int
    order_type: str
    limit: int | None
    stop: int | None
    tif: str
    outside_rth: bool
    trigger_method: int
    parent_id: int
    status: str
    oca_group: str = ""
    oca_type: int = 0


class StatusReported(Event, frozen=True, tag="status_reported"):
    """The broker stated an order's status. `filled` and `remaining` are the broker's claims."""

    ref: str
    order_id: int
    perm_id: int
    status: str
    filled: int
    remaining: int
    why_held: str


class ErrorReported(Event, frozen=True, tag="error_reported"):
    """The broker named an order in an error or a notice. It kills nothing by itself."""

    ref: str
    order_id: int
    code: int
    text: str


class ExecutionReported(Event, frozen=True, tag="execution"):
    """A fill, live or in answer to a query; repeats are harmless."""

    execution: Execution


class CommissionReported(Event, frozen=True, tag="commission"):
    """What one execution cost, dollars."""

    exec_id: str
    commission_usd: Decimal


class PositionReported(Event, frozen=True, tag="position"):
    """The broker's own idea of a position."""

    con_id: int
    quantity: int


class Book(Struct, frozen=True):
    """A complete answer: all open orders, all executions of the broker's window, positions.

    On record only the executions that were not booked before are kept.

    Orders that are over may be among them, with the status that says so: a status that was lost
    is found again in the broker's list of completed orders.
    """

    orders: tuple[OrderReported, ...]
    executions: tuple[Execution, ...]
    positions: tuple[PositionReported, ...]


class BookAnswered(Event, frozen=True, tag="book"):
    """The answer to the `number`-th `QueryBook`; `Unknown` unless every end marker arrived."""

    number: int
    book: Known[Book] | Unknown


# Time and people


class TimeReached(Event, frozen=True, tag="time"):
    """A deadline that `step` asked for has come."""


class Request(StrEnum):
    """What a person can ask of a running trader."""

    FLATTEN = "flatten"
    HALT = "halt"
    REDUCE_ONLY = "reduce_only"
    RESUME = "resume"


class OperatorAsked(Event, frozen=True, tag="operator"):
    """A person asked for something.

    `request_id` makes a repeat recognisable and `asked_at` an old request; both are empty where
    the request cannot have been queued.
    """

    request: Request
    who: str
    request_id: str = ""
    asked_at: datetime | None = None


class Halted(Event, frozen=True, tag="halted"):
    """The loop stopped itself: an invariant broke or an unexpected error came up."""

    why: str


AnyEvent = (
    TraderStarted
    | ContractStated
    | QuoteSeen
    | SettlementStated
    | BarClosed
    | BarFeedChanged
    | SignalRaised
    | AdviceGiven
    | AdvisorCalled
    | MarginStated
    | OrdersNumbered
    | OrderWritten
    | OrderNotWritten
    | LinkChanged
    | OrderReported
    | StatusReported
    | ErrorReported
    | ExecutionReported
    | CommissionReported
    | PositionReported
    | BookAnswered
    | TimeReached
    | OperatorAsked
    | Halted
)
