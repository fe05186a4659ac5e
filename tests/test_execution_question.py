"""A question without a number: only its own end marker completes it."""

import asyncio
from collections.abc import Callable

from mytrader.execution.question import Question


def in_a_loop(check: Callable[[], None]) -> None:
    async def main() -> None:
        check()

    asyncio.run(main())


def test_the_end_marker_completes_the_answer() -> None:
    def check() -> None:
        question = Question()
        answer = question.ask()
        question.add("one")
        question.add("two")
        assert not answer.done(), "items alone complete nothing"
        question.end()
        assert answer.result() == ["one", "two"]

    in_a_loop(check)


def test_an_empty_answer_is_known_to_be_empty() -> None:
    def check() -> None:
        question = Question()
        answer = question.ask()
        question.end()
        assert answer.result() == []

    in_a_loop(check)


def test_the_end_of_an_abandoned_asking_completes_no_later_one() -> None:
    def check() -> None:
        question = Question()
        question.ask()
        answer = question.ask()
        question.add("late, of the first asking")
        question.end()
        assert not answer.done()
        question.end()
        assert answer.done()

    in_a_loop(check)


def test_what_the_client_asked_itself_is_counted() -> None:
    def check() -> None:
        question = Question(asked=1)
        answer = question.ask()
        question.end()
        assert not answer.done()
        question.end()
        assert answer.done()

    in_a_loop(check)


def test_news_between_askings_belongs_to_no_answer() -> None:
    def check() -> None:
        question = Question()
        question.add("nobody asked")
        question.end()
        answer = question.ask()
        question.add("asked")
        question.end()
        assert answer.result() == ["asked"]
        question.end()

    in_a_loop(check)


def test_end_markers_that_are_known_to_be_lost_are_not_waited_for() -> None:
    def check() -> None:
        question = Question()
        question.ask()
        question.forgive()
        answer = question.ask()
        question.end()
        assert answer.done()

    in_a_loop(check)
