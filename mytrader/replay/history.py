"""The common shape of a recorded day: what was placed, filled, reported and said, in order.

A source (a text log, an order history) becomes a `History`: a sequence of facts in the order in
which they happened. Whoever asks what was known when an order went out takes the facts before
that order and folds them; nothing that came later can leak in. Recorded prices stay `Decimal`
points, because an order may have been off the grid; fills are whole ticks.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from mytrader.domain.decision import Opinion
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.orders import Side
from mytrader.errors import BadInput

ORDERS_NAMED_MAX = 12
"""So many order ids are listed in an error message; of more, only the range is named."""


class Leg(StrEnum):
    """The two protective legs of a bracket."""

    STOP = "stop"
    TARGET = "target"


class Fact(Struct, frozen=True, tag_field="kind"):
    """Something that the source recorded; `at` is aware UTC."""

    at: datetime


class Placed(Fact, frozen=True, tag="placed"):
    """An order went out.

    Prices are index points, `None` where the source names none. `leg` says which leg of the
    bracket of order `parent_id` it is.
    """

    order_id: int
    symbol: str
    side: Side
    quantity: int
    order_type: str
    limit: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    parent_id: int | None = None
    leg: Leg | None = None


class Filled(Fact, frozen=True, tag="filled"):
    """An execution: price in ticks, quantity in contracts."""

    order_id: int
    symbol: str
    side: Side
    quantity: int
    price: int


class Reported(Fact, frozen=True, tag="reported"):
    """The broker's report of a position, signed contracts."""

    symbol: str
    quantity: int


class Signalled(Fact, frozen=True, tag="signalled"):
    """What a strategy said; confidence 0 to 1, `None` where the source names none.

    `action` is the source's word: BUY, SELL, or another such as HOLD.
    """

    action: str
    confidence: float | None
    trend: str = ""
    volatility: str = ""


class Advised(Fact, frozen=True, tag="advised"):
    """An advisor's answer to the newest signal."""

    opinion: Opinion


class StatusSeen(Fact, frozen=True, tag="status"):
    """The broker's word on an order; `filled` is what that word claims, in contracts."""

    order_id: int
    status: str
    filled: int


class LinkLost(Fact, frozen=True, tag="link_lost"):
    """The broker could not be heard: positions count as unconfirmed until the next report."""


class Doubtful(Fact, frozen=True, tag="doubtful"):
    """Something about fills could not be read; from here on the position is unknown."""

    why: str


AnyFact = Placed | Filled | Reported | Signalled | Advised | StatusSeen | LinkLost | Doubtful


class History(Struct, frozen=True):
    """One source's facts, oldest first. `name` is the file; `kind` says what it is."""

    name: str
    kind: str
    facts: tuple[AnyFact, ...]

    @property
    def orders(self) -> tuple[Placed, ...]:
        """Every order, in the order of placing."""
        return tuple(fact for fact in self.facts if isinstance(fact, Placed))

    @property
    def fills(self) -> tuple[Filled, ...]:
        """Every execution, oldest first."""
        return tuple(fact for fact in self.facts if isinstance(fact, Filled))

    @property
    def doubts(self) -> tuple[Doubtful, ...]:
        """Everything about fills that could not be read."""
        return tuple(fact for fact in self.facts if isinstance(fact, Doubtful))

    def order(self, order_id: int) -> Placed:
        """Return one order.

        Raises `BadInput` when the source does not hold it, or holds it more than once.
        """
        found = [order for order in self.orders if order.order_id == order_id]
        if len(found) > 1:
            raise BadInput(
                f"order id {order_id} was issued {len(found)} times in {self.name}: "
                "cut the file so that it holds one of them"
            )
        if not found:
            raise BadInput(f"order {order_id} is not in {self.name}, {self._holdings()}")
        return found[0]

    def before(self, order: Placed) -> tuple[AnyFact, ...]:
        """Return the facts that had happened when `order` went out."""
        return self.facts[: self.facts.index(order)]

    def children(self, order_id: int) -> tuple[Placed, ...]:
        """Return the recorded bracket legs of an order."""
        return tuple(order for order in self.orders if order.parent_id == order_id)

    def last_status(self, order_id: int) -> str:
        """Return the broker's last recorded word on an order, empty if there is none."""
        words = [
            fact.status
            for fact in self.facts
            if isinstance(fact, StatusSeen) and fact.order_id == order_id
        ]
        return words[-1] if words else ""

    def _holdings(self) -> str:
        ids = sorted({order.order_id for order in self.orders})
        if not ids:
            return "which holds no orders: give the log or order history of that day"
        if len(ids) <= ORDERS_NAMED_MAX:
            return f"which holds the orders {', '.join(map(str, ids))}"
        return f"which holds {len(ids)} orders from {ids[0]} to {ids[-1]}"


def instrument_of(symbol: str, name: str) -> Instrument:
    """Return what is known of a future; raises `BadInput` naming the file for any other."""
    instrument = INSTRUMENTS.get(symbol)
    if instrument is None:
        known = ", ".join(sorted(INSTRUMENTS))
        raise BadInput(f"{name} trades {symbol!r}, which is none of {known}: cannot tell")
    return instrument
