"""What a hostile day holds in store, drawn from a seed: faults that change, people, accidents.

Every draw comes from one seeded generator before the day begins, so a day can be told in a few
lines and played again.
"""

import random
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from mytrader.simulator.faults import EndMessage, Faults

MILLISECONDS = (0, 0, 0, 20, 150, 400, 900)
NAMES = ("ES", "MES")
CALM_MINUTES = 6


class Act(StrEnum):
    """What happens to the trader at a moment of the day."""

    SIGNAL = "signal"
    FLATTEN = "flatten"
    HALT = "halt"
    RESUME = "resume"
    KILL = "kill"
    DROP = "drop"
    LOSE_LINK = "lose link"
    FIND_LINK = "find link"
    LOSE_DATA = "lose data"
    WEATHER = "weather"


class Moment(Struct, frozen=True):
    """One happening: seconds since the market began, and the faults that begin with it."""

    at_s: float
    act: Act
    faults: Faults = Faults()


class Accidents(Struct, frozen=True):
    """Chances, per order that is sent, that something breaks just then."""

    lost_before: float = 0.0
    lost_after: float = 0.0
    killed_before: float = 0.0
    killed_after: float = 0.0


class Day(Struct, frozen=True):
    """Everything that a seed decides about a day."""

    seed: int
    symbol: str
    quantity: int
    minutes: int
    begins: int
    accidents: Accidents
    moments: tuple[Moment, ...]

    @property
    def calm_from(self) -> timedelta:
        """From when on nothing hostile happens any more."""
        return timedelta(minutes=self.minutes - CALM_MINUTES)

    def __str__(self) -> str:
        weather = [f"{m.at_s:.0f} s {m.faults}" for m in self.moments if m.act is Act.WEATHER]
        what = f"{self.symbol} x {self.quantity}, {self.minutes} minutes from {self.begins}"
        return "\n".join((f"seed {self.seed}: {what}", str(self.accidents), *weather))


def draw_day(seed: int) -> Day:
    """Return the day of a seed."""
    chance = random.Random(f"hostile day {seed}")  # noqa: S311 - repeatable is the point
    minutes = chance.choice((20, 30, 40))
    hostile_s = (minutes - CALM_MINUTES) * 60.0
    moments = [Moment(at, Act.WEATHER, _faults(chance)) for at in _times(chance, 240, hostile_s)]
    for act, mean_s in (
        (Act.SIGNAL, 25.0),
        (Act.FLATTEN, chance.choice((120.0, 600.0, 6000.0))),
        (Act.HALT, 5000.0),
        (Act.RESUME, chance.choice((15.0, 60.0))),
        (Act.KILL, chance.choice((300.0, 1500.0, 20000.0))),
        (Act.DROP, chance.choice((200.0, 900.0, 10000.0))),
    ):
        moments += [Moment(at, act) for at in _times(chance, mean_s, hostile_s)]
    for at in _times(chance, chance.choice((400.0, 6000.0)), hostile_s):
        moments.append(Moment(at, Act.LOSE_LINK))
        back = Act.FIND_LINK if chance.random() < 0.5 else Act.LOSE_DATA
        moments.append(Moment(min(at + chance.expovariate(1 / 8), hostile_s), back))
    risk = chance.choice((0.0, 0.01, 0.05))
    accidents = Accidents(*(chance.choice((0.0, risk)) for _ in range(4)))
    return Day(
        seed=seed,
        symbol=chance.choice(NAMES),
        quantity=chance.randint(1, 3),
        minutes=minutes,
        begins=chance.choice((60, 500, 925, 1100, 1380 - minutes)),
        accidents=accidents,
        moments=tuple(sorted(moments, key=lambda moment: moment.at_s)),
    )


def _times(chance: random.Random, mean_s: float, until_s: float) -> list[float]:
    times, at = list[float](), chance.expovariate(1 / mean_s)
    while at < until_s:
        times.append(at)
        at += chance.expovariate(1 / mean_s)
    return times


def _faults(chance: random.Random) -> Faults:
    return Faults(
        reject_child_stops=chance.choice((0, 0, 0, 1, 2, 3)),
        freeze_positions_after_fills=chance.choice((None, None, None, None, None, 0)),
        refuse_marketable_stop_changes=chance.random() < 0.4,
        drop_stop_acknowledgements=chance.random() < 0.3,
        stop_acknowledgement_delay_ms=chance.choice(MILLISECONDS),
        acknowledgement_delay_ms=chance.choice(MILLISECONDS),
        fill_delay_ms=chance.choice(MILLISECONDS),
        cancel_delay_ms=chance.choice(MILLISECONDS),
        missing_end=chance.choice((None,) * 8 + (EndMessage.POSITIONS, EndMessage.EXECUTIONS)),
    )
