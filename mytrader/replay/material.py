"""What learning looks at, from a journal: finished cycles, minutes of their contracts, calls."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mytrader.domain.decision import AdvisorCall
from mytrader.domain.events import AdvisorCalled, BarClosed
from mytrader.domain.market import Bar
from mytrader.journal.reader import JournalReader
from mytrader.learning.outcomes import Material
from mytrader.ports import JournalRecord
from mytrader.replay.cycle_book import CycleBook, fold


def material_of(journal: Path) -> Material:
    """Return finished cycles, bars and calls of a journal, which may be growing meanwhile.

    A bar that was told twice is there once. Raises `JournalFault`.
    """
    book = CycleBook()
    bars: dict[int, dict[datetime, Bar]] = defaultdict(dict)
    calls: list[tuple[datetime, AdvisorCall]] = []

    def records() -> Iterator[JournalRecord]:
        for one in reader.read():
            if isinstance(one.event, BarClosed):
                bars[one.event.con_id][one.event.bar.opened_at] = one.event.bar
            elif isinstance(one.event, AdvisorCalled):
                calls.append((one.at, one.event.call))
            yield one

    with JournalReader(journal) as reader:
        fold(records(), book)
    ordered = {con_id: [own[at] for at in sorted(own)] for con_id, own in bars.items()}
    return Material(tuple(book.ended.values()), ordered, tuple(calls))
