"""The truth in the proof: what rests at the broker, what has filled, what is on its way.

Everything is a value: a move makes a new ledger and leaves the old one alone. The broker
processes what the trader sends at once and answers through the outbox; a trader that reads late
is the same as a wire that is slow. What arrives together is one message, so that a status and its
echo are not two moves.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.events import AnyEvent
from mytrader.domain.fills import Execution
from mytrader.domain.orders import OrderSpec

FIRST_PERM_ID: Final = 900


class Resting(Struct, frozen=True):
    """One order at the broker. `stage` is held, working, filled or over."""

    spec: OrderSpec
    number: int
    stage: str
    filled: int = 0

    @property
    def left(self) -> int:
        """Contracts that have not filled."""
        return self.spec.quantity - self.filled

    @property
    def live(self) -> bool:
        """Whether it may still fill, now or once its parent has."""
        return self.stage in ("held", "working")

    @property
    def perm_id(self) -> int:
        """The broker's number across the account."""
        return FIRST_PERM_ID + self.number


Message = tuple[AnyEvent, ...]
"""Events that arrive together."""


class Ledger(Struct, frozen=True):
    """The broker's side of one moment.

    `outbox` is what it has said and nobody has heard. `booked` is the position that the
    executions heard so far amount to. `flipped` says that a group was broken on purpose,
    `stubborn` that the venue refuses every change of a resting stop, `deaf` that a message was
    lost since the trader last heard a whole book.
    """

    orders: dict[str, Resting] = {}
    position: int = 0
    executions: tuple[Execution, ...] = ()
    outbox: tuple[Message, ...] = ()
    heard: frozenset[str] = frozenset()
    booked: int = 0
    linked: bool = True
    flipped: bool = False
    foreign: bool = False
    stubborn: bool = False
    deaf: bool = False

    def say(self, *messages: Message) -> "Ledger":
        """Return the ledger with more on the way to the trader."""
        return replace(self, outbox=self.outbox + messages)

    def put(self, order: Resting) -> "Ledger":
        """Return the ledger with an order's new version."""
        return replace(self, orders={**self.orders, order.spec.ref: order})

    def family_of(self, parent: Resting) -> list[Resting]:
        """The live children of an order."""
        return [o for o in self.orders.values() if o.spec.parent_ref == parent.spec.ref and o.live]

    def group_of(self, order: Resting) -> list[Resting]:
        """The other live orders of an order's one-cancels-all group."""
        name = order.spec.oca_group
        return [
            other
            for other in self.orders.values()
            if name
            and other.spec.oca_group == name
            and other.live
            and other.spec.ref != order.spec.ref
        ]

    @property
    def stops(self) -> int:
        """Contracts that working stops cover, each group counted once."""
        loose, groups = 0, set()
        for order in self.orders.values():
            covers = order.stage == "working" and order.spec.role.is_protective
            if covers and order.spec.side.sign * self.position < 0:
                if order.spec.oca_group:
                    groups.add(order.spec.oca_group)
                else:
                    loose += order.left
        return loose + len(groups)
