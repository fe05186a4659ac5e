"""Events and commands, one of every kind, for the journal's tests."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from mytrader.domain.commands import (
    AlertLevel,
    AnyCommand,
    AskAdvice,
    AskMargin,
    CancelOrder,
    ChangeOrder,
    PlaceBracket,
    PlaceEmergencyStop,
    PlaceExit,
    QueryBook,
    RaiseAlert,
)
from mytrader.domain.decision import Advice, AdvisorCall, AdvisorRole, Opinion, Signal
from mytrader.domain.events import (
    AdviceGiven,
    AdvisorCalled,
    AnyEvent,
    BarClosed,
    BarFeedChanged,
    Book,
    BookAnswered,
    CommissionReported,
    ContractStated,
    ErrorReported,
    ExecutionReported,
    Halted,
    LinkChanged,
    MarginStated,
    OperatorAsked,
    OrderNotWritten,
    OrderReported,
    OrdersNumbered,
    OrderWritten,
    PositionReported,
    QuoteSeen,
    Request,
    SettlementStated,
    SignalRaised,
    StatusReported,
    TimeReached,
    TraderStarted,
)
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.limits import Limits
from mytrader.domain.margin import Margin
from mytrader.domain.market import Bar, Quote
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.domain.orders import Approved, Bracket, OrderKind, OrderSpec, Side
from mytrader.journal.codec import Opening

AT = datetime(2025, 11, 20, 15, 0, 0, 123456, tzinfo=UTC)
OPENING = Opening(1, "0.1.0", "c" * 64, {"seed": 7, "strategy": "ema-cross", "speed": None})
CYCLE = "01KAGF4VG0" + "0" * 15 + "1"
OTHER = "01KAGF4VG0" + "0" * 15 + "2"


def ref(role: str, cycle_id: str = CYCLE) -> str:
    """Return an order reference of ours."""
    return f"mt/{cycle_id}/{role}1"


def signal(confidence: float = 0.8, **features: float) -> Signal:
    """Return a long proposal."""
    prices = (Decimal("6700.25"), Decimal(6695), None)
    return Signal("ema-cross", Side.BUY, confidence, *prices, features or {"atr": 1.5}, "crossed")


def spec(role: str, side: Side, cycle_id: str = CYCLE) -> OrderSpec:
    """Return an order of one lot."""
    return OrderSpec(ref(role, cycle_id), 1, side, 1, OrderKind.LMT, 26_800)


def execution(exec_id: str = "0001.01.01") -> Execution:
    """Return a fill of the entry."""
    return Execution(exec_id, ref("E"), 5, 900, 1, Side.BUY, 1, 26_801, AT)


def echo() -> OrderReported:
    """Return the broker's echo of the stop."""
    return OrderReported(
        ref=ref("S"),
        order_id=6,
        perm_id=901,
        client_id=1,
        con_id=1,
        side=Side.SELL,
        quantity=1,
        order_type="STP LMT",
        limit=26_700,
        stop=26_720,
        tif="GTC",
        outside_rth=True,
        trigger_method=2,
        parent_id=5,
        status="PreSubmitted",
    )


def quote(number: int) -> QuoteSeen:
    """Return the `number`-th of many quotes."""
    seen_at = AT + timedelta(milliseconds=number)
    return QuoteSeen(1, Quote(seen_at, 26_800 + number % 8, 26_801 + number % 8, None))


OPINION = Opinion("local", AdvisorRole.DECISION, Advice.GO, 'calm, "quoted" ∆', 0.7)
REMEMBERED = SimilarTrade(OTHER, 0.25, Decimal("-1700.00"), -1.5, "no stop", avoid=True)
RECALL = Recall((REMEMBERED,), 0.3)
CALL = AdvisorCall("bedrock-risk", "agent/alias", 1, "answered", 812.5, 900, 60, Decimal("0.004"))
BRACKET = Bracket(
    CYCLE, 1, Side.BUY, 26_800, 26_780, 26_840, ((spec("E", Side.BUY), spec("S", Side.SELL)),)
)
EVENTS: tuple[AnyEvent, ...] = (
    ContractStated(1, "ES", "ESZ5", date(2025, 12, 19), ((AT, AT + timedelta(hours=1)),)),
    quote(0),
    BarClosed(1, Bar(AT, 26_800, 26_810, 26_790, 26_805, 1200)),
    SignalRaised(CYCLE, 1, signal()),
    SettlementStated(1, 26_780),
    BarFeedChanged(1, False, AT, 2),
    AdviceGiven(CYCLE, (OPINION,)),
    AdviceGiven(CYCLE, (OPINION,), RECALL),
    AdvisorCalled(CYCLE, CALL),
    MarginStated(CYCLE, Known(Margin(Decimal("23760.50"), Decimal(100_000)))),
    OrdersNumbered(((ref("E"), 7), (ref("S"), 8))),
    OrderWritten(ref("E"), 5, "place"),
    OrderNotWritten(ref("X"), "place", "EXIT_WHEN_FLAT", "flat\nalready"),
    LinkChanged(True, "synchronised"),
    echo(),
    StatusReported(ref("S"), 6, 901, "Submitted", 0, 1, ""),
    ErrorReported(ref("S"), 6, 202, "Order Canceled"),
    ExecutionReported(execution()),
    CommissionReported("0001.01.01", Decimal("2.40")),
    PositionReported(1, 1),
    BookAnswered(1, Known(Book((echo(),), (execution(),), (PositionReported(1, 1),)))),
    BookAnswered(2, Unknown("no end marker")),
    TimeReached(),
    OperatorAsked(Request.FLATTEN, "operator"),
    OperatorAsked(Request.RESUME, "operator", "01J0", AT),
    Halted("an invariant broke"),
    TraderStarted(Limits(symbols_allowed=("MES",), loss_usd_trade_max=Decimal("99.5"))),
)
COMMANDS: tuple[AnyCommand, ...] = (
    AskAdvice(CYCLE, 1, signal()),
    AskMargin(CYCLE, 1, Side.BUY, 1, 26_750),
    PlaceBracket(Approved(BRACKET)),
    PlaceExit(Approved(spec("X", Side.SELL))),
    PlaceEmergencyStop(Approved(spec("M", Side.SELL)), ref("E"), 5),
    ChangeOrder(Approved(spec("S", Side.SELL)), "exit"),
    CancelOrder(ref("T", OTHER), "exit"),
    QueryBook(3, "reconnected"),
    RaiseAlert(AlertLevel.PAGE, "EMERGENCY_STOP_PLACED", "A stop was missing.", CYCLE),
)
