"""What the nearest trades say of a proposed one: their record, and how much it supports it.

Trades count as similar up to a distance of a half. Of the pairs of one side among the 513 crosses
of November 2025 one in twenty is as near, so a memory speaks up after a hundred or two trades of a
side, and from then on of what is really alike.

**Support** is the share of the money at risk that came back as gain, each trade weighted by its
nearness, and shrunk towards an even chance:

    support = (2 + sum of w x gain) / (4 + sum of w x |result|)        w = 1 - (distance / 0.5)^2

`result` is in multiples of the trade's risk and counts as at most three, so that one windfall
cannot speak for all; a trade without a stop counts as one. One half is break-even, whatever the
share of winners: a strategy that wins one time in three at two to one is neither praised nor
blamed. With fewer than five similar trades there is no support (`None`), and the memory's weight
goes to the technical source.

Sources: the weights are the kernel of V. A. Epanechnikov, "Non-parametric estimation of a
multivariate probability density" (1969), used as by Nadaraya and Watson (1964); the two gains and
two losses that are added are those of A. Agresti and B. A. Coull, "Approximate is better than
'exact' for interval estimation of binomial proportions" (1998); gain by loss is the desk's profit
factor, written as a share. None of the numbers was fitted to results.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Final

from mytrader.domain.memory import Recall, SimilarTrade, TradeDocument

RADIUS: Final = 0.5
"""Half of what lies between two trades as a rule."""
SUPPORT_TRADES_MIN: Final = 5
PRIOR_EACH: Final = 2.0
RESULT_R_MAX: Final = 3.0
DISTANCE_DIGITS: Final = 4
SUPPORT_DIGITS: Final = 4


def recall_of(near: Sequence[tuple[float, TradeDocument]], *, count: int) -> Recall:
    """Return what (squared distance, document) pairs amount to; the nearest `count` count.

    Equally near ones are taken in the order of their ids, so that equal memories agree.
    """
    alike = [(sqrt(squared), document) for squared, document in near if squared <= RADIUS**2]
    alike.sort(key=lambda each: (each[0], each[1].document_id))
    alike = alike[:count]
    known = [each.result_r for _, each in alike if each.result_r is not None]
    return Recall(
        similar=tuple(similar_trade(distance, document) for distance, document in alike),
        support=_support(alike),
        trades=len(alike),
        wins=sum(document.net_usd > 0 for _, document in alike),
        mean_r=round(sum(known) / len(known), DISTANCE_DIGITS) if known else None,
    )


def similar_trade(distance: float, document: TradeDocument) -> SimilarTrade:
    """Return a document as it stands beside a proposal."""
    return SimilarTrade(
        document_id=document.document_id,
        distance=round(distance, DISTANCE_DIGITS),
        net_usd=document.net_usd,
        result_r=document.result_r,
        lesson=document.lesson,
        avoid=document.avoid,
    )


def _support(alike: Sequence[tuple[float, TradeDocument]]) -> float | None:
    if len(alike) < SUPPORT_TRADES_MIN:
        return None
    gained, moved = PRIOR_EACH, 2 * PRIOR_EACH
    for distance, document in alike:
        weight = 1 - (distance / RADIUS) ** 2
        result = _result(document)
        gained += weight * max(result, 0.0)
        moved += weight * abs(result)
    return round(gained / moved, SUPPORT_DIGITS)


def _result(document: TradeDocument) -> float:
    if document.result_r is None:
        return float((document.net_usd > 0) - (document.net_usd < 0))
    return min(max(document.result_r, -RESULT_R_MAX), RESULT_R_MAX)
