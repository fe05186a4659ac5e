"""The judge: reads the truth and the commands, and nothing that the trader believes of either.

Where a promise is about time ("a stop within `T_cover`") the judge keeps its own clock in the
world. It asks the trader for two things only: its mode, and whether it says that it is leaving
the position; both are bounded by what the commands then show.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from mytrader.domain import commands, events
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.cycle import Phase
from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Profile
from mytrader.domain.orders import Approved, Role, Side, parse_ref
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.cover import flipped
from mytrader.execution.emergency import EMERGENCY_TRIES
from mytrader.execution.exits import under_way
from mytrader.proof.choices import is_blocked
from mytrader.proof.truth import CON_ID, Resting, World

LEAVING_MAX: Final = timedelta(seconds=90)
"""How long a position may be bare because an exit is under way, link and exchange being there."""

LOT: Final = 1
"""What a group that works may fill: its orders are those of one lot."""

_ORDERS: Final = (
    commands.PlaceBracket,
    commands.PlaceExit,
    commands.PlaceEmergencyStop,
    commands.ChangeOrder,
    commands.CancelOrder,
)


class Violation(Exception):
    """A promise is broken in a world that the broker can bring about."""


def demand(holds: object, claim: str) -> None:
    """Raise `Violation` with the claim unless it holds."""
    if not holds:
        raise Violation(claim)


def judge_step(
    world: World, event: AnyEvent, *, before: TraderState, asked: Sequence[AnyCommand]
) -> None:
    """Hold one step against what its commands may be."""
    state = world.state
    if state.mode is not before.mode:
        _judge_mode(world, event, before=before, asked=asked)
    if not asked:
        return
    if isinstance(event, events.AdviceGiven):
        _judge_advice(event, before=before, asked=asked)
    for command in asked:
        if isinstance(command, commands.PlaceBracket):
            _judge_entry(event, command, before=before)
        elif isinstance(command, commands.CancelOrder):
            _judge_cancel(world, command, asked=asked)
        elif isinstance(command, commands.PlaceExit | commands.PlaceEmergencyStop):
            demand(isinstance(command.approved, Approved), "an exit without approval")
            demand(command.approved.order.reduce_only, "an exit that may enlarge")
        elif isinstance(command, RaiseAlert) and command.level is AlertLevel.PAGE:
            world.paged = world.alarmed = True


def _judge_mode(
    world: World, event: AnyEvent, *, before: TraderState, asked: Sequence[AnyCommand]
) -> None:
    if world.state.mode.rank < before.mode.rank:
        resumed = isinstance(event, events.OperatorAsked) and (
            event.request is events.Request.RESUME
        )
        demand(resumed, f"I8: the mode rose to {world.state.mode}, and no person resumed")
        world.naked_since = world.left_at = None
        world.paged = False
        return
    paged = any(isinstance(each, RaiseAlert) and each.level is AlertLevel.PAGE for each in asked)
    demand(paged, f"the mode fell to {world.state.mode} without a page")


def _judge_advice(
    event: events.AdviceGiven, *, before: TraderState, asked: Sequence[AnyCommand]
) -> None:
    cycle = before.cycles.get(event.cycle_id)
    if cycle is None or cycle.phase is not Phase.PROPOSED:
        moved = [each for each in asked if isinstance(each, _ORDERS)]
        demand(not moved, f"I7: advice moved an order: {moved}")


def _judge_entry(event: AnyEvent, command: commands.PlaceBracket, *, before: TraderState) -> None:
    demand(isinstance(command.approved, Approved), "a bracket without approval")
    demand(before.mode is Mode.NORMAL, f"I8: an entry in mode {before.mode}")
    demand(
        isinstance(event, events.AdviceGiven | events.MarginStated | events.TimeReached),
        f"I7: {type(event).__name__} opened a position",
    )
    cycle = before.cycles.get(command.approved.order.cycle_id)
    demand(cycle is not None and cycle.phase is Phase.PROPOSED, "an entry out of a later phase")
    said = event.opinions if isinstance(event, events.AdviceGiven) else ()
    waits = any(opinion.binding and opinion.decision != "GO" for opinion in said)
    demand(not waits, "I7: an entry against a WAIT that binds")


def _judge_cancel(
    world: World, command: commands.CancelOrder, *, asked: Sequence[AnyCommand]
) -> None:
    """A halted machine leaves protection alone, but for an exit or a repair of too much of it."""
    parts = parse_ref(command.ref)
    if world.state.mode is not Mode.HALT or parts is None or not parts.role.is_protective:
        return
    cycle = world.state.cycles.get(parts.cycle_id)
    if cycle is None or not cycle.position or under_way(cycle):
        return
    excess = any(isinstance(e, RaiseAlert) and e.code == "EXIT_EXCESS" for e in asked)
    lost = command.why.startswith("never acknowledged")
    demand(excess or lost, f"HALT: the stop {command.ref} is cancelled, nobody leaves")


def judge_fill(world: World, order: Resting, *, profile: Profile) -> None:
    """I1: an exit that fills now must reduce a position (`world` is as before the fill)."""
    spec = order.spec
    if not spec.reduce_only or spec.side.sign * world.position < 0 or order.excused:
        return
    if profile is Profile.BRACKET and world.leaked and spec.oca_group:
        return
    raise Violation(f"I1: {spec.ref} fills {spec.side} 1 on a position of {world.position}")


def has_flipped(before: TraderState, state: TraderState) -> bool:
    """Whether the trader has just learned that a position went through zero."""
    return any(
        flipped(cycle) and not (key in before.cycles and flipped(before.cycles[key]))
        for key, cycle in state.cycles.items()
    )


def judge_flip(state: TraderState, asked: Sequence[AnyCommand]) -> None:
    """A flip that is seen halts the machine, and a person is paged at once."""
    demand(state.mode is Mode.HALT, "a position went through zero, and the machine goes on")
    paged = any(isinstance(each, RaiseAlert) and each.level is AlertLevel.PAGE for each in asked)
    demand(paged, "a position went through zero, and nobody was paged")


def _judge_trades(world: World) -> None:
    """In profile strict no trade's exits fill more than its entries: there is no flip at all."""
    held: dict[str, int] = {}
    for order in world.orders:
        if order.filled:
            sign = -1 if order.spec.reduce_only else 1
            trade = order.spec.ref[:29]
            held[trade] = held.get(trade, 0) + sign * order.filled
    demand(min(held.values(), default=0) >= 0, "strict: a trade went through zero")


def _flip_is_answered(world: World) -> bool:
    """Whether something reduces a position that flipped, or nothing may be sent for it.

    A stop that the trader believes in, and whose fate nobody can prove, may work.
    """
    sent = any(
        order.spec.reduce_only and not order.over and order.spec.side.sign * world.position < 0
        for order in world.orders
    )
    for cycle in world.state.cycles.values():
        if sent or not world.position or not flipped(cycle) or under_way(cycle):
            continue
        stops = cycle.of_role(Role.EMERGENCY)
        tries = EMERGENCY_TRIES * max(cycle.quantity, 1)
        spent = cycle.emergency_stops >= tries or cycle.protection_refused
        if not spent and not any(stop.live and stop.spec.ref in world.obscured for stop in stops):
            return False
    return True


def _judge_exits(world: World) -> None:
    """I1 before the fact: what rests at the broker may fill before anybody hears of anything."""
    position = world.position
    reach: dict[str, int] = {}
    for order in world.orders:
        spec = order.spec
        if not (spec.reduce_only and order.active and order.left) or order.excused:
            continue
        if is_blocked(world, order) or (spec.oca_group and world.leaked):
            continue
        demand(
            spec.side.sign * position < 0,
            f"I1: {spec.ref} may fill {spec.side} on a position of {position}",
        )
        together = reach.get(spec.oca_group, 0) + order.left
        reach[spec.oca_group] = min(together, LOT) if spec.oca_group else together
    most = sum(reach.values())
    demand(most <= abs(position), f"I1: exits of {most} rest on a position of {position}")


def _judge_count(world: World) -> None:
    """I3: the trader counts for every order of its own at least what may still fill of it."""
    for order in world.orders:
        if not order.left:
            continue
        ref = order.spec.ref
        cycle = world.state.cycles.get(ref[3:29])
        tracked = None if cycle is None else cycle.orders.get(ref)
        counted = 0 if tracked is None else tracked.remaining
        demand(counted >= order.left, f"I3: {order.left} of {ref} may fill, {counted} are counted")


def booked_by(world: World) -> int:
    """Return the position that the executions told to the trader add up to."""
    booked, told = 0, world.told
    for fill in world.fills:
        if told & 1:
            booked += fill.quantity if fill.side is Side.BUY else -fill.quantity
        told >>= 1
    return booked


def judge_world(world: World) -> None:
    """Hold the truth against the promises, after a move; keeps the clock of a bare position."""
    state = world.state
    _judge_exits(world)
    _judge_count(world)
    if world.fills and not world.by_hand and world.state.limits.profile is Profile.STRICT:
        _judge_trades(world)
    booked = state.position(CON_ID).booked
    told = booked_by(world)
    demand(booked == told, f"I5: {booked} is booked, {told} was told")
    if not booked or world.by_hand or _is_guarded(world, booked):
        world.naked_since = world.left_at = None
        world.paged = False
    elif world.naked_since is None:
        world.naked_since = world.now
    else:
        _judge_bare(world, world.naked_since, booked=booked)


def _judge_bare(world: World, since: datetime, *, booked: int) -> None:
    """I2: `T_cover` runs while nobody leaves, and again from when an exit has failed.

    All in all it is no longer than `LEAVING_MAX` before a person is paged.
    """
    state = world.state
    if any(under_way(cycle) for cycle in state.cycles.values()):
        world.left_at = world.now
    late = world.now - (world.left_at or since)
    if late <= _cover_time(world) and (world.paged or world.now - since <= LEAVING_MAX):
        return
    if world.leaked and state.link.up and world.connected:
        demand(_flip_is_answered(world), f"a flipped position of {booked} without a stop")
    excused = state.mode is Mode.HALT or (world.paged and not state.link.up)
    demand(excused, f"I2: {booked} without a stop for {world.now - since}")


def _cover_time(world: World) -> timedelta:
    """`T_cover`; in profile `bracket` once more for a stop that joined the group of a silent one.

    DESIGN.md section 6: while a stop's fate is unknown the machine halts at `T_cover`, or, where
    a trusted group makes that safe, sends an emergency stop into the group and pages.
    """
    limits = world.state.limits
    joined = world.paged and any(
        order.spec.role is Role.EMERGENCY and order.spec.oca_group for order in world.orders
    )
    return limits.cover_timeout * (2 if joined else 1)


def _is_guarded(world: World, booked: int) -> bool:
    """Whether stops for exactly the position rest, or the last word of all of them was so."""
    position = world.position
    resting: dict[str, int] = {}
    heard = 0
    for order in world.orders:
        spec = order.spec
        if spec.role is Role.ENTRY or spec.role is Role.TARGET:
            continue
        if order.active and order.accepted and order.left and spec.side.sign * position < 0:
            group = "" if world.leaked else spec.oca_group
            together = resting.get(group, 0) + order.left
            resting[group] = min(together, LOT) if group else together
        if order.heard and spec.side.sign * booked < 0:
            heard += spec.quantity - (0 if order.over else order.filled)
    if position and sum(resting.values()) == abs(position):
        return True
    return bool(world.outbox or world.blind) and (heard >= abs(booked) or position == 0)
