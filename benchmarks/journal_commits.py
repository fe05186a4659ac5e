"""Durable commits a second: the journal against a bare SQLite loop with the same pragmas.

Usage: python benchmarks/journal_commits.py [--commits N] [--rounds N] [--folder DIR] [--json]

The two take turns, so that a disk that slows down slows both. The ratio is the best round of
each: 1.0 would mean that encoding, hashing and the index cost nothing beside the flush.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from mytrader.domain.events import StatusReported
from mytrader.journal.codec import GENESIS, Opening, record_row
from mytrader.journal.writer import JournalWriter

AT = datetime(2025, 11, 20, 15, tzinfo=UTC)
EVENT = StatusReported("mt/01KAGF4VG00000000000000001/S1", 6, 901, "Submitted", 0, 1, "")
ROW = record_row(1, AT, EVENT, commands=(), prev=GENESIS)


def journal_per_second(folder: Path, commits: int) -> float:
    """Return durable appends a second."""
    opening = Opening(1, "benchmark", "")
    journal = JournalWriter(folder / "bench.journal", at=AT, opening=opening)
    began = time.perf_counter()
    for _number in range(commits):
        journal.append(AT, EVENT, (), durable=True)
    took = time.perf_counter() - began
    journal.close()
    return commits / took


def bare_per_second(folder: Path, commits: int) -> float:
    """Return commits a second of the same row into a plain table."""
    path = folder / "bare.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, a, b, c, d, e, f)")
        began = time.perf_counter()
        for number in range(commits):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", (number, *ROW[1:]))
            connection.execute("COMMIT")
        return commits / (time.perf_counter() - began)


def measure(folder: Path, commits: int, rounds: int) -> dict[str, float]:
    """Return both rates and their ratio."""
    journal, bare = [], []
    for _round in range(rounds):
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            bare.append(bare_per_second(Path(fresh), commits))
            journal.append(journal_per_second(Path(fresh), commits))
    return {
        "journal_commits_per_second": round(max(journal), 1),
        "bare_sqlite_commits_per_second": round(max(bare), 1),
        "ratio": round(max(journal) / max(bare), 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Durable journal commits against bare SQLite")
    parser.add_argument("--commits", type=int, default=1000, help="per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to measure")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.folder, given.commits, given.rounds)
    if given.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:32} {value:10}")


if __name__ == "__main__":
    main()
