"""When two moments are the same: equal but for prices, ids, texts and the hour of the day.

What is kept of a number is what a decision can depend on: deadlines as milliseconds from now,
book queries as how long ago they were asked, quantities as they are.
"""

from collections.abc import Hashable
from datetime import datetime, timedelta

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.events import (
    AnyEvent,
    BookAnswered,
    ErrorReported,
    ExecutionReported,
    OrderReported,
    StatusReported,
)
from mytrader.domain.known import Known, Unknown
from mytrader.domain.orders import OrderSpec, TrackedOrder
from mytrader.proof.kernel import Node
from mytrader.proof.ledger import Ledger
from mytrader.proof.scene import CON_ID, ENTRY

MS = timedelta(milliseconds=1)


def key(node: Node) -> int:
    """Return a 64-bit number that is equal for equal moments."""
    state = node.state
    link, view = state.link, state.position(CON_ID)
    asked = link.queries_asked
    now = node.now
    trader: tuple[Hashable, ...] = (
        state.mode,
        link.up,
        asked - link.queries_answered,
        link.query_wanted,
        _until(link.query_due_at, now),
        view.booked,
        view.confirmed,
        view.reported,
        view.doubt is None,
        min(view.disagreeing_books, 3),
        len(state.foreign),
        len(state.foreign_executions),
        len(state.early_commissions),
        tuple(sorted(state.move_stop_refused)),
        min(state.day.emergency_stops, 2),
        tuple(asked - closed.query for closed in state.closed.values()),
        _band(state.quotes[CON_ID].bid),
        tuple(_cycle(cycle, now, asked) for cycle in state.cycles.values()),
    )
    bounds = (node.faults, node.signals, node.requests, node.quotes)
    exposed = None if node.exposed_ms is None else node.at_ms - node.exposed_ms
    return hash((trader, bounds, exposed, _ledger(node.ledger, asked)))


def _until(due: datetime | None, now: datetime) -> int | None:
    return None if due is None else (due - now) // MS


def _band(bid: int | None) -> int:
    """Where the market is: near the entry, far above it or far below it."""
    distance = 0 if bid is None else bid - ENTRY
    return (distance > 20) - (distance < -20)


def _cycle(cycle: TradeCycle, now: datetime, asked: int) -> Hashable:
    plan = cycle.exit
    leaving = (
        None
        if plan is None
        else (plan.reason, plan.stage, _until(plan.due_at, now), plan.attempts, plan.refused)
    )
    return (
        cycle.phase,
        cycle.side,
        cycle.position,
        cycle.advised,
        leaving,
        cycle.emergency_stops,
        cycle.settle_asked,
        cycle.protection_refused,
        len(cycle.fills) - len(cycle.commissions_usd),
        _until(cycle.advice_due_at, now),
        _until(cycle.entry_due_at, now),
        _until(cycle.cover_due_at, now),
        _until(cycle.query_due_at, now),
        _until(cycle.settle_due_at, now),
        _until(cycle.commissions_due_at, now),
        cycle.naked_since is None,
        tuple(_order(order, asked) for order in cycle.orders.values()),
    )


def _order(order: TrackedOrder, asked: int) -> Hashable:
    spec = order.spec
    if order.death is not None:
        return (spec.ref[30:], order.death, order.filled)
    return (
        spec.ref[30:],
        order.life,
        order.filled,
        order.status,
        len(order.perm_ids),
        _moved(spec),
        None if order.change is None else _moved(order.change),
        order.change_refusal,
        order.change_unknown,
        order.cancel_asked and asked - order.cancel_query,
        order.refusal is None,
        tuple(order.claims.values()),
        asked - order.claim_query if order.claims or order.refusal else 0,
        order.echo_differs,
        order.former is None,
    )


def _moved(spec: OrderSpec) -> int:
    """A version of an order: where it was first sent, or wherever it was moved to."""
    return spec.limit if spec.stop is None else spec.stop


def _ledger(ledger: Ledger, asked: int) -> Hashable:
    return (
        ledger.position,
        ledger.booked,
        ledger.linked,
        ledger.flipped,
        ledger.foreign,
        len(ledger.executions) - len(ledger.heard),
        tuple(
            (order.spec.ref[26:], order.stage, order.filled, _moved(order.spec))
            for order in ledger.orders.values()
        ),
        tuple(_event(event, asked) for message in ledger.outbox for event in message),
    )


def _event(event: AnyEvent, asked: int) -> Hashable:
    match event:
        case OrderReported():
            return ("echo", event.ref[26:], event.limit, event.stop, event.status)
        case StatusReported():
            return ("status", event.ref[26:], event.status, event.filled, event.why_held)
        case ErrorReported():
            return ("error", event.ref[26:], event.code)
        case ExecutionReported(execution):
            return ("execution", execution.ref[26:], execution.exec_id)
        case BookAnswered(number, Known(book)):
            orders = tuple((o.ref[26:], o.limit, o.stop, o.status) for o in book.orders)
            held = tuple(position.quantity for position in book.positions)
            return ("book", asked - number, orders, len(book.executions), held)
        case BookAnswered(number, Unknown()):
            return ("no book", asked - number)
        case _:
            return type(event).__name__
