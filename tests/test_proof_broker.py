"""What the moves of the check do to the truth."""

import pytest

from mytrader.domain.limits import Profile
from mytrader.proof.broker import MOVES, WORDED, make_move
from mytrader.proof.choices import disturbances, free_moves
from mytrader.proof.judge import Violation
from mytrader.proof.trader import Crash, copied
from mytrader.proof.truth import World
from tests.proof_samples import (
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


def test_a_lost_link_loses_what_was_on_its_way() -> None:
    """But for the word that it is lost."""
    trader = trader_of()
    world = entering(trader)
    make_move(trader, world, ("fill", ENTRY_NUMBER, Crash.NONE))
    make_move(trader, world, ("disconnect", 0, Crash.NONE))
    assert (keys(world), world.blind) == (["link"], True)
    make_move(trader, world, ("reconnect", 0, Crash.NONE))
    assert keys(world) == ["link", "link"]


def test_words_can_be_lost_repeated_and_swapped() -> None:
    """Where the broker promises no better."""
    trader = trader_of()
    world = entering(trader)
    make_move(trader, world, ("fill", ENTRY_NUMBER, Crash.NONE))
    make_move(trader, world, ("swap", 0, Crash.NONE))
    make_move(trader, world, ("repeat", 0, Crash.NONE))
    assert keys(world) == ["report", "fill"]
    make_move(trader, world, ("lose", 0, Crash.NONE))
    assert (keys(world), world.blind) == (["fill"], True)


def test_an_exit_that_opens_a_position_breaks_a_promise() -> None:
    """The judge is asked before the fill."""
    trader = trader_of()
    world = open_world(trader)
    world.position = 0
    with pytest.raises(Violation, match=r"I1: .* on a position of 0"):
        make_move(trader, world, ("fill", STOP_NUMBER, Crash.NONE))


@pytest.mark.parametrize("profile", list(Profile))
def test_every_move_that_is_offered_can_be_made(profile: Profile) -> None:
    """From an open position, and again from whatever each move leads to."""
    trader = trader_of(profile)
    made: set[str] = set()
    worlds = [entering(trader), open_world(trader)]
    worlds.append(moved(trader, copied(worlds[1]), ("ask flatten", 0)))
    for start in worlds:
        for choice in [*free_moves(start), *disturbances(start)]:
            world = copied(start)
            make_move(trader, world, (*choice, Crash.NONE))
            made.add(choice[0])
    assert len(made) > 25
    assert all(name in MOVES or name.rpartition(" ")[0] in WORDED for name in made)


def test_a_move_leaves_the_world_that_was_copied_alone() -> None:
    """Worlds share what they hold; a move replaces and never changes it."""
    trader = trader_of()
    start = open_world(trader)
    kept = copied(start)
    for choice in disturbances(start):
        make_move(trader, copied(start), (*choice, Crash.NONE))
    assert start == kept
