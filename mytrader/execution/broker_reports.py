"""What one connection says about orders, executions and positions, as events.

The client's objects are taken as they are (`Any`): this module reads their attributes and does
not import the client. What cannot be read is raised, never guessed: the door that the messages
came through halts the trader for it.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mytrader.domain import events
from mytrader.execution.book_questions import BookQuestions
from mytrader.execution.ib_translation import fill_report, order_report
from mytrader.execution.market_data import MarketData
from mytrader.execution.order_numbers import OrderNumbers


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
                ref, order_id, perm_id, status, int(filled), int(remaining), why_held
            )
        )

    def execution(self, contract: Any, execution: Any, request: int) -> None:
        """Deliver a fill, live or asked for; the kernel checks at once that a stop covers it."""
        ours = self._market.contracts.get(contract.conId)
        if ours is None:
            return
        fill = fill_report(ours, execution)
        if fill is None:
            self._tell(events.Halted(f"execution {execution.execId} at {execution.price}"))
            return
        if not self._questions.add_execution(request, fill):
            self._tell(events.ExecutionReported(fill))

    def commission(self, report: Any) -> None:
        """Take what an execution cost."""
        amount = Decimal(str(report.commission))
        self._tell(events.CommissionReported(report.execId, amount))

    def position(self, con_id: int, quantity: float) -> None:
        """Take the broker's own idea of a position."""
        report = events.PositionReported(con_id, int(quantity))
        self._questions.add_position(report)
        if con_id in self._market.contracts:
            self._tell(report)
