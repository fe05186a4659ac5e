"""Append and commit, in one SQLite file.

A durable append is one transaction, flushed to the disk (write-ahead log, `synchronous=FULL`)
before it returns. Records that may wait are kept in memory and join the next durable one, or a
commit of their own when there are many: what a crash can lose is quotes behind the last decision.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent
from mytrader.errors import JournalFault
from mytrader.journal import schema
from mytrader.journal.codec import (
    GENESIS,
    Opening,
    Record,
    Row,
    cycle_ids,
    opening_row,
    record_of,
    record_row,
)
from mytrader.journal.lease import Lease
from mytrader.journal.reader import Progress, walked

WAITING_MAX: Final = 256
"""Records that may wait in memory before they are committed on their own."""


class JournalWriter:
    """The one writer of a journal, from construction to `close`; implements `ports.Journal`.

    Opening takes the lease, makes the file if there is none, else verifies its whole chain, and
    records the opening. `at` is the present. Raises `JournalFault`.

    It may be called from any thread, by one caller at a time. After a full disk an append may be
    tried again; after any other failure to write every further append raises, because nobody can
    say any more what is on the disk.
    """

    def __init__(
        self, path: Path, *, at: datetime, opening: Opening, progress: Progress | None = None
    ) -> None:
        self.path = path
        self._waiting: list[Row] = []
        self._waiting_others: list[tuple[str, int]] = []
        self._failed: str | None = None
        self._closed = False
        self._sequence, self._head = 0, GENESIS
        self._refuse_missing_folder()
        self._lease = Lease(path, at=at)
        try:
            self._open(at, opening, progress)
        except JournalFault:
            self._lease.release()
            raise

    @property
    def head_hash(self) -> str:
        """The hash of the last link: equal runs end in equal hashes."""
        return self._head

    @property
    def last_sequence(self) -> int:
        """The sequence number of the newest record; 0 when there is none."""
        return self._sequence

    def append(
        self, at: datetime, event: AnyEvent, commands: Sequence[AnyCommand], *, durable: bool
    ) -> int:
        """Record an event with its commands and return its sequence number.

        With `durable` it is on disk when this returns, with everything before it. An append that
        raises `JournalFault` has recorded nothing.
        """
        self._refuse_when_unusable()
        sequence = self._sequence + 1
        row = record_row(sequence, at, event, commands=commands, prev=self._head)
        others = [(other, sequence) for other in cycle_ids(event, commands)[1:]]
        if durable or len(self._waiting) >= WAITING_MAX:
            self._commit([*self._waiting, row], [*self._waiting_others, *others])
        else:
            self._waiting.append(row)
            self._waiting_others.extend(others)
        self._head, self._sequence = row.hash, sequence
        return sequence

    def read(self) -> Iterator[Record]:
        """Yield every record in order, those that were waiting included: they are committed first.

        Records appended while it runs are yielded once they are durable.
        """
        self._refuse_when_unusable()
        self._commit(self._waiting, self._waiting_others)
        with schema.faults(self.path, "it cannot be read"):
            yield from map(record_of, schema.rows(self._connection))

    def close(self) -> None:
        """Make everything durable and give the lease back; calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._failed is None:
                self._commit(self._waiting, self._waiting_others)
        finally:
            self._connection.close()
            self._lease.release()

    def _open(self, at: datetime, opening: Opening, progress: Progress | None) -> None:
        if not self.path.exists():
            first = opening_row(1, 0, at, opening=opening, prev=GENESIS)
            schema.create(self.path, first)
            self._connection = schema.connect(self.path, write=True)
            self._head = first.hash
            return
        self._connection = schema.connect(self.path, write=True)
        try:
            with schema.faults(self.path, "it cannot be opened"):
                chain = walked(self.path, self._connection, progress=progress)
                number, last = chain.openings + 1, chain.records
                row = opening_row(number, last, at, opening=opening, prev=chain.head_hash)
                schema.insert_opening(self._connection, row)
        except JournalFault:
            self._connection.close()
            raise
        self._sequence, self._head = last, row.hash

    def _commit(self, rows: Sequence[Row], others: Sequence[tuple[str, int]]) -> None:
        if not rows:
            return
        try:
            with schema.faults(self.path, f"record {rows[-1].sequence} cannot be written"):
                self._write(rows, others)
        except JournalFault as fault:
            self._after_failure(fault)
            raise
        self._waiting, self._waiting_others = [], []

    def _write(self, rows: Sequence[Row], others: Sequence[tuple[str, int]]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            if others:
                connection.executemany("INSERT INTO other_cycles VALUES (?, ?)", others)
            connection.execute("COMMIT")
        finally:
            # SQLite has rolled back by itself after some failures and not after others.
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _after_failure(self, fault: JournalFault) -> None:
        code = getattr(fault.__cause__, "sqlite_errorcode", 0) & 0xFF
        if code not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
            self._failed = str(fault)

    def _refuse_missing_folder(self) -> None:
        with schema.faults(self.path, "it cannot be opened"):
            if not self.path.parent.is_dir():
                raise JournalFault(
                    f"journal {self.path}: there is no folder {self.path.parent}:"
                    " make it, or choose another --journal"
                )
            if self.path.is_dir():
                raise JournalFault(
                    f"journal {self.path} is a directory: name a file with --journal"
                )

    def _refuse_when_unusable(self) -> None:
        if self._closed:
            raise JournalFault(f"journal {self.path} is closed: open it again")
        if self._failed is not None:
            raise JournalFault(
                f"the journal failed earlier and must be opened again: {self._failed}"
            )
