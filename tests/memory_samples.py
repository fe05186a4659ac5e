"""Trades and questions for the memory's tests, each a small step from a usual situation."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs

from mytrader.domain.cycle import ExitReason, Phase, TradeCycle
from mytrader.domain.decision import Question, Signal
from mytrader.domain.fills import Execution
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from tests.domain_samples import ES_DECEMBER, NOON

FEATURES: Final = {
    "minute_of_session": 950.0,
    "close": 27_200.0,
    "ema_slow": 27_180.0,
    "ema_slow_slope": 4.0,
    "atr": 10.0,
    "efficiency_ratio": 0.4,
    "efficiency_net": 30.0,
    "volatility_ratio": 1.1,
    "volume_ratio": 0.9,
    "volume_minutes": 120.0,
}
REGIME: Final = Regime(Trend.UPTREND, Volatility.MEDIUM)
OPENED: Final = datetime(2026, 1, 5, 15, tzinfo=UTC)


@contextmanager
def everything_told() -> Iterator[list[MutableMapping[str, Any]]]:
    """Collect every log line, whatever level another test has left behind."""
    before = structlog.get_config()
    structlog.reset_defaults()
    try:
        with capture_logs() as told:
            yield told
    finally:
        structlog.configure(**before)


def features(**changed: float) -> dict[str, float]:
    """Return the usual numbers with some of them changed."""
    return {**FEATURES, **changed}


def random_features(random: Random) -> dict[str, float]:
    """Return the numbers of some situation."""
    return features(
        minute_of_session=float(random.randrange(1380)),
        ema_slow=27_200.0 - random.gauss(15, 12),
        ema_slow_slope=random.gauss(1.5, 3),
        efficiency_ratio=abs(random.gauss(0.2, 0.2)),
        efficiency_net=random.choice((-10.0, 10.0)),
        volatility_ratio=random.lognormvariate(0, 0.4),
        volume_ratio=random.lognormvariate(0, 0.5),
        atr=random.lognormvariate(2.3, 0.5),
    )


def a_document(number: int = 1, **changed: Any) -> TradeDocument:  # noqa: ANN401 - any field
    """Return a trade that earned one R, or another one."""
    document = TradeDocument(
        document_id=f"{number:026d}",
        symbol="ES",
        side=Side.BUY,
        strategy="ema-cross",
        confidence=0.7,
        features=dict(FEATURES),
        regime=REGIME,
        opened_at=OPENED + timedelta(hours=number),
        closed_at=OPENED + timedelta(hours=number, minutes=10),
        net_usd=Decimal(500),
        commission_usd=Decimal("4.80"),
        risk_usd=Decimal(500),
        result_r=1.0,
        exit_reason="target",
        lesson="BUY ES earned $500.00 (+1.00 R), closed by target.",
    )
    return replace(document, **changed)


def random_documents(seed: int, count: int) -> list[TradeDocument]:
    """Return trades of several strategies, sides and markets; equal seeds give equal ones."""
    random = Random(seed)  # noqa: S311 - made-up trades, not secrets
    made = []
    for number in range(1, count + 1):
        result = round(random.gauss(0, 1.2), 3)
        made.append(
            a_document(
                number,
                symbol=random.choice(("ES", "ES", "MES", "NQ")),
                side=random.choice((Side.BUY, Side.SELL)),
                strategy=random.choice(("ema-cross", "opening-range", "")),
                features=random_features(random),
                regime=random.choice((REGIME, None, Regime(Trend.RANGE, Volatility.HIGH))),
                net_usd=Decimal(str(round(500 * result, 2))),
                result_r=result,
                avoid=result < -1.5,
            )
        )
    return made


def a_signal(**changed: Any) -> Signal:  # noqa: ANN401 - any field
    """Return a long proposal in the usual situation."""
    signal = Signal(
        strategy="ema-cross",
        side=Side.BUY,
        confidence=0.7,
        entry=Decimal("6800.00"),
        stop=Decimal("6795.00"),
        target=Decimal("6810.00"),
        features=dict(FEATURES),
        reason="a sample",
        regime=REGIME,
    )
    return replace(signal, **changed)


def a_question(symbol: str = "ES", **changed: Any) -> Question:  # noqa: ANN401 - any field
    """Return what is asked about a proposal."""
    return Question("Q" * 26, ES_DECEMBER, symbol, a_signal(**changed))


def question_like(document: TradeDocument, **changed: Any) -> Question:  # noqa: ANN401 - any field
    """Return a proposal in exactly the situation of a trade."""
    same = {
        "side": document.side,
        "strategy": document.strategy,
        "features": dict(document.features),
        "regime": document.regime,
    }
    return a_question(document.symbol, **(same | changed))


def a_trade(
    number: int = 1, *, exit_price: int = 27_240, con_id: int = ES_DECEMBER, symbol: str = "ES"
) -> TradeCycle:
    """Return a long trade of one contract from 27200 ticks, closed with both commissions."""
    cycle_id = f"{number:026d}"
    bought = fill(cycle_id, "E1", side=Side.BUY, price=27_200, con_id=con_id)
    sold = fill(cycle_id, "S1", side=Side.SELL, price=exit_price, con_id=con_id)
    return TradeCycle(
        cycle_id=cycle_id,
        con_id=con_id,
        symbol=symbol,
        phase=Phase.CLOSED,
        side=Side.BUY,
        signal=a_signal(),
        proposed_at=NOON,
        fills=(bought, sold),
        commissions_usd={bought.exec_id: Decimal("2.40"), sold.exec_id: Decimal("2.40")},
        exit_reason=ExitReason.STOP if exit_price < 27_200 else ExitReason.TARGET,
        opened_at=NOON,
        closed_at=NOON + timedelta(minutes=20),
    )


def fill(cycle_id: str, role: str, *, side: Side, price: int, con_id: int) -> Execution:
    """Return the fill of one order of a cycle; the price is in ticks."""
    return Execution(
        exec_id=f"{cycle_id}.{role}",
        ref=f"mt/{cycle_id}/{role}",
        order_id=7,
        perm_id=9,
        con_id=con_id,
        side=side,
        quantity=1,
        price=price,
        at=NOON,
    )
