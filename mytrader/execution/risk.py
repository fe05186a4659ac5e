"""What entries have to reckon with: everything that works filled, everything open at its stop.

One pass over all orders, on every contract. Fills are facts, working entries fill, stops hold; no
one-cancels-all group is trusted here, so that an entry never relies on one. Money is whole cents,
rounded so that losses err upwards.

What has no stop of ours (a foreign order, contracts that no cycle holds) counts as the largest
loss of a whole trade for each contract. A gain that a stop has locked in makes no room for more
risk elsewhere: no cycle counts less than the commissions that it will have paid.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side
from mytrader.domain.positions import PositionView
from mytrader.domain.trader import TraderState

_BUY: Final = Side.BUY

Working = tuple[int, int, int, int]
"""What may still fill on one contract: (buys, sells, entry buys, entry sells)."""

NOTHING: Final[Working] = (0, 0, 0, 0)
"""Of `Survey.working`: nothing may fill."""


class Survey(Struct, frozen=True):
    """What may happen to the account, however badly what works may fill.

    `working` holds, by contract, contracts that may still be bought and sold, and the entries
    among them. `worst_cents` is what all of it loses.
    """

    working: dict[int, Working]
    worst_cents: int


def survey(state: TraderState) -> Survey:
    """Look at every order and every position once."""
    working: dict[int, Working] = {}
    explained: dict[int, int] = {}
    worst = 0
    for cycle in state.cycles.values():
        if cycle.orders:
            worst += _cycle_worst(cycle, state, working=working, explained=explained)
    strays = _add_foreign(state, working) if state.foreign else 0
    for con_id, view in state.positions.items():
        held = explained.get(con_id, 0)
        # The plain case first: confirmed, nothing said against it, and all of it ours.
        if not (
            view.booked == held
            and view.confirmed
            and view.doubt is None
            and (view.reported is None or view.reported == held)
        ):
            strays += _unexplained(view, held)
    if strays:
        worst += strays * _trade_cents(state.limits)
    return Survey(working, worst)


def _cycle_worst(
    cycle: TradeCycle,
    state: TraderState,
    *,
    working: dict[int, Working],
    explained: dict[int, int],
) -> int:
    """Return the cents at risk in a cycle; adds what works and what its fills leave.

    What is filled is closed at the stop; entries that work are filled at their limit and stopped.
    """
    long = cycle.side is _BUY
    stop, lots_working, entry_ticks = _count_orders(cycle, working, long=long)
    position, paid, sides = _filled(cycle)
    explained[cycle.con_id] = explained.get(cycle.con_id, 0) + position
    contract = state.contracts.get(cycle.con_id)
    if contract is None or stop is None or (position < 0 if long else position > 0):
        # Nothing says where this ends: the limit of a whole trade for every contract.
        return _trade_cents(state.limits) * (abs(position) + lots_working)
    lost = paid - position * stop
    extra = entry_ticks - lots_working * stop if long else lots_working * stop - entry_ticks
    if extra > 0:
        lost += extra
    sides += abs(position) + 2 * lots_working
    instrument = contract.instrument
    commissions = instrument.commission_cents_per_side * sides
    return commissions + instrument.tick_value_cents * lost if lost > 0 else commissions


def _count_orders(
    cycle: TradeCycle, working: dict[int, Working], *, long: bool
) -> tuple[int | None, int, int]:
    """Return the worst stop, the entry lots that work, and their limits times lots, in ticks.

    The stop is the worst of the cycle's own and those that rest: a change may still be refused.
    """
    stop, lots, entry_ticks = cycle.stop, 0, 0
    orders, own = cycle.orders, cycle.con_id
    buys = sells = entry_buys = entry_sells = 0
    for order in orders.values():
        if order.death is not None:
            continue
        spec = order.spec
        is_exit, parent_ref = spec.reduce_only, spec.parent_ref
        if is_exit and spec.stop is not None and stop is not None and (spec.stop < stop) is long:
            stop = spec.stop
        # As `exposure.rho`, without its calls: a child whose parent has no fill is dormant.
        if parent_ref is not None:
            parent = orders.get(parent_ref)
            if parent is not None and parent.filled == 0:
                continue
        quantity, filled = spec.quantity, order.filled
        if (
            order.change is None
            and not order.change_unknown
            and order.quantity_echoed <= quantity
            and len(order.perm_ids) <= 1
        ):
            most = quantity - filled if quantity > filled else 0
        else:
            most = order.remaining
        if not is_exit:
            lots += most
            entry_ticks += most * spec.limit
        if spec.con_id != own:
            _add(working, spec.con_id, _sided(most, spec.side, entry=not is_exit))
        elif spec.side is _BUY:
            buys += most
            entry_buys += 0 if is_exit else most
        else:
            sells += most
            entry_sells += 0 if is_exit else most
    _add(working, own, (buys, sells, entry_buys, entry_sells))
    return stop, lots, entry_ticks


def _filled(cycle: TradeCycle) -> tuple[int, int, int]:
    """Signed position, signed ticks paid for it, and sides that paid a commission."""
    position, paid, sides = 0, 0, 0
    for fill in cycle.fills:
        signed = fill.quantity if fill.side is _BUY else -fill.quantity
        position += signed
        paid += signed * fill.price
        sides += fill.quantity
    return position, paid, sides


def _sided(most: int, side: Side, *, entry: bool) -> Working:
    entries = most if entry else 0
    return (most, 0, entries, 0) if side is _BUY else (0, most, 0, entries)


def _add(working: dict[int, Working], con_id: int, more: Working) -> None:
    """Add what may fill on a contract; one on which nothing may fill is not named at all."""
    if more == NOTHING:
        return
    known = working.get(con_id)
    if known is not None:
        more = (
            known[0] + more[0],
            known[1] + more[1],
            known[2] + more[2],
            known[3] + more[3],
        )
    working[con_id] = more


def _add_foreign(state: TraderState, working: dict[int, Working]) -> int:
    """Foreign orders count as entries: nothing says what they are for."""
    lots = 0
    for foreign in state.foreign.values():
        if foreign.remaining > 0:
            lots += foreign.remaining
            _add(working, foreign.con_id, _sided(foreign.remaining, foreign.side, entry=True))
    return lots


def _unexplained(view: PositionView, explained: int) -> int:
    """Contracts that may be open on top of, or against, what the open cycles hold."""
    low, high = view.interval
    return max(abs(low - explained), abs(high - explained))


def _trade_cents(limits: Limits) -> int:
    # A limit that is no amount of money bounds nothing: one that no account has stands for it.
    return limits.loss_cents_trade_max if limits.loss_cents_trade_max > 0 else 10**18


def open_profit_usd(state: TraderState) -> Decimal:
    """Dollars that the open cycles have won or lost, each closed at the market now.

    Commissions known so far are paid. A contract without a price counts what its fills say.
    """
    total = Decimal(0)
    for cycle in state.cycles.values():
        contract, position = state.contracts.get(cycle.con_id), cycle.position
        if contract is None or not cycle.fills:
            continue
        quote = state.quotes.get(cycle.con_id)
        touch = None if quote is None else quote.bid if position > 0 else quote.ask
        ticks = cycle.gross_ticks + position * (cycle.fills[0].price if touch is None else touch)
        total += contract.instrument.usd(ticks) - cycle.commission_usd
    return total
