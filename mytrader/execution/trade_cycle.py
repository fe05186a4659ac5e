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
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, AnyCommand
from mytrader.domain.cycle import ExitPlan, ExitReason, ExitStage, Fact, Phase, TradeCycle
from mytrader.domain.events import AnyEvent
from mytrader.domain.orders import Role
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution import (
    emergency,
    exits,
    fill_tracking,
    market_watch,
    order_tracking,
    proposal,
    protection,
    reconcile,
)
from mytrader.execution.closing import commissions_are_in, leave, settle
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
    (Phase.EXITING, Fact.FLIPPED): Phase.HALTED,
    (Phase.EXITING, Fact.EXIT_FAILED): Phase.PROTECTING,
    (Phase.EXITING, Fact.SETTLED): Phase.CLOSED,
    (Phase.HALTED, Fact.ENTRY_FILLED): Phase.HALTED,
    (Phase.HALTED, Fact.COVER_EXPIRED): Phase.HALTED,
    (Phase.HALTED, Fact.REDUCED): Phase.HALTED,
    (Phase.HALTED, Fact.FLAT): Phase.HALTED,
    (Phase.HALTED, Fact.FLIPPED): Phase.HALTED,
    (Phase.HALTED, Fact.EXIT_ASKED): Phase.EXITING,
    (Phase.HALTED, Fact.SETTLED): Phase.CLOSED,
}
"""Every transition that is foreseen. Exact repeats change nothing; any other pair: HALTED."""

SETTLE_ASKED_BEFORE_PAGE: Final = 2
SETTLE_BACKOFF_MAX: Final = 30
"""Times the entry timeout: how rarely a flat cycle's orders are asked about in the end."""

REQUESTS_REMEMBERED: Final = 256
"""Ids of people's requests kept for recognising a repeat; an older repeat has expired anyway."""

_HALT: Final = Mode.HALT

FACTS_PER_EVENT_MAX: Final = 64
"""More than this for one event means that the kernel argues with itself."""


Table = Mapping[tuple[Phase, Fact], Phase]


def step(
    state: TraderState, event: AnyEvent, now: datetime, table: Table = TRANSITIONS
) -> tuple[TraderState, list[AnyCommand]]:
    """Advance the trader by one event; the only way its mode, positions, orders or cycles change.

    `now` is aware UTC. Returns the new state and what should be done, in order. Another `table`
    than the trader's own is for the proof that every row of it is needed.
    """
    turn = Turn(state, now, table)
    if state.finished:
        turn.replace(finished=())
    HANDLERS[type(event)](turn, event)
    if turn.facts:
        _work_through_facts(turn)
    for cycle_id in tuple(turn.touched):
        _review(turn, cycle_id)
    if turn.state.mode is _HALT is not state.mode:
        _withdraw_all(turn)
        _work_through_facts(turn)
    if turn.state.cycles is not state.cycles or turn.state.link is not state.link:
        reconcile.watch_book(turn)
    return turn.state, turn.commands


def _withdraw_all(turn: Turn) -> None:
    """The machine has just halted: nothing may open any more, protection stays."""
    for cycle in list(turn.state.cycles.values()):
        if cycle.phase is Phase.PROPOSED:
            proposal.drop(turn, cycle, why=turn.state.mode_why)
        elif cycle.position:
            held = turn.change(cycle, entry_due_at=None)
            exits.cancel_entries(turn, held, why="the machine halts")
        else:
            exits.withdraw_entries(turn, cycle, why="the machine halts")


def next_deadline(state: TraderState) -> datetime | None:
    """When `step` must be called even if nothing happens; `None` means never."""
    due = [state.link.query_due_at, state.link.reconcile_due_at]
    for cycle in state.cycles.values():
        due += (
            cycle.advice_due_at,
            cycle.entry_due_at,
            cycle.cover_due_at,
            cycle.query_due_at,
            cycle.settle_due_at,
            cycle.commissions_due_at,
            cycle.exit.due_at if cycle.exit is not None and cycle.position else None,
            market_watch.due_exit_at(state, cycle),
        )
    return min((when for when in due if when is not None), default=None)


def _work_through_facts(turn: Turn) -> None:
    while turn.facts:
        cycle_id, fact = turn.facts.pop(0)
        cycle = turn.cycle(cycle_id)
        turn.facts_worked += 1
        if cycle is None:
            continue
        if turn.facts_worked > FACTS_PER_EVENT_MAX:
            _halt(turn, cycle, why=f"no end of facts, the last one {fact}")
            turn.facts.clear()
            return
        _transition(turn, cycle, fact=fact)


def _transition(turn: Turn, cycle: TradeCycle, *, fact: Fact) -> None:
    phase = turn.table.get((cycle.phase, fact), Phase.HALTED)
    if fact is Fact.FLIPPED:
        cycle = exits.plan_flip(turn, cycle)
    if phase is Phase.HALTED and cycle.phase is not Phase.HALTED:
        _halt(turn, cycle, why=f"{fact} while {cycle.phase}")
        return
    was = cycle.phase
    if phase is not was:
        cycle = turn.change(cycle, phase=phase)
    if fact is Fact.ENTRY_FILLED:
        turn.change(cycle, opened_at=cycle.opened_at or turn.now)
    elif phase is Phase.REFUSED:
        leave(turn, replace(cycle, closed_at=turn.now))
    elif fact is Fact.SETTLED:
        settle(turn, cycle)
    elif fact is Fact.COVER_EXPIRED:
        turn.step_down(Mode.HALT, f"cycle {cycle.cycle_id}: {fact} while {cycle.phase}")
    elif fact is Fact.FLIPPED:
        text = f"{cycle.symbol} went through zero: {cycle.position}"
        turn.alert(AlertLevel.PAGE, "POSITION_FLIPPED", text=text, cycle_id=cycle.cycle_id)
        turn.step_down(Mode.HALT, f"cycle {cycle.cycle_id}: {fact} while {cycle.phase}")
    elif fact is Fact.COVERED and _is_needless(cycle.exit):
        turn.change(cycle, exit=None)


def _is_needless(plan: ExitPlan | None) -> bool:
    """Whether an exit was only wanted because the position was naked, and has not begun."""
    return (
        plan is not None
        and plan.reason is ExitReason.EMERGENCY
        and plan.stage is ExitStage.REFUSED
    )


def _halt(turn: Turn, cycle: TradeCycle, *, why: str) -> None:
    """A fact arrived that nobody foresaw: stop deciding, leave protection, ask for the truth."""
    turn.change(cycle, phase=Phase.HALTED, halted_why=why, entry_due_at=None, advice_due_at=None)
    turn.alert(AlertLevel.PAGE, "CYCLE_HALTED", text=why, cycle_id=cycle.cycle_id)
    turn.step_down(Mode.HALT, f"cycle {cycle.cycle_id}: {why}")
    turn.query_book(why)


def _review(turn: Turn, cycle_id: str) -> None:
    """Look at one touched cycle until nothing more follows."""
    while True:
        cycle = turn.cycle(cycle_id)
        if cycle is None or cycle.phase is Phase.PROPOSED:
            return
        cycle = protection.watch_cover(turn, cycle)
        if cycle.position:
            _review_position(turn, cycle)
        else:
            _clear_up(turn, cycle)
        if not turn.facts or turn.facts_worked > FACTS_PER_EVENT_MAX:
            return
        _work_through_facts(turn)


def _review_position(turn: Turn, cycle: TradeCycle) -> None:
    """Carry the exit on; without one under way, repair protection, and if that fails, leave."""
    if cycle.settle_due_at is not None or cycle.commissions_due_at is not None:
        cycle = turn.change(cycle, settle_due_at=None, settle_asked=0, commissions_due_at=None)
    if cycle.entry_due_at is None:
        exits.cancel_entries(turn, cycle, why="no entry is wanted any more")
        cycle = turn.state.cycles[cycle.cycle_id]
    exits.review(turn, cycle)
    protection.cancel_excess(turn, turn.state.cycles[cycle.cycle_id])
    cycle = turn.state.cycles[cycle.cycle_id]
    if exits.under_way(cycle) or emergency.protect(turn, cycle):
        return
    cycle = turn.state.cycles[cycle.cycle_id]
    asked = cycle.exit is not None and cycle.exit.reason is ExitReason.EMERGENCY
    if not asked and cycle.phase is not Phase.HALTED:
        exits.ask_exit(turn, cycle, reason=ExitReason.EMERGENCY)


def _clear_up(turn: Turn, cycle: TradeCycle) -> None:
    """Flat: nothing may be left that could open a position; when all is dead the cycle ends.

    Entries go first; stops only when no entry is left and flat is proven (control C18).
    """
    live = [order for order in cycle.orders.values() if order.live]
    if not live:
        if cycle.settle_due_at is not None:
            cycle = turn.change(cycle, settle_due_at=None)
        if commissions_are_in(turn, cycle):
            turn.fact(cycle, Fact.SETTLED)
        return
    abandoned = any(not order.live and order.filled == 0 for order in cycle.orders.values())
    over = cycle.fills or abandoned or cycle.phase is Phase.HALTED
    if not over and cycle.settle_due_at is None:
        return
    entries = [order for order in live if order.spec.role is Role.ENTRY]
    if not entries and not turn.state.position(cycle.con_id).known:
        live = []
    for order in entries or live:
        order_tracking.ask_cancel(turn, order.spec.ref, why="the cycle is flat")
    cycle = turn.state.cycles[cycle.cycle_id]
    if cycle.settle_due_at is None:
        due = turn.now + turn.state.limits.entry_timeout
        turn.change(cycle, settle_due_at=due, commissions_due_at=None)


def _watch_settling(turn: Turn, cycle: TradeCycle) -> None:
    """Orders of a flat cycle are not proven dead: ask, ever more rarely, and page once."""
    if cycle.settle_due_at is None or turn.now < cycle.settle_due_at:
        return
    asked = cycle.settle_asked + 1
    wait = turn.state.limits.entry_timeout * min(asked, SETTLE_BACKOFF_MAX)
    turn.change(cycle, settle_due_at=turn.now + wait, settle_asked=asked)
    order_tracking.forget_unheard_cancels(turn, cycle.cycle_id)
    turn.query_book(f"orders of {cycle.cycle_id} are not proven dead")
    if asked == SETTLE_ASKED_BEFORE_PAGE:
        refs = ", ".join(order.spec.ref for order in cycle.orders.values() if order.live)
        text = f"the cycle is flat, but these orders are not proven dead: {refs}"
        turn.alert(AlertLevel.PAGE, "ORDER_FATE_UNKNOWN", text=text, cycle_id=cycle.cycle_id)


def _on_time(turn: Turn, event: events.TimeReached) -> None:
    """A deadline has come: whoever waited for it acts."""
    del event
    reconcile.on_time(turn)
    for cycle_id in list(turn.state.cycles):
        turn.touched[cycle_id] = None
        for act in DEADLINES:
            act(turn, turn.state.cycles[cycle_id])


DEADLINES: Final = (
    proposal.watch_advice,
    proposal.watch_entry,
    _watch_settling,
    protection.watch_deadlines,
    market_watch.watch_time,
)
"""Each looks at one cycle and acts where its own deadline has come."""


def _on_operator(turn: Turn, event: events.OperatorAsked) -> None:
    """A person asked; only here does the mode move up.

    A request that waited somewhere too long, or was taken before, asks for nothing any more.
    """
    if event.request_id and event.request_id in turn.state.requests:
        turn.alert(AlertLevel.INFO, "REQUEST_REPEATED", text=f"{event.request} by {event.who}")
        return
    if event.request_id:
        known = (*turn.state.requests, event.request_id)
        turn.replace(requests=known[-REQUESTS_REMEMBERED:])
    age = timedelta(0) if event.asked_at is None else abs(turn.now - event.asked_at)
    if age > turn.state.limits.request_age_max:
        text = f"{event.request} by {event.who} is {age.total_seconds():.0f} s away from now"
        turn.alert(AlertLevel.WARNING, "REQUEST_EXPIRED", text=text)
        return
    REQUESTS[event.request](turn, event.who)


def _reduce_only(turn: Turn, who: str) -> None:
    turn.step_down(Mode.REDUCE_ONLY, f"asked by {who}")


def _halt_all(turn: Turn, who: str) -> None:
    turn.step_down(Mode.HALT, f"asked by {who}")


def _resume(turn: Turn, who: str) -> None:
    """The risk is a person's again; a cycle that is still naked gets a new deadline.

    A run of losses begins anew; a day that has had its trades stays over.
    """
    day = replace(turn.state.ledger(turn.now), losses_in_a_row=0)
    turn.replace(mode=Mode.NORMAL, mode_why="", day=day)
    reconcile.on_resume(turn)
    protection.on_resume(turn)
    turn.touched.update(dict.fromkeys(turn.state.cycles))
    turn.alert(AlertLevel.INFO, "RESUMED", text=f"by {who}")


def _flatten(turn: Turn, who: str) -> None:
    """What waits for advice is refused, what works is withdrawn, what is open is closed."""
    for cycle in list(turn.state.cycles.values()):
        if cycle.phase is Phase.PROPOSED:
            proposal.drop(turn, cycle, why=f"{who} asked to flatten")
    market_watch.flatten(turn, who)


REQUESTS: Final[Mapping[events.Request, Callable[[Turn, str], None]]] = {
    events.Request.FLATTEN: _flatten,
    events.Request.HALT: _halt_all,
    events.Request.REDUCE_ONLY: _reduce_only,
    events.Request.RESUME: _resume,
}


def _on_halted(turn: Turn, event: events.Halted) -> None:
    turn.step_down(Mode.HALT, event.why)


def _on_noted(turn: Turn, event: events.AdvisorCalled) -> None:
    """Change nothing: it is for the record, and for the budget that is counted from it."""
    del turn, event


Handler = Callable[[Turn, Any], None]

HANDLERS: Final[Mapping[type, Handler]] = {
    events.TraderStarted: reconcile.on_start,
    events.ContractStated: market_watch.on_contract,
    events.QuoteSeen: market_watch.on_quote,
    events.BarClosed: market_watch.on_bar,
    events.BarFeedChanged: market_watch.on_bar_feed,
    events.SettlementStated: market_watch.on_settlement,
    events.SignalRaised: proposal.on_signal,
    events.AdviceGiven: proposal.on_advice,
    events.AdvisorCalled: _on_noted,
    events.MarginStated: proposal.on_margin,
    events.OrdersNumbered: order_tracking.on_numbered,
    events.OrderWritten: order_tracking.on_written,
    events.OrderNotWritten: order_tracking.on_not_written,
    events.LinkChanged: reconcile.on_link,
    events.OrderReported: reconcile.on_order,
    events.StatusReported: order_tracking.on_status,
    events.ErrorReported: order_tracking.on_error,
    events.ExecutionReported: fill_tracking.on_execution,
    events.CommissionReported: fill_tracking.on_commission,
    events.PositionReported: reconcile.on_position,
    events.BookAnswered: reconcile.on_book,
    events.TimeReached: _on_time,
    events.OperatorAsked: _on_operator,
    events.Halted: _on_halted,
}
