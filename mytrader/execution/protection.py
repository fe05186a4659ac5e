"""No position without a working stop: the watch over `T_cover`.

While a position is not covered its clock runs. A naked lot gets an emergency stop at once
(`emergency`); while the fate of a stop is unknown the book is queried until it is known. At the
deadline a stop joins the trusted group of the one in doubt; where there is none, or that did not
help either, the machine halts and pages.
"""

from datetime import timedelta

from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import Fact, Phase, TradeCycle
from mytrader.domain.orders import OrderLife, Role, TrackedOrder
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.cover import covered, held_lots, may_reduce, reducing_orders
from mytrader.execution.emergency import join_groups
from mytrader.execution.exposure import rho
from mytrader.execution.order_tracking import ask_cancel
from mytrader.execution.turn import Turn


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
    A target goes before a stop, and an order whose own fate is in doubt before one that is
    confirmed. Exits on the wrong side of a position that was flipped all go.
    """
    view = turn.state.position(cycle.con_id)
    if not view.known or not turn.state.link.up:
        return
    position = cycle.position
    wrong = [
        order
        for order in cycle.orders.values()
        if order.spec.reduce_only
        and order.spec.side.sign * position > 0
        and rho(order, cycle.orders) > 0
    ]
    for order in [*wrong, *_excess_orders(turn.state, cycle)]:
        text = f"{order.spec.ref} could take the position of {view.booked} through zero"
        if ask_cancel(turn, order.spec.ref, why=text):
            turn.alert(AlertLevel.PAGE, "EXIT_EXCESS", text=text, cycle_id=cycle.cycle_id)
            turn.step_down(Mode.HALT, text)


def _excess_orders(state: TraderState, cycle: TradeCycle) -> list[TrackedOrder]:
    """The exits without which the others reduce what is held, and no more."""
    kept = reducing_orders(cycle)
    held = held_lots(state, cycle)
    found: list[TrackedOrder] = []
    if may_reduce(state, cycle, orders=kept) <= held:
        return found
    for order in sorted(kept, key=lambda each: (_is_stop(each), each.confirmed_working)):
        rest = [each for each in kept if each is not order]
        without = may_reduce(state, cycle, orders=rest)
        if may_reduce(state, cycle, orders=kept) > held and without >= held:
            kept = rest
            found.append(order)
    return found


def _is_stop(order: TrackedOrder) -> bool:
    return order.spec.role.is_protective


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


def on_resume(turn: Turn) -> None:
    """Give every cycle that is still naked, and was paged for, its deadline again."""
    due = turn.now + turn.state.limits.cover_timeout
    for cycle in turn.state.cycles.values():
        if cycle.naked_since is not None and cycle.cover_due_at is None:
            turn.change(cycle, cover_due_at=due)


def _exit_was_written(cycle: TradeCycle) -> bool:
    """Whether an exit of its own has left; after a crash nobody knows that of a mere intent."""
    return any(
        order.live and order.life is not OrderLife.INTENDED for order in cycle.of_role(Role.EXIT)
    )


def _deadline_has_come(turn: Turn, cycle: TradeCycle) -> TradeCycle:
    """Halt without an exit under way; page for one that could not be sent.

    While nobody hears, an exit that is under way gets its deadline again.
    """
    again = turn.now + turn.state.limits.cover_timeout
    if cycle.phase is Phase.EXITING and not turn.state.link.up:
        return turn.change(cycle, cover_due_at=again)
    if cycle.phase is Phase.PROTECTING and join_groups(turn, cycle):
        return turn.change(turn.state.cycles[cycle.cycle_id], cover_due_at=again)
    cycle = turn.change(cycle, cover_due_at=None)
    if cycle.phase is not Phase.EXITING:
        turn.fact(cycle, Fact.COVER_EXPIRED)
    elif not _exit_was_written(cycle):
        text = f"no stop of {cycle.symbol} is confirmed, and its exit could not be sent yet"
        turn.alert(AlertLevel.PAGE, "EXIT_UNCOVERED", text=text, cycle_id=cycle.cycle_id)
    return cycle


def _query_interval(state: TraderState, cycle: TradeCycle) -> timedelta:
    """How long until the book is asked again about a stop in doubt.

    A halted cycle was paged and waits for a person: nothing here depends on a fast answer, and
    every answer is the whole book (SAFETY.md B13).
    """
    waits = cycle.phase is Phase.HALTED and cycle.cover_due_at is None
    return state.limits.reconcile_interval if waits else state.limits.query_interval


def watch_deadlines(turn: Turn, cycle: TradeCycle) -> None:
    """Query while the stop's fate is unknown; at the deadline say so."""
    if cycle.cover_due_at is not None and turn.now >= cycle.cover_due_at:
        cycle = _deadline_has_come(turn, cycle)
    if cycle.query_due_at is not None and turn.now >= cycle.query_due_at:
        turn.change(cycle, query_due_at=turn.now + _query_interval(turn.state, cycle))
        turn.query_book(f"the protection of {cycle.cycle_id} is not confirmed")
