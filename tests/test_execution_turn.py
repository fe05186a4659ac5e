"""A turn replaces parts of a frozen state and collects what should be done."""

from mytrader.domain.commands import AlertLevel, QueryBook, RaiseAlert
from mytrader.domain.trader import Mode
from mytrader.execution.turn import Turn
from tests.playbook import CYCLE, LINK_BACK, NOON, Playbook, opened, the_start


def test_the_state_it_began_with_is_left_alone() -> None:
    """A turn is the only thing in the kernel that changes, and it lives for one event."""
    script = opened()
    before = repr(script.state)
    turn = Turn(script.state, NOON)
    turn.change(script.cycle, quantity=5)
    turn.step_down(Mode.HALT, "a test")
    assert (repr(script.state), turn.state.mode) == (before, Mode.HALT)
    assert list(turn.touched) == [CYCLE]


def test_an_order_is_found_by_its_reference_or_not_at_all() -> None:
    """No cycle, no such order, or not one of our references."""
    turn = Turn(opened().state, NOON)
    assert turn.order(f"mt/{CYCLE}/S1") is not None
    for ref in (f"mt/{CYCLE}/S2", "mt/01JCXW5M7Q0000000000000099/S1", "", "by hand"):
        assert turn.order(ref) is None
    assert turn.cycle("nobody's") is None


def test_the_mode_goes_down_and_pages_once() -> None:
    """A lower rank is never reached from a higher one by itself."""
    turn = Turn(the_start(), NOON)
    turn.step_down(Mode.HALT, "first")
    turn.step_down(Mode.HALT, "second")
    turn.step_down(Mode.REDUCE_ONLY, "third")
    assert (turn.state.mode, turn.state.mode_why) == (Mode.HALT, "first")
    assert turn.commands == [RaiseAlert(AlertLevel.PAGE, "MODE_HALT", "first")]


def test_one_book_is_asked_for_at_a_time_and_one_more_is_remembered() -> None:
    """However many reasons there are, the broker is asked in turn."""
    turn = Turn(the_start(), NOON)
    for why in ("first", "second", "third"):
        turn.query_book(why)
    assert turn.commands == [QueryBook(2, "first")]
    assert (turn.state.link.queries_asked, turn.state.link.query_wanted) == (2, True)


def test_nobody_is_asked_while_the_link_is_down() -> None:
    """The question follows when the link is back."""
    script = Playbook() >> LINK_BACK
    turn = Turn(script.state, NOON)
    turn.replace(link=type(turn.state.link)())
    turn.query_book("a test")
    assert turn.commands == []
