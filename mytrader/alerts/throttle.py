"""Tells the first of a kind at once and counts what follows, so that no one can flood a chat.

Time is the trader's, given with every call.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

KEYS_MAX: Final = 1000


class Throttle:
    """What comes again within `every` of the last time is held back, and told together."""

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._last: dict[str, datetime] = {}
        self._held: Counter[str] = Counter()
        self._held_since: datetime | None = None

    def lets_pass(self, key: str, at: datetime) -> bool:
        """Return whether to tell this one; otherwise it is counted for the next `due`."""
        last = self._last.pop(key, None)
        if len(self._last) >= KEYS_MAX:
            del self._last[next(iter(self._last))]
        self._last[key] = at
        if last is None or abs(at - last) >= self._every:
            return True
        self._held[key] += 1
        self._held_since = self._held_since or at
        return False

    def due(self, at: datetime) -> Counter[str]:
        """Return what was held back, once that began `every` ago; nothing before."""
        if self._held_since is None or at - self._held_since < self._every:
            return Counter()
        return self.rest()

    def rest(self) -> Counter[str]:
        """Return what is held back, and forget it."""
        held, self._held, self._held_since = self._held, Counter(), None
        return held
