"""Ways out of a position (SAFETY.md 5.6, profile `strict`): A, else C; one owner per position.

A. Move the stop: the one resting stop of each lot is changed so that it trades now. One order,
   no moment of double exposure. A venue's definitive refusal is remembered per order type.
C. Cancel, prove, exit: cancel the stops, wait for the proof of death, then send a marketable
   limit. On failure the position is protected again by a stop.

Both are chased at an interval, a bounded number of times; then the machine halts and pages with
whatever rests at the broker left in place.
"""

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, ChangeOrder, PlaceExit
from mytrader.domain.cycle import ExitPlan, ExitReason, ExitStage, Fact, TradeCycle
from mytrader.domain.orders import Approved, OrderSpec, Refused, Role, TrackedOrder
from mytrader.execution.guards import approve_change, approve_exit
from mytrader.execution.order_builder import exit_order, made_marketable
from mytrader.execution.order_tracking import ask_cancel
from mytrader.execution.protection import naked_lots, protective_orders
from mytrader.execution.turn import Turn


def ask_exit(turn: Turn, cycle: TradeCycle, reason: ExitReason) -> None:
    """Begin an exit, unless one is already under way."""
    if cycle.exit is not None and cycle.exit.stage is not ExitStage.REFUSED:
        detail = f"{cycle.exit.reason} exit is {cycle.exit.stage}"
        _tell_refused(turn, cycle, Refused("EXIT_ALREADY_WORKING", detail))
        return
    cancel_entries(turn, cycle, f"exit ({reason})")
    cycle = turn.change(
        turn.state.cycles[cycle.cycle_id], exit=_plan(turn, reason, ExitStage.MOVING_STOP)
    )
    stops = protective_orders(cycle)
    kinds = {order.spec.kind for order in stops}
    if not stops:
        begun = _send_exit(turn, cycle, reason)
    elif kinds & turn.state.move_stop_refused:
        begun = _cancel_stops(turn, cycle, reason)
    else:
        begun = _move_stops(turn, cycle)
    if begun:
        turn.fact(cycle, Fact.EXIT_ASKED)


def cancel_entries(turn: Turn, cycle: TradeCycle, why: str) -> None:
    """Ask for the cancel of every entry that may still fill."""
    for order in cycle.of_role(Role.ENTRY):
        ask_cancel(turn, order.spec.ref, why)


def _plan(turn: Turn, reason: ExitReason, stage: ExitStage, attempts: int = 1) -> ExitPlan:
    return ExitPlan(reason, stage, turn.now + turn.state.limits.exit_chase_interval, attempts)


def _tell_refused(turn: Turn, cycle: TradeCycle, refused: Refused) -> None:
    turn.alert(
        AlertLevel.WARNING,
        refused.code,
        text=f"exit refused: {refused.detail}",
        cycle_id=cycle.cycle_id,
    )


def _put_off(turn: Turn, cycle: TradeCycle, refused: Refused) -> bool:
    """The rule did not permit it now: say so, and ask again after the interval."""
    reason = cycle.exit.reason if cycle.exit else ExitReason.OPERATOR
    turn.change(cycle, exit=_plan(turn, reason, ExitStage.REFUSED))
    _tell_refused(turn, cycle, refused)
    return False


def _move_stops(turn: Turn, cycle: TradeCycle) -> bool:
    """Protocol A: change every resting stop so that it trades now."""
    moved = False
    for order in protective_orders(cycle):
        if order.change is not None:
            turn.query_book(f"a change of {order.spec.ref} is unanswered")
            continue
        answer = _change_to_market(turn, order)
        if isinstance(answer, Refused):
            return moved or _put_off(turn, turn.state.cycles[cycle.cycle_id], answer)
        current = turn.state.cycles[cycle.cycle_id]
        turn.put_order(current, replace(order, change=answer.order, change_refusal=None))
        turn.ask(ChangeOrder(answer, "exit: move the stop to the market"))
        moved = True
    return moved


def _change_to_market(turn: Turn, order: TrackedOrder) -> Approved[OrderSpec] | Refused:
    quote = turn.state.quotes.get(order.spec.con_id)
    spec = None if quote is None else made_marketable(order.spec, quote, limits=turn.state.limits)
    if spec is None:
        return Refused("STALE_DATA", "no price to exit at")
    return approve_change(turn.state, order, spec=spec)


def _cancel_stops(turn: Turn, cycle: TradeCycle, reason: ExitReason, attempts: int = 1) -> bool:
    """Protocol C, first part: ask for the cancel of every stop and wait for the proof."""
    cycle = turn.change(cycle, exit=_plan(turn, reason, ExitStage.CANCELLING_STOP, attempts))
    for order in protective_orders(cycle):
        ask_cancel(turn, order.spec.ref, f"exit ({reason}): cancel, prove, send")
    return True


def _send_exit(turn: Turn, cycle: TradeCycle, reason: ExitReason) -> bool:
    """Protocol C, last part: nothing else can reduce the position, so send the exit."""
    quote = turn.state.quotes.get(cycle.con_id)
    number = len(cycle.of_role(Role.EXIT)) + 1
    spec = None
    if quote is not None:
        spec = exit_order(
            cycle, number, quantity=abs(cycle.position), quote=quote, limits=turn.state.limits
        )
    if spec is None:
        return _put_off(turn, cycle, Refused("STALE_DATA", "no price to exit at"))
    answer = approve_exit(turn.state, spec)
    if isinstance(answer, Refused):
        return _put_off(turn, cycle, answer)
    cycle = turn.change(cycle, exit=_plan(turn, reason, ExitStage.SENDING))
    turn.put_order(cycle, TrackedOrder(spec))
    turn.ask(PlaceExit(answer))
    return True


def review(turn: Turn, cycle: TradeCycle) -> None:
    """Carry an exit on after an event: refused changes, proven deaths, deadlines."""
    plan = cycle.exit
    if plan is None or cycle.position == 0:
        return
    due = turn.now >= plan.due_at
    if plan.stage is ExitStage.REFUSED:
        if due:
            ask_exit(turn, cycle, plan.reason)
    elif naked_lots(cycle) == abs(cycle.position):
        _review_naked(turn, cycle, plan)
    elif plan.stage is ExitStage.MOVING_STOP and _change_was_refused(cycle):
        _remember_refusal(turn, cycle)
        _cancel_stops(turn, turn.state.cycles[cycle.cycle_id], plan.reason)
    elif due:
        _chase(turn, cycle, plan)


def _review_naked(turn: Turn, cycle: TradeCycle, plan: ExitPlan) -> None:
    """Every order that could reduce the position is dead: send the exit, or protect again."""
    if plan.stage is ExitStage.SENDING:
        cycle = turn.change(cycle, exit=None)
        turn.fact(cycle, Fact.EXIT_FAILED)
    else:
        _send_exit(turn, cycle, plan.reason)


def _change_was_refused(cycle: TradeCycle) -> bool:
    return any(
        order.change is None and order.change_refusal is not None
        for order in protective_orders(cycle)
    )


def _remember_refusal(turn: Turn, cycle: TradeCycle) -> None:
    kinds = {order.spec.kind for order in protective_orders(cycle) if order.change_refusal}
    turn.replace(move_stop_refused=turn.state.move_stop_refused | kinds)
    for order in protective_orders(cycle):
        current = turn.state.cycles[cycle.cycle_id]
        turn.put_order(current, replace(order, change_refusal=None))
    turn.alert(
        AlertLevel.WARNING,
        "MOVE_STOP_REFUSED",
        text=f"the venue refuses to move a {', '.join(sorted(kinds))} through the market",
        cycle_id=cycle.cycle_id,
    )


def _chase(turn: Turn, cycle: TradeCycle, plan: ExitPlan) -> None:
    """The exit is late: reprice it, cancel again, or give up and page."""
    attempts = plan.attempts + 1
    if attempts > turn.state.limits.exit_attempts_max:
        text = (
            f"the {plan.reason} exit of {cycle.symbol} is {plan.stage} after {plan.attempts} tries"
        )
        turn.alert(AlertLevel.PAGE, "EXIT_STUCK", text=text, cycle_id=cycle.cycle_id)
        turn.change(cycle, exit=None)
        turn.fact(cycle, Fact.SURPRISE)
        return
    cycle = turn.change(cycle, exit=_plan(turn, plan.reason, plan.stage, attempts))
    turn.query_book(f"the exit of {cycle.cycle_id} is late")
    if plan.stage is ExitStage.MOVING_STOP:
        _move_stops(turn, cycle)
    elif plan.stage is ExitStage.CANCELLING_STOP:
        _cancel_stops(turn, cycle, plan.reason, attempts)
    else:
        _reprice_exits(turn, cycle)


def _reprice_exits(turn: Turn, cycle: TradeCycle) -> None:
    for order in cycle.of_role(Role.EXIT):
        if not order.live or order.change is not None:
            continue
        answer = _change_to_market(turn, order)
        if isinstance(answer, Approved):
            current = turn.state.cycles[cycle.cycle_id]
            turn.put_order(current, replace(order, change=answer.order, change_refusal=None))
            turn.ask(ChangeOrder(answer, "exit: follow the market"))
