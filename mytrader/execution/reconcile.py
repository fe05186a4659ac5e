"""Our view against the broker's: a complete book settles claims, positions and foreign orders.

Only a book asked *after* a claim can settle it: an answer already under way may be older.
An order that is merely absent from the book stays live.
"""

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import Fact, TradeCycle
from mytrader.domain.events import (
    Book,
    BookAnswered,
    LinkChanged,
    OrderReported,
    PositionReported,
    TraderStarted,
)
from mytrader.domain.known import Known
from mytrader.domain.orders import Death, ForeignOrder, TrackedOrder, parse_ref
from mytrader.domain.trader import Mode
from mytrader.execution.order_tracking import (
    WORKING_STATUSES,
    book_execution,
    bury,
    on_order_reported,
)
from mytrader.execution.turn import Turn


def on_start(turn: Turn, event: TraderStarted) -> None:
    """A new process: nothing that the last one heard from the broker is confirmed any more."""
    turn.replace(limits=event.limits)
    _unconfirm(turn, up=False)
    for cycle in list(turn.state.cycles.values()):
        _forget_changes(turn, cycle)


def _unconfirm(turn: Turn, *, up: bool) -> None:
    link = turn.state.link
    turn.replace(
        link=replace(link, up=up, queries_answered=link.queries_asked, query_wanted=False),
        positions={
            con_id: replace(view, confirmed=False, reported=None)
            for con_id, view in turn.state.positions.items()
        },
    )


def on_link(turn: Turn, event: LinkChanged) -> None:
    """A link that went down makes positions unconfirmed and unanswered changes unknown."""
    _unconfirm(turn, up=event.up)
    if event.up:
        turn.query_book(f"connected: {event.why}")
        return
    level = AlertLevel.PAGE if turn.state.cycles else AlertLevel.WARNING
    turn.alert(level, "LINK_DOWN", text=event.why)
    for cycle in list(turn.state.cycles.values()):
        _forget_changes(turn, cycle)


def _forget_changes(turn: Turn, cycle: TradeCycle) -> None:
    """An unanswered change may or may not have arrived: both versions count from now on."""
    for ref, order in cycle.orders.items():
        if order.live and order.change is not None:
            cycle = turn.change(
                cycle, orders={**cycle.orders, ref: replace(order, change_unknown=True)}
            )


def on_position(turn: Turn, event: PositionReported) -> None:
    """A report received after the newest execution: if it disagrees, the position is a range."""
    view = turn.state.position(event.con_id)
    turn.put_position(replace(view, reported=event.quantity))
    if event.quantity != view.booked:
        turn.query_book(f"the broker reports {event.quantity}, our fills say {view.booked}")


def on_book(turn: Turn, event: BookAnswered) -> None:
    """Take the answer to a book query."""
    link = turn.state.link
    if event.number <= link.queries_answered:
        return
    turn.replace(link=replace(link, queries_answered=event.number))
    if isinstance(event.book, Known):
        _take_book(turn, event.number, event.book.value)
    else:
        turn.alert(AlertLevel.WARNING, "BOOK_UNKNOWN", text=event.book.why)
        _ask_again_later(turn)
    if turn.state.link.query_wanted:
        turn.query_book("asked for meanwhile")


def _ask_again_later(turn: Turn) -> None:
    """No complete answer: whoever waits for one asks again after the interval."""
    again = turn.now + turn.state.limits.query_interval
    for cycle in list(turn.state.cycles.values()):
        turn.change(cycle, query_due_at=again)


def _take_book(turn: Turn, number: int, book: Book) -> None:
    for fill in book.executions:
        book_execution(turn, fill)
    shown: dict[str, OrderReported] = {}
    for order in book.orders:
        if turn.order(order.ref) is not None:
            on_order_reported(turn, order)
            shown[order.ref] = order
    for cycle_id in list(turn.state.cycles):
        _settle_claims(turn, cycle_id, number, shown)
    _take_foreign(turn, book)
    _take_positions(turn, book)


def _settle_claims(
    turn: Turn, cycle_id: str, number: int, shown: dict[str, OrderReported]
) -> None:
    """Prove deaths, or withdraw claims that the book contradicts."""
    for ref in list(turn.state.cycles[cycle_id].orders):
        cycle = turn.state.cycles[cycle_id]
        order = cycle.orders[ref]
        if not order.live or number <= order.claim_query:
            continue
        echo = shown.get(ref)
        resting = echo is not None and echo.status in WORKING_STATUSES
        if order.change is not None and order.change_refusal is not None and resting:
            turn.put_order(cycle, replace(order, change=None))
        elif order.claim_filled is not None:
            _settle_cancel(turn, cycle, order, resting=resting)
        elif order.refusal is not None and resting:
            turn.put_order(cycle, replace(order, refusal=None))
        elif order.refusal is not None and order.filled == 0:
            bury(turn, cycle, order, Death.REFUSED)


def _settle_cancel(turn: Turn, cycle: TradeCycle, order: TrackedOrder, *, resting: bool) -> None:
    if resting:
        turn.put_order(cycle, replace(order, claim_filled=None, cancel_asked=False))
    elif order.filled == order.claim_filled:
        bury(turn, cycle, order, Death.CANCELLED)
    else:
        text = (
            f"{order.spec.ref}: status says {order.claim_filled} filled, executions {order.filled}"
        )
        turn.alert(AlertLevel.PAGE, "FILL_MISMATCH", text=text, cycle_id=cycle.cycle_id)
        turn.fact(cycle, Fact.SURPRISE)


def _take_foreign(turn: Turn, book: Book) -> None:
    """Orders that no open cycle knows are adopted: counted, paged, never touched."""
    foreign: dict[int, ForeignOrder] = {}
    for order in book.orders:
        if turn.order(order.ref) is not None or order.status not in WORKING_STATUSES:
            continue
        key = order.perm_id or order.order_id
        foreign[key] = ForeignOrder(key, order.con_id, order.side, order.quantity, order.status)
        if key not in turn.state.foreign:
            whose = "of a finished cycle" if parse_ref(order.ref) else "that is not ours"
            text = f"{order.side} {order.quantity} {order.order_type} works, an order {whose}"
            turn.alert(AlertLevel.PAGE, "FOREIGN_ORDER", text=text, ref=order.ref or None)
            turn.step_down(Mode.REDUCE_ONLY, text)
    if foreign or turn.state.foreign:
        turn.replace(foreign=foreign)


def _take_positions(turn: Turn, book: Book) -> None:
    """A complete list: what is not in it is zero, and that much is known.

    Positions are asked last, so every fill behind them has already reached us. A first
    disagreement asks again; one that stays is paged.
    """
    listed = {position.con_id: position.quantity for position in book.positions}
    for con_id in turn.state.contracts:
        view = turn.state.position(con_id)
        reported = listed.get(con_id, 0)
        turn.put_position(replace(view, reported=reported, confirmed=True))
        if reported == view.booked:
            continue
        text = f"contract {con_id}: the broker reports {reported}, our fills say {view.booked}"
        if view.reported == reported:
            turn.alert(AlertLevel.PAGE, "POSITION_MISMATCH", text=text)
            turn.step_down(Mode.REDUCE_ONLY, text)
        else:
            turn.query_book(text)
