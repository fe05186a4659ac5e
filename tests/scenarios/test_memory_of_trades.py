"""A trade through the real trader and the simulated gateway, remembered under its one id."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.domain.decision import Question
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Side
from mytrader.rag.cache import CachedMemory
from mytrader.rag.documents import Unfit, document_of
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.pipeline_integration import PipelineIntegration
from mytrader.rag.seeds import FOUNDING_LOSS
from mytrader.replay.cycle_book import CycleBook, fold
from tests.memory_samples import FEATURES, REGIME, everything_told
from tests.scenarios.world import World, play

pytestmark = pytest.mark.slow


async def trade(world: World, memory: KnowledgeBase, *, restart: bool) -> str:
    """Enter, perhaps die and come back in mid-trade, and leave; return the cycle's id."""
    world.manager.observe(PipelineIntegration(CachedMemory(memory)))
    signal = replace(world.signal(Side.BUY), features=dict(FEATURES), regime=REGIME)
    cycle_id = world.manager._process_hybrid_signal(world.con_id, signal)
    await world.until(lambda: world.ledger_position != 0)
    if restart:
        await world.kill_and_restart()
        pipeline = PipelineIntegration(CachedMemory(memory))
        pipeline.catch_up(world.book.closed)
        world.manager.observe(pipeline)
    await world.pass_time(5)
    world.flatten()
    await world.until(lambda: not world.state.cycles)
    return cycle_id


def trades(memory: KnowledgeBase) -> list[TradeDocument]:
    return [each for each in memory.documents() if each != FOUNDING_LOSS]


@pytest.mark.parametrize("restart", [False, True], ids=["in one go", "restarted in mid-trade"])
def test_a_trade_becomes_one_document_under_its_id(tmp_path: Path, restart: bool) -> None:
    memory = KnowledgeBase(tmp_path / "a.memory")

    async def script(world: World) -> None:
        with everything_told() as told:
            cycle_id = await trade(world, memory, restart=restart)
        (document,) = trades(memory)
        assert document.document_id == cycle_id
        assert document.net_usd == world.cash_change_usd
        assert document.exit_reason == "operator"
        assert document.result_r is not None
        events = [line["event"] for line in told if line["event"].startswith("TRADE_")]
        assert events == ["TRADE_ENTRY", *["TRADE_ENTRY"] * restart, "TRADE_EXIT"]
        assert {line["cycle_id"] for line in told if line["event"].startswith("TRADE_")} == {
            cycle_id
        }
        book = CycleBook()
        fold(world.journal.read(), book)
        again = [document_of(cycle) for cycle in book.closed]
        assert again == [document]
        rebuilt = KnowledgeBase(None)
        rebuilt.rebuild(each for each in again if not isinstance(each, Unfit))
        question = Question("q", 1, "ES", replace(book.closed[0].signal))
        assert rebuilt.recall_now(question) == memory.recall_now(question)
        assert memory.recall_now(question).trades == 1
        rebuilt.close()

    play(script)
    memory.close()
