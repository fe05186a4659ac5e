"""What broker messages do to one order: nothing here decides, everything here remembers.

Theory of operation. An order is live from its intent until one of four proofs of death
(SAFETY.md 5.2): its executions reach its quantity; a definitive refusal that a later complete
book confirms; a cancelled status that a later complete book confirms, with the same cumulative
quantity; or it was never written. Timeouts, error codes, warnings and absence prove nothing:
they only make us ask. A status or a refusal is therefore a *claim* that waits for a book query
asked after it; `reconcile.py` settles the claims.
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, CancelOrder
from mytrader.domain.cycle import Fact, TradeCycle
from mytrader.domain.events import (
    CommissionReported,
    ErrorReported,
    ExecutionReported,
    OrderNotWritten,
    OrderReported,
    OrderWritten,
    StatusReported,
)
from mytrader.domain.fills import Execution
from mytrader.domain.orders import (
    Death,
    OrderLife,
    OrderSpec,
    Role,
    TrackedOrder,
    parse_ref,
)
from mytrader.domain.trader import Mode
from mytrader.execution.turn import Turn

REFUSAL_CODES: Final = frozenset({100, 103, 110, 135, 200, 201, 203, 321, 434})
"""Codes that may refuse an order (TWS-PROTOCOL.md section 8). A claim, never a proof."""
CANCEL_REFUSED_CODES: Final = frozenset({161, 10147, 10148})
CANCELLED_CODE: Final = 202
CANCELLED_STATUSES: Final = frozenset({"Cancelled", "ApiCancelled"})
WORKING_STATUSES: Final = frozenset({"PreSubmitted", "Submitted"})

PLACE: Final = "place"
CHANGE: Final = "change"
CANCEL: Final = "cancel"


def on_written(turn: Turn, event: OrderWritten) -> None:
    """Our bytes went out: the order has its number at this broker session."""
    link = turn.state.link
    second = int(turn.now.timestamp())
    sent = link.messages + 1 if link.messages_second == second else 1
    turn.replace(link=replace(link, messages_second=second, messages=sent))
    found = turn.order(event.ref)
    if found is None:
        return
    cycle, order = found
    life = OrderLife.WRITTEN if order.life is OrderLife.INTENDED else order.life
    turn.put_order(cycle, replace(order, order_id=event.order_id, life=life))


def on_not_written(turn: Turn, event: OrderNotWritten) -> None:
    """Nothing went out: an order that was never written is dead, a change never was."""
    found = turn.order(event.ref)
    if found is None:
        return
    cycle, order = found
    text = f"{event.action} of {event.ref} was not sent: {event.code}, {event.detail}"
    turn.alert(AlertLevel.WARNING, event.code, text=text, cycle_id=cycle.cycle_id, ref=event.ref)
    if event.action == PLACE and order.life is OrderLife.INTENDED:
        bury(turn, cycle, order, Death.NEVER_WRITTEN)
    elif event.action == CHANGE:
        turn.put_order(cycle, replace(order, change=None, change_refusal=event.code))
    elif event.action == CANCEL:
        turn.put_order(cycle, replace(order, cancel_asked=False))


def bury(turn: Turn, cycle: TradeCycle, order: TrackedOrder, death: Death) -> TradeCycle:
    """Record a proof of death."""
    return turn.put_order(cycle, replace(order, death=death, life=OrderLife.DEAD, change=None))


def on_order_reported(turn: Turn, event: OrderReported) -> None:
    """Take an echo: compare it with what we sent, settle a change, then take its status."""
    found = turn.order(event.ref)
    if found is None:
        return
    cycle, order = found
    if not order.live:
        return
    order = _with_identity(order, event.order_id, event.perm_id)
    if order.change is not None and _matches(event, order.change):
        order = replace(order, spec=order.change, change=None, change_refusal=None)
    elif not _matches(event, order.spec) and order.change is None:
        cycle = turn.put_order(cycle, order)
        _echo_differs(turn, cycle, order, event)
    if event.status == "PreSubmitted":
        # An echo does not say why an order is held: a child may look like a resting stop.
        unseen = order.life in (OrderLife.INTENDED, OrderLife.WRITTEN)
        turn.put_order(cycle, replace(order, life=OrderLife.HELD) if unseen else order)
        return
    turn.put_order(cycle, order)
    take_status(turn, event.ref, event.status, why_held="", filled=None)


def _matches(event: OrderReported, spec: OrderSpec) -> bool:
    """Whether the broker's echo says what `spec` said (control C14)."""
    return (
        event.side is spec.side
        and event.quantity == spec.quantity
        and event.order_type == spec.kind
        and event.limit == spec.limit
        and (spec.stop is None or event.stop == spec.stop)
        and event.tif == spec.tif
        and event.outside_rth == spec.outside_rth
        and event.con_id == spec.con_id
    )


def _echo_differs(
    turn: Turn, cycle: TradeCycle, order: TrackedOrder, event: OrderReported
) -> None:
    """A wrong entry is cancelled; wrong protection pages and is left where it is."""
    shown = f"{event.side} {event.quantity} {event.order_type} {event.limit}/{event.stop}"
    text = f"the broker echoes {shown} {event.tif} for {order.spec.ref}"
    turn.alert(
        AlertLevel.PAGE, "ECHO_MISMATCH", text=text, cycle_id=cycle.cycle_id, ref=order.spec.ref
    )
    turn.step_down(Mode.REDUCE_ONLY, text)
    if order.spec.role is Role.ENTRY:
        ask_cancel(turn, order.spec.ref, "the echo differs from what was sent")


def ask_cancel(turn: Turn, ref: str, why: str) -> None:
    """Ask for the cancel of one live order, once."""
    found = turn.order(ref)
    if found is None or not found[1].live or found[1].cancel_asked:
        return
    cycle, order = found
    turn.put_order(cycle, replace(order, cancel_asked=True))
    turn.ask(CancelOrder(ref, why))


def _with_identity(order: TrackedOrder, order_id: int, perm_id: int) -> TrackedOrder:
    """Add a permanent id: each one seen counts until it is proven dead (I3)."""
    if perm_id and perm_id not in order.perm_ids:
        order = replace(order, perm_ids=(*order.perm_ids, perm_id))
    return order if order.order_id else replace(order, order_id=order_id)


def on_status(turn: Turn, event: StatusReported) -> None:
    """Take an order status."""
    found = turn.order(event.ref)
    if found is None or not found[1].live:
        return
    cycle, order = found
    turn.put_order(cycle, _with_identity(order, event.order_id, event.perm_id))
    take_status(turn, event.ref, event.status, why_held=event.why_held, filled=event.filled)


def take_status(turn: Turn, ref: str, status: str, *, why_held: str, filled: int | None) -> None:
    """Apply a status to a live order. `filled` is the broker's claim, `None` if not stated."""
    found = turn.order(ref)
    if found is None or not found[1].live:
        return
    cycle, order = found
    asked = turn.state.link.queries_asked
    if status in CANCELLED_STATUSES:
        claim = order.filled if filled is None else filled
        if order.claim_filled != claim:
            order = replace(order, status=status, claim_filled=claim, claim_query=asked)
            turn.put_order(cycle, order)
        turn.query_book(f"{ref} is {status}")
    elif status in WORKING_STATUSES:
        life = _life_of(cycle, order, why_held)
        turn.put_order(cycle, replace(order, status=status, life=life))
    elif status == "PendingCancel":
        turn.put_order(cycle, replace(order, status=status, life=OrderLife.CANCELLING))
    elif status == "Inactive":
        turn.put_order(cycle, replace(order, status=status, life=OrderLife.HELD))
        turn.query_book(f"{ref} is Inactive")
    elif status == "Filled" and order.filled < order.spec.quantity:
        turn.put_order(cycle, replace(order, status=status))
        turn.query_book(f"{ref} is Filled, its executions are missing")
    elif status:
        turn.put_order(cycle, replace(order, status=status))


def _life_of(cycle: TradeCycle, order: TrackedOrder, why_held: str) -> OrderLife:
    """A child is held until its parent fills; after that a resting status is protection."""
    parent = cycle.orders.get(order.spec.parent_ref) if order.spec.parent_ref else None
    if "child" in why_held or (parent is not None and parent.filled == 0):
        return OrderLife.HELD
    return OrderLife.WORKING


def on_error(turn: Turn, event: ErrorReported) -> None:
    """Take an error that names an order: it kills nothing, it makes us ask."""
    found = turn.order(event.ref)
    if found is None or not found[1].live:
        return
    cycle, order = found
    asked = turn.state.link.queries_asked
    said = f"{event.code}: {event.text}"
    if order.change is not None and event.code in REFUSAL_CODES | {104, 105, 329}:
        order = replace(order, change_refusal=said, claim_query=asked)
    elif event.code in CANCEL_REFUSED_CODES:
        order = replace(order, cancel_asked=False)
    elif event.code in REFUSAL_CODES:
        order = replace(order, refusal=said, claim_query=asked)
    elif event.code != CANCELLED_CODE:
        turn.alert(
            AlertLevel.INFO,
            f"BROKER_{event.code}",
            text=said,
            cycle_id=cycle.cycle_id,
            ref=event.ref,
        )
        return
    turn.put_order(cycle, order)
    turn.query_book(said)


def on_execution(turn: Turn, event: ExecutionReported) -> None:
    """Book a fill. A fill is a fact even when it surprises us."""
    book_execution(turn, event.execution)


def book_execution(turn: Turn, fill: Execution) -> None:
    """Book `fill` once: into its order, its cycle and the position."""
    parts = parse_ref(fill.ref)
    cycle = None if parts is None else turn.cycle(parts.cycle_id)
    if cycle is None:
        _book_stray(turn, fill, None if parts is None else parts.cycle_id)
        return
    if any(known.exec_id == fill.exec_id for known in cycle.fills):
        return
    if any(known.base_id == fill.base_id for known in cycle.fills):
        _doubt(turn, fill, "an execution was corrected by the broker")
        turn.fact(cycle, Fact.SURPRISE)
        return
    _book_position(turn, fill)
    cycle = turn.change(cycle, fills=(*cycle.fills, fill))
    order = cycle.orders.get(fill.ref)
    if order is None or not order.live or order.filled + fill.quantity > order.spec.quantity:
        _surprise(turn, cycle, fill)
        return
    order = replace(
        _with_identity(order, fill.order_id, fill.perm_id), filled=order.filled + fill.quantity
    )
    cycle = turn.put_order(cycle, order)
    if order.filled == order.spec.quantity:
        cycle = bury(turn, cycle, order, Death.FILLED)
    if order.spec.role is Role.ENTRY:
        turn.fact(cycle, Fact.ENTRY_FILLED)
    else:
        turn.fact(cycle, Fact.FLAT if cycle.position == 0 else Fact.REDUCED)


def _book_position(turn: Turn, fill: Execution) -> None:
    """Move the booked position; an older report of the broker is no evidence any more."""
    view = turn.state.position(fill.con_id)
    booked = view.booked + fill.side.sign * fill.quantity
    turn.put_position(replace(view, booked=booked, reported=None))


def _surprise(turn: Turn, cycle: TradeCycle, fill: Execution) -> None:
    """A fill of an order that is unknown, proven dead, or already full: book it and halt."""
    order = cycle.orders.get(fill.ref)
    if order is not None:
        turn.put_order(cycle, replace(order, filled=order.filled + fill.quantity))
    text = f"{fill.ref} filled {fill.quantity} although it could not"
    turn.alert(
        AlertLevel.PAGE, "UNEXPECTED_FILL", text=text, cycle_id=cycle.cycle_id, ref=fill.ref
    )
    turn.fact(cycle, Fact.SURPRISE)


def _book_stray(turn: Turn, fill: Execution, cycle_id: str | None) -> None:
    """Book a fill outside any open cycle: a repeat is nothing, all else is paged."""
    known = turn.state.closed_executions.get(cycle_id, frozenset()) if cycle_id else frozenset()
    if fill.exec_id in known or fill.exec_id in turn.state.foreign_executions:
        return
    _book_position(turn, fill)
    turn.replace(foreign_executions=turn.state.foreign_executions | {fill.exec_id})
    whose = f"of the finished cycle {cycle_id}" if cycle_id else "that is not ours"
    text = f"{fill.side} {fill.quantity} at {fill.price} ticks filled, an order {whose}"
    turn.alert(AlertLevel.PAGE, "FOREIGN_FILL", text=text, cycle_id=cycle_id, ref=fill.ref)
    turn.step_down(Mode.HALT if cycle_id else Mode.REDUCE_ONLY, text)


def _doubt(turn: Turn, fill: Execution, why: str) -> None:
    """The position is unknown from here on; only a person ends that."""
    view = turn.state.position(fill.con_id)
    turn.put_position(replace(view, doubt=why))
    turn.alert(AlertLevel.PAGE, "POSITION_DOUBT", text=f"{why}: {fill.exec_id}", ref=fill.ref)


def on_commission(turn: Turn, event: CommissionReported) -> None:
    """Add what an execution cost to its open cycle."""
    for cycle in turn.state.cycles.values():
        if any(fill.exec_id == event.exec_id for fill in cycle.fills):
            paid = {**cycle.commissions_usd, event.exec_id: event.commission_usd}
            turn.change(cycle, commissions_usd=paid)
            return
