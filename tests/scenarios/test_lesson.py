"""The founding loss is remembered: its situation, proposed again, is argued against and held."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
from mytrader.advisors.panel import Panel, Seat
from mytrader.domain.decision import Advice, Counsel, Question
from mytrader.domain.orders import Side
from mytrader.execution.guards import should_block_on_wait
from mytrader.rag.cache import CachedMemory
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.seeds import FOUNDING_LOSS
from tests.manual_runtime import ManualRuntime
from tests.memory_samples import question_like


def asked(memory: KnowledgeBase, question: Question) -> Counsel:
    """Put a question before memory and advisors, as the loop does."""
    seats = [Seat(one.name, one.role, one) for one in (LocalDecisionAdvisor(), LocalRiskAdvisor())]
    panel = Panel(
        seats, ManualRuntime(), deadline=timedelta(seconds=2), memory=CachedMemory(memory)
    )
    return asyncio.run(panel.ask(question))


def the_same_again(**changed: object) -> Question:
    """The founding situation as a strategy of ours would propose it: with a stop, 0.62 sure."""
    return question_like(FOUNDING_LOSS, strategy="ema-cross", confidence=0.62, **changed)


@pytest.mark.parametrize("restarted", [False, True])
def test_the_same_situation_again_is_held_citing_the_lesson(
    tmp_path: Path, restarted: bool
) -> None:
    memory = KnowledgeBase(tmp_path / "a.memory")
    if restarted:
        memory.close()
        memory = KnowledgeBase(tmp_path / "a.memory")
    counsel = asked(memory, the_same_again())
    memory.close()
    decision = counsel.opinions[0]
    assert decision.decision is Advice.WAIT
    assert decision.cited == ("incident-2025-12-12-14812",)
    assert "BUY ES lost $1700.00; avoid: nothing limited the loss" in decision.rationale
    assert decision.confidence == 1.0
    verdict = should_block_on_wait(counsel.opinions, signal_confidence=0.62, override=0.75)
    assert (verdict.code, verdict.approved) == ("AWS_WAIT", False)
    assert "incident-2025-12-12-14812" in verdict.detail


def test_also_in_the_micro_contract_and_nearly_the_same_numbers() -> None:
    nearly = {name: value * 1.01 for name, value in FOUNDING_LOSS.features.items()}
    nearly["ema_slow"] = nearly["close"] + 28
    question = replace(the_same_again(features=nearly), symbol="MES")
    counsel = asked(KnowledgeBase(None), question)
    assert counsel.opinions[0].cited == ("incident-2025-12-12-14812",)


def test_the_other_side_of_the_same_situation_is_another_matter() -> None:
    counsel = asked(KnowledgeBase(None), the_same_again(side=Side.SELL))
    assert counsel.opinions[0].cited == ()
    assert counsel.recall is not None
    assert counsel.recall.similar == ()
