"""What is proposed and what is said about it: signals, opinions, and the hybrid confidence."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mytrader.domain.memory import Recall
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime


class Signal(Struct, frozen=True):
    """A strategy's proposal. Prices in index points; `None` is a leg the strategy did not give.

    `confidence` is 0 to 1; `features` are the numbers the decision was made from. `regime` is
    `None` for a strategy that does not say what kind of market it sees.
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
    regime: Regime | None = None


class Question(Struct, frozen=True):
    """What is put before memory and advisors: a proposal with what is remembered of its like.

    `recall` is `None` before the memory was asked, and where there is no memory.
    """

    cycle_id: str
    con_id: int
    symbol: str
    signal: Signal
    recall: Recall | None = None


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
    `cited` are the ids of the remembered trades that the answer rests on. `cached` says that the
    same question was answered a little while ago.
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
    cited: tuple[str, ...] = ()
    cached: bool = False

    @property
    def binding(self) -> bool:
        """Whether a WAIT from this opinion blocks whatever the signal's confidence is."""
        return self.role is AdvisorRole.RISK or self.failure is not None or not self.advisory_only


class AdvisorCall(Struct, frozen=True):
    """One request to an advisor outside, as it ended; several may lead to one opinion.

    `target` names the agent or model. `outcome` is "answered", or why there is no answer, in one
    word ("throttled", "timeout", "abandoned"). Tokens and cost (dollars) are `None` where nobody
    told them. `reserved_usd` is what the budget set aside before the call.
    """

    advisor: str
    target: str
    attempt: int
    outcome: str
    latency_ms: float
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: Decimal | None = None
    reserved_usd: Decimal = Decimal(0)


class Counsel(Struct, frozen=True):
    """Everything that was said about one proposal."""

    opinions: tuple[Opinion, ...]
    recall: Recall | None = None


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
