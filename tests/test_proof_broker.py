"""What the broker of the check does with orders, and what the trader hears of it."""

import pytest

from mytrader.domain.limits import Profile
from mytrader.proof.judge import Violation
from mytrader.proof.moves import make_move
from mytrader.proof.trader import Crash
from mytrader.proof.truth import World
from tests.proof_samples import (
    ENTERING,
    ENTRY_NUMBER,
    STOP_NUMBER,
    TARGET_NUMBER,
    entering,
    moved,
    open_world,
    trader_of,
)


def keys(world: World) -> list[object]:
    """Return the first part of every word that is on its way."""
    return [word.key[0] for word in world.outbox]


def test_a_fill_moves_the_position_and_says_so() -> None:
    """The child is told to work once its parent has filled."""
    trader = trader_of()
    world = entering(trader)
    make_move(trader, world, ("fill", ENTRY_NUMBER, Crash.NONE))
    assert (world.position, len(world.fills), keys(world)) == (1, 1, ["fill", "report"])


def test_an_entry_that_ends_takes_its_children_along() -> None:
    """As the broker does with a bracket."""
    trader = trader_of()
    world = entering(trader)
    make_move(trader, world, ("eliminate", ENTRY_NUMBER, Crash.NONE))
    assert [order.over for order in world.orders] == ["ended", "ended"]


def test_a_group_cancels_its_other_leg() -> None:
    """Unless its block fails: then both fill, and only then may a position be flipped."""
    trader = trader_of(Profile.BRACKET)
    kept = open_world(trader)
    make_move(trader, kept, ("fill", TARGET_NUMBER, Crash.NONE))
    assert kept.position == 0
    assert all(order.over for order in kept.orders)
    failed = open_world(trader)
    make_move(trader, failed, ("both fill", TARGET_NUMBER, Crash.NONE))
    assert failed.position == -1


def test_an_exit_that_opens_a_position_breaks_a_promise() -> None:
    """The judge is asked before the fill."""
    trader = trader_of()
    world = open_world(trader)
    world.position = 0
    with pytest.raises(Violation, match=r"I1: .* on a position of 0"):
        make_move(trader, world, ("fill", STOP_NUMBER, Crash.NONE))


def test_a_refusal_ends_an_order_and_a_refused_change_does_not() -> None:
    """Both are errors; only one of them is about the order as it rests."""
    trader = trader_of()
    world = open_world(trader)
    make_move(trader, world, ("ask flatten", 0, Crash.NONE))
    make_move(trader, world, ("refuse change 201", STOP_NUMBER, Crash.NONE))
    stop = next(order for order in world.orders if order.number == STOP_NUMBER)
    assert (stop.change, stop.over, keys(world)) == (None, "", ["error"])
    fresh = moved(trader, trader.opened(), *ENTERING[:2])
    make_move(trader, fresh, ("margin known", 0, Crash.NONE))
    make_move(trader, fresh, ("refuse 201", ENTRY_NUMBER, Crash.NONE))
    assert all(order.over for order in fresh.orders)


def test_an_answer_may_be_a_picture_of_an_earlier_moment() -> None:
    """Its first part is taken before the rest; only a whole one settles."""
    trader = trader_of()
    world = open_world(trader)
    make_move(trader, world, ("mislead Cancelled", STOP_NUMBER, Crash.NONE))
    make_move(trader, world, ("deliver", 0, Crash.NONE))
    make_move(trader, world, ("look", 0, Crash.NONE))
    make_move(trader, world, ("eliminate", STOP_NUMBER, Crash.NONE))
    make_move(trader, world, ("answer", 0, Crash.NONE))
    assert not world.outbox[-1].settles
