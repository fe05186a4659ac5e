"""A trace as a picture: one SVG file without scripts, fonts or references to anything outside."""

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.journal.trace import Trace, trace_hex
from mytrader.replay.waterfall import Axis, Row, axis_of, label_of, lasting, rows_of

WIDTH: Final = 1266
LABELS: Final = 226
BARS: Final = 520
LENGTHS: Final = LABELS + BARS + 92
NOTES: Final = LENGTHS + 14
CHARACTER: Final = 7.3
"""Width of one, at most: fonts of fixed width differ a little."""

ROW: Final = 22
TOP: Final = 96
MARGIN: Final = 16
NOTE_CHARACTERS: Final = int((WIDTH - NOTES - MARGIN) / CHARACTER)

_COLOURS: Final = {
    "cycle": "#44546a",
    "guards": "#8e5ea2",
    "order": "#2a9fb5",
    "position": "#3a8f5c",
    "cover": "#c9952b",
    "exit": "#3a8f5c",
    "settlement": "#7f8c8d",
    "lesson": "#7f8c8d",
}
_OPENING: Final = (
    'xmlns="http://www.w3.org/2000/svg" role="img" font-size="12"'
    ' font-family="ui-monospace, Menlo, Consolas, monospace"'
)
_DECISION: Final = "#3b6fb5"
_ERROR: Final = "#c0392b"


def trace_svg(trace: Trace) -> str:
    """Return the picture; equal traces give equal text."""
    axis = axis_of(trace)
    rows = rows_of(trace, axis)
    height = TOP + ROW * len(rows) + MARGIN
    said = trace.root.attributes
    began = trace.root.started_at.astimezone(EXCHANGE_ZONE)
    what = f"{said.get('mytrader.side')} {said.get('mytrader.quantity')}"
    title = f"{what} {said.get('mytrader.symbol')}, {began:%Y-%m-%d %H:%M:%S} CT"
    lines = [
        f'<svg {_OPENING} viewBox="0 0 {WIDTH} {height}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(MARGIN, 26, f"cycle {trace.cycle_id}", weight="bold", size=14),
        _text(MARGIN, 46, title),
        _text(NOTES, 26, f"trace {trace_hex(trace.cycle_id)}", fill="#7f8c8d"),
        *_scale(axis, height),
        *(line for number, row in enumerate(rows) for line in _row(row, TOP + ROW * number)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _scale(axis: Axis, height: int) -> Iterator[str]:
    for stretch in axis.stretches:
        left = _x(stretch.left)
        yield _text(left + 4, TOP - 26, stretch.name, fill="#44546a", weight="bold")
        yield _text(left + 4, TOP - 11, lasting(stretch.ended - stretch.began), fill="#7f8c8d")
        yield (
            f'<line x1="{left}" y1="{TOP - 38}" x2="{left}" y2="{height - MARGIN}"'
            ' stroke="#c8ced6" stroke-dasharray="3 3"/>'
        )


def _row(row: Row, top: int) -> Iterator[str]:
    colour = _ERROR if row.span.error else _COLOURS.get(row.span.key.split(" ")[0], _DECISION)
    left, right = _x(row.left), _x(row.right)
    base = top + 15
    indent = MARGIN + 12 * row.depth
    yield _text(indent, base, _fitted(label_of(row.span), int((LABELS - indent - 6) / CHARACTER)))
    if row.is_moment:
        middle = top + ROW / 2
        yield (f'<path d="M {left} {middle - 6} l 6 6 l -6 6 l -6 -6 z" fill="{colour}"/>')
    else:
        width = max(round(right - left, 1), 2)
        yield (
            f'<rect x="{left}" y="{top + 5}" width="{width}" height="12" rx="2" fill="{colour}"/>'
        )
    for mark in row.marks:
        yield (
            f'<circle cx="{_x(mark)}" cy="{top + 11}" r="4.5" fill="#ffffff" stroke="{colour}"'
            ' stroke-width="2"/>'
        )
    yield _text(LENGTHS, base, lasting(row.span.lasted), anchor="end", fill="#7f8c8d")
    note = _fitted(row.note, NOTE_CHARACTERS)
    yield _text(NOTES, base, note, fill=_ERROR if row.span.error else "#2c3e50")


def _fitted(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _x(place: float) -> float:
    return round(LABELS + place * BARS, 1)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    fill: str = "#2c3e50",
    weight: str = "normal",
    **more: str | int,
) -> str:
    size = f' font-size="{more["size"]}"' if "size" in more else ""
    anchor = f' text-anchor="{more["anchor"]}"' if "anchor" in more else ""
    bold = ' font-weight="bold"' if weight == "bold" else ""
    return f'<text x="{x}" y="{y}" fill="{fill}"{bold}{size}{anchor}>{escape(text)}</text>'
