"""Advisors and memory that do not answer: each outage is told once, and once when it is over."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.decision import Opinion
from mytrader.domain.memory import Recall

MEMORY: Final = "memory"
PANEL: Final = "panel"
"""Who fails when nobody on it answers; that is no opinion of its own."""


class Outage(Struct, frozen=True):
    """Who does not answer since when, how it failed first, and how many questions that cost."""

    name: str
    since: datetime
    failure: str
    questions: int = 1


class Outages:
    """Follows the answers of everyone who is asked."""

    def __init__(self) -> None:
        self._silent: dict[str, Outage] = {}
        self.begun = 0

    def took(
        self, opinions: tuple[Opinion, ...], recall: Recall | None, *, at: datetime
    ) -> Iterator[tuple[Outage, bool]]:
        """Take the answers to one question; yields what changed, true for what is over."""
        failed = {each.advisor: each.failure for each in opinions if each.failure is not None}
        answered = {each.advisor for each in opinions if each.failure is None}
        if recall is not None and recall.failure is None:
            answered.add(MEMORY)
        if PANEL not in failed:
            answered.add(PANEL)
        for name, failure in failed.items():
            known = self._silent.get(name)
            if known is None:
                self.begun += 1
                self._silent[name] = Outage(name, at, failure or "")
                yield self._silent[name], False
            else:
                self._silent[name] = replace(known, questions=known.questions + 1)
        for name in sorted(answered & self._silent.keys()):
            yield self._silent.pop(name), True
