"""Answers to questions that were just asked. Bounded; an answer lives as long as its TTL. Pure.

Two questions are equal if their facts are, as they were put before the same target in the same
role. A failure is never kept: the next question may find the service well again.
"""

import hashlib
import json
from collections import OrderedDict
from datetime import datetime, timedelta

from msgspec.structs import replace

from mytrader.domain.decision import Opinion


def question_key(facts: object, *, role: str, target: str) -> str:
    """Return the key of a question: SHA-256 of the canonical JSON of all that was asked."""
    asked = {"facts": facts, "role": role, "target": target}
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class AnswerCache:
    """At most `entries_max` opinions, each for `ttl`; the one not asked for longest goes first."""

    def __init__(self, entries_max: int, ttl: timedelta) -> None:
        self._entries_max = entries_max
        self._ttl = ttl
        self._entries: OrderedDict[str, tuple[datetime, Opinion]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, now: datetime) -> Opinion | None:
        """Return a kept opinion, marked as cached; `None` if there is none, or it is too old."""
        kept = self._entries.get(key)
        if kept is None:
            return None
        if not timedelta(0) <= now - kept[0] < self._ttl:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return replace(kept[1], cached=True)

    def put(self, key: str, opinion: Opinion, now: datetime) -> None:
        """Keep an opinion; a failure is not kept."""
        if opinion.failure is not None:
            return
        self._entries[key] = (now, opinion)
        self._entries.move_to_end(key)
        while len(self._entries) > self._entries_max:
            self._entries.popitem(last=False)
