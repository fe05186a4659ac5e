"""What a message says of a trade: sides, prices in points, dollars, what protects it."""

from collections.abc import Iterable
from decimal import Decimal

from mytrader.alerts.wording import Veil, bold, code, counted, dollars, lasting, points
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.decision import Advice, Opinion
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.orders import Role

RATIONALE_MAX = 120


def gross_usd(cycle: TradeCycle) -> Decimal | None:
    """Return a flat cycle's gross profit in dollars; `None` for a symbol that we do not know."""
    instrument = INSTRUMENTS.get(cycle.symbol)
    return None if instrument is None else instrument.usd(cycle.gross_ticks)


def net_usd(cycle: TradeCycle) -> Decimal | None:
    """Return a flat cycle's profit after the commissions that are known."""
    gross = gross_usd(cycle)
    return None if gross is None else gross - cycle.commission_usd


def lots_entered(cycle: TradeCycle) -> int:
    """Return how many contracts the cycle's entries have filled."""
    return sum(fill.quantity for fill in cycle.fills if fill.side is cycle.side)


def entry_lines(cycle: TradeCycle, veil: Veil) -> list[str]:
    """Return what a trade that was opened is, why, and what protects it."""
    signal = cycle.signal
    confidence = signal.confidence if cycle.confidence is None else cycle.confidence
    said = [_advice(opinion, veil) for opinion in cycle.opinions]
    lines = [
        protection_line(cycle),
        f"{veil.foreign(signal.strategy, 40)}, confidence {confidence:.2f}",
        *said,
        _memory(cycle, veil),
    ]
    return [line for line in lines if line]


def wait_lines(cycle: TradeCycle, veil: Veil) -> list[str]:
    """Return who argued against a proposal, and why."""
    against = [each for each in cycle.opinions if each.failure or each.decision is Advice.WAIT]
    return [_advice(opinion, veil) for opinion in against]


def _advice(opinion: Opinion, veil: Veil) -> str:
    word = opinion.failure or opinion.decision
    said = veil.foreign(opinion.rationale, RATIONALE_MAX)
    return f"{veil.foreign(opinion.advisor, 40)} {veil.foreign(word, 60)} {said}".rstrip()


def _memory(cycle: TradeCycle, veil: Veil) -> str:
    """Say what is remembered of the trade's like, with the lesson of the nearest that has one."""
    recall = cycle.recall
    if recall is None or recall.failure is not None or not recall.trades:
        return ""
    lesson = next((trade.lesson for trade in recall.similar if trade.lesson), "")
    like = f"memory: {counted(recall.trades, 'trade')} like it, {recall.wins} won"
    return f"{like} {veil.foreign(lesson, RATIONALE_MAX)}".rstrip()


def exit_lines(cycle: TradeCycle) -> list[str]:
    """Return how a trade ended: prices, reason, how long it lasted, what it cost."""
    reason = "" if cycle.exit_reason is None else f", by {cycle.exit_reason.replace('_', ' ')}"
    began, ended = cycle.opened_at, cycle.closed_at
    held = "" if began is None or ended is None else f", held {lasting(ended - began)}"
    prices = f"{_price(cycle, entry=True)} → {_price(cycle, entry=False)}"
    lines = [f"{cycle.side} {lots_entered(cycle)} at {prices}{reason}{held}"]
    gross = gross_usd(cycle)
    if gross is not None:
        lines.append(f"gross {dollars(gross, signed=True)}, commission {_commission(cycle)}")
    if cycle.emergency_stops:
        lines.append(f"with {counted(cycle.emergency_stops, 'emergency stop')}")
    return lines


def _commission(cycle: TradeCycle) -> str:
    missing = sum(fill.exec_id not in cycle.commissions_usd for fill in cycle.fills)
    unknown = f" ({counted(missing, 'fill')} not reported yet)" if missing else ""
    return f"{dollars(cycle.commission_usd)}{unknown}"


def title(cycle: TradeCycle) -> str:
    """Return the trade in a few words: side, contracts, symbol and entry price."""
    lots = lots_entered(cycle) or cycle.quantity
    return f"{cycle.side} {lots} {cycle.symbol} at {_price(cycle, entry=True)}"


def protection_line(cycle: TradeCycle) -> str:
    """Return where the resting stop is, what it would lose, and the target; "" when flat."""
    instrument = INSTRUMENTS.get(cycle.symbol)
    if not cycle.position or instrument is None:
        return ""
    stops = [
        order
        for order in cycle.of_role(Role.STOP, Role.EMERGENCY)
        if order.live and order.spec.stop is not None
    ]
    if not stops:
        return bold("no stop rests at the broker")
    stop = stops[0].spec.stop or 0
    works = "works" if all(order.confirmed_working for order in stops) else "not confirmed yet"
    parts = [f"stop {points(instrument.price(stop))} {works}", _risk(cycle, instrument, stop)]
    if cycle.target is not None:
        parts.append(f"target {points(instrument.price(cycle.target))}")
    return ", ".join(part for part in parts if part)


def _risk(cycle: TradeCycle, instrument: Instrument, stop: int) -> str:
    entry = _average(fill for fill in cycle.fills if fill.side is cycle.side)
    if entry is None:
        return ""
    lost = (entry - stop) * cycle.position * instrument.tick_value_usd
    return f"{'at risk' if lost >= 0 else 'locked in'} {dollars(abs(lost))}"


def _price(cycle: TradeCycle, *, entry: bool) -> str:
    instrument = INSTRUMENTS.get(cycle.symbol)
    fills = [fill for fill in cycle.fills if (fill.side is cycle.side) == entry]
    ticks = _average(fills)
    if instrument is None or ticks is None:
        return points(cycle.signal.entry) if entry and instrument is not None else "?"
    return points(ticks * instrument.tick_size)


def _average(fills: Iterable[Execution]) -> Decimal | None:
    every = list(fills)
    lots = sum(fill.quantity for fill in every)
    ticks = sum(fill.price * fill.quantity for fill in every)
    return Decimal(ticks) / lots if lots else None


def cycle_line(cycle_id: str | None) -> str:
    """Return the id that joins everything in the record, to be copied by a tap."""
    return f"cycle {code(cycle_id)}" if cycle_id else ""
