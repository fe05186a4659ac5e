"""The closed list of what a proposal may be about, and how far it may go.

A `Parameter` is one setting. Nothing else can be proposed: a guard, `aws_agents.block_on_wait`,
the override of a WAIT, a profile, `oca_trusted`, an account or live trading have no member here,
so a proposal about them cannot be written down. Each has a direction of less risk, a step and
bounds that no proposal leaves, approved or not; they lie within the settings' own.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mytrader.settings import Settings


class Parameter(StrEnum):
    """Every setting that may be proposed, by its name."""

    CONFIDENCE = "trading.min_confidence_for_trade"
    DAILY_TRADES = "trading.max_daily_trades"
    COOLDOWN = "trading.trade_cooldown_minutes"
    LOSS_PER_TRADE = "trading.max_loss_per_trade"
    LOSS_STREAK = "trading.max_loss_streak"
    DAILY_LOSS = "trading.max_daily_loss"
    QUANTITY = "trading.quantity_per_entry"
    BEFORE_CLOSE = "session.no_entry_before_close"


class Bounds(Struct, frozen=True):
    """How a parameter may move. `safer` is +1 where more of it is less risk, else -1.

    `low` and `high` are the ends, included. A step is `step`, or the `share` of the present value
    if that is more, in whole `grain`s. `code` is the guard that compares with it, "" for none.
    """

    safer: int
    low: Decimal
    high: Decimal
    step: Decimal
    share: Decimal
    grain: Decimal
    unit: str
    code: str


def _bounds(safer: int, ends: tuple[str, str], step: str, **more: str) -> Bounds:
    return Bounds(
        safer=safer,
        low=Decimal(ends[0]),
        high=Decimal(ends[1]),
        step=Decimal(step),
        share=Decimal(more.get("share", "0")),
        grain=Decimal(more.get("grain", "1")),
        unit=more.get("unit", ""),
        code=more.get("code", ""),
    )


BOUNDS: Final[dict[Parameter, Bounds]] = {
    Parameter.CONFIDENCE: _bounds(
        +1, ("0.50", "0.95"), "0.05", grain="0.01", code="LOW_CONFIDENCE"
    ),
    Parameter.DAILY_TRADES: _bounds(
        -1, ("1", "100"), "1", share="0.25", unit="entries", code="TRADE_COUNT"
    ),
    Parameter.COOLDOWN: _bounds(+1, ("1", "240"), "10", unit="min", code="COOLDOWN"),
    Parameter.LOSS_PER_TRADE: _bounds(
        -1, ("50", "10000"), "25", share="0.20", unit="USD", code="MAX_LOSS_PER_TRADE"
    ),
    Parameter.LOSS_STREAK: _bounds(-1, ("1", "20"), "1", unit="losses", code="LOSS_STREAK"),
    Parameter.DAILY_LOSS: _bounds(
        -1, ("50", "20000"), "50", share="0.20", unit="USD", code="DAILY_LOSS"
    ),
    Parameter.QUANTITY: _bounds(-1, ("1", "5"), "1", unit="contracts"),
    Parameter.BEFORE_CLOSE: _bounds(+1, ("5", "240"), "30", unit="min", code="SESSION_END"),
}
_DURATIONS: Final = frozenset({Parameter.BEFORE_CLOSE})
_SECONDS_PER_MINUTE: Final = 60


def current_values(settings: Settings) -> dict[Parameter, Decimal]:
    """Return what each parameter is set to; a duration in minutes."""
    trading = settings.trading
    before_close = settings.session.no_entry_before_close.total_seconds() / _SECONDS_PER_MINUTE
    return {
        Parameter.CONFIDENCE: Decimal(str(trading.min_confidence_for_trade)),
        Parameter.DAILY_TRADES: Decimal(trading.max_daily_trades),
        Parameter.COOLDOWN: Decimal(str(trading.trade_cooldown_minutes)),
        Parameter.LOSS_PER_TRADE: trading.max_loss_per_trade,
        Parameter.LOSS_STREAK: Decimal(trading.max_loss_streak),
        Parameter.DAILY_LOSS: trading.max_daily_loss,
        Parameter.QUANTITY: Decimal(trading.quantity_per_entry),
        Parameter.BEFORE_CLOSE: Decimal(str(before_close)),
    }


def setting_value(parameter: Parameter, value: Decimal) -> object:
    """Return a value as its setting takes it."""
    if parameter in _DURATIONS:
        return f"{value.normalize():f} min"
    whole = BOUNDS[parameter].grain == 1 and value == value.to_integral_value()
    money = BOUNDS[parameter].unit == "USD"
    return value if money else int(value) if whole else float(value)


def is_safer(parameter: Parameter, value: Decimal, *, than: Decimal) -> bool:
    """Whether a value means strictly less risk than another."""
    return (value - than) * BOUNDS[parameter].safer > 0


def allowed(parameter: Parameter, value: Decimal, *, current: Decimal) -> bool:
    """Whether one proposal may move `current` to `value`: on the grid, a step, not past the end.

    A setting may lie beyond an end already; then it may come back in steps and go no further.
    """
    bounds = BOUNDS[parameter]
    if not (value.is_finite() and current.is_finite() and value % bounds.grain == 0):
        return False
    end_kept = value <= bounds.high if value > current else value >= bounds.low
    return end_kept and 0 < abs(value - current) <= step_size(parameter, current)


def step_size(parameter: Parameter, current: Decimal) -> Decimal:
    """Return how far one proposal may move a value, in whole grains."""
    bounds = BOUNDS[parameter]
    shared = (current * bounds.share / bounds.grain).to_integral_value(ROUND_FLOOR)
    return max(bounds.step, shared * bounds.grain)


def stepped(parameter: Parameter, current: Decimal, *, safer: bool) -> Decimal | None:
    """Return the grid value one step away, at most at the end; `None` where there is no room."""
    bounds = BOUNDS[parameter]
    up = (bounds.safer > 0) is safer
    wanted = current + step_size(parameter, current) * (1 if up else -1)
    wanted = min(wanted, bounds.high) if up else max(wanted, bounds.low)
    rounding = ROUND_FLOOR if up else ROUND_CEILING
    value = (wanted / bounds.grain).to_integral_value(rounding) * bounds.grain
    moved = value > current if up else value < current
    return value if moved else None


def shown(parameter: Parameter, value: Decimal) -> str:
    """Return a value with its unit, for people."""
    unit = BOUNDS[parameter].unit
    return f"{value.normalize():f} {unit}".strip()
