"""How a trader stands, for people and programs: a view of its state, and nothing else.

Prices are index points, money is dollars, times are aware UTC on the trader's clock.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import blake2s
from typing import Final

from msgspec import Struct

from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.orders import Role, TrackedOrder
from mytrader.domain.trader import Mode, TraderState

CODE_BYTES: Final = 3


class Said(Struct, frozen=True):
    """An alert as it was raised."""

    at: datetime
    level: AlertLevel
    code: str
    text: str


class PositionStatus(Struct, frozen=True):
    """A position: `booked` by our fills, `reported` by the broker (`None`: it has not said).

    `known` is true when only one position is possible; `doubt` says why not.
    """

    symbol: str
    booked: int
    reported: int | None
    known: bool
    doubt: str | None


class OrderStatus(Struct, frozen=True):
    """An order that may still fill; `price` is the stop price where it has one."""

    order_ref: str
    role: str
    side: str
    quantity: int
    filled: int
    price: Decimal | None
    status: str


class CycleStatus(Struct, frozen=True):
    """A trade that is not over. `at_risk_usd` is what its working stop would lose from entry.

    `at_risk_usd` is `None` without a position or without a stop; negative when the stop locks a
    profit in. `naked_since` is when the position was last without cover, `None` while it has it.
    """

    cycle_id: str
    symbol: str
    phase: str
    side: str
    position: int
    entry_price: Decimal | None
    stop_price: Decimal | None
    target_price: Decimal | None
    at_risk_usd: Decimal | None
    opened_at: datetime | None
    naked_since: datetime | None
    exit_reason: str | None
    halted_why: str | None
    orders: tuple[OrderStatus, ...]


class DayStatus(Struct, frozen=True):
    """The trading date so far."""

    on: str
    entries: int
    losses_in_a_row: int
    realised_usd: Decimal
    emergency_stops: int


class Market(Struct, frozen=True):
    """The newest quote of a contract, index points, and its age on the trader's clock."""

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    age_seconds: float


class Status(Struct, frozen=True):
    """Everything a person needs to decide whether to act.

    `resume_code` stands for exactly what this status shows of why the trader stopped: a resume
    that names it cannot lift a halt that nobody has looked at. `None` in mode NORMAL. `without` is
    what the process had to start without, and why.
    """

    now: datetime
    mode: Mode
    mode_why: str
    resume_code: str | None
    linked: bool
    flat: bool
    positions: tuple[PositionStatus, ...]
    cycles: tuple[CycleStatus, ...]
    foreign_orders: int
    market: tuple[Market, ...]
    day: DayStatus
    equity_usd: Decimal
    alerts: tuple[Said, ...] = ()
    pid: int | None = None
    version: str = ""
    journal: str = ""
    profile: str = ""
    without: tuple[str, ...] = ()
    shadow: bool = False


def resume_code(state: TraderState, *, pages: int) -> str | None:
    """Return the code of a stop: the same until anything about it changes.

    It is no secret; it proves that whoever resumes has seen what there is to see. `pages` counts
    the pages raised so far.
    """
    if state.mode is Mode.NORMAL:
        return None
    halted = sorted(
        (cycle.cycle_id, cycle.halted_why)
        for cycle in state.cycles.values()
        if cycle.halted_why is not None
    )
    seen = repr((state.mode.value, state.mode_why, halted, pages))
    return blake2s(seen.encode(), digest_size=CODE_BYTES).hexdigest()


def flat_and_orderless(state: TraderState) -> bool:
    """Whether every position is known to be zero and no order of ours may still fill.

    A contract of which nobody has spoken yet is not known to be flat, nor is a trader without one.
    """
    views = [state.position(con_id) for con_id in {*state.contracts, *state.positions}]
    known_flat = bool(views) and all(view.known and view.booked == 0 for view in views)
    at_rest = not any(
        order.live for cycle in state.cycles.values() for order in cycle.orders.values()
    )
    return known_flat and at_rest


def status_of(state: TraderState, now: datetime, *, alerts: Iterable[Said], pages: int) -> Status:
    """Return how a trader stands at `now`."""
    day = state.ledger(now)
    return Status(
        now=now,
        mode=state.mode,
        mode_why=state.mode_why,
        resume_code=resume_code(state, pages=pages),
        linked=state.link.up,
        flat=flat_and_orderless(state),
        positions=tuple(
            _position(state, con_id) for con_id in {**state.contracts, **state.positions}
        ),
        cycles=tuple(_cycle(cycle) for cycle in state.cycles.values()),
        foreign_orders=len(state.foreign),
        market=tuple(_market(state, con_id, now=now) for con_id in state.quotes),
        day=DayStatus(
            on=str(day.on),
            entries=day.entries,
            losses_in_a_row=day.losses_in_a_row,
            realised_usd=day.realised_usd,
            emergency_stops=day.emergency_stops,
        ),
        equity_usd=state.equity_usd,
        alerts=tuple(alerts),
        profile=state.limits.profile.value,
    )


def _symbol(state: TraderState, con_id: int) -> str:
    contract = state.contracts.get(con_id)
    return f"contract {con_id}" if contract is None else contract.instrument.symbol


def _position(state: TraderState, con_id: int) -> PositionStatus:
    view = state.position(con_id)
    unconfirmed = None if view.confirmed else "not confirmed since the last connection"
    return PositionStatus(
        symbol=_symbol(state, con_id),
        booked=view.booked,
        reported=view.reported,
        known=view.known,
        doubt=view.doubt or unconfirmed,
    )


def _market(state: TraderState, con_id: int, *, now: datetime) -> Market:
    quote = state.quotes[con_id]
    symbol = _symbol(state, con_id)
    instrument = INSTRUMENTS.get(symbol)
    return Market(
        symbol=symbol,
        bid=_points(instrument, quote.bid),
        ask=_points(instrument, quote.ask),
        last=_points(instrument, quote.last),
        age_seconds=(now - quote.seen_at).total_seconds(),
    )


def _points(instrument: Instrument | None, ticks: int | None) -> Decimal | None:
    return None if instrument is None or ticks is None else instrument.price(ticks)


def _cycle(cycle: TradeCycle) -> CycleStatus:
    instrument = INSTRUMENTS.get(cycle.symbol)
    entry = _entry_ticks(cycle)
    stop = _resting(cycle, Role.STOP, Role.EMERGENCY)
    target = _resting(cycle, Role.TARGET)
    stop_ticks = None if stop is None else stop.spec.stop
    return CycleStatus(
        cycle_id=cycle.cycle_id,
        symbol=cycle.symbol,
        phase=cycle.phase,
        side=cycle.side,
        position=cycle.position,
        entry_price=None if instrument is None or entry is None else entry * instrument.tick_size,
        stop_price=_points(instrument, stop_ticks),
        target_price=_points(instrument, None if target is None else target.spec.limit),
        at_risk_usd=_at_risk(cycle, instrument, entry=entry, stop=stop_ticks),
        opened_at=cycle.opened_at,
        naked_since=cycle.naked_since,
        exit_reason=cycle.exit_reason,
        halted_why=cycle.halted_why,
        orders=tuple(_order(order, instrument) for order in cycle.orders.values() if order.live),
    )


def _entry_ticks(cycle: TradeCycle) -> Decimal | None:
    fills = [fill for fill in cycle.fills if fill.side is cycle.side]
    lots = sum(fill.quantity for fill in fills)
    return Decimal(sum(fill.price * fill.quantity for fill in fills)) / lots if lots else None


def _resting(cycle: TradeCycle, *roles: Role) -> TrackedOrder | None:
    return next((order for order in cycle.of_role(*roles) if order.live), None)


def _at_risk(
    cycle: TradeCycle, instrument: Instrument | None, *, entry: Decimal | None, stop: int | None
) -> Decimal | None:
    if instrument is None or entry is None or stop is None or not cycle.position:
        return None
    return (entry - stop) * cycle.position * instrument.tick_value_usd


def _order(order: TrackedOrder, instrument: Instrument | None) -> OrderStatus:
    spec = order.spec
    return OrderStatus(
        order_ref=spec.ref,
        role=spec.role.name.lower(),
        side=spec.side,
        quantity=spec.quantity,
        filled=order.filled,
        price=_points(instrument, spec.limit if spec.stop is None else spec.stop),
        status=order.status or order.life,
    )
