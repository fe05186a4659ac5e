"""What the broker and the exchange refuse of an order that is well-formed: 201, with a reason."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from mytrader.domain.orders import OrderKind
from mytrader.domain.price_limits import price_limits
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.simulator import order_rules as rules
from mytrader.simulator.broker_orders import BrokerOrder, OrderBook, OrderState
from mytrader.simulator.faults import Faults
from mytrader.simulator.ledger import Ledger
from mytrader.simulator.margins import account_margin_usd, initial_margin_usd
from mytrader.simulator.oca_groups import OcaGroups
from mytrader.simulator.order_rules import Problem, Terms
from mytrader.simulator.order_types import LIMITED

SettlementOf = Callable[[int], int | None]
"""The last settlement of a contract id in ticks, `None` while there is none."""
_BEYOND: Final = "the price is beyond the exchange's price limits"
_CENT: Final = Decimal("0.01")


class Admission:
    """Looks at an order when it arrives, and at a change when it does."""

    def __init__(self, orders: OrderBook, ledger: Ledger, groups: OcaGroups) -> None:
        self._faults = Faults()
        self._child_stops_to_reject = 0
        self._doomed: dict[tuple[int, int], Problem] = {}
        self.settlement_of: SettlementOf = lambda _: None
        self._orders = orders
        self._ledger = ledger
        self._groups = groups

    def set_faults(self, faults: Faults) -> None:
        """Commit these faults from now on."""
        self._faults = faults
        self._child_stops_to_reject = faults.reject_child_stops

    def doom(self, client_id: int, order_id: int, *, problem: Problem) -> None:
        """Refuse an order, or its next change, for this reason when it arrives."""
        self._doomed[client_id, order_id] = problem

    def _doom_of(self, order: BrokerOrder) -> Problem | None:
        return self._doomed.pop((order.client_id, order.sent.order_id), None)

    def problem(
        self, order: BrokerOrder, *, now: datetime, marks: dict[int, int]
    ) -> Problem | None:
        """Return why there is no place for an order, `None` if there is; `marks` is in ticks."""
        doom = self._doom_of(order)
        if doom is not None:
            return doom
        if self._groups.over(order):
            return _rejected("the OCA group is already filled")
        if self._orders.active(order.con_id, order.terms.side) >= rules.ACTIVE_ORDERS_MAX:
            most = rules.ACTIVE_ORDERS_MAX
            return _rejected(f"more than {most} active orders per side and contract")
        if self._beyond_limits(order.terms, now):
            return _rejected(_BEYOND)
        if self._rejects_child(order):
            return _rejected("simulated rejection")
        return self._unaffordable(order, order.terms, marks)

    def change_problem(
        self, order: BrokerOrder, terms: Terms, *, now: datetime, marks: dict[int, int]
    ) -> Problem | None:
        """Return why a live order cannot be changed to `terms`, `None` if it can."""
        doom = self._doom_of(order)
        if doom is not None:
            return doom
        if self._beyond_limits(terms, now) and not self._beyond_limits(order.terms, now):
            return _rejected(_BEYOND)
        if self._refuses_stop(order, terms, marks):
            return _rejected("stop would trigger at once")
        if terms.quantity > order.terms.quantity:
            return self._unaffordable(order, terms, marks)
        return None

    def _refuses_stop(self, order: BrokerOrder, terms: Terms, marks: dict[int, int]) -> bool:
        if not self._faults.refuse_marketable_stop_changes or not order.at_exchange:
            return False
        return rules.marketable_stop(terms, marks.get(order.con_id))

    def _rejects_child(self, order: BrokerOrder) -> bool:
        is_stop = order.terms.kind is OrderKind.STP_LMT and order.parent_perm_id != 0
        if not is_stop or not self._child_stops_to_reject:
            return False
        self._child_stops_to_reject -= 1
        return True

    def _beyond_limits(self, terms: Terms, now: datetime) -> bool:
        settlement = self.settlement_of(terms.contract.con_id)
        if settlement is None or settlement <= 0 or terms.kind not in LIMITED:
            return False
        local = now.astimezone(EXCHANGE_ZONE)
        low, high = price_limits(settlement, local.hour * 60 + local.minute)
        return terms.limit < low or (high is not None and terms.limit > high)

    def _unaffordable(
        self, order: BrokerOrder, terms: Terms, marks: dict[int, int]
    ) -> Problem | None:
        """Ask for the margin of the position that the order would lead to, were it all.

        A child only closes what its parent opens, and is not asked.
        """
        if order.parent_perm_id:
            return None
        ledger = self._ledger
        held = ledger.position(order.con_id)
        then = held + terms.side.sign * (terms.quantity - order.filled)
        if abs(then) <= abs(held):
            return None
        instrument = terms.contract.instrument
        change = initial_margin_usd(instrument, then) - initial_margin_usd(instrument, held)
        needed = account_margin_usd(ledger) + change
        equity = ledger.cash_usd + ledger.unrealised_usd(marks)
        if needed <= equity:
            return None
        return _rejected(
            "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH "
            f"LOAN VALUE [{equity.quantize(_CENT)} USD] MUST EXCEED THE INITIAL MARGIN "
            f"[{needed.quantize(_CENT)} USD]"
        )


def _rejected(reason: str) -> Problem:
    return Problem(rules.ORDER_REJECTED, f"Order rejected - reason:{reason}")


def late_change(order: BrokerOrder) -> Problem | None:
    """Return why an order is past changing, `None` while it lives."""
    if order.state is OrderState.FILLED:
        return Problem(rules.MODIFY_FILLED, "Cannot modify a filled order.")
    if not order.live:
        return Problem(rules.DUPLICATE_ID, "Duplicate order id")
    return None


def cancel_problem(order_id: int, order: BrokerOrder | None) -> Problem:
    """Return the answer to a wish to cancel what is over or was never there (`None`)."""
    text = f"OrderId {order_id} that needs to be cancelled"
    if order is None:
        return Problem(rules.CANCEL_UNKNOWN, f"{text} is not found.")
    return Problem(rules.CANCEL_TOO_LATE, f"{text} cannot be cancelled, state: {order.status}.")
