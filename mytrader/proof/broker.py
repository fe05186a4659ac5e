"""What the broker of the check does with orders and questions, and what the trader hears of it.

Each move takes a world and the number of an order, or 0; the trader hears of it later.
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.events import OrderReported
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.orders import OrderKind, Role, Side
from mytrader.proof import judge
from mytrader.proof.choices import is_blocked
from mytrader.proof.trader import put, say
from mytrader.proof.truth import (
    COMMISSION,
    CON_ID,
    NOON,
    Resting,
    Word,
    World,
    echo_of,
    positions_of,
    status_of,
)

FOREIGN_PERM_ID: Final = 77_777
SOMEBODYS: Final = OrderReported(
    "", 0, FOREIGN_PERM_ID, 0, CON_ID, Side.BUY, 1, OrderKind.LMT, 27_000, None, "DAY", True, 0,
    0, "Submitted",
)  # fmt: skip
"""An order of somebody else's, far away."""


def _order(world: World, number: str | int) -> Resting:
    return next(order for order in world.orders if order.number == number)


def _report(world: World, order: Resting) -> None:
    """Echo an order and state its status."""
    works = order.number if order.active else 0
    key = ("report", order.number, order.status, order.active, order.triggered, order.filled)
    say(world, Word(key, (echo_of(order), status_of(order)), works=works))


def accept(world: World, number: str | int) -> None:
    """An order, or the change of one, is taken; a leg of a group that has filled ends."""
    order = _order(world, number)
    spec = order.change or order.spec
    order = put(world, order, accepted=True, spec=spec, change=None)
    if is_blocked(world, order):
        _end(world, order)
    else:
        _report(world, order)


def _end(world: World, order: Resting) -> None:
    """An order is over without having filled; children of an entry go with it."""
    order = put(world, order, over="ended", change=None, cancelling=False)
    key = ("over", order.number, order.filled)
    say(world, Word(key, (status_of(order),), ends=(order.number,)))
    for child in world.orders:
        if child.spec.parent_ref == order.spec.ref and not order.filled and not child.over:
            _end(world, child)


def _err(world: World, order: Resting, code: int) -> None:
    said = events.ErrorReported(order.spec.ref, order.number, code, "said by the broker")
    say(world, Word(("error", order.number, code), (said,)))


def cancel(world: World, number: str | int) -> None:
    """A cancel that was asked for is carried out."""
    _end(world, _order(world, number))


def eliminate(world: World, number: str | int) -> None:
    """A person or the exchange cancels an order that the trader wants."""
    _end(world, _order(world, number))


def fill(world: World, number: str | int) -> None:
    """One contract fills; the other legs of its group end with it."""
    order = _order(world, number)
    judge.judge_fill(world, order, profile=world.state.limits.profile)
    _execute(world, order)
    group = order.spec.oca_group
    for other in world.orders:
        if group and other.spec.oca_group == group and not other.over and not world.leaked:
            _end(world, other)


def overfill(world: World, number: str | int) -> None:
    """A leg fills and the broker does not cancel the others: both may fill (SAFETY.md B3)."""
    world.leaked = True
    fill(world, number)


def both_fill(world: World, number: str | int) -> None:
    """All legs of a group fill in one moment."""
    group = _order(world, number).spec.oca_group
    overfill(world, number)
    for order in world.orders:
        if order.spec.oca_group == group and order.active and order.left:
            fill(world, order.number)


def _execute(world: World, order: Resting) -> None:
    filled = order.filled + 1
    over = "filled" if filled == order.spec.quantity else ""
    order = put(world, order, filled=filled, over=over)
    world.position += order.spec.side.sign
    fill = Execution(
        f"0000e0d5.{order.number:03}{filled:02}.01",
        order.spec.ref,
        order.number,
        order.number + 900,
        CON_ID,
        order.spec.side,
        1,
        order.spec.limit,
        NOON,
    )
    world.fills = (*world.fills, fill)
    told = (
        events.ExecutionReported(fill),
        status_of(order),
        events.CommissionReported(fill.exec_id, COMMISSION),
    )
    key = ("fill", order.number, filled)
    say(world, Word(key, told, fills=1 << (len(world.fills) - 1)))
    for child in world.orders:
        if child.spec.parent_ref == order.spec.ref and not child.over and not child.active:
            woken = put(world, child, active=True)
            if woken.accepted:
                _report(world, woken)


def trigger(world: World, number: str | int) -> None:
    """A stop triggers and rests as a limit."""
    _report(world, put(world, _order(world, number), triggered=True))


def refuse_cancel(world: World, number: str | int) -> None:
    """A cancel is refused as too late (error 10148), and the order works on."""
    order = put(world, _order(world, number), cancelling=False)
    _err(world, order, 10148)


def alias(world: World, number: str | int) -> None:
    """The broker names a second permanent id for one order (B16)."""
    order = _order(world, number)
    said = echo_of(order, perm_id=order.number + 5900)
    say(world, Word(("report", order.number, "alias"), (said,)))
    if order.spec.role is Role.EMERGENCY:
        world.obscured += (order.spec.ref,)


def wrong_echo(world: World, number: str | int) -> None:
    """The echo names another limit than the one that was sent."""
    order = _order(world, number)
    said = echo_of(order, replace(order.spec, limit=order.spec.limit + 3))
    say(world, Word(("report", order.number, "wrong"), (said,)))


# Questions


def _listed(world: World) -> tuple[OrderReported, ...]:
    """Open orders, and those that are over: the broker is asked for both."""
    own = tuple(echo_of(o) for o in world.orders if o.over or o.accepted or o.filled)
    return (*own, SOMEBODYS) if world.foreign == 1 else own


def look(world: World, _: str | int) -> None:
    """The first part of an answer is a picture of an earlier moment than the rest."""
    world.shown = _listed(world)


def answer(world: World, _: str | int) -> None:
    """The oldest question is answered, whole, as things stand now."""
    number, *world_asked = world.asked
    orders = _listed(world) if world.shown is None else world.shown
    book = events.Book(orders, world.fills, positions_of(world))
    seen = tuple((order.order_id, order.status, order.limit) for order in orders)
    said = events.BookAnswered(number, Known(book))
    key = ("book", number, seen, len(world.fills), world.position)
    every = (1 << len(world.fills)) - 1
    settles = world.shown is None
    ends = tuple(order.number for order in world.orders if order.over) if settles else ()
    world.asked, world.shown = tuple(world_asked), None
    say(world, Word(key, (said,), fills=every, book=number, ends=ends, settles=settles))


def answer_nothing(world: World, _: str | int) -> None:
    """The oldest question ends without its end marker."""
    number, *rest = world.asked
    world.asked, world.shown = tuple(rest), None
    said = events.BookAnswered(number, Unknown("no end marker"))
    say(world, Word(("book", number), (said,), book=number))


def report_position(world: World, _: str | int) -> None:
    """The broker reports the position it holds."""
    say(world, Word(("position", world.position), positions_of(world)))


def refuse(world: World, code: str, number: str | int) -> None:
    """A refusal of an order: an error that names it, and it is over."""
    order = _order(world, number)
    _err(world, order, int(code))
    _end(world, order)


def refuse_change(world: World, code: str, number: str | int) -> None:
    """A change is refused with a code, and the old version works on."""
    _err(world, put(world, _order(world, number), change=None), int(code))


def mislead(world: World, what: str, number: str | int) -> None:
    """The broker says of a live order what sounds like its end, or a notice: it works on (B21)."""
    order = _order(world, number)
    if what.isdigit():
        _err(world, order, int(what))
    else:
        key = ("report", number, "misled", what)
        ends = (order.number,) if what == "Cancelled" else ()
        say(world, Word(key, (status_of(order, status=what),), ends=ends))
