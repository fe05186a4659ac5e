"""What is remembered of a trade, and how it becomes words.

A document is made from the finished cycle and nothing else, so it can be made again from the
journal at any time and comes out the same. Its id is the cycle's.

**When a trade argues against its own repetition** (`avoid`): it lost, and the loss is not the one
that was agreed to. One of these makes it so:

- nothing limited the loss: there was no stop to count the risk from;
- it lost more than one and a half times the risk to its stop;
- it was entered against an advisor's WAIT (`AWS_WAIT_OVERRIDE`);
- an emergency stop had to be placed or closed it.

A loss of the size that the stop allowed, after advice that let it pass, is the price of trading,
and no lesson by itself: it counts in the record of its like (`rag/recollection.py`).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.domain.cycle import ExitReason, Phase, TradeCycle
from mytrader.domain.decision import Advice, Signal
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.memory import TradeDocument
from mytrader.domain.session import EXCHANGE_ZONE

AVOID_LOSS_BEYOND_R: Final = -1.5
"""A stop that slipped by half of its own distance did not do what it was there for."""
OVERRIDE_CODE: Final = "AWS_WAIT_OVERRIDE"
R_DIGITS: Final = 4


class Unfit(Struct, frozen=True):
    """A trade of which no document can be made, and why."""

    document_id: str
    why: str


def document_of(cycle: TradeCycle) -> TradeDocument | Unfit:
    """Return the document of a closed cycle; late commissions make a new one with the same id."""
    instrument = INSTRUMENTS.get(cycle.symbol)
    if cycle.phase is not Phase.CLOSED or cycle.closed_at is None:
        return Unfit(cycle.cycle_id, f"the trade is {cycle.phase}, not closed")
    if instrument is None:
        return Unfit(cycle.cycle_id, f"'{cycle.symbol}' is no instrument that is known")
    entered = sum(fill.quantity for fill in cycle.fills if fill.side is cycle.side)
    if not entered or cycle.position:
        return Unfit(cycle.cycle_id, "its fills are no trade from flat to flat")
    net = instrument.usd(cycle.gross_ticks) - cycle.commission_usd
    risk = _risk_usd(cycle.signal, instrument, quantity=entered)
    result_r = None if risk is None else round(float(net / risk), R_DIGITS)
    faults = tuple(_faults(cycle, net_usd=net, result_r=result_r))
    return TradeDocument(
        document_id=cycle.cycle_id,
        symbol=cycle.symbol,
        side=cycle.side,
        strategy=cycle.signal.strategy,
        confidence=cycle.signal.confidence,
        features=_plain(cycle.signal.features),
        regime=cycle.signal.regime,
        opened_at=cycle.opened_at or cycle.fills[0].at,
        closed_at=cycle.closed_at,
        net_usd=net,
        commission_usd=cycle.commission_usd,
        risk_usd=risk,
        result_r=result_r,
        exit_reason="" if cycle.exit_reason is None else str(cycle.exit_reason),
        advice=(*cycle.reason_codes, *_waits(cycle)),
        lesson=_lesson(cycle, net_usd=net, result_r=result_r, faults=faults),
        avoid=bool(faults),
    )


def lesson_of(cycle: TradeCycle) -> TradeDocument | None:
    """Return the document of a closed cycle, `None` for what is not worth remembering."""
    made = document_of(cycle)
    return None if isinstance(made, Unfit) else made


def document_text(document: TradeDocument) -> str:
    """Return a document as one plain paragraph, for people and for language models."""
    regime = document.regime
    seen = "" if regime is None else f" in {regime.trend}, volatility {regime.volatility}"
    opened = document.opened_at.astimezone(EXCHANGE_ZONE)
    features = ", ".join(f"{name} {value:g}" for name, value in sorted(document.features.items()))
    codes = f" Codes: {', '.join(document.advice)}." if document.advice else ""
    return (
        f"{document.side} {document.symbol} by {document.strategy or 'no strategy of ours'}"
        f"{seen}, {opened:%Y-%m-%d %H:%M} CT. {document.lesson}{codes} Features: {features}."
    )


def _plain(features: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers as plain floats, whatever library a strategy made them with."""
    numbers = features.items()
    return {name: float(n) if isinstance(n, float) else n for name, n in numbers}


def _risk_usd(signal: Signal, instrument: Instrument, *, quantity: int) -> Decimal | None:
    """Return what the stop would have cost from the entry that was proposed, dollars."""
    if signal.stop is None or not (signal.stop.is_finite() and signal.entry.is_finite()):
        return None
    points = (signal.entry - signal.stop) * signal.side.sign
    # A stop on the wrong side limits nothing.
    return points * instrument.multiplier_usd * quantity if points > 0 else None


def _waits(cycle: TradeCycle) -> Iterator[str]:
    for opinion in cycle.opinions:
        if opinion.decision is Advice.WAIT:
            yield f"WAIT:{opinion.advisor}"


def _faults(cycle: TradeCycle, *, net_usd: Decimal, result_r: float | None) -> Iterator[str]:
    """Yield what made a loss another than the one that was agreed to."""
    if net_usd >= 0:
        return
    if result_r is None:
        yield "nothing limited the loss"
    elif result_r < AVOID_LOSS_BEYOND_R:
        yield f"the loss was {-result_r:.1f} times the risk to the stop"
    if OVERRIDE_CODE in cycle.reason_codes:
        yield "it was entered against an advisor's WAIT"
    if cycle.emergency_stops or cycle.exit_reason is ExitReason.EMERGENCY:
        yield "an emergency stop was needed"


def _lesson(
    cycle: TradeCycle, *, net_usd: Decimal, result_r: float | None, faults: tuple[str, ...]
) -> str:
    """Return one line of words from the facts; equal facts give equal words."""
    verb = "lost" if net_usd < 0 else "earned"
    size = "" if result_r is None else f" ({result_r:+.2f} R)"
    how = f", closed by {str(cycle.exit_reason).replace('_', ' ')}" if cycle.exit_reason else ""
    told = f"{cycle.side} {cycle.symbol} {verb} ${abs(net_usd):.2f}{size}{how}"
    return f"{told}; avoid: {', '.join(faults)}." if faults else f"{told}."
