"""Watching changes nothing of what is recorded, and sees it in the order in which it is."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

import pytest

from mytrader.domain import events
from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.errors import JournalFault
from mytrader.journal.watched import WAITING_MAX, Appended, WatchedJournal
from mytrader.ports import Journal, JournalRecord
from tests.fakes.journal import FakeJournal
from tests.journal_samples import AT, CYCLE, quote, signal
from tests.trace_samples import moment

STATE = TraderState(Limits())
TIME = events.TimeReached()


class Diary:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, datetime, AnyEvent]] = []
        self.looks: list[datetime] = []

    def recorded(self, record: JournalRecord) -> None:
        """Note a record."""
        self.told.append((record.sequence, record.at, record.event))

    def looked(self, state: TraderState, at: datetime) -> None:
        """Note a look."""
        assert state is STATE
        self.looks.append(at)


def watched(
    committed: list[float] | None = None, *, listeners: Sequence[Diary] = ()
) -> tuple[WatchedJournal, FakeJournal]:
    """Return a watched journal whose clock moves by a second with every look at it."""
    inner, ticks = FakeJournal(), count()
    note = None if committed is None else committed.append
    return WatchedJournal(
        inner, listeners, elapsed_s=lambda: float(next(ticks)), committed=note
    ), inner


def test_it_is_a_journal_like_the_one_behind_it() -> None:
    journal, inner = watched()
    port: Journal = journal
    assert port.append(AT, TIME, [], durable=True) == 1
    assert port.append(AT, quote(1), [], durable=False) == 2
    assert [record.sequence for record in port.read()] == [1, 2]
    assert inner.durable_sequence == 2
    port.close()
    with pytest.raises(JournalFault):
        port.append(AT, TIME, [], durable=True)


def test_an_event_inside_another_is_told_in_the_journals_order() -> None:
    """The loop tells the inner one first; the record has it second."""
    diary = Diary()
    journal, _ = watched(listeners=[diary])
    outer, inner = events.SignalRaised(CYCLE, 1, signal()), TIME
    journal.append(moment(0), outer, [], durable=True)
    journal.append(moment(1), inner, [], durable=True)
    journal.seen(inner, [], STATE)
    journal.seen(outer, [], STATE)
    assert diary.told == [(1, moment(0), outer), (2, moment(1), inner)]
    assert diary.looks == [moment(0)]


def test_a_quote_of_no_consequence_is_not_told() -> None:
    diary = Diary()
    journal, _ = watched(listeners=[diary])
    journal.append(AT, quote(1), [], durable=False)
    journal.seen(quote(1), [], STATE)
    assert (diary.told, diary.looks) == ([], [])


def test_commits_are_timed_and_failures_are_passed_on() -> None:
    committed: list[float] = []
    journal, inner = watched(committed)
    journal.append(AT, TIME, [], durable=True)
    inner.fail_next()
    with pytest.raises(JournalFault):
        journal.append(AT, TIME, [], durable=True)
    assert committed == [1.0]


def test_a_loop_that_tells_nothing_any_more_fills_no_memory() -> None:
    journal, _ = watched()
    for _ in range(WAITING_MAX + 5):
        journal._waiting.append(journal._waiting[-1] if journal._waiting else _record(journal))
    assert len(journal._waiting) == WAITING_MAX


def _record(journal: WatchedJournal) -> Appended:
    journal.append(AT, TIME, [], durable=True)
    return journal._waiting[-1]
