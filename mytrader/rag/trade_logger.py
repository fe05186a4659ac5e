"""Entries and exits of trades, on record under one id each.

The id is the cycle's, from the signal to the lesson. `log_trade_entry` notes which trade a
contract's position belongs to; `log_trade_exit` takes the closed cycle itself together with how
its entry is known, so an exit without a trade cannot be written down: there is no value to call
it with. The note may be gone, after a restart in mid-trade; then the position's metadata lead to
the same id: the references that its fills carry.

Both are idempotent. A replay, a restart or a late commission changes the document of the trade
and never adds one.
"""

from collections.abc import Callable
from typing import Final, NewType

import structlog
from msgspec import Struct

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Role, parse_ref
from mytrader.rag.documents import Unfit, document_of

EntryId = NewType("EntryId", str)
"""The cycle id of an entry that was logged: only `log_trade_entry` makes one."""

MISMATCH: Final = "the position belongs to another trade"


class PositionMetadata(Struct, frozen=True):
    """What a position says of the trade that opened it: its contract, its fills' references."""

    con_id: int
    refs: tuple[str, ...]

    @property
    def cycle_id(self) -> str | None:
        """The trade whose entry opened the position, `None` if no entry of ours did."""
        parsed = (parse_ref(ref) for ref in self.refs)
        entries = (ref.cycle_id for ref in parsed if ref is not None and ref.role is Role.ENTRY)
        return next(entries, None)


def metadata_of(cycle: TradeCycle) -> PositionMetadata:
    """Return what the position of a cycle says of itself."""
    return PositionMetadata(cycle.con_id, tuple(fill.ref for fill in cycle.fills))


class TradeLogger:
    """Writes trades down as they open and close. `keep` takes the documents: a memory's."""

    def __init__(self, keep: Callable[[TradeDocument], None]) -> None:
        self._keep = keep
        self._open: dict[str, EntryId] = {}
        self._log = structlog.get_logger("mytrader.rag")

    def entry_of(self, cycle: TradeCycle) -> EntryId | None:
        """Return the note of a cycle's entry, `None` if this process did not see it begin."""
        return self._open.get(cycle.cycle_id)

    def log_trade_entry(self, cycle: TradeCycle) -> EntryId:
        """Note that a contract's position belongs to `cycle`; a repeat changes nothing."""
        noted = self._open.get(cycle.cycle_id)
        if noted is not None:
            return noted
        entry = self._open[cycle.cycle_id] = EntryId(cycle.cycle_id)
        self._log.info(
            "TRADE_ENTRY",
            at=cycle.opened_at,
            text=f"{cycle.side} {cycle.symbol} by {cycle.signal.strategy}",
            cycle_id=cycle.cycle_id,
            con_id=cycle.con_id,
        )
        return entry

    def log_trade_exit(
        self, closed: TradeCycle, entry: EntryId | PositionMetadata
    ) -> TradeDocument | Unfit:
        """Write a closed trade down and hand its document on; a repeat replaces it.

        `entry` is what `log_trade_entry` returned or, where that is gone, the position's
        metadata. If it names another trade nothing is kept, and the record says so.
        """
        known = entry.cycle_id if isinstance(entry, PositionMetadata) else entry
        if known != closed.cycle_id:
            made: TradeDocument | Unfit = Unfit(closed.cycle_id, f"{MISMATCH} ({known})")
        else:
            made = document_of(closed)
        self._open.pop(closed.cycle_id, None)
        if isinstance(made, Unfit):
            self._log.warning(
                "TRADE_EXIT_UNFIT", at=closed.closed_at, text=made.why, cycle_id=closed.cycle_id
            )
            return made
        self._log.info(
            "TRADE_EXIT",
            at=closed.closed_at,
            text=made.lesson,
            cycle_id=closed.cycle_id,
            con_id=closed.con_id,
            net_usd=made.net_usd,
            result_r=made.result_r,
        )
        self._keep(made)
        return made
