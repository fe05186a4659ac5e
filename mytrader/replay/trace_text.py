"""A trace in the terminal, and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.text import Text

from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.journal.trace import Trace, span_number, trace_hex
from mytrader.replay.waterfall import Axis, Row, axis_of, label_of, lasting, rows_of

COLUMNS_MIN: Final = 60
LABEL_COLUMNS_MAX: Final = 26
BARS_LEAST: Final = 0.45
"""The part of what names and lengths leave that is never given to the words beside the bars."""

_BAR: Final = "█"
_MOMENT: Final = "◆"
_FILL: Final = "●"
_CUT: Final = "│"
_STYLES: Final = {
    "cycle": "bold",
    "signal": "blue",
    "advice": "blue",
    "memory": "blue",
    "advisor": "blue",
    "call": "blue",
    "margin": "blue",
    "guards": "magenta",
    "order": "cyan",
    "position": "green",
    "cover": "yellow",
    "exit": "green",
}


class _Columns(NamedTuple):
    labels: int
    bars: int
    lasted: int
    notes: int


def print_trace(trace: Trace, console: Console, *, whole: bool = False) -> None:
    """Draw a trace over the whole width of the console; `whole` cuts no words at its end."""
    axis = axis_of(trace)
    rows = rows_of(trace, axis)
    columns = _columns(rows, max(console.width, COLUMNS_MIN))
    for line in [*_head(trace), *_scale(axis, columns)]:
        console.print(line, soft_wrap=True)
    for row in rows:
        note = row.note if whole else _fitted(row.note, columns.notes).rstrip()
        console.print(_drawn(row, axis, columns, note=note), soft_wrap=True)
    for line in _refusals(trace):
        console.print(line, soft_wrap=True)


def _columns(rows: Sequence[Row], width: int) -> _Columns:
    """Share a width out: names and lengths get what they need, the bars what the notes leave."""
    labels = min(max(len(_label(row)) for row in rows), LABEL_COLUMNS_MAX)
    lasted = max(len(lasting(row.span.lasted)) for row in rows)
    rest = width - labels - lasted - 4
    bars = max(rest - max(len(row.note) for row in rows), int(rest * BARS_LEAST))
    return _Columns(labels, bars, lasted, rest - bars)


def _label(row: Row) -> str:
    return " " * row.depth + label_of(row.span)


def _head(trace: Trace) -> Iterator[Text]:
    root = trace.root
    said = root.attributes
    what = f"{said.get('mytrader.side')} {said.get('mytrader.quantity')}"
    began = root.started_at.astimezone(EXCHANGE_ZONE)
    yield Text.assemble(
        (f"cycle {trace.cycle_id}", "bold"),
        f"  {what} {said.get('mytrader.symbol')}  {began:%Y-%m-%d %H:%M:%S} CT",
    )
    yield Text(f"trace {trace_hex(trace.cycle_id)}", "dim")


def _scale(axis: Axis, columns: _Columns) -> Iterator[Text]:
    """Say how long each stretch of the axis is, and name it where it begins."""
    said = [f"{each.name} {lasting(each.ended - each.began)}" for each in axis.stretches]
    if len(said) > 1:
        yield Text(f"scales: {f' {_CUT} '.join(said)}", "dim")
    yield Text()
    names = [" "] * columns.bars
    for stretch in axis.stretches:
        left, right = round(stretch.left * columns.bars), round(stretch.right * columns.bars)
        room = max(right - left - 1, 0)
        names[left : left + min(room, len(stretch.name))] = stretch.name[:room]
    yield Text(" " * (columns.labels + 1) + "".join(names), "dim")


def _drawn(row: Row, axis: Axis, columns: _Columns, *, note: str) -> Text:
    style = "red" if row.span.error else _STYLES.get(row.span.key.split(" ")[0], "white")
    return Text.assemble(
        (_fitted(_label(row), columns.labels), "bold" if row.depth == 0 else ""),
        " ",
        *_bar(row, axis, columns.bars, style=style),
        (f" {lasting(row.span.lasted).rjust(columns.lasted)}", "dim"),
        "  ",
        (note, "red" if row.span.error else ""),
    )


def _bar(row: Row, axis: Axis, bars: int, *, style: str) -> Iterator[tuple[str, str]]:
    """One cell after the other: the bar, moments and fills on it, and where the scale changes."""
    last = bars - 1
    first, end = _cell(row.left, bars), _cell(row.right, bars)
    marks = {_cell(mark, bars) for mark in row.marks}
    cuts = {_cell(stretch.left, bars) for stretch in axis.stretches[1:]}
    for cell in range(bars):
        inside = first <= cell <= max(first, min(end, last))
        if cell in marks:
            yield _FILL, "bold white"
        elif inside and row.is_moment:
            yield _MOMENT, style
        elif inside:
            yield _BAR, style
        else:
            yield (_CUT, "dim") if cell in cuts else (" ", "")


def _cell(place: float, bars: int) -> int:
    return min(int(place * bars), bars - 1)


def _refusals(trace: Trace) -> Iterator[Text]:
    """What each refusing guard said, where one refused."""
    for span in trace.spans:
        if span.key == "guards" and span.events:
            yield Text()
            for event in span.events:
                detail = str(event.attributes.get("mytrader.verdict.detail", "see the advice"))
                yield Text.assemble((event.name, "red"), f"  {detail}")


def _fitted(text: str, columns: int) -> str:
    return text.ljust(columns) if len(text) <= columns else text[: columns - 1] + "…"


def trace_view(trace: Trace) -> dict[str, Any]:
    """Return a trace as one JSON object, with the ids under which a collector holds it."""
    return {
        "cycle_id": trace.cycle_id,
        "trace_id": trace_hex(trace.cycle_id),
        "open": trace.open,
        "spans": [
            {
                "span_id": f"{span_number(trace.cycle_id, span.key):016x}",
                "parent_span_id": f"{span_number(trace.cycle_id, span.parent):016x}"
                if span.parent
                else None,
                "name": span.name,
                "started_at": span.started_at.isoformat(),
                "ended_at": span.ended_at.isoformat(),
                "duration_ms": round(span.lasted.total_seconds() * 1000, 3),
                "error": span.error or None,
                "attributes": span.attributes,
                "events": [
                    {"name": event.name, "at": event.at.isoformat(), **event.attributes}
                    for event in span.events
                ],
            }
            for span in trace.spans
        ],
    }
