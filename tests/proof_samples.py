"""Worlds that tests of the check begin with: made by moves, as the search makes them."""

from mytrader.domain.limits import Profile
from mytrader.proof.choices import pending
from mytrader.proof.moves import Move, make_move
from mytrader.proof.trader import Crash, Trader
from mytrader.proof.truth import World, limits_of

ENTERING = (("propose", 0), ("advise GO", 0), ("margin known", 0))
ENTRY_NUMBER = 1
STOP_NUMBER = 21
TARGET_NUMBER = 41


def trader_of(profile: Profile = Profile.STRICT, *, lots: int = 1) -> Trader:
    """Return the real trader under the limits of the check."""
    return Trader(limits_of(profile, lots=lots))


def moved(trader: Trader, world: World, *choices: tuple[str, str | int]) -> World:
    """Make some moves, after each of which a prompt world does what is pending."""
    for name, argument in choices:
        move: Move = (name, argument, Crash.NONE)
        make_move(trader, world, move)
        prompt(trader, world)
    return world


def prompt(trader: Trader, world: World) -> None:
    """Let a prompt world do everything that is pending."""
    while waiting := pending(world):
        make_move(trader, world, (*waiting[0], Crash.NONE))


def entering(trader: Trader) -> World:
    """Return a world in which the bracket rests at the broker, and nothing has filled."""
    return moved(trader, trader.opened(), *ENTERING)


def open_world(trader: Trader) -> World:
    """Return a world with an open position whose stop works."""
    return moved(trader, entering(trader), ("fill", ENTRY_NUMBER))
