"""Asking the broker for its whole book, and knowing when the answer is complete.

Open orders, then completed ones, then executions, then positions: an order that ends meanwhile is
in both lists, never in neither, and fills arrive before what they moved. Completed orders are a
whole day's: they are asked for only while an order of an open trade is not among the open ones,
and a complete answer of this connection has not told how it ended. Only executions
carry the number of the question; for the others end markers are counted (`question`). An answer
without its end marker is `Unknown`, never "empty".

A completed order counts only where the executions of the same answer add up to what it says was
filled: otherwise a fill is missing somewhere, and the order's end proves nothing yet.

An end marker that is lost would leave the count behind for the rest of the connection, and the
book unknown with it. A broker answers one connection in order: when a question for executions is
answered that was put after the wait for an end marker was over, that marker will not come.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from mytrader.domain.events import Book, OrderReported, PositionReported
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.execution.order_numbers import OrderNumbers
from mytrader.execution.question import Question

BOOK_TIMEOUT_S: Final = 1.0
"""For each of the four questions, on the event loop's clock: a wire takes real time.

On the clock of a gateway that runs sixty times as fast it would be 17 ms. The client holds
messages back when there are too many; questions that are given up and asked anew are what makes
them too many, and then no answer is ever in time.
"""


class Requests(Struct, frozen=True):
    """How the four questions are put; `executions` returns the number of its question."""

    orders: Callable[[], None]
    completed: Callable[[], None]
    executions: Callable[[], int]
    positions: Callable[[], None]


class BookQuestions:
    """Collects the broker's answers about one connection's book.

    The client itself asks for orders, open and completed, and positions once while it connects.
    """

    def __init__(self, numbers: OrderNumbers) -> None:
        self._numbers = numbers
        self._ended: set[str] = set()
        self._orders = Question(asked=1)
        self._completed = Question(asked=1)
        self._positions = Question(asked=1)
        self._positions_given_up = False
        self._spoiled = False
        self._executions: dict[int, tuple[list[Execution], asyncio.Future[list[Any]]]] = {}

    # What the wire says

    def add_order(self, report: OrderReported) -> None:
        """Take one order of an answer."""
        self._orders.add(report)

    def end_orders(self) -> None:
        """Take the end marker of the orders."""
        self._orders.end()

    def add_completed(self, report: OrderReported, filled: int) -> None:
        """Take one completed order of an answer and how many of its contracts were filled."""
        self._completed.add((report, filled))

    def end_completed(self) -> None:
        """Take the end marker of the completed orders."""
        self._completed.end()

    def spoil(self) -> None:
        """Take that a message could not be read: the answer under way is not complete."""
        self._spoiled = True

    def add_position(self, report: PositionReported) -> None:
        """Take one position of an answer."""
        self._positions.add(report)

    def end_positions(self) -> None:
        """Take the end marker of the positions."""
        self._positions.end()

    def add_execution(self, request: int, fill: Execution) -> bool:
        """Take an execution if `request` is a question of ours; False if it is news."""
        asked = self._executions.get(request)
        if asked is not None:
            asked[0].append(fill)
        return asked is not None

    def end_executions(self, request: int) -> None:
        """Take the end marker of one question for executions."""
        asked = self._executions.get(request)
        if asked is not None and not asked[1].done():
            asked[1].set_result(list(asked[0]))

    # What we ask

    async def ask(self, requests: Requests) -> Known[Book] | Unknown:
        """Return the whole book, or why it is not known; fails never."""
        try:
            return await self._ask(requests)
        except (ConnectionError, TimeoutError) as error:
            return Unknown(f"{type(error).__name__}: {error}")

    async def _ask(self, requests: Requests) -> Known[Book] | Unknown:
        self._spoiled = False
        orders = await self._answer(self._orders, requests.orders)
        completed: list[Any] | None = []
        if orders is None or self._unaccounted(orders):
            completed = await self._answer(self._completed, requests.completed)
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        request = requests.executions()
        self._executions[request] = ([], done)
        executions = await self._within(done)
        del self._executions[request]
        if executions is not None:
            self._forgive(orders_lost=orders is None, completed_lost=completed is None)
        positions = await self._answer(self._positions, requests.positions)
        self._positions_given_up = positions is None
        if orders is None or completed is None or executions is None or positions is None:
            return Unknown("an end marker did not arrive in time")
        if self._spoiled:
            return Unknown("a message of the broker could not be read")
        ended = _agreeing(completed, executions)
        self._ended.update(report.ref for report in ended)
        return Known(Book((*orders, *ended), tuple(executions), tuple(positions)))

    def _unaccounted(self, orders: list[OrderReported]) -> set[str]:
        """Return the orders of open trades that are not listed, and whose end was not told."""
        listed = {report.ref for report in orders}
        self._ended -= listed
        return self._numbers.unfinished - listed - self._ended

    async def _answer(self, question: Question, put: Callable[[], None]) -> list[Any] | None:
        """Put a question that carries no number and wait; `None` when it takes too long."""
        waiter = question.ask()
        put()
        return await self._within(waiter)

    def _forgive(self, *, orders_lost: bool, completed_lost: bool) -> None:
        """Stop waiting for end markers that would have come before the answer just taken."""
        if orders_lost:
            self._orders.forgive()
        if completed_lost:
            self._completed.forgive()
        if self._positions_given_up:
            self._positions.forgive()

    async def _within(self, answer: asyncio.Future[list[Any]]) -> list[Any] | None:
        """Wait for an answer; `None` when it takes too long."""

        def give_up() -> None:
            if not answer.done():
                answer.cancel()

        timer = asyncio.get_running_loop().call_later(BOOK_TIMEOUT_S, give_up)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if not answer.cancelled():
                raise
            return None
        finally:
            timer.cancel()


def _agreeing(
    completed: list[tuple[OrderReported, int]], executions: list[Execution]
) -> list[OrderReported]:
    """Return the completed orders whose fills are all among the executions.

    A correction replaces the execution whose id differs only after the last period.
    """
    latest = {fill.exec_id.rpartition(".")[0] or fill.exec_id: fill for fill in executions}
    filled: Counter[str] = Counter()
    for fill in latest.values():
        filled[fill.ref] += fill.quantity
    return [report for report, quantity in completed if filled[report.ref] == quantity]
