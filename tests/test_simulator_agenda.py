"""Actions happen in order of time, equal times in order of entry, as of their own time."""

from datetime import datetime, timedelta

from mytrader.simulator.agenda import Action, Agenda
from tests.manual_runtime import START, ManualRuntime

SECOND = timedelta(seconds=1)


class Book:
    """An agenda with a record of what it did."""

    def __init__(self) -> None:
        self.runtime = ManualRuntime()
        self.done: list[tuple[str, datetime]] = []
        self.batches = 0
        self.agenda = Agenda(self.runtime, self._settled)

    def _settled(self) -> None:
        self.batches += 1

    def note(self, name: str) -> Action:
        """Return an action that notes its name and time."""
        return lambda: self.done.append((name, self.agenda.now))


def test_actions_happen_by_time_then_by_entry() -> None:
    book = Book()
    for name, seconds in (("late", 2), ("first", 1), ("second", 1), ("early", 0)):
        book.agenda.at(START + seconds * SECOND, book.note(name))
    book.runtime.pass_time(5)
    assert [name for name, _ in book.done] == ["early", "first", "second", "late"]
    assert [at for _, at in book.done] == [
        START,
        START + SECOND,
        START + SECOND,
        START + 2 * SECOND,
    ]
    assert book.runtime.waiting == 0


def test_late_timer_does_not_move_the_actions() -> None:
    book = Book()
    book.agenda.at(START + SECOND, book.note("one"))
    book.agenda.at(START + 2 * SECOND, book.note("two"))
    book.runtime.pass_time(5, late_s=3)
    assert [at for _, at in book.done] == [START + SECOND, START + 2 * SECOND]
    assert book.batches == 1


def test_action_may_enter_another_for_now() -> None:
    book = Book()
    book.agenda.at(START + SECOND, lambda: book.agenda.at(book.agenda.now, book.note("inner")))
    book.agenda.at(START + SECOND, book.note("other"))
    book.runtime.pass_time(1)
    assert [name for name, _ in book.done] == ["other", "inner"]


def test_time_never_goes_back() -> None:
    book = Book()
    book.agenda.at(START + SECOND, book.note("one"))
    book.runtime.pass_time(5)
    book.agenda.at(START, book.note("past"))
    book.runtime.pass_time(0)
    assert book.done[1] == ("past", START + SECOND)
    assert book.agenda.now == START + 5 * SECOND


def test_earlier_entry_moves_the_timer_and_only_one_is_armed() -> None:
    book = Book()
    book.agenda.at(START + 9 * SECOND, book.note("far"))
    book.agenda.at(START + SECOND, book.note("near"))
    book.agenda.at(START + 5 * SECOND, book.note("between"))
    assert book.runtime.waiting == 1
    assert book.runtime.armed_count == 2
    book.runtime.pass_time(1)
    assert [name for name, _ in book.done] == ["near"]


def test_catching_up_inside_an_action_does_nothing() -> None:
    book = Book()
    book.agenda.at(START, book.agenda.catch_up)
    book.agenda.at(START, book.note("after"))
    book.runtime.pass_time(0)
    assert book.batches == 1
    assert len(book.done) == 1
