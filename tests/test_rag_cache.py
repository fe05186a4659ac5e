"""Answers live for 120 seconds, 128 of them, and never for another contract or strategy."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.decision import Question
from mytrader.domain.memory import Recall, TradeDocument
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.errors import InvariantBroken
from mytrader.rag.cache import ENTRIES, TTL, CachedMemory, Key, TimedCache
from tests.memory_samples import OPENED, REGIME, a_document, a_question

KEY = Key(Trend.UPTREND, Volatility.LOW, Side.BUY)
OTHER = Key(Trend.UPTREND, Volatility.LOW, Side.SELL)
THIRD = Key(Trend.RANGE, Volatility.LOW, Side.SELL)
SECOND = timedelta(seconds=1)


class CountedStore:
    """A store that numbers its answers."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: str | None = None
        self.kept: list[TradeDocument] = []
        self.on_recall: list[TradeDocument] = []
        self.memory: CachedMemory | None = None
        self.closed = False

    async def recall(self, question: Question, now: datetime) -> Recall:
        """Answer with the number of the question; a trade may close meanwhile."""
        del question, now
        self.asked += 1
        if self.memory is not None:
            self.memory.remember_all(self.on_recall)
        return Recall(trades=self.asked, failure=self.failure)

    def remember(self, document: TradeDocument) -> None:
        """Keep one."""
        self.kept.append(document)

    def remember_all(self, documents: Iterable[TradeDocument]) -> None:
        """Keep several."""
        self.kept += documents

    def close(self) -> None:
        """Note it."""
        self.closed = True


def ask(memory: CachedMemory, question: Question | None = None, *, second: float = 0) -> Recall:
    at = OPENED + SECOND * second
    return asyncio.run(memory.recall(question or a_question(), at))


def test_the_defaults_are_those_of_the_specification() -> None:
    assert timedelta(seconds=120) == TTL
    assert ENTRIES == 128


def test_the_120th_second_hits_and_the_121st_misses() -> None:
    cache: TimedCache[str] = TimedCache()
    cache.put(KEY, "answer", now=OPENED)
    assert cache.get(KEY, OPENED + 120 * SECOND) == "answer"
    assert cache.get(KEY, OPENED + 121 * SECOND) is None
    assert (cache.hits, cache.misses, len(cache)) == (1, 1, 0)


def test_an_answer_from_the_future_is_dropped() -> None:
    cache: TimedCache[str] = TimedCache()
    cache.put(KEY, "answer", now=OPENED)
    assert cache.get(KEY, OPENED - SECOND) is None
    assert cache.get(KEY, OPENED) is None


def test_the_answer_used_longest_ago_gives_way() -> None:
    cache: TimedCache[str] = TimedCache(entries=2)
    for key in (KEY, OTHER):
        cache.put(key, "answer", now=OPENED)
    cache.get(KEY, OPENED)
    cache.put(THIRD, "answer", now=OPENED)
    assert cache.get(OTHER, OPENED) is None
    assert cache.get(KEY, OPENED) == "answer"


def test_the_129th_entry_evicts_the_first() -> None:
    """There are eighteen keys of this kind; a made-up action shows the bound."""
    cache: TimedCache[int] = TimedCache()
    keys = [Key(Trend.RANGE, Volatility.LOW, f"{n}") for n in range(129)]  # type: ignore[arg-type]  # any key will do
    for number, key in enumerate(keys):
        cache.put(key, number, now=OPENED)
    assert len(cache) == 128
    assert cache.get(keys[0], OPENED) is None
    assert cache.get(keys[1], OPENED) == 1


@pytest.mark.slow
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 200)), max_size=60))
def test_the_cache_agrees_with_a_plain_list(steps: list[tuple[bool, int, int]]) -> None:
    cache: TimedCache[int] = TimedCache(ttl=50 * SECOND, entries=3)
    model: list[tuple[int, int, int]] = []
    now = 0
    for number, (put, name, forward) in enumerate(steps):
        now += forward // 4
        key = Key(Trend.RANGE, Volatility.LOW, f"{name}")  # type: ignore[arg-type]  # any key will do
        kept = next((each for each in model if each[0] == name), None)
        model = [each for each in model if each[0] != name]
        if put:
            cache.put(key, number, now=OPENED + now * SECOND)
            model = [*model, (name, number, now)][-3:]
        else:
            fresh = kept is not None and now - kept[2] <= 50
            model += [kept] if kept is not None and fresh else []
            expected = kept[1] if kept is not None and fresh else None
            assert cache.get(key, OPENED + now * SECOND) == expected
        assert len(cache) == len(model)


def test_a_cache_of_nothing_is_refused() -> None:
    with pytest.raises(InvariantBroken):
        TimedCache(entries=0)
    with pytest.raises(InvariantBroken):
        TimedCache(ttl=timedelta(0))


def test_a_repeated_question_is_answered_from_the_cache_and_says_so() -> None:
    memory = CachedMemory(CountedStore())
    assert ask(memory) == Recall(trades=1)
    assert ask(memory, second=120) == Recall(trades=1, cached=True)
    assert ask(memory, second=241) == Recall(trades=2)
    assert (memory.hits, memory.misses) == (1, 2)


@pytest.mark.parametrize(
    "other",
    [
        a_question("MES"),
        a_question(strategy="opening-range"),
        a_question(side=Side.SELL),
        a_question(regime=Regime(Trend.UPTREND, Volatility.HIGH)),
        a_question(regime=Regime(Trend.RANGE, Volatility.MEDIUM)),
    ],
)
def test_another_question_is_asked(other: Question) -> None:
    memory = CachedMemory(CountedStore())
    assert ask(memory).trades == 1
    assert ask(memory, other) == Recall(trades=2)


def test_the_key_is_coarse_as_specified() -> None:
    """Other features of one regime and side share an answer, marked as what it is."""
    memory = CachedMemory(CountedStore())
    ask(memory)
    other = a_question(features={"atr": 99.0})
    assert other.signal.regime == REGIME
    assert ask(memory, other).cached


def test_a_question_without_a_regime_has_no_key() -> None:
    memory = CachedMemory(CountedStore())
    assert [ask(memory, a_question(regime=None)).trades for _ in range(2)] == [1, 2]


def test_a_remembered_trade_empties_every_cache() -> None:
    store = CountedStore()
    memory = CachedMemory(store)
    ask(memory)
    ask(memory, a_question("MES"))
    memory.remember(a_document())
    assert store.kept == [a_document()]
    assert not ask(memory).cached
    assert not ask(memory, a_question("MES")).cached


def test_an_answer_that_a_trade_overtook_is_not_kept() -> None:
    """The search began before the loss was known; the next question must hear of it."""
    store = CountedStore()
    store.memory = memory = CachedMemory(store)
    store.on_recall = [a_document()]
    ask(memory)
    assert not ask(memory).cached


def test_a_failure_is_not_kept() -> None:
    store = CountedStore()
    store.failure = "timeout"
    memory = CachedMemory(store)
    ask(memory)
    store.failure = None
    assert ask(memory) == Recall(trades=2)


def test_closing_reaches_the_store() -> None:
    store = CountedStore()
    CachedMemory(store).close()
    assert store.closed
