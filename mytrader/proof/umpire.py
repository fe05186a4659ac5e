"""The umpire of a simulated day: I1 to I9, looked at after everything that happens.

It reads the exchange's and the broker's ledger, the bytes on the wire, the record on the disk, and
what people were told; never the trader's state. What the trader believes cannot excuse it.

The record is read by a connection of its own, so that only what is committed is there: an order
whose intent cannot be found when its bytes arrive was sent too early (I4).
"""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct

from mytrader.domain.instrument import Instrument
from mytrader.domain.limits import Profile
from mytrader.domain.orders import Role, parse_ref
from mytrader.proof.cover_watch import Cause, CoverWatch, StartEnd
from mytrader.proof.permissions import Permissions
from mytrader.proof.record_tap import RecordTap
from mytrader.simulator.broker_orders import BrokerOrder, OrderState
from mytrader.simulator.ledger import BrokerFill
from mytrader.tws import answers, order_answers
from mytrader.tws.errors import NO_SUBJECT
from mytrader.tws.fields import Message
from mytrader.tws.place_order import PlaceOrder
from mytrader.tws.requests import CancelOrder

MESSAGES_PER_SECOND_MAX: Final = 50
"""All requests of a client together (SAFETY.md B13)."""

ORDERS_MAX: Final = 20
"""Active orders for each contract, side and account (SAFETY.md B13)."""

_SECOND: Final = timedelta(seconds=1)
_AT_BROKER: Final = (OrderState.SENT, OrderState.QUEUED, OrderState.WORKING)
_COVERING: Final = (Role.STOP, Role.EMERGENCY, Role.EXIT)
_LAST_EVENTS: Final = 80
_START_ENDS: Final[dict[type[Message], StartEnd]] = {
    order_answers.OpenOrderEnd: StartEnd.ORDERS,
    order_answers.CompletedOrdersEnd: StartEnd.OVER,
    order_answers.ExecutionsEnd: StartEnd.EXECUTIONS,
    answers.PositionEnd: StartEnd.POSITIONS,
    answers.AccountDownloadEnd: StartEnd.ACCOUNT,
}


class Violation(Struct, frozen=True):
    """An invariant that did not hold, with its time and what was seen."""

    invariant: str
    at: datetime
    text: str


class Truth(Protocol):
    """What the umpire reads of the account: `simulator.gateway.LedgerView`."""

    @property
    def executions(self) -> tuple[BrokerFill, ...]:
        """Every execution, oldest first."""
        ...

    @property
    def orders(self) -> tuple[BrokerOrder, ...]:
        """The orders that may still fill, oldest first."""
        ...

    def position(self, con_id: int) -> int:
        """Signed contracts that are open."""
        ...


class Umpire:
    """Judges one contract of one account; `violations` is what it found, the first one first."""

    def __init__(
        self,
        ledger: Truth,
        con_id: int,
        *,
        instrument: Instrument,
        profile: Profile,
        lots: int,
        permissions: Permissions,
    ) -> None:
        self.violations: list[Violation] = []
        self.cover = CoverWatch()
        self.record: RecordTap | None = None
        self.fills: Counter[str] = Counter()
        self.looks = 0
        self.events: deque[str] = deque(maxlen=_LAST_EVENTS)
        self._ledger = ledger
        self._con_id = con_id
        self._instrument = instrument
        self._profile = profile
        self._lots = lots
        self._permissions = permissions
        self._position = 0
        self._executions: tuple[BrokerFill, ...] = ()
        self._orders: tuple[BrokerOrder, ...] = ()
        self._covering: dict[int, BrokerOrder] = {}
        self._filled: set[int] = set()
        self._writes: Counter[str] = Counter()
        self._costs_told: set[str] = set()
        self._arrivals: deque[datetime] = deque()
        self._late = 0

    def accuse(self, invariant: str, at: datetime, text: str) -> None:
        """Note that something did not hold; the same thing is said once."""
        if not any(each.invariant == invariant and each.text == text for each in self.violations):
            self.violations.append(Violation(invariant, at, text))
            self.events.append(f"{at:%H:%M:%S.%f} !! {invariant}: {text}")

    # The ledger.

    def look(self, now: datetime) -> None:
        """Look at the ledger and at the clock of cover."""
        self.looks += 1
        executions, orders = self._ledger.executions, self._ledger.orders
        changed = len(executions) != len(self._executions) or not _same(orders, self._orders)
        if changed:
            causes = self._take_fills(executions) | self._gone(orders)
            self._executions, self._orders = executions, orders
            self._look_at_orders(now, orders, causes)
        self.cover.pass_to(now)
        self._look_at_time()

    def _look_at_time(self) -> None:
        for span in self.cover.late[self._late :]:
            text = (
                f"covered {span.why} since {span.began:%H:%M:%S.%f}, neither left nor paged for "
                f"({span.answerable_s:.1f} s of it the trader's)"
            )
            at = span.began + timedelta(seconds=span.seconds)
            self.accuse("I2", at, text)
        self._late = len(self.cover.late)

    def _take_fills(self, executions: Sequence[BrokerFill]) -> set[Cause]:
        causes = set[Cause]()
        if len(executions) < len(self._executions):
            # The exchange has taken an execution back; the position is what is left.
            self._position = self._ledger.position(self._con_id)
            return causes
        for fill in executions[len(self._executions) :]:
            after = self._position + fill.side.sign * fill.quantity
            role = _role(fill.order_ref)
            if role is not Role.ENTRY:
                self._judge_exit_fill(fill, after)
            if abs(after) > self._lots and role is not None:
                self.accuse("I8", fill.at, f"{fill.order_ref} made the position {after}")
            self.events.append(
                f"{fill.at:%H:%M:%S.%f} == {_short(fill.order_ref)} filled {fill.side} "
                f"{fill.quantity} at {fill.price}: position {after}"
            )
            self._position = after
            self._filled.add(fill.perm_id)
            self.fills[role.name.lower() if role is not None else "foreign"] += 1
            causes |= {Cause(exec_id=_head(fill.exec_id)), Cause(perm_id=fill.perm_id)}
        return causes

    def _judge_exit_fill(self, fill: BrokerFill, after: int) -> None:
        opens = self._position * after < 0 or abs(after) >= abs(self._position)
        if opens and _role(fill.order_ref) is not None:
            text = f"{fill.order_ref} filled {fill.side} {fill.quantity}: {self._position} became"
            self.accuse("I1", fill.at, f"{text} {after}")

    def _gone(self, orders: Sequence[BrokerOrder]) -> set[Cause]:
        live = {order.perm_id for order in orders}
        gone = [order for perm_id, order in self._covering.items() if perm_id not in live]
        causes = {Cause(perm_id=order.perm_id) for order in gone}
        return causes | {Cause(order_id=order.sent.order_id) for order in gone}

    def _look_at_orders(
        self, now: datetime, orders: Sequence[BrokerOrder], causes: set[Cause]
    ) -> None:
        counted = Counter(order.sent.order_ref for order in orders)
        for ref, count in counted.items():
            if count > 1 and _role(ref) is not None:
                self.accuse("I3", now, f"{count} live orders are called {ref}")
        awake = [order for order in orders if self._may_fill(order)]
        opening = [order for order in awake if order.terms.side.sign * self._position >= 0]
        reducing = [order for order in awake if order.terms.side.sign * self._position < 0]
        if opening or self._most(reducing) > abs(self._position):
            refs = ", ".join(_short(order.sent.order_ref) for order in [*opening, *reducing])
            self.accuse("I1", now, f"position {self._position} and live exits {refs}")
        self._look_at_cover(now, reducing, causes)

    def _may_fill(self, order: BrokerOrder) -> bool:
        """Whether an order is an exit of ours that can fill now."""
        role = _role(order.sent.order_ref)
        if role is None or role is Role.ENTRY or order.con_id != self._con_id:
            return False
        return not order.parent_perm_id or order.parent_perm_id in self._filled

    def _most(self, orders: Sequence[BrokerOrder]) -> int:
        """The most that orders may fill together; in a group that the broker keeps, one does."""
        groups = Counter[str]()
        alone = 0
        for order in orders:
            group = order.terms.oca_group if self._profile is Profile.BRACKET else ""
            if group:
                groups[group] = max(groups[group], order.remaining)
            else:
                alone += order.remaining
        return alone + groups.total()

    def _look_at_cover(
        self, now: datetime, reducing: Sequence[BrokerOrder], causes: set[Cause]
    ) -> None:
        covering = [
            order
            for order in reducing
            if order.state in _AT_BROKER and _role(order.sent.order_ref) in _COVERING
        ]
        self._covering = {order.perm_id: order for order in covering}
        covers = self._most(covering)
        if covers == abs(self._position):
            self.cover.covered(now)
        else:
            self.cover.uncovered(now, f"{covers} of {self._position}", causes)

    def finish(self, now: datetime) -> None:
        """End the day: what was booked is what the exchange filled (I5)."""
        self.look(now)
        self.cover.covered(now)
        if self.record is None:
            return
        self.record.catch_up()
        true = {_head(fill.exec_id): fill for fill in self._ledger.executions}
        for execution in self.record.executions.values():
            fill = true.get(_head(execution.exec_id))
            if fill is None or (fill.side, fill.quantity) != (execution.side, execution.quantity):
                self.accuse("I5", now, f"{execution.exec_id} was booked and never executed so")

    @property
    def unheard_usd(self) -> Decimal:
        """Commissions of which the trader was never told, dollars: it cannot know of them."""
        return sum(
            (
                each.commission_usd
                for each in self._ledger.executions
                if each.exec_id not in self._costs_told
            ),
            Decimal(0),
        )

    # The wire.

    def asked(self, now: datetime, client_id: int, message: Message) -> None:
        """A request of the trader has arrived, whatever becomes of it."""
        self._count(now)
        if isinstance(message, PlaceOrder) and not message.what_if:
            self.events.append(f"{now:%H:%M:%S.%f} -> {_order_text(message)}")
            self._judge_order(now, client_id, message)
        elif isinstance(message, CancelOrder):
            self._judge_cancel(now, client_id, message)

    def _count(self, now: datetime) -> None:
        self._arrivals.append(now)
        while now - self._arrivals[0] >= _SECOND:
            self._arrivals.popleft()
        if len(self._arrivals) > MESSAGES_PER_SECOND_MAX:
            self.accuse("I8", now, f"more than {MESSAGES_PER_SECOND_MAX} messages in a second")

    def _judge_order(self, now: datetime, client_id: int, message: PlaceOrder) -> None:
        ref = message.order_ref
        parts = parse_ref(ref)
        if parts is None or self.record is None:
            self.accuse("I9", now, f"an order without one of our references: {ref!r}")
            return
        self._writes[ref] += 1
        for invariant, text in self.record.objections(message, self._instrument):
            self.accuse(invariant, now, text)
        if self._writes[ref] > self.record.intents(ref):
            self.accuse(
                "I4", now, f"{ref} was sent {self._writes[ref]} times, intended less often"
            )
        if not 0 < message.quantity <= self._lots:
            self.accuse("I8", now, f"{ref} is for {message.quantity} contracts")
        if parts.role is Role.ENTRY:
            self._judge_entry(now, message, parts.cycle_id)
        elif parts.role is Role.EXIT or self._known(client_id, message.order_id):
            self.cover.left(now)

    def _judge_entry(self, now: datetime, message: PlaceOrder, cycle_id: str) -> None:
        """An entry may be sent only where nothing is open and nothing may still fill (I6)."""
        others = [
            order.sent.order_ref
            for order in self._ledger.orders
            if _cycle(order.sent.order_ref) != cycle_id and order.con_id == self._con_id
        ]
        filled_before = self._position and not self._ours(cycle_id)
        if filled_before or others:
            held = ", ".join(map(_short, others)) or "nothing working"
            self.accuse(
                "I6", now, f"{message.order_ref} although {self._position} was open, {held}"
            )
        if self.record is not None:
            signal = self.record.signal(cycle_id)
            for invariant, text in self._permissions.objections(now, signal):
                self.accuse(invariant, now, f"{message.order_ref}: {text}")

    def _ours(self, cycle_id: str) -> bool:
        return any(_cycle(fill.order_ref) == cycle_id for fill in self._executions[-self._lots :])

    def _known(self, client_id: int, order_id: int) -> bool:
        return any(
            order.client_id == client_id and order.sent.order_id == order_id
            for order in self._ledger.orders
        )

    def _judge_cancel(self, now: datetime, client_id: int, message: CancelOrder) -> None:
        for order in self._ledger.orders:
            if order.client_id != client_id or order.sent.order_id != message.order_id:
                continue
            ref = order.sent.order_ref
            self.events.append(f"{now:%H:%M:%S.%f} -> cancel {_short(ref)}")
            if _role(ref) in _COVERING:
                self.cover.left(now)
            if self.record is not None and not self.record.cancels(ref):
                self.accuse("I4", now, f"the cancel of {ref} was sent before it was recorded")

    def told(self, now: datetime, message: Message) -> None:
        """A message leaves for the trader."""
        match message:
            case answers.TickPrice():
                self._permissions.quoted(now)
                return
            case order_answers.ExecutionDetails(exec_id=exec_id, perm_id=perm_id):
                self.cover.told(now, Cause(exec_id=_head(exec_id)))
                self.cover.told(now, Cause(perm_id=perm_id))
                if message.req_id == NO_SUBJECT:
                    self._note(now, f"execution {exec_id}")
            case order_answers.OrderStatus(perm_id=perm_id, status=status, filled=filled):
                if filled or status in ("Cancelled", "ApiCancelled", "Inactive", "Filled"):
                    self.cover.told(now, Cause(perm_id=perm_id))
                self._note(now, f"status of {message.order_id}: {status}, {filled} filled")
            case order_answers.CommissionReport(exec_id=exec_id):
                self._costs_told.add(exec_id)
            case order_answers.CompletedOrder(perm_id=perm_id):
                self.cover.told(now, Cause(perm_id=perm_id))
            case answers.Problem(subject=subject, code=code, text=text):
                self.cover.told(now, Cause(order_id=subject))
                self._note(now, f"{code} about {subject}: {text[:60]}")
            case _:
                end = _START_ENDS.get(type(message))
                if end is not None:
                    self.cover.told_end(now, end)

    def _note(self, now: datetime, text: str) -> None:
        self.events.append(f"{now:%H:%M:%S.%f} <- {text}")


def _same(orders: Sequence[BrokerOrder], before: Sequence[BrokerOrder]) -> bool:
    """Whether nothing changed: an order that changes is another object."""
    if len(orders) != len(before):
        return False
    return all(one is other for one, other in zip(orders, before, strict=True))


def _role(ref: str) -> Role | None:
    parts = parse_ref(ref)
    return None if parts is None else parts.role


def _cycle(ref: str) -> str:
    parts = parse_ref(ref)
    return "" if parts is None else parts.cycle_id


def _head(exec_id: str) -> str:
    return exec_id.rpartition(".")[0]


def _short(ref: str) -> str:
    """A reference for people: the end of its cycle's id, and its role."""
    parts = parse_ref(ref)
    return ref if parts is None else f"{parts.cycle_id[-4:]}/{parts.role}{parts.number}"


def _order_text(message: PlaceOrder) -> str:
    prices = f"{message.limit_price or ''} {message.aux_price or ''}".strip()
    return (
        f"{_short(message.order_ref)} = {message.order_id}: {message.action} {message.quantity} "
        f"{message.order_type} {prices}"
    )
