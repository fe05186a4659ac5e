"""A trace as a script that a person can read: what happened, and what the trader asked for.

In the manner of the tests: `>>` is what happens to the trader, `<<` is what it does about it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent
from mytrader.domain.orders import OrderSpec
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import TRANSITIONS, Table
from mytrader.execution.trade_cycle import step as trader_step
from mytrader.proof.kernel import Node, Violation
from mytrader.proof.moves import ROOTS, play, start
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
        after, asked = kernel(state, event, now, table=table)
        lines.append(f"    >> {_event(event)}")
        lines.extend(f"    << {_command(command)}" for command in asked)
        return after, asked

    node = start(
        setting.profile,
        root=setting.root,
        lots=setting.lots,
        faults=setting.faults,
        step=step,
    )
    # The way to the root is known; `step` goes on writing to the same list.
    lines[:] = [f"0. {setting.root}: {', '.join(ROOTS[setting.root]) or 'nothing yet'}"]
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


_EVENTS: Final[dict[type, Callable[[Any], str]]] = {
    events.OrderReported: lambda e: f"echo {e.ref[30:]} {e.status}",
    events.StatusReported: lambda e: f"status {e.ref[30:]} {e.status} {e.why_held}".rstrip(),
    events.ErrorReported: lambda e: f"error {e.code} for {e.ref[30:]}",
    events.ExecutionReported: lambda e: (
        f"execution {e.execution.exec_id} of {e.execution.ref[30:]}: {e.execution.side}"
    ),
    events.OrderWritten: lambda e: f"written: {e.action} {e.ref[30:]}",
    events.OrderNotWritten: lambda e: f"not written: {e.action} {e.ref[30:]}, {e.code}",
    events.OperatorAsked: lambda e: f"{e.who} asks: {e.request}",
    events.BookAnswered: lambda e: f"book {e.number}: {type(e.book).__name__}",
    events.LinkChanged: lambda e: f"link {'up' if e.up else 'down'}",
}
_COMMANDS: Final[dict[type, Callable[[Any], str]]] = {
    commands.PlaceBracket: lambda c: (
        f"place bracket {c.approved.order.side} {c.approved.order.quantity}"
    ),
    commands.PlaceExit: lambda c: f"place {_order(c.approved.order)}",
    commands.PlaceEmergencyStop: lambda c: f"place {_order(c.approved.order)}",
    commands.ChangeOrder: lambda c: f"change {c.approved.order.ref[30:]}: {c.why}",
    commands.CancelOrder: lambda c: f"cancel {c.ref[30:]}: {c.why}",
    commands.QueryBook: lambda c: f"ask book {c.number}: {c.why}",
    commands.RaiseAlert: lambda c: f"{c.level} {c.code}: {c.text}",
}


def _order(spec: OrderSpec) -> str:
    return f"{spec.ref[30:]} {spec.side} {spec.quantity}"


def _event(event: AnyEvent) -> str:
    told = _EVENTS.get(type(event))
    return type(event).__name__ if told is None else told(event)


def _command(command: AnyCommand) -> str:
    told = _COMMANDS.get(type(command))
    return type(command).__name__ if told is None else told(command)
