"""The trace of a trade: what its records amount to, as spans.

Theory of operation. `trace_of` is a pure function of a cycle's history, so the trace that was
sent while it happened, the one that `mytrader trace` draws a year later and the one that another
process sends after a restart are the same, ids included. Its root lasts from the signal to the
last state of the cycle. Below it stand

    signal, advice (memory, each advisor, each of its calls), margin, guards,
    each order, position, cover (each time without confirmed protection), exit, settlement, lesson

An attribute has the name that OpenTelemetry's conventions give it (`gen_ai.*`, `error.type`), or
one of ours (`mytrader.*`). Prices (index points) and money (dollars) are numbers, so that a
collector can sort and add them; the exact amounts are in the journal. No account, no margin
balance, no reply of a model and no text of the broker leaves the house: codes, and our own short
sentences.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from mytrader.domain import commands, events
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.decision import AdvisorCall, Opinion
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.known import Known
from mytrader.domain.memory import Recall
from mytrader.domain.orders import Verdict
from mytrader.journal.cycle_histories import CycleHistory, LateCall, asked_for
from mytrader.journal.order_spans import events_of_fills, order_spans, price_of
from mytrader.journal.trace import ROOT, Span, SpanEvent, Trace, Value, plain

ADVICE: Final = "advice"
POSITION: Final = "position"
EVENTS_MAX: Final = 64
"""Alerts and verdicts shown on one span."""

_MILLISECOND: Final = timedelta(milliseconds=1)
LATENCY_MS_MAX: Final = 600_000.0
"""Ten minutes: a latency beyond it, or one that is no number, is somebody's nonsense."""


def trace_of(history: CycleHistory) -> Trace:
    """Return everything that is known of one cycle as a trace."""
    cycle = history.cycle
    ended_at = _last_moment(history)
    decided_at = _decided_at(history)
    spans = [
        _root(history, ended_at),
        _signal(cycle),
        *_advice(history, decided_at or ended_at),
        *_margin(history),
        *_guards(cycle, decided_at),
        *order_spans(history, ended_at),
        *_position(history, ended_at),
        *_lesson(history, ended_at),
    ]
    return Trace(cycle.cycle_id, tuple(spans), open=not cycle.phase.final)


def late_trace(late: LateCall) -> Trace:
    """Return the one span of a request that ended after its cycle."""
    advisors = {opinion.advisor for opinion in late.cycle.opinions}
    return Trace(
        late.cycle.cycle_id,
        (_call(late.call, late.at, advisors, earliest=late.cycle.proposed_at),),
    )


def _last_moment(history: CycleHistory) -> datetime:
    if history.cycle.closed_at is not None:
        return history.cycle.closed_at
    told = [record.at for record in history.records[-1:]]
    told += [each.until for each in history.uncovered[-1:]]
    return max([history.cycle.proposed_at, *told])


def _decided_at(history: CycleHistory) -> datetime | None:
    """When the guards judged; `None` if they never did."""
    cycle = history.cycle
    if not cycle.verdicts:
        return None
    for record in history.records:
        if any(isinstance(command, commands.PlaceBracket) for command in record.commands):
            return record.at
    return cycle.closed_at


# The cycle


def _root(history: CycleHistory, ended_at: datetime) -> Span:
    cycle = history.cycle
    attributes: dict[str, Value] = {
        "mytrader.cycle.id": cycle.cycle_id,
        "mytrader.cycle.phase": cycle.phase.value,
        "mytrader.symbol": cycle.symbol,
        "mytrader.side": cycle.side.value,
        "mytrader.quantity": cycle.quantity,
        "mytrader.strategy": plain(cycle.signal.strategy),
        "mytrader.emergency_stops": cycle.emergency_stops,
        "mytrader.unprotected_seconds_max": cycle.unprotected_seconds_max,
    }
    if cycle.confidence is not None:
        attributes["mytrader.confidence"] = cycle.confidence
    if cycle.reason_codes:
        attributes["mytrader.reason_codes"] = cycle.reason_codes
    if cycle.exit_reason is not None:
        attributes["mytrader.exit.reason"] = cycle.exit_reason.value
    if history.left_out:
        attributes["mytrader.records_left_out"] = history.left_out
    return Span(
        key=ROOT,
        name=ROOT,
        started_at=cycle.proposed_at,
        ended_at=ended_at,
        parent="",
        attributes={**attributes, **_money(cycle)},
        events=tuple(_alerts(history))[:EVENTS_MAX],
        error=_failure(cycle),
    )


def _failure(cycle: TradeCycle) -> str:
    """Why a trade needs a look; a refusal or a loss is no failure."""
    if cycle.phase is Phase.HALTED:
        return plain(cycle.halted_why or "halted")
    return "emergency stop" if cycle.emergency_stops else ""


def _money(cycle: TradeCycle) -> dict[str, Value]:
    instrument = INSTRUMENTS.get(cycle.symbol)
    if instrument is None or not cycle.fills:
        return {}
    found: dict[str, Value] = {"mytrader.commission_usd": float(cycle.commission_usd)}
    if cycle.phase is Phase.CLOSED:
        gross = instrument.usd(cycle.gross_ticks)
        found["mytrader.gross_usd"] = float(gross)
        found["mytrader.net_usd"] = float(gross - cycle.commission_usd)
    return found


def _alerts(history: CycleHistory) -> Iterator[SpanEvent]:
    cycle_id = history.cycle.cycle_id
    for record in history.records:
        for command in record.commands:
            if isinstance(command, commands.RaiseAlert) and asked_for(command) == cycle_id:
                yield SpanEvent(
                    command.code, record.at, {"mytrader.alert.level": command.level.value}
                )


# The decision


def _signal(cycle: TradeCycle) -> Span:
    signal = cycle.signal
    given = {"entry": signal.entry, "stop": signal.stop, "target": signal.target}
    attributes: dict[str, Value] = {
        f"mytrader.signal.{name}": float(price)
        for name, price in given.items()
        if isinstance(price, Decimal) and price.is_finite()
    }
    attributes["mytrader.signal.confidence"] = signal.confidence
    attributes["mytrader.signal.warm"] = signal.warm
    attributes["mytrader.signal.reason"] = plain(signal.reason)
    return Span("signal", "signal", cycle.proposed_at, cycle.proposed_at, attributes=attributes)


def _advice(history: CycleHistory, decided_at: datetime) -> Iterator[Span]:
    """Advice as a whole, and below it the memory, each advisor, each of the advisors' calls."""
    cycle = history.cycle
    given = next((r for r in history.records if isinstance(r.event, events.AdviceGiven)), None)
    ended_at = max(decided_at if given is None else given.at, cycle.proposed_at)
    missing = given is None and not cycle.opinions
    if missing and cycle.phase.final:
        return
    failures = [opinion.advisor for opinion in cycle.opinions if opinion.failure is not None]
    yield Span(
        key=ADVICE,
        name=ADVICE,
        started_at=cycle.proposed_at,
        ended_at=ended_at,
        error=f"no opinion from {', '.join(map(plain, failures))}"[:200] if failures else "",
    )
    began = cycle.proposed_at
    if cycle.recall is not None:
        memory = _memory(cycle.recall, began, ended_at)
        began = memory.ended_at
        yield memory
    for opinion in cycle.opinions:
        yield _advisor(opinion, began, ended_at)
    yield from _calls(history)


def _memory(recall: Recall, began: datetime, latest: datetime) -> Span:
    attributes: dict[str, Value] = {
        "mytrader.memory.similar": len(recall.similar),
        "mytrader.memory.trades": recall.trades,
        "mytrader.memory.cached": recall.cached,
    }
    if recall.support is not None:
        attributes["mytrader.memory.support"] = recall.support
    return Span(
        key="memory",
        name="memory",
        started_at=began,
        ended_at=min(began + _latency(recall.latency_ms), latest),
        parent=ADVICE,
        attributes=attributes,
        error=_kind(recall.failure or ""),
    )


def _advisor(opinion: Opinion, began: datetime, latest: datetime) -> Span:
    attributes: dict[str, Value] = {
        "mytrader.advisor.name": plain(opinion.advisor),
        "mytrader.advisor.role": opinion.role.value,
        "mytrader.advice.decision": opinion.decision.value,
        "mytrader.advice.binding": opinion.binding,
        "mytrader.advice.size_multiplier": opinion.size_multiplier,
        "mytrader.advice.cached": opinion.cached,
    }
    if opinion.confidence is not None:
        attributes["mytrader.advice.confidence"] = opinion.confidence
    if opinion.cited:
        attributes["mytrader.advice.cited"] = tuple(map(plain, opinion.cited[:10]))
    if opinion.failure:
        attributes["error.type"] = _kind(opinion.failure)
    return Span(
        key=f"advisor {opinion.advisor}",
        name=f"advisor {plain(opinion.advisor, 40)}",
        started_at=min(began, latest),
        ended_at=min(began + _latency(opinion.latency_ms), latest),
        parent=ADVICE,
        attributes=attributes,
        error=_kind(opinion.failure or ""),
    )


def _calls(history: CycleHistory) -> Iterator[Span]:
    advisors = {opinion.advisor for opinion in history.cycle.opinions}
    for record in history.records:
        if isinstance(record.event, events.AdvisorCalled):
            yield _call(record.event.call, record.at, advisors, earliest=history.cycle.proposed_at)


def _call(call: AdvisorCall, at: datetime, advisors: set[str], *, earliest: datetime) -> Span:
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.request.model": plain(call.target),
        "mytrader.advisor.name": plain(call.advisor),
        "mytrader.call.attempt": call.attempt,
        "mytrader.call.outcome": _kind(call.outcome),
    }
    if call.tokens_in is not None:
        attributes["gen_ai.usage.input_tokens"] = call.tokens_in
    if call.tokens_out is not None:
        attributes["gen_ai.usage.output_tokens"] = call.tokens_out
    if call.cost_usd is not None and call.cost_usd.is_finite():
        attributes["mytrader.call.cost_usd"] = float(call.cost_usd)
    failed = "" if call.outcome == "answered" else _kind(call.outcome)
    if failed:
        attributes["error.type"] = failed
    return Span(
        key=f"call {call.advisor} {call.attempt} {call.target}",
        name=f"call {plain(call.advisor, 40)}",
        started_at=min(max(at - _latency(call.latency_ms), earliest), at),
        ended_at=at,
        parent=f"advisor {call.advisor}" if call.advisor in advisors else ADVICE,
        attributes=attributes,
        error=failed,
        remote=True,
    )


def _latency(milliseconds: float) -> timedelta:
    """A latency as it was told; what is no number took no time that anybody knows."""
    return _MILLISECOND * milliseconds if 0 <= milliseconds <= LATENCY_MS_MAX else timedelta(0)


def _kind(failure: str) -> str:
    """The kind of a failure without what a stranger said about it: "error: X" keeps its X."""
    words = plain(failure, 60).split()
    kind = " ".join(words[:2]) if words and words[0] == "error:" else "".join(words[:1])
    return kind.rstrip(":")


def _margin(history: CycleHistory) -> Iterator[Span]:
    for record in history.records:
        if isinstance(record.event, events.MarginStated):
            known = isinstance(record.event.margin, Known)
            attributes: dict[str, Value] = {"mytrader.margin.known": known}
            yield Span(
                key="margin",
                name="margin",
                started_at=min(history.cycle.proposed_at, record.at),
                ended_at=record.at,
                attributes=attributes,
                error="" if known else "unknown",
                remote=True,
            )
            return


def _guards(cycle: TradeCycle, decided_at: datetime | None) -> Iterator[Span]:
    """Every verdict was reached at one moment; the ones that refused are shown with their words.

    The verdicts are the cycle's own: no event holds them, and today's guards are not asked again.
    """
    if decided_at is None:
        return
    refused = [verdict for verdict in cycle.verdicts if not verdict.approved]
    attributes: dict[str, Value] = {
        "mytrader.guards.asked": len(cycle.verdicts),
        "mytrader.guards.approved": not refused,
        "mytrader.guards.codes": tuple(verdict.code for verdict in cycle.verdicts),
    }
    if refused:
        attributes["mytrader.guards.refused"] = tuple(verdict.code for verdict in refused)
    yield Span(
        key="guards",
        name="guards",
        started_at=decided_at,
        ended_at=decided_at,
        attributes=attributes,
        events=tuple(
            SpanEvent(verdict.code, decided_at, _words(verdict))
            for verdict in refused[:EVENTS_MAX]
        ),
    )


def _words(verdict: Verdict) -> dict[str, Value]:
    """A guard's own words; what it says of advice is the advisor's."""
    if verdict.code.startswith("AWS_"):
        return {}
    return {"mytrader.verdict.detail": plain(verdict.detail)}


# The position


def _position(history: CycleHistory, ended_at: datetime) -> Iterator[Span]:
    """From the first fill to flat, what of it was uncovered, how it was left, and the rest."""
    cycle = history.cycle
    fills = list(events_of_fills(history))
    if not fills:
        return
    opened_at = fills[0][0]
    flat_at = _flat_at(fills)
    yield Span(
        key=POSITION,
        name=POSITION,
        started_at=opened_at,
        ended_at=flat_at or ended_at,
        attributes=_averages(cycle),
    )
    yield from _cover(history, opened_at)
    yield from _exit(history, fills, flat_at or ended_at)
    if flat_at is not None:
        yield Span(
            key="settlement",
            name="settlement",
            started_at=flat_at,
            ended_at=max(ended_at, flat_at),
            attributes=_money(cycle),
        )


Fills = list[tuple[datetime, int]]
"""When each fill was recorded, with its signed quantity."""


def _flat_at(fills: Fills) -> datetime | None:
    position, flat_at = 0, None
    for at, quantity in fills:
        position += quantity
        flat_at = at if position == 0 else None
    return flat_at


def _averages(cycle: TradeCycle) -> dict[str, Value]:
    found: dict[str, Value] = {"mytrader.contracts": 0}
    for name, entry in (("entry", True), ("exit", False)):
        filled = [fill for fill in cycle.fills if (fill.side is cycle.side) == entry]
        quantity = sum(fill.quantity for fill in filled)
        if entry:
            found["mytrader.contracts"] = quantity
        if quantity and cycle.symbol in INSTRUMENTS:
            ticks = sum(fill.price * fill.quantity for fill in filled) / quantity
            found[f"mytrader.{name}_price"] = float(
                INSTRUMENTS[cycle.symbol].tick_size * Decimal(ticks)
            )
    return found


def _cover(history: CycleHistory, opened_at: datetime) -> Iterator[Span]:
    """Each time without confirmed protection; a fill that was covered at once took no time."""
    uncovered = history.uncovered
    if not uncovered and history.cycle.naked_since is None:
        yield _cover_span(1, opened_at, opened_at)
    for number, each in enumerate(uncovered, start=1):
        yield _cover_span(number, each.since, each.until)
    since = history.cycle.naked_since
    if since is not None:
        still = max(_last_moment(history), since)
        yield _cover_span(len(uncovered) + 1, since, still, error="not covered")


def _cover_span(number: int, since: datetime, until: datetime, *, error: str = "") -> Span:
    return Span(
        key=f"cover {number}",
        name="cover",
        started_at=since,
        ended_at=until,
        parent=POSITION,
        attributes={"mytrader.unprotected_seconds": (until - since).total_seconds()},
        error=error,
    )


def _exit(history: CycleHistory, fills: Fills, ended_at: datetime) -> Iterator[Span]:
    """From whoever asked first to flat; a stop that was hit asked nobody, its fill is the exit."""
    cycle, steps = history.cycle, history.exit_steps
    closing = [at for at, quantity in fills if quantity * cycle.side.sign < 0]
    if not steps and not closing:
        return
    began = min([step.at for step in steps[:1]] + closing[:1])
    reason = cycle.exit_reason.value if cycle.exit_reason else steps[-1].reason if steps else ""
    attributes: dict[str, Value] = {"mytrader.exit.reason": reason}
    stages = Counter(step.stage for step in steps)
    if stages:
        attributes["mytrader.exit.stages"] = tuple(stages)
    yield Span(
        key="exit",
        name="exit",
        started_at=began,
        ended_at=max(ended_at, began),
        attributes={**attributes, **_exit_price(cycle)},
        events=tuple(
            SpanEvent(step.stage, step.at, {"mytrader.exit.reason": step.reason})
            for step in steps[:EVENTS_MAX]
        ),
    )


def _exit_price(cycle: TradeCycle) -> dict[str, Value]:
    closing = [fill for fill in cycle.fills if fill.side is not cycle.side]
    price = price_of(cycle.symbol, closing[-1].price) if closing else None
    return {} if price is None else {"mytrader.exit.last_price": price}


def _lesson(history: CycleHistory, ended_at: datetime) -> Iterator[Span]:
    """What is remembered of the trade, under the same id."""
    document = history.lesson
    if document is None:
        return
    attributes: dict[str, Value] = {
        "mytrader.document.id": document.document_id,
        "mytrader.lesson": plain(document.lesson),
        "mytrader.lesson.avoid": document.avoid,
        "mytrader.net_usd": float(document.net_usd),
    }
    if document.result_r is not None:
        attributes["mytrader.result_r"] = document.result_r
    yield Span("lesson", "lesson", ended_at, ended_at, attributes=attributes)
