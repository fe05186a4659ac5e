"""What executions and commissions do: each is booked once, into its order, cycle and position.

A fill is a fact even when it surprises us. Position and profit come from here and from nothing
else (invariant I5); a correction of an execution makes the position unknown, because nobody has
said whether it replaces or adds (SAFETY.md B19).
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import Fact, TradeCycle
from mytrader.domain.events import CommissionReported, ExecutionReported
from mytrader.domain.fills import Execution, base_of
from mytrader.domain.orders import Death, Role, TrackedOrder, parse_ref
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.order_tracking import bury, identified
from mytrader.execution.turn import Turn

EARLY_COMMISSIONS_MAX: Final = 64
"""Reports kept for executions that have not come; anything beyond is of other people's fills."""


def on_execution(turn: Turn, event: ExecutionReported) -> None:
    """Book a fill. A fill is a fact even when it surprises us."""
    book_execution(turn, event.execution)


def is_booked(state: TraderState, fill: Execution) -> bool:
    """Whether an execution is a repeat: of one of its cycle's, open or finished, or of a stray."""
    if fill.exec_id in state.foreign_executions:
        return True
    parts = parse_ref(fill.ref)
    if parts is None:
        return False
    cycle = state.cycles.get(parts.cycle_id)
    if cycle is not None:
        return any(known.exec_id == fill.exec_id for known in cycle.fills)
    closed = state.closed.get(parts.cycle_id)
    return closed is not None and fill.exec_id in closed.exec_ids


def book_execution(turn: Turn, fill: Execution) -> None:
    """Book `fill` once: into its order, its cycle and the position."""
    if is_booked(turn.state, fill):
        return
    parts = parse_ref(fill.ref)
    cycle = None if parts is None else turn.cycle(parts.cycle_id)
    if cycle is None:
        _book_stray(turn, fill, cycle_id=None if parts is None else parts.cycle_id)
        return
    if any(known.base_id == fill.base_id for known in cycle.fills):
        _doubt(turn, fill)
        turn.fact(cycle, Fact.SURPRISE)
        return
    _book_position(turn, fill)
    cycle = turn.change(cycle, fills=(*cycle.fills, fill))
    _take_early_commission(turn, cycle, exec_id=fill.exec_id)
    cycle = turn.state.cycles[cycle.cycle_id]
    order = cycle.orders.get(fill.ref)
    if order is None or not _can_be(fill, order):
        _surprise(turn, cycle, fill=fill)
        return
    _book_into_order(turn, cycle, order=order, fill=fill)


def _can_be(fill: Execution, order: TrackedOrder) -> bool:
    """Whether the order, as far as it is known, can have filled like this."""
    if fill.side is not order.spec.side or fill.con_id != order.spec.con_id:
        return False
    return order.live and 0 < fill.quantity <= order.remaining


def _book_into_order(
    turn: Turn, cycle: TradeCycle, *, order: TrackedOrder, fill: Execution
) -> None:
    """Add a fill to its order; what it amounts to is a fact for the table."""
    if order.claims and order.claim_filled == order.filled:
        text = f"{fill.ref} filled {fill.quantity} after the broker called it {order.status}"
        turn.alert(AlertLevel.WARNING, "LATE_FILL", text=text, cycle_id=cycle.cycle_id)
    order = identified(turn, cycle, order=order, order_id=fill.order_id, perm_id=fill.perm_id)
    order = replace(order, filled=order.filled + fill.quantity)
    cycle = turn.put_order(cycle, order)
    if order.remaining == 0:
        cycle = bury(turn, cycle, order=order, death=Death.FILLED)
    if order.spec.role is Role.ENTRY:
        turn.fact(cycle, Fact.ENTRY_FILLED)
    else:
        turn.fact(cycle, _after_exit_fill(cycle))


def _after_exit_fill(cycle: TradeCycle) -> Fact:
    """What the fill of an exit amounts to: it reduces, it ends, or it went through zero."""
    if cycle.position == 0:
        return Fact.FLAT
    return Fact.REDUCED if cycle.position * cycle.side.sign > 0 else Fact.FLIPPED


def _book_position(turn: Turn, fill: Execution) -> None:
    """Move the booked position; an older report of the broker is no evidence any more."""
    view = turn.state.position(fill.con_id)
    booked = view.booked + fill.side.sign * fill.quantity
    turn.put_position(replace(view, booked=booked, reported=None, disagreeing_books=0))


def _surprise(turn: Turn, cycle: TradeCycle, *, fill: Execution) -> None:
    """A fill of an order that is unknown, proven dead, or already full: book it and halt."""
    order = cycle.orders.get(fill.ref)
    if order is not None:
        turn.put_order(cycle, replace(order, filled=order.filled + fill.quantity))
    text = f"{fill.ref} filled {fill.quantity} although it could not"
    turn.alert(
        AlertLevel.PAGE, "UNEXPECTED_FILL", text=text, cycle_id=cycle.cycle_id, ref=fill.ref
    )
    turn.fact(cycle, Fact.SURPRISE)


def _book_stray(turn: Turn, fill: Execution, *, cycle_id: str | None) -> None:
    """Book a fill outside any open cycle, and page."""
    closed = turn.state.closed.get(cycle_id) if cycle_id else None
    known = closed.exec_ids if closed is not None else frozenset()
    base_id = fill.base_id
    if any(
        base_of(other) == base_id
        for ids in (known, turn.state.foreign_executions)
        for other in ids
    ):
        _doubt(turn, fill)
        return
    _book_position(turn, fill)
    _remember(turn, fill)
    whose = f"of the finished cycle {cycle_id}" if cycle_id else "that is not ours"
    if cycle_id and closed is None:
        whose = f"of cycle {cycle_id}, which this journal does not know: use the journal it is in"
    text = f"{fill.side} {fill.quantity} at {fill.price} ticks filled, an order {whose}"
    turn.alert(AlertLevel.PAGE, "FOREIGN_FILL", text=text, cycle_id=cycle_id, ref=fill.ref)
    turn.step_down(Mode.HALT if cycle_id else Mode.REDUCE_ONLY, text)
    for cycle in turn.state.cycles_of(fill.con_id):
        turn.touched[cycle.cycle_id] = None


def _remember(turn: Turn, fill: Execution) -> None:
    turn.replace(foreign_executions=turn.state.foreign_executions | {fill.exec_id})


def _doubt(turn: Turn, fill: Execution) -> None:
    """A correction: does it replace or add? The position is unknown until a person resumes."""
    _remember(turn, fill)
    view = turn.state.position(fill.con_id)
    why = f"the broker corrected an execution: {fill.exec_id}"
    turn.put_position(replace(view, doubt=why))
    turn.alert(AlertLevel.PAGE, "POSITION_DOUBT", text=why, ref=fill.ref)
    turn.step_down(Mode.REDUCE_ONLY, why)


def on_commission(turn: Turn, event: CommissionReported) -> None:
    """Add what an execution cost to its cycle; a report that comes first waits for its fill."""
    for cycle in turn.state.cycles.values():
        if any(fill.exec_id == event.exec_id for fill in cycle.fills):
            paid = {**cycle.commissions_usd, event.exec_id: event.commission_usd}
            turn.change(cycle, commissions_usd=paid)
            return
    if turn.state.cycles:
        early = {**turn.state.early_commissions, event.exec_id: event.commission_usd}
        kept = list(early.items())[-EARLY_COMMISSIONS_MAX:]
        turn.replace(early_commissions=dict(kept))


def _take_early_commission(turn: Turn, cycle: TradeCycle, *, exec_id: str) -> None:
    early = dict(turn.state.early_commissions)
    paid = early.pop(exec_id, None)
    if paid is not None:
        turn.replace(early_commissions=early)
        turn.change(cycle, commissions_usd={**cycle.commissions_usd, exec_id: paid})
