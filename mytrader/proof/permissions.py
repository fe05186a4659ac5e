"""What an entry needed, as the umpire saw it given: advice, confidence, a fresh quote, the hours.

All of it is noted where it left for the trader, not where the trader took it in.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from mytrader.domain.decision import Advice, Opinion, Signal
from mytrader.domain.session import BROKER_ZONE, SESSION_MINUTES, minute_of_session

CONFIDENCE_MIN: Final = 0.60
OVERRIDE_ABOVE: Final = 0.75
QUOTE_AGE_MAX: Final = timedelta(seconds=91)
"""The trader's 90 s, and a second for what is on its way."""

BEFORE_CLOSE_MINUTES: Final = 15
RESET_MINUTES: Final = range(15, 105)
"""00:15 to 01:45 in New York (SAFETY.md B10)."""

NUMBER: Final = "number"
"""The feature by which a proposal and the opinions about it are joined."""


class Permissions:
    """What was given to one trader since it started."""

    def __init__(self) -> None:
        self._permits: dict[int, list[bool]] = {}
        self._quoted_at: datetime | None = None

    def quoted(self, now: datetime) -> None:
        """A quote leaves for the trader."""
        self._quoted_at = now

    def advised(self, signal: Signal, opinion: Opinion | None) -> None:
        """An advisor is about to give its opinion; `None` is anything that is no opinion."""
        number = round(signal.features.get(NUMBER, -1))
        permits = opinion is not None and _permits(signal, opinion)
        self._permits.setdefault(number, []).append(permits)

    def objections(self, now: datetime, signal: Signal | None) -> Iterator[tuple[str, str]]:
        """Yield what forbids an entry on `signal` at this moment, with its invariant."""
        if signal is None:
            yield "I9", "its cycle has no recorded signal"
            return
        given = self._permits.get(round(signal.features.get(NUMBER, -1)), [])
        if not given or not all(given):
            yield "I7", "sent without the advisors' permission"
        if signal.confidence < CONFIDENCE_MIN:
            yield "I7", f"sent with a confidence of {signal.confidence}"
        if self._quoted_at is None or now - self._quoted_at > QUOTE_AGE_MAX:
            yield "I6", "sent on a quote that is too old"
        if minute_of_session(now) >= SESSION_MINUTES - BEFORE_CLOSE_MINUTES:
            yield "I8", "sent too close to the end of the session, or after it"
        local = now.astimezone(BROKER_ZONE)
        if local.hour * 60 + local.minute in RESET_MINUTES:
            yield "I8", "sent while the broker resets"


def _permits(signal: Signal, opinion: Opinion) -> bool:
    if opinion.decision is Advice.GO:
        return True
    return not opinion.binding and signal.confidence > OVERRIDE_ABOVE
