"""The closed list of what a proposal may be about, and how far it may go.

A `Parameter` is one setting. Nothing else can be proposed: a guard, `aws_agents.block_on_wait`,
the override of a WAIT, a profile, `oca_trusted`, an account or live trading have no member here,
so a proposal about them cannot be written down. Each has a direction of less risk, a step and
bounds that no proposal leaves, approved or not; they lie within the settings' own.

Most are numbers. Three are lists of what is closed for entries: there a step is one member, and
more members are less risk.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mytrader.domain.regime import REGIMES
from mytrader.errors import invariant
from mytrader.setting_types import is_strategy_name
from mytrader.settings import Settings

Members = tuple[str, ...]
"""What a list closes, in order, each spelled as the tables spell it: hours as "09"."""

Value = Decimal | Members


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
    HOURS = "trading.no_entry_hours"
    STRATEGIES = "trading.no_entry_strategies"
    REGIMES = "trading.no_entry_regimes"


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


class Closing(Struct, frozen=True):
    """How a list of what is closed may move: `most` members, each of which is one by `known`."""

    most: int
    known: Callable[[str], bool]


HOUR_NAMES: Final = tuple(f"{hour:02d}" for hour in range(24))
CLOSED_CODE: Final = "CLOSED_BY_RULE"
CLOSINGS: Final[dict[Parameter, Closing]] = {
    Parameter.HOURS: Closing(len(HOUR_NAMES) // 2, HOUR_NAMES.__contains__),
    Parameter.STRATEGIES: Closing(10, is_strategy_name),
    Parameter.REGIMES: Closing(len(REGIMES) // 2, REGIMES.__contains__),
}
"""Of hours and regimes no proposal closes more than half, so the last one never."""

ALWAYS_ASKS: Final = frozenset({Parameter.STRATEGIES})
"""A trader runs one strategy: to close it ends its trading, which no learning does by itself."""

_DURATIONS: Final = frozenset({Parameter.BEFORE_CLOSE})
_SECONDS_PER_MINUTE: Final = 60


def current_values(settings: Settings) -> dict[Parameter, Value]:
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
        Parameter.HOURS: tuple(HOUR_NAMES[hour] for hour in trading.no_entry_hours),
        Parameter.STRATEGIES: trading.no_entry_strategies,
        Parameter.REGIMES: trading.no_entry_regimes,
    }


def number(value: Value) -> Decimal:
    """Return the value of a parameter that is a number."""
    invariant(isinstance(value, Decimal), "a list of what is closed is no number")
    return value if isinstance(value, Decimal) else Decimal(0)


def setting_value(parameter: Parameter, value: Value) -> object:
    """Return a value as its setting takes it."""
    if isinstance(value, tuple):
        return tuple(map(int, value)) if parameter is Parameter.HOURS else value
    if parameter in _DURATIONS:
        return f"{value.normalize():f} min"
    whole = BOUNDS[parameter].grain == 1 and value == value.to_integral_value()
    money = BOUNDS[parameter].unit == "USD"
    return value if money else int(value) if whole else float(value)


def is_safer(parameter: Parameter, value: Value, *, than: Value) -> bool:
    """Whether a value means strictly less risk than another."""
    if isinstance(value, tuple) and isinstance(than, tuple):
        return set(value) > set(than)
    return (number(value) - number(than)) * BOUNDS[parameter].safer > 0


def allowed(parameter: Parameter, value: Value, *, current: Value) -> bool:
    """Whether one proposal may move `current` to `value`: on the grid, a step, not past the end.

    A setting may lie beyond an end already; then it may come back in steps and go no further.
    """
    if isinstance(value, tuple) and isinstance(current, tuple) and parameter in CLOSINGS:
        return _member_allowed(CLOSINGS[parameter], value, current)
    if isinstance(value, tuple) or isinstance(current, tuple) or parameter in CLOSINGS:
        return False
    bounds = BOUNDS[parameter]
    if not (value.is_finite() and current.is_finite() and value % bounds.grain == 0):
        return False
    end_kept = value <= bounds.high if value > current else value >= bounds.low
    return end_kept and 0 < abs(value - current) <= step_size(parameter, current)


def _member_allowed(closing: Closing, value: Members, current: Members) -> bool:
    """Whether two lists in order differ by one member, and a new one has room and is known."""
    if any(members != tuple(sorted(set(members))) for members in (value, current)):
        return False
    added, removed = set(value) - set(current), set(current) - set(value)
    if len(added) + len(removed) != 1:
        return False
    return len(value) <= closing.most and all(map(closing.known, added)) if added else True


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


def with_member(members: Members, member: str) -> Members:
    """Return a list that closes one more."""
    return tuple(sorted({*members, member}))


def without_member(members: Members, member: str) -> Members:
    """Return a list that closes one fewer."""
    return tuple(one for one in members if one != member)


def shown(parameter: Parameter, value: Value) -> str:
    """Return a value with its unit, for people."""
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    unit = BOUNDS[parameter].unit
    return f"{value.normalize():f} {unit}".strip()
