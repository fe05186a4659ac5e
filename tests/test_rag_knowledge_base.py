"""The embedded memory: equal journals give equal recalls, and what it lacks it does not hide."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.domain.memory import Recall
from mytrader.errors import InvariantBroken
from mytrader.rag.knowledge_base import DOCUMENTS_MAX, KnowledgeBase, Stock
from mytrader.rag.likeness import place_of, strategy_step
from mytrader.rag.recollection import RADIUS, recall_of
from mytrader.rag.seeds import FOUNDING_LOSS, SEEDS
from tests.memory_samples import (
    a_document,
    a_question,
    everything_told,
    features,
    question_like,
    random_documents,
)


def recalls(memory: KnowledgeBase, seed: int = 8) -> list[Recall]:
    """What a memory says of two hundred situations."""
    return [memory.recall_now(question_like(each)) for each in random_documents(seed, 200)]


def test_the_bound_is_twenty_trades_a_day_for_twenty_years() -> None:
    assert DOCUMENTS_MAX == 20 * 250 * 20
    with pytest.raises(InvariantBroken):
        KnowledgeBase(None, documents_max=0)


@pytest.mark.slow
def test_equal_trades_in_any_order_give_equal_recalls(tmp_path: Path) -> None:
    """Also after a restart, from the file, and after being told everything twice."""
    documents = random_documents(seed=1, count=300)
    one, other = KnowledgeBase(tmp_path / "a.memory"), KnowledgeBase(None)
    one.remember_all(documents)
    for document in reversed(documents):
        other.remember(document)
    other.remember_all(documents[:50])
    expected = recalls(one)
    assert recalls(other) == expected
    assert sum(recall.trades for recall in expected) > 40
    one.close()
    again = KnowledgeBase(tmp_path / "a.memory")
    assert recalls(again) == expected
    again.rebuild(documents)
    assert recalls(again) == expected
    again.close()
    other.close()


@pytest.mark.slow
def test_a_recall_is_that_of_a_search_by_hand() -> None:
    documents = [*SEEDS, *random_documents(seed=3, count=400)]
    memory = KnowledgeBase(None)
    memory.remember_all(documents)
    for asked in random_documents(seed=4, count=20):
        here, near = place_of(asked), []
        for document in documents:
            there = place_of(document)
            if (there.market, there.side) == (here.market, here.side):
                pairs = zip(here.vector, there.vector, strict=True)
                squared = sum((a - b) ** 2 for a, b in pairs)
                squared += strategy_step(here.strategy, there.strategy)
                near.append((squared, document))
        found = memory.recall_now(question_like(asked))
        by_hand = recall_of(near, count=10)
        assert [each.document_id for each in found.similar] == [
            each.document_id for each in by_hand.similar
        ]
        assert found.support == pytest.approx(by_hand.support, abs=2e-4)
    memory.close()


def test_the_oldest_trade_goes_and_the_lesson_stays() -> None:
    memory = KnowledgeBase(None, documents_max=3)
    memory.remember_all([a_document(number) for number in range(1, 4)])
    memory.remember(a_document(4))
    assert [int(each.document_id) for each in memory.recall_now(a_question()).similar] == [2, 3, 4]
    memory.remember(a_document(1))
    assert [int(each.document_id) for each in memory.recall_now(a_question()).similar] == [2, 3, 4]
    assert memory.stock == Stock(trades=3, seeds=1, refused=0)
    assert memory.recall_now(question_like(FOUNDING_LOSS)).trades == 1
    memory.close()


def test_seeding_is_idempotent(tmp_path: Path) -> None:
    path = tmp_path / "a.memory"
    for _ in range(3):
        memory = KnowledgeBase(path)
        assert list(memory.documents()) == [FOUNDING_LOSS]
        assert memory.stock == Stock(trades=0, seeds=1, refused=0)
        memory.close()


def test_a_refused_trade_is_counted_and_told() -> None:
    memory = KnowledgeBase(None)
    with everything_told() as told:
        memory.remember(a_document(features=features(volume_ratio=float("inf"))))
    assert memory.stock == Stock(trades=0, seeds=1, refused=1)
    assert told[0]["event"] == "MEMORY_REFUSED"
    assert "'volume_ratio' is not a finite number" in told[0]["text"]
    assert memory.find(a_document().document_id) is None
    memory.close()


def test_what_cannot_be_written_down_is_refused() -> None:
    """It would come back as damage, and make every recall near it a failure."""
    memory = KnowledgeBase(None)
    memory.remember_all([a_document(1, confidence=float("nan")), a_document(2)])
    assert memory.stock == Stock(trades=1, seeds=1, refused=1)
    assert memory.recall_now(a_question()).trades == 1
    memory.close()


def test_a_damaged_file_is_one_clear_line_and_a_new_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.memory"
    path.write_bytes(b"something fell on it")
    with everything_told() as told:
        memory = KnowledgeBase(path)
    assert [line["event"] for line in told] == ["MEMORY_BEGUN_ANEW"]
    assert "put aside" in told[0]["text"]
    assert memory.begun_anew == "it is no database any more"
    assert list(memory.documents()) == [FOUNDING_LOSS]
    memory.close()


def test_a_trade_that_cannot_be_written_makes_every_recall_fail_until_it_is(
    tmp_path: Path,
) -> None:
    """Another process holds the file: the loop does not wait, and nothing is lost."""
    path = tmp_path / "a.memory"
    memory = KnowledgeBase(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with everything_told() as told:
            memory.remember(a_document())
            recall = memory.recall_now(a_question())
        assert recall == Recall(failure="the memory lacks a trade that it could not write yet")
        assert {line["event"] for line in told} == {"MEMORY_NOT_WRITTEN"}
        other.execute("ROLLBACK")
    assert memory.recall_now(a_question()).trades == 1
    memory.close()


def test_what_another_process_wrote_is_followed(tmp_path: Path) -> None:
    """The memory is made again while a trader runs: its next question hears of all of it."""
    path = tmp_path / "a.memory"
    trader = KnowledgeBase(path)
    trader.remember_all([a_document(1), a_document(2)])
    person = KnowledgeBase(path)
    person.rebuild([a_document(3), a_document(2)])
    person.close()
    assert [int(each.document_id) for each in trader.recall_now(a_question()).similar] == [2, 3]
    trader.remember(a_document(4))
    assert trader.stock.trades == 3
    assert trader.recall_now(a_question()).trades == 3
    trader.close()


def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.memory"
    memory = KnowledgeBase(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        memory.remember(a_document())
        other.execute("ROLLBACK")
    memory.close()
    assert KnowledgeBase(path).find(a_document().document_id) == a_document()


def test_a_document_that_was_spoilt_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.memory"
    memory = KnowledgeBase(path)
    memory.remember(a_document())
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE documents SET document = 'nonsense'")
    failure = memory.recall_now(a_question()).failure
    assert failure is not None
    assert failure.startswith("the memory cannot be read: a document cannot be read")
    memory.close()
    assert "closed" in str(memory.recall_now(a_question()).failure)


def test_only_what_is_near_counts() -> None:
    memory = KnowledgeBase(None)
    far = features(minute_of_session=950.0 - 550 * 7**0.5 * (RADIUS + 0.01))
    near = features(minute_of_session=950.0 - 550 * 7**0.5 * (RADIUS - 0.01))
    memory.remember_all([a_document(1, features=far), a_document(2, features=near)])
    assert [each.document_id[-1] for each in memory.recall_now(a_question()).similar] == ["2"]
    memory.close()


def test_a_question_about_a_micro_contract_hears_of_the_large_one() -> None:
    memory = KnowledgeBase(None)
    memory.remember(a_document())
    assert memory.recall_now(replace(a_question(), symbol="MES")).trades == 1
    assert memory.recall_now(replace(a_question(), symbol="NQ")).trades == 0
    memory.close()


SPOILT = {
    "a vector of another size": "UPDATE documents SET vector = x'00'",
    "no count of writes": "DELETE FROM facts",
    "no table": "DROP TABLE documents",
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_is_spoilt_under_a_trader_never_raises_and_never_answers(
    tmp_path: Path, how: str
) -> None:
    """An observer that raises would halt the trader: over a trade that the journal has anyway."""
    path = tmp_path / "a.memory"
    memory = KnowledgeBase(path)
    memory.remember(a_document(1))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE facts SET value = value + 1")
        other.execute(SPOILT[how])
    with everything_told() as told:
        memory.remember(a_document(2))
        failures = [memory.recall_now(a_question()).failure for _ in range(2)]
    assert {line["event"] for line in told} == {"MEMORY_NOT_WRITTEN"}
    assert failures == ["the memory lacks a trade that it could not write yet"] * 2
    memory.close()


def test_a_spoilt_file_is_not_taken_for_learned_after_one_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.memory"
    memory = KnowledgeBase(path)
    memory.remember(a_document(1))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE facts SET value = value + 1")
        other.execute(SPOILT["a vector of another size"])
    failures = [memory.recall_now(a_question()).failure for _ in range(2)]
    assert failures == ["the memory cannot be read: a vector has the wrong size"] * 2
    memory.close()
