"""The trader in the proof: the real `step`, and between it and the bytes what the loop does.

A node is one moment of trader and broker together. Whatever the trader asks for is carried out
as `live_trading_manager` does it: the exit rule is evaluated once more, and what it refuses is
closed as never written.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain import commands
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.events import (
    AnyEvent,
    BookAnswered,
    ExecutionReported,
    OperatorAsked,
    OrderNotWritten,
    OrderWritten,
    Request,
    TraderStarted,
)
from mytrader.domain.known import Unknown
from mytrader.domain.orders import OrderSpec
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.cover import flipped
from mytrader.execution.guards import exit_rule_holds, judge_exit
from mytrader.proof import broker
from mytrader.proof.ledger import Ledger
from mytrader.proof.scene import CON_ID, NOON

Step = Callable[[TraderState, AnyEvent, datetime], tuple[TraderState, list[AnyCommand]]]
"""The kernel under proof: `step` with its table."""


class Violation(AssertionError):
    """A promise was broken."""


class Node(Struct, frozen=True):
    """One moment: the trader, the broker, the time in milliseconds, what may still go wrong.

    `exposed_ms` is since when the trader knows of a position that no working stop covers.
    """

    state: TraderState
    ledger: Ledger = Ledger()
    at_ms: int = 0
    faults: int = 0
    signals: int = 0
    requests: int = 0
    quotes: int = 0
    exposed_ms: int | None = None

    @property
    def now(self) -> datetime:
        """The time of the moment."""
        return NOON + timedelta(milliseconds=self.at_ms)


class Wire(Struct):
    """How far what the trader writes gets: `left` commands arrive; the rest, if `told`, is lost.

    Where it is not `told` the trader has died before it wrote them. A wire that is not `open`
    takes nothing, and the trader is told so.
    """

    left: int = 1000
    told: bool = True
    open: bool = True

    def carries(self) -> bool:
        """Whether the next command arrives."""
        self.left -= 1
        return self.left >= 0


def hear(node: Node, event: AnyEvent, step: Step, *, wire: Wire | None = None) -> Node:
    """Let the trader hear one event and carry out what it asks for; raises `Violation`."""
    wire = wire or Wire()
    before = node.state
    ledger = node.ledger
    if isinstance(event, ExecutionReported):
        ledger = _heard(ledger, event)
    elif isinstance(event, BookAnswered) and not isinstance(event.book, Unknown):
        for fill in event.book.value.executions:
            ledger = _heard(ledger, ExecutionReported(fill))
        if ledger.deaf:
            ledger = replace(ledger, deaf=False)
            node = replace(node, exposed_ms=None)
    state, asked = step(before, event, node.now)
    _judge_mode(before, event, state=state, asked=asked)
    node = replace(node, state=state, ledger=ledger)
    for command in asked:
        node = _carry_out(node, command, step, wire=wire)
    return node


def _heard(ledger: Ledger, event: ExecutionReported) -> Ledger:
    fill = event.execution
    # A correction of a fill that nobody has heard of is that fill; of another it is a doubt.
    if fill.base_id in ledger.heard:
        return ledger
    booked = ledger.booked + fill.side.sign * fill.quantity
    return replace(ledger, heard=ledger.heard | {fill.base_id}, booked=booked)


def _judge_mode(
    before: TraderState, event: AnyEvent, *, state: TraderState, asked: list[AnyCommand]
) -> None:
    resumed = isinstance(event, OperatorAsked) and event.request is Request.RESUME
    if state.mode.rank < before.mode.rank and not resumed:
        raise Violation(f"the mode rose to {state.mode} by {type(event).__name__}")
    if state.mode is Mode.HALT is not before.mode:
        pages = [c for c in asked if isinstance(c, RaiseAlert) and c.level is AlertLevel.PAGE]
        if not pages:
            raise Violation("the machine halted and nobody was paged")
    if state.mode is not Mode.HALT and _flips(state) and not _flips(before):
        raise Violation("a position went through zero, and the machine goes on")
    if before.mode is not Mode.NORMAL and not resumed:
        for command in asked:
            if isinstance(command, commands.PlaceBracket):
                raise Violation(f"an entry in mode {before.mode}")


def _flips(state: TraderState) -> bool:
    return any(flipped(cycle) for cycle in state.cycles.values())


def _carry_out(node: Node, command: AnyCommand, step: Step, *, wire: Wire) -> Node:
    match command:
        case commands.PlaceBracket(approved):
            specs = [spec for lot in approved.order.lots for spec in lot]
            allowed = exit_rule_holds(node.state, CON_ID)
            for spec in specs:
                node = _write(node, spec, "place", step=step, allowed=allowed, wire=wire)
        case commands.PlaceExit(approved) | commands.PlaceEmergencyStop(approved):
            allowed = judge_exit(node.state, approved.order).approved
            node = _write(node, approved.order, "place", step=step, allowed=allowed, wire=wire)
        case commands.ChangeOrder(approved):
            spec = approved.order
            most = _most(node.state, spec)
            allowed = judge_exit(node.state, spec, rho_after=most).approved
            node = _write(node, spec, "change", step=step, allowed=allowed, wire=wire)
        case commands.CancelOrder(ref) if not wire.open:
            node = hear(node, OrderNotWritten(ref, "cancel", "-", "-"), step, wire=wire)
        case commands.CancelOrder(ref):
            if wire.carries():
                node = replace(node, ledger=broker.cancel(node.ledger, ref))
            node = _written(node, ref, "cancel", step=step, wire=wire)
        case commands.QueryBook(number):
            if wire.open and wire.carries():
                node = replace(node, ledger=broker.book(node.ledger, number))
        case _:
            pass
    return node


def _most(state: TraderState, spec: OrderSpec) -> int:
    for cycle in state.cycles.values():
        order = cycle.orders.get(spec.ref)
        if order is not None:
            return max(order.remaining, spec.quantity - order.filled)
    return spec.quantity


def _write(
    node: Node, spec: OrderSpec, action: str, *, step: Step, allowed: bool, wire: Wire
) -> Node:
    """Hand one order to the broker, or close it as never written."""
    if not (allowed and wire.open):
        return hear(node, OrderNotWritten(spec.ref, action, "-", "-"), step, wire=wire)
    if wire.carries():
        resting = node.ledger.orders.get(spec.ref)
        if action == "place" and resting is not None:
            raise Violation(f"{spec.ref} was placed twice")
        send = broker.place if action == "place" else broker.change
        node = replace(node, ledger=send(node.ledger, spec))
    return _written(node, spec.ref, action, step=step, wire=wire)


def _written(node: Node, ref: str, action: str, *, step: Step, wire: Wire) -> Node:
    if wire.left < 0 and not wire.told:
        return node
    order = node.ledger.orders.get(ref)
    number = len(node.ledger.orders) + 1 if order is None else order.number
    return hear(node, OrderWritten(ref, number, action), step, wire=wire)


def restarted(node: Node, step: Step) -> Node:
    """A new process takes over: what was on the way to the old one is lost."""
    ledger = replace(node.ledger, outbox=(), linked=False)
    return hear(replace(node, ledger=ledger), TraderStarted(node.state.limits), step)
