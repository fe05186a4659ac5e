"""How a trace is laid out: rows in the order of the tree, on an axis of up to three scales.

Advice takes milliseconds and a position hours, so one scale would show one of them only. The axis
is cut where the trade itself is: the decision (until the position is covered), the holding, the
exit. Each stretch has its share of the width and its own scale, and says how long it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from mytrader.journal.trace import ROOT, Span, Trace, Value
from mytrader.plain_text import dollars

SHARES: Final = {"decision": 0.5, "holding": 0.25, "exit": 0.25}
SHARE_OF_NOTHING: Final = 0.1
_ZERO: Final = timedelta(0)
_SECOND: Final = timedelta(seconds=1)


class Stretch(Struct, frozen=True):
    """One part of the axis, drawn from `left` to `right` (0 to 1 of the whole width)."""

    name: str
    began: datetime
    ended: datetime
    left: float
    right: float

    def place(self, at: datetime) -> float:
        """Where a moment within it is drawn."""
        length = self.ended - self.began
        if length <= _ZERO:
            return self.left
        share = min(max((at - self.began) / length, 0.0), 1.0)
        return self.left + share * (self.right - self.left)


class Axis(Struct, frozen=True):
    """The stretches side by side, oldest first."""

    stretches: tuple[Stretch, ...]

    def place(self, at: datetime) -> float:
        """Where a moment is drawn, 0 to 1; one outside is drawn at the end that it is beyond."""
        for stretch in self.stretches[:-1]:
            if at < stretch.ended or (at == stretch.ended and at == stretch.began):
                return stretch.place(at)
        return self.stretches[-1].place(at)


class Row(Struct, frozen=True):
    """One span as it is drawn: `left` and `right` from 0 to 1, `marks` are fills."""

    span: Span
    depth: int
    left: float
    right: float
    marks: tuple[float, ...]
    note: str

    @property
    def is_moment(self) -> bool:
        """Whether it took no time that was measured."""
        return self.span.lasted == _ZERO


def axis_of(trace: Trace) -> Axis:
    """Return the axis of a trace: three stretches for a trade, one for a refusal."""
    began = min(span.started_at for span in trace.spans)
    ended = max(span.ended_at for span in trace.spans)
    by_key = {span.key: span for span in trace.spans}
    position, leaving = by_key.get("position"), by_key.get("exit")
    if position is None:
        return Axis((Stretch("decision", began, ended, 0.0, 1.0),))
    cover = by_key.get("cover 1")
    covered_at = position.started_at if cover is None else cover.ended_at
    opened = max(position.started_at, min(covered_at, position.ended_at))
    left = ended if leaving is None else max(leaving.started_at, opened)
    bounds = [("decision", began, opened), ("holding", opened, left), ("exit", left, ended)]
    return Axis(tuple(_side_by_side(bounds if leaving is not None else bounds[:2])))


def _side_by_side(bounds: Sequence[tuple[str, datetime, datetime]]) -> Iterator[Stretch]:
    """Give each stretch its share of the width; one of no length only shows that it was there."""
    shares = [SHARES[name] if end > start else SHARE_OF_NOTHING for name, start, end in bounds]
    at = 0.0
    for (name, start, end), share in zip(bounds, shares, strict=True):
        right = min(at + share / sum(shares), 1.0)
        yield Stretch(name, start, end, at, right)
        at = right


def rows_of(trace: Trace, axis: Axis) -> list[Row]:
    """Return the rows of a trace, each span below its parent, in order of beginning."""
    return list(_walk(trace, axis, key=ROOT, depth=0))


def _walk(trace: Trace, axis: Axis, *, key: str, depth: int) -> Iterator[Row]:
    for span in trace.spans:
        if span.key == key:
            yield _row(span, axis, depth=depth)
    for child in trace.children(key):
        yield from _walk(trace, axis, key=child.key, depth=depth + 1)


def _row(span: Span, axis: Axis, *, depth: int) -> Row:
    return Row(
        span=span,
        depth=depth,
        left=axis.place(span.started_at),
        right=axis.place(span.ended_at),
        marks=tuple(axis.place(event.at) for event in span.events if event.name == "fill"),
        note=note_of(span),
    )


def label_of(span: Span) -> str:
    """Return what a span is called on a page: its name, and which one of several orders it is."""
    number = span.key.removeprefix("order ")
    return span.name if number == span.key else f"{span.name} {number}"


def lasting(length: timedelta) -> str:
    """Return a length of time in the unit in which people would say it."""
    seconds = length / _SECOND
    if seconds < 0.0000005:
        return "0"
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


# What stands beside a bar


def note_of(span: Span) -> str:
    """Return what matters most of a span, in a few words: codes, prices, results."""
    write = _NOTES.get(span.key.split(" ")[0])
    said = "" if write is None else write(_Said(span.attributes))
    return " ".join(part for part in (said, span.error if span.error not in said else "") if part)


class _Said:
    """The attributes of a span by their short names."""

    def __init__(self, attributes: Mapping[str, Value]) -> None:
        self._attributes = attributes

    def get(self, name: str) -> Value | None:
        return self._attributes.get(f"mytrader.{name}")

    def text(self, name: str) -> str:
        value = self.get(name)
        return " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)

    def price(self, name: str) -> str:
        value = self.get(name)
        return f"{value:.2f}" if isinstance(value, int | float) else "?"

    def usd(self, name: str) -> str:
        value = self.get(name)
        return dollars(value) if isinstance(value, int | float) else "?"


def _cycle_note(said: _Said) -> str:
    ended = said.text("cycle.phase")
    if said.get("net_usd") is not None:
        return f"{ended} by {said.text('exit.reason')}, net {said.usd('net_usd')}"
    return f"{ended} {said.text('reason_codes')}".strip()


def _signal_note(said: _Said) -> str:
    prices = " ".join(
        f"{name} {said.price(f'signal.{name}')}"
        for name in ("entry", "stop", "target")
        if said.get(f"signal.{name}") is not None
    )
    return f"{said.price('signal.confidence')} {prices}"


def _memory_note(said: _Said) -> str:
    return f"{said.text('memory.similar')} alike" + (
        f", support {said.price('memory.support')}" if said.get("memory.support") else ""
    )


def _advisor_note(said: _Said) -> str:
    confidence = said.get("advice.confidence")
    sure = "" if confidence is None else f" {said.price('advice.confidence')}"
    return (
        f"{said.text('advice.decision')}{sure}{' (cached)' if said.get('advice.cached') else ''}"
    )


def _call_note(said: _Said) -> str:
    cost = said.get("call.cost_usd")
    paid = "" if not isinstance(cost, float) else f", ${cost:.4f}"
    return f"try {said.text('call.attempt')}: {said.text('call.outcome')}{paid}"


def _guards_note(said: _Said) -> str:
    refused = said.text("guards.refused")
    return f"refused: {refused}" if refused else f"{said.text('guards.asked')} passed"


def _order_note(said: _Said) -> str:
    price = said.price("order.stop" if said.get("order.stop") is not None else "order.limit")
    what = f"{said.text('order.side')} {said.text('order.quantity')} {said.text('order.type')}"
    if said.get("order.moved_from") is not None:
        price = f"{said.price('order.moved_from')} moved to {price}"
    return f"{what} {price} {said.text('order.end')}"


def _position_note(said: _Said) -> str:
    out = f", out {said.price('exit_price')}" if said.get("exit_price") is not None else ""
    return f"{said.text('contracts')} at {said.price('entry_price')}{out}"


def _cover_note(said: _Said) -> str:
    seconds = said.get("unprotected_seconds")
    taken = isinstance(seconds, float) and seconds > 0
    return f"{seconds:.3f} s uncovered" if taken else "covered at once"


def _exit_note(said: _Said) -> str:
    price = said.get("exit.last_price")
    at = "" if price is None else f" at {said.price('exit.last_price')}"
    stages = said.text("exit.stages")
    return f"{said.text('exit.reason')}{at}{f' ({stages})' if stages else ''}"


_NOTES: Final[dict[str, Callable[[_Said], str]]] = {
    "cycle": _cycle_note,
    "signal": _signal_note,
    "memory": _memory_note,
    "advisor": _advisor_note,
    "call": _call_note,
    "margin": lambda said: "stated" if said.get("margin.known") else "",
    "guards": _guards_note,
    "order": _order_note,
    "position": _position_note,
    "cover": _cover_note,
    "exit": _exit_note,
    "settlement": lambda said: f"commission {said.usd('commission_usd')}",
    "lesson": lambda said: said.text("lesson"),
}
