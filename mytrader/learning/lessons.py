"""What is worth remembering, as documents: one line, its facts, its evidence.

Lessons are derived from the tables and from nothing else; the same record gives the same lessons
with the same ids. A lesson is drawn only where an interval excludes zero, and an exit reason is no
lesson: that trades which were stopped out have lost is what stops are for.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from mytrader.domain.orders import Side
from mytrader.domain.regime import REGIMES, Regime
from mytrader.learning.intervals import Interval
from mytrader.learning.outcomes import Ended, Outcome
from mytrader.learning.tables import EXIT_REASON, SITUATION, Row, Tables

LESSON_TRADES_MIN: Final = 12
OVERRUN_R: Final = -1.5
"""A loss of one and a half times its risk has gone well past its stop."""


class Fact(Struct, frozen=True):
    """One figure or name that a lesson rests on, as people read it."""

    name: str
    value: str


class Lesson(Struct, frozen=True):
    """One plain line with its facts; `evidence` are the ids of the trades behind it.

    `avoid` says that it argues against repeating such a trade. `strategy`, `regime` and `side`
    are what it is about, `None` where it is about any. `source` is where it comes from. `words`
    are somebody else's sentence about the same facts, "" without; the line always stands.
    """

    line: str
    facts: tuple[Fact, ...]
    evidence: tuple[str, ...]
    avoid: bool
    strategy: str | None = None
    regime: Regime | None = None
    side: Side | None = None
    source: str = "closed trades"
    words: str = ""

    @property
    def lesson_id(self) -> str:
        """A name made of the content, words left out: equal lessons have equal ids."""
        content = msgspec.structs.replace(self, words="")
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:16]


def lessons(found: Tables, outcomes: Iterable[Outcome]) -> tuple[Lesson, ...]:
    """Return what the tables teach: what to avoid first, then what refusals were worth."""
    told = [*_of_trades(found), *_of_refusals(found), *_of_single_trades(outcomes)]
    unlike = {lesson.lesson_id: lesson for lesson in told}
    return tuple(sorted(unlike.values(), key=lambda lesson: not lesson.avoid))


def _of_trades(found: Tables) -> Iterator[Lesson]:
    """Groups of trades that surely lost or gained; a row that holds all trades is no news."""
    rows = [("all trades", found.total)]
    for table in found.trades:
        if table.by != EXIT_REASON:
            rows += [(table.by, row) for row in table.rows if row.trades < found.total.trades]
    for by, row in rows:
        mean = _telling(row)
        if mean is None:
            continue
        lost = mean.below_zero
        verb = "lost" if lost else "gained"
        about = _about(by, row.name)
        subject = "All trades together" if by == "all trades" else f"Trades with {by} {row.name}"
        yield Lesson(
            line=f"{subject} {verb}: {_figures(row)}.",
            facts=_facts(by, row),
            evidence=row.cycle_ids,
            avoid=lost,
            strategy=about.strategy,
            regime=about.regime,
            side=about.side,
        )


def _of_refusals(found: Tables) -> Iterator[Lesson]:
    """What guards kept away, for better or worse; never an argument against a trade.

    The convention errs against a trade: losses are told of only if they outlast that error.
    """
    harsh = max(found.measure.harsh_r, 0.0)
    for table in found.refusals:
        for row in table.rows:
            mean = _telling(row)
            if mean is None or -harsh <= mean.high < 0:
                continue
            worth = "kept losses away" if mean.below_zero else "kept gains away"
            yield Lesson(
                line=f"Refusals ({table.by}: {row.name}) {worth}: {_figures(row)}, had they"
                " been traded.",
                facts=_facts(table.by, row),
                evidence=row.cycle_ids,
                avoid=False,
                source="refused proposals, as they would have ended",
            )


def _of_single_trades(outcomes: Iterable[Outcome]) -> Iterator[Lesson]:
    """Trades that lost far more than they risked, and those that needed an emergency stop."""
    for one in outcomes:
        if one.ended is not Ended.TRADED or one.r is None:
            continue
        overran = one.r <= OVERRUN_R
        if not overran and not one.emergency_stops:
            continue
        what = "lost more than it risked" if overran else "needed an emergency stop"
        facts = (
            Fact("proposed", f"{one.at:%Y-%m-%d %H:%M} UTC"),
            Fact("result", f"{one.r:+.2f} R, {one.net_usd:+.2f} USD"),
            Fact("emergency stops", str(one.emergency_stops)),
            Fact("exit", one.exit_reason),
        )
        yield Lesson(
            line=f"A {one.side} of {one.strategy} {what}: {one.r:+.2f} R, left by"
            f" {one.exit_reason.replace('_', ' ')}.",
            facts=facts,
            evidence=(one.cycle_id,),
            avoid=overran,
            strategy=one.strategy,
            regime=_regime(one.regime),
            side=one.side,
        )


def _telling(row: Row) -> Interval | None:
    """The interval of a row that says something, `None` of one that may be chance."""
    if row.mean is None or row.trades < LESSON_TRADES_MIN:
        return None
    return row.mean if row.mean.below_zero or row.mean.above_zero else None


def _figures(row: Row) -> str:
    low, high = (0.0, 0.0) if row.mean is None else (row.mean.low, row.mean.high)
    return (
        f"{row.trades} trades, mean {row.mean_r or 0.0:+.2f} R"
        f" ({low:+.2f} to {high:+.2f}), {row.net_usd:+.2f} USD"
    )


def _facts(by: str, row: Row) -> tuple[Fact, ...]:
    mean = row.mean or Interval(0.0, 0.0)
    return (
        Fact(by, row.name),
        Fact("trades", str(row.trades)),
        Fact("wins", str(row.wins)),
        Fact("mean", f"{row.mean_r or 0.0:+.2f} R"),
        Fact("interval of the mean", f"{mean.low:+.2f} to {mean.high:+.2f} R"),
        Fact("net", f"{row.net_usd:+.2f} USD"),
    )


class _About(Struct, frozen=True):
    strategy: str | None = None
    regime: Regime | None = None
    side: Side | None = None


def _about(by: str, name: str) -> _About:
    """What a row is about, in the fields of a lesson."""
    match by:
        case "strategy":
            return _About(strategy=name)
        case "regime":
            return _About(regime=_regime(name))
        case "side":
            return _About(side=Side(name))
        case _ if by == SITUATION:
            strategy, regime, side = name.rsplit(", ", 2)
            return _About(strategy, _regime(regime), Side(side))
        case _:
            return _About()


def _regime(name: str) -> Regime | None:
    """The regime of its two words, `None` where a strategy did not say."""
    return REGIMES.get(name)
