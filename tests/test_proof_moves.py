"""Every move of the check: the wire, other people, the market, the clock."""

import pytest

from mytrader.domain.limits import Profile
from mytrader.proof.choices import disturbances, free_moves
from mytrader.proof.judge import Violation
from mytrader.proof.moves import HEARD, HEARD_WORDED, UNHEARD, UNHEARD_WORDED, make_move
from mytrader.proof.trader import Crash, copied
from mytrader.proof.truth import World, trades_now
from tests.proof_samples import ENTRY_NUMBER, entering, moved, open_world, trader_of

PLAIN = {*HEARD, *UNHEARD}
WORDED = {*HEARD_WORDED, *UNHEARD_WORDED}


def keys(world: World) -> list[object]:
    """Return the first part of every word that is on its way."""
    return [word.key[0] for word in world.outbox]


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


@pytest.mark.parametrize("profile", list(Profile))
def test_two_exits_asked_at_once_leave_as_one(profile: Profile) -> None:
    """The target is reached and two people flatten: one order is moved to the market (H03)."""
    trader = trader_of(profile)
    world = open_world(trader)
    make_move(trader, world, ("two exits", 0, Crash.NONE))
    changes = [order.change for order in world.orders if order.change is not None]
    assert sum(trades_now(change, world.zone) for change in changes) == 1


def test_two_exits_that_leave_break_a_promise() -> None:
    """Were more of them to leave than lots are held."""
    trader = trader_of()
    world = open_world(trader)
    world.position = 0
    with pytest.raises(Violation, match="two exits were asked for"):
        make_move(trader, world, ("two exits", 0, Crash.NONE))


def test_an_old_report_of_the_position_is_heard_at_once() -> None:
    """The founding incident: the position before the last fill."""
    trader = trader_of()
    world = open_world(trader)
    make_move(trader, world, ("stale position", 0, Crash.NONE))
    assert world.asked


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
    assert all(name in PLAIN or name.rpartition(" ")[0] in WORDED for name in made)


def test_a_move_leaves_the_world_that_was_copied_alone() -> None:
    """Worlds share what they hold; a move replaces and never changes it."""
    trader = trader_of()
    start = open_world(trader)
    kept = copied(start)
    for choice in disturbances(start):
        make_move(trader, copied(start), (*choice, Crash.NONE))
    assert start == kept
