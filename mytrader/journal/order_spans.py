"""Each order of a cycle as a span: intended, written, acknowledged, filled or dead."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from mytrader.domain import commands, events
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.known import Known
from mytrader.domain.orders import Death, OrderRef, OrderSpec, Role, TrackedOrder, parse_ref
from mytrader.journal.cycle_histories import CycleHistory
from mytrader.journal.trace import Span, SpanEvent, Value, plain
from mytrader.ports import JournalRecord

ORDER_EVENTS_MAX: Final = 128
"""Events shown on one order's span; a stop that is trailed for hours has many changes."""

OVER: Final = frozenset({"Filled", "Cancelled", "ApiCancelled", "Inactive"})
"""Statuses by which the broker says that an order is over."""

_ROLE_NAMES: Final = {
    Role.ENTRY: "entry",
    Role.STOP: "stop",
    Role.TARGET: "target",
    Role.EXIT: "exit",
    Role.EMERGENCY: "emergency stop",
}


class _Story(Struct):
    """What the records tell of one order."""

    spec: OrderSpec
    first: OrderSpec
    intended_at: datetime
    told: list[SpanEvent] = []
    over_at: datetime | None = None

    def tell(self, name: str, at: datetime, attributes: dict[str, Value] | None = None) -> None:
        if len(self.told) < ORDER_EVENTS_MAX:
            self.told.append(SpanEvent(name, at, attributes or {}))


def price_of(symbol: str, ticks: int | None) -> float | None:
    """Return a price in index points, `None` where symbol or price is not known."""
    instrument = INSTRUMENTS.get(symbol)
    return None if instrument is None or ticks is None else float(instrument.price(ticks))


def events_of_fills(history: CycleHistory) -> Iterator[tuple[datetime, int]]:
    """Yield when each fill of a cycle was recorded, with its signed quantity, in order."""
    counted = {fill.exec_id for fill in history.cycle.fills}
    for record, fill in _fills(history):
        if fill.exec_id in counted:
            counted.discard(fill.exec_id)
            yield record.at, fill.side.sign * fill.quantity


def _fills(history: CycleHistory) -> Iterator[tuple[JournalRecord, Execution]]:
    """Yield every execution that the records tell of, repeats included."""
    for record in history.records:
        match record.event:
            case events.ExecutionReported(execution):
                yield record, execution
            case events.BookAnswered(_, Known(book)):
                for fill in book.executions:
                    yield record, fill
            case _:
                pass


def order_spans(history: CycleHistory, ended_at: datetime) -> Iterator[Span]:
    """Yield one span for each order that was ever intended, in that order."""
    stories: dict[str, _Story] = {}
    for record in history.records:
        _take_event(stories, record, history)
        for command in record.commands:
            _take_command(stories, command, record, cycle_id=history.cycle.cycle_id)
    for ref, story in stories.items():
        parts = parse_ref(ref)
        if parts is not None:
            yield _span(story, parts, history, ended_at=ended_at)


def _take_command(
    stories: dict[str, _Story],
    command: commands.AnyCommand,
    record: JournalRecord,
    *,
    cycle_id: str,
) -> None:
    for spec in commands.new_orders(command):
        parts = parse_ref(spec.ref)
        if parts is not None and parts.cycle_id == cycle_id:
            stories.setdefault(spec.ref, _Story(spec, spec, record.at))
    match command:
        case commands.ChangeOrder(approved, why) if approved.order.ref in stories:
            changed = stories[approved.order.ref]
            changed.tell("change asked", record.at, {"mytrader.order.why": plain(why)})
            changed.spec = approved.order
        case commands.CancelOrder(ref, why) if ref in stories:
            stories[ref].tell("cancel asked", record.at, {"mytrader.order.why": plain(why)})
        case _:
            pass


def _take_event(stories: dict[str, _Story], record: JournalRecord, history: CycleHistory) -> None:
    match record.event:
        case events.OrderWritten(ref, _, action) if ref in stories:
            stories[ref].tell("written", record.at, {"mytrader.order.action": action})
        case events.OrderNotWritten(ref, action, code) if ref in stories:
            told: dict[str, Value] = {"mytrader.order.action": action, "error.type": plain(code)}
            stories[ref].tell("not written", record.at, told)
            if action == "place":
                stories[ref].over_at = record.at
        case events.ErrorReported(ref, _, code) if ref in stories:
            stories[ref].tell("broker error", record.at, {"mytrader.broker.code": code})
        case events.OrderReported() | events.StatusReported():
            _take_status(stories, record.event.ref, record.event.status, at=record.at)
        case events.ExecutionReported(execution):
            _take_fill(stories, execution, history, at=record.at)
        case events.BookAnswered(_, Known(book)):
            for order in book.orders:
                _take_status(stories, order.ref, order.status, at=record.at)
            for fill in book.executions:
                _take_fill(stories, fill, history, at=record.at)
        case _:
            pass


def _take_status(stories: dict[str, _Story], ref: str, status: str, *, at: datetime) -> None:
    story = stories.get(ref)
    if story is None:
        return
    told = [each.name for each in story.told if each.name.startswith("status ")]
    name = f"status {plain(status, 20)}"
    if told[-1:] == [name]:
        return
    story.tell(name, at)
    if status in OVER:
        story.over_at = story.over_at or at


def _take_fill(
    stories: dict[str, _Story], fill: Execution, history: CycleHistory, *, at: datetime
) -> None:
    story = stories.get(fill.ref)
    if story is None:
        return
    cycle = history.cycle
    told: dict[str, Value] = {
        "mytrader.fill.id": plain(fill.exec_id, 60),
        "mytrader.fill.quantity": fill.quantity,
    }
    if any(
        each.attributes.get("mytrader.fill.id") == told["mytrader.fill.id"] for each in story.told
    ):
        return
    price = price_of(cycle.symbol, fill.price)
    if price is not None:
        told["mytrader.fill.price"] = price
    commission = cycle.commissions_usd.get(fill.exec_id)
    if commission is not None:
        told["mytrader.fill.commission_usd"] = float(commission)
    story.tell("fill", at, told)
    order = cycle.orders.get(fill.ref)
    if order is not None and order.death is Death.FILLED:
        story.over_at = at


def _span(story: _Story, parts: OrderRef, history: CycleHistory, *, ended_at: datetime) -> Span:
    order = history.cycle.orders.get(story.spec.ref)
    name = _ROLE_NAMES[parts.role]
    over_at = story.over_at or ended_at
    told = tuple(each for each in story.told if each.at <= max(over_at, ended_at))
    return Span(
        key=f"order {parts.role.value}{parts.number}",
        name=f"order {name}",
        started_at=story.intended_at,
        ended_at=max(over_at, story.intended_at),
        attributes=_attributes(story, history.cycle.symbol, order),
        events=told,
        error=_failure(order),
        remote=True,
    )


def _failure(order: TrackedOrder | None) -> str:
    if order is None or order.refusal is None:
        return ""
    return "refused"


def _attributes(story: _Story, symbol: str, order: TrackedOrder | None) -> dict[str, Value]:
    spec = story.spec
    found: dict[str, Value] = {
        "mytrader.order.ref": spec.ref,
        "mytrader.order.role": _ROLE_NAMES[spec.role],
        "mytrader.order.type": spec.kind.value,
        "mytrader.order.side": spec.side.value,
        "mytrader.order.quantity": spec.quantity,
    }
    for name, ticks in (("limit", spec.limit), ("stop", spec.stop)):
        price = price_of(symbol, ticks)
        if price is not None:
            found[f"mytrader.order.{name}"] = price
    moved = spec.stop != story.first.stop or spec.limit != story.first.limit
    began = price_of(symbol, story.first.limit if spec.stop is None else story.first.stop)
    if moved and began is not None:
        found["mytrader.order.moved_from"] = began
    written = next((each.at for each in story.told if each.name == "written"), None)
    heard = next((each.at for each in story.told if each.name.startswith("status ")), None)
    if written is not None and heard is not None:
        found["mytrader.order.acknowledged_ms"] = (heard - written).total_seconds() * 1000
    if order is not None:
        found["mytrader.order.filled"] = order.filled
        found["mytrader.order.end"] = "live" if order.death is None else order.death.value
    return found
