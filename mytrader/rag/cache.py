"""Answers of the last two minutes, so that a regime that keeps asking is not searched again.

**The key is coarse by specification**: trend, volatility and action. Two different questions of
one regime and one side share an answer for as long as it lives, and the distances in it are those
of the first. It is therefore marked `cached`, and `latency_ms` says nothing of a search. There is
one cache for each contract's symbol and each strategy, beside the key and not in it: ES and MES,
or two strategies, never answer for each other.

**A trade that is remembered empties all of them**: the newest loss is what the next question must
hear of, and it may be near to questions of another strategy or contract too. Failures are not
kept, and neither is the answer to a question without a regime, which has no key.
"""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.decision import Question
from mytrader.domain.memory import Recall, TradeDocument
from mytrader.domain.orders import Side
from mytrader.domain.regime import Trend, Volatility
from mytrader.errors import invariant
from mytrader.ports import Memory

V = TypeVar("V")

TTL: Final = timedelta(seconds=120)
ENTRIES: Final = 128


class Key(Struct, frozen=True):
    """What a question is known by."""

    trend: Trend
    volatility: Volatility
    action: Side


class TimedCache(Generic[V]):
    """The `entries` answers used last, each up to the age of `ttl` and not beyond.

    Pure: time is an argument. A clock that has stepped back makes an answer too young to be true,
    and it is dropped.
    """

    def __init__(self, *, ttl: timedelta = TTL, entries: int = ENTRIES) -> None:
        invariant(ttl > timedelta(0) and entries > 0, "a cache keeps something for some time")
        self._ttl = ttl
        self._entries = entries
        self._kept: OrderedDict[Key, tuple[datetime, V]] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, now: datetime) -> V | None:
        """Return what is kept under a key, `None` if it is nothing or too old."""
        kept = self._kept.get(key)
        if kept is not None and timedelta(0) <= now - kept[0] <= self._ttl:
            self._kept.move_to_end(key)
            self.hits += 1
            return kept[1]
        self._kept.pop(key, None)
        self.misses += 1
        return None

    def put(self, key: Key, value: V, *, now: datetime) -> None:
        """Keep an answer; the one that was not used for longest gives way."""
        self._kept[key] = (now, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._entries:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget every answer; the counters go on."""
        self._kept.clear()


class Store(Memory, Protocol):
    """A memory that takes many trades at once."""

    def remember_all(self, documents: Iterable[TradeDocument]) -> None:
        """Keep finished trades; each replaces the one with its id. Raises nothing."""
        ...

    def close(self) -> None:
        """Let go of what is held; raises nothing."""
        ...


class CachedMemory:
    """A store behind its caches; `ports.Memory`."""

    def __init__(self, store: Store, *, ttl: timedelta = TTL, entries: int = ENTRIES) -> None:
        self._store = store
        self._ttl = ttl
        self._entries = entries
        self._caches: dict[tuple[str, str], TimedCache[Recall]] = {}
        self._emptied = 0

    @property
    def hits(self) -> int:
        """How many questions were answered from a cache."""
        return sum(cache.hits for cache in self._caches.values())

    @property
    def misses(self) -> int:
        """How many questions found no answer in their cache."""
        return sum(cache.misses for cache in self._caches.values())

    async def recall(self, question: Question, now: datetime) -> Recall:
        """Return the store's answer, or what it answered to the like a little while ago."""
        regime = question.signal.regime
        if regime is None:
            return await self._store.recall(question, now)
        key = Key(regime.trend, regime.volatility, question.signal.side)
        cache = self._cache(question)
        kept = cache.get(key, now)
        if kept is not None:
            return replace(kept, cached=True)
        emptied = self._emptied
        recall = await self._store.recall(question, now)
        # What was asked before a trade was remembered does not know of it.
        if recall.failure is None and emptied == self._emptied:
            cache.put(key, recall, now=now)
        return recall

    def remember(self, document: TradeDocument) -> None:
        """Keep a finished trade and forget every answer that did not know of it."""
        self.remember_all([document])

    def remember_all(self, documents: Iterable[TradeDocument]) -> None:
        """Keep many trades in one go, each as `remember` does."""
        self._store.remember_all(documents)
        self._emptied += 1
        for cache in self._caches.values():
            cache.clear()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def _cache(self, question: Question) -> TimedCache[Recall]:
        scope = (question.symbol, question.signal.strategy)
        if scope not in self._caches:
            self._caches[scope] = TimedCache(ttl=self._ttl, entries=self._entries)
        return self._caches[scope]
