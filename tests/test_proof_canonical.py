"""Two moments are the same where no decision can differ."""

from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.execution.trade_cycle import step
from mytrader.proof.canonical import key
from mytrader.proof.kernel import Node
from mytrader.proof.moves import play, start


def opened(faults: int = 2) -> Node:
    """Return an open position in profile bracket."""
    return start(Profile.BRACKET, root="open", lots=1, faults=faults, step=step)


def test_the_hour_of_the_day_does_not_count() -> None:
    """Everything that is due is due as long from now."""
    node = opened()
    again = opened()
    assert key(node) == key(again)
    assert key(node) != key(play(node, "wait", step))


def test_what_is_on_its_way_counts() -> None:
    node = play(opened(), "fill S1a", step)
    assert key(node) != key(opened())
    swapped = play(node, "swap", step)
    assert key(replace(swapped, faults=node.faults)) != key(node)


def test_what_may_still_go_wrong_counts() -> None:
    assert key(opened(1)) != key(opened(2))


def test_two_ways_to_one_moment_meet() -> None:
    """A repeat of what was heard changes nothing but the budget."""
    node = play(opened(), "end T1a", step)
    once = play(node, "hear", step)
    twice = play(play(node, "repeat", step), "hear", step)
    assert key(replace(twice, faults=once.faults)) == key(once)
