"""An explanation in words, for a terminal or a pipe, and as JSON."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mytrader.domain.instrument import Instrument
from mytrader.domain.orders import Side, Verdict
from mytrader.domain.positions import UNBOUNDED
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.replay.history import Filled, Placed
from mytrader.replay.moment import Moment
from mytrader.replay.round_trips import RoundTrip
from mytrader.replay.verdict import Decision, Explanation, Judgement, Meaning, Reading

STYLES: Final = {
    Decision.REFUSED: "bold red",
    Decision.ALLOWED: "bold green",
    Decision.CANNOT_TELL: "bold yellow",
}
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Print everything a person needs to see why the order would not, or would, go out."""
    judged = explanation.judged
    console.print(_headline(explanation), style=STYLES[judged.decision])
    console.print()
    console.print(_facts(_known(explanation)))
    for reading in sorted(judged.readings, key=lambda reading: not reading.counts):
        console.print()
        console.print(_reading_title(reading), style="bold")
        console.print(_verdicts(reading))
    console.print()
    console.print(_facts(_aftermath(explanation)))


def _headline(explanation: Explanation) -> str:
    judged = explanation.judged
    asked = explanation.asked_id
    number = judged.order.order_id
    led = "" if asked == number else f"Order {asked} is of the trade of order {number}. "
    codes = dict.fromkeys(verdict.code for verdict in judged.refusals)
    named = f": {', '.join(codes)}" if codes else ""
    sentence = {
        Decision.REFUSED: "would be refused",
        Decision.ALLOWED: "would be allowed",
        Decision.CANNOT_TELL: "cannot be judged from this record",
    }[judged.decision]
    return f"{led}Order {number} {sentence}{named}{_if_meant_as_exit(judged)}"


def _if_meant_as_exit(judged: Judgement) -> str:
    """What the other reading would say, where the record does not tell which one was meant."""
    for reading in judged.readings:
        if reading.meaning is Meaning.EXIT and not reading.counts and reading.refusals:
            codes = dict.fromkeys(verdict.code for verdict in reading.refusals)
            return f"; if meant as an exit: {', '.join(codes)}"
    return ""


def _facts(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=9, style="dim")
    table.add_column()
    for name, text in rows:
        table.add_row(name, text)
    return table


def _known(explanation: Explanation) -> Iterator[tuple[str, str]]:
    order, moment = explanation.judged.order, explanation.judged.moment
    yield "record", f"{explanation.source} ({explanation.source_kind})"
    yield "order", _order_text(order)
    yield "out at", _time_text(order.at)
    yield "position", _position_text(moment)
    yield "signal", _signal_text(moment, explanation.limits.wait_override_confidence)
    said = [f"{opinion.advisor} said {opinion.rationale}" for opinion in moment.opinions]
    yield "advice", "; ".join(said) or "not recorded"
    others = [f"{other.order.side} {other.order.order_id}" for other in moment.working]
    yield "working", ", ".join(others) or "no other order"


def _order_text(order: Placed) -> str:
    limit = "" if order.limit is None else f" {_points(order.limit)}"
    legs = f"stop {_or_none(order.stop_loss)}, target {_or_none(order.take_profit)}"
    return f"{order.side} {order.quantity} {order.symbol} {order.order_type}{limit}, {legs}"


def _or_none(price: Decimal | None) -> str:
    return "none" if price is None else _points(price)


def _points(price: Decimal) -> str:
    """Return a price with two decimals, or with more where the record holds more."""
    short = f"{price:.2f}"
    return short if Decimal(short) == price else str(price)


def _time_text(at: datetime) -> str:
    local = at.astimezone(EXCHANGE_ZONE)
    return f"{local:%Y-%m-%d %H:%M:%S %Z} ({at:%H:%M:%S} UTC)"


def _contracts(quantity: int) -> str:
    if quantity == 0:
        return "flat"
    return f"{'long' if quantity > 0 else 'short'} {abs(quantity)}"


def _position_text(moment: Moment) -> str:
    view = moment.position
    fills = f"the fills say {_contracts(view.booked)}"
    if view.doubt is not None:
        return f"unknown: {view.doubt}; as far as they can be read {fills}"
    if not view.confirmed:
        return f"unknown: the link was lost and no position reported since; {fills}"
    if moment.reported is None:
        return f"{fills}; no report recorded"
    told = f"the reported position says {_contracts(moment.reported.quantity)}"
    if view.reported is None:
        return f"{fills}; {told}, but that is older than the newest fill and no evidence"
    if not moment.contradicted:
        return f"{fills}, and {told}"
    low, high = view.interval
    return f"{fills}; {told} and contradicts them; possible is {low} to {high}"


def _signal_text(moment: Moment, override: float) -> str:
    signal = moment.signal
    if signal is None:
        return "not recorded"
    text = signal.action
    if signal.confidence is None:
        text += ", confidence not recorded"
    else:
        relation = "above" if signal.confidence > override else "not above"
        text += f", confidence {signal.confidence:.2f}, {relation} {override:.2f}"
    trend = f", trend {signal.trend}" if signal.trend else ""
    return text + trend + (f", volatility {signal.volatility}" if signal.volatility else "")


def _reading_title(reading: Reading) -> str:
    article = "an entry" if reading.meaning is Meaning.ENTRY else "an exit"
    if reading.counts:
        return f"As {article} (counts: {reading.why})"
    return f"If meant as {article} (does not count: {reading.why})"


def _verdicts(reading: Reading) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=7)
    table.add_column(no_wrap=True)
    table.add_column()
    for verdict in reading.refusals:
        table.add_row(Text("refused", style="red"), verdict.code, verdict.detail)
    for gap in reading.gaps:
        table.add_row(Text("unknown", style="yellow"), "", gap)
    passed = [verdict for verdict in reading.verdicts if verdict.approved]
    for verdict in passed:
        if verdict.detail:
            table.add_row(Text("passed", style="green"), verdict.code, verdict.detail)
    silent = ", ".join(verdict.code for verdict in passed if not verdict.detail)
    if silent:
        table.add_row(Text("passed", style="green"), "", silent)
    return table


def _aftermath(explanation: Explanation) -> Iterator[tuple[str, str]]:
    yield "not asked", "; ".join(explanation.judged.unrecorded)
    trade = explanation.trade
    if trade is None:
        status = explanation.last_status or "not recorded"
        yield "trade", f"none: no fill of this order is recorded; its last status is {status}"
        yield "cost", "nothing"
    else:
        yield "trade", "; ".join(_fill_text(fill, explanation) for fill in trade.fills)
        yield "cost", _cost_text(trade, explanation.instrument)
    for judgement in explanation.exits:
        yield f"exit {judgement.order.order_id}", _exit_text(judgement)
    for doubt in explanation.doubts:
        yield "doubt", doubt.why


def _fill_text(fill: Filled, explanation: Explanation) -> str:
    price = explanation.instrument.price(fill.price)
    local = fill.at.astimezone(EXCHANGE_ZONE)
    return f"{fill.side} {fill.quantity} at {price}, {local:%H:%M:%S} (order {fill.order_id})"


def _cost_text(trade: RoundTrip, instrument: Instrument) -> str:
    gross = trade.gross_usd(instrument)
    if gross is None:
        return f"not known: still {_contracts(trade.position)} when the record ends"
    commission = instrument.commission_usd_per_side * trade.sides_traded()
    verb = "lost" if gross < 0 else "gained"
    net = gross - commission
    after = f"{'lost' if net < 0 else 'gained'} ${abs(net):,.2f}"
    return (
        f"{verb} ${abs(gross):,.2f} before commission{_arithmetic(trade, instrument)}; "
        f"{after} after ${commission:.2f} of commission at the usual rate"
    )


def _arithmetic(trade: RoundTrip, instrument: Instrument) -> str:
    """Return the sum behind the result, where one buy and one sale make it."""
    prices = {side: [f.price for f in trade.fills if f.side is side] for side in Side}
    if len(prices[Side.BUY]) != 1 or len(prices[Side.SELL]) != 1:
        return ""
    bought, sold = (instrument.price(prices[side][0]) for side in (Side.BUY, Side.SELL))
    lots = f" x {trade.quantity}" if trade.quantity > 1 else ""
    return f", ({sold} - {bought}) x ${instrument.multiplier_usd}{lots}"


def _exit_text(judgement: Judgement) -> str:
    verdicts = [v for r in judgement.readings if r.meaning is Meaning.EXIT for v in r.verdicts]
    return "; ".join(f"{verdict.code}, {verdict.detail}" for verdict in verdicts)


def as_json(explanation: Explanation) -> str:
    """Return the explanation as one JSON object; prices in points, money in dollars."""
    judged = explanation.judged
    trade = explanation.trade
    return _ENCODER.encode(
        {
            "source": explanation.source,
            "source_kind": explanation.source_kind,
            "asked_order_id": explanation.asked_id,
            "order_id": judged.order.order_id,
            "decision": judged.decision,
            "refused": judged.decision is Decision.REFUSED,
            "codes": list(dict.fromkeys(verdict.code for verdict in judged.refusals)),
            **_judgement_json(judged),
            "exits": [
                {"order_id": later.order.order_id, **_judgement_json(later)}
                for later in explanation.exits
            ],
            "last_status": explanation.last_status,
            "trade": None if trade is None else _trade_json(trade, explanation.instrument),
            "doubts": [doubt.why for doubt in explanation.doubts],
        }
    ).decode()


def _judgement_json(judgement: Judgement) -> dict[str, Any]:
    return {
        "order": judgement.order,
        "known": _known_json(judgement.moment),
        "readings": [
            {
                "meaning": reading.meaning,
                "counts": reading.counts,
                "why": reading.why,
                "gaps": reading.gaps,
                "verdicts": [_verdict_json(verdict) for verdict in reading.verdicts],
            }
            for reading in judgement.readings
        ],
        "not_asked": judgement.unrecorded,
    }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {"code": verdict.code, "approved": verdict.approved, "detail": verdict.detail}


def _known_json(moment: Moment) -> dict[str, Any]:
    low, high = moment.position.interval
    bounded = high - low < UNBOUNDED
    return {
        "position_by_fills": moment.position.booked,
        "position_reported": None if moment.reported is None else moment.reported.quantity,
        "position_interval": [low, high] if bounded else None,
        "signal": moment.signal,
        "advice": [
            {
                "advisor": opinion.advisor,
                "decision": opinion.decision,
                "advisory_only": opinion.advisory_only,
                "failure": opinion.failure,
            }
            for opinion in moment.opinions
        ],
        "working_order_ids": [other.order.order_id for other in moment.working],
    }


def _trade_json(trade: RoundTrip, instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": trade.symbol,
        "side": trade.side,
        "entry_order_ids": trade.entry_order_ids,
        "exit_order_ids": trade.exit_order_ids,
        "opened_at": trade.opened_at,
        "closed_at": trade.closed_at,
        "fills": [
            {
                "order_id": fill.order_id,
                "time": fill.at,
                "side": fill.side,
                "price": instrument.price(fill.price),
                "quantity": fill.quantity,
            }
            for fill in trade.fills
        ],
        "gross_usd": trade.gross_usd(instrument),
    }
