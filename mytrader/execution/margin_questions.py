"""Asking the broker what an entry would do to the margin: an answer in time, or unknown.

A question goes out as an order that is only looked at (`whatIf`). Its number is remembered for
the whole connection: whatever comes under it is never taken for one of our orders.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from mytrader.domain.events import AnyEvent, MarginStated
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.execution.ib_translation import margin_report

MARGIN_TIMEOUT_S: Final = 1.5
"""On the event loop's clock, as for the book: a wire takes real time."""


class MarginQuestions:
    """Tells one `MarginStated` for every question, whatever happens to it."""

    def __init__(self, tell: Callable[[AnyEvent], None]) -> None:
        self._tell = tell
        self._open: dict[int, tuple[str, asyncio.TimerHandle]] = {}
        self._numbers: set[int] = set()

    def ask(self, cycle_id: str, send: Callable[[], int]) -> None:
        """Put a question by `send`, which returns its number, 0 if nothing could be sent."""
        number = send()
        if not number:
            self._tell(MarginStated(cycle_id, Unknown("the link is down")))
            return
        self._numbers.add(number)
        timer = asyncio.get_running_loop().call_later(
            MARGIN_TIMEOUT_S, self.fail, number, f"no answer within {MARGIN_TIMEOUT_S} s"
        )
        self._open[number] = (cycle_id, timer)

    def knows(self, number: int) -> bool:
        """Whether a number was ever a question of this connection."""
        return number in self._numbers

    def answer(self, number: int, state: Any) -> None:
        """Take the broker's answer; one that comes too late says nothing any more."""
        self._settle(number, margin_report(state))

    def fail(self, number: int, why: str) -> None:
        """Take that there is no answer."""
        self._settle(number, Unknown(why))

    def give_up(self, why: str) -> None:
        """Take that no open question will be answered."""
        for number in list(self._open):
            self.fail(number, why)

    def _settle(self, number: int, margin: Known[Margin] | Unknown) -> None:
        asked = self._open.pop(number, None)
        if asked is not None:
            cycle_id, timer = asked
            timer.cancel()
            self._tell(MarginStated(cycle_id, margin))
