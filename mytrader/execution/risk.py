"""What the open cycles can still lose: fills are facts, working entries fill, stops hold."""

from decimal import Decimal

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.trader import TraderState
from mytrader.execution.exposure import rho


def worst_case_usd(state: TraderState) -> Decimal:
    """Dollars that the open cycles lose at worst, were each to end at its stop.

    What a cycle has already lost counts from its fills on, not only once it is settled.
    """
    worst = Decimal(0)
    for cycle in state.cycles.values():
        if cycle.orders:
            worst += _cycle_worst_usd(cycle, state)
    return worst


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


def _cycle_worst_usd(cycle: TradeCycle, state: TraderState) -> Decimal:
    """What is filled, closed at the stop; entries that work, filled at their limit and stopped."""
    contract, stop, sign = state.contracts.get(cycle.con_id), cycle.stop, cycle.side.sign
    position, working, lost = cycle.position, 0, -cycle.gross_ticks
    for order in cycle.orders.values():
        if order.death is None and not order.spec.reduce_only:
            lots = rho(order, cycle.orders)
            working += lots
            lost += lots * max((order.spec.limit - (stop or 0)) * sign, 0)
    open_lots = abs(position) + working
    if contract is None or stop is None or position * sign < 0:
        # Nothing says where this ends: the limit of a whole trade for every contract.
        return state.limits.loss_usd_trade_max * open_lots
    instrument = contract.instrument
    sides_paid = sum(fill.quantity for fill in cycle.fills) + abs(position) + 2 * working
    commissions = instrument.commission_usd_per_side * sides_paid
    return instrument.tick_value_usd * max(lost - position * stop, 0) + commissions
