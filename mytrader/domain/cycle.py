"""One trade from flat to flat: phase, orders, fills, deadlines, profit."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from mytrader.domain.decision import Opinion, Signal
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.domain.memory import Recall
from mytrader.domain.orders import Role, Side, TrackedOrder, Verdict


class Phase(StrEnum):
    """Where a trade stands. REFUSED, ABORTED and CLOSED are final; HALTED waits for a person."""

    PROPOSED = "PROPOSED"
    REFUSED = "REFUSED"
    ENTERING = "ENTERING"
    ABORTED = "ABORTED"
    PROTECTING = "PROTECTING"
    OPEN = "OPEN"
    EXITING = "EXITING"
    CLOSED = "CLOSED"
    HALTED = "HALTED"

    @property
    def final(self) -> bool:
        """Whether nothing more can happen to the cycle."""
        return self in (Phase.REFUSED, Phase.ABORTED, Phase.CLOSED)


class Fact(StrEnum):
    """What events amount to for one cycle; with the phase it selects a row of the table."""

    APPROVED = "approved"
    REFUSED = "refused"
    ENTRY_FILLED = "entry_filled"
    COVERED = "covered"
    UNCOVERED = "uncovered"
    COVER_EXPIRED = "cover_expired"
    EXIT_ASKED = "exit_asked"
    EXIT_FAILED = "exit_failed"
    REDUCED = "reduced"
    FLAT = "flat"
    SETTLED = "settled"
    FLIPPED = "flipped"
    SURPRISE = "surprise"


class ExitReason(StrEnum):
    """Whoever asked for the exit."""

    STOP = "stop"
    TARGET = "target"
    SESSION_END = "session_end"
    OPERATOR = "operator"
    TIME_STOP = "time_stop"
    DAILY_LOSS = "daily_loss"
    FLIP = "flip"
    EMERGENCY = "emergency"


class ExitStage(StrEnum):
    """How far an exit has come. A moves the stop, A' the resting target; C cancels, then sends.

    REFUSED is an exit that the rule did not permit; it is asked for again when due.
    """

    REFUSED = "refused"
    MOVING_TARGET = "moving_target"
    MOVING_STOP = "moving_stop"
    CANCELLING_STOP = "cancelling_stop"
    SENDING = "sending"


class ExitPlan(Struct, frozen=True):
    """The one exit under way: its owner's reason, its stage, when to act again, tries so far.

    `refused` is the code of the last refusal, so that people are told of each one once.
    """

    reason: ExitReason
    stage: ExitStage
    due_at: datetime
    attempts: int = 1
    refused: str = ""


class TradeCycle(Struct, frozen=True):
    """Everything about one trade; its id joins signal, advice, orders, fills and profit.

    Prices are ticks. `orders` is keyed by reference. `commissions_usd` is keyed by execution id.
    The `*_due_at` fields are deadlines at which `step` must be called; `None` is never: advice,
    entry fill, cover, next book query, the end of every order once the cycle is flat or given up
    (`settle_due_at`, asked for `settle_asked` times), and the last commission.
    `protection_refused` is the code of the last refusal of an emergency stop, so that people are
    told of each one once. `margin` is `None` until the broker has said what the entry would do to
    it, `advised` false until every advisor has answered or failed, `recall` what the memory said.
    `best` is the best price in ticks since the position was opened, for a stop that trails.
    """

    cycle_id: str
    con_id: int
    symbol: str
    phase: Phase
    side: Side
    signal: Signal
    proposed_at: datetime
    quantity: int = 1
    confidence: float | None = None
    opinions: tuple[Opinion, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    reason_codes: tuple[str, ...] = ()
    stop: int | None = None
    target: int | None = None
    orders: dict[str, TrackedOrder] = {}
    fills: tuple[Execution, ...] = ()
    commissions_usd: dict[str, Decimal] = {}
    exit: ExitPlan | None = None
    exit_reason: ExitReason | None = None
    emergency_stops: int = 0
    advice_due_at: datetime | None = None
    entry_due_at: datetime | None = None
    cover_due_at: datetime | None = None
    query_due_at: datetime | None = None
    settle_due_at: datetime | None = None
    settle_asked: int = 0
    commissions_due_at: datetime | None = None
    naked_since: datetime | None = None
    unprotected_seconds_max: float = 0.0
    protection_refused: str = ""
    halted_why: str | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    advised: bool = False
    recall: Recall | None = None
    margin: Known[Margin] | Unknown | None = None
    best: int | None = None

    @property
    def position(self) -> int:
        """Signed contracts that the cycle's own fills left open."""
        position = 0
        for fill in self.fills:
            position += fill.side.sign * fill.quantity
        return position

    def of_role(self, *roles: Role) -> list[TrackedOrder]:
        """The cycle's orders with one of `roles`, oldest first."""
        return [order for order in self.orders.values() if order.spec.role in roles]

    @property
    def commission_usd(self) -> Decimal:
        """Commissions reported so far, dollars."""
        return sum(self.commissions_usd.values(), Decimal(0))

    @property
    def gross_ticks(self) -> int:
        """Signed ticks times contracts; the cycle's gross profit once it is flat."""
        return sum(-fill.side.sign * fill.quantity * fill.price for fill in self.fills)
