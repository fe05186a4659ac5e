"""What may happen next: the moves of a kind world, and those that disturb it.

A kind world takes orders, fills them, carries cancels out, answers questions, delivers its words;
time passes, a strategy proposes, advisors answer. Everything else is a disturbance. Every order
of moves is legal that this file does not forbid.
"""

from collections.abc import Iterator
from typing import Final

from mytrader.domain import events
from mytrader.domain.cycle import Phase
from mytrader.execution.trade_cycle import next_deadline
from mytrader.proof.truth import CYCLE_IDS, ZONES, Resting, World

Choice = tuple[str, str | int]

SIGNALS_MAX: Final = 2
LOSSY: Final = frozenset({"report", "over", "error"})
LOOSE: Final = frozenset({"report", "over", "error", "fill"})
PLACE_REFUSALS: Final = (201,)
CHANGE_REFUSALS: Final = (201, 104)
MISLEADING_CODES: Final = (201, 202, 399)
MISLEADING_STATUSES: Final = ("Cancelled", "Inactive", "PendingCancel")


def free_moves(world: World) -> Iterator[Choice]:
    """Yield every move that is no disturbance.

    A prompt world delivers, acknowledges and answers before anything else happens. In a slow
    spell it does all that in any order, and some other things happen in between.
    """
    waiting = pending(world)
    if waiting and not world.slow:
        yield waiting[0]
        return
    yield from waiting
    for order in world.orders:
        if order.active and order.left and not is_blocked(world, order):
            yield "fill", order.number
    if world.foreign == 1:
        yield "foreign ends", 0
    yield from _answers_to_proposals(world)
    if world.signals < SIGNALS_MAX and world.state.link.up and not world.state.cycles:
        yield "propose", world.signals
    if next_deadline(world.state) is not None:
        yield "time", 0


def _answers_to_proposals(world: World) -> Iterator[Choice]:
    for cycle_id, cycle in world.state.cycles.items():
        if cycle.phase is not Phase.PROPOSED:
            continue
        number = CYCLE_IDS.index(cycle_id)
        if not cycle.advised:
            yield "advise GO", number
            yield "advise WAIT", number
        if cycle.margin is None:
            yield "margin known", number
            yield "margin unknown", number


def pending(world: World) -> list[Choice]:
    """Return what a prompt world does first."""
    found: list[Choice] = []
    if world.outbox:
        found.append(("deliver", 0))
    for order in world.orders:
        if order.over:
            continue
        if not order.accepted or order.change is not None:
            found.append(("accept", order.number))
        if order.cancelling:
            found.append(("cancel", order.number))
    if not world.connected:
        found.append(("reconnect", 0))
    elif world.asked:
        found.append(("answer", 0))
    return found


def disturbances(world: World) -> Iterator[Choice]:
    """Yield every move that a kind world would not make."""
    yield "restart", 0
    yield "halted", 0
    if not world.slow and pending(world):
        yield "slow", 0
        yield "pause", 0
    yield from _wire_disturbances(world)
    yield from _people_and_market(world)
    yield from _about_fills(world)
    if not world.connected:
        return
    yield "disconnect", 0
    yield "position", 0
    if world.asked:
        yield "answer nothing", 0
        if world.shown is None:
            yield "look", 0
    if world.foreign == 0:
        yield "foreign order", 0
    for order in world.orders:
        if not order.over:
            yield from _order_disturbances(world, order)


def _about_fills(world: World) -> Iterator[Choice]:
    if world.position:
        yield "hand fill", 0
        yield "two exits", 0
    if world.fills and world.told >> (len(world.fills) - 1) & 1:
        yield "stale position", 0
        if world.connected and not world.corrected:
            yield "correct", 0


def _wire_disturbances(world: World) -> Iterator[Choice]:
    if not world.outbox:
        return
    first = world.outbox[0].key[0]
    if world.connected and first != "link":
        yield "repeat", 0
    if first in LOSSY:
        yield "lose", 0
    if len(world.outbox) > 1 and {first, world.outbox[1].key[0]} <= LOOSE:
        yield "swap", 0


def _people_and_market(world: World) -> Iterator[Choice]:
    for request in events.Request:
        yield f"ask {request}", 0
    for zone in ZONES:
        if zone != world.zone:
            yield f"quote {zone}", 0
    if world.signals < SIGNALS_MAX and world.state.cycles:
        yield "propose", world.signals
    for cycle_id, cycle in world.state.cycles.items():
        if cycle.phase is not Phase.PROPOSED:
            yield "advise GO", CYCLE_IDS.index(cycle_id)
            yield "advise WAIT", CYCLE_IDS.index(cycle_id)


def _order_disturbances(world: World, order: Resting) -> Iterator[Choice]:
    if not order.accepted:
        for code in PLACE_REFUSALS:
            yield f"refuse {code}", order.number
        return
    if order.change is not None:
        for code in CHANGE_REFUSALS:
            yield f"refuse change {code}", order.number
    if order.cancelling:
        yield "refuse cancel", order.number
    yield "eliminate", order.number
    for code in MISLEADING_CODES:
        yield f"mislead {code}", order.number
    for status in MISLEADING_STATUSES:
        yield f"mislead {status}", order.number
    yield "alias", order.number
    yield "wrong echo", order.number
    if order.active and order.spec.stop is not None and not order.triggered:
        yield "trigger", order.number
    if order.active and order.left and order.spec.oca_group and not world.leaked:
        yield "overfill", order.number
        yield "both fill", order.number


def is_blocked(world: World, order: Resting) -> bool:
    """Whether the broker's group lets the order fill no more: another leg has filled."""
    group = order.spec.oca_group
    if not group or world.leaked:
        return False
    return any(each.filled for each in world.orders if each.spec.oca_group == group)
