"""Ways out of a position (SAFETY.md 5.6): A', else A, else C; one owner per position.

A' Move the target (profile `bracket`): the resting target of a lot is repriced to a marketable
   limit; it shares the stop's trusted group, so there is no moment of double exposure.
A. Move the stop: the one resting stop of each lot is changed so that it trades now. One order,
   no moment of double exposure. A venue's definitive refusal is remembered per order type.
C. Cancel, prove, exit: cancel what rests, wait for the proof of death, then send a marketable
   limit. On failure the position is protected again by a stop, and the exit is asked for again.

All are chased at an interval, a bounded number of times; then the machine halts and pages with
whatever rests at the broker left in place. Nothing is sent and no try is counted while the link
is down or the exchange is shut.
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel, ChangeOrder, PlaceExit
from mytrader.domain.cycle import ExitPlan, ExitReason, ExitStage, Fact, Phase, TradeCycle
from mytrader.domain.market import Quote
from mytrader.domain.orders import Approved, Death, OrderSpec, Refused, Role, Side, TrackedOrder
from mytrader.domain.session import next_open
from mytrader.domain.trader import TraderState
from mytrader.execution.cover import free_lots, protective_orders, resting_targets
from mytrader.execution.exposure import groups_are_trusted
from mytrader.execution.guards import approve_change, approve_exit
from mytrader.execution.order_builder import exit_order, made_marketable
from mytrader.execution.order_tracking import ask_cancel
from mytrader.execution.turn import Turn

DEFINITIVE_CHANGE_REFUSALS: Final = frozenset({201, 321, 329})
"""Codes that say that the venue does not take such a change; others speak of the moment."""

_BUY: Final = Side.BUY


def under_way(cycle: TradeCycle) -> bool:
    """Whether an exit has begun, and has not been refused."""
    return cycle.exit is not None and cycle.exit.stage is not ExitStage.REFUSED


def target_reached(cycle: TradeCycle, quote: Quote | None) -> bool:
    """Whether the target can be had now: at the bid for a long, at the ask for a short."""
    if cycle.target is None or quote is None:
        return False
    if cycle.side is _BUY:
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
        plan=_plan(turn, reason, stage=_first_stage(turn, cycle), attempts=tries, refused=refused),
    )


def _first_stage(turn: Turn, cycle: TradeCycle) -> ExitStage:
    """Where a target rests in a trusted group it is moved, else the stop."""
    if groups_are_trusted(turn.state.limits) and _movable_targets(turn.state, cycle):
        return ExitStage.MOVING_TARGET
    return ExitStage.MOVING_STOP


def _plan(
    turn: Turn, reason: ExitReason, *, stage: ExitStage, attempts: int, refused: str = ""
) -> ExitPlan:
    due = turn.now + turn.state.limits.exit_chase_interval
    return ExitPlan(reason, stage, due, attempts, refused)


def _begin(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> None:
    """Do what the exit needs now; where something was done, an exit is under way."""
    cycle = turn.change(cycle, exit=plan)
    refused = _nobody_trades(turn, cycle)
    if refused is not None:
        _put_off(turn, cycle, plan=plan, refused=refused)
        return
    cancel_entries(turn, cycle, why=f"exit ({plan.reason})")
    if _act(turn, turn.state.cycles[cycle.cycle_id], plan=plan):
        turn.fact(cycle, Fact.EXIT_ASKED)


def _nobody_trades(turn: Turn, cycle: TradeCycle) -> Refused | None:
    """Why no exit can be had now: the broker does not hear us, or the exchange is shut (H20).

    Hours that are not known stop no exit.
    """
    if not turn.state.link.up:
        return Refused("LINK_DOWN", "the link to the broker is down")
    opens = next_open(turn.state.sessions.get(cycle.con_id, ()), turn.now)
    if opens is None:
        return None
    return Refused("SESSION_CLOSED", f"the exchange opens at {opens:%Y-%m-%d %H:%M} UTC")


def plan_flip(turn: Turn, cycle: TradeCycle) -> TradeCycle:
    """Leave a position that the broker opened by filling what its group excludes.

    It is protected first; the exit begins after the interval, and replaces any other.
    """
    flip = _plan(turn, ExitReason.FLIP, stage=ExitStage.REFUSED, attempts=0, refused="FLIP")
    return turn.change(cycle, exit=flip)


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
    """Move or cancel what rests, reprice what was sent, send for what nothing else can reduce."""
    movers = _movers(turn.state, cycle, plan=plan)
    cancel = plan.stage is ExitStage.CANCELLING_STOP or not all(
        _can_move(turn.state, order) for order in movers
    )
    _reprice_exits(turn, cycle)
    cycle = turn.state.cycles[cycle.cycle_id]
    done = any(order.live for order in cycle.of_role(Role.EXIT))
    resting = [*protective_orders(cycle), *resting_targets(cycle)]
    if resting and cancel and not turn.state.position(cycle.con_id).known:
        detail = "no stop is cancelled while the position is unknown"
        return _put_off(turn, cycle, plan=plan, refused=Refused("POSITION_UNKNOWN", detail))
    if resting and cancel:
        done = _cancel_resting(turn, cycle, plan=plan)
    elif movers:
        done = _move(turn, cycle, plan=plan)
    cycle = turn.state.cycles[cycle.cycle_id]
    if free_lots(turn.state, cycle):
        return _send_exit(turn, cycle, plan=plan)
    if done and not resting:
        turn.change(cycle, exit=replace(plan, stage=ExitStage.SENDING))
    return done


def _can_move(state: TraderState, order: TrackedOrder) -> bool:
    """Whether a resting exit may be repriced, as far as the venue and its own fate are known."""
    return not (
        order.spec.kind in state.move_stop_refused or order.change_unknown or order.cancel_asked
    )


def _movers(state: TraderState, cycle: TradeCycle, *, plan: ExitPlan) -> list[TrackedOrder]:
    """What is repriced: every stop, or the target of its group where the plan moves targets."""
    stops = protective_orders(cycle)
    if plan.stage is not ExitStage.MOVING_TARGET:
        return stops
    targets = _movable_targets(state, cycle)
    groups = {order.spec.oca_group for order in targets}
    return [*targets, *(order for order in stops if order.spec.oca_group not in groups)]


def _movable_targets(state: TraderState, cycle: TradeCycle) -> list[TrackedOrder]:
    return [order for order in resting_targets(cycle) if _can_move(state, order)]


def _move(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> bool:
    """Protocols A' and A: change what rests so that it trades now."""
    for order in _movers(turn.state, cycle, plan=plan):
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


def _cancel_resting(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> bool:
    """Protocol C, first part: cancel every target and stop, and wait for the proof."""
    cycle = turn.change(cycle, exit=replace(plan, stage=ExitStage.CANCELLING_STOP))
    for order in (*resting_targets(cycle), *protective_orders(cycle)):
        ask_cancel(turn, order.spec.ref, why=f"exit ({plan.reason}): cancel, prove, send")
    return True


def _send_exit(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan) -> bool:
    """Protocol C, last part: nothing else can reduce these contracts, so send the exit."""
    quote = turn.state.quotes.get(cycle.con_id)
    number = len(cycle.of_role(Role.EXIT)) + 1
    free = free_lots(turn.state, cycle)
    spec = None
    if quote is not None:
        spec = exit_order(cycle, number, quantity=free, quote=quote, limits=turn.state.limits)
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
    if _nobody_trades(turn, cycle) is not None:
        if due:
            later = turn.now + turn.state.limits.exit_chase_interval
            opens = next_open(turn.state.sessions.get(cycle.con_id, ()), turn.now)
            turn.change(cycle, exit=replace(plan, due_at=max(later, opens or later)))
    elif plan.stage is ExitStage.REFUSED:
        if due:
            _ask_again(turn, cycle, plan=plan)
    else:
        _carry_on(turn, cycle, plan=plan, due=due)


def _carry_on(turn: Turn, cycle: TradeCycle, *, plan: ExitPlan, due: bool) -> None:
    if _exit_died(cycle, plan):
        _fail(turn, cycle, plan=plan)
    elif free_lots(turn.state, cycle):
        _send_exit(turn, cycle, plan=plan)
    elif _refused_changes(cycle):
        _remember_refusal(turn, cycle)
        after_target = plan.stage is ExitStage.MOVING_TARGET
        stage = ExitStage.MOVING_STOP if after_target else ExitStage.CANCELLING_STOP
        plan = replace(plan, stage=stage)
        turn.change(turn.state.cycles[cycle.cycle_id], exit=plan)
        _act(turn, turn.state.cycles[cycle.cycle_id], plan=plan)
    elif due:
        _chase(turn, cycle, plan=plan)
    elif plan.stage is ExitStage.MOVING_TARGET and not _movable_targets(turn.state, cycle):
        _begin(turn, cycle, plan=replace(plan, stage=ExitStage.MOVING_STOP))
    elif _must_cancel(turn.state, cycle, plan=plan) or cycle.phase is Phase.PROTECTING:
        _begin(turn, cycle, plan=plan)


def _exit_died(cycle: TradeCycle, plan: ExitPlan) -> bool:
    """Whether the exit that was sent last ended without filling, and none is left."""
    if plan.stage is not ExitStage.SENDING:
        return False
    exits = cycle.of_role(Role.EXIT)
    if not exits or any(order.live for order in exits):
        return False
    return exits[-1].death is not Death.FILLED


def _must_cancel(state: TraderState, cycle: TradeCycle, *, plan: ExitPlan) -> bool:
    """Whether an order that was being moved may exist twice by now (SAFETY.md B16)."""
    cancelling = plan.stage is ExitStage.CANCELLING_STOP
    movers = _movers(state, cycle, plan=plan)
    return not cancelling and any(order.change_unknown for order in movers)


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
        stage, tries = _first_stage(turn, cycle), plan.attempts + 1
        _begin(
            turn,
            cycle,
            plan=_plan(turn, plan.reason, stage=stage, attempts=tries, refused=plan.refused),
        )


def _refused_changes(cycle: TradeCycle) -> list[TrackedOrder]:
    """What rests on as it was, because the broker refused its change."""
    return [
        order
        for order in (*protective_orders(cycle), *resting_targets(cycle))
        if order.change is None and order.change_refusal is not None
    ]


def _remember_refusal(turn: Turn, cycle: TradeCycle) -> None:
    """Remember a definitive refusal by order type; any refusal ends the protocol for this exit."""
    refused = _refused_changes(cycle)
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
