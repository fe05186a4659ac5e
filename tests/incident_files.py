"""Incidents as files: what happened and what was asked for, one event to a line of JSON.

A line is a record's payload in the journal's own form with the time before it. A file is made
from a script once, by `python -m tests.test_incidents`, and then speaks for itself: it is
replayed through today's `step`, and a command that differs is a change of behaviour that
somebody has to look at.
"""

import json
import textwrap
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AnyCommand, AskMargin
from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Limits
from mytrader.domain.market import BAR_LENGTH, Bar
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import step
from mytrader.journal.codec import GENESIS, payload_of, record_of, record_row
from tests.playbook import (
    AMPLE,
    CON_ID,
    ENTRY,
    LIMITS,
    LINK_BACK,
    NOON,
    SESSION,
    Playbook,
    Quoted,
)
from tests.wanted import described

EVENT_WIDTH: Final = 240
FOLDER: Final = Path(__file__).parent / "incidents"


class Line(NamedTuple):
    """One event with its time and the commands that followed."""

    at: datetime
    event: AnyEvent
    commands: tuple[AnyCommand, ...]


class Recording(Playbook, frozen=True):
    """A playbook that keeps every event with the commands it led to."""

    lines: tuple[Line, ...] = ()

    def after(self, event: AnyEvent, *, later: timedelta = timedelta(0)) -> Playbook:
        """Step once and keep the line; a question about the margin has its answer recorded too."""
        now = self.now + later
        state, asked = step(self.state, event, now)
        script = replace(
            self,
            state=state,
            now=now,
            left=(*self.left, *(each for each in asked if not isinstance(each, AskMargin))),
            last=(*self.last, *state.finished),
            lines=(*self.lines, Line(now, event, tuple(asked))),
        )
        for command in asked:
            if isinstance(command, AskMargin):
                return script.after(events.MarginStated(command.cycle_id, AMPLE))
        return script


def connected(limits: Limits = LIMITS) -> Recording:
    """Return a recording of a trader that was told its limits and its contract, and connected."""
    script = Recording(state=TraderState(limits)).past(
        events.TraderStarted(limits),
        events.ContractStated(CON_ID, "ES", "ESZ5", date(2025, 12, 19), (SESSION,)),
        events.SettlementStated(CON_ID, ENTRY - 200),
        events.BarClosed(CON_ID, Bar(NOON - BAR_LENGTH, ENTRY, ENTRY, ENTRY, ENTRY, 1)),
        Quoted(ENTRY - 1),
        LINK_BACK,
    )
    assert isinstance(script, Recording)
    return script


def written(lines: tuple[Line, ...]) -> str:
    """Return the file that says these lines."""
    texts = []
    for line in lines:
        payload = json.loads(payload_of(line.event, line.commands))
        told = {"at": line.at.isoformat(), **payload}
        texts.append(json.dumps(told, ensure_ascii=False, separators=(",", ":")))
    return "\n".join(texts) + "\n"


def read(text: str) -> list[Line]:
    """Return the lines of a file; raises where a line is no record of ours."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        told = json.loads(line)
        at = datetime.fromisoformat(told.pop("at"))
        blank = record_row(number, at, events.TimeReached(), commands=(), prev=GENESIS)
        record = record_of(blank._replace(payload=json.dumps(told)))
        found.append(Line(at, record.event, record.commands))
    return found


def first_divergence(lines: list[Line]) -> str | None:
    """Replay `lines` through today's `step`: where it first asks for something else, or `None`."""
    state = TraderState(LIMITS)
    story = []
    for number, line in enumerate(lines, 1):
        state, asked = step(state, line.event, line.at)
        story.append(textwrap.shorten(f">> {line.event}", EVENT_WIDTH))
        if tuple(asked) != line.commands:
            return "\n".join(
                [
                    f"line {number}, {line.at.isoformat()}:",
                    *(f"  {told}" for told in story[-4:]),
                    f"  then: {_told(line.commands)}",
                    f"  now:  {_told(tuple(asked))}",
                    *_finer(line.commands, tuple(asked)),
                ]
            )
        story += [f"<< {described(command)}" for command in asked]
    return None


def _told(commands: tuple[AnyCommand, ...]) -> str:
    return ", ".join(map(described, commands)) or "nothing"


def _finer(then: tuple[AnyCommand, ...], now: tuple[AnyCommand, ...]) -> list[str]:
    """The first pair that differs, in full: two commands may read alike in one line."""
    for old, new in zip(then, now, strict=False):
        if old != new:
            return [f"  - {old}", f"  + {new}"]
    return []
