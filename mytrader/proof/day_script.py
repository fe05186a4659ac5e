"""What a hostile day holds in store, drawn from a seed: hours, faults, people, accidents.

Every draw comes from one seeded generator before the day begins. A day is therefore a script that
can be read, shortened, stripped of a fault and played again.
"""

import random
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.domain.session import SESSION_MINUTES
from mytrader.simulator.faults import Faults

SESSIONS: Final = tuple(date(2025, 12, day) for day in (1, 2, 3, 4, 8, 9, 10, 11))
"""Mondays to Thursdays, so that a next session follows; clear of roll and holidays."""

CALM_MINUTES: Final = 6
"""How long before its end a day turns calm, for people to close everything."""

REGULAR_OPEN: Final = 930
RESET: Final = 375
"""08:30 and 23:15 US Central, the beginning of the broker's reset, in minutes of the session."""


class Around(StrEnum):
    """What hours are placed around; the whole session is placed around nothing."""

    OPEN = "open"
    CLOSE = "close"
    HALT = "halt"
    RESET = "reset"
    DAY = "day"


class Act(StrEnum):
    """What people and processes do at a moment of the day."""

    FLATTEN = "flatten"
    HALT = "halt"
    RESUME = "resume"
    KILL = "kill"
    DROP = "drop"


class Moment(Struct, frozen=True):
    """One happening, `at_s` seconds since the market began."""

    at_s: float
    act: Act


class Accidents(Struct, frozen=True):
    """Chances, per order that is sent, that the process dies before its bytes, or just after."""

    killed_before: float = 0.0
    killed_after: float = 0.0


BUSY: Final = 60
"""Ticks a minute in a market that is told of once a second."""

OFTEN, SELDOM = 0.8, 0.1
"""The chance of a proposal at the close of a minute: in an hour, and in a whole session."""

KEPT: Final = 0.5
"""The chance of a fault of the catalogue to be possible on a day."""

SLOWER: Final = 6.0
"""In a whole session people and processes misbehave so many times less often than in an hour."""


class Part(Struct, frozen=True):
    """A stretch of a session, minutes from its open; the day's sessions follow one another."""

    begins: int
    minutes: int
    next_session: bool = False


class Wanted(Struct, frozen=True):
    """What days are wanted: their length, their faults, the trader's profile.

    `minutes` 0 is a whole session. `faults` carries a name for people.
    """

    minutes: int
    profile: Profile
    faults_name: str
    faults: Faults

    @property
    def hostile(self) -> bool:
        """Whether people and processes misbehave as well, and every family has to fire."""
        return self.faults_name == "hostile"


class DayScript(Struct, frozen=True):
    """Everything that a seed decides about a day.

    `ticks_a_minute` is how often the market moves or trades at least; 60 is a quote a second.
    `go` is the chance that an advisor lets an entry pass, `signals` the chance of a proposal at
    the close of a minute. `hold_s` and `trailing_ticks` are the trader's time stop and trailing
    stop; `None` is none.
    """

    seed: int
    profile: Profile
    symbol: str
    lots: int
    session: date
    around: Around
    parts: tuple[Part, ...]
    faults: Faults
    moments: tuple[Moment, ...] = ()
    accidents: Accidents = Accidents()
    signals: float = 0.8
    go: float = 0.85
    hold_s: int | None = None
    trailing_ticks: int | None = None
    ticks_a_minute: int = 0

    @property
    def name(self) -> str:
        """What tells the day from every other of its campaign: profile and seed."""
        return f"{self.profile}-{self.seed}"

    @property
    def minutes(self) -> int:
        """Minutes in which the market is open."""
        return sum(part.minutes for part in self.parts)

    @property
    def calm_from(self) -> timedelta:
        """From when on nothing hostile happens any more, since the market began."""
        return timedelta(minutes=self.minutes - CALM_MINUTES) + self.pause

    @property
    def pause(self) -> timedelta:
        """How long the exchange is closed within the day."""
        return timedelta(hours=1 if len(self.parts) > 1 else 0)

    def lines(self) -> list[str]:
        """Return the script for people, a line for each thing that is out of the ordinary."""
        parts = " + ".join(f"{part.minutes} min from minute {part.begins}" for part in self.parts)
        head = f"seed {self.seed}: {self.profile} {self.symbol} x {self.lots}, {self.session},"
        acts = [f"{moment.at_s:.0f} s {moment.act}" for moment in self.moments]
        chances = [f"{name} {value:g}" for name, value in _fields(self.accidents) if value]
        return [
            f"{head} around {self.around}: {parts}",
            f"people and processes: {', '.join(acts) or 'nothing'}",
            f"at an order: {', '.join(chances) or 'nothing'}",
            f"faults: {', '.join(rule.name for rule in self.faults.rules) or 'none'}",
        ]


def _fields(accidents: Accidents) -> list[tuple[str, float]]:
    return [(name, getattr(accidents, name)) for name in Accidents.__struct_fields__]


def draw_day(seed: int, wanted: Wanted) -> DayScript:
    """Return the day of a seed."""
    chance = random.Random(f"day {seed}")  # noqa: S311 - repeatable is the point
    around = Around.DAY if not wanted.minutes else chance.choice(_PLACES)
    script = DayScript(
        seed=seed,
        profile=wanted.profile,
        symbol=chance.choice(("ES", "MES")),
        lots=chance.choice((1, 1, 2, 3)),
        session=chance.choice(SESSIONS),
        around=around,
        parts=_parts(around, wanted.minutes, late=chance.random() < 0.5),
        faults=wanted.faults,
        go=chance.choice((0.7, 0.95, 1.0)),
        hold_s=chance.choice((20, 60, 60, 180, None)),
        trailing_ticks=chance.choice((None, None, 4, 8)),
        ticks_a_minute=chance.choice((0, 0, 0, BUSY)),
        signals=OFTEN if wanted.minutes else SELDOM,
    )
    if not wanted.hostile:
        return script
    hostile_s = script.calm_from.total_seconds()
    return replace(
        script,
        moments=_moments(chance, hostile_s, slower=1.0 if wanted.minutes else SLOWER),
        accidents=_accidents(chance),
        faults=_some_of(wanted.faults, chance),
    )


def _some_of(faults: Faults, chance: random.Random) -> Faults:
    """Return about half of the rules, and those that see to it that every family acts.

    Days that differ in which faults can happen at all find more than days on which everything
    happens: faults hide each other. Source: Groce and others, "Swarm Testing", ISSTA 2012.
    """
    kept = [rule for rule in faults.rules if rule.when.by_s is not None or chance.random() < KEPT]
    return replace(faults, rules=tuple(kept))


_PLACES: Final = (Around.OPEN, Around.CLOSE, Around.HALT, Around.RESET)


def _parts(around: Around, minutes: int, *, late: bool) -> tuple[Part, ...]:
    half = minutes // 2
    match around:
        case Around.OPEN:
            # The session's own open, or that of regular hours.
            return (Part(max(REGULAR_OPEN - half, 0) if late else 0, minutes),)
        case Around.CLOSE:
            return (Part(SESSION_MINUTES - minutes, minutes),)
        case Around.HALT:
            first = Part(SESSION_MINUTES - half, half)
            return (first, Part(0, minutes - half, next_session=True))
        case Around.RESET:
            return (Part(max(RESET - half, 0), minutes),)
        case Around.DAY:
            return (Part(0, SESSION_MINUTES),)


def _moments(chance: random.Random, until_s: float, slower: float) -> tuple[Moment, ...]:
    found = list[Moment]()
    for act, mean_s in (
        (Act.FLATTEN, chance.choice((300.0, 1200.0, 6000.0))),
        (Act.HALT, 5000.0),
        (Act.RESUME, chance.choice((15.0, 60.0))),
        (Act.KILL, chance.choice((600.0, 3000.0, 30000.0))),
        (Act.DROP, chance.choice((400.0, 1800.0, 20000.0))),
    ):
        found += [Moment(at_s, act) for at_s in _times(chance, mean_s * slower, until_s)]
    return tuple(sorted(found, key=lambda moment: moment.at_s))


def _times(chance: random.Random, mean_s: float, until_s: float) -> list[float]:
    times, at_s = list[float](), chance.expovariate(1 / mean_s)
    while at_s < until_s:
        times.append(round(at_s, 6))
        at_s += chance.expovariate(1 / mean_s)
    return times


def _accidents(chance: random.Random) -> Accidents:
    risk = chance.choice((0.0, 0.01, 0.03))
    return Accidents(*(chance.choice((0.0, risk)) for _ in range(2)))
