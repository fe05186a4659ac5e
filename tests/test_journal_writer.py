"""What was durable survives a kill; equal runs end in equal hashes; failures are one line."""

import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from mytrader.domain.events import Halted
from mytrader.errors import JournalFault
from mytrader.journal.codec import Opening
from mytrader.journal.reader import JournalReader, verify
from mytrader.journal.writer import WAITING_MAX, JournalWriter
from tests.journal_samples import AT, COMMANDS, EVENTS, OPENING, quote

# Prints the number of each durable record after `append` returned, until it is killed.
APPEND_UNTIL_KILLED = """
import sys
from pathlib import Path
from mytrader.journal.writer import JournalWriter
from tests.journal_samples import AT, COMMANDS, EVENTS, OPENING, quote
journal = JournalWriter(Path(sys.argv[1]), at=AT, opening=OPENING)
while True:
    for event in EVENTS:
        journal.append(AT, quote(journal.last_sequence), (), durable=False)
        print(journal.append(AT, event, COMMANDS, durable=True), flush=True)
"""


def opened(folder: Path) -> JournalWriter:
    """Open the journal of a test."""
    return JournalWriter(folder / "t.journal", at=AT, opening=OPENING)


def count_on_disk(journal: JournalWriter) -> int:
    """Return how many records another process can see."""
    with JournalReader(journal.path) as reader:
        return len(list(reader.read()))


def test_records_that_may_wait_join_the_next_durable_one(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(5):
        journal.append(AT, quote(number), (), durable=False)
    assert count_on_disk(journal) == 0
    journal.append(AT, Halted("x"), (), durable=True)
    assert count_on_disk(journal) == 6
    journal.close()


def test_not_too_many_records_wait(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(WAITING_MAX + 2):
        journal.append(AT, quote(number), (), durable=False)
    assert count_on_disk(journal) == WAITING_MAX + 1
    journal.close()
    assert verify(journal.path).records == WAITING_MAX + 2


def test_equal_runs_end_in_equal_hashes_whenever_they_are_made(tmp_path: Path) -> None:
    """Grouping is no matter of content either."""
    heads: set[str] = set()
    for run, durable in (("a", True), ("b", False)):
        (tmp_path / run).mkdir()
        at = AT + timedelta(days=len(heads))
        journal = JournalWriter(tmp_path / run / "t.journal", at=at, opening=OPENING)
        for event in EVENTS:
            journal.append(AT, event, COMMANDS, durable=durable)
        journal.close()
        heads.add(journal.head_hash)
        assert verify(journal.path).head_hash == journal.head_hash
    assert len(heads) == 1


def test_another_configuration_is_another_chain(tmp_path: Path) -> None:
    first = opened(tmp_path)
    changed = Opening(1, "0.1.0", "d" * 64, OPENING.run)
    second = JournalWriter(tmp_path / "2.journal", at=AT, opening=changed)
    assert first.head_hash != second.head_hash
    first.close()
    second.close()


def test_a_journal_goes_on_where_it_ended(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(AT, quote(1), (), durable=True)
    journal.close()
    again = opened(tmp_path)
    assert again.last_sequence == 1
    assert again.append(AT, quote(2), (), durable=True) == 2
    again.close()
    assert verify(again.path).head_hash == again.head_hash


def test_the_second_writer_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(
        JournalFault, match=r"held by another trader \(pid \d+ since 2025-11-20T15"
    ):
        opened(tmp_path)
    journal.append(AT, quote(1), (), durable=True)
    journal.close()
    opened(tmp_path).close()


def test_a_full_disk_records_nothing_and_is_survived(tmp_path: Path) -> None:
    """SQLite's page limit fails as a full disk does, at the same place with the same code."""
    journal = opened(tmp_path)
    journal.append(AT, quote(1), (), durable=False)
    limit = journal._connection.execute("PRAGMA max_page_count = 1").fetchone()[0]
    big = Halted("x" * 100_000)
    for _attempt in range(2):
        with pytest.raises(JournalFault, match=r"record 2 cannot be written.*the disk is full"):
            journal.append(AT, big, (), durable=True)
    assert journal.last_sequence == 1
    journal._connection.execute(f"PRAGMA max_page_count = {limit + 1000}")
    assert journal.append(AT, big, (), durable=True) == 2
    journal.close()
    assert verify(journal.path).records == 2


def test_a_disk_that_failed_is_not_trusted_again(tmp_path: Path) -> None:
    """After a failed flush nobody can say what is on the disk."""
    journal = opened(tmp_path)
    journal.append(AT, quote(1), (), durable=True)
    journal._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(JournalFault, match="cannot be written"):
        journal.append(AT, quote(2), (), durable=True)
    journal._connection.execute("PRAGMA query_only = 0")
    with pytest.raises(JournalFault, match="failed earlier"):
        journal.append(AT, quote(2), (), durable=True)
    journal.close()
    assert verify(journal.path).records == 1


def test_another_program_with_a_write_lock_is_named(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalFault, match="another program is writing"):
            journal.append(AT, quote(1), (), durable=True)
        other.execute("ROLLBACK")
    assert journal.append(AT, quote(1), (), durable=True) == 1
    journal.close()


def test_appending_while_reading(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append(AT, quote(1), (), durable=True)
    lazily = journal.read()
    assert next(lazily).sequence == 1
    journal.append(AT, quote(2), (), durable=True)
    assert next(lazily).sequence == 2
    journal.close()


def test_a_worker_thread_may_commit(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    worker = threading.Thread(
        target=journal.append, args=(AT, quote(1), ()), kwargs={"durable": True}
    )
    worker.start()
    worker.join()
    assert journal.last_sequence == 1
    journal.close()


def test_progress_is_told_when_a_long_journal_opens(tmp_path: Path) -> None:
    opened(tmp_path).close()
    told: list[tuple[int, int]] = []
    JournalWriter(
        tmp_path / "t.journal",
        at=AT,
        opening=OPENING,
        progress=lambda done, total: told.append((done, total)),
    ).close()
    assert told == [(0, 0)]


@pytest.mark.slow
@pytest.mark.parametrize("lines", [0, 1, 60])
def test_a_killed_writer_loses_nothing_that_was_durable(lines: int, tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    command = [sys.executable, "-c", APPEND_UNTIL_KILLED, str(path)]
    root = Path(__file__).resolve().parents[1]
    told = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as writer:  # noqa: S603 - our own interpreter
        assert writer.stdout is not None
        for _line in range(lines):
            told = int(writer.stdout.readline())
        writer.kill()
        rest = writer.stdout.read().split()
        told = int(rest[-1]) if rest else told
    journal = JournalWriter(path, at=AT, opening=OPENING)
    assert journal.last_sequence >= told >= lines
    assert len(list(journal.read())) == journal.last_sequence
    journal.close()
    assert verify(path).records == journal.last_sequence


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_torn_log_is_cut_and_never_guessed(seed: int, tmp_path: Path) -> None:
    """Power fails in the middle of a write: what is left is a whole, shorter journal."""
    print(f"seed {seed}")  # noqa: T201 - a failure must name its seed
    draw = random.Random(seed)  # noqa: S311 - draws for a test, not secrets
    journal = opened(tmp_path)
    for number in range(40):
        journal.append(AT, quote(number), (), durable=True)
    log = (tmp_path / "t.journal-wal").read_bytes()
    main = journal.path.read_bytes()
    kept: set[int] = set()
    for attempt in range(20):
        torn = tmp_path / f"{attempt}.journal"
        torn.write_bytes(main)
        at = draw.randrange(len(log))
        damage = draw.choice([b"", bytes([log[at] ^ 0xFF]) + log[at + 1 :]])
        torn.with_name(f"{torn.name}-wal").write_bytes(log[:at] + damage)
        again = JournalWriter(torn, at=AT, opening=OPENING)
        events = [record.event for record in again.read()]
        assert events == [quote(number) for number in range(len(events))]
        kept.add(again.last_sequence)
        again.close()
        assert verify(torn).openings == 2
    assert len(kept) > 5, "the damage must have fallen on different places"
    journal.close()


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """Orders, prices and results: like a bank statement."""
    journal = opened(tmp_path)
    journal.append(AT, EVENTS[0], COMMANDS, durable=True)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    names = ("t.journal", "t.journal-wal", "t.journal-shm", "t.journal.lease")
    assert modes == dict.fromkeys(names, 0o600)
    journal.close()
