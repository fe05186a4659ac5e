"""What every memory must do: run on the file, on an index, and on a real index where there is one.

A real one is used where MYTRADER_TEST_OPENSEARCH_URL names it, with its account in
OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD; it gets an index of its own.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from math import nan
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from mytrader.domain.decision import Question
from mytrader.domain.memory import Recall
from mytrader.domain.orders import Side
from mytrader.rag.cache import Store
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.opensearch import OpenSearchMemory
from mytrader.rag.recollection import RADIUS
from mytrader.rag.seeds import FOUNDING_LOSS
from mytrader.service_settings import RagSettings
from tests.fakes.opensearch_server import search_server
from tests.manual_runtime import START, ManualRuntime
from tests.memory_samples import (
    a_document,
    a_question,
    features,
    question_like,
    random_documents,
)

REAL = "MYTRADER_TEST_OPENSEARCH_URL"


class Kept(NamedTuple):
    """A store, and what lets it write what waits."""

    store: Store
    settle: Callable[[], None]

    def recall(self, question: Question) -> Recall:
        """Let everything be written, then ask."""
        self.settle()
        return asyncio.run(self.store.recall(question, START))


def in_file(stack: ExitStack, folder: Path) -> Kept:
    """Keep documents in a file."""
    store = KnowledgeBase(folder / "t.memory")
    stack.callback(store.close)
    return Kept(store, lambda: None)


def in_index(url: str, index: str) -> Kept:
    """Keep documents in an index at an address."""
    settings = RagSettings(
        opensearch_enabled=True,
        opensearch_url=url,
        opensearch_index=index,
        opensearch_timeout=timedelta(seconds=5),
    )
    store = OpenSearchMemory(
        settings, ManualRuntime(), advice_timeout=timedelta(seconds=10), environ=os.environ
    )
    return Kept(store, lambda: asyncio.run(store.flush()))


def in_fake_index(stack: ExitStack, _folder: Path) -> Kept:
    """Keep documents in an index of the test's own server."""
    server = stack.enter_context(search_server())
    kept = in_index(server.url, "test")
    stack.callback(kept.store.close)
    return kept


def in_real_index(stack: ExitStack, folder: Path) -> Kept:
    """Keep documents in a real index, in one of its own for each test."""
    url = os.environ.get(REAL)
    if url is None:
        pytest.skip(f"no real OpenSearch: {REAL} is not set")
    kept = in_index(url, f"mytrader-{folder.name}".lower()[:90])
    stack.callback(kept.store.close)
    return kept


@pytest.fixture(params=[in_file, in_fake_index, in_real_index], ids=["file", "index", "real"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    with ExitStack() as stack:
        yield request.param(stack, tmp_path)


def test_a_new_memory_knows_the_founding_loss_and_nothing_else(kept: Kept) -> None:
    recall = kept.recall(question_like(FOUNDING_LOSS, strategy="ema-cross"))
    (found,) = recall.similar
    assert (found.document_id, found.distance, found.avoid) == (
        FOUNDING_LOSS.document_id,
        0.0,
        True,
    )
    assert found.lesson == FOUNDING_LOSS.lesson
    assert (recall.trades, recall.wins, recall.support, recall.failure) == (1, 0, None, None)


def test_nothing_similar_is_no_failure(kept: Kept) -> None:
    assert kept.recall(a_question()) == Recall()


def test_the_same_situation_is_at_distance_zero(kept: Kept) -> None:
    kept.store.remember(a_document())
    recall = kept.recall(a_question())
    assert [(trade.document_id, trade.distance) for trade in recall.similar] == [
        (a_document().document_id, 0.0)
    ]
    assert (recall.trades, recall.wins, recall.mean_r) == (1, 1, 1.0)


def test_one_with_the_same_id_is_replaced(kept: Kept) -> None:
    """A late commission changes the trade; it does not add one."""
    kept.store.remember(a_document())
    kept.settle()
    kept.store.remember(a_document(net_usd=Decimal(-1), result_r=-0.002))
    recall = kept.recall(a_question())
    assert [(trade.net_usd, trade.result_r) for trade in recall.similar] == [(Decimal(-1), -0.002)]


def test_a_trade_that_moves_is_found_where_it_is_now(kept: Kept) -> None:
    kept.store.remember(a_document())
    kept.settle()
    kept.store.remember(a_document(side=Side.SELL))
    assert kept.recall(a_question()).trades == 0
    assert kept.recall(a_question(side=Side.SELL)).trades == 1


def test_side_and_market_are_filters(kept: Kept) -> None:
    kept.store.remember_all(
        [a_document(1, side=Side.SELL), a_document(2, symbol="NQ"), a_document(3, symbol="MES")]
    )
    recall = kept.recall(a_question())
    assert [trade.document_id[-1] for trade in recall.similar] == ["3"]


def test_another_strategy_speaks_from_a_step_away(kept: Kept) -> None:
    kept.store.remember_all([a_document(1, strategy="other"), a_document(2)])
    recall = kept.recall(a_question())
    assert [trade.distance for trade in recall.similar] == [0.0, 0.25]


def test_five_alike_support(kept: Kept) -> None:
    kept.store.remember_all([a_document(number) for number in range(1, 6)])
    assert kept.recall(a_question()).support == pytest.approx(7 / 9, abs=1e-4)


def test_the_ten_nearest_count_and_equal_ones_by_id(kept: Kept) -> None:
    kept.store.remember_all([a_document(number) for number in range(30, 0, -1)])
    recall = kept.recall(a_question())
    assert [int(trade.document_id) for trade in recall.similar] == list(range(1, 11))


@pytest.mark.parametrize("value", [nan, None], ids=["nan", "missing"])
def test_what_cannot_be_compared_is_refused_and_harms_nothing(
    kept: Kept, value: float | None
) -> None:
    numbers = features()
    if value is None:
        del numbers["atr"]
    else:
        numbers["atr"] = value
    kept.store.remember_all([a_document(1, features=numbers), a_document(2)])
    assert [trade.document_id[-1] for trade in kept.recall(a_question()).similar] == ["2"]


def test_a_question_that_cannot_be_compared_is_a_failure_with_its_reason(kept: Kept) -> None:
    recall = kept.recall(a_question(features=features(atr=nan)))
    assert recall.failure == (
        "the proposal cannot be compared: the feature 'atr' is not a finite number"
    )
    assert kept.recall(replace(a_question(), symbol="ZZ")).failure is not None


@pytest.mark.slow
def test_every_store_gives_the_answers_of_every_other(kept: Kept) -> None:
    documents = random_documents(seed=5, count=200)
    kept.store.remember_all(documents)
    reference = KnowledgeBase(None)
    reference.remember_all(reversed(documents))
    found = 0
    for document in documents[::7]:
        question = question_like(document, strategy="ema-cross")
        recall = kept.recall(question)
        assert recall == reference.recall_now(question)
        assert all(trade.distance <= RADIUS for trade in recall.similar)
        found += recall.trades
    assert found > 30
    reference.close()
