"""Ticks to quotes and settlements: what each contract shows, told once per delivery."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from mytrader.domain.events import QuoteSeen, SettlementStated
from mytrader.domain.instrument import FuturesContract
from mytrader.domain.market import Quote
from mytrader.execution.ib_translation import ticks

BID, ASK, LAST = 1, 2, 4
"""Tick types of live prices (TWS-PROTOCOL.md section 6.6)."""

DELAYED_TO_LIVE: Final = {66: BID, 67: ASK, 68: LAST}
CLOSES: Final = frozenset({9, 75})
"""The last settlement, live and delayed: the broker calls it the close of the day before."""

DELAYED_DATA_TYPES: Final = frozenset({3, 4})


class QuoteFeed:
    """The top of the book of every watched contract, as the broker last said it."""

    def __init__(self) -> None:
        self._contracts: dict[int, FuturesContract] = {}
        self._touch: dict[int, dict[int, int | None]] = {}
        self._delayed: set[int] = set()
        self._changed: dict[int, None] = {}
        self._traded: dict[int, None] = {}
        self._settlements: dict[int, int] = {}
        self._settled: dict[int, None] = {}

    def watch(self, request: int, contract: FuturesContract) -> None:
        """Take the ticks of `request` as those of `contract`."""
        self._contracts[request] = contract
        self._touch[contract.con_id] = {}

    def take_tick(self, request: int, kind: int, *, price: float, size: float) -> None:
        """Take one price; a side without size is empty, not zero."""
        contract = self._contracts.get(request)
        side = DELAYED_TO_LIVE.get(kind, kind)
        if contract is not None and kind in CLOSES:
            self._take_settlement(contract, price)
        if contract is None or side not in (BID, ASK, LAST):
            return
        if side != kind:
            self._delayed.add(contract.con_id)
        empty = price <= 0 or (size == 0 and side != LAST)
        known = None if empty else ticks(contract.instrument, price)
        if side == LAST and known is not None:
            self._traded[contract.con_id] = None
        self._touch[contract.con_id][side] = known
        self._changed[contract.con_id] = None

    def _take_settlement(self, contract: FuturesContract, price: float) -> None:
        settled = ticks(contract.instrument, price) if price > 0 else None
        if settled is not None and self._settlements.get(contract.con_id) != settled:
            self._settlements[contract.con_id] = settled
            self._settled[contract.con_id] = None

    def settled(self) -> Iterator[SettlementStated]:
        """Yield the settlements that changed since the last call."""
        for con_id in self._settled:
            yield SettlementStated(con_id, self._settlements[con_id])
        self._settled.clear()

    def take_data_type(self, request: int, kind: int) -> None:
        """Take the broker's word on whether the data is live (1, 2) or delayed (3, 4)."""
        contract = self._contracts.get(request)
        if contract is None:
            return
        if kind in DELAYED_DATA_TYPES:
            self._delayed.add(contract.con_id)
        else:
            self._delayed.discard(contract.con_id)

    def traded(self) -> Iterator[int]:
        """Yield the contracts that traded since the last call, by id."""
        yield from self._traded
        self._traded.clear()

    def changed(self, now: datetime) -> Iterator[QuoteSeen]:
        """Yield one quote for every contract that changed since the last call."""
        for con_id in self._changed:
            touch = self._touch[con_id]
            quote = Quote(
                now, touch.get(BID), touch.get(ASK), touch.get(LAST), con_id in self._delayed
            )
            yield QuoteSeen(con_id, quote)
        self._changed.clear()
