"""What one connection says about orders, executions and positions, as events.

The client's objects are taken as they are (`Any`): this module reads their attributes and does
not import the client. What cannot be read is raised, never guessed: the door that the messages
came through halts the trader for it.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.orders import parse_ref
from mytrader.execution.book_questions import BookQuestions
from mytrader.execution.ib_translation import fill_report, order_report, whole
from mytrader.execution.market_data import MarketData
from mytrader.execution.order_numbers import OrderNumbers

END_STATUSES: Final = frozenset({"Filled", "Cancelled", "ApiCancelled"})
"""The statuses of orders that are over (TWS-PROTOCOL.md 7.1)."""

ORDERS_AND_FILLS: Final = frozenset(
    {"3", "4", "5", "11", "53", "55", "59", "61", "62", "101", "102"}
)
"""Messages about orders, errors, fills and positions with their ends (TWS-PROTOCOL.md 6)."""


class BrokerReports:
    """Tells every statement as one event, and hands answers to the questions they belong to."""

    def __init__(
        self,
        tell: Callable[[events.AnyEvent], None],
        questions: BookQuestions,
        *,
        market: MarketData,
        numbers: OrderNumbers,
        client_id: int,
    ) -> None:
        self._tell = tell
        self._questions = questions
        self._commissions: dict[str, Decimal] = {}
        self._market = market
        self._numbers = numbers
        self._client_id = client_id

    def order(self, contract: Any, order: Any, status: str) -> None:
        """Take an order as the broker holds it."""
        if order.orderRef and order.clientId == self._client_id:
            self._numbers.note(order.orderRef, order.orderId)
        report = order_report(self._market.contracts.get(contract.conId), order, status)
        if report is not None:
            self._tell(report)
            self._questions.add_order(report)

    def completed_order(self, contract: Any, order: Any, status: str) -> None:
        """Take one of our orders that is over; only a question about the book is told of it.

        It comes without the numbers of order and client: reference and permanent id name it. A
        status that leaves the end open, such as Inactive, says nothing and is passed over.
        """
        report = order_report(self._market.contracts.get(contract.conId), order, status)
        if report is None or status not in END_STATUSES:
            return
        if parse_ref(report.ref) is not None:
            report = replace(report, order_id=self._numbers.of(report.ref))
            self._questions.add_completed(report, whole(order.filledQuantity))

    def order_status(
        self,
        order_id: int,
        perm_id: int,
        status: str,
        *,
        filled: float,
        remaining: float,
        why_held: str,
    ) -> None:
        """Take where an order of this client stands."""
        ref = self._numbers.ref(order_id)
        self._tell(
            events.StatusReported(
                ref, order_id, perm_id, status, whole(filled), whole(remaining), why_held
            )
        )

    def execution(self, contract: Any, execution: Any, request: int) -> None:
        """Deliver a fill, live or asked for; the kernel checks at once that a stop covers it."""
        ours = self._market.contracts.get(contract.conId)
        if ours is None:
            return
        fill = fill_report(ours, execution)
        if fill is None:
            raise ValueError(f"execution {execution.execId} at {execution.price}")
        if not self._questions.add_execution(request, fill):
            self._tell(events.ExecutionReported(fill))

    def commission(self, report: Any) -> None:
        """Take what an execution cost; what was told already is not told again."""
        amount = Decimal(str(report.commission))
        if self._commissions.get(report.execId) != amount:
            self._commissions[report.execId] = amount
            self._tell(events.CommissionReported(report.execId, amount))

    def position(self, con_id: int, quantity: float) -> None:
        """Take the broker's own idea of a position."""
        if con_id not in self._market.contracts and quantity != int(quantity):
            # Shares of a stock come in fractions, futures never do.
            return
        report = events.PositionReported(con_id, whole(quantity))
        self._questions.add_position(report)
        if con_id in self._market.contracts:
            self._tell(report)
