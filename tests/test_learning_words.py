"""Words from outside are kept only if they are plain and invent no number."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from mytrader.errors import BadInput, BrokerFault
from mytrader.learning.lessons import Fact, Lesson
from mytrader.learning.words import WORDS_MAX, why_not, worded
from tests.fakes.wordsmith import FakeWordsmith

FACTS = (
    Fact("hour (US Central)", "09"),
    Fact("trades", "14"),
    Fact("mean", "-0.61 R"),
    Fact("net", "-1700.00 USD"),
    Fact("share of wins", "21 %"),
)
LESSON = Lesson("Trades at 09 lost.", FACTS, ("C1",), avoid=True)


@pytest.mark.parametrize(
    "text",
    [
        "Trades in hour 09 lost 0.61 R on average; 14 of them cost $1,700.",
        "The net was -1700 USD (mean -0.61 R).",
        "Leave the market alone after the open.",
        "Only 21% were won.",
    ],
)
def test_words_about_the_facts_are_kept(text: str) -> None:
    assert why_not(text, FACTS) == ""
    assert worded(LESSON, FakeWordsmith(f" {text}\n")).words == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("It lost 0.6 R.", "0.6 is not among the facts"),
        ("15 trades lost.", "15 is not among the facts"),
        ("It lost $17,00.", "17,00 is not among the facts"),
        ("It cost 1700.50.", "1700.50 is not among the facts"),
        ("Trade after 9:30.", "9:30 is not among the facts"),
        ("Fourteen trades lost.", "fourteen is a number in words"),
        ("Half of them lost.", "half is a number in words"),
        ("Risk may be doubled.", "doubled is a number in words"),
        ("Sixty-six were won.", "sixty is a number in words"),
        ("", "it is no text"),
        (" \n ", "it is no text"),
        ("x" * (WORDS_MAX + 1), f"it is longer than {WORDS_MAX} characters"),
        ("Two\nparagraphs", "it is not plain"),
        ("<b>Buy</b>", "it is not plain"),
        ("Lost \uff11\uff14 times.", "it is not plain"),
        ("Lost ½ of it.", "it is not plain"),
        ("`rm`", "it is not plain"),
        ("see https://example.org", "it is not plain"),
        ("see www.example.org", "it is not plain"),
        (None, "it is no text"),
        (14, "it is no text"),
    ],
)
def test_everything_else_leaves_the_line_alone(text: object, why: str) -> None:
    assert why_not(text, FACTS) == why
    assert worded(LESSON, FakeWordsmith(text)) == LESSON


@pytest.mark.parametrize("fault", [BadInput("no credentials"), BrokerFault("throttled")])
def test_a_wordsmith_that_fails_changes_nothing(fault: Exception) -> None:
    assert worded(LESSON, FakeWordsmith(fault)) == LESSON


def test_without_a_wordsmith_nobody_is_asked() -> None:
    assert worded(LESSON, None) is LESSON


def test_the_line_is_never_replaced_and_only_facts_are_shown() -> None:
    smith = FakeWordsmith("Leave it.")
    found = worded(LESSON, smith)
    assert found == replace(LESSON, words="Leave it.")
    assert found.lesson_id == LESSON.lesson_id
    seen: Sequence[Sequence[Fact]] = smith.seen
    assert seen == [FACTS]
