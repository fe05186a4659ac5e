"""What broker messages do to one order: nothing here decides, everything here remembers.

Theory of operation. An order is live from its intent until one of four proofs of death
(SAFETY.md 5.2): its executions reach everything that it may fill; a definitive refusal that a
later complete book confirms; a status that says it is over, for every permanent id seen, which a
later complete book confirms with the same cumulative quantity; or it was never written.
Timeouts, error codes, warnings and absence prove nothing: they only make us ask. A status or a
refusal is therefore a *claim* that waits for a book query asked after it; `reconcile.py` settles
the claims.
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, CancelOrder
from mytrader.domain.cycle import Fact, TradeCycle
from mytrader.domain.events import (
    ErrorReported,
    OrderNotWritten,
    OrderReported,
    OrdersNumbered,
    OrderWritten,
    StatusReported,
)
from mytrader.domain.orders import (
    Death,
    OrderLife,
    OrderSpec,
    Role,
    TrackedOrder,
)
from mytrader.domain.trader import Mode
from mytrader.execution.exposure import group_budget, rho
from mytrader.execution.turn import Turn

REFUSAL_CODES: Final = frozenset({100, 103, 110, 135, 200, 201, 203, 321, 434})
"""Codes that may refuse an order (TWS-PROTOCOL.md section 8). A claim, never a proof."""
CHANGE_REFUSAL_CODES: Final = REFUSAL_CODES | {104, 105, 329}
"""Codes that may refuse a change; the old version works on (SAFETY.md B22)."""
CANCEL_REFUSED_CODES: Final = frozenset({161, 10147, 10148})
UNKNOWN_ORDER_CODE: Final = 10147
CANCELLED_CODE: Final = 202
CANCELLED_STATUSES: Final = frozenset({"Cancelled", "ApiCancelled"})
OVER_STATUSES: Final = CANCELLED_STATUSES | {"Filled"}
WORKING_STATUSES: Final = frozenset({"PreSubmitted", "Submitted"})

PLACE: Final = "place"
CHANGE: Final = "change"
CANCEL: Final = "cancel"


def on_numbered(turn: Turn, event: OrdersNumbered) -> None:
    """Our bytes go out next, under these numbers."""
    for ref, order_id in event.numbers:
        found = turn.order(ref)
        if found is not None:
            turn.put_order(found[0], replace(found[1], order_id=order_id))


def settle_intents(turn: Turn, cycle_id: str) -> None:
    """The process that recorded some intents is gone: what never got a number was never written.

    One with a number may have been written, as one whose bytes were lost may have arrived.
    """
    for ref in turn.state.cycles[cycle_id].orders:
        cycle = turn.state.cycles[cycle_id]
        order = cycle.orders[ref]
        if not order.live or order.life is not OrderLife.INTENDED:
            continue
        if order.order_id:
            turn.put_order(cycle, replace(order, life=OrderLife.WRITTEN))
        else:
            bury(turn, cycle, order=order, death=Death.NEVER_WRITTEN)


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
    """Nothing went out: an order that was never written is dead, a change never was.

    A cancel that did not leave is not tried again before a book shows the order: asking at once
    would go round as fast as the loop runs.
    """
    found = turn.order(event.ref)
    if found is None or not found[1].live:
        return
    cycle, order = found
    text = f"{event.action} of {event.ref} was not sent: {event.code}, {event.detail}"
    turn.alert(AlertLevel.WARNING, event.code, text=text, cycle_id=cycle.cycle_id, ref=event.ref)
    if event.action == PLACE and order.life is OrderLife.INTENDED:
        bury(turn, cycle, order=order, death=Death.NEVER_WRITTEN)
    elif event.action == CHANGE:
        turn.put_order(cycle, replace(order, change=None, change_refusal=None))
    elif event.action == CANCEL:
        turn.query_book(text)


def never_acknowledged(order: TrackedOrder) -> bool:
    """Whether our bytes went out and the broker has never said a word about them."""
    return (
        order.live
        and order.life is OrderLife.WRITTEN
        and order.order_id > 0
        and not order.perm_ids
        and order.filled == 0
    )


def bury(turn: Turn, cycle: TradeCycle, *, order: TrackedOrder, death: Death) -> TradeCycle:
    """Record a proof of death."""
    dead = replace(order, death=death, life=OrderLife.DEAD, change=None, change_unknown=False)
    if death is not Death.FILLED and cycle.position and rho(order, cycle.orders):
        _tell_leg_lost(turn, cycle, order=order, death=death)
    return turn.put_order(cycle, dead)


def _tell_leg_lost(turn: Turn, cycle: TradeCycle, *, order: TrackedOrder, death: Death) -> None:
    """A leg of an open position is gone although nobody here asked for that.

    Its group explains it where another leg has filled. A cancelled stop was a person's or the
    exchange's doing (H12): the position is protected again, and nothing new is opened.
    """
    ref, group = order.spec.ref, order.spec.oca_group
    if (
        order.cancel_asked
        or cycle.exit is not None
        or (group and not group_budget(group, cycle.orders))
    ):
        return
    told = {"cycle_id": cycle.cycle_id, "ref": ref}
    if order.spec.role is Role.TARGET:
        text = f"{ref} does not rest at the broker: the trader watches the target"
        turn.alert(AlertLevel.WARNING, "BRACKET_MISSING", text=text, **told)
    elif order.spec.role.is_protective and death is Death.CANCELLED:
        text = f"{ref} was cancelled, and not by this trader"
        turn.alert(AlertLevel.PAGE, "STOP_CANCELLED", text=text, **told)
        turn.step_down(Mode.REDUCE_ONLY, text)


def on_order_reported(turn: Turn, event: OrderReported) -> None:
    """Take an echo: compare it with what we sent, settle a change, then take its status."""
    found = turn.order(event.ref)
    if found is None or not found[1].live:
        return
    cycle, order = found
    order = identified(turn, cycle, order=order, order_id=event.order_id, perm_id=event.perm_id)
    if event.status in OVER_STATUSES:
        turn.put_order(cycle, order)
        take_status(turn, event.ref, status=event.status, perm_id=event.perm_id)
        return
    order = replace(order, quantity_echoed=max(order.quantity_echoed, event.quantity))
    if order.change is not None and _matches(event, order.change):
        order = replace(
            order, former=order.spec, spec=order.change, change=None, change_refusal=None
        )
        cycle = _tightened(turn, cycle, spec=order.spec)
    differs = not _matches(event, order.spec)
    if differs and (order.change is not None or _is_former(event, order)):
        differs = order.echo_differs
    news = differs and not order.echo_differs
    cycle = turn.put_order(cycle, replace(order, echo_differs=differs))
    if news:
        _echo_differs(turn, cycle, order=order, event=event)
    _take_echoed_status(turn, cycle.cycle_id, event=event)


def _tightened(turn: Turn, cycle: TradeCycle, *, spec: OrderSpec) -> TradeCycle:
    """The cycle's stop is where its order now rests, unless that was moved in order to leave."""
    tighter = spec.stop is not None and (
        cycle.stop is None or (spec.stop - cycle.stop) * cycle.side.sign > 0
    )
    if spec.role.is_protective and cycle.exit is None and tighter:
        return turn.change(cycle, stop=spec.stop)
    return cycle


def _take_echoed_status(turn: Turn, cycle_id: str, *, event: OrderReported) -> None:
    """An echo does not say why an order is held: a child may look like a resting stop."""
    cycle = turn.state.cycles[cycle_id]
    order = cycle.orders[event.ref]
    if event.status != "PreSubmitted":
        take_status(turn, event.ref, status=event.status, perm_id=event.perm_id)
    elif order.life in (OrderLife.INTENDED, OrderLife.WRITTEN):
        turn.put_order(cycle, replace(order, life=OrderLife.HELD))


def _matches(event: OrderReported, spec: OrderSpec) -> bool:
    """Whether the broker's echo says what `spec` said (control C14).

    A broker may put children into a group of its own: only a group that we set has to come back.
    """
    return (
        event.side is spec.side
        and event.quantity == spec.quantity
        and event.order_type == spec.kind
        and event.limit == spec.limit
        and (
            spec.stop is None
            or (event.stop == spec.stop and event.trigger_method == spec.trigger_method)
        )
        and event.tif == spec.tif
        and event.outside_rth == spec.outside_rth
        and event.con_id == spec.con_id
        and (not spec.oca_group or (event.oca_group, event.oca_type) == (spec.oca_group, 1))
    )


def _is_former(event: OrderReported, order: TrackedOrder) -> bool:
    """Whether this is a late echo of the version before the last change."""
    return order.former is not None and _matches(event, order.former)


def _echo_differs(
    turn: Turn, cycle: TradeCycle, *, order: TrackedOrder, event: OrderReported
) -> None:
    """A wrong entry is cancelled; wrong protection pages and is left where it is."""
    shown = f"{event.side} {event.quantity} {event.order_type} {event.limit}/{event.stop}"
    text = f"the broker echoes {shown} {event.tif} for {order.spec.ref}"
    turn.alert(
        AlertLevel.PAGE, "ECHO_MISMATCH", text=text, cycle_id=cycle.cycle_id, ref=order.spec.ref
    )
    turn.step_down(Mode.REDUCE_ONLY, text)
    if order.spec.role is Role.ENTRY:
        ask_cancel(turn, order.spec.ref, why="the echo differs from what was sent")


def ask_cancel(turn: Turn, ref: str, *, why: str) -> bool:
    """Ask for the cancel of one live order, once; not while nobody would hear it.

    Returns whether it was asked for now.
    """
    found = turn.order(ref)
    if found is None or not turn.state.link.up:
        return False
    cycle, order = found
    if not order.live or order.cancel_asked or order.claims:
        return False
    asked = turn.state.link.queries_asked
    turn.put_order(cycle, replace(order, cancel_asked=True, cancel_query=asked))
    turn.ask(CancelOrder(ref, why))
    return True


def forget_unheard_cancels(turn: Turn, cycle_id: str) -> None:
    """Let a cancel be asked for again that the broker has answered as little as the order itself.

    It may have been lost on its way. Of an order that the broker knows, its next book says that
    it still rests; of one that it never spoke of, only the answer to a cancel says anything.
    """
    for order in turn.state.cycles[cycle_id].orders.values():
        if never_acknowledged(order) and order.cancel_asked and order.refusal is None:
            turn.put_order(turn.state.cycles[cycle_id], replace(order, cancel_asked=False))


def identified(
    turn: Turn, cycle: TradeCycle, *, order: TrackedOrder, order_id: int, perm_id: int
) -> TrackedOrder:
    """Return the order with its ids: each permanent id counts until it is proven dead (I3)."""
    if not order.order_id:
        order = replace(order, order_id=order_id)
    if not perm_id or perm_id in order.perm_ids:
        return order
    if order.perm_ids:
        text = f"{order.spec.ref} has a second identity: perm id {perm_id} and {order.perm_ids}"
        turn.alert(AlertLevel.PAGE, "SECOND_IDENTITY", text=text, cycle_id=cycle.cycle_id)
        turn.fact(cycle, Fact.SURPRISE)
    claims = {key or perm_id: filled for key, filled in order.claims.items()}
    return replace(order, perm_ids=(*order.perm_ids, perm_id), claims=claims)


def on_status(turn: Turn, event: StatusReported) -> None:
    """Take an order status."""
    found = turn.order(event.ref)
    if found is None or not found[1].live:
        return
    cycle, order = found
    order = identified(turn, cycle, order=order, order_id=event.order_id, perm_id=event.perm_id)
    turn.put_order(cycle, order)
    take_status(
        turn,
        event.ref,
        status=event.status,
        perm_id=event.perm_id,
        why_held=event.why_held,
        filled=event.filled,
    )


def take_status(
    turn: Turn,
    ref: str,
    *,
    status: str,
    perm_id: int,
    why_held: str = "",
    filled: int | None = None,
) -> None:
    """Apply a status to a live order. `filled` is the broker's claim, `None` if not stated."""
    found = turn.order(ref)
    if found is None or not found[1].live:
        return
    cycle, order = found
    if status in OVER_STATUSES:
        whole = order.spec.quantity if status == "Filled" else order.filled
        order = replace(order, status=status)
        claimed = whole if filled is None else filled
        _claim_over(turn, cycle, order=order, perm_id=perm_id, filled=claimed)
    elif status in WORKING_STATUSES:
        life = _life_of(cycle, order, why_held=why_held)
        asked = turn.state.link.queries_asked
        alive = replace(order, status=status, life=life, heard_query=asked, missing=False)
        turn.put_order(cycle, alive)
    elif status == "PendingCancel":
        turn.put_order(cycle, replace(order, status=status, life=OrderLife.CANCELLING))
    elif status == "Inactive":
        turn.put_order(cycle, replace(order, status=status, life=OrderLife.HELD))
        turn.query_book(f"{ref} is Inactive")
    elif status:
        turn.put_order(cycle, replace(order, status=status))


def _claim_over(
    turn: Turn, cycle: TradeCycle, *, order: TrackedOrder, perm_id: int, filled: int
) -> None:
    """Note that the broker calls the order over; the first word counts from its own query on.

    Only news is asked about: a book repeats how an order ended, and asking again because of it
    would go round as fast as the broker answers. A word that leaves the quantity out takes none
    of it back.
    """
    key = perm_id or (order.perm_ids[0] if len(order.perm_ids) == 1 else 0)
    filled = max(filled, order.claims.get(key, 0))
    news = order.claims.get(key) != filled
    if news:
        asked = turn.state.link.queries_asked
        order = replace(order, claims={**order.claims, key: filled}, claim_query=asked)
    turn.put_order(cycle, order)
    if news:
        turn.query_book(f"{order.spec.ref} is {order.status}")


def _life_of(cycle: TradeCycle, order: TrackedOrder, *, why_held: str) -> OrderLife:
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
    if order.change is not None and event.code in CHANGE_REFUSAL_CODES:
        if order.change_refusal is None:
            order = replace(order, change_refusal=event.code, claim_query=asked)
    elif event.code == UNKNOWN_ORDER_CODE and never_acknowledged(order):
        # With a later book that lists neither the order nor a fill: a refusal of the order.
        order = replace(order, refusal=order.refusal or said, claim_query=asked)
    elif event.code in CANCEL_REFUSED_CODES:
        _cancel_was_refused(turn, cycle, order=order)
        return
    elif event.code in REFUSAL_CODES:
        if order.refusal is None:
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


def _cancel_was_refused(turn: Turn, cycle: TradeCycle, *, order: TrackedOrder) -> None:
    """Too late, or not there: ask. Where everything has filled that was sent, it is over."""
    text = f"the cancel of {order.spec.ref} was refused"
    if order.filled >= order.spec.quantity and len(order.perm_ids) <= 1:
        key = order.perm_ids[0] if order.perm_ids else 0
        _claim_over(turn, cycle, order=order, perm_id=key, filled=order.filled)
        return
    turn.touched[cycle.cycle_id] = None
    turn.query_book(text)
