"""What elects a stop: the exchange's own rule, and the broker's trigger methods.

The exchange elects by a trade at or beyond the stop. Stops that the broker simulates may watch
something else. A buy watches the bid where a method says bid or ask, a sell the ask, so that a
wide spread alone elects nothing. The double methods want it twice in a row.
Source: Interactive Brokers, "Trigger Method" of the order types page (TWS-PROTOCOL.md 7.5).
"""

from typing import Final

from mytrader.domain.orders import Side
from mytrader.simulator.market import MarketTick
from mytrader.simulator.order_types import TriggerMethod

_TWICE: Final = (TriggerMethod.DOUBLE_BID_ASK, TriggerMethod.DOUBLE_LAST)
_QUOTES: Final = (
    TriggerMethod.DOUBLE_BID_ASK,
    TriggerMethod.BID_ASK,
    TriggerMethod.LAST_OR_BID_ASK,
)
_NO_TRADES: Final = (
    TriggerMethod.DOUBLE_BID_ASK,
    TriggerMethod.BID_ASK,
    TriggerMethod.MIDPOINT,
)


def hits_needed(method: TriggerMethod) -> int:
    """Return how often in a row the stop must be reached before it is elected."""
    return 2 if method in _TWICE else 1


def stop_reached(
    side: Side,
    stop: int,
    *,
    method: TriggerMethod,
    tick: MarketTick,
    traded: int | None,
) -> bool:
    """Whether the market has reached a stop (ticks); `traded` is the last trade of the session."""
    if method not in _NO_TRADES and traded is not None and side.sign * (traded - stop) >= 0:
        return True
    if method is TriggerMethod.MIDPOINT:
        return side.sign * (tick.bid + tick.ask - 2 * stop) >= 0
    quote = tick.bid if side is Side.BUY else tick.ask
    return method in _QUOTES and side.sign * (quote - stop) >= 0
