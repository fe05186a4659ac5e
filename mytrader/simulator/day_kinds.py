"""What kind of day a synthetic session is: how it moves, jumps, stops.

A seed draws the kind. Most days are ordinary, trending or choppy; now and then there is news; one
in thirty is wild: the price runs into its limit and stays there, falls into the circuit breaker,
or the exchange goes away for a while. The weights of the first four are chosen so that many
sessions together look like the measured month; wild days are rarer in truth, and common enough
here to be met by whoever plays a hundred seeds.
"""

import random
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mytrader.domain.session import SESSION_MINUTES

HALT_MINUTES: Final = 15
"""The pause after a fall of 7 % or 13 % in regular hours (SAFETY.md X5)."""

RELEASE_MINUTES: Final = (870, 930, 1020, 1200)
"""07:30, 08:30, 10:00 and 13:00 US Central in minutes of the session: when news comes."""


class DayKind(StrEnum):
    """The character of a session."""

    ORDINARY = "ordinary"
    TREND = "trend"
    CHOP = "chop"
    NEWS = "news"
    LIMIT = "limit"
    BREAKER = "breaker"
    OUTAGE = "outage"


WILD: Final = (DayKind.LIMIT, DayKind.BREAKER, DayKind.OUTAGE)
"""Days on which the market stops or locks."""

_PER_THOUSAND: Final = {
    DayKind.ORDINARY: 600,
    DayKind.TREND: 130,
    DayKind.CHOP: 150,
    DayKind.NEWS: 87,
    DayKind.LIMIT: 11,
    DayKind.BREAKER: 11,
    DayKind.OUTAGE: 11,
}


class Character(Struct, frozen=True):
    """How a kind of day moves.

    `spells` is what the next spell is drawn from: 1 up, -1 down, 0 chop. `trend` is the drift of a
    spell in standard deviations of a minute, `pull` the part of the distance to the mean of the
    last three quarters of an hour that a minute of chop takes back. `level` is added to the log of
    the volatility; `jumps` is how many are expected in a session.
    """

    spells: tuple[int, ...] = (-1, 0, 0, 1)
    trend: float = 0.11
    pull: float = 0.005
    level: float = 0.0
    jumps: float = 0.3


_CHARACTERS: Final = {
    DayKind.ORDINARY: Character(),
    DayKind.TREND: Character(spells=(0, 1, 1), trend=0.07, pull=0.0, level=0.05),
    DayKind.CHOP: Character(spells=(0,), pull=0.03, level=-0.1, jumps=0.2),
    DayKind.NEWS: Character(level=0.1, jumps=1.0),
    DayKind.LIMIT: Character(level=0.9, jumps=2.0),
    DayKind.BREAKER: Character(level=0.9, jumps=2.0),
    DayKind.OUTAGE: Character(),
}


class DayPlan(Struct, frozen=True):
    """One session's kind and what was drawn for it; minutes count from the session's open.

    `side` is the direction of a trend or of a run to the limit. `event_minute` is when the news
    comes or the run begins, `silent` the minutes in which an outage lets nothing trade.
    """

    kind: DayKind
    character: Character
    side: int
    event_minute: int
    silent: range = range(0)


def draw_day(chance: random.Random, kind: DayKind | None = None) -> DayPlan:
    """Return a session's plan; `kind` takes the place of the draw and nothing else."""
    drawn = chance.choices(list(_PER_THOUSAND), list(_PER_THOUSAND.values()))[0]
    side = chance.choice((-1, 1))
    release = chance.choice(RELEASE_MINUTES)
    begin = chance.randrange(60, 700)
    lasting = chance.randrange(20, 90)
    kind = drawn if kind is None else kind
    character = _CHARACTERS[kind]
    if kind is DayKind.TREND:
        character = Character(
            spells=tuple(side * each for each in character.spells),
            trend=character.trend,
            pull=character.pull,
            level=character.level,
            jumps=character.jumps,
        )
    if kind is DayKind.BREAKER:
        return DayPlan(kind, character, -1, 930 + begin // 4)
    if kind is DayKind.OUTAGE:
        start = min(begin * 2, SESSION_MINUTES - lasting - 10)
        return DayPlan(kind, character, side, start, range(start, start + lasting))
    return DayPlan(kind, character, side, begin if kind is DayKind.LIMIT else release)
