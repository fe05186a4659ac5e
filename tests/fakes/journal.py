"""A journal in memory, for everything that needs one and is not about disks."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent
from mytrader.errors import JournalFault
from mytrader.journal.codec import GENESIS, Record, record_of, record_row


class FakeJournal:
    """Keeps records in a list; `durable_sequence` says how far a crash would have left them.

    Records pass through the codec, so that what cannot be written on disk cannot be here either.
    `fail_next` makes the next append raise as a full disk does.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.durable_sequence = 0
        self.head_hash = GENESIS
        self._failure: str | None = None
        self._closed = False

    def fail_next(self, why: str = "the disk is full: make room") -> None:
        """Let the next append record nothing and raise `JournalFault`."""
        self._failure = why

    def append(
        self, at: datetime, event: AnyEvent, commands: Sequence[AnyCommand], *, durable: bool
    ) -> int:
        """See `ports.Journal`."""
        self._refuse_when_closed()
        if self._failure is not None:
            why, self._failure = self._failure, None
            raise JournalFault(why)
        row = record_row(len(self.records) + 1, at, event, commands=commands, prev=self.head_hash)
        self.records.append(record_of(row))
        self.head_hash = row.hash
        if durable:
            self.durable_sequence = row.sequence
        return row.sequence

    def read(self) -> Iterator[Record]:
        """See `ports.Journal`."""
        self._refuse_when_closed()
        self.durable_sequence = len(self.records)
        yield from self.records

    def close(self) -> None:
        """See `ports.Journal`."""
        self.durable_sequence = len(self.records)
        self._closed = True

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise JournalFault("the journal is closed: open it again")
