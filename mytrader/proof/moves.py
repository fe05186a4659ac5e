"""Every move of the check: what it does to a world. What may happen when is said by `choices`.

A move is a name and an argument, such as the number of an order. What the broker does with an
order stands in `broker`; the wire, other people, the market and the clock are moved here.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.decision import Advice, AdvisorCall, AdvisorRole, Opinion
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.domain.orders import Side
from mytrader.execution.trade_cycle import next_deadline
from mytrader.proof import broker, judge
from mytrader.proof.choices import pending
from mytrader.proof.trader import Crash, Trader, break_link, say
from mytrader.proof.truth import (
    COMMISSION,
    CON_ID,
    CYCLE_IDS,
    NOON,
    Word,
    World,
    quote_at,
    signal_for,
    trades_now,
)

Move = tuple[str, str | int, Crash]
Do = Callable[[Trader, World, Move], bool]

SPELL: Final = 6
"""How much may happen in one slow spell; four queries, `T_cover` and a fill fit into it."""
PAUSE: Final = 2
"""The same for a pause, of which there may be several on one way."""
WAITING: Final = frozenset({"time", "fill"})
CALL: Final = AdvisorCall("an advisor", "outside", 1, "answered", latency_ms=1.0)


def opinions(advice: Advice) -> tuple[Opinion, ...]:
    """Return what both advisors say."""
    return tuple(Opinion(role, role, advice, "the check", confidence=0.9) for role in AdvisorRole)


def make_move(trader: Trader, world: World, move: Move) -> bool:
    """Make a move in a world, judge it, and return whether the trader wrote to the broker."""
    wrote = _made(trader, world, move)
    if world.slow:
        _wear_off(world, move[0])
    judge.judge_world(world)
    return wrote


def _made(trader: Trader, world: World, move: Move) -> bool:
    name, argument, _crash = move
    if name in UNHEARD:
        UNHEARD[name](world, argument)
        return False
    if name in HEARD:
        return HEARD[name](trader, world, move)
    verb, _, rest = name.rpartition(" ")
    if verb in HEARD_WORDED:
        return HEARD_WORDED[verb](trader, world, move)
    UNHEARD_WORDED[verb](world, rest, argument)
    return False


def _word_of(move: Move) -> str:
    """Return the last word of a move's name."""
    return move[0].rpartition(" ")[2]


def _wear_off(world: World, name: str) -> None:
    """A slow spell ends when nothing is pending any more, or when enough happened in it."""
    if name in WAITING:
        world.slow -= 1
    if not pending(world):
        world.slow = 0


# The wire


def _deliver(trader: Trader, world: World, move: Move) -> bool:
    word, *rest = world.outbox
    world.outbox = tuple(rest)
    return _hear_word(trader, world, word, crash=move[2])


def _hear_word(trader: Trader, world: World, word: Word, *, crash: Crash) -> bool:
    new = word.book == 0 or word.book > world.state.link.queries_answered
    if new:
        world.told |= word.fills
    if word.works or word.ends:
        _note_heard(world, word)
    wrote = False
    for event in word.events:
        wrote = trader.hear(world, event, crash) or wrote
        if wrote and crash:
            break
    if new and word.settles:
        world.blind = False
    return wrote


def _note_heard(world: World, word: Word) -> None:
    """Note what the trader has been told last of each order: that it works, or that it is over."""
    world.orders = tuple(
        replace(order, heard=order.number == word.works)
        if order.number == word.works or order.number in word.ends
        else order
        for order in world.orders
    )


def _repeat(trader: Trader, world: World, move: Move) -> bool:
    return _hear_word(trader, world, world.outbox[0], crash=move[2])


def _unsettled(outbox: tuple[Word, ...]) -> tuple[Word, ...]:
    return tuple(replace(word, settles=False) if word.settles else word for word in outbox)


def _lose(world: World, _: str | int) -> None:
    world.outbox = _unsettled(world.outbox[1:])
    world.blind = True


def _slow(world: World, _: str | int) -> None:
    """From here until nothing is pending the wire and the broker take their time."""
    world.slow = SPELL


def _pause(world: World, _: str | int) -> None:
    world.slow = PAUSE


def _swap(world: World, _: str | int) -> None:
    first, second, *rest = world.outbox
    world.outbox = (second, first, *rest)


def _disconnect(world: World, _: str | int) -> None:
    break_link(world)


def _reconnect(world: World, _: str | int) -> None:
    world.connected = True
    say(world, Word(("link", 1), (events.LinkChanged(up=True, why="1102"),)))


def _restart(trader: Trader, world: World, move: Move) -> bool:
    del move
    trader.restart(world)
    return False


# Other people


def _foreign_order(world: World, _: str | int) -> None:
    world.foreign = 1
    say(world, Word(("report", 0, "foreign"), (broker.SOMEBODYS,)))


def _foreign_ends(world: World, _: str | int) -> None:
    world.foreign = 2


def _hand_fill(world: World, _: str | int) -> None:
    """A person closes one contract by hand; exits that rest are too many through no fault."""
    side = Side.SELL if world.position > 0 else Side.BUY
    world.orders = tuple(
        replace(o, excused=True) if o.spec.reduce_only and not o.over else o for o in world.orders
    )
    world.position += side.sign
    number = len(world.fills)
    world.by_hand |= 1 << number
    fill = Execution(
        f"0000beef.{number:02}.01", "", 0, 70_000 + number, CON_ID, side, 1, 27_000, NOON
    )
    world.fills = (*world.fills, fill)
    say(world, Word(("hand", number), (events.ExecutionReported(fill),), fills=1 << number))


def _correct(world: World, _: str | int) -> None:
    """The last execution comes again, corrected (B19)."""
    world.corrected = True
    fill = world.fills[-1]
    again = replace(fill, exec_id=f"{fill.base_id}.02")
    say(world, Word(("fill", fill.order_id, "corrected"), (events.ExecutionReported(again),)))


def _halted(trader: Trader, world: World, move: Move) -> bool:
    """The loop met an error that nobody foresaw."""
    return trader.hear(world, events.Halted("the check halts"), move[2])


# Time, proposals, advice


def _time(trader: Trader, world: World, move: Move) -> bool:
    due = next_deadline(world.state)
    if due is None:
        return False
    world.now = max(due, world.now)
    wrote = trader.hear(world, events.TimeReached(), move[2])
    again = next_deadline(world.state)
    judge.demand(again is None or again > world.now, f"the deadline {again} stays in the past")
    return wrote


def _propose(trader: Trader, world: World, move: Move) -> bool:
    number = int(move[1])
    side = Side.SELL if number else Side.BUY
    world.signals += 1
    world.zone = "home"
    trader.hear(world, events.QuoteSeen(CON_ID, quote_at("home", world.now)))
    signal = events.SignalRaised(CYCLE_IDS[number], CON_ID, signal_for(side))
    return trader.hear(world, signal)


def _advise(trader: Trader, world: World, move: Move) -> bool:
    cycle_id = CYCLE_IDS[int(move[1])]
    # What a call cost and bars that stay away are for people; neither may move anything.
    before = replace(world.state, finished=())
    trader.hear(world, events.AdvisorCalled(cycle_id, CALL))
    trader.hear(world, events.BarFeedChanged(CON_ID, up=False, since=NOON, asked=1))
    judge.demand(world.state == before, "a call or silent bars moved the trader")
    said = events.AdviceGiven(cycle_id, opinions(Advice(_word_of(move))))
    return trader.hear(world, said, move[2])


def _margin(trader: Trader, world: World, move: Move) -> bool:
    known = Known(Margin(COMMISSION, COMMISSION * 100_000))
    margin = known if _word_of(move) == "known" else Unknown("no answer")
    return trader.hear(world, events.MarginStated(CYCLE_IDS[int(move[1])], margin), move[2])


def _ask(trader: Trader, world: World, move: Move) -> bool:
    asked = events.OperatorAsked(events.Request(_word_of(move)), "a person")
    return trader.hear(world, asked, move[2])


def _quote(trader: Trader, world: World, move: Move) -> bool:
    world.zone = _word_of(move)
    seen = events.QuoteSeen(CON_ID, quote_at(world.zone, world.now))
    return trader.hear(world, seen, move[2])


def _two_exits(trader: Trader, world: World, move: Move) -> bool:
    """The target is reached and two people flatten in one moment: one exit leaves (H03)."""
    before = {order.number: order.change or order.spec for order in world.orders}
    zone = "target" if world.position > 0 else "beyond"
    _quote(trader, world, (f"quote {zone}", 0, move[2]))
    for _who in range(2):
        _ask(trader, world, (f"ask {events.Request.FLATTEN}", 0, move[2]))
    left = [
        order.spec.ref
        for order in world.orders
        if order.spec.reduce_only
        and (order.change or order.spec) != before.get(order.number)
        and trades_now(order.change or order.spec, zone)
    ]
    most = abs(world.position)
    judge.demand(len(left) <= most, f"two exits were asked for, and {left} left for {most}")
    return False


def _stale_position(trader: Trader, world: World, move: Move) -> bool:
    """The broker reports the position before its last fill: the founding incident."""
    before = world.position - world.fills[-1].side.sign
    return trader.hear(world, events.PositionReported(CON_ID, before), move[2])


HEARD: Final[dict[str, Do]] = {
    "deliver": _deliver,
    "repeat": _repeat,
    "restart": _restart,
    "halted": _halted,
    "time": _time,
    "propose": _propose,
    "two exits": _two_exits,
    "stale position": _stale_position,
}
"""Moves that the trader hears of at once."""
HEARD_WORDED: Final[dict[str, Do]] = {
    "advise": _advise,
    "margin": _margin,
    "ask": _ask,
    "quote": _quote,
}
UNHEARD: Final[dict[str, Callable[[World, str | int], None]]] = {
    "lose": _lose,
    "slow": _slow,
    "pause": _pause,
    "swap": _swap,
    "disconnect": _disconnect,
    "reconnect": _reconnect,
    "foreign order": _foreign_order,
    "foreign ends": _foreign_ends,
    "hand fill": _hand_fill,
    "correct": _correct,
    "accept": broker.accept,
    "cancel": broker.cancel,
    "eliminate": broker.eliminate,
    "fill": broker.fill,
    "overfill": broker.overfill,
    "both fill": broker.both_fill,
    "trigger": broker.trigger,
    "refuse cancel": broker.refuse_cancel,
    "alias": broker.alias,
    "wrong echo": broker.wrong_echo,
    "look": broker.look,
    "answer": broker.answer,
    "answer nothing": broker.answer_nothing,
    "position": broker.report_position,
}
"""Moves that the trader hears of later, or never."""
UNHEARD_WORDED: Final[dict[str, Callable[[World, str, str | int], None]]] = {
    "refuse": broker.refuse,
    "refuse change": broker.refuse_change,
    "mislead": broker.mislead,
}
