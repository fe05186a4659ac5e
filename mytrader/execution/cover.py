"""What protects a cycle's position: which of its orders may reduce it, and what they leave open.

A lot is *covered* when the broker has confirmed a working protective order for it. It is *naked*
when every protective order it had is proven dead or was never written, and *free* when no order
of any kind is left that could reduce it. What a one-cancels-all group may fill is its budget
where the group is trusted, and the sum of its orders elsewhere.
"""

from typing import Final

from mytrader.domain.cycle import ExitStage, TradeCycle
from mytrader.domain.orders import Role, TrackedOrder
from mytrader.domain.trader import TraderState
from mytrader.execution.exposure import groups_are_trusted, may_fill, rho

_COVERING: Final = (Role.STOP, Role.EMERGENCY)
_COVERING_WHILE_EXITING: Final = (*_COVERING, Role.EXIT)


def protective_orders(cycle: TradeCycle) -> list[TrackedOrder]:
    """The live stops of a cycle that can fill now."""
    return [
        order
        for order in cycle.of_role(Role.STOP, Role.EMERGENCY)
        if order.live and rho(order, cycle.orders) > 0
    ]


def resting_targets(cycle: TradeCycle) -> list[TrackedOrder]:
    """The live targets of a cycle that can fill now."""
    return [
        order
        for order in cycle.of_role(Role.TARGET)
        if order.live and rho(order, cycle.orders) > 0
    ]


def held_lots(state: TraderState, cycle: TradeCycle) -> int:
    """Contracts of the cycle that the account still holds, as far as that is known.

    A fill that is not ours (a person sold by hand) may have closed what the cycle's own fills
    left open; protection of a position that is gone would open one.
    """
    position, view = cycle.position, state.position(cycle.con_id)
    own = abs(position)
    if view.booked == position or not own or not view.known:
        return own
    direction = 1 if position > 0 else -1
    return min(own, max(view.booked * direction, 0))


def reducing_orders(cycle: TradeCycle) -> list[TrackedOrder]:
    """The live exits of a cycle that can fill now and would reduce its position."""
    position, orders = cycle.position, cycle.orders
    return [
        order
        for order in orders.values()
        if order.death is None
        and order.spec.reduce_only
        and order.spec.side.sign * position < 0
        and rho(order, orders) > 0
    ]


def covered(state: TraderState, cycle: TradeCycle) -> bool:
    """Whether confirmed working stops and exits cover what the cycle holds exactly.

    A resting target covers nothing: it does not trade where the loss is. Nor does an exit that
    nobody follows any more: only one under way is repriced until it fills.
    """
    exiting = cycle.exit is not None and cycle.exit.stage is not ExitStage.REFUSED
    covering = _COVERING_WHILE_EXITING if exiting else _COVERING
    confirmed = [
        order
        for order in reducing_orders(cycle)
        if order.confirmed_working and order.spec.role in covering
    ]
    return may_reduce(state, cycle, orders=confirmed) == held_lots(state, cycle)


def may_reduce(state: TraderState, cycle: TradeCycle, *, orders: list[TrackedOrder]) -> int:
    """The most that some of the cycle's exits may reduce together."""
    return may_fill(orders, cycle.orders, trusted=groups_are_trusted(state.limits))


def naked_lots(state: TraderState, cycle: TradeCycle) -> int:
    """Contracts for which no stop and no exit is left that could reduce them.

    A resting target in a trusted group does not count: the stop that is missing joins its group.
    """
    trusted = groups_are_trusted(state.limits)
    orders = [
        order
        for order in reducing_orders(cycle)
        if not (order.spec.role is Role.TARGET and trusted and order.spec.oca_group)
    ]
    return max(held_lots(state, cycle) - may_reduce(state, cycle, orders=orders), 0)


def free_lots(state: TraderState, cycle: TradeCycle) -> int:
    """Contracts for which no order at all is left that could reduce them."""
    orders = reducing_orders(cycle)
    return max(held_lots(state, cycle) - may_reduce(state, cycle, orders=orders), 0)


def flipped(cycle: TradeCycle) -> bool:
    """Whether fills took the position through zero: the broker filled what its group excludes."""
    return cycle.position * cycle.side.sign < 0
