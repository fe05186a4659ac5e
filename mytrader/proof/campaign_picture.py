"""The distribution of unprotected intervals as a picture: plain SVG, drawn from a tally."""

from typing import Final

from mytrader.proof.tally import BOUNDS_S, Tally

_WIDTH: Final = 760
_HEIGHT: Final = 300
_LEFT: Final = 60
_BASE: Final = 220
_TOP: Final = 50


def picture(tally: Tally, title: str) -> str:
    """Return an SVG document: a bar for each class of length, as high as its share."""
    most = max(*tally.bare, 1)
    step = (_WIDTH - 2 * _LEFT) / len(tally.bare)
    names = [*(f"≤{bound:g}" for bound in BOUNDS_S), f">{BOUNDS_S[-1]:g}"]
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{_escaped(title)}</text>',
    ]
    for place, (name, count) in enumerate(zip(names, tally.bare, strict=True)):
        height = (_BASE - _TOP) * count / most
        x = _LEFT + place * step
        parts += [
            (
                f'<rect x="{x + 3:.1f}" y="{_BASE - height:.1f}" width="{step - 6:.1f}" '
                f'height="{height:.1f}" fill="#3b6ea5"/>'
            ),
            (
                f'<text x="{x + step / 2:.1f}" y="{_BASE - height - 5:.1f}" text-anchor="middle">'
                f"{count or ''}</text>"
            ),
            f'<text x="{x + step / 2:.1f}" y="{_BASE + 16}" text-anchor="middle">{name}</text>',
        ]
    parts += [
        (
            f'<text x="{_WIDTH / 2}" y="{_BASE + 38}" text-anchor="middle">'
            "seconds without a stop of the position's size, by the exchange's ledger</text>"
        ),
        (
            f'<text x="{_WIDTH / 2}" y="{_BASE + 58}" text-anchor="middle">longest '
            f"{tally.longest[0]:.3f} s; while the trader ran and knew "
            f"{tally.longest_answerable[0]:.3f} s, with neither page nor exit nor halt "
            f"{tally.longest_unanswered[0]:.3f} s</text>"
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
