"""A trace as a script: what happened, and below it what the trader heard and asked for.

    >> fill S1
       >> execution S1 SELL 1
       << ask book

A trace is also made as short as it goes: a move without which the same promise still breaks is
left out.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent
from mytrader.domain.orders import OrderSpec
from mytrader.proof.choices import disturbances, free_moves
from mytrader.proof.ending import END, kind_ending
from mytrader.proof.judge import Violation
from mytrader.proof.moves import Move, make_move
from mytrader.proof.trader import Trader
from mytrader.proof.truth import World, name_of

ENDING_LINES: Final = 24
"""How much of a kind ending is shown."""
CHUNKS: Final = (8, 5, 4, 3, 2, 1, 3, 2, 1)
"""How many moves in a row are left out together, in this order."""


def described(command: AnyCommand) -> str:
    """Return one command in one line."""
    match command:
        case commands.AskAdvice():
            text = "ask advice"
        case commands.AskMargin(quantity=quantity, side=side):
            text = f"ask margin {side} {quantity}"
        case commands.PlaceBracket(approved):
            text = f"place bracket {approved.order.side} {approved.order.quantity}"
        case commands.PlaceExit(approved):
            text = f"place {_placed(approved.order)}"
        case commands.PlaceEmergencyStop(approved, parent_ref):
            text = f"place {_placed(approved.order)} for {name_of(parent_ref)}"
        case commands.ChangeOrder(approved, why):
            text = f"change {name_of(approved.order.ref)}: {why}"
        case commands.CancelOrder(ref, why):
            text = f"cancel {name_of(ref)}: {why}"
        case commands.QueryBook(number):
            text = f"ask book {number}"
        case commands.RaiseAlert(level, code):
            text = f"{level} {code}"
    return text


def _placed(spec: OrderSpec) -> str:
    group = f" in group {spec.oca_group[-2:]}" if spec.oca_group else ""
    return f"{name_of(spec.ref)} {spec.side} {spec.quantity}{group}"


def heard(event: AnyEvent) -> str:
    """Return one event in one line."""
    match event:
        case events.ExecutionReported(fill):
            text = f"execution {_named(fill.ref)} {fill.side} {fill.quantity}"
        case events.OrderReported(ref, status=status):
            text = f"echo {_named(ref)} {status}"
        case events.StatusReported(ref, status=status, filled=filled, why_held=held):
            text = f"status {_named(ref)} {status} {filled} filled {held}".rstrip()
        case events.ErrorReported(ref, code=code):
            text = f"error {code} for {_named(ref)}"
        case events.OrderWritten(ref, action=action):
            text = f"written: {action} {_named(ref)}"
        case events.OrderNotWritten(ref, action, code):
            text = f"not written: {action} {_named(ref)}, {code}"
        case events.BookAnswered(number, book):
            text = f"book {number} {type(book).__name__.lower()}"
        case events.LinkChanged(up):
            text = "link up" if up else "link down"
        case events.OperatorAsked(request):
            text = f"a person asks: {request}"
        case _:
            text = str(event.__struct_config__.tag)
    return text


def _named(ref: str) -> str:
    return name_of(ref) if ref else "(not ours)"


def told(trader: Trader, moves: Sequence[Move]) -> list[str]:
    """Return the trace as lines; the last move is the one that breaks a promise."""
    lines: list[str] = []

    def listen(world: World, event: AnyEvent, asked: Sequence[AnyCommand]) -> None:
        del world
        lines.append(f"     >> {heard(event)}")
        lines.extend(f"     << {described(command)}" for command in asked)

    world = trader.opened()
    trader.listen(listen)
    began = world.now

    def note(move: Move) -> None:
        after = (world.now - began).total_seconds()
        text = _move_text(world, move[0], move[1])
        lines.append(f"{after:9.3f} {text}{f', {move[2]}' if move[2] else ''}")

    try:
        for move in moves:
            note(move)
            before = len(lines)
            if move == END:
                for made in kind_ending(trader, world):
                    note(made)
            else:
                make_move(trader, world, move)
    except Violation as violation:
        if moves[-1] == END and len(lines) - before > ENDING_LINES:
            lines[before:-ENDING_LINES] = ["     ..."]
        lines.append(f"   broken: {violation}")
    return lines


def _move_text(world: World, name: str, argument: str | int) -> str:
    order = next((order for order in world.orders if order.number == argument), None)
    return name if order is None else f"{name} {name_of(order.spec.ref)}"


def breaks(trader: Trader, moves: Sequence[Move]) -> str | None:
    """Return the claim that breaks at the last of some moves, `None` if none of it is so."""
    world = trader.opened()
    for number, move in enumerate(moves):
        legal = {*free_moves(world), *disturbances(world)}
        if move[:2] not in legal and move != END:
            return None
        try:
            if move == END:
                deque(kind_ending(trader, world), maxlen=0)
            else:
                make_move(trader, world, move)
        except Violation as violation:
            return str(violation) if number == len(moves) - 1 else None
    return None


def shortened(make: Callable[[], Trader], moves: Sequence[Move]) -> tuple[Move, ...]:
    """Return the trace without every move that the broken promise does not need.

    `make` returns a trader that has seen nothing yet.
    """
    kept = list(moves)
    claim = (breaks(make(), kept) or "").split(":")[0]
    for size in CHUNKS if claim else ():
        number = len(kept) - 1 - size
        while number >= 0:
            shorter = [*kept[:number], *kept[number + size :]]
            found = breaks(make(), shorter)
            if found is not None and found.split(":")[0] == claim:
                kept = shorter
            number -= 1
    return tuple(kept)
