"""What a trace is made of: spans under one id, as the tracing tools of the world know them.

The trace's id is the cycle's id, all 128 bits of it. A span's id is a hash of the cycle's id and
the span's key, so whoever derives the same trace again, another process after a restart included,
derives the same ids: sending it twice changes nothing.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from mytrader.plain_text import masked, one_line
from mytrader.runtime import decode_ulid

ROOT: Final = "cycle"
"""The key of the span that holds all others."""

TEXT_CHARACTERS_MAX: Final = 200

Value = str | bool | int | float | tuple[str, ...]


class SpanEvent(Struct, frozen=True):
    """Something at one moment within a span."""

    name: str
    at: datetime
    attributes: Mapping[str, Value] = {}


class Span(Struct, frozen=True):
    """One stretch of time with a name. `key` is unique within the trace, `parent` is a key.

    `error` is why it counts as failed, "" if it does not. `remote` says that it was somebody
    else's work that was waited for.
    """

    key: str
    name: str
    started_at: datetime
    ended_at: datetime
    parent: str = ROOT
    attributes: Mapping[str, Value] = {}
    events: tuple[SpanEvent, ...] = ()
    error: str = ""
    remote: bool = False

    @property
    def lasted(self) -> timedelta:
        """How long it took."""
        return self.ended_at - self.started_at


class Trace(Struct, frozen=True):
    """All spans of one cycle, the root first. `open` says that the cycle has not ended."""

    cycle_id: str
    spans: tuple[Span, ...]
    open: bool = False

    @property
    def root(self) -> Span:
        """The span of the whole cycle."""
        return self.spans[0]

    def children(self, key: str) -> list[Span]:
        """Return the spans right below one, in order of their beginning."""
        found = [span for span in self.spans if span.parent == key and span.key != ROOT]
        return sorted(found, key=lambda span: span.started_at)


def trace_number(cycle_id: str) -> int:
    """Return the trace id of a cycle: its own 128 bits. Raises `BadInput`."""
    return decode_ulid(cycle_id)


def trace_hex(cycle_id: str) -> str:
    """Return the trace id as tools show it, 32 hexadecimal digits. Raises `BadInput`."""
    return f"{trace_number(cycle_id):032x}"


def span_number(cycle_id: str, key: str) -> int:
    """Return the id of a span, 64 bits and never 0."""
    digest = hashlib.sha256(f"{cycle_id}/{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") or 1


def plain(text: str, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    """Return text as one short line of printable characters, without account numbers and keys."""
    line = masked(one_line(text[: 8 * characters_max]))
    return line if len(line) <= characters_max else line[: characters_max - 1] + "…"
