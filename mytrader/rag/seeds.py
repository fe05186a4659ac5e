"""What every memory knows before its first trade: the loss that this project was founded on.

The facts are those of `mytrader.domain.founding`.

The features are those of `signals.features.FeatureEngine` after the last minute that was closed
when the order went out (08:52 to 08:53 CT), over the ES bars of that session from its first one;
a test makes them again where the bars are at hand. The regime is ours too: RANGE with MEDIUM
volatility. The earlier trader's own log called it UPTREND.
"""

from decimal import Decimal
from typing import Final

from mytrader.domain import founding
from mytrader.domain.memory import TradeDocument
from mytrader.domain.regime import Regime, Trend, Volatility

FOUNDING_LOSS: Final = TradeDocument(
    document_id=founding.FOUNDING_ID,
    symbol=founding.SYMBOL,
    side=founding.SIDE,
    strategy="",
    confidence=0.62,
    features={
        "minute_of_session": 952.0,
        "close": 27563.0,
        "ema_fast": 27576.7732,
        "ema_slow": 27591.565,
        "ema_fast_slope": -22.8423,
        "ema_slow_slope": -13.3439,
        "atr": 14.1663,
        "efficiency_ratio": 0.1549,
        "efficiency_net": -22.0,
        "efficiency_session": 0.2261,
        "volatility": 8.5323,
        "volatility_ratio": 1.1643,
        "volume_5m": 24832.0,
        "volume_5m_expected": 24780.8505,
        "volume_ratio": 1.0021,
        "volume_minutes": 120.0,
    },
    regime=Regime(Trend.RANGE, Volatility.MEDIUM),
    opened_at=founding.FILLED_AT,
    closed_at=founding.CLOSED_AT,
    net_usd=founding.NET_USD,
    commission_usd=Decimal(0),
    risk_usd=None,
    result_r=None,
    exit_reason="",
    advice=("WAIT:decision",),
    lesson=(
        "BUY ES lost $1700.00; avoid: nothing limited the loss, it was entered against an "
        "advisor's WAIT, and an order meant to close a short had opened it."
    ),
    avoid=True,
)
SEEDS: Final = (FOUNDING_LOSS,)
SEED_IDS: Final = frozenset(seed.document_id for seed in SEEDS)
