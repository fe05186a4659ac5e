"""No position without a working stop: the watch over `T_cover`, and the emergency stop.

A lot is *covered* when the broker has confirmed a working protective order for it. It is *naked*
when every protective order it had is proven dead or was never written: then, and only then, an
emergency stop may be sent, because the exit rule holds after it. In between, the stop's fate is
unknown: the book is queried until it is known, and at the deadline the machine halts and pages.
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, PlaceEmergencyStop
from mytrader.domain.cycle import Fact, Phase, TradeCycle
from mytrader.domain.orders import Approved, OrderSpec, Role, TrackedOrder
from mytrader.domain.trader import Mode
from mytrader.execution.exposure import rho
from mytrader.execution.guards import approve_exit
from mytrader.execution.order_builder import protective_stop
from mytrader.execution.turn import Turn

EMERGENCY_TRIES: Final = 2
"""The emergency stop is retried once; after that the position is flattened."""


def protective_orders(cycle: TradeCycle) -> list[TrackedOrder]:
    """The live stops of a cycle that can fill now."""
    return [
        order
        for order in cycle.of_role(Role.STOP, Role.EMERGENCY)
        if order.live and rho(order, cycle.orders) > 0
    ]


def covered(cycle: TradeCycle) -> bool:
    """Whether confirmed working stops cover the cycle's position exactly."""
    confirmed = sum(
        rho(order, cycle.orders) for order in protective_orders(cycle) if order.confirmed_working
    )
    return confirmed == abs(cycle.position)


def naked_lots(cycle: TradeCycle) -> int:
    """Contracts for which no order is left that could reduce them."""
    may_reduce = sum(
        rho(order, cycle.orders)
        for order in cycle.orders.values()
        if order.live and order.spec.reduce_only
    )
    return max(abs(cycle.position) - may_reduce, 0)


def flattening(cycle: TradeCycle) -> bool:
    """Whether an exit is confirmed at the broker for the whole position."""
    working = sum(order.remaining for order in cycle.of_role(Role.EXIT) if order.confirmed_working)
    return working >= abs(cycle.position)


def watch_cover(turn: Turn, cycle: TradeCycle) -> TradeCycle:
    """Keep the clock of the unprotected time, and raise what the table has to know."""
    if cycle.position == 0 or covered(cycle) or flattening(cycle):
        cycle = _protected(turn, cycle)
        if cycle.position and cycle.phase in (Phase.PROTECTING, Phase.HALTED):
            turn.fact(cycle, Fact.COVERED)
        return cycle
    if cycle.naked_since is None:
        limits = turn.state.limits
        cycle = turn.change(
            cycle,
            naked_since=turn.now,
            cover_due_at=turn.now + limits.cover_timeout,
            query_due_at=turn.now + limits.query_interval,
        )
    if cycle.phase is Phase.OPEN:
        turn.fact(cycle, Fact.UNCOVERED)
    return cycle


def _protected(turn: Turn, cycle: TradeCycle) -> TradeCycle:
    if cycle.naked_since is None:
        return cycle
    seconds = (turn.now - cycle.naked_since).total_seconds()
    return turn.change(
        cycle,
        naked_since=None,
        cover_due_at=None,
        query_due_at=None,
        unprotected_seconds_max=max(cycle.unprotected_seconds_max, seconds),
    )


def protect(turn: Turn, cycle: TradeCycle) -> bool:
    """Send an emergency stop for every naked lot; false if it cannot be, or was tried enough."""
    naked = naked_lots(cycle)
    if naked == 0:
        return True
    if cycle.emergency_stops >= EMERGENCY_TRIES or cycle.stop is None:
        return False
    number = len(cycle.of_role(Role.EMERGENCY)) + 1
    spec = protective_stop(
        cycle,
        Role.EMERGENCY,
        number=number,
        stop=cycle.stop,
        offset=turn.state.limits.stop_limit_offset_ticks,
    )
    answer = approve_exit(turn.state, replace(spec, quantity=naked))
    if not isinstance(answer, Approved):
        text = f"no emergency stop for {cycle.symbol}: {answer.code}, {answer.detail}"
        turn.alert(AlertLevel.PAGE, "EMERGENCY_STOP_REFUSED", text=text, cycle_id=cycle.cycle_id)
        return False
    _send_emergency_stop(turn, cycle, answer)
    return True


def _send_emergency_stop(turn: Turn, cycle: TradeCycle, approved: Approved[OrderSpec]) -> None:
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
        text=f"{what} at {spec.stop} ticks: the stop of order {parent.order_id} is gone",
        cycle_id=cycle.cycle_id,
        ref=spec.ref,
    )
    if day.emergency_stops >= 1:
        turn.step_down(Mode.REDUCE_ONLY, "more than one emergency stop today")


def watch_deadlines(turn: Turn, cycle: TradeCycle) -> None:
    """Query while the stop's fate is unknown; at the deadline say so."""
    if cycle.cover_due_at is not None and turn.now >= cycle.cover_due_at:
        cycle = turn.change(cycle, cover_due_at=None)
        if cycle.phase is not Phase.EXITING:
            turn.fact(cycle, Fact.COVER_EXPIRED)
    if cycle.query_due_at is not None and turn.now >= cycle.query_due_at:
        turn.change(cycle, query_due_at=turn.now + turn.state.limits.query_interval)
        turn.query_book(f"the protection of {cycle.cycle_id} is not confirmed")
