"""The trader's whole state: mode, link, market, positions, cycles, day ledger, limits."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.instrument import FuturesContract
from mytrader.domain.limits import Limits
from mytrader.domain.market import Quote
from mytrader.domain.orders import ForeignOrder
from mytrader.domain.positions import PositionView
from mytrader.domain.session import trading_date


class Mode(StrEnum):
    """NORMAL trades; REDUCE_ONLY opens nothing; HALT decides nothing new. Only people go up."""

    NORMAL = "NORMAL"
    REDUCE_ONLY = "REDUCE_ONLY"
    HALT = "HALT"

    @property
    def rank(self) -> int:
        """How restrictive the mode is; a mode never falls back to a lower rank by itself."""
        return _RANKS[self]


_RANKS: Final = {mode: rank for rank, mode in enumerate(Mode)}


class DayLedger(Struct, frozen=True):
    """What one trading date has cost and earned so far, dollars and counts."""

    on: date | None = None
    entries: int = 0
    losses_in_a_row: int = 0
    last_entry_at: datetime | None = None
    last_signal: tuple[int, str, datetime] | None = None
    realised_usd: Decimal = Decimal(0)
    emergency_stops: int = 0


class LinkState(Struct, frozen=True):
    """Whether the broker hears us and has told us everything.

    Book queries are numbered; `query_wanted` asks for another one after the pending answer.
    `query_due_at` is when to ask again because the last answer was incomplete,
    `reconcile_due_at` when to ask although nothing seems amiss: a broker need not say everything.
    `messages` counts what was written in the second `messages_second` (epoch seconds).
    """

    up: bool = False
    queries_asked: int = 0
    queries_answered: int = 0
    query_wanted: bool = False
    query_due_at: datetime | None = None
    reconcile_due_at: datetime | None = None
    messages_second: int = 0
    messages: int = 0

    @property
    def query_pending(self) -> bool:
        """Whether a book query is still unanswered."""
        return self.queries_asked > self.queries_answered


class ClosedCycle(Struct, frozen=True):
    """What is remembered of a finished cycle.

    `exec_ids` are the executions it booked; `query` is the last book query asked before it ended:
    an answer that is not newer may still list its orders.
    """

    closed_at: datetime
    exec_ids: frozenset[str]
    query: int = 0


class TraderState(Struct, frozen=True):
    """All that `step` knows. `cycles` holds the open ones; final ones leave with their last event.

    `closed` keeps every cycle that sent an order for as long as a broker repeats executions, so
    that a late repeat of a fill or of a signal is recognised. `foreign_executions` are the ids of
    fills outside open cycles, and of corrections, that were already dealt with;
    `early_commissions` (dollars by execution id) are reports that came before their execution.
    `move_stop_refused` remembers a venue's definitive refusal
    of exit protocol A, by order type. `equity_usd` is the net profit since the journal began.
    `settlements` are the last ones in ticks by contract, `bars` the ends of the newest ones;
    `requests` are the ids of people's
    requests that were taken, newest last. `numbers_first` says that the present process records an
    order's number before its bytes.
    """

    limits: Limits
    mode: Mode = Mode.NORMAL
    mode_why: str = ""
    link: LinkState = LinkState()
    contracts: dict[int, FuturesContract] = {}
    sessions: dict[int, tuple[tuple[datetime, datetime], ...]] = {}
    quotes: dict[int, Quote] = {}
    positions: dict[int, PositionView] = {}
    cycles: dict[str, TradeCycle] = {}
    finished: tuple[TradeCycle, ...] = ()
    closed: dict[str, ClosedCycle] = {}
    foreign: dict[int, ForeignOrder] = {}
    foreign_executions: frozenset[str] = frozenset()
    early_commissions: dict[str, Decimal] = {}
    day: DayLedger = DayLedger()
    equity_usd: Decimal = Decimal(0)
    equity_peak_usd: Decimal = Decimal(0)
    move_stop_refused: frozenset[str] = frozenset()
    newest_at: datetime | None = None
    settlements: dict[int, int] = {}
    bars: dict[int, datetime] = {}
    requests: tuple[str, ...] = ()
    numbers_first: bool = False

    def ledger(self, now: datetime) -> DayLedger:
        """The day ledger as of `now`: a new trading date starts from zero.

        The last entry and the last signal carry over, for the throttles that look back minutes.
        A clock that steps back over the change of date does not bring back an unused day.
        """
        today = trading_date(now)
        if self.day.on is not None and self.day.on >= today:
            return self.day
        return DayLedger(
            on=today, last_entry_at=self.day.last_entry_at, last_signal=self.day.last_signal
        )

    def position(self, con_id: int) -> PositionView:
        """What is known of a contract's position; unconfirmed when nothing was ever said."""
        return self.positions.get(con_id) or PositionView(con_id)

    def cycles_of(self, con_id: int) -> list[TradeCycle]:
        """The open cycles of one contract."""
        return [cycle for cycle in self.cycles.values() if cycle.con_id == con_id]
