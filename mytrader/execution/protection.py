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
from mytrader.domain.orders import Approved, OrderLife, OrderSpec, Refused, Role, TrackedOrder
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.exposure import rho
from mytrader.execution.guards import approve_exit
from mytrader.execution.order_builder import protective_stop
from mytrader.execution.order_tracking import ask_cancel
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


def held_lots(state: TraderState, cycle: TradeCycle) -> int:
    """Contracts of the cycle that the account still holds, as far as that is known.

    A fill that is not ours (a person sold by hand) may have closed what the cycle's own fills
    left open; protection of a position that is gone would open one.
    """
    own = abs(cycle.position)
    view = state.position(cycle.con_id)
    if not own or not view.known:
        return own
    direction = 1 if cycle.position > 0 else -1
    return min(own, max(view.booked * direction, 0))


def reducing_orders(cycle: TradeCycle) -> list[TrackedOrder]:
    """The live exits of a cycle that can fill now and would reduce its position."""
    return [
        order
        for order in cycle.orders.values()
        if order.spec.reduce_only
        and order.spec.side.sign * cycle.position < 0
        and rho(order, cycle.orders) > 0
    ]


def covered(state: TraderState, cycle: TradeCycle) -> bool:
    """Whether confirmed working stops and exits cover what the cycle holds exactly."""
    confirmed = sum(
        rho(order, cycle.orders) for order in reducing_orders(cycle) if order.confirmed_working
    )
    return confirmed == held_lots(state, cycle)


def naked_lots(state: TraderState, cycle: TradeCycle) -> int:
    """Contracts for which no order is left that could reduce them."""
    may_reduce = sum(rho(order, cycle.orders) for order in reducing_orders(cycle))
    return max(held_lots(state, cycle) - may_reduce, 0)


def watch_cover(turn: Turn, cycle: TradeCycle) -> TradeCycle:
    """Keep the clock of the unprotected time, and raise what the table has to know."""
    if cycle.position == 0 or covered(turn.state, cycle):
        cycle = _protected(turn, cycle)
        if cycle.position and cycle.phase is Phase.PROTECTING:
            turn.fact(cycle, Fact.COVERED)
        return cycle
    limits = turn.state.limits
    if cycle.naked_since is None:
        cycle = turn.change(
            cycle,
            naked_since=turn.now,
            cover_due_at=turn.now + limits.cover_timeout,
            query_due_at=turn.now + limits.query_interval,
        )
    elif cycle.cover_due_at is None and _deadline_is_owed(turn.state, cycle):
        cycle = turn.change(cycle, cover_due_at=turn.now + limits.cover_timeout)
    if cycle.phase is Phase.OPEN:
        turn.fact(cycle, Fact.UNCOVERED)
    return cycle


def _deadline_is_owed(state: TraderState, cycle: TradeCycle) -> bool:
    """Whether a deadline that has passed has to be set again.

    An exit was under way when it passed, and has failed since; or a person has taken the risk
    again although the halted cycle is still naked.
    """
    if cycle.phase is Phase.HALTED:
        return state.mode is not Mode.HALT
    return cycle.phase is Phase.PROTECTING


def cancel_excess(turn: Turn, cycle: TradeCycle) -> None:
    """Cancel exits that could take the position through zero: a repair, never a new order.

    Only what is known is repaired: while the position is a range, a resting stop is left alone.
    An order whose own fate is in doubt goes before one that is confirmed.
    """
    view = turn.state.position(cycle.con_id)
    if not view.known or not turn.state.link.up:
        return
    reducing = reducing_orders(cycle)
    excess = sum(rho(order, cycle.orders) for order in reducing) - held_lots(turn.state, cycle)
    for order in sorted(reducing, key=lambda each: each.confirmed_working):
        most = rho(order, cycle.orders)
        if most > excess:
            continue
        excess -= most
        text = f"{order.spec.ref} could take the position of {view.booked} through zero"
        if ask_cancel(turn, order.spec.ref, why=text):
            turn.alert(AlertLevel.PAGE, "EXIT_EXCESS", text=text, cycle_id=cycle.cycle_id)
            turn.step_down(Mode.HALT, text)


def _protected(turn: Turn, cycle: TradeCycle) -> TradeCycle:
    if cycle.naked_since is None:
        return cycle
    seconds = (turn.now - cycle.naked_since).total_seconds()
    return turn.change(
        cycle,
        naked_since=None,
        cover_due_at=None,
        query_due_at=None,
        protection_refused="",
        unprotected_seconds_max=max(cycle.unprotected_seconds_max, seconds),
    )


def protect(turn: Turn, cycle: TradeCycle) -> bool:
    """Send an emergency stop for every naked lot; false if that was tried often enough.

    Where the rule does not permit a stop it does not permit an exit either: people are told
    once, every event tries again, and the watch over `T_cover` goes on.
    """
    naked = naked_lots(turn.state, cycle)
    if naked == 0 or not turn.state.link.up:
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
        _tell_refused(turn, cycle, refused=answer)
        return True
    _send_emergency_stop(turn, cycle, approved=answer)
    return True


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
        text=f"{what} at {spec.stop} ticks: the stop of order {parent.order_id} is gone",
        cycle_id=cycle.cycle_id,
        ref=spec.ref,
    )
    if day.emergency_stops >= 1:
        turn.step_down(Mode.REDUCE_ONLY, "more than one emergency stop today")


def _exit_was_written(cycle: TradeCycle) -> bool:
    """Whether an exit of its own has left; after a crash nobody knows that of a mere intent."""
    return any(
        order.live and order.life is not OrderLife.INTENDED for order in cycle.of_role(Role.EXIT)
    )


def _deadline_has_come(turn: Turn, cycle: TradeCycle) -> TradeCycle:
    """Halt without an exit under way; page for one that could not be sent.

    While nobody hears, an exit that is under way gets its deadline again.
    """
    if cycle.phase is Phase.EXITING and not turn.state.link.up:
        return turn.change(cycle, cover_due_at=turn.now + turn.state.limits.cover_timeout)
    cycle = turn.change(cycle, cover_due_at=None)
    if cycle.phase is not Phase.EXITING:
        turn.fact(cycle, Fact.COVER_EXPIRED)
    elif not _exit_was_written(cycle):
        text = f"no stop of {cycle.symbol} is confirmed, and its exit could not be sent yet"
        turn.alert(AlertLevel.PAGE, "EXIT_UNCOVERED", text=text, cycle_id=cycle.cycle_id)
    return cycle


def watch_deadlines(turn: Turn, cycle: TradeCycle) -> None:
    """Query while the stop's fate is unknown; at the deadline say so."""
    if cycle.cover_due_at is not None and turn.now >= cycle.cover_due_at:
        cycle = _deadline_has_come(turn, cycle)
    if cycle.query_due_at is not None and turn.now >= cycle.query_due_at:
        turn.change(cycle, query_due_at=turn.now + turn.state.limits.query_interval)
        turn.query_book(f"the protection of {cycle.cycle_id} is not confirmed")
