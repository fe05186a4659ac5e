"""Orders as the broker keeps them, under the numbers that it gives them."""

import random
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Protocol

from msgspec import Struct, structs

from mytrader.domain.orders import Side, TimeInForce
from mytrader.simulator.ledger import BrokerFill
from mytrader.simulator.matching import Filled
from mytrader.simulator.order_rules import Problem, Terms
from mytrader.tws.place_order import PlaceOrder

BY_HAND: Final = -2
"""The client id under which orders that were placed by hand are kept; no client can have it."""

_PERM_ID_FIRST: Final = 1_000_000_000
_PERM_ID_SPREAD: Final = 500_000_000
_EXEC_ID_FIRST: Final = 0x6571A2B3


class OrderState(StrEnum):
    """Where an order stands at the broker; `broker` describes the life of one."""

    HELD = "held"
    SENT = "sent"
    CHILD = "child"
    QUEUED = "queued"
    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


_STATUS: Final[Mapping[OrderState, str]] = {
    OrderState.HELD: "PendingSubmit",
    OrderState.SENT: "PreSubmitted",
    OrderState.CHILD: "PreSubmitted",
    OrderState.QUEUED: "PreSubmitted",
    OrderState.WORKING: "Submitted",
    OrderState.FILLED: "Filled",
    OrderState.CANCELLED: "Cancelled",
    OrderState.REFUSED: "Cancelled",
    OrderState.WITHDRAWN: "ApiCancelled",
}
_OVER: Final = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.REFUSED, OrderState.WITHDRAWN}
)
INACTIVE: Final = "Inactive"
"""The status that some rejected orders are told to have, before their error."""


class BrokerOrder(Struct, frozen=True):
    """One order at one moment.

    `sent` is the client's last accepted message, every field as it came; `terms` is what works.
    `filled_ticks` is the sum of ticks times contracts over its fills. `simulated` is true of a
    stop that the broker keeps until it is triggered.
    """

    perm_id: int
    client_id: int
    sent: PlaceOrder
    terms: Terms
    state: OrderState = OrderState.HELD
    parent_perm_id: int = 0
    filled: int = 0
    filled_ticks: int = 0
    last_fill: int | None = None
    triggered: bool = False
    simulated: bool = False
    cancelling: bool = False
    ended_at: datetime | None = None
    ended_why: str = ""

    @property
    def con_id(self) -> int:
        """The contract."""
        return self.terms.contract.con_id

    @property
    def live(self) -> bool:
        """Whether the order may still fill."""
        return self.state not in _OVER

    @property
    def transmitted(self) -> bool:
        """Whether the order has left the broker's front end; before that nobody is told of it."""
        return self.state is not OrderState.HELD

    @property
    def at_exchange(self) -> bool:
        """Whether the order is in the exchange's book, open or shut."""
        return self.state in (OrderState.WORKING, OrderState.QUEUED)

    @property
    def remaining(self) -> int:
        """Contracts that have not filled."""
        return self.terms.quantity - self.filled

    @property
    def by_hand(self) -> bool:
        """Whether a person placed the order and no client owns it."""
        return self.client_id == BY_HAND

    @property
    def placed_by_hand(self) -> bool:
        """Whether a person placed the order, whoever owns it now."""
        return self.by_hand or self.sent.order_id < 0

    @property
    def shown_client_id(self) -> int:
        """The client id in messages about the order."""
        return 0 if self.by_hand else self.client_id

    @property
    def shown_order_id(self) -> int:
        """The order id in messages about the order."""
        return 0 if self.by_hand else self.sent.order_id

    @property
    def status(self) -> str:
        """The state in the words of the protocol."""
        if self.awaits_trigger and not self.cancelling:
            return "PreSubmitted"
        return "PendingCancel" if self.cancelling and self.live else _STATUS[self.state]

    @property
    def why_held(self) -> str:
        """What the order waits for, in the words of the protocol."""
        if self.state is OrderState.CHILD:
            return "child,trigger" if self.simulated else "child"
        return "trigger" if self.awaits_trigger else ""

    @property
    def awaits_trigger(self) -> bool:
        """Whether the broker still keeps the order from the exchange."""
        return self.at_exchange and self.simulated and not self.triggered

    @property
    def expires_with_session(self) -> bool:
        """Whether an order that is not at the exchange ends with the session all the same."""
        waits = self.state in (OrderState.HELD, OrderState.SENT, OrderState.CHILD)
        return waits and self.terms.tif is TimeInForce.DAY


def booked_fill(order: BrokerOrder, fact: Filled, *, number: int) -> BrokerFill:
    """Return an execution of an order that has it already; `number` counts the account's."""
    return BrokerFill(
        exec_id=f"0000e0d5.{_EXEC_ID_FIRST + number:08x}.01.01",
        contract=order.terms.contract,
        perm_id=order.perm_id,
        client_id=order.shown_client_id,
        order_id=order.shown_order_id,
        order_ref=order.sent.order_ref,
        side=order.terms.side,
        quantity=fact.quantity,
        price=fact.price,
        at=fact.at,
        aggressor=fact.aggressor,
        cumulative=order.filled,
        average_price=Decimal(order.filled_ticks) / order.filled,
    )


class OrderNews(StrEnum):
    """Why there is news of an order."""

    ACKNOWLEDGED = "acknowledged"
    CHANGED = "changed"
    CANCEL_ASKED = "cancel asked"
    ENDED = "ended"
    REJECTED = "rejected"


class BrokerListener(Protocol):
    """Whoever tells clients what happens to their orders."""

    def order_changed(self, order: BrokerOrder, news: OrderNews) -> None:
        """Tell that the broker's picture of an order changed."""
        ...

    def traded(self, order: BrokerOrder, fill: BrokerFill) -> None:
        """Tell of one execution, already booked."""
        ...

    def problem(self, client_id: int, order_id: int, *, problem: Problem) -> None:
        """Tell of an error or a notice about an order id."""
        ...


class OrderBook:
    """All orders of the account by permanent id, oldest first, and who may use which id.

    `chance` settles where the permanent ids begin.
    """

    def __init__(self, chance: random.Random) -> None:
        self._orders: dict[int, BrokerOrder] = {}
        self._live: dict[int, None] = {}
        self._perm_ids: dict[tuple[int, int], int] = {}
        self._children: dict[int, list[int]] = {}
        self._highest: dict[int, int] = {}
        self._groups: dict[str, list[int]] = {}
        self._next_perm_id = _PERM_ID_FIRST + chance.randrange(_PERM_ID_SPREAD)

    def __getitem__(self, perm_id: int) -> BrokerOrder:
        return self._orders[perm_id]

    def find(self, client_id: int, order_id: int) -> BrokerOrder | None:
        """Return the order that a client knows under an id."""
        perm_id = self._perm_ids.get((client_id, order_id))
        return None if perm_id is None else self._orders[perm_id]

    def next_id(self, client_id: int) -> int:
        """Return the lowest order id that a client may use next."""
        return self._highest.get(client_id, 0) + 1

    def claim_id(self, client_id: int, order_id: int) -> bool:
        """Use up an order id; False if it is not above every one that the client used."""
        if order_id < self.next_id(client_id):
            return False
        self._highest[client_id] = order_id
        return True

    def add(
        self, client_id: int, sent: PlaceOrder, *, terms: Terms, parent: BrokerOrder | None
    ) -> BrokerOrder:
        """Keep a new order and return it with its permanent id."""
        perm_id = self._next_perm_id
        self._next_perm_id += 1
        parent_perm_id = 0 if parent is None else parent.perm_id
        order = BrokerOrder(perm_id, client_id, sent, terms, parent_perm_id=parent_perm_id)
        self._orders[perm_id] = order
        self._live[perm_id] = None
        self._perm_ids[client_id, sent.order_id] = perm_id
        if parent is not None:
            self._children.setdefault(parent.perm_id, []).append(perm_id)
        if terms.oca_group:
            self._groups.setdefault(terms.oca_group, []).append(perm_id)
        return order

    def update(self, order: BrokerOrder, **changes: Any) -> BrokerOrder:  # noqa: ANN401 - any attribute of an order
        """Change attributes of an order and return it as it is now."""
        changed = structs.replace(self._orders[order.perm_id], **changes)
        self._orders[order.perm_id] = changed
        if not changed.live:
            self._live.pop(order.perm_id, None)
        return changed

    def bind(self, order: BrokerOrder, client_id: int, *, order_id: int) -> BrokerOrder:
        """Give an order to a client under an id of its own."""
        self._perm_ids[client_id, order_id] = order.perm_id
        sent = structs.replace(self._orders[order.perm_id].sent, order_id=order_id)
        return self.update(order, client_id=client_id, sent=sent)

    def resize(self, order: BrokerOrder, quantity: int) -> BrokerOrder:
        """Change how many contracts an order is for."""
        return self.update(order, terms=structs.replace(order.terms, quantity=quantity))

    def fill(self, order: BrokerOrder, fact: Filled) -> BrokerOrder:
        """Book an execution on its order."""
        filled = order.filled + fact.quantity
        state = OrderState.FILLED if filled >= order.terms.quantity else order.state
        return self.update(
            order,
            filled=filled,
            filled_ticks=order.filled_ticks + fact.quantity * fact.price,
            last_fill=fact.price,
            state=state,
            ended_at=fact.at if state is OrderState.FILLED else None,
        )

    def end(self, order: BrokerOrder, state: OrderState, *, why: str, at: datetime) -> BrokerOrder:
        """Take the life of an order."""
        return self.update(order, state=state, ended_why=why, ended_at=at)

    def live(self) -> list[BrokerOrder]:
        """Return the orders that may still fill, held ones included, oldest first."""
        return [self._orders[perm_id] for perm_id in self._live]

    def over(self) -> list[BrokerOrder]:
        """Return the orders that are over, oldest first."""
        return [order for order in self._orders.values() if not order.live]

    def parent(self, order: BrokerOrder) -> BrokerOrder | None:
        """Return the order whose child this is."""
        return self._orders[order.parent_perm_id] if order.parent_perm_id else None

    def children(self, order: BrokerOrder) -> list[BrokerOrder]:
        """Return the children of an order, in the order of their placing."""
        return [self._orders[perm_id] for perm_id in self._children.get(order.perm_id, [])]

    def group(self, order: BrokerOrder) -> list[BrokerOrder]:
        """Return the other orders of an order's one-cancels-all group, oldest first."""
        members = self._groups.get(order.terms.oca_group, [])
        return [self._orders[each] for each in members if each != order.perm_id]

    def active(self, con_id: int, side: Side) -> int:
        """Return how many orders of a side have arrived and may still fill."""
        waiting = (OrderState.HELD, OrderState.SENT)
        return sum(
            order.con_id == con_id and order.terms.side is side and order.state not in waiting
            for order in self.live()
        )
