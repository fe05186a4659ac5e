"""The trader of the check: the real `step`, and the loop around it from command to bytes.

The loop is the one of `live_trading_manager`: the event and its intents are durable together,
then the exit rule is asked once more, then bytes are written, then notes of them are heard. A
crash may come after the record and before the bytes, or after the bytes and before the notes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Limits
from mytrader.domain.orders import OrderSpec, Verdict
from mytrader.domain.trader import TraderState
from mytrader.execution.book_news import news_of
from mytrader.execution.guards import exit_rule_holds, judge_exit
from mytrader.execution.order_tracking import CANCEL, CHANGE, PLACE
from mytrader.execution.trade_cycle import TRANSITIONS, step
from mytrader.proof import judge
from mytrader.proof.truth import CON_ID, Resting, Word, World, number_of, opening_events

Step = Callable[[TraderState, AnyEvent, datetime], tuple[TraderState, list[AnyCommand]]]
Table = Mapping[tuple[Phase, Fact], Phase]


class LastCheck(Protocol):
    """The exit rule as the loop asks it."""

    def __call__(self, state: TraderState, spec: OrderSpec, *, rho_after: int | None) -> Verdict:
        """Judge an exit, or a change of one, that may fill `rho_after`."""
        ...


Heard = Callable[[World, AnyEvent, Sequence[AnyCommand]], None]

ORDER_COMMANDS: Final = (
    commands.PlaceBracket,
    commands.PlaceExit,
    commands.PlaceEmergencyStop,
    commands.ChangeOrder,
    commands.CancelOrder,
)


SURPRISES: Final = frozenset({(Phase.ENTERING, Fact.FLIPPED)})
"""Pairs that can come about and halt the cycle on purpose, with a page.

An exit's execution may be heard before its entry's, where both filled while the link was down.
"""


class Crash(StrEnum):
    """What breaks while the trader writes: nothing, the process, or the link.

    The process dies before its new orders got their numbers, before any byte was written, after
    those of the first order, or before any note of them was heard. The link takes bytes and loses
    them, or takes none any more.
    """

    NONE = ""
    UNNUMBERED = "crash before the numbers"
    UNSENT = "crash before the bytes"
    HALF = "crash after the first bytes"
    UNNOTED = "crash after the bytes"
    LOST = "the bytes are lost with the link"
    CLOSED = "the link was lost before the bytes"


class RecordingTable(Mapping[tuple[Phase, Fact], Phase]):
    """A transition table that remembers which of its rows were selected, and what it misses."""

    def __init__(self, rows: Table) -> None:
        self.rows = dict(rows)
        self.seen: set[tuple[Phase, Fact]] = set()
        self.missed: tuple[Phase, Fact] | None = None

    def __getitem__(self, key: tuple[Phase, Fact]) -> Phase:
        phase = self.rows.get(key)
        if phase is None:
            self.missed = key
            raise KeyError(key)
        self.seen.add(key)
        return phase

    def __iter__(self) -> Iterator[tuple[Phase, Fact]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class Trader:
    """Runs the kernel on worlds. It holds no state of a search but what was exercised.

    `kernel` stands in for the real `step`, `table` for the real transitions, `last_check` for the
    exit rule at the moment of the bytes. `surprises` are the pairs that halted it on purpose,
    `flips` how often it saw a position go through zero.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        kernel: Step | None = None,
        table: Table = TRANSITIONS,
        last_check: LastCheck = judge_exit,
    ) -> None:
        self.limits = limits
        self.table = RecordingTable(table)
        self.events_seen: set[type] = set()
        self.steps = 0
        self.surprises: set[tuple[Phase, Fact]] = set()
        self.flips = 0
        self._kernel = kernel
        self._last_check = last_check
        self._heard: Heard | None = None

    def listen(self, heard: Heard | None) -> None:
        """Tell `heard` of every step from now on, for a trace."""
        self._heard = heard

    def opened(self) -> World:
        """Return the world in which the day begins: connected, flat, a price known."""
        world = World(TraderState(self.limits))
        for event in opening_events(self.limits):
            self.hear(world, event)
        world.asked = ()
        return world

    def hear(self, world: World, event: AnyEvent, crash: Crash = Crash.NONE) -> bool:
        """Let the trader work one event through; return whether it wrote to the broker."""
        before = world.state
        event = news_of(before, event)
        self.steps += 1
        self.events_seen.add(type(event))
        if self._kernel is None:
            state, asked = step(before, event, world.now, table=self.table)
        else:
            state, asked = self._kernel(before, event, world.now)
        world.state = state
        if self._heard is not None:
            self._heard(world, event, asked)
        judge.judge_step(world, event, before=before, asked=asked)
        if world.leaked and judge.has_flipped(before, state):
            judge.judge_flip(state, asked)
            self.flips += 1
        self._judge_table()
        if not asked:
            return False
        if crash is not Crash.UNNUMBERED:
            self._number(world, asked)
        if crash in (Crash.UNNUMBERED, Crash.UNSENT):
            _obscure(world, asked)
            self.restart(world)
            return True
        return self._write(world, asked, crash)

    def _number(self, world: World, asked: Sequence[AnyCommand]) -> None:
        """Record the numbers of new orders; without a link they get none."""
        if not world.connected:
            return
        for command in asked:
            specs = commands.new_orders(command)
            numbers = tuple((spec.ref, number_of(spec.ref)) for spec in specs)
            if numbers:
                self.hear(world, events.OrdersNumbered(numbers))

    def _write(self, world: World, asked: Sequence[AnyCommand], crash: Crash) -> bool:
        """Carry commands out, as far as process and link hold; then hear the notes of it."""
        if crash is Crash.CLOSED:
            break_link(world)
        kept = world.orders, world.outbox, world.asked
        notes: list[AnyEvent] = []
        wrote = False
        for command in asked:
            wrote = isinstance(command, ORDER_COMMANDS) or wrote
            self._carry_out(world, command, notes, first=crash is Crash.HALF)
            if notes and crash is Crash.HALF:
                break
        if crash is Crash.LOST:
            world.orders, world.outbox, world.asked = kept
            break_link(world)
        if crash:
            _obscure(world, asked)
        if crash in (Crash.UNNOTED, Crash.HALF):
            self.restart(world)
            return True
        for note in notes:
            self.hear(world, note)
        return wrote

    def _judge_table(self) -> None:
        """Whatever the broker can bring about is foreseen, but for a few surprises."""
        missed, self.table.missed = self.table.missed, None
        if missed is None or missed[1] is Fact.SURPRISE:
            return
        self.surprises.add(missed)
        if missed not in SURPRISES:
            raise judge.Violation(f"the table: {missed[1]} while {missed[0]} is not foreseen")

    def restart(self, world: World) -> None:
        """The process dies and another one folds the record: nothing under way is heard."""
        lose_link(world)
        self.hear(world, events.TraderStarted(self.limits, numbers_first=True))

    # From command to bytes

    def _carry_out(
        self, world: World, command: AnyCommand, notes: list[AnyEvent], *, first: bool
    ) -> None:
        """Carry one command out; of a bracket only the `first` order where no more gets out."""
        match command:
            case commands.QueryBook(number):
                if world.connected:
                    world.asked = (*world.asked, number)
            case commands.PlaceBracket(approved):
                specs = [spec for lot in approved.order.lots for spec in lot]
                self._place_bracket(world, specs[:1] if first else specs, notes)
            case commands.PlaceExit(approved) | commands.PlaceEmergencyStop(approved):
                self._send(world, approved.order, action=PLACE, notes=notes)
            case commands.ChangeOrder(approved):
                self._send(world, approved.order, action=CHANGE, notes=notes)
            case commands.CancelOrder(ref):
                _cancel(world, ref, notes)

    def _place_bracket(
        self, world: World, specs: Sequence[OrderSpec], notes: list[AnyEvent]
    ) -> None:
        allowed = exit_rule_holds(world.state, CON_ID)
        for spec in specs:
            if allowed:
                _place(world, spec, notes)
            else:
                self._unwritten(world, spec, action=PLACE, code="POSITION_UNKNOWN")

    def _send(self, world: World, spec: OrderSpec, *, action: str, notes: list[AnyEvent]) -> None:
        """The exit rule, once more, at the moment of the bytes."""
        most = spec.quantity
        for cycle in world.state.cycles.values():
            order = cycle.orders.get(spec.ref)
            if order is not None:
                most = max(order.remaining, spec.quantity - order.filled)
        verdict = self._last_check(world.state, spec, rho_after=most)
        if not verdict.approved:
            self._unwritten(world, spec, action=action, code=verdict.code)
        elif action == PLACE:
            _place(world, spec, notes)
        else:
            _change(world, spec, notes)

    def _unwritten(self, world: World, spec: OrderSpec, *, action: str, code: str) -> None:
        self.hear(world, events.OrderNotWritten(spec.ref, action, code, "refused at the socket"))


def _obscure(world: World, asked: Sequence[AnyCommand]) -> None:
    """Note the emergency stops that were decided and did not reach the broker."""
    stops = [
        command.approved.order.ref
        for command in asked
        if isinstance(command, commands.PlaceEmergencyStop)
    ]
    world.obscured += tuple(ref for ref in stops if order_of(world, ref) is None)


def lose_link(world: World) -> None:
    """Whatever is on its way to the trader is lost, and so are its questions."""
    world.connected = False
    world.blind = True
    world.outbox = ()
    world.asked = ()
    world.shown = None


def break_link(world: World) -> None:
    """Lose the link; the trader finds out by the next word."""
    lose_link(world)
    world.outbox = (Word(("link", 0), (events.LinkChanged(up=False, why="1100"),)),)


def put(world: World, order: Resting, **changes: object) -> Resting:
    """Replace one order of the broker and return its new version."""
    new = replace(order, **changes)
    world.orders = tuple(new if each is order else each for each in world.orders)
    return new


def say(world: World, word: Word) -> None:
    """Send a word to the trader; nothing is kept for one that does not listen."""
    if world.connected:
        world.outbox = (*world.outbox, word)
    else:
        world.blind = True


def order_of(world: World, ref: str) -> Resting | None:
    """Return the broker's order with a reference."""
    return next((order for order in world.orders if order.spec.ref == ref), None)


def _place(world: World, spec: OrderSpec, notes: list[AnyEvent]) -> None:
    judge.demand(order_of(world, spec.ref) is None, f"{spec.ref} was placed twice")
    if not world.connected:
        notes.append(events.OrderNotWritten(spec.ref, PLACE, "LINK_DOWN", "no link"))
        return
    number = number_of(spec.ref)
    parent = None if spec.parent_ref is None else order_of(world, spec.parent_ref)
    active = parent is None or parent.filled > 0
    excused = bool(world.by_hand & ~world.told)
    world.orders = (*world.orders, Resting(spec, number, active, excused=excused))
    notes.append(events.OrderWritten(spec.ref, number, PLACE))


def _change(world: World, spec: OrderSpec, notes: list[AnyEvent]) -> None:
    order = order_of(world, spec.ref)
    if not world.connected or order is None:
        notes.append(events.OrderNotWritten(spec.ref, CHANGE, "LINK_DOWN", "no link"))
        return
    notes.append(events.OrderWritten(spec.ref, order.number, CHANGE))
    if order.over:
        said = events.ErrorReported(spec.ref, order.number, 104, "cannot modify a filled order")
        say(world, Word(("error", order.number, 104), (said,)))
    else:
        put(world, order, change=spec)


def _cancel(world: World, ref: str, notes: list[AnyEvent]) -> None:
    order = order_of(world, ref)
    if not world.connected:
        notes.append(events.OrderNotWritten(ref, CANCEL, "LINK_DOWN", "no link"))
        return
    notes.append(events.OrderWritten(ref, number_of(ref), CANCEL))
    if order is None or order.over:
        code = 10147 if order is None else 10148
        said = events.ErrorReported(ref, number_of(ref), code, "nothing to cancel")
        say(world, Word(("error", number_of(ref), code), (said,)))
    else:
        put(world, order, cancelling=True)


def copied(world: World) -> World:
    """Return a world that may be changed without touching the other."""
    return copy(world)
