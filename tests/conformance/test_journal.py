"""What every journal must do: run on the file and on the fake."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mytrader.errors import InvariantBroken, JournalFault
from mytrader.journal.writer import JournalWriter
from mytrader.ports import Journal
from tests.fakes.journal import FakeJournal
from tests.journal_samples import AT, COMMANDS, EVENTS, OPENING, quote

Maker = Callable[[Path], Journal]


def in_file(folder: Path) -> Journal:
    """Open a journal on disk."""
    return JournalWriter(folder / "t.journal", at=AT, opening=OPENING)


def in_memory(_folder: Path) -> Journal:
    """Make a journal in memory."""
    return FakeJournal()


@pytest.fixture(params=[in_file, in_memory], ids=["file", "fake"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = request.param(tmp_path)
    yield made
    made.close()


def test_sequence_counts_from_one_whether_durable_or_not(journal: Journal) -> None:
    given = [journal.append(AT, quote(n), (), durable=n % 3 == 2) for n in range(7)]
    assert given == [1, 2, 3, 4, 5, 6, 7]


def test_every_event_and_command_comes_back_as_it_went_in(journal: Journal) -> None:
    for number, event in enumerate(EVENTS):
        journal.append(AT + timedelta(seconds=number), event, COMMANDS, durable=True)
    read = list(journal.read())
    assert [record.event for record in read] == list(EVENTS)
    assert [record.commands for record in read] == [COMMANDS] * len(EVENTS)
    assert [record.at for record in read] == [
        AT + timedelta(seconds=number) for number in range(len(EVENTS))
    ]


def test_reading_shows_records_that_were_still_waiting(journal: Journal) -> None:
    journal.append(AT, quote(1), (), durable=False)
    assert [record.sequence for record in journal.read()] == [1]


def test_a_closed_journal_takes_nothing(journal: Journal) -> None:
    journal.close()
    with pytest.raises(JournalFault, match="closed"):
        journal.append(AT, quote(1), (), durable=True)


def test_closing_twice_is_harmless(journal: Journal) -> None:
    journal.close()
    journal.close()
    with pytest.raises(JournalFault, match="closed"):
        journal.append(AT, quote(1), (), durable=True)


def test_a_naive_time_is_our_own_fault(journal: Journal) -> None:
    with pytest.raises(InvariantBroken, match="aware"):
        journal.append(datetime(2025, 11, 20), quote(1), (), durable=True)  # noqa: DTZ001 - the point
    assert list(journal.read()) == []
