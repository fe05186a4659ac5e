"""The same events, in the same order: reading and verifying a journal, while it is written too."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

from mytrader.errors import JournalFault
from mytrader.journal import schema
from mytrader.journal.codec import (
    GENESIS,
    Opening,
    OpeningRow,
    Record,
    Row,
    linked,
    opening_of,
    record_of,
)

Progress = Callable[[int, int], None]
"""Called with (records checked, records in all) every `PROGRESS_EVERY` records and at the end."""

PROGRESS_EVERY: Final = 10_000


class Chain(Struct, frozen=True):
    """A chain that was walked to its end and holds: how many links, and the last one's hash."""

    records: int
    openings: int
    head_hash: str


class JournalReader:
    """A journal opened for reading; the writer may be at work meanwhile.

    Raises `JournalFault` when the file is missing or is not a journal of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = schema.connect(path, write=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @property
    def header(self) -> Opening:
        """Who began the journal."""
        return self.openings[0][1]

    @property
    def openings(self) -> list[tuple[int, Opening]]:
        """Every start of the trader: the last sequence number before it, and who it was."""
        with schema.faults(self._path, "it cannot be read"):
            found = schema.openings(self._connection)
        return [(row.after_sequence, opening_of(row)) for row in found]

    def read(self, *, after: int = 0) -> Iterator[Record]:
        """Yield the records behind sequence `after`, in order; raises `JournalFault`."""
        with schema.faults(self._path, "it cannot be read"):
            yield from map(record_of, schema.rows(self._connection, after=after))

    def of_cycle(self, cycle_id: str) -> list[Record]:
        """Return every record that concerns one trade cycle, in order."""
        with schema.faults(self._path, "it cannot be read"):
            return [record_of(row) for row in schema.rows_of_cycle(self._connection, cycle_id)]

    def verify(
        self, *, progress: Progress | None = None, expected_head: str | None = None
    ) -> Chain:
        """Walk the whole chain as it is at this moment; see `verify`."""
        with schema.faults(self._path, "it cannot be verified"):
            self._connection.execute("BEGIN")
            try:
                chain = walked(self._path, self._connection, progress=progress)
            finally:
                self._connection.execute("ROLLBACK")
        if expected_head is not None and chain.head_hash != expected_head:
            raise JournalFault(
                f"journal {self._path}: the chain holds but ends in {chain.head_hash}, not in"
                f" the expected {expected_head}: records were removed, added or replaced"
            )
        return chain


def verify(
    path: Path, *, progress: Progress | None = None, expected_head: str | None = None
) -> Chain:
    """Check that nothing in the journal was changed, removed, inserted or put in another order.

    Raises `JournalFault` with the sequence number where the chain breaks. A tail that was cut off
    with care for SQLite's own counters shows only against `expected_head`, a hash noted earlier.
    """
    with JournalReader(path) as reader:
        return reader.verify(progress=progress, expected_head=expected_head)


def walked(
    path: Path, connection: sqlite3.Connection, *, progress: Progress | None = None
) -> Chain:
    """Walk the chain of an open journal and return its end; the caller translates errors."""
    starts = schema.openings(connection)
    if not starts:
        raise JournalFault(f"journal {path} has lost its header: restore a copy")
    total = schema.highest_ever(connection, "records")
    seen = _reporting(schema.rows(connection, page=5_000), total, progress)
    chain = _walk(path, starts, seen)
    if chain.records != total:
        raise _broken(path, chain.records + 1, f"records up to {total} are missing")
    if chain.openings != schema.highest_ever(connection, "openings"):
        raise JournalFault(f"journal {path}: the record of its last start is missing")
    return chain


def _walk(path: Path, starts: Sequence[OpeningRow], records: Iterable[Row]) -> Chain:
    head, last, opened = GENESIS, 0, 0
    head, opened = _through_openings(path, starts, opened, end=(head, last))
    for row in records:
        if row.sequence != last + 1:
            raise _broken(path, last + 1, "the record is missing")
        if row.prev_hash != head:
            raise _broken(path, row.sequence, "it does not follow the record before it")
        fields = (row.sequence, row.at_ns, row.cycle_id, row.kind, row.payload)
        if row.hash != linked(head, *fields):
            raise _broken(path, row.sequence, "its content was changed")
        head, last = row.hash, row.sequence
        head, opened = _through_openings(path, starts, opened, end=(head, last))
    if opened != len(starts):
        raise _broken(path, last + 1, "records before a later start are missing")
    return Chain(last, opened, head)


def _through_openings(
    path: Path, starts: Sequence[OpeningRow], opened: int, *, end: tuple[str, int]
) -> tuple[str, int]:
    """Pass the openings that follow record `end[1]`; return the head and how many are passed."""
    head, last = end
    while opened < len(starts) and starts[opened].after_sequence == last:
        row = starts[opened]
        fields = ("opening", row.number, row.after_sequence, row.content)
        intact = row.prev_hash == head and row.hash == linked(head, *fields)
        if row.number != opened + 1 or not intact:
            raise _broken(path, last + 1, f"opening {row.number} before it was changed")
        head, opened = row.hash, opened + 1
    return head, opened


def _broken(path: Path, sequence: int, why: str) -> JournalFault:
    return JournalFault(
        f"journal {path}: the hash chain breaks at record {sequence}: {why};"
        " trust nothing from there on, restore a copy"
    )


def _reporting(records: Iterable[Row], total: int, progress: Progress | None) -> Iterator[Row]:
    checked = 0
    for checked, row in enumerate(records, start=1):
        yield row
        if progress is not None and checked % PROGRESS_EVERY == 0:
            progress(checked, total)
    if progress is not None:
        progress(checked, total)
