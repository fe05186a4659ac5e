"""What is no journal of ours is refused in one line that says what to do."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mytrader.errors import JournalFault
from mytrader.journal import schema
from mytrader.journal.codec import GENESIS, opening_row
from mytrader.journal.reader import JournalReader
from mytrader.journal.writer import JournalWriter
from tests.journal_samples import AT, OPENING


def text_file(path: Path) -> None:
    """Write a long text, longer than an SQLite header."""
    path.write_text("time,open,high,low,close\n" * 100)


def short_text_file(path: Path) -> None:
    """Write fewer bytes than an SQLite header has."""
    path.write_text("hello\n")


def empty_file(path: Path) -> None:
    """Write nothing."""
    path.touch()


def directory(path: Path) -> None:
    """Make a folder where the journal should be."""
    path.mkdir()


def foreign_database(path: Path) -> None:
    """Make somebody else's SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id)")


def newer_format(path: Path) -> None:
    """Make a journal of a later format."""
    JournalWriter(path, at=AT, opening=OPENING).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")


def missing_table(path: Path) -> None:
    """Make a journal without its records."""
    JournalWriter(path, at=AT, opening=OPENING).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE records")


def cut_in_half(path: Path) -> None:
    """Make a journal whose file lost its second half."""
    JournalWriter(path, at=AT, opening=OPENING).close()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


BAD: dict[Callable[[Path], None], str] = {
    text_file: "not a journal of mytrader",
    short_text_file: "not a journal of mytrader",
    empty_file: "is empty and a journal never is",
    directory: "is a directory",
    foreign_database: "is a database of another program",
    newer_format: "has format 2 and this program reads 1",
    missing_table: "lacks its table records",
    cut_in_half: "it is damaged",
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_what_is_no_journal_is_refused_for_writing_and_reading(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "t.journal"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    for _attempt in range(2):  # the second would meet a lease that the first kept
        with pytest.raises(JournalFault, match=BAD[make]) as caught:
            JournalWriter(path, at=AT, opening=OPENING)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
    with pytest.raises(JournalFault, match=BAD[make]), JournalReader(path) as reader:
        reader.verify()
    assert path.is_dir() or path.read_bytes() == before


def test_a_missing_journal_is_made_by_a_writer_and_refused_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(JournalFault, match="does not exist"):
        JournalReader(tmp_path / "t.journal")
    with pytest.raises(JournalFault, match="there is no folder"):
        JournalWriter(tmp_path / "none" / "t.journal", at=AT, opening=OPENING)


def test_a_log_without_its_journal_is_not_a_fresh_start(tmp_path: Path) -> None:
    """SQLite would replay it into the new file; and somebody removed a record of trades."""
    (tmp_path / "t.journal-wal").write_bytes(b"x")
    with pytest.raises(JournalFault, match="is gone but its log"):
        JournalWriter(tmp_path / "t.journal", at=AT, opening=OPENING)
    assert not (tmp_path / "t.journal").exists()


def test_a_start_that_died_half_way_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "t.journal.new").write_text("half")
    (tmp_path / "t.journal.new-journal").write_text("half")
    JournalWriter(tmp_path / "t.journal", at=AT, opening=OPENING).close()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"t.journal", "t.journal.lease"}


@pytest.mark.parametrize("table", schema.TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET rowid = 9", "DELETE FROM {}"])
def test_the_file_itself_refuses_changes(table: str, change: str, tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    schema.create(path, opening_row(1, 0, AT, opening=OPENING, prev=GENESIS))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO records VALUES (1, 0, NULL, 'halted', '{}', 'a', 'b')",
        )
        connection.execute("INSERT INTO other_cycles VALUES ('c', 1)")
        statement = change.format(table).replace(
            "rowid", "hash" if table != "other_cycles" else "sequence"
        )
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)


def test_the_durability_that_is_promised_is_the_one_that_is_set(tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    schema.create(path, opening_row(1, 0, AT, opening=OPENING, prev=GENESIS))
    with closing(schema.connect(path, write=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with (
        closing(schema.connect(path, write=False)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DROP TABLE records")


def test_pages_join_without_a_seam(tmp_path: Path) -> None:
    path = tmp_path / "t.journal"
    schema.create(path, opening_row(1, 0, AT, opening=OPENING, prev=GENESIS))
    with closing(schema.connect(path, write=True)) as connection:
        raw = [(n, 0, None, "halted", "{}", "", "") for n in range(1, 8)]
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", raw)
        for page in (1, 3, 7, 8):
            found = [row.sequence for row in schema.rows(connection, after=2, page=page)]
            assert found == [3, 4, 5, 6, 7]
