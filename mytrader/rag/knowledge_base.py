"""The embedded memory: documents in one file, their places in the process, found by distance.

A search is exact and takes about a millisecond among a hundred thousand trades
(`benchmarks/memory_search.py`), so it is done here and now: no thread, no real duration on the
clock of a simulated run, and equal journals give equal recalls. What is remembered is bounded:
beyond `documents_max` the oldest goes. Seeds stay.

A document that cannot be compared (a feature that is missing or not a finite number) is refused
with the reason and counted. A document that could not be written yet makes every recall a
failure until it is: a memory that knows what it lacks does not speak as if it were whole.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Final

import numpy as np
import structlog
from msgspec import Struct

from mytrader.domain.decision import Question
from mytrader.domain.memory import Recall, TradeDocument
from mytrader.errors import BadInput, invariant
from mytrader.rag.likeness import (
    COORDINATES,
    Incomparable,
    Place,
    place_of,
    place_of_question,
    strategy_step,
)
from mytrader.rag.memory_file import Damaged, Entry, MemoryFile, Row, vector_bytes, writable
from mytrader.rag.recollection import RADIUS, recall_of
from mytrader.rag.seeds import SEED_IDS, SEEDS
from mytrader.rag.vector_index import Points, VectorIndex

DOCUMENTS_MAX: Final = 100_000
"""Twenty trades a day for twenty years."""
NEIGHBOURS: Final = 10

_LITTLE: Final = np.dtype("<f4")
_Shelf = tuple[str, str, str]


class Stock(Struct, frozen=True):
    """How much a memory holds: documents of trades, seeds, and how many it refused."""

    trades: int
    seeds: int
    refused: int


class KnowledgeBase:
    """Past trades by likeness; `ports.Memory`. One process writes to a file, others may read.

    `path` is `None` for a memory that ends with its process. `patience_s` is how long a write may
    wait for another process. Raises `BadInput` for a path that cannot be used.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        documents_max: int = DOCUMENTS_MAX,
        neighbours: int = NEIGHBOURS,
        patience_s: float = 0.0,
    ) -> None:
        invariant(documents_max > 0 and neighbours > 0, "a memory holds and finds something")
        self._documents_max = documents_max
        self._neighbours = neighbours
        self._log = structlog.get_logger("mytrader.rag")
        self._file = MemoryFile(path, patience_s=patience_s)
        self._shelves: dict[_Shelf, VectorIndex] = {}
        self._shelf_of: dict[int, _Shelf] = {}
        self._waiting: dict[str, Entry] = {}
        self._refused = 0
        if self._file.begun_anew is not None:
            self._log.warning(
                "MEMORY_BEGUN_ANEW",
                text=f"memory {path} was damaged ({self._file.begun_anew}) and put aside as"
                f" {path}.damaged: the journal fills the new one",
            )
        try:
            self._load(self._file.rows())
        except (sqlite3.Error, Damaged) as error:
            raise BadInput(f"memory {path}: {error}: close what holds it") from None
        self.remember_all(SEEDS)

    @property
    def begun_anew(self) -> str | None:
        """Why the file was put aside when this was opened, `None` if it was not."""
        return self._file.begun_anew

    @property
    def stock(self) -> Stock:
        """Return how much is held."""
        trades = len(self._shelf_of) - len(SEEDS)
        return Stock(trades, len(SEEDS), self._refused)

    # The port

    async def recall(self, question: Question, now: datetime) -> Recall:
        """Return what is remembered of the proposal's like; never waits for anything."""
        del now
        return self.recall_now(question)

    def recall_now(self, question: Question) -> Recall:
        """Return what is remembered of the proposal's like, or why that cannot be said."""
        try:
            place = place_of_question(question)
        except Incomparable as why:
            return Recall(failure=f"the proposal cannot be compared: {why}")
        if self._waiting and not self._write([]):
            return Recall(failure="the memory lacks a trade that it could not write yet")
        try:
            self._follow()
            near = self._near(place, self._neighbours, within=RADIUS**2)
            documents = self._file.fetch([number for _, number in near])
        except (sqlite3.Error, Damaged) as error:
            return Recall(failure=f"the memory cannot be read: {error}")
        found = [(squared, documents[number]) for squared, number in near]
        return recall_of(found, count=self._neighbours)

    def remember(self, document: TradeDocument) -> None:
        """Keep a finished trade; one with the same id is replaced. Raises nothing."""
        self.remember_all([document])

    def remember_all(self, documents: Iterable[TradeDocument]) -> None:
        """Keep many trades in one go, each as `remember` does."""
        self._write(self._entries(documents))

    # More than the port asks for

    def rebuild(self, documents: Iterable[TradeDocument]) -> None:
        """Forget everything and keep the seeds and these; the file shows all of it or none.

        Raises `sqlite3.Error` and `Damaged` when the file cannot be written.
        """
        entries = self._entries([*SEEDS, *documents])
        self._waiting.clear()
        self._follow()
        self._keep(*self._file.write(entries, keep=self._documents_max, anew=True))

    def find(self, document_id: str) -> TradeDocument | None:
        """Return one document. Raises `sqlite3.Error` and `Damaged`."""
        return self._file.find(document_id)

    def documents(self) -> Iterator[TradeDocument]:
        """Yield every document, oldest first. Raises `sqlite3.Error` and `Damaged`."""
        return self._file.documents()

    def close(self) -> None:
        """Write what still waits, and let go of the file."""
        if self._waiting:
            self._write([])
        self._file.close()

    # Inside

    def _entries(self, documents: Iterable[TradeDocument]) -> list[Entry]:
        entries = []
        for document in documents:
            try:
                place = place_of(document)
            except Incomparable as why:
                self._refuse(document, f"it cannot be compared with others: {why}")
                continue
            if not writable(document):
                self._refuse(document, "it cannot be written down")
            else:
                entries.append(Entry(document, place, seed=document.document_id in SEED_IDS))
        return entries

    def _refuse(self, document: TradeDocument, why: str) -> None:
        self._refused += 1
        self._log.warning(
            "MEMORY_REFUSED",
            at=document.closed_at,
            text=f"the trade is not remembered: {why}",
            cycle_id=document.document_id,
        )

    def _write(self, entries: list[Entry]) -> bool:
        """Write what waits and `entries`; what cannot be written waits. Returns success."""
        self._waiting |= {entry.document.document_id: entry for entry in entries}
        try:
            self._follow()
            changed = self._file.write(self._waiting.values(), keep=self._documents_max)
        except (sqlite3.Error, Damaged) as error:
            self._log.warning(
                "MEMORY_NOT_WRITTEN",
                text=f"{len(self._waiting)} documents wait, the journal has them: {error}",
            )
            return False
        self._waiting.clear()
        self._keep(*changed)
        return True

    def _keep(self, written: list[tuple[int, Entry]], gone: list[int]) -> None:
        """Let the places follow what the file now holds."""
        for number in gone:
            self._take_out(number)
        evicted = set(gone)
        for number, entry in written:
            if number in evicted:
                continue  # older than everything else in a memory that is full
            self._take_out(number)
            place = entry.place
            shelf = (place.market, str(place.side), place.strategy)
            self._shelves.setdefault(shelf, VectorIndex(len(COORDINATES)))
            self._shelves[shelf].add(number, _point(place))
            self._shelf_of[number] = shelf

    def _take_out(self, number: int) -> None:
        shelf = self._shelf_of.pop(number, None)
        if shelf is not None:
            self._shelves[shelf].remove(number)

    def _follow(self) -> None:
        """Learn the places anew where another process wrote, as `mytrader memory rebuild` does."""
        if self._file.changed_elsewhere():
            self._load(self._file.rows())

    def _load(self, rows: list[Row]) -> None:
        shelves: dict[_Shelf, list[Row]] = {}
        self._shelves, self._shelf_of = {}, {}
        for row in rows:
            shelf = (row.market, row.side, row.strategy)
            shelves.setdefault(shelf, []).append(row)
            self._shelf_of[row.number] = shelf
        for shelf, inside in shelves.items():
            numbers = np.array([row.number for row in inside], dtype=np.int64)
            stored = np.frombuffer(b"".join(row.vector for row in inside), dtype=_LITTLE)
            points = np.ascontiguousarray(stored.reshape(-1, len(COORDINATES)).T, dtype=np.float32)
            self._shelves[shelf] = VectorIndex(len(COORDINATES))
            self._shelves[shelf].fill(numbers, points)

    def _near(self, place: Place, count: int, *, within: float = inf) -> list[tuple[float, int]]:
        """Return (squared distance, number) of the nearest, and of all that tie with the last."""
        shelves = [
            (strategy_step(place.strategy, strategy), strategy)
            for market, side, strategy in self._shelves
            if market == place.market and side == place.side
        ]
        found: list[tuple[float, int]] = []
        limit = within
        for step, strategy in sorted(shelves):
            index = self._shelves[place.market, str(place.side), strategy]
            near = index.nearest(_point(place), count, within=limit - step)
            found += [(squared + step, number) for squared, number in near]
            found.sort()
            if len(found) >= count:
                limit = found[count - 1][0]
        return [each for each in found if each[0] <= limit]


def _point(place: Place) -> Points:
    return np.frombuffer(vector_bytes(place), dtype=_LITTLE).astype(np.float32)
