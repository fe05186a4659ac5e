"""What the local decision advisor makes of past trades that were like the proposed one.

Two things in a recall argue for waiting:

- **a lesson**: a trade to be avoided lies within a quarter of the usual distance between two
  trades, half of what counts as similar. Of the pairs of one side among the crosses of November
  2025 one in eight hundred is as near: it is the same situation but for noise;
- **a poor record**: of at least eight similar trades the money that came back as gain is less
  than a third of what moved, after shrinking towards an even chance: each dollar gained cost two.

The thresholds are round and were fitted to nothing.

**Both are advisory.** What made the founding loss possible was machinery: no stop, an exit that
opened, a WAIT without force. The guards refuse each of these whatever anybody's confidence is, so
the lesson need not bind to keep it from happening again. What is left of it is one trade in one
situation, and a single loss that bound would close that situation for ever: nothing would be
traded there, so nothing could ever correct it. An advisory WAIT yields only to a signal above 0.75
(SAFETY.md I7); the founding signal stood at 0.62 and is held.
"""

from typing import Final

from msgspec import Struct

from mytrader.domain.memory import Recall, SimilarTrade

AVOID_DISTANCE_MAX: Final = 0.25
RECORD_TRADES_MIN: Final = 8
RECORD_SUPPORT_BELOW: Final = 1 / 3


class Objection(Struct, frozen=True):
    """One reason to wait. `confidence` is 0.5 at its threshold and 1 at its far end."""

    text: str
    confidence: float
    cited: tuple[str, ...]


def objections(recall: Recall | None) -> list[Objection]:
    """Return what a recall that did not fail says against the trade, the nearest lesson first."""
    if recall is None:
        return []
    lessons = [trade for trade in recall.similar if _is_lesson(trade)]
    found = [_lesson(lessons[0], cached=recall.cached)] if lessons else []
    record = _record(recall)
    return found if record is None else [*found, record]


def _is_lesson(trade: SimilarTrade) -> bool:
    return trade.avoid and 0 <= trade.distance <= AVOID_DISTANCE_MAX


def _lesson(trade: SimilarTrade, *, cached: bool) -> Objection:
    when = ", as remembered a moment ago" if cached else ""
    near = f"much like {trade.document_id} (distance {trade.distance:.2f}{when})"
    return Objection(
        text=f'{near}: "{trade.lesson}"',
        confidence=_confidence(1 - trade.distance / AVOID_DISTANCE_MAX),
        cited=(trade.document_id,),
    )


def _record(recall: Recall) -> Objection | None:
    support = recall.support
    if support is None or recall.trades < RECORD_TRADES_MIN or support >= RECORD_SUPPORT_BELOW:
        return None
    mean = "" if recall.mean_r is None else f", {recall.mean_r:+.2f} R on average"
    return Objection(
        text=(
            f"of {recall.trades} trades like this one {recall.wins} won{mean}: support "
            f"{support:.2f} is below {RECORD_SUPPORT_BELOW:.2f}"
        ),
        confidence=_confidence(1 - support / RECORD_SUPPORT_BELOW),
        cited=tuple(trade.document_id for trade in recall.similar),
    )


def _confidence(part: float) -> float:
    return round(0.5 + part / 2, 4)
