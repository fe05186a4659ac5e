"""What an entry would do to the margin: one answer to each question, in time or unknown."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from mytrader.domain.events import AnyEvent, MarginStated
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.execution.margin_questions import MARGIN_TIMEOUT_S, MarginQuestions
from mytrader.simulator.virtual_time import VirtualLoop, run_virtual

EPOCH = datetime(2025, 12, 12, 15, tzinfo=UTC)
SENTINEL = "1.7976931348623157E308"


def state(initial: str = "15000.00", equity: str = "100000.00") -> Any:  # noqa: ANN401 - the client's object
    return SimpleNamespace(initMarginAfter=initial, equityWithLoanAfter=equity)


def asked(script: Callable[[MarginQuestions], None], *, seconds: float = 5) -> list[AnyEvent]:
    """Ask under number 7, let the script answer, and return what was told."""
    told: list[AnyEvent] = []

    async def main(loop: VirtualLoop) -> None:
        del loop
        questions = MarginQuestions(told.append)
        questions.ask("cycle", lambda: 7)
        script(questions)
        await asyncio.sleep(seconds)
        assert questions.knows(7), "its number is never an order's"

    run_virtual(main, epoch=EPOCH)
    return told


def test_an_answer_is_known_once() -> None:
    def script(questions: MarginQuestions) -> None:
        questions.answer(7, state())
        questions.answer(7, state("1"))

    margin = Margin(Decimal("15000.00"), Decimal("100000.00"))
    assert asked(script) == [MarginStated("cycle", Known(margin))]


@pytest.mark.parametrize("bad", [SENTINEL, "", "nan", "Infinity", "-1", "much"])
@pytest.mark.parametrize("field", ["initial", "equity"])
def test_a_figure_that_is_none_is_unknown(bad: str, field: str) -> None:
    """Hazard: a sentinel read as a number says that any entry can be afforded, or none."""
    (told,) = asked(lambda questions: questions.answer(7, state(**{field: bad})))
    assert isinstance(told, MarginStated)
    assert isinstance(told.margin, Unknown)


def test_silence_is_unknown_after_a_bounded_time_and_a_late_answer_says_nothing() -> None:
    def script(questions: MarginQuestions) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(MARGIN_TIMEOUT_S + 0.1, questions.answer, 7, state())

    assert asked(script) == [MarginStated("cycle", Unknown("no answer within 1.5 s"))]
    assert asked(lambda _: None, seconds=MARGIN_TIMEOUT_S - 0.1) == []


def test_an_error_and_a_lost_link_are_unknown() -> None:
    assert asked(lambda questions: questions.fail(7, "201: no")) == [
        MarginStated("cycle", Unknown("201: no"))
    ]
    assert asked(lambda questions: questions.give_up("gone")) == [
        MarginStated("cycle", Unknown("gone"))
    ]


def test_other_numbers_are_not_questions() -> None:
    def script(questions: MarginQuestions) -> None:
        questions.answer(8, state())
        questions.fail(8, "not ours")
        assert not questions.knows(8)

    assert asked(script, seconds=1) == []


def test_a_question_that_cannot_be_sent_is_unknown_at_once() -> None:
    told: list[AnyEvent] = []
    MarginQuestions(told.append).ask("cycle", lambda: 0)
    assert told == [MarginStated("cycle", Unknown("the link is down"))]
