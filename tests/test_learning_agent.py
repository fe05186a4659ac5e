"""A study proposes once, waits for people, and never asks twice what was refused."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.learning.agent import Scope, Study, record, study
from mytrader.learning.founding import FOUNDING_LESSON
from mytrader.learning.ledger import Damaged, Ledger
from mytrader.learning.outcomes import Material
from mytrader.learning.parameters import Parameter, current_values
from mytrader.learning.standing import Agreed, Rejected, Revoked, Standings, Status
from mytrader.settings import Settings
from tests.domain_samples import NOON
from tests.fakes.wordsmith import FakeWordsmith
from tests.learning_samples import NOW, a_ledger, closed

VALUES = current_values(Settings())


def losing(count: int = 25) -> list[TradeCycle]:
    """Losses at a confidence between the setting and one step above it, an hour apart."""
    return [
        replace(closed(n, at=NOON + n * timedelta(hours=1), ticks=-18 - n % 3), confidence=0.62)
        for n in range(count)
    ]


def look(
    ledger: Ledger, cycles: list[TradeCycle] | None = None, *, days: int = 0, **more: object
) -> Study:
    scope = replace(Scope(VALUES), **more)
    material = Material(losing() if cycles is None else cycles, {})
    return study([material], ledger.read(), now=NOW + timedelta(days=days), scope=scope)


def test_losses_at_a_low_confidence_raise_it(tmp_path: Path) -> None:
    found = look(a_ledger(tmp_path))
    (proposal,) = found.proposals
    assert (proposal.parameter, proposal.value) == (Parameter.CONFIDENCE, Decimal("0.65"))
    assert proposal.tightens
    assert found.tables.total.trades == 25


def test_looking_writes_nothing_and_recording_does(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    found = look(ledger)
    assert list(tmp_path.iterdir()) == []
    standings = record(found, ledger)
    assert isinstance(standings, Standings)
    assert [one.proposal for one in standings.by_id.values()] == list(found.proposals)


def test_what_stands_is_not_proposed_again(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    record(look(ledger), ledger)
    assert look(ledger, days=1).proposals == ()
    assert look(ledger, days=13).proposals == ()


def test_two_looks_at_once_propose_once(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    one, other = look(ledger), look(ledger, days=1)
    record(one, ledger)
    standings = record(other, ledger)
    assert isinstance(standings, Standings)
    assert len(standings.by_id) == 1


@pytest.mark.parametrize("decision", [Agreed, Rejected, Revoked])
def test_what_a_person_decided_is_not_asked_again_before_its_time(
    tmp_path: Path, decision: type[Agreed | Rejected | Revoked]
) -> None:
    ledger = a_ledger(tmp_path)
    found = look(ledger)
    record(found, ledger)
    ledger.append(decision(NOW, found.proposals[0].proposal_id, "ann"))
    assert look(ledger, days=13).proposals == ()
    assert len(look(ledger, days=14).proposals) == 1


def test_what_expired_is_written_down_and_may_be_proposed_anew(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    record(look(ledger), ledger)
    found = look(ledger, days=14)
    assert len(found.expired) == 1
    standings = record(found, ledger)
    assert isinstance(standings, Standings)
    assert [one.status for one in standings.by_id.values()] == [Status.EXPIRED, Status.PROPOSED]
    assert look(ledger, days=15).expired == ()


def test_the_founding_lesson_is_always_the_first(tmp_path: Path) -> None:
    assert look(a_ledger(tmp_path), []).lessons == (FOUNDING_LESSON,)
    found = look(a_ledger(tmp_path))
    assert found.lessons[0] == FOUNDING_LESSON
    assert len(found.lessons) > 1


def test_only_the_asked_days_are_looked_at_and_the_day_before_is_remembered(
    tmp_path: Path,
) -> None:
    since = NOON + timedelta(hours=2)
    found = look(a_ledger(tmp_path), since=since)
    assert found.outcomes[0].at == since
    assert found.outcomes[0].before.entries == 2
    assert len(found.outcomes) == 23


def test_a_damaged_ledger_is_studied_beside_and_left_alone(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    record(look(ledger), ledger)
    broken = ledger.path.read_bytes().replace(b"0.65", b"0.64")
    ledger.path.write_bytes(broken)
    found = look(ledger, days=30)
    assert (found.proposals, found.expired) == ((), ())
    assert "was changed" in found.damaged
    assert found.tables.total.trades == 25
    assert record(found, ledger) == Damaged(found.damaged)
    assert ledger.path.read_bytes() == broken


def test_words_are_added_to_lessons_and_change_nothing_else(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    plain = look(ledger)
    worded = study(
        [Material(losing(), {})],
        ledger.read(),
        now=NOW,
        scope=Scope(VALUES),
        wordsmith=FakeWordsmith("Leave it alone."),
    )
    assert {one.words for one in worded.lessons} == {"Leave it alone."}
    assert tuple(replace(one, words="") for one in worded.lessons) == plain.lessons
    assert replace(worded, lessons=plain.lessons) == plain


def test_the_same_record_gives_the_same_study(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    assert look(ledger) == look(ledger, list(reversed(losing())))


def test_without_a_date_the_last_days_of_the_record_are_looked_at(tmp_path: Path) -> None:
    """However long ago they were: a record of the past is not empty because it is old."""
    found = look(a_ledger(tmp_path), days=300, lookback=timedelta(hours=5))
    assert len(found.outcomes) == 6
    assert look(a_ledger(tmp_path), [], lookback=timedelta(hours=5)).outcomes == ()


# Lists of what is closed


def by_the_hour(*hours: tuple[int, int]) -> list[TradeCycle]:
    """Trades of so many ticks in each hour of US Central, one a day."""
    return [
        closed(
            1000 * hour + day,
            at=datetime(2025, 9, 1, hour, 30, tzinfo=EXCHANGE_ZONE) + timedelta(days=day),
            ticks=ticks - day % 3,
        )
        for hour, ticks in hours
        for day in range(25)
    ]


LOSING_HOURS = by_the_hour((9, -18), (10, -15), (11, 40))


def hours_of(found: Study) -> list[str]:
    return [one.member for one in found.proposals if one.parameter is Parameter.HOURS]


def test_each_look_closes_one_losing_hour_more(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    first = look(ledger, LOSING_HOURS)
    assert hours_of(first) == ["09"]
    record(first, ledger)
    second = look(ledger, LOSING_HOURS, days=1)
    assert hours_of(second) == ["10"]
    record(second, ledger)
    assert hours_of(look(ledger, LOSING_HOURS, days=2)) == []


def test_a_rejected_hour_says_nothing_of_another(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    found = look(ledger, LOSING_HOURS)
    record(found, ledger)
    (nine,) = [one for one in found.proposals if one.parameter is Parameter.HOURS]
    ledger.append(Revoked(NOW, nine.proposal_id, "ann"))
    assert hours_of(look(ledger, LOSING_HOURS, days=13)) == ["10"]
    assert hours_of(look(ledger, LOSING_HOURS, days=14)) == ["09"]


def test_two_looks_at_once_close_an_hour_once(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    one, other = look(ledger, LOSING_HOURS), look(ledger, LOSING_HOURS, days=1)
    record(one, ledger)
    standings = record(other, ledger)
    assert isinstance(standings, Standings)
    members = [each.proposal.member for each in standings.by_id.values()]
    assert members.count("09") == 1
