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
from mytrader.domain.trader import ClosedCycle, Mode
from mytrader.execution.fill_tracking import book_execution
from mytrader.execution.order_tracking import (
    OVER_STATUSES,
    WORKING_STATUSES,
    ask_cancel,
    bury,
    never_acknowledged,
    on_order_reported,
    settle_intents,
)
from mytrader.execution.turn import Turn


def on_start(turn: Turn, event: TraderStarted) -> None:
    """A new process: nothing that the last one heard from the broker is confirmed any more."""
    numbered = turn.state.numbers_first
    turn.replace(limits=event.limits, numbers_first=event.numbers_first)
    _unconfirm(turn, up=False)
    for cycle in list(turn.state.cycles.values()):
        _forget_changes(turn, cycle)
        if numbered:
            settle_intents(turn, cycle.cycle_id)


def _unconfirm(turn: Turn, *, up: bool) -> None:
    link = turn.state.link
    turn.replace(
        link=replace(
            link,
            up=up,
            queries_answered=link.queries_asked,
            query_wanted=False,
            query_due_at=None,
        ),
        positions={
            con_id: replace(view, confirmed=False, reported=None, disagreeing_books=0)
            for con_id, view in turn.state.positions.items()
        },
    )


def on_link(turn: Turn, event: LinkChanged) -> None:
    """A link that went down makes positions unconfirmed and unanswered changes unknown."""
    was_up = turn.state.link.up
    _unconfirm(turn, up=event.up)
    if event.up:
        for cycle in turn.state.cycles.values():
            _withdraw_lost(turn, cycle)
        turn.query_book(f"connected: {event.why}")
        return
    if was_up:
        level = AlertLevel.PAGE if turn.state.cycles else AlertLevel.WARNING
        turn.alert(level, "LINK_DOWN", text=event.why)
    for cycle in list(turn.state.cycles.values()):
        _forget_changes(turn, cycle)


def _withdraw_lost(turn: Turn, cycle: TradeCycle) -> None:
    """Cancel what went out before the link broke and was never acknowledged.

    It may have been lost on its way. The broker's answer to the cancel, together with the next
    book, tells what no list tells alone: that there is no such order. A stop whose entry has
    filled is left: the two arrived together, and whether it works must be said by the broker.
    """
    for order in cycle.orders.values():
        parent = cycle.orders.get(order.spec.parent_ref or "")
        if never_acknowledged(order) and not (parent is not None and parent.filled):
            # An earlier cancel went the way of the order: its answer will not come.
            again = replace(order, cancel_asked=False)
            turn.put_order(turn.state.cycles[cycle.cycle_id], again)
            ask_cancel(turn, order.spec.ref, why="never acknowledged before the link broke")


def _forget_changes(turn: Turn, cycle: TradeCycle) -> None:
    """An unanswered change may or may not have arrived: both versions count from now on."""
    for order in cycle.orders.values():
        if order.live and order.change is not None and not order.change_unknown:
            cycle = turn.put_order(cycle, replace(order, change_unknown=True))


def on_position(turn: Turn, event: PositionReported) -> None:
    """A report received after the newest execution: if it disagrees, the position is a range.

    Only news is asked about: the answer to a query repeats what the broker reports, and asking
    about it again would go round as fast as the broker answers.
    """
    view = turn.state.position(event.con_id)
    turn.put_position(replace(view, reported=event.quantity))
    if event.quantity not in (view.booked, view.reported):
        turn.query_book(f"the broker reports {event.quantity}, our fills say {view.booked}")


def on_book(turn: Turn, event: BookAnswered) -> None:
    """Take the answer to a book query."""
    link = turn.state.link
    if event.number <= link.queries_answered:
        return
    turn.replace(link=replace(link, queries_answered=event.number))
    if isinstance(event.book, Known):
        _take_book(turn, event.number, book=event.book.value)
    else:
        turn.alert(AlertLevel.WARNING, "BOOK_UNKNOWN", text=event.book.why)
        _ask_again_later(turn)
    if turn.state.link.query_wanted:
        turn.query_book("asked for meanwhile")


def _ask_again_later(turn: Turn) -> None:
    """No complete answer: nothing is known, so ask again after the interval."""
    again = turn.now + turn.state.limits.query_interval
    turn.replace(link=replace(turn.state.link, query_due_at=again))


def on_time(turn: Turn) -> None:
    """The interval after an incomplete answer is over: ask again."""
    due = turn.state.link.query_due_at
    if due is not None and turn.now >= due:
        turn.replace(link=replace(turn.state.link, query_due_at=None))
        turn.query_book("the last answer was incomplete")
    due = turn.state.link.reconcile_due_at
    if due is not None and turn.now >= due:
        turn.replace(link=replace(turn.state.link, reconcile_due_at=None))
        turn.query_book("a position is open")


def watch_book(turn: Turn) -> None:
    """Keep the next look at the whole book due while a position is open (control C21).

    A status need not arrive (SAFETY.md B18): a stop that is gone without a word is found here.
    """
    link = turn.state.link
    held = link.up and any(cycle.fills and cycle.position for cycle in turn.state.cycles.values())
    if held and link.reconcile_due_at is None:
        due = turn.now + turn.state.limits.reconcile_interval
        turn.replace(link=replace(link, reconcile_due_at=due))
    elif not held and link.reconcile_due_at is not None:
        turn.replace(link=replace(link, reconcile_due_at=None))


def on_order(turn: Turn, event: OrderReported) -> None:
    """Take an echo: of one of our orders, or of somebody else's.

    One that belongs to a finished cycle is an old word that came late, unless a book confirms it.
    """
    if turn.order(event.ref) is not None:
        on_order_reported(turn, event)
    elif _closed(turn, event.ref) is not None:
        turn.query_book(f"{event.ref} of a finished cycle is {event.status}")
    elif _may_fill(event):
        _adopt(turn, event)


def _closed(turn: Turn, ref: str) -> ClosedCycle | None:
    parts = parse_ref(ref)
    return None if parts is None else turn.state.closed.get(parts.cycle_id)


def _may_fill(order: OrderReported) -> bool:
    """Whether a listed order may still fill: only a status that says it is over denies that."""
    return order.status not in OVER_STATUSES


def _take_book(turn: Turn, number: int, *, book: Book) -> None:
    for fill in book.executions:
        book_execution(turn, fill)
    listed: set[str] = set()
    resting: set[str] = set()
    for order in book.orders:
        if turn.order(order.ref) is None:
            continue
        on_order_reported(turn, order)
        if _may_fill(order):
            listed.add(order.ref)
        if order.status in WORKING_STATUSES:
            resting.add(order.ref)
    for cycle_id in list(turn.state.cycles):
        turn.touched[cycle_id] = None
        for ref in list(turn.state.cycles[cycle_id].orders):
            _settle(turn, ref, number=number, listed=ref in listed, resting=ref in resting)
    _take_foreign(turn, number, book=book)
    _take_positions(turn, book)


def _settle(turn: Turn, ref: str, *, number: int, listed: bool, resting: bool) -> None:
    """Prove a death, or withdraw what the book contradicts. A listed order is never dead.

    Only a book asked after the claim, the refusal or the cancel says anything about it.
    """
    found = turn.order(ref)
    if found is None or not found[1].live:
        return
    cycle, order = found
    if resting and order.cancel_asked and number > order.cancel_query:
        order = replace(order, cancel_asked=False)
    if number > order.claim_query:
        if listed:
            order = _withdrawn(order)
        elif order.claim_filled is not None:
            _settle_claim(turn, cycle, order=order)
            return
        elif order.refusal is not None and order.filled == 0 and not order.claims:
            bury(turn, cycle, order=order, death=Death.REFUSED)
            return
    told = order.claims or order.refusal is not None
    newer = number > order.heard_query and bool(order.perm_ids) and not told
    if newer and order.missing is listed:
        # Absence proves nothing, and covers nothing: the watch over the cover asks on.
        order = replace(order, missing=not listed)
    if order is not found[1]:
        turn.put_order(cycle, order)


def _withdrawn(order: TrackedOrder) -> TrackedOrder:
    """The broker lists the order: what was claimed about its end does not stand."""
    if order.change is not None and order.change_refusal is not None:
        order = replace(order, change=None)
    if order.claims or order.refusal is not None:
        order = replace(order, claims={}, refusal=None)
    return order


def _settle_claim(turn: Turn, cycle: TradeCycle, *, order: TrackedOrder) -> None:
    """The broker called the order over and lists it no more: now the executions must agree."""
    if order.filled == order.claim_filled:
        whole = order.filled >= order.spec.quantity
        bury(turn, cycle, order=order, death=Death.FILLED if whole else Death.CANCELLED)
        return
    text = f"{order.spec.ref}: status says {order.claim_filled} filled, executions {order.filled}"
    turn.alert(AlertLevel.PAGE, "FILL_MISMATCH", text=text, cycle_id=cycle.cycle_id)
    turn.fact(cycle, Fact.SURPRISE)


def _take_foreign(turn: Turn, number: int, *, book: Book) -> None:
    """Orders that no open cycle knows are adopted: counted, paged, never touched."""
    listed = [each for each in book.orders if _may_fill(each) and turn.order(each.ref) is None]
    for each in list(listed):
        closed = _closed(turn, each.ref)
        if closed is not None and number <= closed.query:
            listed.remove(each)
            turn.query_book(f"{each.ref} ended while the book was asked for")
    keys = {_foreign_key(each) for each in listed}
    kept = {key: order for key, order in turn.state.foreign.items() if key in keys}
    if len(kept) != len(turn.state.foreign):
        turn.replace(foreign=kept)
    for each in listed:
        _adopt(turn, each)


def _foreign_key(order: OrderReported) -> int:
    return order.perm_id or order.order_id


def _adopt(turn: Turn, order: OrderReported) -> None:
    key = _foreign_key(order)
    seen = ForeignOrder(key, order.con_id, order.side, order.quantity, order.status)
    known = turn.state.foreign
    turn.replace(foreign={**known, key: seen})
    if key not in known:
        whose = "of a finished cycle" if parse_ref(order.ref) else "that is not ours"
        text = f"{order.side} {order.quantity} {order.order_type} works, an order {whose}"
        turn.alert(AlertLevel.PAGE, "FOREIGN_ORDER", text=text, ref=order.ref or None)
        turn.step_down(Mode.REDUCE_ONLY, text)


def _take_positions(turn: Turn, book: Book) -> None:
    """A complete list: what is not in it is zero, and that much is known.

    A first disagreement may be a fill whose report is still under way: it asks again. One that
    stays is paged, once.
    """
    listed = {position.con_id: position.quantity for position in book.positions}
    ours = {*turn.state.contracts, *(cycle.con_id for cycle in turn.state.cycles.values())}
    for con_id in sorted(ours):
        view = turn.state.position(con_id)
        reported = listed.get(con_id, 0)
        count = 0 if reported == view.booked else view.disagreeing_books + 1
        turn.put_position(
            replace(view, reported=reported, confirmed=True, disagreeing_books=count)
        )
        text = f"contract {con_id}: the broker reports {reported}, our fills say {view.booked}"
        if count == 1:
            turn.query_book(text)
        elif count == 2:
            turn.alert(AlertLevel.PAGE, "POSITION_MISMATCH", text=text)
            turn.step_down(Mode.REDUCE_ONLY, text)


def on_resume(turn: Turn) -> None:
    """A person has looked: doubts end, and a new book confirms the position or does not."""
    doubtful = {
        con_id: replace(view, doubt=None, confirmed=False)
        for con_id, view in turn.state.positions.items()
        if view.doubt is not None
    }
    if doubtful:
        turn.replace(positions={**turn.state.positions, **doubtful})
        turn.query_book("a person resumed after a doubt")
