"""Orders that a person places at the gateway's own window, and client 0, which may own them.

Until they are bound they have order id 0 and no client may change or cancel them but by a global
cancel. Client 0 binds them by asking for its open orders, or at once if it asked for that; they
then have negative ids of its own (TWS-PROTOCOL.md 7.6).
"""

from decimal import Decimal

from mytrader.domain.instrument import FuturesContract
from mytrader.domain.orders import OrderKind, Side, TimeInForce
from mytrader.simulator.broker import Broker
from mytrader.simulator.broker_orders import BY_HAND, BrokerOrder
from mytrader.simulator.order_types import MarketKind
from mytrader.tws.contracts import WireContract
from mytrader.tws.fields import Message
from mytrader.tws.order_answers import OrderBound
from mytrader.tws.place_order import PlaceOrder

OWNER = 0
"""The client that may own orders placed by hand."""


class HandOrders:
    """The window's orders. `binds_at_once` is client 0's wish to own new ones."""

    def __init__(self, broker: Broker) -> None:
        self.binds_at_once = False
        self._broker = broker
        self._bound = 0

    def place(
        self, contract: FuturesContract, side: Side, quantity: int, *, limit: int | None = None
    ) -> BrokerOrder:
        """Place an order as a person does; `limit` is in ticks, without one it is a market order.

        Returns it as it was sent.
        """
        number = self._broker.orders.next_id(BY_HAND)
        priced = None if limit is None else contract.instrument.price(limit)
        sent = PlaceOrder(
            number,
            WireContract(con_id=contract.con_id),
            action=side,
            quantity=Decimal(quantity),
            order_type=MarketKind.MKT if limit is None else OrderKind.LMT,
            limit_price=priced,
            tif=TimeInForce.GTC,
            outside_rth=limit is not None,
        )
        self._broker.place(BY_HAND, sent)
        order = self._broker.orders.find(BY_HAND, number)
        if order is None:
            raise ValueError(
                f"{side} {quantity} {contract.local_symbol} is no order that is taken"
            )
        return order

    def bind(self) -> list[Message]:
        """Give client 0 all live orders that are not bound, and return what it hears of that."""
        messages: list[Message] = []
        for order in self._broker.orders.live():
            if order.by_hand:
                self._bound += 1
                bound = self._broker.orders.bind(order, OWNER, order_id=-self._bound)
                messages.append(OrderBound(bound.perm_id, OWNER, bound.sent.order_id))
        return messages
