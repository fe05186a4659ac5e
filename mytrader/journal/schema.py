"""The file itself: an SQLite database that says what it is and refuses to be rewritten.

A new journal is built under a temporary name, with its first opening inside, and then renamed:
a file that is there is never half made, so an empty one is evidence of loss and is refused
rather than read as "nothing ever happened".
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from mytrader.errors import JournalFault
from mytrader.journal.codec import OpeningRow, Row

APPLICATION_ID: Final = 0x6D747264
"""ASCII "mtrd", where SQLite keeps the owner of a database file."""
FORMAT_VERSION: Final = 1
LOCK_WAIT_SECONDS: Final = 1.0

# AUTOINCREMENT keeps the highest number ever given, so that a removed tail is noticed.
_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT_VERSION};
BEGIN;
CREATE TABLE openings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    after_sequence INTEGER NOT NULL,
    opened_at_ns INTEGER NOT NULL,
    content TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ns INTEGER NOT NULL,
    cycle_id TEXT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX records_by_cycle ON records (cycle_id) WHERE cycle_id IS NOT NULL;
CREATE TABLE other_cycles (
    cycle_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (cycle_id, sequence)
) WITHOUT ROWID;
"""
_REFUSAL: Final = """
CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""
TABLES: Final = ("openings", "records", "other_cycles")

_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make room",
    sqlite3.SQLITE_READONLY: "it cannot be written: check its permissions and its folder's",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that it and its folder can be used",
    sqlite3.SQLITE_NOTADB: "it is not a journal of mytrader: choose another --journal",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore a copy or choose another --journal",
    sqlite3.SQLITE_BUSY: "another program is writing to it: close that program",
    sqlite3.SQLITE_IOERR: "the disk failed: check it before trading on",
}


@contextmanager
def faults(path: Path, doing: str) -> Iterator[None]:
    """Turn what SQLite and the file system raise into one line about the journal at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        advice = _ADVICE.get(code, "check it with `mytrader journal verify`")
        raise JournalFault(f"journal {path}: {doing}: {error}; {advice}") from error
    except OSError as error:
        why = error.strerror or error
        raise JournalFault(f"journal {path}: {doing}: {why}; choose another --journal") from error


def create(path: Path, first: OpeningRow) -> None:
    """Make a new journal that holds its first opening. The caller has the lease.

    Raises `JournalFault`; on failure nothing is left at `path`.
    """
    log = path.with_name(f"{path.name}-wal")
    draft = path.with_name(f"{path.name}.new")
    with faults(path, "it cannot be created"):
        if log.exists():
            # SQLite would replay the old log into the new file.
            raise JournalFault(
                f"journal {path} is gone but its log {log.name} is still there: restore the"
                " journal, or choose another --journal"
            )
        for leftover in (draft, path.with_name(f"{draft.name}-journal")):
            leftover.unlink(missing_ok=True)
        draft.touch(mode=0o600)  # what somebody trades is nobody else's business
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            for table in TABLES:
                for verb in ("UPDATE", "DELETE"):
                    connection.execute(_REFUSAL.format(table=table, verb=verb))
            insert_opening(connection, first)
            connection.execute("COMMIT")
        draft.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open an existing journal after checking that it is one.

    A reader never blocks the writer, nor the writer a reader. Raises `JournalFault`.
    """
    _refuse_what_is_no_file(path)
    with faults(path, "it cannot be opened"):
        address = f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}"
        connection = sqlite3.connect(
            address,
            uri=True,
            timeout=LOCK_WAIT_SECONDS,
            isolation_level=None,
            # Live, the loop commits from one worker thread; calls never overlap.
            check_same_thread=False,
        )
    try:
        with faults(path, "it cannot be opened"):
            _refuse_what_is_not_ours(path, connection)
            if write:
                _make_durable(path, connection)
    except JournalFault:
        connection.close()
        raise
    return connection


def insert_opening(connection: sqlite3.Connection, row: OpeningRow) -> None:
    """Add an opening inside the caller's transaction."""
    connection.execute("INSERT INTO openings VALUES (?, ?, ?, ?, ?, ?)", row)


def openings(connection: sqlite3.Connection) -> list[OpeningRow]:
    """Return every start of the trader, oldest first."""
    found = connection.execute("SELECT * FROM openings ORDER BY number").fetchall()
    return [OpeningRow._make(raw) for raw in found]


def rows(connection: sqlite3.Connection, *, after: int = 0, page: int = 500) -> Iterator[Row]:
    """Yield records behind `after`, page by page, so that no read stays open for long.

    Records appended while it runs are yielded as well.
    """
    query = "SELECT * FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?"
    while found := connection.execute(query, (after, page)).fetchall():
        yield from map(Row._make, found)
        after = found[-1][0]


def rows_of_cycle(connection: sqlite3.Connection, cycle_id: str) -> list[Row]:
    """Return the records that concern one trade cycle, in order."""
    query = (
        "SELECT * FROM records WHERE sequence IN (SELECT sequence FROM records WHERE cycle_id = ?"
        " UNION SELECT sequence FROM other_cycles WHERE cycle_id = ?) ORDER BY sequence"
    )
    return [Row._make(raw) for raw in connection.execute(query, (cycle_id, cycle_id))]


def highest_ever(connection: sqlite3.Connection, table: str) -> int:
    """Return the highest number that `table` ever gave out, removed rows included."""
    query = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    found = connection.execute(query, (table,)).fetchone()
    return int(found[0]) if found else 0


def _refuse_what_is_no_file(path: Path) -> None:
    with faults(path, "it cannot be opened"):
        if path.is_dir():
            raise JournalFault(f"journal {path} is a directory: name a file with --journal")
        if not path.exists():
            raise JournalFault(f"journal {path} does not exist: check the name")
        if path.stat().st_size == 0:
            raise JournalFault(
                f"journal {path} is empty and a journal never is: restore it, or remove it if"
                " nothing was ever traded with it"
            )


def _refuse_what_is_not_ours(path: Path, connection: sqlite3.Connection) -> None:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID:
        raise JournalFault(
            f"journal {path} is a database of another program: choose another --journal"
        )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != FORMAT_VERSION:
        raise JournalFault(
            f"journal {path} has format {version} and this program reads {FORMAT_VERSION}:"
            " use the mytrader that wrote it"
        )
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    missing = set(TABLES) - {name for (name,) in connection.execute(query)}
    if missing:
        raise JournalFault(
            f"journal {path} lacks its table {min(missing)}: it is damaged, restore a copy"
        )


def _make_durable(path: Path, connection: sqlite3.Connection) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise JournalFault(
            f"journal {path}: its disk does not support write-ahead logging: use a local disk"
        )
    connection.execute("PRAGMA synchronous = FULL")
