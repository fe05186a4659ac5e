"""A memory that could not be opened has failed: it is never read as one without trades."""

import asyncio

from mytrader.rag.absent import AbsentMemory
from mytrader.rag.cache import CachedMemory
from tests.manual_runtime import START
from tests.memory_samples import a_document, a_question


def test_every_recall_fails_with_the_reason_also_behind_the_cache() -> None:
    memory = CachedMemory(AbsentMemory("memory a.memory: no space left"))
    memory.remember(a_document())
    for _ in range(2):
        recall = asyncio.run(memory.recall(a_question(), START))
        assert recall.failure == "not opened: memory a.memory: no space left"
        assert (recall.similar, recall.support, recall.cached) == ((), None, False)
    memory.close()


def test_it_keeps_nothing_and_minds_nothing() -> None:
    memory = AbsentMemory("why")
    memory.remember(a_document())
    memory.remember_all([a_document(1), a_document(2)])
    memory.close()
