"""What the tests of the exchange trade with: a venue seen from one side, and a judge."""

from datetime import UTC, datetime

from mytrader.domain.orders import OrderKind, Side
from mytrader.simulator.market import MarketTick
from mytrader.simulator.matching import (
    Accepted,
    Cancelled,
    ExchangeOrder,
    Fact,
    Filled,
    Matching,
    Refused,
    Triggered,
)

AT = datetime(2025, 12, 12, 16, 0, tzinfo=UTC)


class Venue:
    """A `Matching` seen from one side of the market: prices are distances from 1000.

    For a seller the market is turned upside down, so one test states a rule for both sides.
    """

    def __init__(self, side: Side, at: datetime = AT) -> None:
        self.side = side
        self.at = at
        self.matching = Matching()

    def price(self, distance: int) -> int:
        """Return the price at a distance that is bad for the trader when positive."""
        return 1000 + self.side.sign * distance

    def order(self, limit: int, stop: int | None = None, *, quantity: int = 1) -> ExchangeOrder:
        """Return order 1; a stop makes it a stop-limit."""
        return ExchangeOrder(
            order_id=1,
            side=self.side,
            quantity=quantity,
            kind=OrderKind.LMT if stop is None else OrderKind.STP_LMT,
            limit=self.price(limit),
            stop=None if stop is None else self.price(stop),
        )

    def submit(self, order: ExchangeOrder) -> list[Fact]:
        """Send an order."""
        return self.matching.submit(order, self.at)

    def replace(self, order: ExchangeOrder) -> list[Fact]:
        """Change an order."""
        return self.matching.replace(order, self.at)

    def tick(self, touch: int, last: int | None = None, *, size: int = 10) -> list[Fact]:
        """Move the price that we would take to `touch`; the other side is one tick better."""
        near, far = self.price(touch), self.price(touch - 1)
        traded = self.price(touch if last is None else last)
        return self.matching.advance(
            MarketTick(self.at, min(near, far), max(near, far), traded, size)
        )

    def fill(self, price: int, quantity: int = 1, *, aggressor: bool) -> Filled:
        """Return the fact of a fill of order 1."""
        return Filled(1, quantity, self.price(price), self.at, aggressor)


class Judge:
    """Believes the requests and the facts alone, and objects to any impossible fact."""

    def __init__(self) -> None:
        self.orders: dict[int, ExchangeOrder] = {}
        self.filled: dict[int, int] = {}
        self.triggered: set[int] = set()
        self.dead: set[int] = set()

    def hear(self, asked: ExchangeOrder | None, fact: Fact) -> None:
        """Check one fact."""
        if isinstance(fact, Refused):
            return
        assert fact.order_id not in self.dead, "nothing happens to an order that has ended"
        if isinstance(fact, Accepted):
            assert asked is not None
            self.orders[fact.order_id] = asked
        elif isinstance(fact, Triggered):
            assert fact.order_id not in self.triggered
            self.triggered.add(fact.order_id)
        elif isinstance(fact, Cancelled):
            self.dead.add(fact.order_id)
        else:
            self._fill(fact)

    def _fill(self, fact: Filled) -> None:
        order = self.orders[fact.order_id]
        assert fact.quantity > 0
        assert order.side.sign * (order.limit - fact.price) >= 0, "never worse than the limit"
        assert order.kind is OrderKind.LMT or fact.order_id in self.triggered
        total = self.filled.get(fact.order_id, 0) + fact.quantity
        assert total <= order.quantity, "never more than the quantity"
        self.filled[fact.order_id] = total
        if total == order.quantity:
            self.dead.add(fact.order_id)
