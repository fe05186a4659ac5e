"""What is proposed and what is said about it: signals, opinions, and the hybrid confidence."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mytrader.domain.orders import Side


class Signal(Struct, frozen=True):
    """A strategy's proposal. Prices in index points; `None` is a leg the strategy did not give.

    `confidence` is 0 to 1; `features` are the numbers the decision was made from.
    """

    strategy: str
    side: Side
    confidence: float
    entry: Decimal
    stop: Decimal | None
    target: Decimal | None
    features: dict[str, float]
    reason: str
    warm: bool = True


class Advice(StrEnum):
    """An advisor may let an entry pass or argue against it; there is no third answer."""

    GO = "GO"
    WAIT = "WAIT"


class AdvisorRole(StrEnum):
    """The decision advisor judges the trade, the risk advisor the circumstances."""

    DECISION = "decision"
    RISK = "risk"


class Opinion(Struct, frozen=True):
    """One advisor's answer, or its failure.

    `failure` names a timeout, an error or an unreadable reply; such an opinion is a WAIT that
    binds. `confidence` is 0 to 1. `size_multiplier` is at most 1.
    """

    advisor: str
    role: AdvisorRole
    decision: Advice
    rationale: str
    confidence: float | None = None
    advisory_only: bool = False
    size_multiplier: float = 1.0
    failure: str | None = None
    latency_ms: float = 0.0

    @property
    def binding(self) -> bool:
        """Whether a WAIT from this opinion blocks whatever the signal's confidence is."""
        return self.role is AdvisorRole.RISK or self.failure is not None or not self.advisory_only


WEIGHT_TECHNICAL: Final = 0.5
WEIGHT_MODEL: Final = 0.3
WEIGHT_MEMORY: Final = 0.2


def hybrid_confidence(
    technical: float, model: float | None = None, memory: float | None = None
) -> float:
    """Return the weighted confidence, never above the signal's own.

    An absent source gives its weight to the technical one (DESIGN.md section 5), so nothing
    that an advisor or a memory says can raise permission. A source that is not a number makes
    the result not a number, which no guard accepts.
    """
    weighted = WEIGHT_TECHNICAL * technical
    weighted += WEIGHT_MODEL * (technical if model is None else model)
    weighted += WEIGHT_MEMORY * (technical if memory is None else memory)
    # In this order: `min` keeps its first argument when that is not a number.
    return min(weighted, technical)
