"""The whole book: complete with every end marker, unknown without."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from mytrader.domain.events import Book, PositionReported
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known, Unknown
from mytrader.domain.orders import Side
from mytrader.execution.book_questions import BookQuestions, Requests
from mytrader.simulator.virtual_time import VirtualLoop, run_virtual

EPOCH = datetime(2025, 12, 12, 15, tzinfo=UTC)
POSITION = PositionReported(1, 2)
FILL = Execution("0001", "mt/x/E1", 7, 70, 1, Side.BUY, 1, 27600, EPOCH)
REQUEST = 9


class Broker:
    """Answers every question at once, but for those in `silent`."""

    def __init__(self, questions: BookQuestions, silent: frozenset[str]) -> None:
        self._questions = questions
        self._silent = silent
        self.asked: list[str] = []

    def orders(self) -> None:
        """Answer that there are none."""
        self.asked.append("orders")
        if "orders" not in self._silent:
            self._questions.end_orders()

    def executions(self) -> int:
        """Answer with one fill, a moment later as a wire does."""
        self.asked.append("executions")
        asyncio.get_running_loop().call_soon(self._answer_executions)
        return REQUEST

    def _answer_executions(self) -> None:
        assert self._questions.add_execution(REQUEST, FILL), "asked for"
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
        questions = BookQuestions()
        questions.end_orders()
        questions.end_positions()
        broker = Broker(questions, frozenset(silent))
        requests = Requests(
            broker.gone if gone else broker.orders, broker.executions, broker.positions
        )
        answer: Coroutine[Any, Any, Known[Book] | Unknown] = questions.ask(requests)
        return await answer, broker.asked

    return run_virtual(main, epoch=EPOCH)


def test_a_complete_answer_is_known_and_positions_are_asked_last() -> None:
    answer, asked = ask()
    assert answer == Known(Book((), (FILL,), (POSITION,)))
    assert asked == ["orders", "executions", "positions"]


@pytest.mark.parametrize("silent", ["orders", "executions", "positions"])
def test_an_answer_without_its_end_marker_is_unknown(silent: str) -> None:
    answer, asked = ask(silent)
    assert answer == Unknown("an end marker did not arrive in time")
    assert asked == ["orders", "executions", "positions"], "the others are still asked"


@pytest.mark.parametrize(
    ("silent", "then"),
    [
        (("orders",), Known(Book((), (FILL,), (POSITION,)))),
        (("positions",), Known(Book((), (FILL,), (POSITION,)))),
        (("orders", "executions"), Unknown("an end marker did not arrive in time")),
    ],
)
def test_a_lost_end_marker_is_not_waited_for_once_a_later_question_was_answered(
    silent: tuple[str, ...], then: Known[Book] | Unknown
) -> None:
    """Without that answer nobody can say whether it is lost or late: the book stays unknown."""

    async def main(loop: VirtualLoop) -> Known[Book] | Unknown:
        del loop
        questions = BookQuestions()
        questions.end_orders()
        questions.end_positions()
        for quiet in (frozenset(silent), frozenset[str]()):
            broker = Broker(questions, quiet)
            answer = await questions.ask(
                Requests(broker.orders, broker.executions, broker.positions)
            )
        return answer

    assert run_virtual(main, epoch=EPOCH) == then


def test_a_closed_connection_is_unknown() -> None:
    answer, _ = ask(gone=True)
    assert answer == Unknown("ConnectionError: Not connected")
