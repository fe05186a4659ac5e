"""What may still fill, counted in the least favourable order (SAFETY.md section 5).

`exit_safe` is the reference predicate of section 5.4, exact, and checked in every build against
a brute-force search over all fill sequences. The other functions turn the trader's state into
its arguments.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from mytrader.domain.orders import TrackedOrder
from mytrader.domain.trader import TraderState


class Exposure(Struct, frozen=True):
    """One order as the exit rule sees it: side +1/-1, the most that may fill, is it an exit."""

    side: int
    rho: int
    group: str | None
    is_exit: bool


class OcaGroup(Struct, frozen=True):
    """A one-cancels-all group: whether its block was measured, and how much it may still fill."""

    trusted: bool
    budget: int


NO_GROUPS: Final[Mapping[str, OcaGroup]] = {}


def exit_safe(
    p_lo: int, p_hi: int, orders: Iterable[Exposure], groups: Mapping[str, OcaGroup] = NO_GROUPS
) -> bool:
    """Whether no sequence of fills of the live exits can open or flip a position.

    The reference predicate of SAFETY.md 5.4: exact, checked against a brute-force search.
    """
    orders = list(orders)

    def omega(side: int) -> int:
        total = sum(o.rho for o in orders if o.side == side and o.group is None)
        for name, group in groups.items():
            together = sum(o.rho for o in orders if o.side == side and o.group == name)
            total += min(together, group.budget) if group.trusted else together
        return total

    def can_fill(order: Exposure) -> bool:
        if order.group is None:
            return order.rho > 0
        group = groups[order.group]
        return order.rho > 0 and (not group.trusted or group.budget > 0)

    exits = [order for order in orders if order.is_exit and can_fill(order)]
    if p_lo > 0:
        return all(order.side < 0 for order in exits) and p_lo - omega(-1) >= 0
    if p_hi < 0:
        return all(order.side > 0 for order in exits) and p_hi + omega(+1) <= 0
    return not exits


def rho(order: TrackedOrder, siblings: Mapping[str, TrackedOrder]) -> int:
    """The most that `order` may still fill: a child whose parent has no fill is dormant."""
    parent = siblings.get(order.spec.parent_ref) if order.spec.parent_ref else None
    if parent is not None and parent.filled == 0:
        return 0
    return order.remaining


def exposures(state: TraderState, con_id: int, *, without: str = "") -> list[Exposure]:
    """Everything that may still fill on a contract, ours and foreign, but for `without`."""
    seen = [
        Exposure(order.spec.side.sign, rho(order, cycle.orders), None, order.spec.reduce_only)
        for cycle in state.cycles.values()
        if cycle.con_id == con_id
        for order in cycle.orders.values()
        if order.death is None and order.spec.ref != without
    ]
    seen += [
        Exposure(order.side.sign, order.remaining, None, is_exit=False)
        for order in state.foreign.values()
        if order.con_id == con_id
    ]
    return seen
