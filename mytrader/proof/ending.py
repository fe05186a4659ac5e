"""What must come of every state once the world is kind: flat and orderless, or a person knows.

From a state on everything is delivered, acknowledged and answered at once, what stands at the
market fills, and time passes. In the end nothing is open and nothing rests, or the machine has
paged: a state from which neither follows would be a trade that nobody looks after.
"""

from collections.abc import Iterator
from typing import Final

from mytrader.execution.trade_cycle import next_deadline
from mytrader.proof.choices import is_blocked, pending
from mytrader.proof.judge import demand
from mytrader.proof.moves import Move, make_move
from mytrader.proof.trader import Crash, Trader
from mytrader.proof.truth import World, trades_now

END: Final[Move] = ("kind ending", 0, Crash.NONE)
"""Stands for a whole ending as the last move of a trace."""
MOVES_MAX: Final = 400
AT_ONCE_MAX: Final = 60
"""Moves in a row without time passing: more than all words of all orders."""

ENDLESS: Final = "the end: it asks as fast as it is answered, for ever"


def kind_ending(trader: Trader, world: World) -> Iterator[Move]:
    """Bring a world to its end, yielding each move before it is made.

    Raises `Violation` when the end is not reached, or another promise breaks on the way.
    """
    world.slow = 0
    at_once = 0
    for _ in range(MOVES_MAX):
        move = _next_move(world)
        if move is None:
            break
        at_once = 0 if move[0] == "time" else at_once + 1
        demand(at_once < AT_ONCE_MAX, ENDLESS)
        yield move
        make_move(trader, world, move)
    if world.alarmed:
        return
    live = [order.spec.ref for order in world.orders if not order.over]
    demand(world.position == 0, f"the end: a position of {world.position}, and no page")
    demand(not live, f"the end: {live} still rest, and no page")
    demand(not world.state.cycles, "the end: a cycle never ended, and no page")


def _next_move(world: World) -> Move | None:
    waiting = pending(world)
    if waiting:
        return (*waiting[0], Crash.NONE)
    for order in world.orders:
        waits = order.spec.reduce_only and order.active and order.left
        if waits and trades_now(order.spec, world.zone) and not is_blocked(world, order):
            return ("fill", order.number, Crash.NONE)
    if next_deadline(world.state) is None:
        return None
    return ("time", 0, Crash.NONE)
