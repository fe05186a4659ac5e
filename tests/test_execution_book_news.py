"""Of the executions that every look at the book repeats, only the unbooked ones are news."""

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.execution.book_news import news_of
from tests.playbook import CON_ID, ENTRY, STOP, Filled, Playbook, fill_of, opened

STRANGER = "mt/01JCXW5M7Q0000000000000099/E1"


def a_book(*fills: Execution) -> events.BookAnswered:
    """Return an answer with these executions and one position."""
    held = events.PositionReported(CON_ID, 1)
    return events.BookAnswered(9, Known(events.Book((), fills, (held,))))


def told_of_a_stray(script: Playbook) -> Playbook:
    """Let a fill of a cycle that nobody knows be booked."""
    return script.past(events.ExecutionReported(stray(script)))


def stray(script: Playbook) -> Execution:
    """Return a fill of a cycle that this record does not know."""
    return replace(fill_of(script, "E1", price=ENTRY), exec_id="zz.01", ref=STRANGER)


def test_a_fill_of_an_open_trade_is_news_once() -> None:
    script = opened()
    fill = fill_of(script, "E1", price=ENTRY)
    assert news_of(script.state, a_book(fill)) == a_book()


def test_a_fill_of_a_finished_trade_is_no_news() -> None:
    script = opened().past(Filled("S1", STOP))
    assert script.state.closed, "the trade is over"
    assert news_of(script.state, a_book(*script.cycle.fills)) == a_book()


def test_a_stray_fill_is_news_once() -> None:
    script = opened()
    assert news_of(script.state, a_book(stray(script))) == a_book(stray(script))
    later = told_of_a_stray(script)
    assert news_of(later.state, a_book(stray(script))) == a_book()


@pytest.mark.parametrize("ref", ["", "by hand", STRANGER])
def test_a_fill_that_nobody_booked_is_news(ref: str) -> None:
    """Whoever's it is: the position rests on it."""
    script = opened()
    fill = replace(fill_of(script, "E1", price=ENTRY), exec_id="zz.01", ref=ref)
    repeat = fill_of(script, "E1", price=ENTRY)
    assert news_of(script.state, a_book(repeat, fill)) == a_book(fill)


def test_a_correction_is_news() -> None:
    """It has an id of its own, and makes the position doubtful (SAFETY.md B19)."""
    script = opened()
    fill = replace(fill_of(script, "E1", price=ENTRY), exec_id="0000e0d5.E101.02")
    assert news_of(script.state, a_book(fill)) == a_book(fill)


def test_everything_else_passes_as_it_is() -> None:
    state = opened().state
    for event in (events.TimeReached(), events.BookAnswered(3, Unknown("late")), a_book()):
        assert news_of(state, event) is event
