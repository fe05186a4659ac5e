"""What kind of day a synthetic session is: how it moves, jumps, stops.

A seed draws the kind. Most days are ordinary, trending or choppy; now and then there is news; one
in thirty is wild: at night the price runs into its limit and stays there, by day it falls into
the circuit breaker, or the exchange goes away for a while. The weights of the usual four are
chosen so that many sessions together look like the measured month; wild days are rarer in truth,
and common enough here to be met by whoever plays a hundred seeds.
"""

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.session import SESSION_MINUTES

HALT_MINUTES: Final = 15
"""The pause after a fall of 7 % or 13 % in regular hours (SAFETY.md X5)."""

RELEASE_MINUTES: Final = (870, 930, 1020, 1200)
"""07:30, 08:30, 10:00 and 13:00 US Central in minutes of the session: when news comes."""

RUN_MINUTES: Final = 45
"""How long a run takes to its limit."""

_REGULAR_OPEN: Final = 930
_LIMIT_DEPTH: Final = 0.075
_BREAKER_DEPTHS: Final = (0.075, 0.075, 0.075, 0.135)


class DayKind(StrEnum):
    """The character of a session."""

    ORDINARY = "ordinary"
    TREND = "trend"
    CHOP = "chop"
    NEWS = "news"
    LIMIT = "limit"
    BREAKER = "breaker"
    OUTAGE = "outage"


USUAL: Final = (DayKind.ORDINARY, DayKind.TREND, DayKind.CHOP, DayKind.NEWS)
"""Days on which the market neither stops nor locks: what the measured month consists of."""

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
    trend: float = 0.085
    pull: float = 0.005
    level: float = 0.0
    jumps: float = 0.3


_CHARACTERS: Final = {
    DayKind.ORDINARY: Character(),
    DayKind.TREND: Character(spells=(0, 1, 1), trend=0.05, pull=0.0, level=0.05),
    DayKind.CHOP: Character(spells=(0,), pull=0.016, level=-0.1, jumps=0.2),
    DayKind.NEWS: Character(level=0.05, jumps=1.0),
    DayKind.LIMIT: Character(level=0.9, jumps=2.0),
    DayKind.BREAKER: Character(level=0.9, jumps=2.0),
    DayKind.OUTAGE: Character(),
}


class DayPlan(Struct, frozen=True):
    """One session's kind and what was drawn for it; minutes count from the session's open.

    `side` is the direction of a trend, of news or of a run. `event_minute` is when the news comes
    or the run begins; a run goes `depth` of the settlement far and then stays there for
    `locked_minutes`. An outage lets nothing trade in the minutes of `silent`.
    """

    kind: DayKind
    character: Character
    side: int
    event_minute: int
    depth: float = 0.0
    locked_minutes: int = 0
    silent: range = range(0)


def draw_day(chance: random.Random, kinds: Sequence[DayKind] = tuple(DayKind)) -> DayPlan:
    """Return a session's plan, its kind drawn from `kinds` as often as they are met."""
    kind = chance.choices(kinds, [_PER_THOUSAND[kind] for kind in kinds])[0]
    side = chance.choice((-1, 1))
    character = _CHARACTERS[kind]
    lasting = chance.randrange(20, 90)
    match kind:
        case DayKind.TREND:
            spells = tuple(side * each for each in character.spells)
            return DayPlan(kind, replace(character, spells=spells), side, 0)
        case DayKind.LIMIT:
            begin = chance.randrange(60, 700)
            return DayPlan(
                kind, character, side, begin, depth=_LIMIT_DEPTH, locked_minutes=lasting
            )
        case DayKind.BREAKER:
            begin = _REGULAR_OPEN + chance.randrange(15, 170)
            return DayPlan(kind, character, -1, begin, depth=chance.choice(_BREAKER_DEPTHS))
        case DayKind.OUTAGE:
            begin = chance.randrange(120, SESSION_MINUTES - lasting - 10)
            return DayPlan(kind, character, side, begin, silent=range(begin, begin + lasting))
        case DayKind.ORDINARY | DayKind.CHOP | DayKind.NEWS:
            return DayPlan(kind, character, side, chance.choice(RELEASE_MINUTES))
