"""A changed, removed, inserted or moved record is found, with its place; reading never waits."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from mytrader.domain.events import ErrorReported, Halted
from mytrader.errors import JournalFault
from mytrader.journal import reader as reading
from mytrader.journal.codec import Opening
from mytrader.journal.reader import JournalReader, verify
from mytrader.journal.writer import JournalWriter
from tests.journal_samples import AT, COMMANDS, CYCLE, EVENTS, OPENING, OTHER, quote, ref


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a journal of two starts: ten records, then five."""
    path = tmp_path / "t.journal"
    for count in (10, 5):
        journal = JournalWriter(path, at=AT, opening=OPENING)
        for number in range(count):
            journal.append(AT, quote(number), (), durable=True)
        journal.close()
    return path


def forge(path: Path, *statements: str) -> None:
    """Change the file as somebody with SQLite and ill will would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement


def test_an_honest_journal_holds(path: Path) -> None:
    chain = verify(path)
    assert (chain.records, chain.openings) == (15, 2)
    assert verify(path, expected_head=chain.head_hash) == chain


SWAP = (
    "UPDATE records SET sequence = 99 WHERE sequence = 4",
    "UPDATE records SET sequence = 4 WHERE sequence = 5",
    "UPDATE records SET sequence = 5 WHERE sequence = 99",
)
FORGERIES = {
    "payload": (["UPDATE records SET payload = payload || ' ' WHERE sequence = 3"], "record 3:"),
    "time": (["UPDATE records SET at_ns = at_ns + 1 WHERE sequence = 7"], "record 7:"),
    "cycle": (["UPDATE records SET cycle_id = 'x' WHERE sequence = 1"], "record 1:"),
    "kind": (["UPDATE records SET kind = 'bar' WHERE sequence = 15"], "record 15:"),
    "hash": (["UPDATE records SET hash = prev_hash WHERE sequence = 2"], "record 2:"),
    "binary": (["UPDATE records SET payload = x'ff00' WHERE sequence = 2"], "record 2:|damaged"),
    "not text": (
        ["UPDATE records SET payload = CAST(x'ff' AS TEXT) WHERE sequence = 2"],
        "t.jour",
    ),
    "swap": (SWAP, "record 4:"),
    "delete first": (["DELETE FROM records WHERE sequence = 1"], "record 1:"),
    "delete inside": (["DELETE FROM records WHERE sequence = 8"], "record 8:"),
    "delete tail": (["DELETE FROM records WHERE sequence > 13"], "record 14:"),
    "delete all": (["DELETE FROM records"], "record 1:"),
    "insert": (
        [
            "INSERT INTO records SELECT 16, 0, NULL, kind, '', hash, hash FROM records LIMIT 1",
        ],
        "record 16:",
    ),
    "header": (
        ["UPDATE openings SET content = replace(content, '7', '8') WHERE number = 1"],
        "rec",
    ),
    "lost header": (["DELETE FROM openings WHERE number = 1"], "record 1:"),
    "lost start": (["DELETE FROM openings WHERE number = 2"], "record 11:"),
    "lost openings": (["DELETE FROM openings"], "lost its header"),
    "cut before a start": (
        [
            "DELETE FROM records WHERE sequence > 8",
            "UPDATE sqlite_sequence SET seq = 8 WHERE name = 'records'",
        ],
        "record 9:",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found_where_it_was_made(name: str, path: Path) -> None:
    statements, where = FORGERIES[name]
    forge(path, *statements)
    with pytest.raises(JournalFault, match=where) as caught:
        verify(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(JournalFault, match=where):
        JournalWriter(path, at=AT, opening=OPENING)


def test_a_tail_cut_with_care_shows_against_a_noted_head(path: Path) -> None:
    head = verify(path).head_hash
    forge(
        path,
        "DELETE FROM records WHERE sequence > 13",
        "UPDATE sqlite_sequence SET seq = 13 WHERE name = 'records'",
    )
    assert verify(path).records == 13
    with pytest.raises(JournalFault, match="expected"):
        verify(path, expected_head=head)


def test_a_lost_last_start_is_noticed(path: Path) -> None:
    JournalWriter(path, at=AT, opening=OPENING).close()
    forge(path, "DELETE FROM openings WHERE number = 3")
    with pytest.raises(JournalFault, match="last start"):
        verify(path)


def test_progress_is_told_and_ends_at_the_end(path: Path) -> None:
    told: list[tuple[int, int]] = []
    verify(path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (15, 15)


def test_progress_is_told_along_the_way() -> None:
    told: list[int] = []
    many = (row for row in [None] * (reading.PROGRESS_EVERY + 1))
    walked: Iterator[object] = reading._reporting(
        many,  # type: ignore[arg-type] # only counted
        1,
        lambda done, _total: told.append(done),
    )
    assert sum(1 for _row in walked) == reading.PROGRESS_EVERY + 1
    assert told == [reading.PROGRESS_EVERY, reading.PROGRESS_EVERY + 1]


def test_reading_and_verifying_while_a_writer_runs(path: Path) -> None:
    journal = JournalWriter(path, at=AT, opening=OPENING)
    with JournalReader(path) as reader:
        lazily = reader.read(after=14)
        assert next(lazily).sequence == 15
        journal.append(AT, Halted("x"), (), durable=True)
        assert next(lazily).event == Halted("x")
        assert reader.verify().records == 16
    journal.close()


def test_the_openings_say_who_wrote_what(path: Path) -> None:
    changed = Opening(2, "0.2.0", "d" * 64)
    JournalWriter(path, at=AT + timedelta(days=1), opening=changed).close()
    with JournalReader(path) as reader:
        assert reader.header == OPENING
        assert reader.openings == [(0, OPENING), (10, OPENING), (15, changed)]


def test_a_cycle_is_found_in_every_record_that_concerns_it(tmp_path: Path) -> None:
    path = tmp_path / "c.journal"
    journal = JournalWriter(path, at=AT, opening=OPENING)
    journal.append(AT, EVENTS[3], (), durable=True)  # the signal of CYCLE
    journal.append(AT, Halted("x"), COMMANDS, durable=False)  # both cycles
    journal.append(AT, quote(1), (), durable=False)
    journal.append(AT, ErrorReported(ref("T", OTHER), 1, 202, ""), (), durable=True)
    journal.close()
    with JournalReader(path) as reader:
        assert [record.sequence for record in reader.of_cycle(CYCLE)] == [1, 2]
        assert [record.sequence for record in reader.of_cycle(OTHER)] == [2, 4]
        assert reader.of_cycle("nobody") == []
