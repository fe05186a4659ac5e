"""The book of trades: every cycle that ended, with what refused it or what it earned.

It is an observer of the running loop and the reader of a journal alike, so a live summary and
`mytrader cycles` cannot differ. Late commissions are added to the trade they belong to.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AnyCommand, RaiseAlert
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import step
from mytrader.ports import JournalRecord

NOT_FILLED: Final = "ENTRY_NOT_FILLED"
"""The reason of an aborted entry that no alert speaks of: its time was over."""


class CycleBook:
    """Collects cycles as they end. Money is dollars."""

    def __init__(self) -> None:
        self.ended: dict[str, TradeCycle] = {}
        self.open: dict[str, TradeCycle] = {}
        self.alerts: list[RaiseAlert] = []
        self.calls: dict[str, list[AdvisorCall]] = {}
        self.signals = 0
        self.bars = 0

    def seen(self, event: events.AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Take note of one event, what it led to, and the state after it."""
        for cycle in state.finished:
            self.ended[cycle.cycle_id] = cycle
        self.open = state.cycles
        if asked:
            self.alerts += [command for command in asked if isinstance(command, RaiseAlert)]
        match event:
            case events.BarClosed():
                self.bars += 1
            case events.SignalRaised():
                self.signals += 1
            case events.AdvisorCalled(cycle_id, call):
                self.calls.setdefault(cycle_id, []).append(call)
            case events.CommissionReported():
                self._add_commission(event)
            case _:
                pass

    def _add_commission(self, event: events.CommissionReported) -> None:
        for cycle in self.ended.values():
            if any(fill.exec_id == event.exec_id for fill in cycle.fills):
                paid = {**cycle.commissions_usd, event.exec_id: event.commission_usd}
                self.ended[cycle.cycle_id] = replace(cycle, commissions_usd=paid)
                return

    @property
    def closed(self) -> list[TradeCycle]:
        """The trades that were opened and closed, oldest first."""
        return [cycle for cycle in self.ended.values() if cycle.phase is Phase.CLOSED]

    @property
    def refusals(self) -> Counter[str]:
        """How often each code was the first to refuse an entry."""
        endings = map(self.ending_of, self.ended.values())
        return Counter(code for what, code in endings if what == "refused")

    @property
    def aborted(self) -> list[TradeCycle]:
        """The cycles that ended without a fill although no guard refused them, oldest first."""
        return [cycle for cycle in self.ended.values() if cycle.phase is Phase.ABORTED]

    def codes_of(self, cycle: TradeCycle) -> list[str]:
        """The codes of every alert about a cycle, each once, in order."""
        codes = (alert.code for alert in self.alerts if alert.cycle_id == cycle.cycle_id)
        return list(dict.fromkeys(codes))

    @property
    def abort_reasons(self) -> Counter[str]:
        """How often each alert, or a want of fills, ended an entry that had passed the guards."""
        return Counter(code for _, code in map(self.ending_of, self.aborted))

    def ending_of(self, cycle: TradeCycle) -> tuple[str, str]:
        """Return how an entry became no trade and the reason that counts; empty for a trade."""
        if cycle.phase is Phase.ABORTED:
            return "aborted", " ".join(self.codes_of(cycle)) or NOT_FILLED
        if cycle.phase is Phase.REFUSED and cycle.reason_codes:
            return "refused", cycle.reason_codes[0]
        return "", ""

    @property
    def call_outcomes(self) -> Counter[str]:
        """How the calls to advisors outside ended."""
        return Counter(call.outcome for calls in self.calls.values() for call in calls)

    @property
    def calls_usd_max(self) -> Decimal:
        """Dollars for advice; a call whose cost nobody told counts at its worst."""
        every = (call for calls in self.calls.values() for call in calls)
        return sum(
            (each.reserved_usd if each.cost_usd is None else each.cost_usd for each in every),
            Decimal(0),
        )

    @property
    def gross_usd(self) -> Decimal:
        """Dollars from fills alone."""
        return sum(map(gross_usd, self.closed), Decimal(0))

    @property
    def commission_usd(self) -> Decimal:
        """Dollars of commission."""
        return sum((cycle.commission_usd for cycle in self.closed), Decimal(0))

    @property
    def net_usd(self) -> Decimal:
        """Dollars after commissions."""
        return self.gross_usd - self.commission_usd

    @property
    def unprotected_seconds_max(self) -> float:
        """The longest time that a position was without a confirmed stop or exit."""
        cycles = (*self.ended.values(), *self.open.values())
        return max((cycle.unprotected_seconds_max for cycle in cycles), default=0.0)

    @property
    def emergency_stops(self) -> int:
        """How many emergency stops were sent."""
        return sum(cycle.emergency_stops for cycle in (*self.ended.values(), *self.open.values()))


def gross_usd(cycle: TradeCycle) -> Decimal:
    """Return a closed cycle's gross profit, dollars; zero for a symbol that we do not know."""
    instrument = INSTRUMENTS.get(cycle.symbol)
    return Decimal(0) if instrument is None else instrument.usd(cycle.gross_ticks)


def fold(
    records: Iterable[JournalRecord],
    book: CycleBook,
    *,
    each: Callable[[JournalRecord, TraderState], None] | None = None,
) -> TraderState:
    """Return the state that a journal's events lead to, filling `book` on the way.

    `each` is told of every record with the state after it. Nothing is sent: the commands of the
    past were carried out in the past.
    """
    state = TraderState(limits=Limits())
    for record in records:
        state, asked = step(state, record.event, record.at)
        book.seen(record.event, asked, state)
        if each is not None:
            each(record, state)
    return state
