"""What waits to be sent, and what follows from each answer. Pure: seconds come with every call.

Theory of operation. Every level has a line of its own, with at most one request under way, so
that a page never waits behind a request for something lesser. What waits in one line goes out
together, as far as one message holds it, and of a crowd only the first lines: a burst costs few
requests, and the API's limit of about one message a second for a chat is rarely met. When the
API names a time to wait, everything waits for it. Other failures are tried again, later each
time. What the API rejects is not.

Seconds are of a clock that never goes back.
"""

from collections import Counter, deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.alerts.latency import Latencies, LatencyView
from mytrader.alerts.message import LOUDEST_FIRST, Message
from mytrader.alerts.wording import TEXT_UNITS_MAX, counted, joined, units, without_tags
from mytrader.domain.commands import AlertLevel

PAUSE_S: Final = 1.0
"""Between two requests of the quiet levels: what comes meanwhile goes out together."""

RETRY_FIRST_S: Final = 0.5
RETRY_MOST_S: Final = 15.0
REPEAT_WINDOW: Final = timedelta(minutes=1)
KEYS_MAX: Final = 2000
BETWEEN: Final = "\n\n"
CROWD: Final = 20
"""More than this many of one level are a crowd: of the others only the first line is sent."""

_NOTE_ROOM: Final = 160


class Accepted(Struct, frozen=True):
    """The API has taken it."""


class Later(Struct, frozen=True):
    """The API wants to hear nothing for so long."""

    seconds: float


class Failed(Struct, frozen=True):
    """No answer, or one that may be another the next time."""

    why: str


class Rejected(Struct, frozen=True):
    """The API will never take it; `final`: nor anything else, until a person mends it."""

    why: str
    final: bool = False


Outcome = Accepted | Later | Failed | Rejected


class Item(Struct, frozen=True):
    """A message that waits since `queued_s`.

    `plain` when its tags were not understood; `brief` when only its first line is sent.
    """

    message: Message
    queued_s: float
    plain: bool = False
    brief: bool = False

    @property
    def html(self) -> str:
        """What is sent of it."""
        html = self.message.html
        return html.partition("\n")[0] if self.brief else html


class Batch(Struct, frozen=True):
    """What goes out in one request. `dropped` says how many of each level are told as lost."""

    level: AlertLevel
    items: tuple[Item, ...]
    dropped: tuple[tuple[AlertLevel, int], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether to send it without tags."""
        return any(item.plain for item in self.items)

    @property
    def text(self) -> str:
        """Return the text to send."""
        lost = ", ".join(counted(number, f"{level} message") for level, number in self.dropped)
        note = f"<i>{lost} lost: more waited than there is room for</i>" if lost else ""
        whole = [item.html for item in self.items if not item.brief]
        parts = [*whole, "\n".join(item.html for item in self.items if item.brief), note]
        text = joined(parts, between=BETWEEN, most=TEXT_UNITS_MAX)
        return without_tags(text) if self.plain else text


class Counts(Struct, frozen=True):
    """What became of the messages so far, and how long the accepted ones took."""

    queued: int
    sent: int
    requests: int
    repeated: int
    dropped: dict[AlertLevel, int]
    rejected: int
    waiting: int
    latency: LatencyView


class _Line:
    """The messages of one level, oldest first; those under way are not among `waiting`."""

    def __init__(self) -> None:
        self.waiting: deque[Item] = deque()
        self.under_way: Batch | None = None
        self.due_s = 0.0
        self.failures = 0
        self.alone = 0

    def __len__(self) -> int:
        return len(self.waiting) + (len(self.under_way.items) if self.under_way else 0)


class Outbox:
    """Holds at most `most` messages. Whoever sends takes a batch and says how it went."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines = {level: _Line() for level in LOUDEST_FIRST}
        self._held_until_s = 0.0
        self._silenced = False
        self._paused_until_s = 0.0
        self._pause_s = PAUSE_S
        self._keys: dict[str, datetime] = {}
        self._untold: Counter[AlertLevel] = Counter()
        self._dropped: Counter[AlertLevel] = Counter()
        self._latencies = Latencies()
        self._queued = self._sent = self._requests = self._repeated = self._rejected = 0
        self.stopped = ""

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def put(self, message: Message, now_s: float) -> None:
        """Add a message, unless the same was said a moment ago.

        With the box full the oldest of the quietest level goes, never one that is louder.
        """
        if self._said_just_now(message):
            self._repeated += 1
            return
        self._queued += 1
        if len(self) < self._most or self._make_room(message.level):
            self._lines[message.level].waiting.append(Item(message, now_s))
        else:
            self._drop(message.level)

    def _said_just_now(self, message: Message) -> bool:
        """Note a message; one that comes again and again is said once a minute, not never."""
        said_at = self._keys.pop(message.key, None)
        if said_at is not None and abs(message.at - said_at) < REPEAT_WINDOW:
            self._keys[message.key] = said_at
            return True
        if len(self._keys) >= KEYS_MAX:
            del self._keys[next(iter(self._keys))]
        self._keys[message.key] = message.at
        return False

    def _make_room(self, louder_or_equal: AlertLevel) -> bool:
        for level in reversed(LOUDEST_FIRST):
            if LOUDEST_FIRST.index(level) < LOUDEST_FIRST.index(louder_or_equal):
                return False
            if self._lines[level].waiting:
                self._lines[level].waiting.popleft()
                self._drop(level)
                return True
        return False

    def _drop(self, level: AlertLevel) -> None:
        self._dropped[level] += 1
        self._untold[level] += 1

    # Sending

    def hurry(self) -> None:
        """Make no more pauses: the end is near. What the API asks for holds."""
        self._pause_s = self._paused_until_s = 0.0

    def due_s(self) -> float | None:
        """Return when `take` may have something; `None` before a `put` or a `settle`."""
        if self.stopped:
            return None
        dues = [self._due_s(level, line) for level, line in self._ready()]
        return min(dues, default=None)

    def _ready(self) -> Iterator[tuple[AlertLevel, _Line]]:
        for level, line in self._lines.items():
            if line.waiting and line.under_way is None:
                yield level, line

    def _due_s(self, level: AlertLevel, line: _Line) -> float:
        paused_s = 0.0 if level is AlertLevel.PAGE else self._paused_until_s
        return max(line.due_s, self._held_until_s, paused_s)

    def take(self, now_s: float) -> Batch | None:
        """Return what to send now, the loudest first; whoever takes it must `settle` it."""
        if self.stopped:
            return None
        for level, line in self._ready():
            if now_s >= self._due_s(level, line):
                line.under_way = self._batch(level, line)
                self._requests += 1
                self._paused_until_s = now_s + self._pause_s
                return line.under_way
        return None

    def _batch(self, level: AlertLevel, line: _Line) -> Batch:
        crowd = len(line.waiting) > CROWD
        items = [line.waiting.popleft()]
        room = TEXT_UNITS_MAX - _NOTE_ROOM - units(items[0].html)
        while line.waiting and not line.alone and not items[0].plain:
            item = replace(line.waiting[0], brief=crowd)
            room -= units(item.html) + len(BETWEEN)
            if room < 0 or item.plain:
                break
            line.waiting.popleft()
            items.append(item)
        return Batch(level, tuple(items), tuple(self._untold.items()))

    def settle(self, batch: Batch, outcome: Outcome, now_s: float) -> str:
        """Take the answer to a batch; returns what is worth a line in the log, or ""."""
        line = self._lines[batch.level]
        line.under_way = None
        match outcome:
            case Accepted():
                return self._accepted(line, batch, now_s=now_s)
            case Later(seconds):
                line.waiting.extendleft(reversed(batch.items))
                self._held_until_s = max(self._held_until_s, now_s + max(seconds, 0.0))
                known, self._silenced = self._silenced, True
                return "" if known else f"the Bot API asks for {seconds:g} s of silence"
            case Failed(why):
                line.waiting.extendleft(reversed(batch.items))
                wait_s = min(RETRY_FIRST_S * 2.0 ** min(line.failures, 20), RETRY_MOST_S)
                line.failures += 1
                line.due_s = now_s + wait_s
                return "" if line.failures > 1 else f"{why}; tried again until it is accepted"
            case Rejected(why, final):
                return self._reject(line, batch, why=why, final=final)

    def _accepted(self, line: _Line, batch: Batch, *, now_s: float) -> str:
        tries, line.failures, self._silenced = line.failures, 0, False
        line.alone = max(line.alone - len(batch.items), 0)
        self._sent += len(batch.items)
        for item in batch.items:
            self._latencies.add(now_s - item.queued_s)
        self._untold.subtract(dict(batch.dropped))
        self._untold = +self._untold
        return f"accepted again after {tries} failures" if tries else ""

    def _reject(self, line: _Line, batch: Batch, *, why: str, final: bool) -> str:
        """One of several is sent alone, one alone without its tags; then it is given up."""
        if final:
            line.waiting.extendleft(reversed(batch.items))
            known, self.stopped = self.stopped, why
            return "" if known else f"{why}; nothing more is sent by this run"
        if len(batch.items) > 1:
            line.alone = len(batch.items)
            line.waiting.extendleft(reversed(batch.items))
            return ""
        (item,) = batch.items
        if not item.plain:
            line.waiting.appendleft(replace(item, plain=True))
            return ""
        line.alone = max(line.alone - 1, 0)
        self._rejected += 1
        return f"{item.message.code} was rejected and is not tried again: {why}"

    # What is left

    def unsent(self) -> list[Message]:
        """Return what was not accepted, the loudest first."""
        left: list[Message] = []
        for line in self._lines.values():
            under_way = line.under_way.items if line.under_way else ()
            left += [item.message for item in (*under_way, *line.waiting)]
        return left

    def counts(self) -> Counts:
        """Return what became of everything so far."""
        return Counts(
            queued=self._queued,
            sent=self._sent,
            requests=self._requests,
            repeated=self._repeated,
            dropped=dict(self._dropped),
            rejected=self._rejected,
            waiting=len(self),
            latency=self._latencies.view(),
        )
