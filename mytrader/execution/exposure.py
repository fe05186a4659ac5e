"""What may still fill, counted in the least favourable order (SAFETY.md section 5).

Theory of operation. Everything that may still fill on a contract is added up per side, the exits
among it once more: that is a `Reach`. The exit rule, `rule_holds`, compares it with every
position that is possible. There is one rule and there are two ways to add up: `exit_safe` takes
any orders and one-cancels-all groups and is the reference predicate of section 5.4, checked in
every build against a brute-force search over all fill sequences; `reach` takes the trader's
state and is what every order has to pass. A group counts as one order only in profile `bracket`,
and only where the broker's block was measured.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from mytrader.domain.limits import Limits, Profile
from mytrader.domain.orders import OrderSpec, Side, TrackedOrder
from mytrader.domain.positions import UNBOUNDED
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


_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
_BRACKET: Final = Profile.BRACKET
"""A member of an enumeration is looked up slowly; these are compared with for every order."""

NO_GROUPS: Final[Mapping[str, OcaGroup]] = {}
UNTRUSTED: Final = OcaGroup(trusted=False, budget=0)


class Reach(Struct, frozen=True):
    """The most that may still be bought and sold on one contract, and the exits among it."""

    buys: int = 0
    sells: int = 0
    exit_buys: int = 0
    exit_sells: int = 0


def rule_holds(low: int, high: int, *, reach: Reach) -> bool:
    """Whether no sequence of fills of live exits opens or flips any position in `low..high`."""
    if low > 0:
        return reach.exit_buys == 0 and low - reach.sells >= 0
    if high < 0:
        return reach.exit_sells == 0 and high + reach.buys <= 0
    return reach.exit_buys == 0 and reach.exit_sells == 0


def exit_safe(
    p_lo: int,
    p_hi: int,
    *,
    orders: Iterable[Exposure],
    groups: Mapping[str, OcaGroup] = NO_GROUPS,
) -> bool:
    """Whether no sequence of fills of the live exits can open or flip a position.

    The reference predicate of SAFETY.md 5.4: exact, checked against a brute-force search. A
    group that is not described is not trusted.
    """
    orders = list(orders)
    names = {order.group for order in orders}

    def omega(side: int, *, exits_alone: bool) -> int:
        total = 0
        for name in names:
            members = [o for o in orders if o.group == name and o.side == side]
            together = sum(o.rho for o in members if o.is_exit or not exits_alone)
            group = UNTRUSTED if name is None else groups.get(name, UNTRUSTED)
            total += min(together, max(group.budget, 0)) if group.trusted else together
        return total

    found = Reach(
        buys=omega(+1, exits_alone=False),
        sells=omega(-1, exits_alone=False),
        exit_buys=omega(+1, exits_alone=True),
        exit_sells=omega(-1, exits_alone=True),
    )
    return rule_holds(p_lo, p_hi, reach=found)


def rho(order: TrackedOrder, siblings: Mapping[str, TrackedOrder]) -> int:
    """The most that `order` may still fill: a child whose parent has no fill is dormant."""
    parent_ref = order.spec.parent_ref
    if parent_ref is not None:
        parent = siblings.get(parent_ref)
        if parent is not None and parent.filled == 0:
            return 0
    return order.remaining


class _Count(Struct):
    """Orders added up; of a group also the largest quantity in it and what it has filled."""

    buys: int = 0
    sells: int = 0
    exit_buys: int = 0
    exit_sells: int = 0
    quantity: int = 0
    filled: int = 0

    def add(self, spec: OrderSpec, most: int) -> None:
        """Count that an order may fill `most` contracts."""
        if spec.side is _BUY:
            self.buys += most
            self.exit_buys += most if spec.reduce_only else 0
        else:
            self.sells += most
            self.exit_sells += most if spec.reduce_only else 0
        self.quantity = max(self.quantity, spec.quantity)

    def add_group(self, group: "_Count") -> None:
        """Count what a trusted group may still fill: its budget, on each side."""
        budget = max(group.quantity - group.filled, 0)
        self.buys += min(group.buys, budget)
        self.sells += min(group.sells, budget)
        self.exit_buys += min(group.exit_buys, budget)
        self.exit_sells += min(group.exit_sells, budget)


def groups_are_trusted(limits: Limits) -> bool:
    """Whether the broker's block between the orders of one group was measured, and may count."""
    return limits.profile is _BRACKET and limits.oca_trusted


def reach(
    state: TraderState, con_id: int, *, after: OrderSpec | None = None, rho_after: int = 0
) -> Reach:
    """Everything that may still fill on a contract, ours and foreign.

    `after` is an order as it will be once it is sent or changed, `rho_after` the most that it
    may fill then, in place of what it may fill now.
    """
    if groups_are_trusted(state.limits):
        return reach_of_groups(state, con_id, after=after, rho_after=rho_after)
    buys, sells, exit_buys, exit_sells = _loose(state, con_id, "" if after is None else after.ref)
    if state.foreign:
        more_buys, more_sells = _foreign(state, con_id)
        buys, sells = buys + more_buys, sells + more_sells
    if after is not None:
        exits = rho_after if after.reduce_only else 0
        if after.side is _BUY:
            buys, exit_buys = buys + rho_after, exit_buys + exits
        else:
            sells, exit_sells = sells + rho_after, exit_sells + exits
    return Reach(buys, sells, exit_buys, exit_sells)


def working_is_safe(state: TraderState, con_id: int, *, interval: tuple[int, int]) -> bool:
    """Whether the exit rule holds for everything that works: `rule_holds` of `reach`, sooner.

    Entries on the position's own side make no room and take none: the rule reads no number in
    which they are, so that they are not counted.
    """
    low, high = interval
    if groups_are_trusted(state.limits):
        return rule_holds(low, high, reach=reach_of_groups(state, con_id))
    idle = _BUY if low > 0 else _SELL if high < 0 else None
    buys, sells, exit_buys, exit_sells = _loose(state, con_id, idle=idle)
    if state.foreign:
        more_buys, more_sells = _foreign(state, con_id)
        buys, sells = buys + more_buys, sells + more_sells
    return rule_holds(low, high, reach=Reach(buys, sells, exit_buys, exit_sells))


def _loose(
    state: TraderState, con_id: int, without: str = "", *, idle: Side | None = None
) -> tuple[int, int, int, int]:
    """Add our orders up one by one: no group counts, nor do entries of the side `idle`.

    This is asked of every order before every send; `rho` is spelled out, without its calls.
    """
    buys = sells = exit_buys = exit_sells = 0
    for cycle in state.cycles.values():
        orders = cycle.orders
        for order in orders.values():
            spec = order.spec
            if order.death is not None or spec.con_id != con_id:
                continue
            side, is_exit = spec.side, spec.reduce_only
            if (side is idle and not is_exit) or spec.ref == without:
                continue
            if spec.parent_ref is not None:
                parent = orders.get(spec.parent_ref)
                if parent is not None and parent.filled == 0:
                    continue
            if (
                order.change is None
                and not order.change_unknown
                and order.quantity_echoed <= spec.quantity
                and len(order.perm_ids) <= 1
            ):
                most = spec.quantity - order.filled
            else:
                most = order.remaining
            if most <= 0:
                continue
            if side is _BUY:
                buys += most
                exit_buys += most if is_exit else 0
            else:
                sells += most
                exit_sells += most if is_exit else 0
    return buys, sells, exit_buys, exit_sells


def _foreign(state: TraderState, con_id: int) -> tuple[int, int]:
    """Return what other people's orders may still buy and sell."""
    buys = sells = 0
    for foreign in state.foreign.values():
        if foreign.con_id == con_id:
            # A count that makes no sense must not make room for anything.
            most = max(foreign.remaining, 0)
            buys += most if foreign.side is _BUY else 0
            sells += most if foreign.side is _SELL else 0
    return buys, sells


def reach_of_groups(
    state: TraderState, con_id: int, *, after: OrderSpec | None = None, rho_after: int = 0
) -> Reach:
    """As `reach`, where a trusted group counts once: the least that may still fill."""
    buys, sells = _foreign(state, con_id)
    total = _Count(buys, sells)
    groups: dict[str, _Count] = {}
    replaced = "" if after is None else after.ref
    for cycle in state.cycles.values():
        _count_groups(groups, cycle.orders, con_id=con_id, without=replaced)
        for order in cycle.orders.values():
            spec = order.spec
            if order.death is not None or spec.con_id != con_id or spec.ref == replaced:
                continue
            if not spec.oca_group:
                total.add(spec, rho(order, cycle.orders))
    if after is not None:
        count = groups.setdefault(after.oca_group, _Count()) if after.oca_group else total
        count.add(after, rho_after)
    for group in groups.values():
        total.add_group(group)
    return Reach(total.buys, total.sells, total.exit_buys, total.exit_sells)


def _count_groups(
    groups: dict[str, _Count],
    orders: Mapping[str, TrackedOrder],
    *,
    con_id: int,
    without: str,
) -> None:
    """Add up every group by name; the dead of a group still say how much of it has filled."""
    for order in orders.values():
        spec = order.spec
        if not spec.oca_group or spec.con_id != con_id:
            continue
        group = groups.setdefault(spec.oca_group, _Count())
        group.add(spec, 0 if spec.ref == without else rho(order, orders))
        group.quantity = max(group.quantity, order.quantity_echoed)
        group.filled += order.filled


def may_fill(
    orders: Iterable[TrackedOrder], siblings: Mapping[str, TrackedOrder], *, trusted: bool
) -> int:
    """The most that some orders of one side and cycle may still fill together."""
    if not trusted:
        return sum([rho(order, siblings) for order in orders])
    loose = 0
    groups: dict[str, int] = {}
    for order in orders:
        most = rho(order, siblings)
        name = order.spec.oca_group
        if name:
            groups[name] = groups.get(name, 0) + most
        else:
            loose += most
    return loose + sum(min(most, group_budget(name, siblings)) for name, most in groups.items())


def group_budget(name: str, siblings: Mapping[str, TrackedOrder]) -> int:
    """What a trusted group may still fill: its largest quantity less all of its fills."""
    members = [order for order in siblings.values() if order.spec.oca_group == name]
    quantity = max((max(o.spec.quantity, o.quantity_echoed) for o in members), default=0)
    return max(quantity - sum(order.filled for order in members), 0)


def position_text(low: int, high: int) -> str:
    """Return a sentence part for people: what the position is, or may be."""
    if high - low >= UNBOUNDED:
        return "the position is unknown"
    if low == high:
        return f"the position is {low}"
    return f"the position may be anything from {low} to {high}"
