"""From a signal to an approved bracket: advice is asked, guards decide, the record shows why."""

import math

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, AskAdvice, AskMargin, PlaceBracket
from mytrader.domain.cycle import Fact, Phase, TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, hybrid_confidence
from mytrader.domain.events import AdviceGiven, MarginStated, SignalRaised
from mytrader.domain.known import Unknown
from mytrader.domain.orders import Approved, Bracket, Refused, Side, TrackedOrder
from mytrader.execution.exits import withdraw_entries
from mytrader.execution.guards import Proposal, approve_entry
from mytrader.execution.order_builder import build_bracket
from mytrader.execution.turn import Turn


def on_signal(turn: Turn, event: SignalRaised) -> None:
    """Open a cycle and put the proposal before the advisors."""
    if event.cycle_id in turn.state.cycles or event.cycle_id in turn.state.closed:
        return
    contract = turn.state.contracts.get(event.con_id)
    limits = turn.state.limits
    cycle = turn.put(
        TradeCycle(
            cycle_id=event.cycle_id,
            con_id=event.con_id,
            symbol=contract.instrument.symbol if contract else "",
            phase=Phase.PROPOSED,
            side=event.signal.side,
            signal=event.signal,
            proposed_at=turn.now,
            quantity=limits.quantity_per_entry,
            # The panel answers within its own deadline; this one is for a panel that does not.
            advice_due_at=turn.now + 2 * limits.advice_timeout,
        )
    )
    turn.ask(AskAdvice(event.cycle_id, event.con_id, event.signal))
    _ask_margin(turn, cycle)


def _ask_margin(turn: Turn, cycle: TradeCycle) -> None:
    """Ask what the entry would do to the margin, at a price at which it would not trade."""
    quote = turn.state.quotes.get(cycle.con_id)
    near = None if quote is None else quote.bid if cycle.side is Side.BUY else quote.ask
    limit = 0 if near is None else near - cycle.side.sign * turn.state.limits.price_collar_ticks
    if limit <= 0:
        turn.change(cycle, margin=Unknown("there is no price to ask with"))
        return
    turn.ask(AskMargin(cycle.cycle_id, cycle.con_id, cycle.side, cycle.quantity, limit))


def watch_advice(turn: Turn, cycle: TradeCycle) -> None:
    """No advice in time is a WAIT that binds; a margin that nobody stated is unknown."""
    if cycle.advice_due_at is None or turn.now < cycle.advice_due_at:
        return
    opinions = cycle.opinions
    if not cycle.advised:
        late = Opinion(
            advisor="panel",
            role=AdvisorRole.RISK,
            decision=Advice.WAIT,
            rationale="no answer",
            failure="timeout",
        )
        opinions = (late,)
    if cycle.margin is None:
        cycle = turn.change(cycle, margin=Unknown("the broker did not answer in time"))
    on_advice(turn, AdviceGiven(cycle.cycle_id, opinions, cycle.recall))


def on_advice(turn: Turn, event: AdviceGiven) -> None:
    """Take the advice; the proposal is judged once the margin is stated too."""
    cycle = turn.cycle(event.cycle_id)
    if cycle is None or cycle.phase is not Phase.PROPOSED:
        return
    cycle = turn.change(cycle, opinions=event.opinions, recall=event.recall, advised=True)
    if cycle.margin is not None:
        _judge(turn, cycle)


def _judge(turn: Turn, cycle: TradeCycle) -> None:
    """Judge the proposal with everything that is known now."""
    cycle = _weighed(cycle)
    contract = turn.state.contracts.get(cycle.con_id)
    quote = turn.state.quotes.get(cycle.con_id)
    bracket: Bracket | str = "CONTRACT_NOT_ALLOWED" if contract is None else "STALE_DATA"
    if contract is not None and quote is not None:
        bracket = build_bracket(cycle, contract.instrument, quote=quote, limits=turn.state.limits)
    answer, verdicts = approve_entry(Proposal(cycle, contract, bracket), turn.state, now=turn.now)
    codes = [verdict.code for verdict in verdicts if not verdict.approved]
    codes += [v.code for v in verdicts if v.approved and v.code == "AWS_WAIT_OVERRIDE"]
    cycle = turn.put(
        replace(cycle, verdicts=verdicts, reason_codes=tuple(codes), advice_due_at=None)
    )
    _note_signal(turn, cycle)
    if isinstance(answer, Refused):
        _refuse(turn, cycle, refused=answer)
    else:
        _enter(turn, cycle, approved=answer)


def on_margin(turn: Turn, event: MarginStated) -> None:
    """Note what the broker says that the entry would do to the margin; judge if all spoke."""
    cycle = turn.cycle(event.cycle_id)
    if cycle is None or cycle.phase is not Phase.PROPOSED or cycle.margin is not None:
        return
    cycle = turn.change(cycle, margin=event.margin)
    if cycle.advised:
        _judge(turn, cycle)


def _weighed(cycle: TradeCycle) -> TradeCycle:
    """Add the final confidence and a size; advice and memory may only make them smaller."""
    opinions = cycle.opinions
    memory = None if cycle.recall is None else cycle.recall.support
    models = [_support(o) for o in opinions if o.role is AdvisorRole.DECISION]
    # Of several the least sure one counts; what is no number stays none, and permits nothing.
    model = min((each for each in models if each is not None), key=_least, default=None)
    sizes = [o.size_multiplier if math.isfinite(o.size_multiplier) else 0.0 for o in opinions]
    multiplier = min(max(min(sizes, default=1.0), 0.0), 1.0)
    return replace(
        cycle,
        confidence=hybrid_confidence(cycle.signal.confidence, model, memory),
        quantity=int(cycle.quantity * multiplier),
    )


def _least(support: float) -> tuple[bool, float]:
    return (not math.isnan(support), support)


def _support(opinion: Opinion) -> float | None:
    """What an answer lends to the trade: an advisor that is sure of WAIT supports it little."""
    if opinion.failure or opinion.confidence is None:
        return None
    return opinion.confidence if opinion.decision is Advice.GO else 1 - opinion.confidence


def _note_signal(turn: Turn, cycle: TradeCycle) -> None:
    key = f"{cycle.signal.strategy} {cycle.side}"
    day = turn.state.ledger(turn.now)
    turn.replace(day=replace(day, last_signal=(cycle.con_id, key, turn.now)))


def _refuse(turn: Turn, cycle: TradeCycle, *, refused: Refused) -> None:
    turn.alert(
        AlertLevel.INFO,
        refused.code,
        text=f"entry refused: {refused.detail or refused.code}",
        cycle_id=cycle.cycle_id,
    )
    turn.fact(cycle, Fact.REFUSED)


def _enter(turn: Turn, cycle: TradeCycle, *, approved: Approved[Bracket]) -> None:
    bracket = approved.order
    if "AWS_WAIT_OVERRIDE" in cycle.reason_codes:
        turn.alert(
            AlertLevel.INFO,
            "AWS_WAIT_OVERRIDE",
            text=next(v.detail for v in cycle.verdicts if v.code == "AWS_WAIT_OVERRIDE"),
            cycle_id=cycle.cycle_id,
        )
    turn.change(
        cycle,
        stop=bracket.stop,
        target=bracket.target,
        orders={spec.ref: TrackedOrder(spec) for lot in bracket.lots for spec in lot},
        entry_due_at=turn.now + turn.state.limits.entry_timeout,
    )
    day = turn.state.ledger(turn.now)
    turn.replace(day=replace(day, entries=day.entries + 1, last_entry_at=turn.now))
    turn.ask(PlaceBracket(approved))
    turn.fact(cycle, Fact.APPROVED)


def watch_entry(turn: Turn, cycle: TradeCycle) -> None:
    """An entry that did not fill in time: cancel what is left of it."""
    if cycle.entry_due_at is None or turn.now < cycle.entry_due_at:
        return
    withdraw_entries(turn, cycle, why="the entry did not fill in time")


def drop(turn: Turn, cycle: TradeCycle, *, why: str) -> None:
    """Refuse a proposal that still waits for advice."""
    _refuse(turn, cycle, refused=Refused("MODE", why))
