"""Words for a lesson from outside, which are checked and never trusted.

A wordsmith is given facts and returns a text. The text is kept only if it is plain, short, one
paragraph, and names no number that is not among the facts, in digits or in words. Anything else,
and any failure, leaves the lesson with the line that was derived from its figures: that line is
never replaced, only accompanied.
"""

import re
from collections.abc import Sequence
from typing import Final, Protocol

from msgspec.structs import replace

from mytrader.errors import TheirFault
from mytrader.learning.lessons import Fact, Lesson

WORDS_MAX: Final = 400
"""Characters."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,;:'\"()%+/$-]+", re.ASCII)
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*", re.ASCII)
_COUNTING: Final = re.compile(
    r"zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six"
    r"|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?"
    r"|[mb]illions?|dozens?|score|once|twice|thrice|half|halves|halved|thirds?|quarters?|single"
    r"|doubled?|tripled?|couple|pair|percent"
)
"""English words that are numbers; a text that needs one can write the fact's own digits."""

_ADDRESS: Final = re.compile(r"://|www\.", re.ASCII | re.IGNORECASE)


class Wordsmith(Protocol):
    """Writes sentences about facts; may be slow, may fail with `TheirFault`, may say nonsense."""

    def words(self, facts: Sequence[Fact]) -> str:
        """Return a text about `facts`; blocks, so it is called beside the loop."""
        ...


def worded(lesson: Lesson, wordsmith: Wordsmith | None) -> Lesson:
    """Return the lesson with checked words, or as it was."""
    if wordsmith is None:
        return lesson
    try:
        text = wordsmith.words(lesson.facts)
    except TheirFault:
        return lesson
    return lesson if why_not(text, lesson.facts) else replace(lesson, words=text.strip())


def why_not(text: object, facts: Sequence[Fact]) -> str:
    """Return what is wrong with a text about `facts`, "" for nothing."""
    if not isinstance(text, str) or not text.strip():
        return "it is no text"
    if len(text) > WORDS_MAX:
        return f"it is longer than {WORDS_MAX} characters"
    if not _PLAIN.fullmatch(text.strip()) or _ADDRESS.search(text):
        return "it is not plain"
    known = {number for fact in facts for number in _numbers(f"{fact.name} {fact.value}")}
    invented = [number for number in _numbers(text) if number not in known]
    if invented:
        return f"{invented[0]} is not among the facts"
    counted = [word for word in re.findall(r"[a-z]+", text.lower()) if _COUNTING.fullmatch(word)]
    return f"{counted[0]} is a number in words" if counted else ""


def _numbers(text: str) -> list[str]:
    """The numbers of a text without signs and thousands' commas; 1,700 and 1700.00 are equal."""
    found = []
    for number in _NUMBER.findall(text):
        plain = re.sub(r",(?=\d{3}(?:\D|$))", "", number)
        found.append(re.sub(r"\.0+$", "", plain))
    return found
