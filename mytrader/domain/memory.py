"""What is remembered of finished trades, and what a memory says of a proposed one.

A `TradeDocument` is derived from the journal and can be derived again: a memory is never the only
copy of anything.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime


class TradeDocument(Struct, frozen=True):
    """One finished trade, or a loss of the past that was seeded from its facts.

    `document_id` is the trade's cycle id; that of a seed names where it comes from. `features`
    are the numbers of the signal as it raised them, not normalised. Money is dollars, `risk_usd`
    is what the entry would have lost at its stop (`None`: it had none), `result_r` is the net
    result in multiples of that risk. `advice` holds the reason codes of the decision. `lesson` is
    one plain line, and `avoid` says that it argues against repeating the trade.
    """

    document_id: str
    symbol: str
    side: Side
    strategy: str
    confidence: float
    features: dict[str, float]
    regime: Regime | None
    opened_at: datetime
    closed_at: datetime
    net_usd: Decimal
    commission_usd: Decimal
    risk_usd: Decimal | None
    result_r: float | None
    exit_reason: str
    advice: tuple[str, ...] = ()
    lesson: str = ""
    avoid: bool = False


class SimilarTrade(Struct, frozen=True):
    """A remembered trade beside a proposed one; `distance` is 0 for the same situation.

    Distances are over normalised features: 1 is a usual distance between two trades.
    """

    document_id: str
    distance: float
    net_usd: Decimal
    result_r: float | None
    lesson: str = ""
    avoid: bool = False


class Recall(Struct, frozen=True):
    """What the memory says of a proposal.

    `similar` is nearest first. `support` is what it lends to the trade, 0 to 1; `None` if it
    remembers too little to say anything. `failure` is why it could not answer: that is no empty
    memory. `cached` says that the same question was answered a little while ago.
    """

    similar: tuple[SimilarTrade, ...] = ()
    support: float | None = None
    trades: int = 0
    wins: int = 0
    mean_r: float | None = None
    cached: bool = False
    failure: str | None = None
    latency_ms: float = 0.0
