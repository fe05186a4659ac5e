"""One-cancels-all groups: what a fill of one order does to the others, and when.

| type | the others are | a second fill before that |
| ---- | -------------- | ------------------------- |
| 1 | cancelled | impossible: with block |
| 2 | reduced in proportion | impossible: with block |
| 3 | reduced in proportion, once the broker's word has reached the exchange | possible |

With block only one order of the group is at the market at a time (SAFETY.md B2). A reduction is
rounded up, so that the group never holds more than is left to do; an order with nothing left is
cancelled. Two faults break the block (`faults`): the others are told later, or fill at once.
Cancelling one order of a group by hand leaves the others; bracket children are siblings as well,
and those go together. To be confirmed on a paper account, as TWS-PROTOCOL.md 7.3 says.
"""

from datetime import timedelta

from msgspec import Struct

from mytrader.simulator.broker_orders import BrokerOrder, OrderBook, OrderState
from mytrader.simulator.faults import Faults
from mytrader.simulator.order_rules import OcaType


class Effect(Struct, frozen=True):
    """What a fill does to one other order: it loses `by` contracts, or all it has (`None`)."""

    perm_id: int
    by: int | None
    delay: timedelta


class OcaGroups:
    """Knows what a fill means for the rest of its group; the broker carries it out."""

    def __init__(self, orders: OrderBook, faults: Faults, latency: timedelta) -> None:
        self._orders = orders
        self._faults = faults
        self._latency = latency
        self._double_fills_left = faults.both_oca_legs_fill

    def set_faults(self, faults: Faults) -> None:
        """Commit these faults from now on."""
        self._faults = faults
        self._double_fills_left = faults.both_oca_legs_fill

    def block(self, order: BrokerOrder) -> str:
        """Return the name under which the exchange blocks an order, "" if it does not."""
        terms = order.terms
        if not terms.oca_group:
            return f"children of {order.parent_perm_id}" if order.parent_perm_id else ""
        unblocked = self._delay(terms.oca_type) or self._faults.both_oca_legs_fill
        return "" if unblocked else f"group {terms.oca_group}"

    def over(self, order: BrokerOrder) -> bool:
        """Whether the group that an order wants to join has done what it was for."""
        for other in self._orders.group(order):
            cancels = other.terms.oca_type is OcaType.CANCEL_WITH_BLOCK
            if other.state is OrderState.FILLED or (cancels and other.filled):
                return True
        return False

    def also_filled(self, order: BrokerOrder) -> BrokerOrder | None:
        """Return the order that a broken block fills with this one, `None` where it holds."""
        working = [e for e in self._orders.group(order) if e.state is OrderState.WORKING]
        if not working or not self._double_fills_left:
            return None
        self._double_fills_left -= 1
        return working[0]

    def effects(self, order: BrokerOrder, quantity: int) -> list[Effect]:
        """Return what a fill of an order does to the others of its group."""
        cancels = order.terms.oca_type is OcaType.CANCEL_WITH_BLOCK
        delay, before = self._delay(order.terms.oca_type), order.remaining + quantity
        return [
            Effect(
                other.perm_id, None if cancels else -(-quantity * other.remaining // before), delay
            )
            for other in self._orders.group(order)
            if other.live
        ]

    def _delay(self, kind: OcaType) -> timedelta:
        if kind is OcaType.REDUCE_WITHOUT_BLOCK:
            return self._latency + self._faults.oca_cancel_delay
        return self._faults.oca_cancel_delay
