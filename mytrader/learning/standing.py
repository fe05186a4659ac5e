"""What has become of every proposal: the entries of a ledger, folded. Pure.

Calls to an agent that writes words about lessons are entries too. The record of a running trader
has one writer, and a look may be made beside it: what it spends stands here.

An entry that does not follow from those before it was not written by us, whatever its signature
says: it makes the ledger one that cannot be trusted.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.decision import AdvisorCall
from mytrader.learning.proposals import Proposal, problem


class Entry(Struct, frozen=True, tag_field="kind"):
    """One line of the ledger; `at` is aware UTC."""

    at: datetime


class Opened(Entry, frozen=True, tag="opened"):
    """The first line: which ledger this is."""

    ledger_id: str


class Proposed(Entry, frozen=True, tag="proposed"):
    """A proposal was made."""

    proposal: Proposal


class Decided(Entry, frozen=True):
    """Something was decided about a proposal; `who` is the person, or "learning"."""

    proposal_id: str
    who: str


class Agreed(Decided, frozen=True, tag="approved"):
    """A person agreed."""


class Rejected(Decided, frozen=True, tag="rejected"):
    """A person refused a proposal that waited."""


class Revoked(Decided, frozen=True, tag="revoked"):
    """A person took back what had been in force."""


class Expired(Decided, frozen=True, tag="expired"):
    """Its time was over."""


class Called(Entry, frozen=True, tag="call"):
    """Words were asked for, and the call ended."""

    call: AdvisorCall


AnyEntry = Opened | Proposed | Agreed | Rejected | Revoked | Expired | Called
AnyDecision = Agreed | Rejected | Revoked | Expired


class Status(StrEnum):
    """Where a proposal stands by what was written down; time may have passed since."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Standing(Struct, frozen=True):
    """A proposal with what was last decided about it."""

    proposal: Proposal
    status: Status
    at: datetime
    who: str

    @property
    def proposal_id(self) -> str:
        """The proposal's id."""
        return self.proposal.proposal_id

    def open_at(self, now: datetime) -> bool:
        """Whether it may still take effect, or does."""
        undecided = self.status in (Status.PROPOSED, Status.APPROVED)
        return undecided and now < self.proposal.expires_at


class Inconsistent(ValueError):
    """An entry that does not follow from those before it."""


class Standings(Struct, frozen=True):
    """Every proposal of a ledger by its id, oldest first; `ledger_id` is "" before its first.

    `calls` are those of the newest day of UTC with calls, each with the time of its record.
    """

    by_id: dict[str, Standing] = {}
    ledger_id: str = ""
    entries: int = 0
    calls: tuple[tuple[datetime, AdvisorCall], ...] = ()

    def after(self, entry: AnyEntry) -> "Standings":
        """Return the standings after one more entry; raises `Inconsistent`."""
        count = self.entries + 1
        if isinstance(entry, Opened):
            if self.entries:
                raise Inconsistent("a ledger is opened once")
            return Standings(ledger_id=entry.ledger_id, entries=count)
        if not self.entries:
            raise Inconsistent("it does not begin with its opening")
        if isinstance(entry, Called):
            today = [each for each in self.calls if _day(each[0]) >= _day(entry.at)]
            return replace(self, calls=(*today, (entry.at, entry.call)), entries=count)
        standing = _proposed(self, entry) if isinstance(entry, Proposed) else _moved(self, entry)
        by_id = {**self.by_id, standing.proposal_id: standing}
        return replace(self, by_id=by_id, entries=count)


def folded(entries: Iterable[AnyEntry]) -> Standings:
    """Return what entries come to; raises `Inconsistent`."""
    standings = Standings()
    for entry in entries:
        standings = standings.after(entry)
    return standings


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _proposed(standings: Standings, entry: Proposed) -> Standing:
    wrong = problem(entry.proposal)
    if wrong:
        raise Inconsistent(wrong)
    if entry.proposal.proposal_id in standings.by_id:
        raise Inconsistent(f"proposal {entry.proposal.proposal_id} was made before")
    return Standing(entry.proposal, Status.PROPOSED, entry.at, "learning")


def _moved(standings: Standings, entry: AnyDecision) -> Standing:
    standing = standings.by_id.get(entry.proposal_id)
    if standing is None:
        raise Inconsistent(f"proposal {entry.proposal_id} is not known")
    status = _MOVES.get((standing.status, type(entry)))
    if status is None:
        word = "approved" if isinstance(entry, Agreed) else type(entry).__name__.lower()
        raise Inconsistent(
            f"proposal {entry.proposal_id} is {standing.status} and cannot be {word}"
        )
    late = entry.at >= standing.proposal.expires_at
    if status is Status.EXPIRED and not late:
        raise Inconsistent(f"proposal {entry.proposal_id} has not expired yet")
    if late and status is Status.APPROVED:
        raise Inconsistent(f"proposal {entry.proposal_id} expired before it was approved")
    return Standing(standing.proposal, status, entry.at, entry.who)


_MOVES = {
    (Status.PROPOSED, Agreed): Status.APPROVED,
    (Status.PROPOSED, Rejected): Status.REJECTED,
    # What means less risk is in force without a person, and can be taken back.
    (Status.PROPOSED, Revoked): Status.REVOKED,
    (Status.PROPOSED, Expired): Status.EXPIRED,
    (Status.APPROVED, Revoked): Status.REVOKED,
    (Status.APPROVED, Expired): Status.EXPIRED,
}
