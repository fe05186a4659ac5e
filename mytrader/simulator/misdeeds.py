"""What happens to orders and executions where a fault says so, and not because anybody asked."""

from datetime import datetime

from mytrader.simulator.broker import Broker
from mytrader.simulator.broker_orders import OrderState


class Misdeeds:
    """Does them to one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def lose_untransmitted(self) -> None:
        """Forget what was never transmitted, as a gateway does that restarts. Nobody is told."""
        orders = self._broker.orders
        for order in orders.live():
            if order.state is OrderState.HELD:
                why = "the gateway was restarted"
                orders.end(order, OrderState.CANCELLED, why=why, at=self._now)

    def fill_now(self, client_id: int, order_id: int) -> None:
        """Fill the rest of an order at its limit wherever the market is, if it works."""
        order = self._broker.orders.find(client_id, order_id)
        if order is not None and order.state is OrderState.WORKING:
            floor = self._broker.floor
            self._broker.apply(floor.fill_whole(order.con_id, order.perm_id, self._now))

    def correct(self, exec_id: str, ticks: int) -> None:
        """Correct the price of an execution, in the account and with its client."""
        fill = self._broker.ledger.correct(exec_id, ticks)
        if fill is not None:
            orders = self._broker.orders
            order = orders[fill.perm_id]
            summed = order.filled_ticks + ticks * fill.quantity
            self._broker.listener.traded(orders.update(order, filled_ticks=summed), fill)

    def bust(self, exec_id: str) -> None:
        """Take an execution back: the account is what it would be without it."""
        self._broker.ledger.bust(exec_id)

    @property
    def _now(self) -> datetime:
        return self._broker.now()
