"""When two moments are the same: equal but for prices, ids, texts and the hour of the day.

What is kept of a number is what a decision can depend on: deadlines as milliseconds from now,
book queries as how long ago they were asked, quantities as they are.
"""

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Any, Final

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.events import (
    AnyEvent,
    Book,
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

MS: Final = timedelta(milliseconds=1)


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
        _until(link.reconcile_due_at, now),
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
        order.missing,
        asked - order.heard_query,
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
        ledger.stubborn,
        ledger.deaf,
        len(ledger.executions) - len(ledger.heard),
        tuple(
            (order.spec.ref[26:], order.stage, order.filled, _moved(order.spec))
            for order in ledger.orders.values()
        ),
        tuple(_event(event, asked) for message in ledger.outbox for event in message),
    )


_EVENTS: Final[dict[type, Callable[[Any, int], Hashable]]] = {
    OrderReported: lambda e, _asked: (e.ref[26:], e.limit, e.stop, e.status),
    StatusReported: lambda e, _asked: (e.ref[26:], e.status, e.filled, e.why_held),
    ErrorReported: lambda e, _asked: (e.ref[26:], e.code),
    ExecutionReported: lambda e, _asked: (e.execution.ref[26:], e.execution.exec_id),
    BookAnswered: lambda e, asked: (asked - e.number, _book(e.book)),
}


def _event(event: AnyEvent, asked: int) -> Hashable:
    told = _EVENTS.get(type(event))
    return (type(event).__name__, None if told is None else told(event, asked))


def _book(answer: Known[Book] | Unknown) -> Hashable:
    if isinstance(answer, Unknown):
        return None
    book = answer.value
    orders = tuple(
        (order.ref[26:], order.limit, order.stop, order.status) for order in book.orders
    )
    return orders, len(book.executions), tuple(held.quantity for held in book.positions)
