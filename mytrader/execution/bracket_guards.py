"""Brackets: the postmortem's list. Prices in index points, distances in ticks, money in dollars.

Pure checks of one bracket's numbers; all run, each answers with its own code.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.domain.instrument import Instrument, OffGridError
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side, Verdict, refusal
from mytrader.execution.order_builder import (
    ORDER_SIZE_CEILING,
    STOP_LOSS,
    TAKE_PROFIT,
    Price,
    shown,
    validate_bracket_prices,
)

BRACKET_CODES: Final = (
    "MISSING_STOP",
    "MISSING_TARGET",
    "BRACKET_ORIENTATION",
    "OFF_TICK",
    "BRACKET_TOO_CLOSE",
    "ORDER_SIZE",
    "MAX_LOSS_PER_TRADE",
)
"""What `judge_bracket` answers, in its order."""

_BUY: Final = Side.BUY
_PASSED: Final = {code: Verdict(code, approved=True, detail="") for code in BRACKET_CODES}
BRACKET_PASSED: Final = tuple(_PASSED.values())
"""What `judge_bracket` answers for a bracket that nothing speaks against."""


class AskedBracket(Struct, frozen=True):
    """A bracket as it was asked for: prices in index points, `None` where nothing was given.

    `fills_at` are the other prices at which the entry may fill, such as its limit. The distance
    and the loss must be right at each of them as well.
    """

    action: str
    entry: Price
    stop_loss: Price
    take_profit: Price
    quantity: int
    fills_at: tuple[Price, ...] = ()


class TickBracket(Struct, frozen=True):
    """A bracket whose prices are all on the grid, in ticks.

    `fills` are the prices at which the entry may fill, the one it was asked for first.
    """

    side: Side
    fills: tuple[int, ...]
    stop: int
    target: int
    quantity: int


def bracket_holds(asked: TickBracket, *, instrument: Instrument, limits: Limits) -> bool:
    """Whether `judge_bracket` would approve everything: the same rules in whole ticks and cents.

    Only ever sure of a yes: what it does not confirm, `judge_bracket` judges and explains.
    """
    stop, target, quantity = asked.stop, asked.target, asked.quantity
    long, least = asked.side is _BUY, limits.stop_distance_ticks_min
    low, high = (stop, target) if long else (target, stop)
    if low <= 0 or least < 1 or not is_count(quantity):
        return False
    first, last = min(asked.fills), max(asked.fills)
    if first - low < least or high - last < least:
        return False
    if quantity > limits.order_size_max or quantity > ORDER_SIZE_CEILING:
        return False
    distance = last - stop if long else stop - first
    lot = distance * instrument.tick_value_cents + 2 * instrument.commission_cents_per_side
    return lot * quantity <= limits.loss_cents_trade_max


def judge_bracket(asked: AskedBracket, *, instrument: Instrument, limits: Limits) -> list[Verdict]:
    """Judge a bracket; all checks run, and what would have to be adjusted is refused."""
    entry, stop, target = (
        _ticks(instrument, price) for price in (asked.entry, asked.stop_loss, asked.take_profit)
    )
    fills = [entry, *(_ticks(instrument, price) for price in asked.fills_at)]
    return [
        refusal("MISSING_STOP", "no stop-loss")
        if asked.stop_loss is None
        else _PASSED["MISSING_STOP"],
        refusal("MISSING_TARGET", "no take-profit")
        if asked.take_profit is None
        else _PASSED["MISSING_TARGET"],
        _judge_orientation(asked, instrument, limits=limits),
        _judge_grid(asked, instrument, ticks=(entry, stop, target)),
        _judge_distance(asked, limits, fills=fills, legs=(stop, target)),
        judge_order_size(asked.quantity, limits),
        _judge_loss(asked, instrument, limits=limits, fills=fills, stop=stop),
    ]


def _ticks(instrument: Instrument, price: Price) -> Decimal | None:
    """Return a price in (fractional) ticks, `None` if it is no price of the instrument."""
    if price is None:
        return None
    try:
        return instrument.exact_ticks(price)
    except OffGridError:
        return None


def _judge_orientation(asked: AskedBracket, instrument: Instrument, *, limits: Limits) -> Verdict:
    checked = validate_bracket_prices(
        asked.action,
        asked.entry,
        asked.stop_loss,
        asked.take_profit,
        instrument.tick_size,
        limits.stop_distance_ticks_min,
    )
    if not checked.valid:
        return refusal("BRACKET_ORIENTATION", checked.reason)
    return _PASSED["BRACKET_ORIENTATION"]


def _judge_grid(
    asked: AskedBracket, instrument: Instrument, *, ticks: tuple[Decimal | None, ...]
) -> Verdict:
    prices = (asked.entry, asked.stop_loss, asked.take_profit)
    for price, count in zip(prices, ticks, strict=True):
        if count is None and price is not None:
            return refusal("OFF_TICK", f"a price that is none of {instrument.symbol}")
        if count is not None and count % 1:
            grid = f"the {instrument.tick_size} grid of {instrument.symbol}"
            return refusal("OFF_TICK", f"{price} is off {grid}")
    return _PASSED["OFF_TICK"]


def _judge_distance(
    asked: AskedBracket,
    limits: Limits,
    *,
    fills: list[Decimal | None],
    legs: tuple[Decimal | None, ...],
) -> Verdict:
    """Both legs lie beyond every price at which the entry may fill, and far enough from it."""
    least = limits.stop_distance_ticks_min
    up = 1 if asked.action == "BUY" else -1
    for name, leg, away in zip((STOP_LOSS, TAKE_PROFIT), legs, (-up, up), strict=True):
        for fill in fills:
            if leg is None or fill is None:
                return refusal("BRACKET_TOO_CLOSE", f"{name} has no distance from the entry")
            distance = (leg - fill) * away
            if distance < least:
                seen = counted(distance.normalize(), "tick")
                return refusal("BRACKET_TOO_CLOSE", f"{name} is {seen} away, at least {least}")
    return _PASSED["BRACKET_TOO_CLOSE"]


def _judge_loss(
    asked: AskedBracket,
    instrument: Instrument,
    *,
    limits: Limits,
    fills: list[Decimal | None],
    stop: Decimal | None,
) -> Verdict:
    known = [fill for fill in fills if fill is not None]
    if stop is None or len(known) < len(fills) or not is_count(asked.quantity):
        return refusal("MAX_LOSS_PER_TRADE", "the loss at the stop cannot be computed")
    distance = max(abs(fill - stop) for fill in known)
    loss = loss_at_stop_usd(instrument, distance, quantity=asked.quantity)
    most = limits.loss_usd_trade_max
    if loss > most:
        return refusal("MAX_LOSS_PER_TRADE", f"${loss:.2f} at the stop, limit ${most}")
    return _PASSED["MAX_LOSS_PER_TRADE"]


def loss_at_stop_usd(
    instrument: Instrument, distance_ticks: Decimal | int, *, quantity: int
) -> Decimal:
    """Dollars lost at the stop: ticks times tick value times contracts, and both commissions."""
    per_lot = distance_ticks * instrument.tick_value_usd + 2 * instrument.commission_usd_per_side
    return per_lot * quantity


def judge_order_size(quantity: int, limits: Limits) -> Verdict:
    """Judge a number of contracts against the limit and the ceiling fixed in code."""
    most = min(limits.order_size_max, ORDER_SIZE_CEILING)
    if not is_count(quantity) or quantity > most:
        return refusal("ORDER_SIZE", f"quantity {shown(quantity)}, at most {most}")
    return _PASSED["ORDER_SIZE"]


def is_count(quantity: int) -> bool:
    """Whether a quantity is a positive whole number of contracts; true and 1.0 are not."""
    return type(quantity) is int and quantity >= 1


def counted(number: Decimal | int, noun: str) -> str:
    """Return a number with its noun, for people: 1 tick, 2 ticks."""
    text = f"{number:f}" if isinstance(number, Decimal) else str(number)
    return f"{text} {noun}" if number == 1 else f"{text} {noun}s"
