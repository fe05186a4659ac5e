"""Parents and children: who lives, and for how much of the parent a child may work.

Whether the children of a partly filled parent work for that part, or only after the whole fill,
is not documented (TWS-PROTOCOL.md 7.3) and a switch of `faults`.
"""

from mytrader.simulator.broker_orders import BrokerOrder, OrderBook
from mytrader.simulator.faults import Faults, StopHome
from mytrader.simulator.order_types import MarketKind


class Families:
    """Answers about the relatives of orders."""

    def __init__(self, orders: OrderBook) -> None:
        self._orders = orders
        self._faults = Faults()

    @property
    def work_for_part(self) -> bool:
        """Whether children work for the filled part of a parent that is not done."""
        return self._faults.children_work_for_part

    def set_faults(self, faults: Faults) -> None:
        """Follow these switches from now on."""
        self._faults = faults

    def live_children(self, parent: BrokerOrder) -> list[BrokerOrder]:
        """Return the children that may still fill."""
        return [each for each in self._orders.children(parent) if each.live]

    def live_siblings(self, order: BrokerOrder) -> list[BrokerOrder]:
        """Return the other children of an order's parent that may still fill."""
        parent = self._orders.parent(order)
        if parent is None:
            return []
        return [each for each in self.live_children(parent) if each.perm_id != order.perm_id]

    def open_quantity(self, parent: BrokerOrder) -> int:
        """Return what the parent has opened and no child has closed."""
        closed = sum(each.filled for each in self._orders.children(parent))
        return max(parent.filled - closed, 0)

    def released(self, order: BrokerOrder) -> int | None:
        """Return how much of an order may fill in all, `None` for all of it."""
        parent = self._orders.parent(order)
        if parent is None or not parent.live or not self.work_for_part:
            return None
        return order.filled + self.open_quantity(parent)

    def simulated(self, order: BrokerOrder) -> bool:
        """Whether the broker keeps an order until its stop is reached."""
        home = self._faults.stops
        if order.terms.stop is None or home is StopHome.EXCHANGE:
            return False
        return home is StopHome.BROKER or order.terms.kind is MarketKind.STP
