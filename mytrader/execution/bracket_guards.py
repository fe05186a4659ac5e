"""Brackets: the postmortem's list. Prices in index points, distances in ticks, money in dollars.

Pure checks of one bracket's numbers; all run, each answers with its own code.
"""

from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import Instrument, OffGridError
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Verdict, refusal
from mytrader.execution.order_builder import (
    STOP_LOSS,
    TAKE_PROFIT,
    Price,
    validate_bracket_prices,
)

ORDER_SIZE_CEILING: Final = 10
"""No configuration can raise an order or a position above this many contracts."""

_STOP_GIVEN: Final = Verdict("MISSING_STOP", approved=True, detail="")
_TARGET_GIVEN: Final = Verdict("MISSING_TARGET", approved=True, detail="")
_ORIENTED: Final = Verdict("BRACKET_ORIENTATION", approved=True, detail="")
_ON_GRID: Final = Verdict("OFF_TICK", approved=True, detail="")
_FAR_ENOUGH: Final = Verdict("BRACKET_TOO_CLOSE", approved=True, detail="")
_SIZE_OK: Final = Verdict("ORDER_SIZE", approved=True, detail="")


def judge_bracket(
    action: str,
    entry_price: Price,
    *,
    stop_loss: Price,
    take_profit: Price,
    quantity: int,
    instrument: Instrument,
    limits: Limits,
    worst_entry: Price = None,
) -> list[Verdict]:
    """Judge a bracket's prices (index points); all checks run.

    Risk is computed from `worst_entry`, the worst price at which the entry may fill, or from
    the entry itself. What would have to be adjusted is refused.
    """
    worst = entry_price if worst_entry is None else worst_entry
    checked = validate_bracket_prices(
        action,
        entry_price,
        stop_loss,
        take_profit,
        instrument.tick_size,
        limits.stop_distance_ticks_min,
    )
    verdicts = [
        refusal("MISSING_STOP", "no stop-loss") if stop_loss is None else _STOP_GIVEN,
        refusal("MISSING_TARGET", "no take-profit") if take_profit is None else _TARGET_GIVEN,
        _ORIENTED if checked.valid else refusal("BRACKET_ORIENTATION", checked.reason),
    ]
    prices = (entry_price, stop_loss, take_profit)
    off_grid = next((why for why in (_off_grid(instrument, p) for p in prices) if why), None)
    verdicts.append(_ON_GRID if off_grid is None else refusal("OFF_TICK", off_grid))
    verdicts.append(_judge_distance(instrument, limits, entry_price, stop_loss, take_profit))
    verdicts.append(judge_order_size(quantity, limits))
    verdicts.append(_judge_loss(instrument, limits, worst, stop_loss, quantity))
    return verdicts


def _off_grid(instrument: Instrument, price: Price) -> str | None:
    if price is None:
        return None
    try:
        instrument.ticks(price)
    except OffGridError as error:
        return str(error)
    return None


def _distance_ticks(instrument: Instrument, entry: Price, leg: Price) -> Decimal | None:
    """Distance in (fractional) ticks; `None` if either is not a price."""
    if entry is None or leg is None:
        return None
    try:
        instrument.ticks_down(entry)
        instrument.ticks_down(leg)
    except OffGridError:
        return None
    return abs(Decimal(str(entry)) - Decimal(str(leg))) / instrument.tick_size


def _judge_distance(instrument: Instrument, limits: Limits, entry: Price, *legs: Price) -> Verdict:
    for name, leg in zip((STOP_LOSS, TAKE_PROFIT), legs, strict=True):
        distance = _distance_ticks(instrument, entry, leg)
        if distance is None:
            return refusal("BRACKET_TOO_CLOSE", f"{name} has no distance from the entry")
        if distance < limits.stop_distance_ticks_min:
            detail = f"{name} is {distance} ticks away, at least {limits.stop_distance_ticks_min}"
            return refusal("BRACKET_TOO_CLOSE", detail)
    return _FAR_ENOUGH


def _judge_loss(
    instrument: Instrument, limits: Limits, entry: Price, stop: Price, quantity: int
) -> Verdict:
    distance = _distance_ticks(instrument, entry, stop)
    if distance is None:
        return refusal("MAX_LOSS_PER_TRADE", "the loss at the stop cannot be computed")
    loss = loss_at_stop_usd(instrument, distance, quantity)
    if loss > limits.loss_usd_trade_max:
        return refusal(
            "MAX_LOSS_PER_TRADE", f"${loss:.2f} at the stop, limit ${limits.loss_usd_trade_max}"
        )
    return Verdict("MAX_LOSS_PER_TRADE", approved=True, detail=f"${loss:.2f} at the stop")


def loss_at_stop_usd(instrument: Instrument, distance_ticks: Decimal, quantity: int) -> Decimal:
    """Dollars lost at the stop: ticks times tick value times contracts, and both commissions."""
    per_lot = distance_ticks * instrument.tick_value_usd + 2 * instrument.commission_usd_per_side
    return per_lot * quantity


def judge_order_size(quantity: int, limits: Limits) -> Verdict:
    """Judge a number of contracts against the limit and the ceiling fixed in code."""
    most = min(limits.order_size_max, ORDER_SIZE_CEILING)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= most:
        return refusal("ORDER_SIZE", f"{quantity} contracts, allowed 1 to {most}")
    return _SIZE_OK
