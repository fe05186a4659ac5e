"""When to look, what to propose, whom to ask.

Looked at is every finished cycle of the last days, after each day and on demand. A step towards
less risk is proposed and, where the settings say so, in force from the next start on; everything
else waits for a person. While a proposal about a parameter is open none other is made about it;
one that a person rejected or took back is not made again before it would have expired. So a
parameter moves by one step at a time, and nobody is asked twice. Of a list of what is closed that
holds for each member: one look closes one member more.

It proposes and never changes: what it writes is an entry in the ledger, and what holds is decided
at a start (`overlay`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from mytrader.learning.founding import FOUNDING_LESSON
from mytrader.learning.ledger import Damaged, Ledger
from mytrader.learning.lessons import Lesson, lessons
from mytrader.learning.outcomes import (
    FLATTEN_BEFORE_CLOSE,
    Material,
    Outcome,
    once_each,
    outcomes_of,
)
from mytrader.learning.overlay import overlay
from mytrader.learning.parameters import Parameter, Value
from mytrader.learning.proposals import Proposal, Subject, Terms, proposals
from mytrader.learning.standing import Expired, Proposed, Standing, Standings, Status
from mytrader.learning.tables import Tables, tables
from mytrader.learning.words import Wordsmith, worded

WHO: Final = "learning"


class Scope(Struct, frozen=True):
    """What is looked at, and how the trader closes a day.

    That is everything since `since`; without it what came within `lookback` of the newest
    proposal, `None` for all: a record of the past is looked at as it was then. `values` are the
    settings' own, as they are without the ledger.
    """

    values: Mapping[Parameter, Value]
    since: datetime | None = None
    lookback: timedelta | None = None
    flatten_before_close: timedelta = FLATTEN_BEFORE_CLOSE
    terms: Terms = Terms()


class Study(Struct, frozen=True):
    """What one look found.

    `proposals` are new ones, `expired` are those whose time is over and was not yet written down.
    `damaged` is why the ledger cannot be trusted, "" if it can: then nothing is proposed.
    """

    made_at: datetime
    outcomes: tuple[Outcome, ...]
    tables: Tables
    lessons: tuple[Lesson, ...]
    proposals: tuple[Proposal, ...]
    expired: tuple[Standing, ...] = ()
    damaged: str = ""


def study(
    materials: Iterable[Material],
    standings: Standings | Damaged,
    *,
    now: datetime,
    scope: Scope,
    wordsmith: Wordsmith | None = None,
) -> Study:
    """Return what finished cycles say; writes nothing.

    Pure but for the `wordsmith`, which adds words to lessons and nothing else.
    """
    everything = once_each(
        outcome
        for material in materials
        for outcome in outcomes_of(material, flatten_before_close=scope.flatten_before_close)
    )
    since = _since(scope, everything)
    looked_at = tuple(one for one in everything if since is None or one.at >= since)
    found = tables(looked_at)
    told = (FOUNDING_LESSON, *lessons(found, looked_at))
    made: tuple[Proposal, ...] = ()
    expired: tuple[Standing, ...] = ()
    if isinstance(standings, Standings):
        in_force = overlay(scope.values, standings, now=now).values
        made = proposals(
            looked_at,
            scope.values,
            now=now,
            terms=scope.terms,
            held={parameter: effective.value for parameter, effective in in_force.items()},
            barred=_taken(standings, now=now),
        )
        expired = _expired(standings, now)
    return Study(
        made_at=now,
        outcomes=looked_at,
        tables=found,
        lessons=tuple(worded(lesson, wordsmith) for lesson in told),
        proposals=made,
        expired=expired,
        damaged=standings.why if isinstance(standings, Damaged) else "",
    )


def record(found: Study, ledger: Ledger) -> Standings | Damaged:
    """Write what expired and what is proposed into the ledger; return what it comes to.

    Raises `BadInput` when it cannot be written. A damaged ledger is left as it is.
    """
    if found.damaged:
        return Damaged(found.damaged)
    for standing in found.expired:
        ledger.append(Expired(found.made_at, standing.proposal_id, WHO))
    for proposal in found.proposals:
        # Another look may have proposed the same meanwhile.
        standings = ledger.read()
        if isinstance(standings, Standings) and proposal.subject not in _taken(
            standings, now=found.made_at
        ):
            ledger.append(Proposed(found.made_at, proposal))
    return ledger.read()


def _since(scope: Scope, everything: Sequence[Outcome]) -> datetime | None:
    if scope.since is not None or scope.lookback is None or not everything:
        return scope.since
    return everything[-1].at - scope.lookback


def _taken(standings: Standings, *, now: datetime) -> frozenset[Subject]:
    """What something stands about, or was refused about and would still stand."""
    return frozenset(
        standing.proposal.subject
        for standing in standings.by_id.values()
        if standing.status is not Status.EXPIRED and now < standing.proposal.expires_at
    )


def _expired(standings: Standings, now: datetime) -> tuple[Standing, ...]:
    return tuple(
        standing
        for standing in standings.by_id.values()
        if standing.status in (Status.PROPOSED, Status.APPROVED)
        and now >= standing.proposal.expires_at
    )
