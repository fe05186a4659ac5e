"""Stops that follow the market: to break-even, then at a distance behind the best price.

A stop is only ever tightened, by a change of the order that rests, on a healthy link, one change
at a time. A change that the broker refuses ends it for that order: the old version works on.
"""

from msgspec.structs import replace

from mytrader.domain.commands import ChangeOrder
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Approved, OrderSpec, Side, TrackedOrder
from mytrader.execution.cover import protective_orders
from mytrader.execution.guards import approve_change
from mytrader.execution.turn import Turn


def follows(limits: Limits) -> bool:
    """Whether stops move at all."""
    return limits.break_even_ticks is not None or limits.trailing_ticks is not None


def follow(turn: Turn, cycle: TradeCycle, *, touch: int) -> None:
    """Remember the best price of an open cycle, and tighten its stops where they are behind.

    `touch` is the price in ticks at which the position could be closed now.
    """
    sign = cycle.side.sign
    if cycle.best is None or (touch - cycle.best) * sign > 0:
        cycle = turn.change(cycle, best=touch)
    limits = turn.state.limits
    wanted = wanted_stop(cycle, touch, limits=limits)
    if wanted is None or not turn.state.link.up:
        return
    for order in protective_orders(cycle):
        _tighten(turn, order, stop=wanted, cycle_id=cycle.cycle_id)


def wanted_stop(cycle: TradeCycle, touch: int, *, limits: Limits) -> int | None:
    """Return where the stop belongs in ticks; `None` while no step is due.

    It stays the minimum distance away from the market, and moves by a whole step or to the entry.
    """
    sign = cycle.side.sign
    entry = _entry_price(cycle)
    if entry is None or cycle.best is None or cycle.stop is None:
        return None
    wanted = []
    if limits.break_even_ticks is not None and (cycle.best - entry) * sign >= (
        limits.break_even_ticks
    ):
        wanted.append(entry)
    trailed = None if limits.trailing_ticks is None else cycle.best - sign * limits.trailing_ticks
    if trailed is not None and (trailed - cycle.stop) * sign >= limits.trailing_step_ticks:
        wanted.append(trailed)
    nearest = touch - sign * limits.stop_distance_ticks_min
    tighter = [
        price for price in wanted if (price - cycle.stop) * sign > 0 >= (price - nearest) * sign
    ]
    return max(tighter, key=lambda price: price * sign, default=None)


def _entry_price(cycle: TradeCycle) -> int | None:
    """The average price of the entry's fills in ticks, rounded against us."""
    fills = [fill for fill in cycle.fills if fill.side is cycle.side]
    contracts = sum(fill.quantity for fill in fills)
    if not contracts:
        return None
    total = sum(fill.price * fill.quantity for fill in fills)
    # Floor division rounds down; a long breaks even at the next tick above its average.
    return -(-total // contracts) if cycle.side is Side.BUY else total // contracts


def _tighten(turn: Turn, order: TrackedOrder, *, stop: int, cycle_id: str) -> None:
    """Ask for one change, if the order is known to rest and its last change was not refused."""
    spec = order.spec
    if spec.stop is None or not order.confirmed_working or order.cancel_asked:
        return
    if order.change is not None or order.change_refusal is not None:
        return
    if (stop - spec.stop) * spec.side.sign >= 0:
        return
    moved = replace(spec, stop=stop, limit=stop + spec.limit - spec.stop)
    answer = approve_change(turn.state, order, spec=moved)
    if isinstance(answer, Approved):
        _ask_change(turn, cycle_id, order=order, answer=answer)


def _ask_change(
    turn: Turn, cycle_id: str, *, order: TrackedOrder, answer: Approved[OrderSpec]
) -> None:
    cycle = turn.state.cycles[cycle_id]
    turn.put_order(cycle, replace(order, change=answer.order, change_refusal=None))
    turn.ask(ChangeOrder(answer, "tighten the stop"))
