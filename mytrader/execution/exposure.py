"""What may still fill, counted in the least favourable order (SAFETY.md section 5).

Theory of operation. Everything that may still fill on a contract is added up per side, the exits
among it once more: that is a `Reach`. The exit rule, `rule_holds`, compares it with every
position that is possible. There is one rule and there are two ways to add up: `exit_safe` takes
any orders and one-cancels-all groups and is the reference predicate of section 5.4, checked in
every build against a brute-force search over all fill sequences; `reach` takes the trader's
state, where no group is trusted, and is what every order has to pass.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from mytrader.domain.orders import Side, TrackedOrder
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
"""A member of an enumeration is looked up slowly; this one is compared with for every order."""

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


def reach(state: TraderState, con_id: int, *, without: str = "") -> Reach:
    """Everything that may still fill on a contract, ours and foreign, but for `without`."""
    buys, sells = _foreign_reach(state, con_id) if state.foreign else (0, 0)
    exit_buys = exit_sells = 0
    for cycle in state.cycles.values():
        orders = cycle.orders
        for order in orders.values():
            spec = order.spec
            if spec.con_id != con_id or order.death is not None or spec.ref == without:
                continue
            # As `rho`, without its calls: this is asked of every order before every send.
            parent = None if spec.parent_ref is None else orders.get(spec.parent_ref)
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
            if spec.side is _BUY:
                buys += most
                if spec.reduce_only:
                    exit_buys += most
            else:
                sells += most
                if spec.reduce_only:
                    exit_sells += most
    return Reach(buys, sells, exit_buys, exit_sells)


def _foreign_reach(state: TraderState, con_id: int) -> tuple[int, int]:
    buys = sells = 0
    for foreign in state.foreign.values():
        if foreign.con_id == con_id:
            # A count that makes no sense must not make room for anything.
            most = max(foreign.remaining, 0)
            buys += most if foreign.side is _BUY else 0
            sells += 0 if foreign.side is _BUY else most
    return buys, sells


def position_text(low: int, high: int) -> str:
    """Return a sentence part for people: what the position is, or may be."""
    if high - low >= UNBOUNDED:
        return "the position is unknown"
    if low == high:
        return f"the position is {low}"
    return f"the position may be anything from {low} to {high}"
