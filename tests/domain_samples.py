"""One small valid value of each kind, for tests that care about one field of it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.decision import Signal
from mytrader.domain.fills import Execution
from mytrader.domain.orders import OrderKind, OrderSpec, Role, Side

CYCLE_ID: Final = "01JCXW5M7Q0000000000000000"
NOON: Final = datetime(2025, 11, 12, 18, tzinfo=UTC)
ES_DECEMBER: Final = 495512563


def an_order(role: Role = Role.STOP, *, number: int = 1, quantity: int = 1) -> OrderSpec:
    """Return a resting sell stop-limit of the sample cycle, or another role of it."""
    return OrderSpec(
        ref=f"mt/{CYCLE_ID}/{role}{number}",
        con_id=ES_DECEMBER,
        side=Side.SELL,
        quantity=quantity,
        kind=OrderKind.STP_LMT,
        limit=26_980,
        stop=27_000,
    )


def a_fill(side: Side, price: int, *, quantity: int = 1, exec_id: str = "0001.01") -> Execution:
    """Return a fill of the sample cycle; the price is in ticks."""
    return Execution(
        exec_id=exec_id,
        ref=f"mt/{CYCLE_ID}/E1",
        order_id=7,
        perm_id=9,
        con_id=ES_DECEMBER,
        side=side,
        quantity=quantity,
        price=price,
        at=NOON,
    )


def a_cycle(*fills: Execution) -> TradeCycle:
    """Return an open long cycle with these fills."""
    signal = Signal(
        strategy="ema-cross",
        side=Side.BUY,
        confidence=0.8,
        entry=Decimal("6800.00"),
        stop=Decimal("6795.00"),
        target=Decimal("6810.00"),
        features={},
        reason="a sample",
    )
    return TradeCycle(
        cycle_id=CYCLE_ID,
        con_id=ES_DECEMBER,
        symbol="ES",
        phase=Phase.OPEN,
        side=Side.BUY,
        signal=signal,
        proposed_at=NOON,
        fills=fills,
    )
