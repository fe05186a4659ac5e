"""What may happen next in a world of the check."""

from mytrader.domain.limits import Profile
from mytrader.proof.choices import disturbances, free_moves, is_blocked, pending
from mytrader.proof.moves import make_move
from mytrader.proof.trader import Crash
from tests.proof_samples import (
    ENTERING,
    ENTRY_NUMBER,
    TARGET_NUMBER,
    entering,
    moved,
    open_world,
    trader_of,
)


def names(choices: object) -> set[str]:
    """Return the names of some choices."""
    assert hasattr(choices, "__iter__")
    return {name for name, _argument in choices}


def test_a_prompt_world_does_one_thing_at_a_time() -> None:
    """What is pending comes before anything else."""
    trader = trader_of()
    world = moved(trader, trader.opened(), *ENTERING[:2])
    make_move(trader, world, ("margin known", 0, Crash.NONE))
    assert list(free_moves(world)) == [("accept", ENTRY_NUMBER)]


def test_in_a_slow_spell_everything_may_happen() -> None:
    """Fills before acknowledgements, time before answers."""
    trader = trader_of()
    world = moved(trader, trader.opened(), *ENTERING[:2])
    make_move(trader, world, ("margin known", 0, Crash.NONE))
    make_move(trader, world, ("slow", 0, Crash.NONE))
    assert {"accept", "fill", "time"} <= names(free_moves(world))
    while pending(world):
        make_move(trader, world, (*next(free_moves(world)), Crash.NONE))
    assert world.slow == 0


def test_people_brokers_and_wires_disturb() -> None:
    """A crash, a request, a lost link, a cancel by hand are always there."""
    found = names(disturbances(open_world(trader_of())))
    assert {"restart", "ask flatten", "disconnect", "eliminate", "hand fill", "alias"} <= found
    assert "overfill" not in found


def test_only_a_group_can_be_overfilled() -> None:
    """In profile `bracket` the block itself may fail, once."""
    trader = trader_of(Profile.BRACKET)
    world = open_world(trader)
    assert "overfill" in names(disturbances(world))
    make_move(trader, world, ("overfill", TARGET_NUMBER, Crash.NONE))
    assert not any(is_blocked(world, order) for order in world.orders)


def test_advice_may_come_late() -> None:
    """As a disturbance: the kernel has to ignore it."""
    assert "advise GO" in names(disturbances(entering(trader_of())))
