"""Everything that can happen next, and what it leads to.

A move is a short text, so that a trace can be read and played again. What costs a fault is
bounded by the node's budget; everything else may happen at any time.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from mytrader.domain.cycle import Phase
from mytrader.domain.decision import Advice
from mytrader.domain.events import (
    BookAnswered,
    ExecutionReported,
    Halted,
    LinkChanged,
    OperatorAsked,
    OrderReported,
    PositionReported,
    Request,
    TimeReached,
)
from mytrader.domain.known import Unknown
from mytrader.domain.limits import Profile
from mytrader.domain.orders import Side
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.exits import under_way
from mytrader.execution.trade_cycle import next_deadline
from mytrader.proof import broker, scene
from mytrader.proof.kernel import Node, Step, Violation, Wire, hear, restarted
from mytrader.proof.ledger import Ledger, Resting
from mytrader.proof.scene import CON_ID, CYCLE_IDS, NOON

COVER_MS: Final = 2000
REQUESTS: Final = (Request.FLATTEN, Request.HALT, Request.REDUCE_ONLY)
REQUESTS_MAX: Final = 2
QUOTES_MAX: Final = 1
FLATTEN_AND_TARGET: Final = "everything at once"


def moves(node: Node) -> Iterator[str]:
    """Every move that is possible now."""
    yield from _free(node)
    if node.faults > 0:
        yield from _faults(node)


def _free(node: Node) -> Iterator[str]:
    ledger, state = node.ledger, node.state
    if not ledger.linked:
        yield "link up"
    elif ledger.outbox:
        yield "hear"
    if next_deadline(state) is not None:
        yield "wait"
    yield from (f"fill {_name(o)}" for o in ledger.orders.values() if o.stage == "working")
    yield from _decisions(node)
    if node.quotes < QUOTES_MAX and ledger.position:
        yield "quote target"
        yield "quote beyond"
        yield FLATTEN_AND_TARGET


def _decisions(node: Node) -> Iterator[str]:
    """What strategy, advisors and people may do."""
    state = node.state
    if not state.cycles and node.signals < len(CYCLE_IDS):
        yield "propose"
    for cycle in state.cycles.values():
        if cycle.phase is Phase.PROPOSED and not cycle.advised:
            yield "advise GO"
            yield "advise WAIT"
    if node.requests < REQUESTS_MAX and state.cycles:
        for request in REQUESTS:
            yield f"ask {request}"
    if state.mode is not Mode.NORMAL and node.requests < REQUESTS_MAX + 1:
        yield "ask resume"


def _faults(node: Node) -> Iterator[str]:
    ledger = node.ledger
    if ledger.linked:
        yield "link down"
        if ledger.outbox:
            yield from _wire_faults(ledger)
    yield "crash"
    yield "loop failed"
    if ledger.orders and not ledger.stubborn:
        yield "moves refused"
    if not ledger.foreign:
        yield "foreign order"
    if ledger.executions:
        yield "correction"
        yield "stale position"
    for order in ledger.orders.values():
        if order.live:
            yield f"refuse {_name(order)}"
            yield f"end {_name(order)}"
        if order.stage == "working" and ledger.group_of(order):
            yield f"fill alone {_name(order)}"


def _wire_faults(ledger: Ledger) -> Iterator[str]:
    """What may become of the next message, and of what the trader writes because of it."""
    yield "crash before writing"
    yield "crash after one"
    yield "bytes lost"
    yield "nothing written"
    yield "repeat"
    first = ledger.outbox[0]
    if not any(isinstance(event, ExecutionReported) for event in first):
        yield "lose"
    if len(ledger.outbox) > 1:
        yield "swap"
    if isinstance(first[0], BookAnswered):
        yield "no end marker"


def play(node: Node, move: str, step: Step) -> Node:
    """Return the node after a move; raises `Violation` where a promise breaks."""
    if move.startswith(("fill ", "refuse ", "end ")):
        verb, _, name = move.rpartition(" ")
        node = _broker_move(node, verb, name)
    elif move.startswith("ask "):
        request = Request(move.removeprefix("ask "))
        node = replace(node, requests=node.requests + 1)
        node = hear(node, OperatorAsked(request, "a person"), step)
    else:
        node = PLAYS[move](node, step)
    return _judged(node)


def _name(order: Resting) -> str:
    number = CYCLE_IDS.index(order.spec.ref[3:29])
    return f"{order.spec.ref[30:]}{'ab'[number]}"


def _named(ledger: Ledger, name: str) -> Resting:
    cycle_id = CYCLE_IDS["ab".index(name[-1])]
    return ledger.orders[f"mt/{cycle_id}/{name[:-1]}"]


def _broker_move(node: Node, verb: str, name: str) -> Node:
    ledger = node.ledger
    order = _named(ledger, name)
    if verb.startswith("fill"):
        alone = verb == "fill alone"
        _judge_fill(ledger, order)
        after = broker.fill(ledger, order, alone=alone)
        after = replace(after, flipped=ledger.flipped or alone)
        return replace(node, ledger=after, faults=node.faults - alone)
    act = broker.refuse if verb == "refuse" else _end
    return replace(node, ledger=act(ledger, order), faults=node.faults - 1)


def _end(ledger: Ledger, order: Resting) -> Ledger:
    return broker.cancel(ledger, order.spec.ref)


def _judge_fill(ledger: Ledger, order: Resting) -> None:
    """I1: no fill of an exit opens or flips a position, unless the broker broke its own group."""
    spec = order.spec
    if spec.reduce_only and not ledger.flipped and spec.side.sign * ledger.position >= 0:
        raise Violation(f"{_name(order)} {spec.side} filled at a position of {ledger.position}")


def _judged(node: Node) -> Node:
    """I2 and I5, and the clock of the exposure."""
    ledger, state = node.ledger, node.state
    view = state.position(CON_ID)
    if view.doubt is None and view.booked != ledger.booked:
        raise Violation(f"booked {view.booked}, the executions heard say {ledger.booked}")
    # What is still on its way nobody can have acted on, unless the trader misses a stop anyway.
    knows = not ledger.outbox or any(c.naked_since is not None for c in state.cycles.values())
    bare = ledger.booked != 0 and ledger.stops < abs(ledger.position)
    exposed = bare and knows
    if not exposed:
        return replace(node, exposed_ms=None) if node.exposed_ms is not None else node
    if node.exposed_ms is None:
        return replace(node, exposed_ms=node.at_ms)
    # A word that was lost is found with the next look at the whole book, and not before.
    allowed = COVER_MS + (scene.RECONCILE_MS if ledger.deaf else 0)
    if node.at_ms - node.exposed_ms >= allowed and not _excused(node):
        raise Violation(f"a position of {ledger.position} without a stop for {allowed} ms")
    return node


def _excused(node: Node) -> bool:
    """A flatten is in progress, or a person has been paged and the machine decides nothing."""
    state = node.state
    if state.mode is Mode.HALT or not state.link.up:
        return True
    return any(under_way(cycle) for cycle in state.cycles.values())


def _hear(node: Node, step: Step, wire: Wire | None = None) -> Node:
    message, *rest = node.ledger.outbox
    node = replace(node, ledger=replace(node.ledger, outbox=tuple(rest)))
    for event in message:
        node = hear(node, event, step, wire=wire)
    return node


def _wait(node: Node, step: Step) -> Node:
    due = next_deadline(node.state)
    if due is None:
        return node
    at_ms = max(-(-(due - NOON) // timedelta(milliseconds=1)), node.at_ms)
    return hear(replace(node, at_ms=at_ms), TimeReached(), step)


def _link_down(node: Node, step: Step) -> Node:
    node = _spend(node)
    node = replace(node, ledger=replace(node.ledger, linked=False, outbox=()))
    return hear(node, LinkChanged(up=False, why="1100"), step)


def _link_up(node: Node, step: Step) -> Node:
    node = replace(node, ledger=replace(node.ledger, linked=True))
    return hear(node, LinkChanged(up=True, why="1102"), step)


def _spend(node: Node) -> Node:
    return replace(node, faults=node.faults - 1)


def _propose(node: Node, step: Step) -> Node:
    event = scene.signal(node.signals)
    return hear(replace(node, signals=node.signals + 1), event, step)


def _advise(said: Advice) -> "Play":
    def play_it(node: Node, step: Step) -> Node:
        cycle_id = CYCLE_IDS[node.signals - 1]
        node = hear(node, scene.margin(cycle_id), step)
        return hear(node, scene.advice(cycle_id, said), step)

    return play_it


def _quote(ticks: int) -> "Play":
    def play_it(node: Node, step: Step) -> Node:
        sign = 1 if node.ledger.position > 0 else -1
        node = replace(node, quotes=node.quotes + 1)
        return hear(node, scene.quote(sign * ticks), step)

    return play_it


def _at_once(node: Node, step: Step) -> Node:
    """A target is reached, a person flattens, the time runs out: two exits in one moment (H03)."""
    node = _quote(scene.TARGET_TICKS + 1)(node, step)
    node = hear(node, OperatorAsked(Request.FLATTEN, "a person"), step)
    return hear(node, OperatorAsked(Request.FLATTEN, "another"), step)


def _crash(node: Node, step: Step) -> Node:
    return restarted(_spend(node), step)


def _crash_writing(arrive: int) -> "Play":
    def play_it(node: Node, step: Step) -> Node:
        return restarted(_hear(_spend(node), step, Wire(arrive, told=False)), step)

    return play_it


def _bytes_lost(node: Node, step: Step) -> Node:
    """What is written now never arrives, and the link is found broken."""
    node = _hear(node, step, Wire(0, told=True))
    return _link_down(node, step)


def _nothing_written(node: Node, step: Step) -> Node:
    """The link is found broken before anything is written, and the trader is told so."""
    node = _hear(node, step, Wire(open=False))
    return _link_down(node, step)


def _repeat(node: Node, step: Step) -> Node:
    outbox = node.ledger.outbox
    node = _hear(_spend(node), step)
    return replace(node, ledger=replace(node.ledger, outbox=(outbox[0], *node.ledger.outbox)))


def _lose(node: Node, step: Step) -> Node:
    del step
    ledger = replace(node.ledger, outbox=node.ledger.outbox[1:], deaf=True)
    return replace(_spend(node), ledger=ledger)


def _swap(node: Node, step: Step) -> Node:
    del step
    first, second, *rest = node.ledger.outbox
    return replace(_spend(node), ledger=replace(node.ledger, outbox=(second, first, *rest)))


def _no_end_marker(node: Node, step: Step) -> Node:
    answer = node.ledger.outbox[0][0]
    number = answer.number if isinstance(answer, BookAnswered) else 0
    lost = (BookAnswered(number, Unknown("no end marker")),)
    outbox = (lost, *node.ledger.outbox[1:])
    return _hear(replace(_spend(node), ledger=replace(node.ledger, outbox=outbox)), step)


def _loop_failed(node: Node, step: Step) -> Node:
    return hear(_spend(node), Halted("an invariant broke"), step)


def _foreign(node: Node, step: Step) -> Node:
    """Somebody else's order rests on the contract, far away; it never fills here."""
    del step
    order = OrderReported(
        ref="",
        order_id=0,
        perm_id=77,
        client_id=9,
        con_id=CON_ID,
        side=Side.BUY,
        quantity=1,
        order_type="LMT",
        limit=1,
        stop=None,
        tif="GTC",
        outside_rth=True,
        trigger_method=0,
        parent_id=0,
        status="Submitted",
    )
    ledger = replace(node.ledger, foreign=True).say((order,))
    return replace(_spend(node), ledger=ledger)


def _correction(node: Node, step: Step) -> Node:
    """The last execution again, with another last part of its id (B19)."""
    del step
    last = node.ledger.executions[-1]
    again = replace(last, exec_id=last.exec_id.replace(".01", ".02"))
    return replace(_spend(node), ledger=node.ledger.say((ExecutionReported(again),)))


def _moves_refused(node: Node, step: Step) -> Node:
    """From now on the venue takes no stop that is moved: protocol A fails, C has to do it."""
    del step
    return replace(_spend(node), ledger=replace(node.ledger, stubborn=True))


def _stale_position(node: Node, step: Step) -> Node:
    """The broker reports the position before its last fill: the founding incident."""
    last = node.ledger.executions[-1]
    before = node.ledger.position - last.side.sign
    return hear(_spend(node), PositionReported(CON_ID, before), step)


Play = Callable[[Node, Step], Node]

PLAYS: Final[dict[str, Play]] = {
    "hear": _hear,
    "wait": _wait,
    "link down": _link_down,
    "link up": _link_up,
    "propose": _propose,
    "advise GO": _advise(Advice.GO),
    "advise WAIT": _advise(Advice.WAIT),
    "quote target": _quote(scene.TARGET_TICKS + 1),
    "quote beyond": _quote(-scene.STOP_TICKS - 41),
    FLATTEN_AND_TARGET: _at_once,
    "crash": _crash,
    "crash before writing": _crash_writing(0),
    "crash after one": _crash_writing(1),
    "bytes lost": _bytes_lost,
    "nothing written": _nothing_written,
    "repeat": _repeat,
    "lose": _lose,
    "swap": _swap,
    "no end marker": _no_end_marker,
    "loop failed": _loop_failed,
    "foreign order": _foreign,
    "correction": _correction,
    "stale position": _stale_position,
    "moves refused": _moves_refused,
}


HEAR_ALL: Final = "hear everything"
_ENTERING: Final = ("propose", "advise GO", HEAR_ALL)
_OPEN: Final = (*_ENTERING, "fill every entry", HEAR_ALL)
ROOTS: Final[dict[str, tuple[str, ...]]] = {
    "flat": (),
    "entering": _ENTERING,
    "open": _OPEN,
    "leaving": (*_OPEN, "ask flatten", HEAR_ALL),
    "stubborn": (*_OPEN, "moves refused", "ask flatten", HEAR_ALL),
}
"""Where a search begins, by the moves that lead there."""


def start(profile: Profile, *, root: str, lots: int, faults: int, step: Step) -> Node:
    """Return the first node: a trader that may trade, or has come as far as `root` says."""
    limits = scene.limits_of(profile, lots)
    node = Node(TraderState(limits), faults=faults)
    for event in scene.beginning(limits):
        node = hear(node, event, step)
    node = replace(node, ledger=replace(node.ledger, outbox=()))
    for move in ROOTS[root]:
        node = _led(node, move, step)
    return replace(node, faults=faults)


def _led(node: Node, move: str, step: Step) -> Node:
    """Play one move on the way to a root."""
    if move == HEAR_ALL:
        while node.ledger.outbox:
            node = play(node, "hear", step)
    elif move == "fill every entry":
        for order in list(node.ledger.orders.values()):
            if not order.spec.reduce_only:
                node = play(node, f"fill {_name(order)}", step)
    else:
        node = play(node, move, step)
    return node
