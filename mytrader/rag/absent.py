"""A memory that is asked for and could not be opened: it has failed, and is never empty."""

from collections.abc import Iterable
from datetime import datetime

from mytrader.domain.decision import Question
from mytrader.domain.memory import Recall, TradeDocument


class AbsentMemory:
    """Answers every question with `why` as its failure, which blocks the entry; keeps nothing.

    The journal has every trade, and the next start fills the memory from it.
    """

    def __init__(self, why: str) -> None:
        self._why = why

    async def recall(self, question: Question, now: datetime) -> Recall:
        """Return the failure."""
        del question, now
        return Recall(failure=f"not opened: {self._why}")

    def remember(self, document: TradeDocument) -> None:
        """Keep nothing."""

    def remember_all(self, documents: Iterable[TradeDocument]) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """There is nothing to let go of."""
