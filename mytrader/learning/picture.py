"""Mean R by strategy, regime and hour with its intervals, as a picture: plain SVG from tables."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from mytrader.learning.tables import HOUR, REGIME, STRATEGY, Row, Table, Tables
from mytrader.plain_text import one_line

_WIDTH: Final = 860
_LEFT: Final = 60
_PANEL: Final = 250
_TOP: Final = 70
_PLOT: Final = 150
_R_LEAST: Final = 1.0
"""The axis reaches at least one R to either side, so that little does not look like much."""

_R_MOST: Final = 3.0
_LOST: Final = "#b3403a"
_GAINED: Final = "#3a7d44"
_UNSURE: Final = "#3b6ea5"
_TOO_FEW: Final = "#9a9a9a"
PANELS: Final = (STRATEGY, REGIME, HOUR)
ROWS_MOST: Final = {HOUR: 24}
ROWS_ELSE: Final = 10
LABEL_CHARACTERS_MAX: Final = 40


def picture(
    found: Tables, title: str, *, closed: Mapping[str, Collection[str]] | None = None
) -> str:
    """Return an SVG document: trades by strategy, regime and hour, refusals by their reason.

    `closed` names for each of the three what the next start closes; it is marked.
    """
    tables = [(f"trades by {one.by}", one) for one in found.trades if one.by in PANELS]
    tables += [
        (f"refusals by {one.by}, as they would have ended", one) for one in found.refusals[:1]
    ]
    height = _TOP + len(tables) * _PANEL
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            'font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{_escaped(title)}</text>',
        (
            f'<text x="{_LEFT}" y="42">mean result in multiples of the risk, after costs; lines '
            "are intervals that hold for each panel at 95 %; grey: too few trades to tell</text>"
        ),
    ]
    for number, (name, table) in enumerate(tables):
        shut = (closed or {}).get(table.by, ())
        parts += _panel(table, name, top=_TOP + number * _PANEL, closed=shut)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(table: Table, name: str, *, top: float, closed: Collection[str] = ()) -> Iterator[str]:
    rows = _most_traded(table)
    most = _reach(rows)
    zero = top + 20 + _PLOT / 2
    yield f'<text x="{_LEFT}" y="{top + 8}" font-weight="bold">{_escaped(name)}</text>'
    if not rows:
        yield f'<text x="{_LEFT}" y="{zero}">no trades</text>'
        return
    for r in (-most, 0.0, most):
        y = zero - r / most * _PLOT / 2
        stroke = "#444" if r == 0 else "#ddd"
        yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - 20}" stroke="{stroke}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{r:+.1f} R</text>'
    step = (_WIDTH - 20 - _LEFT) / len(rows)
    for place, row in enumerate(rows):
        yield from _mark(row, x=_LEFT + (place + 0.5) * step, zero=zero, most=most)
        name = one_line(row.name.replace("_", " "), LABEL_CHARACTERS_MAX)
        words = [*name.split(" "), f"n={row.trades}"]
        words += ["closed"] if row.name in closed else []
        yield from _label(words, x=_LEFT + (place + 0.5) * step, y=zero + _PLOT / 2 + 16)


def _most_traded(table: Table) -> list[Row]:
    """The rows with a result, in their order; of many those with the most trades."""
    known = [row for row in table.rows if row.mean_r is not None]
    chosen = sorted(known, key=lambda row: -row.trades)[: ROWS_MOST.get(table.by, ROWS_ELSE)]
    return [row for row in known if row in chosen]


def _mark(row: Row, *, x: float, zero: float, most: float) -> Iterator[str]:
    """The mean as a point, its interval as a line."""

    def at(r: float) -> float:
        return zero - max(-most, min(r, most)) / most * _PLOT / 2

    colour = _colour(row)
    if row.mean is not None:
        yield (
            f'<path d="M{x:.1f} {at(row.mean.low):.1f}V{at(row.mean.high):.1f}" '
            f'stroke="{colour}" stroke-width="3"/>'
        )
    yield f'<circle cx="{x:.1f}" cy="{at(row.mean_r or 0.0):.1f}" r="5" fill="{colour}"/>'


def _label(words: Sequence[str], *, x: float, y: float) -> Iterator[str]:
    for line, word in enumerate(words):
        yield (
            f'<text x="{x:.1f}" y="{y + 12 * line:.1f}" font-size="10" '
            f'text-anchor="middle">{_escaped(word)}</text>'
        )


def _colour(row: Row) -> str:
    if row.mean is None:
        return _TOO_FEW
    if row.mean.below_zero:
        return _LOST
    return _GAINED if row.mean.above_zero else _UNSURE


def _reach(rows: Sequence[Row]) -> float:
    """How far the axis goes to either side."""
    reached = [abs(row.mean_r or 0.0) for row in rows]
    reached += [max(-row.mean.low, row.mean.high) for row in rows if row.mean is not None]
    return min(max([_R_LEAST, *reached]), _R_MOST)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
