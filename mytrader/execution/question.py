"""Questions to a broker whose answers carry no number."""

import asyncio
from typing import Any


class Question:
    """One kind of question that carries no number: answers are counted against askings.

    An end marker that belongs to an earlier, abandoned asking must not complete a later one.
    """

    def __init__(self, *, asked: int = 0) -> None:
        self._asked = asked
        self._ended = 0
        self._items: list[Any] = []
        self._waiter: asyncio.Future[list[Any]] | None = None

    def ask(self) -> asyncio.Future[list[Any]]:
        """Begin a new asking; the future completes at its own end marker."""
        self._asked += 1
        self._items = []
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def forgive(self) -> None:
        """Expect no end marker any more of what was asked so far: those missing are lost."""
        self._ended = self._asked

    def add(self, item: object) -> None:
        """Take one item of an answer."""
        if self._waiter is not None:
            self._items.append(item)

    def end(self) -> None:
        """Take an end marker."""
        self._ended += 1
        if self._waiter is not None and not self._waiter.done() and self._ended >= self._asked:
            self._waiter.set_result(self._items)
