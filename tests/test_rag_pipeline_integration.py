"""What the loop trades reaches the memory once, whatever is repeated, restarted or late."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.events import AnyEvent, CommissionReported, TimeReached
from mytrader.domain.limits import Limits
from mytrader.domain.memory import TradeDocument
from mytrader.domain.trader import TraderState
from mytrader.execution.live_trading_manager import Observer
from mytrader.rag.cache import CachedMemory
from mytrader.rag.documents import document_of
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.pipeline_integration import LATE_TRADES_MAX, PipelineIntegration
from mytrader.rag.seeds import FOUNDING_LOSS
from tests.memory_samples import OPENED, a_question, a_trade, everything_told

LIMITS = Limits()


class Desk:
    """A memory with its observer, as a trader has them."""

    def __init__(self, memory: KnowledgeBase | None = None) -> None:
        self.base = memory or KnowledgeBase(None)
        self.memory = CachedMemory(self.base)
        self.pipeline = PipelineIntegration(self.memory)

    def see(
        self, *, running: tuple[TradeCycle, ...] = (), ended: tuple[TradeCycle, ...] = ()
    ) -> None:
        """Show a state with these cycles."""
        cycles = {cycle.cycle_id: cycle for cycle in running}
        state = TraderState(limits=LIMITS, cycles=cycles, finished=ended)
        self.hear(TimeReached(), state)

    def hear(self, event: AnyEvent, state: TraderState | None = None) -> None:
        """Show an event."""
        asked: list[AnyCommand] = []
        observer: Observer = self.pipeline
        observer.seen(event, asked, state or TraderState(limits=LIMITS))

    @property
    def documents(self) -> list[TradeDocument]:
        """What is remembered beside the seed."""
        return [each for each in self.base.documents() if each != FOUNDING_LOSS]


def running(trade: TradeCycle, **changed: Any) -> TradeCycle:  # noqa: ANN401 - any field
    """The trade before its exit."""
    return replace(trade, phase=Phase.OPEN, fills=trade.fills[:1], closed_at=None, **changed)


class Outside(KnowledgeBase):
    """A memory that notes when it is told to remember."""

    def __init__(self) -> None:
        self.told: list[int] = []
        super().__init__(None)

    def remember_all(self, documents: Iterable[TradeDocument]) -> None:
        """Note how many."""
        kept = list(documents)
        self.told.append(len(kept))
        super().remember_all(kept)


def test_a_record_without_trades_is_told_too() -> None:
    """An index outside writes its seeds then; else its first answer would be a failure."""
    memory = Outside()
    memory.told.clear()
    assert PipelineIntegration(CachedMemory(memory)).catch_up([]) == 0
    assert memory.told == [0]


def test_a_trade_from_entry_to_lesson() -> None:
    desk, trade = Desk(), a_trade()
    with everything_told() as told:
        desk.see(running=(running(trade, opened_at=None),))
        desk.see(running=(running(trade),))
        desk.see(running=(running(trade),))
        desk.see(ended=(trade,))
        desk.see()
    assert [line["event"] for line in told] == ["TRADE_ENTRY", "TRADE_EXIT"]
    assert {line["cycle_id"] for line in told} == {trade.cycle_id}
    assert desk.documents == [document_of(trade)]


def test_what_was_no_trade_leaves_nothing() -> None:
    desk = Desk()
    for phase in (Phase.REFUSED, Phase.ABORTED):
        desk.see(ended=(replace(a_trade(), phase=phase, fills=()),))
    assert desk.documents == []


def test_after_a_restart_in_mid_trade_the_position_leads_to_the_trade() -> None:
    """The new process saw no entry, or sees the open trade first: one document either way."""
    for first in ((), (running(a_trade()),)):
        desk = Desk()
        desk.see(running=first)
        desk.see(ended=(a_trade(),))
        assert desk.documents == [document_of(a_trade())]


def test_a_replay_adds_nothing() -> None:
    desk = Desk()
    for _ in range(3):
        desk.see(running=(running(a_trade()),))
        desk.see(ended=(a_trade(),))
    assert len(desk.documents) == 1


def test_a_late_commission_changes_the_same_document() -> None:
    desk, trade = Desk(), a_trade()
    late = trade.fills[1].exec_id
    early = replace(trade, commissions_usd={trade.fills[0].exec_id: Decimal("2.40")})
    desk.see(ended=(early,))
    before = desk.documents
    for _ in range(2):
        desk.hear(CommissionReported(late, Decimal("2.40")))
        desk.hear(CommissionReported("somebody else's", Decimal(9)))
    assert [each.commission_usd for each in before] == [Decimal("2.40")]
    assert desk.documents == [document_of(trade)]


def test_a_commission_after_a_restart_finds_its_trade_too() -> None:
    trade = a_trade()
    early = replace(trade, commissions_usd={})
    desk = Desk()
    assert desk.pipeline.catch_up([early, replace(trade, phase=Phase.REFUSED)]) == 1
    for each in trade.fills:
        desk.hear(CommissionReported(each.exec_id, Decimal("2.40")))
    assert desk.documents == [document_of(trade)]


def test_catching_up_adds_what_the_memory_lacks_and_nothing_twice() -> None:
    desk = Desk()
    desk.see(ended=(a_trade(1),))
    assert desk.pipeline.catch_up([a_trade(1), a_trade(2)]) == 2
    assert [each.document_id[-1] for each in desk.documents] == ["1", "2"]
    assert desk.pipeline.catch_up([]) == 0


def test_two_contracts_and_two_trades_of_one_contract_at_once() -> None:
    """No entry is told twice while both are open, and each exit is its own."""
    desk = Desk()
    trades = (a_trade(1), a_trade(2), a_trade(3, con_id=9, symbol="MES"))
    with everything_told() as told:
        for _ in range(3):
            desk.see(running=tuple(running(each) for each in trades))
        for trade in reversed(trades):
            desk.see(ended=(trade,))
    assert [line["event"] for line in told] == ["TRADE_ENTRY"] * 3 + ["TRADE_EXIT"] * 3
    assert [(each.document_id[-1], each.symbol) for each in desk.documents] == [
        ("1", "ES"),
        ("2", "ES"),
        ("3", "MES"),
    ]


@pytest.mark.slow
def test_what_is_watched_for_commissions_is_bounded() -> None:
    desk = Desk()
    desk.pipeline.catch_up(a_trade(number) for number in range(LATE_TRADES_MAX + 10))
    assert len(desk.pipeline._closed) == LATE_TRADES_MAX
    assert len(desk.pipeline._cycle_of_fill) == 2 * LATE_TRADES_MAX
    assert len(desk.documents) == LATE_TRADES_MAX + 10


def test_the_next_question_hears_of_the_trade() -> None:
    """A cached answer of a moment ago would not."""
    desk = Desk()

    def trades(second: int) -> int:
        at = OPENED + timedelta(seconds=second)
        return asyncio.run(desk.memory.recall(a_question(), at)).trades

    assert trades(0) == 0
    desk.see(ended=(a_trade(),))
    assert trades(1) == 1
