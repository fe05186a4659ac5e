"""The emergency stop: what an entry's fill gets when its own stop is missing.

It is sent only where the exit rule holds after it: the missing stop is proven dead or was never
written, and a resting target shares the group that the new stop joins. It is retried once per
lot; after that the position is flattened.
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, PlaceEmergencyStop
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.orders import Approved, OrderSpec, Refused, Role, Side, TrackedOrder
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.cover import flipped, held_lots, naked_lots, reducing_orders
from mytrader.execution.exposure import group_budget, groups_are_trusted
from mytrader.execution.guards import approve_exit
from mytrader.execution.order_builder import emergency_stop, group_name, reducing_side
from mytrader.execution.turn import Turn

EMERGENCY_TRIES: Final = 2
"""Emergency stops per lot: the first one and one retry."""


def protect(turn: Turn, cycle: TradeCycle) -> bool:
    """Send an emergency stop for every naked lot; false if that was tried often enough.

    Where the rule does not permit a stop it does not permit an exit either: people are told
    once, every event tries again, and the watch over `T_cover` goes on.
    """
    naked = naked_lots(turn.state, cycle)
    if naked == 0 or not turn.state.link.up:
        return True
    if cycle.emergency_stops >= EMERGENCY_TRIES * max(cycle.quantity, 1) or cycle.stop is None:
        return False
    _send(turn, cycle, groups=_naked_groups(turn.state, cycle, naked=naked))
    return True


def join_groups(turn: Turn, cycle: TradeCycle) -> bool:
    """Send a stop into each trusted group whose own stop is still in doubt; true if any went.

    The group's budget makes that safe: should the first stop work after all, only one fills.
    Outside a trusted group nothing may be sent while a fate is unknown.
    """
    state = turn.state
    trusted = groups_are_trusted(state.limits) and not flipped(cycle)
    if not trusted or not state.link.up or cycle.stop is None:
        return False
    if cycle.emergency_stops >= cycle.quantity:
        return False
    held = held_lots(state, cycle)
    return _send(turn, cycle, groups=_naked_groups(state, cycle, naked=held, unconfirmed=True))


def _send(turn: Turn, cycle: TradeCycle, *, groups: list[tuple[str, int]]) -> bool:
    """Send one stop for each group; true if any was permitted."""
    sent = False
    for group, quantity in groups:
        cycle = turn.state.cycles[cycle.cycle_id]
        stop = _emergency_price(turn.state, cycle)
        number = len(cycle.of_role(Role.EMERGENCY)) + 1
        spec = emergency_stop(
            cycle, number, stop=stop, limits=turn.state.limits, quantity=quantity
        )
        answer = approve_exit(turn.state, replace(spec, oca_group=group))
        if isinstance(answer, Refused):
            _tell_refused(turn, cycle, refused=answer)
        else:
            _send_emergency_stop(turn, cycle, approved=answer)
            sent = True
    return sent


def _emergency_price(state: TraderState, cycle: TradeCycle) -> int:
    """Where the missing stop goes, in ticks: the cycle's own stop, or beyond a flipped position.

    A flipped position has no stop of its own: it gets the distance that the cycle's stop had, and
    no more than the loss that one trade may make.
    """
    own, last = cycle.stop or 0, cycle.fills[-1].price
    if not flipped(cycle):
        return own
    contract = state.contracts.get(cycle.con_id)
    distance = abs(cycle.fills[0].price - own)
    if contract is not None:
        per_tick = contract.instrument.tick_value_usd * abs(cycle.position)
        distance = min(distance, int(state.limits.loss_usd_trade_max / per_tick))
    distance = max(distance, state.limits.stop_distance_ticks_min)
    quote, side = state.quotes.get(cycle.con_id), reducing_side(cycle)
    touch = None if quote is None else quote.ask if side is Side.BUY else quote.bid
    return (last if touch is None else touch) + side.sign * distance


def _naked_groups(
    state: TraderState, cycle: TradeCycle, *, naked: int, unconfirmed: bool = False
) -> list[tuple[str, int]]:
    """The groups that miss a stop, with the contracts of each; "" is outside any group.

    `unconfirmed` takes a group whose stop may work for one that misses it.
    """
    if flipped(cycle) or not groups_are_trusted(state.limits):
        return [("", naked)]
    found = []
    for entry in cycle.of_role(Role.ENTRY):
        name = group_name(cycle.cycle_id, int(entry.spec.ref[31:]))
        others = [
            order
            for order in reducing_orders(cycle)
            if order.spec.oca_group == name and order.spec.role is not Role.TARGET
        ]
        if any(order.confirmed_working or not unconfirmed for order in others):
            continue
        if entry.filled and group_budget(name, cycle.orders):
            found.append((name, 1))
    return found[:naked]


def _tell_refused(turn: Turn, cycle: TradeCycle, *, refused: Refused) -> None:
    if refused.code == cycle.protection_refused:
        return
    cycle = turn.change(cycle, protection_refused=refused.code)
    text = f"no emergency stop for {cycle.symbol}: {refused.code}, {refused.detail}"
    turn.alert(AlertLevel.PAGE, "EMERGENCY_STOP_REFUSED", text=text, cycle_id=cycle.cycle_id)


def _send_emergency_stop(turn: Turn, cycle: TradeCycle, *, approved: Approved[OrderSpec]) -> None:
    spec = approved.order
    parent = max(cycle.of_role(Role.ENTRY), key=lambda order: order.filled)
    cycle = turn.change(cycle, emergency_stops=cycle.emergency_stops + 1)
    cycle = turn.put_order(cycle, TrackedOrder(spec))
    turn.ask(PlaceEmergencyStop(approved, parent.spec.ref, parent.order_id))
    day = turn.state.ledger(turn.now)
    turn.replace(day=replace(day, emergency_stops=day.emergency_stops + 1))
    what = f"{spec.side} {spec.quantity} {cycle.symbol}"
    turn.alert(
        AlertLevel.PAGE,
        "EMERGENCY_STOP_PLACED",
        text=f"{what} at {spec.stop} ticks: order {parent.order_id} has no stop that works",
        cycle_id=cycle.cycle_id,
        ref=spec.ref,
    )
    if day.emergency_stops >= 1:
        _end_entries(turn, cycle)


def _end_entries(turn: Turn, cycle: TradeCycle) -> None:
    """Set REDUCE_ONLY and page, where entries had ended for another reason as well.

    Whoever lifts that reason has to know of this one.
    """
    why, before = "more than one emergency stop today", turn.state.mode
    turn.step_down(Mode.REDUCE_ONLY, why)
    if turn.state.mode is before:
        text = f"{why}; the mode is {before} already: {turn.state.mode_why}"
        code = "EMERGENCY_STOP_REPEATED"
        turn.alert(AlertLevel.PAGE, code, text=text, cycle_id=cycle.cycle_id)
