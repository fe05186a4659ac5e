"""A trade cycle as one JSON object: prices in index points, money as dollars and cents in text."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.decision import AdvisorCall, Signal
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.orders import TrackedOrder
from mytrader.replay.cycle_book import CycleBook, gross_usd

View = dict[str, Any]


def cycle_view(
    cycle: TradeCycle, alert_codes: Sequence[str] = (), calls: Sequence[AdvisorCall] = ()
) -> View:
    """Return one cycle with everything that its id joins.

    `alert_codes` are those of its alerts, `calls` what was asked of advisors outside for it.
    """
    instrument = INSTRUMENTS.get(cycle.symbol)
    closed = cycle.phase is Phase.CLOSED
    gross = gross_usd(cycle)
    return {
        "cycle_id": cycle.cycle_id,
        "symbol": cycle.symbol,
        "phase": cycle.phase,
        "side": cycle.side,
        "quantity": cycle.quantity,
        "signal": _signal_view(cycle.signal),
        "confidence": cycle.confidence,
        "advice": [msgspec.to_builtins(opinion) for opinion in cycle.opinions],
        "memory": None if cycle.recall is None else msgspec.to_builtins(cycle.recall),
        "calls": [msgspec.to_builtins(call) for call in calls],
        "verdicts": [msgspec.to_builtins(verdict) for verdict in cycle.verdicts],
        "reason_codes": list(cycle.reason_codes),
        "alert_codes": list(alert_codes),
        "orders": [_order_view(order, instrument) for order in cycle.orders.values()],
        "fills": [_fill_view(cycle, fill, instrument) for fill in cycle.fills],
        "entry_price": _average(cycle, instrument, entry=True),
        "exit_price": _average(cycle, instrument, entry=False),
        "gross_usd": money(gross) if closed else None,
        "commission_usd": money(cycle.commission_usd),
        "net_usd": money(gross - cycle.commission_usd) if closed else None,
        "exit_reason": cycle.exit_reason,
        "emergency_stops": cycle.emergency_stops,
        "unprotected_seconds_max": cycle.unprotected_seconds_max,
        "halted_why": cycle.halted_why,
        "proposed_at": _time(cycle.proposed_at),
        "opened_at": _time(cycle.opened_at),
        "closed_at": _time(cycle.closed_at),
    }


def view_in(book: CycleBook, cycle: TradeCycle) -> View:
    """Return a cycle of a book with its alerts and calls."""
    return cycle_view(cycle, book.codes_of(cycle), book.calls.get(cycle.cycle_id, ()))


def _signal_view(signal: Signal) -> View:
    given = {"entry": signal.entry, "stop": signal.stop, "target": signal.target}
    prices = {name: None if price is None else money(price) for name, price in given.items()}
    return {**msgspec.to_builtins(signal), **prices}


def _order_view(order: TrackedOrder, instrument: Instrument | None) -> View:
    spec = order.spec
    price = spec.limit if spec.stop is None else spec.stop
    return {
        "order_ref": spec.ref,
        "order_id": order.order_id,
        "perm_id": order.perm_ids[0] if order.perm_ids else None,
        "role": spec.role,
        "type": spec.kind,
        "side": spec.side,
        "quantity": spec.quantity,
        "price": _price(price, instrument),
        "limit_price": _price(spec.limit, instrument),
        "status": order.death or order.status or order.life,
    }


def _fill_view(cycle: TradeCycle, fill: Execution, instrument: Instrument | None) -> View:
    commission = cycle.commissions_usd.get(fill.exec_id)
    return {
        "exec_id": fill.exec_id,
        "order_ref": fill.ref,
        "time": _time(fill.at),
        "side": fill.side,
        "price": _price(fill.price, instrument),
        "quantity": fill.quantity,
        "commission": None if commission is None else money(commission),
    }


def _average(cycle: TradeCycle, instrument: Instrument | None, *, entry: bool) -> str | None:
    """The average price of the entry's or the exit's fills, to the cent of a point."""
    fills = [fill for fill in cycle.fills if (fill.side is cycle.side) == entry]
    quantity = sum(fill.quantity for fill in fills)
    if not quantity or instrument is None:
        return None
    ticks = Decimal(sum(fill.price * fill.quantity for fill in fills)) / quantity
    return money(ticks * instrument.tick_size)


def _price(ticks: int, instrument: Instrument | None) -> str | None:
    return None if instrument is None else money(instrument.price(ticks))


def money(amount: Decimal) -> str:
    """Return an amount with two places, as everywhere in the output."""
    return str(amount.quantize(Decimal("0.01")))


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
