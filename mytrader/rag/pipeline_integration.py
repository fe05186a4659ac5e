"""Learning after a trade: the loop's observer that turns cycles into log entries and documents.

It watches (`execution.live_trading_manager.Observer`) and can ask for nothing. A cycle that has
opened becomes a `log_trade_entry`; one that has closed a `log_trade_exit`, whose document goes to
the memory. A cycle that was refused or found no buyer was no trade and leaves nothing.

Trades that the journal knows and the memory does not (a crash, a new file) are added at the start
by `catch_up`.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.memory import TradeDocument
from mytrader.domain.trader import TraderState
from mytrader.rag.cache import Store
from mytrader.rag.documents import Unfit, document_of
from mytrader.rag.trade_logger import EntryId, PositionMetadata, TradeLogger, metadata_of

LATE_TRADES_MAX: Final = 256
"""Closed trades whose commissions may still come: more than a week of the most active days."""


class PipelineIntegration:
    """Feeds a memory with what the loop trades; never fails, and is quick where nothing ends."""

    def __init__(self, memory: Store) -> None:
        self._memory = memory
        self._trades = TradeLogger(memory.remember)
        self._cycles: dict[str, TradeCycle] | None = None
        self._closed: OrderedDict[str, TradeCycle] = OrderedDict()
        self._cycle_of_fill: dict[str, str] = {}

    def catch_up(self, closed: Iterable[TradeCycle]) -> int:
        """Remember trades of the past, as a journal's fold tells them; return how many.

        What the memory has already stays as it is.
        """
        documents: list[TradeDocument] = []
        for cycle in closed:
            if cycle.phase is not Phase.CLOSED:
                continue
            self._watch_commissions(cycle)
            made = document_of(cycle)
            if not isinstance(made, Unfit):
                documents.append(made)
        # Also with none: an index outside then gets its seeds now, and not at the first question,
        # which it would have to answer with a failure.
        self._memory.remember_all(documents)
        return len(documents)

    def seen(self, event: events.AnyEvent, asked: Sequence[object], state: TraderState) -> None:
        """Take note of one event and the state after it."""
        del asked
        if state.cycles is not self._cycles:
            self._cycles = state.cycles
            for cycle in state.cycles.values():
                if cycle.opened_at is not None:
                    self.log_trade_entry(cycle)
        for cycle in state.finished:
            if cycle.phase is Phase.CLOSED:
                self.log_trade_exit(cycle)
        if isinstance(event, events.CommissionReported):
            self._add_commission(event)

    def log_trade_entry(self, cycle: TradeCycle) -> EntryId:
        """See `TradeLogger.log_trade_entry`."""
        return self._trades.log_trade_entry(cycle)

    def log_trade_exit(self, cycle: TradeCycle) -> TradeDocument | Unfit:
        """Write a closed trade down under its entry's id.

        After a restart in mid-trade nobody here saw the entry; the position's metadata lead to it.
        """
        known: EntryId | PositionMetadata | None = self._trades.entry_of(cycle)
        if known is None:
            known = metadata_of(cycle)
        self._watch_commissions(cycle)
        return self._trades.log_trade_exit(cycle, known)

    def _watch_commissions(self, cycle: TradeCycle) -> None:
        self._closed[cycle.cycle_id] = cycle
        self._closed.move_to_end(cycle.cycle_id)
        self._cycle_of_fill.update((fill.exec_id, cycle.cycle_id) for fill in cycle.fills)
        while len(self._closed) > LATE_TRADES_MAX:
            _, oldest = self._closed.popitem(last=False)
            for fill in oldest.fills:
                self._cycle_of_fill.pop(fill.exec_id, None)

    def _add_commission(self, event: events.CommissionReported) -> None:
        """Let a report that came after the end change the trade's document."""
        cycle = self._closed.get(self._cycle_of_fill.get(event.exec_id, ""))
        if cycle is None or cycle.commissions_usd.get(event.exec_id) == event.commission_usd:
            return
        paid = {**cycle.commissions_usd, event.exec_id: event.commission_usd}
        self.log_trade_exit(replace(cycle, commissions_usd=paid))
