"""A `learning.words.Wordsmith` that says what it was told to say, or fails."""

from collections.abc import Sequence
from typing import cast

from mytrader.learning.lessons import Fact


class FakeWordsmith:
    """Answers with `answer`, which need not be a text, and remembers what it was shown."""

    def __init__(self, answer: object) -> None:
        self._answer = answer
        self.seen: list[Sequence[Fact]] = []

    def words(self, facts: Sequence[Fact]) -> str:
        """See `learning.words.Wordsmith`."""
        self.seen.append(facts)
        if isinstance(self._answer, Exception):
            raise self._answer
        return cast("str", self._answer)
