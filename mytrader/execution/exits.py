"""Ways out of a position (SAFETY.md 5.6, profile `strict`): A, else C; one owner per position.

A. Move the stop: the one resting stop of each lot is changed so that it trades now. One order,
   no moment of double exposure. A venue's definitive refusal is remembered per order type.
C. Cancel, prove, exit: cancel the stops, wait for the proof of death, then send a marketable
   limit. On failure the position is protected again by a stop, and the exit is asked for again.

Both are chased at an interval, a bounded number of times; then the machine halts and pages with
whatever rests at the broker left in place. Nothing is sent and no try is counted while the link
is down.
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, ChangeOrder, PlaceExit
from mytrader.domain.cycle import ExitPlan, ExitReason, ExitStage, Fact, Phase, TradeCycle
from mytrader.domain.market import Quote
from mytrader.domain.orders import Approved, Death, OrderSpec, Refused, Role, Side, TrackedOrder
from mytrader.execution.guards import approve_change, approve_exit
from mytrader.execution.order_builder import exit_order, made_marketable
from mytrader.execution.order_tracking import ask_cancel
from mytrader.execution.protection import naked_lots, protective_orders
from mytrader.execution.turn import Turn

DEFINITIVE_CHANGE_REFUSALS: Final = frozenset({201, 321, 329})
"""Codes that say that the venue does not take such a change; others speak of the moment."""


def under_way(cycle: TradeCycle) -> bool:
    """Whether an exit has begun, and has not been refused."""
    return cycle.exit is not None and cycle.exit.stage is not ExitStage.REFUSED


def target_reached(cycle: TradeCycle, quote: Quote | None) -> bool:
    """Whether the target can be had now: at the bid for a long, at the ask for a short."""
    if cycle.target is None or quote is None:
        return False
    if cycle.side is Side.BUY:
        return quote.bid is not None and quote.bid >= cycle.target
    return quote.ask is not None and quote.ask <= cycle.target


def ask_exit(turn: Turn, cycle: TradeCycle, *, reason: ExitReason) -> None:
    """Begin an exit, unless one is already under way."""
    plan = cycle.exit
    if plan is not None and plan.stage is not ExitStage.REFUSED:
        detail = f"{plan.reason} exit is {plan.stage}"
        _tell_refused(turn, cycle, refused=Refused("EXIT_ALREADY_WORKING", detail))
        return
    tries = 1 if plan is None or reason is ExitReason.OPERATOR else plan.attempts
    refused = "" if plan is None else plan.refused
    _begin(
        turn,
        cycle,
        plan=_plan(turn, reason, stage=ExitStage.MOVING_STOP, attempts=tries, refused=refused),
    )


def _plan(
    turn: Turn, reason: ExitReason, *, stage: ExitStage, attempts: int, refused: str = ""
) -> ExitPlan:
    due = turn.now + turn.state.limits.exit_chase_interval
    return ExitPlan(reason, stage, due, attempts, refused)


def _begin(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> None:
    """Do what the exit needs now; where something was done, an exit is under way."""
    cycle = turn.change(cycle, exit=plan)
    if not turn.state.link.up:
        _put_off(
            turn, cycle, plan=plan, refused=Refused("LINK_DOWN", "the link to the broker is down")
        )
        return
    cancel_entries(turn, cycle, why=f"exit ({plan.reason})")
    if _act(turn, turn.state.cycles[cycle.cycle_id], plan=plan):
        turn.fact(cycle, Fact.EXIT_ASKED)


def cancel_entries(turn: Turn, cycle: TradeCycle, *, why: str) -> None:
    """Ask for the cancel of every entry that may still fill."""
    for order in cycle.of_role(Role.ENTRY):
        ask_cancel(turn, order.spec.ref, why=why)


def withdraw_entries(turn: Turn, cycle: TradeCycle, *, why: str) -> None:
    """Give an unfilled cycle up: cancel its entries and watch until every order is proven dead."""
    due = turn.now + turn.state.limits.entry_timeout
    cycle = turn.change(cycle, entry_due_at=None, settle_due_at=cycle.settle_due_at or due)
    cancel_entries(turn, cycle, why=why)


def _tell_refused(turn: Turn, cycle: TradeCycle, *, refused: Refused) -> None:
    turn.alert(
        AlertLevel.WARNING,
        refused.code,
        text=f"exit refused: {refused.detail}",
        cycle_id=cycle.cycle_id,
    )


def _put_off(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan, refused: Refused) -> bool:
    """It cannot be done now: say so once, and ask again after the interval."""
    put_off = _plan(
        turn, plan.reason, stage=ExitStage.REFUSED, attempts=plan.attempts, refused=refused.code
    )
    turn.change(cycle, exit=put_off)
    if refused.code != plan.refused:
        _tell_refused(turn, cycle, refused=refused)
    if cycle.phase is Phase.EXITING:
        turn.fact(cycle, Fact.EXIT_FAILED)
    return False


def _act(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> bool:
    """Move or cancel the stops, reprice what was sent, send for what nothing else can reduce."""
    stops = protective_orders(cycle)
    kinds = {order.spec.kind for order in stops}
    cancel = (
        plan.stage is ExitStage.CANCELLING_STOP
        or bool(kinds & turn.state.move_stop_refused)
        or any(order.change_unknown or order.cancel_asked for order in stops)
    )
    _reprice_exits(turn, cycle)
    cycle = turn.state.cycles[cycle.cycle_id]
    done = any(order.live for order in cycle.of_role(Role.EXIT))
    if stops and cancel and not turn.state.position(cycle.con_id).known:
        detail = "no stop is cancelled while the position is unknown"
        return _put_off(turn, cycle, plan=plan, refused=Refused("POSITION_UNKNOWN", detail))
    if stops and cancel:
        done = _cancel_stops(turn, cycle, plan=plan)
    elif stops:
        done = _move_stops(turn, cycle, plan=plan)
    cycle = turn.state.cycles[cycle.cycle_id]
    if naked_lots(turn.state, cycle):
        return _send_exit(turn, cycle, plan=plan)
    if done and not stops:
        turn.change(cycle, exit=replace(plan, stage=ExitStage.SENDING))
    return done


def _move_stops(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> bool:
    """Protocol A: change every resting stop so that it trades now."""
    for order in protective_orders(cycle):
        if order.change is not None:
            turn.query_book(f"a change of {order.spec.ref} is unanswered")
            continue
        answer = _change_to_market(turn, order)
        if isinstance(answer, Refused):
            current = turn.state.cycles[cycle.cycle_id]
            return _put_off(turn, current, plan=plan, refused=answer)
        if answer.order != order.spec:
            _change(turn, cycle.cycle_id, order=order, answer=answer)
    return True


def _change(
    turn: Turn, cycle_id: str, *, order: TrackedOrder, answer: Approved[OrderSpec]
) -> None:
    cycle = turn.state.cycles[cycle_id]
    turn.put_order(cycle, replace(order, change=answer.order, change_refusal=None))
    turn.ask(ChangeOrder(answer, "exit: follow the market"))


def _change_to_market(turn: Turn, order: TrackedOrder) -> Approved[OrderSpec] | Refused:
    quote = turn.state.quotes.get(order.spec.con_id)
    spec = None if quote is None else made_marketable(order.spec, quote, limits=turn.state.limits)
    if spec is None:
        return Refused("STALE_DATA", "no price to exit at")
    return approve_change(turn.state, order, spec=spec)


def _cancel_stops(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> bool:
    """Protocol C, first part: ask for the cancel of every stop and wait for the proof."""
    cycle = turn.change(cycle, exit=replace(plan, stage=ExitStage.CANCELLING_STOP))
    for order in protective_orders(cycle):
        ask_cancel(turn, order.spec.ref, why=f"exit ({plan.reason}): cancel, prove, send")
    return True


def _send_exit(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> bool:
    """Protocol C, last part: nothing else can reduce these contracts, so send the exit."""
    quote = turn.state.quotes.get(cycle.con_id)
    number = len(cycle.of_role(Role.EXIT)) + 1
    naked = naked_lots(turn.state, cycle)
    spec = None
    if quote is not None:
        spec = exit_order(cycle, number, quantity=naked, quote=quote, limits=turn.state.limits)
    if spec is None:
        return _put_off(
            turn, cycle, plan=plan, refused=Refused("STALE_DATA", "no price to exit at")
        )
    answer = approve_exit(turn.state, spec)
    if isinstance(answer, Refused):
        return _put_off(turn, cycle, plan=plan, refused=answer)
    sending = _plan(turn, plan.reason, stage=ExitStage.SENDING, attempts=plan.attempts)
    cycle = turn.change(cycle, exit=sending)
    turn.put_order(cycle, TrackedOrder(spec))
    turn.ask(PlaceExit(answer))
    return True


def review(turn: Turn, cycle: TradeCycle) -> None:
    """Carry an exit on after an event: refused changes, proven deaths, late fills, deadlines."""
    plan = cycle.exit
    if plan is None or cycle.position == 0:
        return
    due = turn.now >= plan.due_at
    if not turn.state.link.up:
        if due:
            later = turn.now + turn.state.limits.exit_chase_interval
            turn.change(cycle, exit=replace(plan, due_at=later))
    elif plan.stage is ExitStage.REFUSED:
        if due:
            _ask_again(turn, cycle, plan=plan)
    else:
        _carry_on(turn, cycle, plan=plan, due=due)


def _carry_on(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan, due: bool) -> None:
    if _exit_died(cycle, plan):
        _fail(turn, cycle, plan=plan)
    elif naked_lots(turn.state, cycle):
        _send_exit(turn, cycle, plan=plan)
    elif _change_was_refused(cycle):
        _remember_refusal(turn, cycle)
        plan = replace(plan, stage=ExitStage.CANCELLING_STOP)
        _act(turn, turn.state.cycles[cycle.cycle_id], plan=plan)
    elif due:
        _chase(turn, cycle, plan=plan)
    elif _must_cancel(plan, cycle) or cycle.phase is Phase.PROTECTING:
        _begin(turn, cycle, plan=plan)


def _exit_died(cycle: TradeCycle, plan: ExitPlan) -> bool:
    """Whether the exit that was sent last ended without filling, and none is left."""
    if plan.stage is not ExitStage.SENDING:
        return False
    exits = cycle.of_role(Role.EXIT)
    if not exits or any(order.live for order in exits):
        return False
    return exits[-1].death is not Death.FILLED


def _must_cancel(plan: ExitPlan, cycle: TradeCycle) -> bool:
    """Whether a stop that was being moved may exist twice by now (SAFETY.md B16)."""
    stops = protective_orders(cycle)
    cancelling = plan.stage is ExitStage.CANCELLING_STOP
    return not cancelling and any(order.change_unknown for order in stops)


def _fail(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> None:
    """The exit came to nothing: the position is protected again, the exit asked for later."""
    refused = _plan(
        turn, plan.reason, stage=ExitStage.REFUSED, attempts=plan.attempts, refused="EXIT_FAILED"
    )
    cycle = turn.change(cycle, exit=refused)
    _tell_refused(
        turn, cycle, refused=Refused("EXIT_FAILED", "the exit order ended without a fill")
    )
    if cycle.phase is Phase.EXITING:
        turn.fact(cycle, Fact.EXIT_FAILED)


def _ask_again(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> None:
    """The interval after a refusal is over: try once more, if the reason still stands."""
    quote = turn.state.quotes.get(cycle.con_id)
    if plan.reason is ExitReason.TARGET and not target_reached(cycle, quote):
        turn.change(cycle, exit=None)
    elif plan.attempts >= turn.state.limits.exit_attempts_max:
        _give_up(turn, cycle, plan=plan)
    else:
        stage, tries = ExitStage.MOVING_STOP, plan.attempts + 1
        _begin(
            turn,
            cycle,
            plan=_plan(turn, plan.reason, stage=stage, attempts=tries, refused=plan.refused),
        )


def _change_was_refused(cycle: TradeCycle) -> bool:
    return any(
        order.change is None and order.change_refusal is not None
        for order in protective_orders(cycle)
    )


def _remember_refusal(turn: Turn, cycle: TradeCycle) -> None:
    """Remember a definitive refusal by order type; any refusal ends protocol A for this exit."""
    refused = [order for order in protective_orders(cycle) if order.change_refusal is not None]
    kinds = {
        order.spec.kind for order in refused if order.change_refusal in DEFINITIVE_CHANGE_REFUSALS
    }
    for order in refused:
        current = turn.state.cycles[cycle.cycle_id]
        turn.put_order(current, replace(order, change_refusal=None))
    if not kinds:
        return
    turn.replace(move_stop_refused=turn.state.move_stop_refused | kinds)
    turn.alert(
        AlertLevel.WARNING,
        "MOVE_STOP_REFUSED",
        text=f"the venue refuses to move a {', '.join(sorted(kinds))} through the market",
        cycle_id=cycle.cycle_id,
    )


def _chase(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> None:
    """The exit is late: reprice it, cancel again, or give up and page."""
    if plan.attempts >= turn.state.limits.exit_attempts_max:
        _give_up(turn, cycle, plan=plan)
        return
    plan = _plan(turn, plan.reason, stage=plan.stage, attempts=plan.attempts + 1)
    cycle = turn.change(cycle, exit=plan)
    turn.query_book(f"the exit of {cycle.cycle_id} is late")
    if _act(turn, cycle, plan=plan) and cycle.phase is Phase.PROTECTING:
        turn.fact(cycle, Fact.EXIT_ASKED)


def _give_up(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> None:
    text = f"the {plan.reason} exit of {cycle.symbol} is {plan.stage} after {plan.attempts} tries"
    turn.alert(AlertLevel.PAGE, "EXIT_STUCK", text=text, cycle_id=cycle.cycle_id)
    turn.change(cycle, exit=None)
    turn.fact(cycle, Fact.SURPRISE)


def _reprice_exits(turn: Turn, cycle: TradeCycle) -> None:
    for order in cycle.of_role(Role.EXIT):
        if not order.live or order.change is not None:
            continue
        answer = _change_to_market(turn, order)
        if isinstance(answer, Approved) and answer.order != order.spec:
            _change(turn, cycle.cycle_id, order=order, answer=answer)
