"""From a signal and limits to orders in whole ticks.

Nothing here asks whether an order may be sent; that is `guards.py`. Everything here is exact:
prices end on the grid, rounded away from the entry, so that risk is computed after rounding.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.instrument import Instrument, OffGridError
from mytrader.domain.limits import Limits, Profile
from mytrader.domain.market import Quote
from mytrader.domain.orders import Bracket, OrderKind, OrderRef, OrderSpec, Role, Side

Price = Decimal | float | int | str | None

ORDER_SIZE_CEILING: Final = 10
"""No configuration can raise an order or a position above this many contracts."""

STOP_LOSS: Final = "stop_loss"
TAKE_PROFIT: Final = "take_profit"


class BracketValidation(Struct, frozen=True):
    """What became of a bracket's prices (index points).

    `valid` is false when a leg is missing, not a number or on the wrong side; `reason` then
    starts with the leg. `adjusted_fields` names the legs whose price had to be changed.
    """

    stop_loss: Decimal | None
    take_profit: Decimal | None
    valid: bool
    reason: str
    adjusted_fields: tuple[str, ...] = ()


def validate_bracket_prices(  # noqa: PLR0917 - the postmortem fixed this signature
    action: str,
    entry_price: Price,
    stop_loss: Price,
    take_profit: Price,
    tick_size: Decimal | float | str,
    min_distance_ticks: int = 4,
) -> BracketValidation:
    """Check a bracket's orientation and put its legs on the grid, far enough from the entry.

    BUY wants stop < entry < target, SELL the reverse. A leg on the wrong side is invalid and is
    never repaired; one that is nearer than `min_distance_ticks` is moved out to that distance,
    one off the grid to the next grid price away from the entry. Both are named in
    `adjusted_fields`. Never raises: what is not a price is answered as invalid.
    """
    if action not in (Side.BUY, Side.SELL):
        return _invalid(f"Action must be BUY or SELL, not {shown(action)}")
    entry, tick = _decimal(entry_price), _decimal(tick_size)
    if tick is None or tick <= 0:
        return _invalid(f"Tick size must be a positive number, not {shown(tick_size)}")
    if entry is None or entry <= 0:
        return _invalid(f"Entry price must be a positive number, not {shown(entry_price)}")
    sign = Side(action).sign
    stop = _leg(entry, stop_loss, tick=tick, direction=-sign, distance=min_distance_ticks)
    if isinstance(stop, str):
        return _invalid(f"Stop-loss {stop}")
    target = _leg(entry, take_profit, tick=tick, direction=sign, distance=min_distance_ticks)
    if isinstance(target, str):
        return _invalid(f"Take-profit {target}")
    adjusted = ((STOP_LOSS, stop, stop_loss), (TAKE_PROFIT, target, take_profit))
    return BracketValidation(
        stop_loss=stop,
        take_profit=target,
        valid=True,
        reason="",
        adjusted_fields=tuple(name for name, now, was in adjusted if now != _decimal(was)),
    )


def _invalid(reason: str) -> BracketValidation:
    return BracketValidation(stop_loss=None, take_profit=None, valid=False, reason=reason)


def shown(value: object) -> str:
    """Return a value for people; an integer too long to be written out is only named."""
    try:
        return repr(value)
    except ValueError:
        return "a number of thousands of digits"


def _decimal(value: Price) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except (InvalidOperation, ValueError):
        # No number, or an integer too long to be written out.
        return None
    return number if number.is_finite() else None


def _leg(
    entry: Decimal, price: Price, *, tick: Decimal, direction: int, distance: int
) -> Decimal | str:
    """Return the leg on the grid and far enough in `direction`, or what is wrong with it."""
    leg = _decimal(price)
    if leg is None or leg <= 0:
        return "is missing" if price is None else f"must be a positive number, not {shown(price)}"
    if (leg - entry) * direction <= 0:
        side = "above" if direction > 0 else "below"
        return f"{leg} must be {side} the entry {entry}"
    rounding = ROUND_CEILING if direction > 0 else ROUND_FLOOR
    try:
        nearest = entry + tick * distance * direction
        far_enough = max(leg, nearest) if direction > 0 else min(leg, nearest)
        on_grid = (far_enough / tick).to_integral_value(rounding) * tick
        exact = on_grid % tick == 0
    except ArithmeticError:
        exact = False
    if not exact:
        return f"{leg} is not on any grid of {tick}"
    return on_grid if on_grid > 0 else f"has no room for {distance} ticks below the entry {entry}"


def build_bracket(
    cycle: TradeCycle, instrument: Instrument, *, quote: Quote, limits: Limits
) -> Bracket | str:
    """Return the entry with its protection as `cycle.quantity` one-lot families, or why not.

    The entry is a limit at the far touch plus the collar, so it fills now or not at all; the
    collar ends at the minimum distance from the target, so the entry never pays up into it. The
    stop is a stop-limit that rests at the exchange, good till cancelled and outside regular
    hours. In profile `bracket` a target rests beside it, in one group per lot. The reason is the
    code of the guard that will refuse.
    """
    signal = cycle.signal
    touch = quote.ask if cycle.side is Side.BUY else quote.bid
    if signal.stop is None:
        return "MISSING_STOP"
    if signal.target is None:
        return "MISSING_TARGET"
    if touch is None:
        return "STALE_DATA"
    if not 1 <= cycle.quantity <= ORDER_SIZE_CEILING:
        return "ORDER_SIZE"
    sign = cycle.side.sign
    try:
        stop = _away(instrument, -sign)(signal.stop)
        target = _away(instrument, sign)(signal.target)
    except OffGridError:
        return "OFF_TICK"
    room = (target - touch) * sign - limits.stop_distance_ticks_min
    limit = touch + sign * max(min(limits.entry_collar_ticks, room), 0)
    bracket = Bracket(
        cycle_id=cycle.cycle_id,
        con_id=cycle.con_id,
        side=cycle.side,
        entry=limit,
        stop=stop,
        target=target,
        lots=(),
    )
    numbers = range(1, cycle.quantity + 1)
    return replace(bracket, lots=tuple(_family(bracket, n, limits=limits) for n in numbers))


def _away(instrument: Instrument, direction: int) -> Callable[[Decimal], int]:
    return instrument.ticks_up if direction > 0 else instrument.ticks_down


def group_name(cycle_id: str, number: int) -> str:
    """Return the one-cancels-all group of a lot's exits."""
    return f"mt/{cycle_id}/O{number}"


def _family(bracket: Bracket, number: int, *, limits: Limits) -> tuple[OrderSpec, ...]:
    """Return the orders of one lot as they are sent: entry, target where it rests, stop."""
    entry = OrderSpec(
        ref=str(OrderRef(bracket.cycle_id, Role.ENTRY, number)),
        con_id=bracket.con_id,
        side=bracket.side,
        quantity=1,
        kind=OrderKind.LMT,
        limit=bracket.entry,
        transmit=False,
    )
    exit_side = bracket.side.opposite
    stop = OrderSpec(
        ref=str(OrderRef(bracket.cycle_id, Role.STOP, number)),
        con_id=bracket.con_id,
        side=exit_side,
        quantity=1,
        kind=OrderKind.STP_LMT,
        stop=bracket.stop,
        limit=bracket.stop + exit_side.sign * limits.stop_limit_offset_ticks,
        parent_ref=entry.ref,
        reduce_only=True,
    )
    if limits.profile is not Profile.BRACKET:
        return entry, stop
    group = group_name(bracket.cycle_id, number)
    target = replace(
        entry,
        ref=str(OrderRef(bracket.cycle_id, Role.TARGET, number)),
        side=exit_side,
        limit=bracket.target,
        parent_ref=entry.ref,
        reduce_only=True,
        oca_group=group,
    )
    return entry, target, replace(stop, oca_group=group)


def emergency_stop(
    cycle: TradeCycle, number: int, *, stop: int, limits: Limits, quantity: int = 1
) -> OrderSpec:
    """Return a stop-limit against the cycle's position; its side comes from nothing else."""
    side = reducing_side(cycle)
    return OrderSpec(
        ref=str(OrderRef(cycle.cycle_id, Role.EMERGENCY, number)),
        con_id=cycle.con_id,
        side=side,
        quantity=quantity,
        kind=OrderKind.STP_LMT,
        stop=stop,
        limit=stop + side.sign * limits.stop_limit_offset_ticks,
        reduce_only=True,
    )


def reducing_side(cycle: TradeCycle) -> Side:
    """Return the side that reduces the cycle's position, never what its signal said."""
    return Side.SELL if cycle.position > 0 else Side.BUY


def marketable_limit(side: Side, quote: Quote, *, collar_ticks: int) -> int | None:
    """Return a limit that trades now: the far touch and `collar_ticks` beyond it.

    Falls back to the last trade when that side of the book is empty; `None` when nothing at all
    is known of the price.
    """
    touch = quote.ask if side is Side.BUY else quote.bid
    reference = touch if touch is not None else quote.last
    return None if reference is None else reference + side.sign * collar_ticks


def exit_order(
    cycle: TradeCycle, number: int, *, quantity: int, quote: Quote, limits: Limits
) -> OrderSpec | None:
    """Return a marketable limit against the cycle's position; `None` when no price is known."""
    side = reducing_side(cycle)
    limit = marketable_limit(side, quote, collar_ticks=limits.exit_collar_ticks)
    if limit is None:
        return None
    return OrderSpec(
        ref=str(OrderRef(cycle.cycle_id, Role.EXIT, number)),
        con_id=cycle.con_id,
        side=side,
        quantity=quantity,
        kind=OrderKind.LMT,
        limit=limit,
        reduce_only=True,
    )


def made_marketable(spec: OrderSpec, quote: Quote, *, limits: Limits) -> OrderSpec | None:
    """Return a resting exit order repriced so that it trades now; `None` without a price.

    A stop keeps its type: its trigger goes through the market so that it elects at once (exit
    protocol A of SAFETY.md 5.6). Quantity and side never change.
    """
    limit = marketable_limit(spec.side, quote, collar_ticks=limits.exit_collar_ticks)
    if limit is None:
        return None
    if spec.kind is OrderKind.LMT:
        return replace(spec, limit=limit)
    through = marketable_limit(spec.side.opposite, quote, collar_ticks=limits.exit_collar_ticks)
    return None if through is None else replace(spec, limit=limit, stop=through)
