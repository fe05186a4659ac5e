"""The file of a memory: one SQLite database, which can be made again from the journal.

It is never the only copy of anything, so it is written without waiting for the disk: a crash of
the machine may lose the newest documents, never part of one, and the next start adds what the
journal knows and the file does not. A file that is damaged is put aside under another name and
begun anew. A file that is somebody else's is left alone.
"""

import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from mytrader.domain.memory import TradeDocument
from mytrader.errors import BadInput
from mytrader.rag.likeness import COORDINATES, SPACE_VERSION, Place, place_of

APPLICATION_ID: Final = 0x6D744D45
"""What SQLite's header says of the file's owner: "mtME"."""
FORMAT_VERSION: Final = 1
SUFFIX: Final = ".memory"
DAMAGED_SUFFIX: Final = ".damaged"

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100
_ID_AT: Final = 68
_VECTOR: Final = struct.Struct(f"<{len(COORDINATES)}f")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FETCHED_AT_ONCE: Final = 500
"""SQLite takes so many marks in one question, and more."""
_TABLES: Final = """
CREATE TABLE documents (number INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id TEXT NOT NULL UNIQUE, closed_us INTEGER NOT NULL, seed INTEGER NOT NULL,
    market TEXT NOT NULL, side TEXT NOT NULL, strategy TEXT NOT NULL, vector BLOB NOT NULL,
    document BLOB NOT NULL);
CREATE INDEX oldest ON documents (seed, closed_us, document_id);
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO facts VALUES ('writes', 0);
"""
_COUNT: Final = "SELECT value FROM facts WHERE name = ?"
_SAME: Final = "SELECT 1 FROM documents WHERE document_id = ? AND document = ?"
_WRITE: Final = """
INSERT INTO documents (document_id, closed_us, seed, market, side, strategy, vector, document)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (document_id) DO UPDATE SET closed_us = excluded.closed_us, seed = excluded.seed,
    market = excluded.market, side = excluded.side, strategy = excluded.strategy,
    vector = excluded.vector, document = excluded.document
RETURNING number
"""


class Damaged(Exception):
    """The file does not hold what was written into it; the message says how that showed."""


class Entry(Struct, frozen=True):
    """A document with its place; a seed is never evicted."""

    document: TradeDocument
    place: Place
    seed: bool = False


class Row(Struct, frozen=True):
    """Where a stored document lies; `number` is the file's own name for it."""

    number: int
    market: str
    side: str
    strategy: str
    vector: bytes


def writable(document: TradeDocument) -> bool:
    """Whether the document comes back as it goes in; a number that is none does not."""
    try:
        return _decoded(_encoded(document)) == document
    except (Damaged, TypeError, ValueError):
        return False


def vector_bytes(place: Place) -> bytes:
    """Return a vector as it is stored and compared: 32 bits a coordinate, little end first."""
    return _VECTOR.pack(*place.vector)


class MemoryFile:
    """Documents by id. `path` is `None` for a memory that ends with its process.

    `patience_s` is how long another process may hold the file before a write gives up: nothing
    for a trader, whose loop must not wait. Raises `BadInput` for a path that cannot be used.
    `begun_anew` is why the file was put aside, `None` if it was not.
    """

    def __init__(self, path: Path | None, *, patience_s: float = 0.0) -> None:
        self.path = path
        self.begun_anew: str | None = None
        self._patience_s = patience_s
        try:
            self._database = self._opened()
        except Damaged as damage:
            self.begun_anew = str(damage)
            self._put_aside()
            self._database = self._opened()
        self._writes = self._writes_counted()

    # Reading

    def changed_elsewhere(self) -> bool:
        """Whether another process wrote since `rows` was last read.

        Raises `sqlite3.Error` and `Damaged`.
        """
        return self._writes_counted() != self._writes

    def _writes_counted(self) -> int:
        """Return how many writes changed something, whoever made them."""
        found = self._database.execute(_COUNT, ("writes",)).fetchone()
        if found is None:
            raise Damaged("it does not say how often it was written")
        return int(found[0])

    def rows(self) -> list[Row]:
        """Return where everything lies. Raises `sqlite3.Error` and `Damaged`."""
        columns = "number, market, side, strategy, vector"
        with self._database as reading:
            reading.execute("BEGIN")
            counted = self._writes_counted()
            rows = [Row(*row) for row in reading.execute(f"SELECT {columns} FROM documents")]  # noqa: S608 - a constant
        if any(len(row.vector) != _VECTOR.size for row in rows):
            raise Damaged("a vector has the wrong size")
        # Only what was read is known: whoever failed here has to read again.
        self._writes = counted
        return rows

    def fetch(self, numbers: Sequence[int]) -> dict[int, TradeDocument]:
        """Return the documents of these numbers. Raises `sqlite3.Error` and `Damaged`."""
        found: dict[int, TradeDocument] = {}
        for first in range(0, len(numbers), _FETCHED_AT_ONCE):
            chosen = list(numbers[first : first + _FETCHED_AT_ONCE])
            marks = ", ".join("?" * len(chosen))
            question = f"SELECT number, document FROM documents WHERE number IN ({marks})"  # noqa: S608 - marks only
            found |= {n: _decoded(text) for n, text in self._database.execute(question, chosen)}
        if len(found) != len(numbers):
            raise Damaged("a document is not where it was put")
        return found

    def find(self, document_id: str) -> TradeDocument | None:
        """Return one document by its id. Raises `sqlite3.Error` and `Damaged`."""
        question = "SELECT document FROM documents WHERE document_id = ?"
        row = self._database.execute(question, (document_id,)).fetchone()
        return None if row is None else _decoded(row[0])

    def documents(self) -> Iterator[TradeDocument]:
        """Yield every document, oldest first. Raises `sqlite3.Error` and `Damaged`."""
        question = "SELECT document FROM documents ORDER BY closed_us, document_id"
        for (text,) in self._database.execute(question):
            yield _decoded(text)

    # Writing

    def write(
        self, entries: Iterable[Entry], *, keep: int, anew: bool = False
    ) -> tuple[list[tuple[int, Entry]], list[int]]:
        """Write all of the entries or none, then evict the oldest beyond `keep`.

        Seeds are not counted and stay. With `anew` everything else goes first. Returns each entry
        that was not there already with its number, and the numbers that are gone; a number is
        never used again. Raises `sqlite3.Error` and `Damaged`.
        """
        with self._database as transaction:
            transaction.execute("BEGIN IMMEDIATE")
            missed = self._writes_counted() - self._writes
            gone = [n for (n,) in transaction.execute("SELECT number FROM documents")] * anew
            if anew:
                transaction.execute("DELETE FROM documents")
            tried = [(self._write_one(entry), entry) for entry in entries]
            counted = "SELECT count(*) FROM documents WHERE seed = 0"
            beyond = transaction.execute(counted).fetchone()[0] - keep
            if beyond > 0:
                oldest = (
                    "DELETE FROM documents WHERE number IN (SELECT number FROM documents"
                    " WHERE seed = 0 ORDER BY closed_us, document_id LIMIT ?) RETURNING number"
                )
                gone += [number for (number,) in transaction.execute(oldest, (beyond,)).fetchall()]
            written = [(number, entry) for number, entry in tried if number is not None]
            if written or gone:
                transaction.execute("UPDATE facts SET value = value + 1 WHERE name = 'writes'")
            # What another process wrote in this instant is still to be learned.
            wrote = self._writes_counted() - missed
        self._writes = wrote
        return written, gone

    def _write_one(self, entry: Entry) -> int | None:
        document, place = entry.document, entry.place
        closed_us = (document.closed_at - _EPOCH) // timedelta(microseconds=1)
        where = (place.market, place.side, place.strategy, vector_bytes(place))
        text = _encoded(document)
        # What changes nothing is no write: whoever counts them would load everything again.
        if self._database.execute(_SAME, (document.document_id, text)).fetchone() is not None:
            return None
        values = (document.document_id, closed_us, entry.seed, *where, text)
        return int(self._database.execute(_WRITE, values).fetchone()[0])

    def close(self) -> None:
        """Fold the log of writes into the file and let go of it."""
        with suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()

    # Opening

    def _opened(self) -> sqlite3.Connection:
        if self.path is not None:
            self._check_owner(self.path)
        try:
            database = sqlite3.connect(
                ":memory:" if self.path is None else self.path,
                timeout=self._patience_s,
                isolation_level=None,
            )
        except sqlite3.Error as error:
            raise BadInput(f"memory {self.path}: {error}: choose another rag.path") from None
        try:
            self._set_up(database)
        except (sqlite3.OperationalError, BadInput) as error:
            database.close()
            raise BadInput(
                f"memory {self.path}: it cannot be used ({error}): close what holds it, or choose"
                " another rag.path"
            ) from None
        except (sqlite3.DatabaseError, Damaged) as error:
            database.close()
            raise Damaged(str(error)) from None
        return database

    def _set_up(self, database: sqlite3.Connection) -> None:
        tables = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if not tables:
            # The owner comes first: a file that was begun and no more is known as ours.
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        database.execute("PRAGMA journal_mode = WAL")
        # Without waiting for the disk, and without a pause for folding the log of writes.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if not tables:
            database.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != FORMAT_VERSION:
            raise Damaged(f"it has format {version}, this version writes {FORMAT_VERSION}")
        sound = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if sound != "ok":
            raise Damaged(f"SQLite says: {sound}")
        _hold_to_space(database)
        if database.execute(_COUNT, ("writes",)).fetchone() is None:
            raise Damaged("it does not say how often it was written")
        size = "SELECT count(*) FROM documents WHERE length(vector) != ?"
        if database.execute(size, (_VECTOR.size,)).fetchone()[0]:
            raise Damaged("a vector has the wrong size")

    def _check_owner(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                header = file.read(_HEADER_BYTES)
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise BadInput(f"memory {path}: its folder does not exist: make it") from None
            self._create(path)
            return
        except OSError as error:
            raise BadInput(f"memory {path}: {error.strerror}: choose another rag.path") from None
        if not header:
            return
        if header.startswith(_MAGIC):
            owner = int.from_bytes(header[_ID_AT : _ID_AT + 4], "big")
            if owner != APPLICATION_ID:
                raise BadInput(
                    f"memory {path}: that is another program's database and was left alone:"
                    " choose another rag.path"
                )
        elif path.suffix != SUFFIX:
            raise BadInput(
                f"memory {path}: that is no memory and was left alone: choose another rag.path"
            )
        else:
            raise Damaged("it is no database any more")

    def _create(self, path: Path) -> None:
        try:
            path.touch(mode=0o600)  # what somebody trades is nobody else's business
        except OSError as error:
            raise BadInput(f"memory {path}: {error.strerror}: choose another rag.path") from None

    def _put_aside(self) -> None:
        path = self.path
        if path is None:
            raise BadInput(f"memory: {self.begun_anew}")
        try:
            path.replace(path.with_name(path.name + DAMAGED_SUFFIX))
            for part in ("-wal", "-shm"):
                path.with_name(path.name + part).unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(
                f"memory {path}: it is damaged ({self.begun_anew}) and cannot be put aside"
                f" ({error.strerror}): remove it, the journal still has everything"
            ) from None


def _hold_to_space(database: sqlite3.Connection) -> None:
    """Make the vectors of an older rule anew, from the documents beside them."""
    found = database.execute(_COUNT, ("space",)).fetchone()
    if found is not None and found[0] == SPACE_VERSION:
        return
    with database:
        database.execute("BEGIN IMMEDIATE")
        with closing(database.execute("SELECT number, document FROM documents")) as rows:
            made = [(vector_bytes(place_of(_decoded(text))), number) for number, text in rows]
        database.executemany("UPDATE documents SET vector = ? WHERE number = ?", made)
        database.execute("INSERT OR REPLACE INTO facts VALUES ('space', ?)", (SPACE_VERSION,))


def _encoded(document: TradeDocument) -> bytes:
    return msgspec.json.encode(document)


def _decoded(text: bytes) -> TradeDocument:
    try:
        return msgspec.json.decode(text, type=TradeDocument)
    except msgspec.MsgspecError as error:
        raise Damaged(f"a document cannot be read: {error}") from None
