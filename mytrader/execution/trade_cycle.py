"""The trade cycle: a table of transitions, and `step`, the only way the trader's state changes.

Theory of operation. `step(state, event, now)` works one event through in four parts.

1. The event is remembered: orders, fills, positions, quotes (`order_tracking`, `reconcile`).
2. What it amounts to for a cycle is one of the few `Fact`s.
3. `(phase, fact)` selects a row of `TRANSITIONS`. A pair that is not in the table is a surprise:
   the cycle is HALTED, the book is queried, a person is paged, protection stays untouched.
4. Every touched cycle is reviewed: is it covered, must an exit be carried on, is it finished?

Nothing here awaits, reads a clock or calls out; commands are returned. The same `step` runs
live, in simulation, in a replay and in the exhaustive check.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, AnyCommand
from mytrader.domain.cycle import ExitReason, ExitStage, Fact, Phase, TradeCycle
from mytrader.domain.events import AnyEvent
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution import exits, market_watch, order_tracking, proposal, protection, reconcile
from mytrader.execution.closing import commissions_are_in, settle
from mytrader.execution.turn import Turn

TRANSITIONS: Final[Mapping[tuple[Phase, Fact], Phase]] = {
    (Phase.PROPOSED, Fact.APPROVED): Phase.ENTERING,
    (Phase.PROPOSED, Fact.REFUSED): Phase.REFUSED,
    (Phase.ENTERING, Fact.ENTRY_FILLED): Phase.PROTECTING,
    (Phase.ENTERING, Fact.SETTLED): Phase.ABORTED,
    (Phase.PROTECTING, Fact.ENTRY_FILLED): Phase.PROTECTING,
    (Phase.PROTECTING, Fact.COVERED): Phase.OPEN,
    (Phase.PROTECTING, Fact.REDUCED): Phase.PROTECTING,
    (Phase.PROTECTING, Fact.FLAT): Phase.EXITING,
    (Phase.PROTECTING, Fact.EXIT_ASKED): Phase.EXITING,
    (Phase.PROTECTING, Fact.COVER_EXPIRED): Phase.HALTED,
    (Phase.OPEN, Fact.ENTRY_FILLED): Phase.PROTECTING,
    (Phase.OPEN, Fact.UNCOVERED): Phase.PROTECTING,
    (Phase.OPEN, Fact.REDUCED): Phase.OPEN,
    (Phase.OPEN, Fact.FLAT): Phase.EXITING,
    (Phase.OPEN, Fact.EXIT_ASKED): Phase.EXITING,
    (Phase.EXITING, Fact.ENTRY_FILLED): Phase.PROTECTING,
    (Phase.EXITING, Fact.EXIT_ASKED): Phase.EXITING,
    (Phase.EXITING, Fact.REDUCED): Phase.EXITING,
    (Phase.EXITING, Fact.FLAT): Phase.EXITING,
    (Phase.EXITING, Fact.EXIT_FAILED): Phase.PROTECTING,
    (Phase.EXITING, Fact.SETTLED): Phase.CLOSED,
    (Phase.HALTED, Fact.ENTRY_FILLED): Phase.HALTED,
    (Phase.HALTED, Fact.COVERED): Phase.HALTED,
    (Phase.HALTED, Fact.COVER_EXPIRED): Phase.HALTED,
    (Phase.HALTED, Fact.REDUCED): Phase.HALTED,
    (Phase.HALTED, Fact.FLAT): Phase.HALTED,
    (Phase.HALTED, Fact.EXIT_ASKED): Phase.EXITING,
    (Phase.HALTED, Fact.SETTLED): Phase.CLOSED,
}
"""Every transition that is foreseen. Exact repeats change nothing; any other pair: HALTED."""

FACTS_PER_EVENT_MAX: Final = 64
"""More than this for one event means that the kernel argues with itself."""


def step(
    state: TraderState, event: AnyEvent, now: datetime
) -> tuple[TraderState, list[AnyCommand]]:
    """Advance the trader by one event; the only way its mode, positions, orders or cycles change.

    `now` is aware UTC. Returns the new state and what should be done, in order.
    """
    turn = Turn(state, now)
    if state.finished:
        turn.replace(finished=())
    HANDLERS[type(event)](turn, event)
    _work_through_facts(turn)
    for cycle_id in list(turn.touched):
        _review(turn, cycle_id)
    return turn.state, turn.commands


def next_deadline(state: TraderState) -> datetime | None:
    """When `step` must be called even if nothing happens; `None` means never."""
    due = [
        when
        for cycle in state.cycles.values()
        for when in (
            cycle.advice_due_at,
            cycle.entry_due_at,
            cycle.cover_due_at,
            cycle.query_due_at,
            cycle.commissions_due_at,
            cycle.exit.due_at if cycle.exit is not None else None,
            market_watch.session_exit_at(state, cycle),
        )
        if when is not None
    ]
    return min(due, default=None)


def _work_through_facts(turn: Turn) -> None:
    worked = 0
    while turn.facts:
        cycle_id, fact = turn.facts.pop(0)
        cycle = turn.cycle(cycle_id)
        worked += 1
        if cycle is None:
            continue
        if worked > FACTS_PER_EVENT_MAX:
            _halt(turn, cycle, f"no end of facts, the last one {fact}")
            turn.facts.clear()
            return
        _transition(turn, cycle, fact)


def _transition(turn: Turn, cycle: TradeCycle, fact: Fact) -> None:
    phase = TRANSITIONS.get((cycle.phase, fact), Phase.HALTED)
    if phase is Phase.HALTED and cycle.phase is not Phase.HALTED:
        _halt(turn, cycle, f"{fact} while {cycle.phase}")
        return
    was = cycle.phase
    if phase is not was:
        cycle = turn.change(cycle, phase=phase)
    if fact is Fact.ENTRY_FILLED and cycle.opened_at is None:
        turn.change(cycle, opened_at=turn.now, entry_due_at=None)
    elif fact is Fact.SETTLED:
        settle(turn, cycle)
    elif fact is Fact.COVERED and cycle.exit is not None and phase is Phase.OPEN:
        turn.change(cycle, exit=None)


def _halt(turn: Turn, cycle: TradeCycle, why: str) -> None:
    """A fact arrived that nobody foresaw: stop deciding, leave protection, ask for the truth."""
    turn.change(cycle, phase=Phase.HALTED, halted_why=why, entry_due_at=None)
    turn.alert(AlertLevel.PAGE, "CYCLE_HALTED", text=why, cycle_id=cycle.cycle_id)
    turn.step_down(Mode.HALT, f"cycle {cycle.cycle_id}: {why}")
    turn.query_book(why)


def _review(turn: Turn, cycle_id: str) -> None:
    """Look at one touched cycle until nothing more follows."""
    for _ in range(FACTS_PER_EVENT_MAX):
        cycle = turn.cycle(cycle_id)
        if cycle is None or cycle.phase is Phase.PROPOSED:
            return
        cycle = protection.watch_cover(turn, cycle)
        if cycle.position:
            _review_position(turn, cycle)
        else:
            _clear_up(turn, cycle)
        if not turn.facts:
            return
        _work_through_facts(turn)


def _review_position(turn: Turn, cycle: TradeCycle) -> None:
    """Carry the exit on; without one under way, repair protection, and if that fails, leave."""
    exits.review(turn, cycle)
    cycle = turn.state.cycles[cycle.cycle_id]
    leaving = cycle.exit is not None and cycle.exit.stage is not ExitStage.REFUSED
    if leaving or protection.naked_lots(cycle) == 0:
        return
    if not protection.protect(turn, cycle) and cycle.phase is not Phase.HALTED:
        exits.ask_exit(turn, turn.state.cycles[cycle.cycle_id], ExitReason.EMERGENCY)


def _clear_up(turn: Turn, cycle: TradeCycle) -> None:
    """Flat: nothing may be left that could open a position; when all is dead the cycle ends."""
    orders = cycle.orders.values()
    abandoned = any(not order.live and order.filled == 0 for order in orders)
    if cycle.fills or abandoned or cycle.phase is Phase.HALTED:
        for order in orders:
            order_tracking.ask_cancel(turn, order.spec.ref, "the cycle is flat")
    cycle = turn.state.cycles[cycle.cycle_id]
    if not any(order.live for order in cycle.orders.values()) and commissions_are_in(turn, cycle):
        turn.fact(cycle, Fact.SETTLED)


def _on_time(turn: Turn, event: events.TimeReached) -> None:
    """A deadline has come: whoever waited for it acts."""
    del event
    for cycle in list(turn.state.cycles.values()):
        turn.touched[cycle.cycle_id] = None
        if cycle.advice_due_at is not None and turn.now >= cycle.advice_due_at:
            proposal.on_silence(turn, cycle)
        if cycle.entry_due_at is not None and turn.now >= cycle.entry_due_at:
            proposal.on_entry_late(turn, cycle)
        protection.watch_deadlines(turn, turn.state.cycles[cycle.cycle_id])
        market_watch.watch_session(turn, turn.state.cycles[cycle.cycle_id])


def _on_operator(turn: Turn, event: events.OperatorAsked) -> None:
    """A person asked; only here does the mode move up."""
    match event.request:
        case events.Request.FLATTEN:
            market_watch.flatten(turn, event.who)
        case events.Request.HALT:
            turn.step_down(Mode.HALT, f"asked by {event.who}")
        case events.Request.REDUCE_ONLY:
            turn.step_down(Mode.REDUCE_ONLY, f"asked by {event.who}")
        case events.Request.RESUME:
            turn.replace(mode=Mode.NORMAL, mode_why="")
            turn.alert(AlertLevel.INFO, "RESUMED", text=f"by {event.who}")


def _on_halted(turn: Turn, event: events.Halted) -> None:
    turn.step_down(Mode.HALT, event.why)


Handler = Callable[[Turn, Any], None]

HANDLERS: Final[Mapping[type, Handler]] = {
    events.TraderStarted: reconcile.on_start,
    events.ContractStated: market_watch.on_contract,
    events.QuoteSeen: market_watch.on_quote,
    events.BarClosed: market_watch.on_bar,
    events.SignalRaised: proposal.on_signal,
    events.AdviceGiven: proposal.on_advice,
    events.OrderWritten: order_tracking.on_written,
    events.OrderNotWritten: order_tracking.on_not_written,
    events.LinkChanged: reconcile.on_link,
    events.OrderReported: order_tracking.on_order_reported,
    events.StatusReported: order_tracking.on_status,
    events.ErrorReported: order_tracking.on_error,
    events.ExecutionReported: order_tracking.on_execution,
    events.CommissionReported: order_tracking.on_commission,
    events.PositionReported: reconcile.on_position,
    events.BookAnswered: reconcile.on_book,
    events.TimeReached: _on_time,
    events.OperatorAsked: _on_operator,
    events.Halted: _on_halted,
}
