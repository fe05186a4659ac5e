"""Orders, changes and cancels on their way to one connection's socket.

The client is taken as it is (`Any`): this module calls a handful of its methods and does not
import it. What could not be written is said, and nothing of it was sent.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from mytrader.domain.commands import AskMargin
from mytrader.domain.events import AnyEvent, OrderNotWritten, OrderWritten
from mytrader.domain.orders import Bracket, OrderSpec
from mytrader.execution.ib_translation import margin_fields, order_fields
from mytrader.execution.market_data import MarketData
from mytrader.execution.order_numbers import OrderNumbers

DOWN: Final = "LINK_DOWN"


class OrderWriter:
    """Writes through `client`; `make_order` makes the client's order from fields."""

    def __init__(
        self,
        client: Any,
        make_order: Callable[..., Any],
        *,
        market: MarketData,
        numbers: OrderNumbers,
        tell: Callable[[AnyEvent], None],
    ) -> None:
        self._client = client
        self._make_order = make_order
        self._market = market
        self._numbers = numbers
        self._tell = tell

    def place_bracket(self, bracket: Bracket) -> None:
        """Write each lot's family, the parent held back until its last leg transmits all."""
        for entry, *children in bracket.lots:
            parent_id = self.write(entry, action="place")
            for child in children:
                if parent_id:
                    self.write(child, action="place", parent_id=parent_id)
                else:
                    self._not_written(child.ref, "place", code=DOWN, detail="no parent was sent")

    def number(self, specs: Iterable[OrderSpec]) -> tuple[tuple[str, int], ...]:
        """Give new orders their numbers, by reference; none while the link is down."""
        if not self._client.isReady():
            return ()
        fresh = [spec.ref for spec in specs if not self._numbers.of(spec.ref)]
        for ref in fresh:
            self._numbers.reserve(ref, self._client.getReqId())
        return tuple((ref, self._numbers.of(ref)) for ref in fresh)

    def write(self, spec: OrderSpec, *, action: str, parent_id: int = 0) -> int:
        """Hand one order to the socket; returns its id, 0 if nothing was written."""
        contract = self._market.stated.get(spec.con_id)
        reserved = self._numbers.take(spec.ref)
        known = 0 if reserved else self._numbers.of(spec.ref)
        if contract is None or not self._client.isReady():
            return self._not_written(spec.ref, action, code=DOWN, detail="the link is down")
        if (action == "change") != bool(known):
            return self._not_written(spec.ref, action, code="ORDER_ID", detail=f"order id {known}")
        order_id: int = known or reserved or self._client.getReqId()
        self._numbers.note(spec.ref, order_id)
        fields = order_fields(self._market.contracts[spec.con_id].instrument, spec)
        order = self._make_order(orderId=order_id, parentId=parent_id, **fields)
        self._client.placeOrder(order_id, contract, order)
        self._tell(OrderWritten(spec.ref, order_id, action))
        return order_id

    def ask_margin(self, asked: AskMargin) -> int:
        """Ask what an order would do to the margin; returns the question's number, 0 if unasked.

        The number is a request's: it is nobody's order, and no order is ever written under it.
        """
        contract = self._market.stated.get(asked.con_id)
        if contract is None or not self._client.isReady():
            return 0
        number: int = self._client.getReqId()
        fields = margin_fields(self._market.contracts[asked.con_id].instrument, asked)
        order = self._make_order(orderId=number, **fields)
        self._client.placeOrder(number, contract, order)
        return number

    def cancel(self, ref: str) -> None:
        """Write the wish to cancel one order."""
        order_id = self._numbers.of(ref)
        if not self._client.isReady():
            self._not_written(ref, "cancel", code=DOWN, detail="the link is down")
            return
        if not order_id:
            self._not_written(ref, "cancel", code="ORDER_ID", detail="its number is not known")
            return
        self._client.cancelOrder(order_id, "")
        self._tell(OrderWritten(ref, order_id, "cancel"))

    def _not_written(self, ref: str, action: str, *, code: str, detail: str) -> int:
        self._tell(OrderNotWritten(ref, action, code, detail))
        return 0
