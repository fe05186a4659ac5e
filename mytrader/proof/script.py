"""A trace as a script that a person can read: what happened, and what the trader asked for.

In the manner of the tests: `>>` is what happens to the trader, `<<` is what it does about it.
"""

from datetime import datetime

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import TRANSITIONS, Table
from mytrader.execution.trade_cycle import step as trader_step
from mytrader.proof.kernel import Node, Violation
from mytrader.proof.moves import play, start
from mytrader.proof.search import Kernel, Setting


def script_of(
    setting: Setting,
    trace: tuple[str, ...],
    *,
    kernel: Kernel = trader_step,
    table: Table = TRANSITIONS,
) -> list[str]:
    """Play a trace again and return it line by line."""
    lines: list[str] = []

    def step(
        state: TraderState, event: AnyEvent, now: datetime
    ) -> tuple[TraderState, list[AnyCommand]]:
        after, asked = kernel(state, event, now, table)
        lines.append(f"    >> {_event(event)}")
        lines.extend(f"    << {_command(command)}" for command in asked)
        return after, asked

    node = start(setting.profile, lots=setting.lots, faults=setting.faults, step=step)
    lines.clear()
    for number, move in enumerate(trace, 1):
        lines.append(f"{number}. {move}")
        try:
            node = play(node, move, step)
        except Violation as broken:
            lines.append(f"    !! {broken}")
            break
        lines.append(f"    == {_moment(node)}")
    return lines


def _moment(node: Node) -> str:
    phases = ", ".join(f"{c.phase} {c.position:+d}" for c in node.state.cycles.values()) or "-"
    truth = node.ledger.position
    return f"{node.at_ms} ms, {node.state.mode}, {phases}; the broker holds {truth:+d}"


def _event(event: AnyEvent) -> str:
    match event:
        case events.OrderReported():
            return f"echo {event.ref[30:]} {event.status}"
        case events.StatusReported():
            return f"status {event.ref[30:]} {event.status} {event.why_held}".rstrip()
        case events.ErrorReported():
            return f"error {event.code} for {event.ref[30:]}"
        case events.ExecutionReported(fill):
            return f"execution {fill.exec_id} of {fill.ref[30:]}: {fill.side} {fill.quantity}"
        case events.OrderWritten():
            return f"written: {event.action} {event.ref[30:]}"
        case events.OrderNotWritten():
            return f"not written: {event.action} {event.ref[30:]}, {event.code}"
        case events.OperatorAsked():
            return f"{event.who} asks: {event.request}"
        case events.BookAnswered():
            return f"book {event.number}: {type(event.book).__name__}"
        case events.LinkChanged():
            return f"link {'up' if event.up else 'down'}"
        case _:
            return type(event).__name__


def _command(command: AnyCommand) -> str:
    match command:
        case commands.PlaceBracket(approved):
            return f"place bracket {approved.order.side} {approved.order.quantity}"
        case commands.PlaceExit(approved) | commands.PlaceEmergencyStop(approved):
            order = approved.order
            return f"place {order.ref[30:]} {order.side} {order.quantity}"
        case commands.ChangeOrder(approved, why):
            return f"change {approved.order.ref[30:]}: {why}"
        case commands.CancelOrder(ref, why):
            return f"cancel {ref[30:]}: {why}"
        case commands.QueryBook(number, why):
            return f"ask book {number}: {why}"
        case commands.RaiseAlert(level, code, text):
            return f"{level} {code}: {text}"
        case _:
            return type(command).__name__
