"""Entries fold into standings; what does not follow is refused."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.decision import AdvisorCall
from mytrader.learning.standing import (
    Agreed,
    AnyEntry,
    Called,
    Expired,
    Inconsistent,
    Opened,
    Proposed,
    Rejected,
    Revoked,
    Standings,
    Status,
    folded,
)
from tests.learning_samples import NOW, a_proposal

LOOSER = a_proposal(safer=False)
ID = LOOSER.proposal_id
OVER = LOOSER.expires_at
OPEN: list[AnyEntry] = [Opened(NOW, "L"), Proposed(NOW, LOOSER)]


def test_a_proposal_waits_until_somebody_decides() -> None:
    standing = folded(OPEN).by_id[ID]
    assert (standing.status, standing.who, standing.at) == (Status.PROPOSED, "learning", NOW)
    assert standing.open_at(NOW)
    assert not standing.open_at(LOOSER.expires_at)


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ([Agreed(NOW, ID, "ann")], Status.APPROVED),
        ([Rejected(NOW, ID, "ann")], Status.REJECTED),
        ([Revoked(NOW, ID, "ann")], Status.REVOKED),
        ([Expired(OVER, ID, "ann")], Status.EXPIRED),
        ([Agreed(NOW, ID, "bob"), Revoked(NOW, ID, "ann")], Status.REVOKED),
        ([Agreed(NOW, ID, "bob"), Expired(OVER, ID, "ann")], Status.EXPIRED),
    ],
)
def test_what_a_person_or_time_decides_holds(entries: list[AnyEntry], status: Status) -> None:
    standing = folded([*OPEN, *entries]).by_id[ID]
    assert (standing.status, standing.who) == (status, "ann")
    assert standing.open_at(NOW) == (status is Status.APPROVED)


@pytest.mark.parametrize("last", [Rejected, Revoked, Expired])
@pytest.mark.parametrize("then", [Agreed, Rejected, Revoked, Expired])
def test_what_is_over_stays_over(
    last: type[Rejected | Revoked | Expired], then: type[Agreed | Rejected | Revoked | Expired]
) -> None:
    with pytest.raises(Inconsistent, match="cannot be"):
        folded([*OPEN, last(OVER, ID, "ann"), then(OVER, ID, "ann")])


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([Proposed(NOW, LOOSER)], "does not begin"),
        ([*OPEN, Opened(NOW, "M")], "opened once"),
        ([*OPEN, Proposed(NOW, LOOSER)], "was made before"),
        ([*OPEN, Agreed(NOW, "NOBODY", "ann")], "is not known"),
        ([*OPEN, Agreed(NOW, ID, "ann"), Agreed(NOW, ID, "ann")], "cannot be approved"),
        ([*OPEN, Agreed(NOW, ID, "ann"), Rejected(NOW, ID, "ann")], "cannot be rejected"),
        ([*OPEN, Agreed(OVER, ID, "ann")], "expired before"),
        ([*OPEN, Expired(NOW, ID, "learning")], "has not expired yet"),
        ([OPEN[0], Proposed(NOW, replace(LOOSER, value=Decimal(90)))], "may not go from 20 to 90"),
    ],
)
def test_what_does_not_follow_is_refused(entries: list[AnyEntry], why: str) -> None:
    with pytest.raises(Inconsistent, match=why):
        folded(entries)


def test_nothing_written_is_nothing_decided() -> None:
    assert folded([]) == Standings()
    assert folded([Opened(NOW, "L")]) == Standings(ledger_id="L", entries=1)


def test_calls_for_words_are_kept_for_their_day_and_decide_nothing() -> None:
    call = AdvisorCall("bedrock-learning", "agent/C/D", 1, "answered", 800.0)
    late, next_day = NOW.replace(hour=23), NOW + timedelta(days=1)
    entries = [*OPEN, Called(NOW, call), Called(late, call)]
    found = folded(entries)
    assert (found.calls, found.entries) == (((NOW, call), (late, call)), 4)
    assert found.by_id == folded(OPEN).by_id
    newer = folded([*entries, Called(next_day, call)])
    assert newer.calls == ((next_day, call),)
    # A clock that steps back over midnight forgets nothing of the day that it left.
    assert newer.after(Called(late, call)).calls == ((next_day, call), (late, call))
    with pytest.raises(Inconsistent, match="does not begin"):
        folded([Called(NOW, call)])
