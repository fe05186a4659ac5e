"""A small broker that does its worst, and a judge that reads only the broker's own ledger.

The broker accepts, refuses, fills, cancels, repeats, reorders, loses, disconnects; the trader
under test sees nothing but events and is asked for nothing but commands. Every choice is made by
`Chance`, so that a run is a number and can be repeated.
"""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.events import AnyEvent, Book, OrderReported, PositionReported
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.limits import Limits
from mytrader.domain.market import Quote
from mytrader.domain.orders import Approved, OrderSpec, Side
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.exits import under_way
from mytrader.execution.guards import exit_rule_holds
from mytrader.execution.trade_cycle import next_deadline, step
from tests.playbook import AMPLE, COMMISSION, CON_ID, ENTRY, NOON, proposed, report_of, the_start
from tests.resting import Chance, Resting

LIMITS: Final = Limits(
    quantity_per_entry=2, cooldown=timedelta(0), loss_streak_max=1000, daily_trades_max=1000
)
CYCLE_IDS: Final = [f"01JCXW5M7Q00000000000000{number:02}" for number in range(50)]
WAITS: Final = (0.0, 0.001, 0.2, 0.6, 2.1, 11.0, 61.0)


class Violation(AssertionError):
    """A promise was broken."""


class World(Struct):
    """What the judge looks at besides the ledger."""

    position: int = 0
    booked: int = 0
    lost: bool = False
    alerts: int = 0


class Adversary:
    """The broker, the trader beside it, and the judge between them."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.state: TraderState = the_start(LIMITS)
        self.now = NOON
        self.orders: dict[str, Resting] = {}
        self.executions: list[Execution] = []
        self.outbox: list[AnyEvent] = []
        self.queries: list[int] = []
        self.connected = True
        self.world = World()
        self.delivered: set[str] = set()
        self.story: list[str] = []
        self.naked_since = self.now
        self.cycles = 0
        self.orders_shown: tuple[OrderReported, ...] | None = None
        self.executions_shown: tuple[Execution, ...] | None = None
        self.takes_moves = bool(chance.below(2))

    # The trader

    def hear(self, event: AnyEvent) -> None:
        """Give the trader one event, do what it asks for, and judge."""
        before = self.state
        self.story.append(f"{(self.now - NOON).total_seconds():9.3f} {event}")
        self.state, asked = step(before, event, self.now)
        if isinstance(event, events.ExecutionReported):
            self._note_delivered(event.execution)
        if isinstance(event, events.BookAnswered) and isinstance(event.book, Known):
            taken = event.number > before.link.queries_answered
            for fill in event.book.value.executions if taken else ():
                self._note_delivered(fill)
        for command in asked:
            self.story.append(f"{'':10}<< {command}")
            self._carry_out(command)
        self.judge()

    def _note_delivered(self, fill: Execution) -> None:
        if fill.exec_id not in self.delivered:
            self.delivered.add(fill.exec_id)
            self.world.booked += fill.side.sign * fill.quantity

    def _carry_out(self, command: AnyCommand) -> None:
        match command:
            case commands.RaiseAlert():
                self.world.alerts += 1
            case commands.QueryBook(number):
                self.queries.append(number)
            case commands.PlaceBracket(approved):
                self._demand(isinstance(approved, Approved), "a bracket without approval")
                for lot in approved.order.lots:
                    for spec in lot:
                        self._place(spec)
            case commands.PlaceExit(approved) | commands.PlaceEmergencyStop(approved):
                self._demand(isinstance(approved, Approved), "an exit without approval")
                self._demand(approved.order.reduce_only, "an exit that may enlarge")
                if exit_rule_holds(self.state, CON_ID):
                    self._place(approved.order)
                else:
                    self._not_written(approved.order.ref, "place", code="EXIT_UNSAFE")
            case commands.ChangeOrder(approved):
                self._change(approved.order)
            case commands.CancelOrder(ref):
                self._cancel(ref)
            case _:
                pass

    def _not_written(self, ref: str, action: str, *, code: str) -> None:
        self.outbox.insert(0, events.OrderNotWritten(ref, action, code, "-"))

    def _written(self, ref: str, action: str) -> None:
        self.outbox.insert(0, events.OrderWritten(ref, self.orders[ref].order_id, action))

    def _place(self, spec: OrderSpec) -> None:
        self._demand(spec.ref not in self.orders, f"{spec.ref} was placed twice")
        if not self.connected:
            self._not_written(spec.ref, "place", code="LINK_DOWN")
            return
        self.orders[spec.ref] = Resting(spec, len(self.orders) + 1)
        self._written(spec.ref, "place")

    def _change(self, spec: OrderSpec) -> None:
        order = self.orders[spec.ref]
        if not self.connected or not exit_rule_holds(self.state, CON_ID):
            self._not_written(spec.ref, "change", code="LINK_DOWN")
            return
        self._written(spec.ref, "change")
        if order.over:
            self._say(events.ErrorReported(spec.ref, order.order_id, 104, "filled"))
        else:
            order.change = spec

    def _cancel(self, ref: str) -> None:
        order = self.orders.get(ref)
        if not self.connected or order is None:
            self._not_written(ref, "cancel", code="LINK_DOWN")
            return
        self._written(ref, "cancel")
        if order.over:
            code = 10148 if self.chance.below(2) else 10147
            self._say(events.ErrorReported(ref, order.order_id, code, order.status))
        else:
            order.cancelling = True

    # What the broker says

    def _say(self, event: AnyEvent) -> None:
        if self.connected:
            self.outbox.append(event)

    def _echo(self, order: Resting) -> None:
        self._say(
            report_of(order.spec, order.order_id, perm_id=order.perm_id, status=order.status)
        )

    def _state(self, order: Resting) -> None:
        self._say(
            events.StatusReported(
                order.spec.ref,
                order.order_id,
                order.perm_id,
                order.status,
                order.filled,
                order.left,
                order.why_held,
            )
        )

    # What the broker does; each is harmless where it does not apply

    def accept(self) -> None:
        """Acknowledge an order, or take a change."""
        order = self._one([o for o in self.orders.values() if not o.over])
        if order is None:
            return
        if order.change is not None and not self.takes_moves:
            self._refuse_change(order)
            return
        order.accepted = True
        order.take_change()
        self._echo(order)
        self._state(order)

    def _refuse_change(self, order: Resting) -> None:
        order.change = None
        self._say(events.ErrorReported(order.spec.ref, order.order_id, 201, "refused"))

    def refuse(self) -> None:
        """Refuse an order that was not acknowledged yet, or a change."""
        waiting = [o for o in self.orders.values() if not o.over]
        order = self._one([o for o in waiting if not o.accepted or o.change is not None])
        if order is None:
            return
        code = (201, 201, 110, 321)[self.chance.below(4)]
        if order.change is not None:
            order.change = None
        else:
            self._end(order)
        self._say(events.ErrorReported(order.spec.ref, order.order_id, code, "refused"))

    def cancel(self) -> None:
        """Carry out a cancel that was asked for."""
        order = self._one([o for o in self.orders.values() if o.cancelling and not o.over])
        if order is not None:
            self._end(order)

    def eliminate(self) -> None:
        """Cancel an order that nobody asked to cancel."""
        order = self._one([o for o in self.orders.values() if o.accepted and not o.over])
        if order is not None:
            self._end(order)

    def _end(self, order: Resting) -> None:
        order.over = True
        order.change = None
        self._state(order)
        for child in self.orders.values():
            if child.spec.parent_ref == order.spec.ref and not order.filled and not child.over:
                self._end(child)

    def fill(self) -> None:
        """Fill one contract of any active order."""
        order = self._one([o for o in self.orders.values() if o.left and o.active])
        if order is None:
            return
        if order.spec.reduce_only:
            self._demand(
                self.world.position * order.spec.side.sign < 0,
                f"{order.spec.ref} opens a position from {self.world.position}",
            )
        order.filled += 1
        order.over = order.filled == order.spec.quantity
        self.world.position += order.spec.side.sign
        number = len(self.executions) + 1
        execution = Execution(
            exec_id=f"0000e0d5.{number:04}.01",
            ref=order.spec.ref,
            order_id=order.order_id,
            perm_id=order.perm_id,
            con_id=CON_ID,
            side=order.spec.side,
            quantity=1,
            price=order.spec.limit,
            at=self.now,
        )
        self.executions.append(execution)
        self._say(events.ExecutionReported(execution))
        self._state(order)
        self._say(events.CommissionReported(execution.exec_id, COMMISSION))
        for child in self.orders.values():
            if child.spec.parent_ref == order.spec.ref and not child.over:
                child.active = True
                if child.accepted:
                    self._state(child)

    def answer(self) -> None:
        """Carry the answer to the oldest query on: orders, then executions, then positions.

        Each part is a picture of its own moment; now and then the whole comes to nothing.
        """
        if not self.queries or not self.connected:
            return
        if self.orders_shown is None:
            self.orders_shown = self._orders_now()
        elif self.executions_shown is None:
            self.executions_shown = tuple(self.executions)
        else:
            book = Book(self.orders_shown, self.executions_shown, self._positions_now())
            nothing = self.chance.below(8) == 0
            answer = Unknown("no end marker") if nothing else Known(book)
            self._say(events.BookAnswered(self.queries.pop(0), answer))
            self.orders_shown = self.executions_shown = None

    def _forget_queries(self) -> None:
        self.queries.clear()
        self.orders_shown = self.executions_shown = None

    def _orders_now(self) -> tuple[OrderReported, ...]:
        """Open orders, and those that are over: the broker is asked for both."""
        return tuple(
            report_of(o.spec, o.order_id, perm_id=o.perm_id, status=o.status)
            for o in self.orders.values()
            if o.over or o.accepted or o.filled
        )

    def _positions_now(self) -> tuple[PositionReported, ...]:
        return (PositionReported(CON_ID, self.world.position),)

    def _book(self) -> Book:
        return Book(self._orders_now(), tuple(self.executions), self._positions_now())

    def mislead(self) -> None:
        """Say of a live order what sounds like its end, or a notice: it works on (B21, H28)."""
        order = self._one([o for o in self.orders.values() if o.accepted and not o.over])
        if order is None:
            return
        word = self.chance.below(8)
        if word == 7:
            left = order.left
            said = (order.spec.ref, order.order_id, order.perm_id, "Cancelled", order.filled)
            self._say(events.StatusReported(*said, left, ""))
        else:
            code = (201, 321, 110, 202, 399, 10349, 10147)[word]
            self._say(events.ErrorReported(order.spec.ref, order.order_id, code, "misled"))

    def report_position(self) -> None:
        """Report the position unasked."""
        self._say(PositionReported(CON_ID, self.world.position))

    # What the wire does

    def deliver(self) -> None:
        """Deliver the oldest word."""
        if self.outbox:
            self.hear(self.outbox.pop(0))

    def repeat(self) -> None:
        """Deliver the oldest word, and keep it."""
        if self.outbox and not isinstance(self.outbox[0], events.OrderNotWritten):
            self.hear(self.outbox[0])

    def reorder(self) -> None:
        """Swap the two oldest words about orders; answers to questions stay in their place."""
        loose = (
            events.OrderReported,
            events.StatusReported,
            events.ErrorReported,
            events.ExecutionReported,
            events.CommissionReported,
        )
        if len(self.outbox) > 1 and all(isinstance(each, loose) for each in self.outbox[:2]):
            self.outbox[0], self.outbox[1] = self.outbox[1], self.outbox[0]

    def lose(self) -> None:
        """Lose a status or an echo: the broker does not promise them."""
        lossy = (events.StatusReported, events.OrderReported)
        if self.outbox and isinstance(self.outbox[0], lossy):
            self.outbox.pop(0)
            self.world.lost = True

    def disconnect(self) -> None:
        """Cut the link: what was not delivered is lost, and changes under way may have arrived."""
        if self.connected:
            self.connected = False
            kept = (events.OrderWritten, events.OrderNotWritten)
            own = [each for each in self.outbox if isinstance(each, kept)]
            self.outbox = [*own, events.LinkChanged(up=False, why="1100")]
            self._forget_queries()
            self.world.lost = True

    def reconnect(self) -> None:
        """Restore the link."""
        if not self.connected:
            self.connected = True
            self.outbox.append(events.LinkChanged(up=True, why="1102"))

    def restart(self) -> None:
        """Kill the trader and start it again from its record."""
        own = (events.OrderWritten, events.OrderNotWritten)
        self.outbox = [each for each in self.outbox if isinstance(each, own)]
        while self.outbox:
            self.deliver()
        self.connected = True
        self._forget_queries()
        self.outbox.clear()
        self.world.lost = True
        self.hear(events.TraderStarted(LIMITS))
        self.outbox.append(events.LinkChanged(up=True, why="connected"))

    # The world

    def propose(self) -> None:
        """Raise a signal, and answer it at once."""
        if self.cycles == len(CYCLE_IDS):
            return
        cycle_id = CYCLE_IDS[self.cycles]
        self.cycles += 1
        side = Side.BUY if self.chance.below(2) else Side.SELL
        self.hear(proposed(side, cycle_id=cycle_id))
        said = tuple(
            Opinion(role, role, Advice.GO, "a test", confidence=0.9) for role in AdvisorRole
        )
        self.hear(events.MarginStated(cycle_id, AMPLE))
        self.hear(events.AdviceGiven(cycle_id, said))

    def move(self) -> None:
        """Move the market: to one of the targets, to one of the stops, or back."""
        bid = ENTRY + (-60, -41, -21, -1, 0, 21, 41, 60)[self.chance.below(8)]
        self.hear(events.QuoteSeen(CON_ID, Quote(self.now, bid, bid + 1, bid)))

    def wait(self) -> None:
        """Let time pass, deadline by deadline."""
        self.wait_for(timedelta(seconds=WAITS[self.chance.below(len(WAITS))]))

    def wait_for(self, time: timedelta) -> None:
        """Let this much time pass, deadline by deadline."""
        end = self.now + time
        while (due := next_deadline(self.state)) is not None and due <= end:
            self.now = max(due, self.now)
            self.hear(events.TimeReached())
            again = next_deadline(self.state)
            self._demand(again is None or again > self.now, f"{again} stays in the past")
        self.now = end
        self.judge()

    def flatten(self) -> None:
        """A person asks to be flat."""
        self.hear(events.OperatorAsked(events.Request.FLATTEN, "a person"))

    def resume(self) -> None:
        """A person takes the risk again."""
        self.hear(events.OperatorAsked(events.Request.RESUME, "a person"))

    # The judge

    def judge(self) -> None:
        """Hold the ledger against the promises."""
        position = self.world.position
        exits = [o for o in self.orders.values() if o.spec.reduce_only and o.active and o.left]
        for order in exits:
            self._demand(
                order.spec.side.sign * position < 0,
                f"{order.spec.ref} works although the position is {position}",
            )
        most = sum(order.left for order in exits)
        self._demand(most <= abs(position), f"exits of {most} on a position of {position}")
        booked = self.state.position(CON_ID).booked
        self._demand(
            booked == self.world.booked, f"{booked} booked, {self.world.booked} delivered"
        )
        self._judge_cover(exits)

    def _judge_cover(self, exits: list[Resting]) -> None:
        """A position without its stop: a flatten goes on, or the machine is halted, in time."""
        held = [cycle for cycle in self.state.cycles.values() if cycle.position]
        resting = sum(o.left for o in exits if o.accepted)
        in_flight = bool(self.outbox) or self.world.lost
        flattening = any(under_way(cycle) for cycle in held)
        halted = self.state.mode is Mode.HALT
        if not held or resting >= abs(self.world.position) or in_flight or flattening or halted:
            self.naked_since = self.now
            return
        late = self.now - self.naked_since
        self._demand(late <= LIMITS.cover_timeout, f"uncovered for {late}")

    def _one(self, orders: list[Resting]) -> Resting | None:
        return orders[self.chance.below(len(orders))] if orders else None

    def _demand(self, holds: bool, claim: str) -> None:
        if not holds:
            told = "\n".join(self.story[-400:])
            raise Violation(f"{claim}\n{told}")


DEEDS: Final = (
    "accept",
    "refuse",
    "cancel",
    "eliminate",
    "fill",
    "answer",
    "mislead",
    "report_position",
    "deliver",
    "repeat",
    "reorder",
    "lose",
    "disconnect",
    "reconnect",
    "restart",
    "propose",
    "move",
    "wait",
    "flatten",
    "resume",
)
