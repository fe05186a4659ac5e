"""What the broker does in the proof, once with each order and answer: it obeys, or it does not.

Each function takes a ledger and returns the one after it. None of them chooses; the choosing is
in `moves`.
"""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from mytrader.domain.events import (
    Book,
    BookAnswered,
    CommissionReported,
    ErrorReported,
    ExecutionReported,
    OrderReported,
    PositionReported,
    StatusReported,
)
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known
from mytrader.domain.orders import OrderSpec, Role
from mytrader.proof.ledger import Ledger, Message, Resting
from mytrader.proof.scene import CON_ID, NOON

COMMISSION: Final = Decimal("2.40")
TOO_LATE: Final = 10148
UNKNOWN: Final = 10147
CANCELLED: Final = 202
REFUSED: Final = 201


def place(ledger: Ledger, spec: OrderSpec) -> Ledger:
    """Take a new order: a child whose parent has not filled is held, everything else works."""
    parent = ledger.orders.get(spec.parent_ref or "")
    held = parent is not None and parent.stage != "filled"
    order = Resting(spec, len(ledger.orders) + 1, "held" if held else "working")
    return ledger.put(order).say(_stated(order))


def change(ledger: Ledger, spec: OrderSpec) -> Ledger:
    """Take a new version of a resting order; a late one is refused."""
    order = ledger.orders.get(spec.ref)
    if order is None or not order.live:
        number = 0 if order is None else order.number
        return ledger.say((ErrorReported(spec.ref, number, 104, "cannot modify"),))
    if ledger.stubborn and order.spec.role.is_protective:
        return ledger.say((ErrorReported(spec.ref, order.number, REFUSED, "not here"),))
    order = replace(order, spec=spec)
    return ledger.put(order).say(_stated(order))


def cancel(ledger: Ledger, ref: str) -> Ledger:
    """Withdraw an order and its children; too late and unknown are answers too."""
    order = ledger.orders.get(ref)
    if order is None:
        return ledger.say((ErrorReported(ref, 0, UNKNOWN, "not found"),))
    if not order.live:
        return ledger.say((ErrorReported(ref, order.number, TOO_LATE, "too late"),))
    return _ended(ledger, order, CANCELLED)


def refuse(ledger: Ledger, order: Resting) -> Ledger:
    """Reject an order that had been taken, and with it its children."""
    return _ended(ledger, order, REFUSED)


def _ended(ledger: Ledger, order: Resting, code: int) -> Ledger:
    for each in (order, *ledger.family_of(order)):
        over = replace(each, stage="over")
        error = ErrorReported(each.spec.ref, each.number, code, "over")
        ledger = ledger.put(over).say((error, _status(over, "Cancelled")))
    return ledger


def fill(ledger: Ledger, order: Resting, *, alone: bool = False) -> Ledger:
    """Fill an order. Its children wake, its group is withdrawn, unless it fills `alone`."""
    stage = "filled" if order.left == 1 else "working"
    done = replace(order, stage=stage, filled=order.filled + 1)
    number = len(ledger.executions) + 1
    spec = order.spec
    execution = Execution(
        exec_id=f"{number:04}.01",
        ref=spec.ref,
        order_id=order.number,
        perm_id=order.perm_id,
        con_id=CON_ID,
        side=spec.side,
        quantity=1,
        price=spec.limit,
        at=NOON,
    )
    paid = CommissionReported(execution.exec_id, COMMISSION)
    woken = [replace(child, stage="working") for child in ledger.family_of(order)]
    withdrawn = () if alone else ledger.group_of(order)
    ledger = replace(
        ledger.put(done),
        position=ledger.position + spec.side.sign,
        executions=(*ledger.executions, execution),
    ).say((ExecutionReported(execution), paid), (_status(done, _status_after_fill(done)),))
    for child in woken:
        ledger = ledger.put(child).say((_status(child, _resting_status(child)),))
    for other in withdrawn:
        ledger = _ended(ledger, other, CANCELLED)
    return ledger


def book(ledger: Ledger, number: int) -> Ledger:
    """Answer a question about everything as it is when it is asked, with what is over."""
    orders = tuple(_echo(order) for order in ledger.orders.values())
    position = PositionReported(CON_ID, ledger.position)
    answer = Book(orders, ledger.executions, (position,) if ledger.position else ())
    return ledger.say((BookAnswered(number, Known(answer)),))


def _resting_status(order: Resting) -> str:
    return "Submitted" if order.spec.role in (Role.TARGET, Role.EXIT) else "PreSubmitted"


def _stated(order: Resting) -> Message:
    status = "Submitted" if order.spec.role is Role.ENTRY else _resting_status(order)
    return (_echo(order), _status(order, status))


def _status(order: Resting, status: str) -> StatusReported:
    held = "child" if order.stage == "held" else ""
    return StatusReported(
        order.spec.ref, order.number, order.perm_id, status, order.filled, order.left, held
    )


def _status_after_fill(order: Resting) -> str:
    return "Filled" if order.stage == "filled" else "Submitted"


_ECHOED: Final = {
    "held": "PreSubmitted",
    "working": "Submitted",
    "filled": "Filled",
    "over": "Cancelled",
}


def _echo(order: Resting) -> OrderReported:
    spec = order.spec
    return OrderReported(
        ref=spec.ref,
        order_id=order.number,
        perm_id=order.perm_id,
        client_id=1,
        con_id=CON_ID,
        side=spec.side,
        quantity=spec.quantity,
        order_type=spec.kind,
        limit=spec.limit,
        stop=spec.stop,
        tif=spec.tif,
        outside_rth=spec.outside_rth,
        trigger_method=spec.trigger_method,
        parent_id=0,
        status=_ECHOED[order.stage],
        oca_group=spec.oca_group,
        oca_type=1 if spec.oca_group else 0,
    )
