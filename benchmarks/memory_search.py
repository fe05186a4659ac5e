"""What a recall costs, by engine: our boxes, brute force, and the well-kept libraries.

Usage: python benchmarks/memory_search.py [--documents N] [--questions N] [--json]

Made-up trades are spread as the crosses of a month of ES are: normal numbers, labels in three
steps, one market and one side, the worst case for a search that divides by both. Each engine is
told all of them, then asked for the ten nearest, one question at a time and on one thread.
`ratio` is the median by numpy's brute force of the same run: the figure that another machine can
be compared with. `recall` is the share of the true ten that was found, `same` whether a second
index, built anew, gives the same answers to the bit. Times are what
the processor spent, so that a busy machine tells the same: a question's are of its one thread.
`start` is the time from what is on disk to the first answer: for our memory all of opening its
file, for the others reading their own index. Engines that are not installed are left out.
`--documents 1000000` is the size behind the decision in ARCHITECTURE.md; the graphs take long to
build there.
"""

import argparse
import gc
import importlib
import importlib.util
import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import inf
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mytrader.domain.decision import Question, Signal
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Side
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.likeness import COORDINATES, LABEL_STEP, SCALES
from mytrader.rag.vector_index import VectorIndex, squared_distances

NEIGHBOURS: Final = 10
SEED: Final = 1
TWICE_MAX: Final = 100_000
"""Beyond this many, an index is not built a second time: a graph takes minutes."""
BRUTE: Final = "numpy brute force"
KNOWLEDGE_BASE: Final = "whole recall, from the file"

Array = npt.NDArray[np.float32]
Answers = list[list[int]]
Index = Any
"""Whatever a library makes."""


class Engine(NamedTuple):
    """How to build an index from rows, ask it, and read it back from a file."""

    build: Callable[[Array], Index]
    ask: Callable[[Index, Array], list[int]]
    reopen: Callable[[Index, Path], Callable[[], Index]] | None = None
    needs: tuple[str, ...] = ()


class Row(NamedTuple):
    """What one engine came to. Times are milliseconds unless named otherwise."""

    name: str
    median_ms: float
    p99_ms: float
    ratio: float
    build_s: float
    start_s: float | None
    memory_mb: float
    recall: float
    same: bool | None


def situations(count: int, seed: int) -> Array:
    """Return made-up places, one a row."""
    random = np.random.default_rng(seed)
    spread = 1 / np.sqrt(2 * len(SCALES))
    numbers = random.normal(0, spread, size=(count, len(SCALES)))
    labels = random.integers(-1, 2, size=(count, len(COORDINATES) - len(SCALES))) * LABEL_STEP
    return np.hstack([numbers, labels]).astype(np.float32)


# The engines


def boxes(rows: Array) -> VectorIndex:
    """Build our own index."""
    index = VectorIndex(rows.shape[1])
    index.fill(np.arange(len(rows), dtype=np.int64), np.ascontiguousarray(rows.T))
    return index


def ask_boxes(index: VectorIndex, row: Array) -> list[int]:
    """Ask it."""
    return [number for _, number in index.nearest(row, NEIGHBOURS, within=inf)][:NEIGHBOURS]


def ask_brute(columns: Array, row: Array) -> list[int]:
    """Measure everything; equal distances by number."""
    squares = squared_distances(columns, row)
    near = np.argpartition(squares, NEIGHBOURS - 1)[:NEIGHBOURS]
    order = np.lexsort((near, squares[near]))
    return [int(number) for number in near[order]]


def faiss_flat(rows: Array) -> Index:
    """Build faiss's exact index."""
    faiss = importlib.import_module("faiss")
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(rows.shape[1])
    index.add(rows)
    return index


def faiss_hnsw(rows: Array) -> Index:
    """Build faiss's graph."""
    faiss = importlib.import_module("faiss")
    index = faiss.IndexHNSWFlat(rows.shape[1], 16)
    index.add(rows)
    index.hnsw.efSearch = 64
    faiss.omp_set_num_threads(1)
    return index


def ask_faiss(index: Index, row: Array) -> list[int]:
    """Ask it."""
    return [int(number) for number in index.search(row[None], NEIGHBOURS)[1][0]]


def reopen_faiss(index: Index, folder: Path) -> Callable[[], Index]:
    """Write it and read it."""
    faiss = importlib.import_module("faiss")
    path = str(folder / "index")
    faiss.write_index(index, path)
    return lambda: faiss.read_index(path)


def hnswlib_graph(rows: Array) -> Index:
    """Build hnswlib's graph."""
    hnswlib = importlib.import_module("hnswlib")
    index = hnswlib.Index(space="l2", dim=rows.shape[1])
    index.init_index(max_elements=len(rows), ef_construction=200, M=16, random_seed=SEED)
    index.add_items(rows, num_threads=2)
    index.set_ef(64)
    return index


def ask_hnswlib(index: Index, row: Array) -> list[int]:
    """Ask it."""
    return [int(n) for n in index.knn_query(row, k=NEIGHBOURS, num_threads=1)[0][0]]


def reopen_hnswlib(index: Index, folder: Path) -> Callable[[], Index]:
    """Write it and read it."""
    hnswlib = importlib.import_module("hnswlib")
    path = str(folder / "index")
    index.save_index(path)
    size = index.element_count

    def read() -> Index:
        again = hnswlib.Index(space="l2", dim=len(COORDINATES))
        again.load_index(path, max_elements=size)
        again.set_ef(64)
        return again

    return read


def usearch_graph(rows: Array) -> Index:
    """Build usearch's graph."""
    usearch = importlib.import_module("usearch.index")
    index = usearch.Index(ndim=rows.shape[1], metric="l2sq", dtype="f32", connectivity=16)
    index.add(np.arange(len(rows)), rows, threads=2)
    return index


def ask_usearch(index: Index, row: Array) -> list[int]:
    """Ask it."""
    return [int(number) for number in index.search(row, NEIGHBOURS, threads=1).keys]


def reopen_usearch(index: Index, folder: Path) -> Callable[[], Index]:
    """Write it and read it."""
    usearch = importlib.import_module("usearch.index")
    path = str(folder / "index")
    index.save(path)
    return lambda: usearch.Index.restore(path)


def sqlite_table(rows: Array) -> Index:
    """Build a table of sqlite-vec, which searches exactly."""
    base = sqlite3.connect(":memory:")
    base.enable_load_extension(True)
    importlib.import_module("sqlite_vec").load(base)
    with base:
        base.execute(f"CREATE VIRTUAL TABLE v USING vec0(place float[{rows.shape[1]}])")
        packed = ((number, row.tobytes()) for number, row in enumerate(rows))
        base.executemany("INSERT INTO v (rowid, place) VALUES (?, ?)", packed)
    return base


def ask_sqlite(base: Index, row: Array) -> list[int]:
    """Ask it."""
    asked = "SELECT rowid FROM v WHERE place MATCH ? AND k = ? ORDER BY distance"
    return [number for (number,) in base.execute(asked, (row.tobytes(), NEIGHBOURS))]


ENGINES: Final = {
    BRUTE: Engine(lambda rows: np.ascontiguousarray(rows.T), ask_brute),
    "boxes (ours, exact)": Engine(boxes, ask_boxes),
    "faiss flat (exact)": Engine(faiss_flat, ask_faiss, reopen_faiss, ("faiss",)),
    "sqlite-vec (exact)": Engine(sqlite_table, ask_sqlite, None, ("sqlite_vec",)),
    "faiss HNSW": Engine(faiss_hnsw, ask_faiss, reopen_faiss, ("faiss",)),
    "hnswlib HNSW": Engine(hnswlib_graph, ask_hnswlib, reopen_hnswlib, ("hnswlib",)),
    "usearch HNSW": Engine(usearch_graph, ask_usearch, reopen_usearch, ("usearch",)),
}


# Measuring: each engine in a process of its own, whose memory is then its own


def measure(name: str, documents: int, questions: int) -> tuple[Row, Answers]:
    """Return what one engine came to, without ratio and recall, and its answers."""
    engine = ENGINES[name]
    rows, asked = situations(documents, SEED), situations(questions, SEED + 1)
    before_mb = _now_mb()
    began = time.process_time()
    index = engine.build(rows)
    build_s = time.process_time() - began
    memory_mb = _now_mb() - before_mb
    answers, took = _asked(engine, index, asked)
    start_s = _start(engine, index, asked[0])
    same = None
    if documents <= TWICE_MAX:
        same = answers == _asked(engine, engine.build(rows), asked)[0]
    row = Row(
        name,
        float(np.median(took)) * 1e3,
        float(np.percentile(took, 99)) * 1e3,
        0.0,
        build_s,
        build_s if start_s is None else start_s,
        memory_mb,
        0.0,
        same,
    )
    return row, answers


def measure_whole(documents: int, questions: int) -> Row:
    """Time the embedded memory as the trader has it: its file, its filters, its documents."""
    asked = situations(questions, SEED + 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.memory"
        began = time.process_time()
        memory = KnowledgeBase(path, documents_max=documents)
        memory.remember_all(_document(n, row) for n, row in enumerate(situations(documents, SEED)))
        memory.close()
        build_s = time.process_time() - began
        before_mb = _now_mb()
        began = time.process_time()
        memory = KnowledgeBase(path, documents_max=documents)
        memory.recall_now(_question(asked[0]))
        start_s = time.process_time() - began
        took = []
        for row in asked:
            question = _question(row)
            began = time.thread_time()
            recall = memory.recall_now(question)
            took.append(time.thread_time() - began)
            if recall.failure is not None:
                raise SystemExit(recall.failure)
        memory_mb = _now_mb() - before_mb
        memory.close()
    median, p99 = float(np.median(took)) * 1e3, float(np.percentile(took, 99)) * 1e3
    return Row(KNOWLEDGE_BASE, median, p99, 0.0, build_s, start_s, memory_mb, 1.0, True)


def _features(row: Array) -> dict[str, float]:
    """Return features that lie at a place, but for what rounding does."""
    spread = len(SCALES) ** 0.5
    scaled = zip(SCALES.items(), row.tolist(), strict=False)
    number = {name: value * scale * spread for (name, scale), value in scaled}
    close, atr = 27_200.0, float(27_200 * np.exp(number["range"] - 7.9))
    return {
        "minute_of_session": float(number["hour"]),
        "close": close,
        "ema_slow": close - number["stretch"] * atr,
        "ema_slow_slope": number["slope"] * atr,
        "atr": atr,
        "efficiency_ratio": abs(number["efficiency"]),
        "efficiency_net": number["efficiency"],
        "volatility_ratio": float(np.exp(number["volatility"])),
        "volume_ratio": float(np.exp(number["volume"])),
    }


def _document(number: int, row: Array) -> TradeDocument:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return TradeDocument(
        document_id=f"{number:026d}",
        symbol="ES",
        side=Side.BUY,
        strategy="ema-cross",
        confidence=0.7,
        features=_features(row),
        regime=None,
        opened_at=at,
        closed_at=at,
        net_usd=Decimal("-254.80"),
        commission_usd=Decimal("4.80"),
        risk_usd=Decimal(250),
        result_r=-1.02,
        exit_reason="stop",
        lesson="BUY ES lost $254.80 (-1.02 R), closed by stop.",
    )


def _question(row: Array) -> Question:
    prices = Decimal(6800), Decimal(6795), Decimal(6810)
    signal = Signal("ema-cross", Side.BUY, 0.7, *prices, _features(row), "made up")
    return Question("q", 1, "ES", signal)


def _asked(engine: Engine, index: Index, asked: Array) -> tuple[Answers, list[float]]:
    engine.ask(index, asked[0])
    gc.disable()
    answers, took = [], []
    for row in asked:
        began = time.thread_time()
        answers.append(engine.ask(index, row))
        took.append(time.thread_time() - began)
    gc.enable()
    return answers, took


def _start(engine: Engine, index: Index, row: Array) -> float | None:
    if engine.reopen is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        read = engine.reopen(index, Path(folder))
        began = time.process_time()
        engine.ask(read(), row)
        return time.process_time() - began


def _now_mb() -> float:
    """Return the memory that this process holds now, where the system says so."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    except OSError:
        return float("nan")
    return pages * resource.getpagesize() / 2**20


def run(documents: int, questions: int) -> list[Row]:
    """Return a row for each engine that is installed."""
    context = get_context("spawn")
    with context.Pool(1) as pool:
        whole = pool.apply(measure_whole, (documents, questions))
    found: list[Row] = []
    truth: Answers = []
    for name, engine in ENGINES.items():
        missing = [need for need in engine.needs if importlib.util.find_spec(need) is None]
        if name.startswith("sqlite") and not hasattr(sqlite3.Connection, "load_extension"):
            missing = ["a Python whose SQLite can load extensions"]
        if missing:
            print(f"{name}: {', '.join(missing)} is not installed", file=sys.stderr)
            continue
        with context.Pool(1) as pool:
            row, answers = pool.apply(measure, (name, documents, questions))
        truth = truth or answers
        pairs = zip(truth, answers, strict=True)
        hit = sum(len(set(right) & set(said)) for right, said in pairs)
        found.append(row._replace(recall=hit / (NEIGHBOURS * len(truth))))
        print(found[-1], file=sys.stderr)
    return [row._replace(ratio=row.median_ms / found[0].median_ms) for row in [*found, whole]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a recall costs, by engine")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(given.documents, given.questions)
    if given.json:
        print(json.dumps([row._asdict() for row in found]))
        return
    print(f"{given.documents} trades, the {NEIGHBOURS} nearest, {given.questions} questions")
    heads = "median ms", "p99 ms", "ratio", "build s", "start s", "memory MB", "recall", "same"
    print(f"{'':28}" + "".join(f"{head:>11}" for head in heads))
    for row in found:
        numbers = (
            f"{row.median_ms:.3f}",
            f"{row.p99_ms:.3f}",
            f"{row.ratio:.3f}",
            f"{row.build_s:.2f}",
            f"{row.start_s:.2f}",
            f"{row.memory_mb:.0f}",
            f"{row.recall:.4f}",
            "" if row.same is None else "yes" if row.same else "no",
        )
        print(f"{row.name:28}" + "".join(f"{number:>11}" for number in numbers))


if __name__ == "__main__":
    main()
