"""The whole book: complete with every end marker, unknown without."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from mytrader.domain.events import Book, OrderReported, PositionReported
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.orders import Side
from mytrader.execution.book_questions import BookQuestions, Requests
from mytrader.execution.order_numbers import OrderNumbers
from mytrader.simulator.virtual_time import VirtualLoop, run_virtual

EPOCH = datetime(2025, 12, 12, 15, tzinfo=UTC)
POSITION = PositionReported(1, 2)
FILL = Execution("0001", "mt/x/E1", 7, 70, 1, Side.BUY, 1, 27600, EPOCH)
REQUEST = 9
ENDED = OrderReported(
    ref=FILL.ref,
    order_id=7,
    perm_id=70,
    client_id=0,
    con_id=1,
    side=Side.BUY,
    quantity=1,
    order_type="LMT",
    limit=27600,
    stop=None,
    tif="GTC",
    outside_rth=True,
    trigger_method=2,
    parent_id=0,
    status="Filled",
)
BOOK = Book((ENDED,), (FILL,), (POSITION,))


def waiting_for(*refs: str) -> OrderNumbers:
    """Return the numbers of orders of a trade that is open."""
    numbers = OrderNumbers()
    numbers.remember({ref: 7 + place for place, ref in enumerate(refs)})
    return numbers


def end_what_the_client_asked(questions: BookQuestions) -> None:
    """End what the client itself asks for while it connects."""
    questions.end_orders()
    questions.end_completed()
    questions.end_positions()


class Broker:
    """Answers every question at once, but for those in `silent`."""

    def __init__(self, questions: BookQuestions, silent: frozenset[str]) -> None:
        self._questions = questions
        self._silent = silent
        self.asked: list[str] = []
        self.filled = FILL.quantity
        self.open: list[OrderReported] = []
        self.fills = [FILL]

    def orders(self) -> None:
        """Answer with the open ones."""
        self.asked.append("orders")
        for report in self.open:
            self._questions.add_order(report)
        if "orders" not in self._silent:
            self._questions.end_orders()

    def completed(self) -> None:
        """Answer with one order that is over."""
        self.asked.append("completed")
        self._questions.add_completed(ENDED, self.filled)
        if "completed" not in self._silent:
            self._questions.end_completed()

    def executions(self) -> int:
        """Answer with one fill, a moment later as a wire does."""
        self.asked.append("executions")
        asyncio.get_running_loop().call_soon(self._answer_executions)
        return REQUEST

    def _answer_executions(self) -> None:
        for fill in self.fills:
            assert self._questions.add_execution(REQUEST, fill), "asked for"
        assert not self._questions.add_execution(REQUEST + 1, FILL), "news"
        if "executions" not in self._silent:
            self._questions.end_executions(REQUEST)

    def positions(self) -> None:
        """Answer with one position."""
        self.asked.append("positions")
        self._questions.add_position(POSITION)
        if "positions" not in self._silent:
            self._questions.end_positions()

    def gone(self) -> None:
        """Fail as a closed connection does."""
        raise ConnectionError("Not connected")


def ask(*silent: str, gone: bool = False) -> tuple[Known[Book] | Unknown, list[str]]:
    """Put the three questions to a broker after its client has connected."""

    async def main(loop: VirtualLoop) -> tuple[Known[Book] | Unknown, list[str]]:
        del loop
        questions = BookQuestions(waiting_for(FILL.ref))
        end_what_the_client_asked(questions)
        broker = Broker(questions, frozenset(silent))
        requests = Requests(
            broker.gone if gone else broker.orders,
            broker.completed,
            broker.executions,
            broker.positions,
        )
        answer: Coroutine[Any, Any, Known[Book] | Unknown] = questions.ask(requests)
        return await answer, broker.asked

    return run_virtual(main, epoch=EPOCH)


def test_a_complete_answer_is_known_and_positions_are_asked_last() -> None:
    answer, asked = ask()
    assert answer == Known(BOOK)
    assert asked == ["orders", "completed", "executions", "positions"]


@pytest.mark.parametrize("silent", ["orders", "completed", "executions", "positions"])
def test_an_answer_without_its_end_marker_is_unknown(silent: str) -> None:
    answer, asked = ask(silent)
    assert answer == Unknown("an end marker did not arrive in time")
    assert asked == ["orders", "completed", "executions", "positions"], (
        "the others are still asked"
    )


@pytest.mark.parametrize(
    ("silent", "then"),
    [
        (("orders",), Known(BOOK)),
        (("completed",), Known(BOOK)),
        (("positions",), Known(BOOK)),
        (("orders", "executions"), Unknown("an end marker did not arrive in time")),
    ],
)
def test_a_lost_end_marker_is_not_waited_for_once_a_later_question_was_answered(
    silent: tuple[str, ...], then: Known[Book] | Unknown
) -> None:
    """Without that answer nobody can say whether it is lost or late: the book stays unknown."""

    async def main(loop: VirtualLoop) -> Known[Book] | Unknown:
        del loop
        questions = BookQuestions(waiting_for(FILL.ref))
        end_what_the_client_asked(questions)
        for quiet in (frozenset(silent), frozenset[str]()):
            broker = Broker(questions, quiet)
            answer = await questions.ask(
                Requests(broker.orders, broker.completed, broker.executions, broker.positions)
            )
        return answer

    assert run_virtual(main, epoch=EPOCH) == then


def test_a_closed_connection_is_unknown() -> None:
    answer, _ = ask(gone=True)
    assert answer == Unknown("ConnectionError: Not connected")


def asked_with(prepare: Callable[[BookQuestions, Broker], None]) -> Known[Book] | Unknown:
    """Put the four questions after `prepare` has had its way with the broker."""

    async def main(loop: VirtualLoop) -> Known[Book] | Unknown:
        del loop
        questions = BookQuestions(waiting_for(FILL.ref))
        end_what_the_client_asked(questions)
        broker = Broker(questions, frozenset())
        prepare(questions, broker)
        return await questions.ask(
            Requests(broker.orders, broker.completed, broker.executions, broker.positions)
        )

    return run_virtual(main, epoch=EPOCH)


@pytest.mark.parametrize("filled", [0, 2])
def test_an_end_that_the_executions_do_not_bear_out_proves_nothing(filled: int) -> None:
    """Hazard: a cancelled order whose fill is missing from the answer would be buried unfilled."""

    def prepare(_: BookQuestions, broker: Broker) -> None:
        broker.filled = filled

    assert asked_with(prepare) == Known(Book((), (FILL,), (POSITION,)))


def test_a_correction_counts_in_place_of_what_it_corrects() -> None:
    fills = [replace(FILL, exec_id=f"a.b.{number}") for number in ("01", "02")]

    def prepare(_: BookQuestions, broker: Broker) -> None:
        broker.fills = fills

    assert asked_with(prepare) == Known(Book((ENDED,), tuple(fills), (POSITION,)))


def test_a_message_that_could_not_be_read_makes_the_answer_unknown() -> None:
    """Hazard: an order or a fill that vanished from the answer reads as "there is none"."""

    def prepare(questions: BookQuestions, _: Broker) -> None:
        asyncio.get_running_loop().call_soon(questions.spoil)

    answer = asked_with(prepare)
    assert answer == Unknown("a message of the broker could not be read")


def asked_in_turn(*books: Callable[[OrderNumbers, Broker], None]) -> list[list[str]]:
    """Ask for the book once after each of some changes; return what was asked each time."""

    async def main(loop: VirtualLoop) -> list[list[str]]:
        del loop
        numbers = waiting_for(FILL.ref)
        questions = BookQuestions(numbers)
        end_what_the_client_asked(questions)
        broker = Broker(questions, frozenset())
        parts = (broker.orders, broker.completed, broker.executions, broker.positions)
        found = []
        for change in books:
            change(numbers, broker)
            broker.asked = []
            await questions.ask(Requests(*parts))
            found.append(broker.asked)
        return found

    return run_virtual(main, epoch=EPOCH)


WHOLE = ["orders", "completed", "executions", "positions"]
WITHOUT_ENDS = ["orders", "executions", "positions"]


def unchanged(_: OrderNumbers, __: Broker) -> None:
    """Let everything be as it was."""


def listed(_: OrderNumbers, broker: Broker) -> None:
    """List the order as open."""
    broker.open = [replace(ENDED, status="Submitted")]


def unlisted(_: OrderNumbers, broker: Broker) -> None:
    """List no order any more."""
    broker.open = []


def unexecuted(_: OrderNumbers, broker: Broker) -> None:
    """Leave out the fill."""
    broker.fills = []


def over(numbers: OrderNumbers, _: Broker) -> None:
    """End the trade of the order."""
    numbers.finish([FILL.ref])


def test_the_ends_of_orders_are_asked_for_until_they_were_told() -> None:
    """A day's completed orders are many, and a position is looked at every 30 seconds."""
    assert asked_in_turn(unchanged, unchanged) == [WHOLE, WITHOUT_ENDS]
    assert asked_in_turn(listed, unchanged, unlisted) == [WITHOUT_ENDS, WITHOUT_ENDS, WHOLE]
    assert asked_in_turn(unlisted, listed, unlisted) == [WHOLE, WITHOUT_ENDS, WHOLE]


def test_an_end_that_its_fills_do_not_bear_out_is_asked_for_again() -> None:
    assert asked_in_turn(unexecuted, unchanged) == [WHOLE, WHOLE]


def test_nobody_asks_how_an_order_of_a_finished_trade_ended() -> None:
    assert asked_in_turn(over) == [WITHOUT_ENDS]
