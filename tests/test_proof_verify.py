"""`mytrader verify` as a whole: which searches, in which processes, and how they add up."""

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.proof.search import Bounds
from mytrader.proof.verify import (
    SHARES,
    Report,
    Setting,
    events_known,
    rows_known,
    search,
    search_all,
    settings_for,
    verify,
)

TINY = Setting(Profile.STRICT, 1, Bounds(700, disturbances=1))


@pytest.mark.slow
@pytest.mark.parametrize("profile", list(Profile))
def test_a_small_check_of_the_real_kernel_finds_nothing(profile: Profile) -> None:
    outcome = search(Setting(profile, 1, Bounds(5_000, disturbances=2)))
    assert outcome.found.violation is None, "\n".join(outcome.script)
    assert outcome.found.endings > 10


def test_a_profile_has_a_process_of_its_own() -> None:
    """And in it one search for each number of lots."""
    assert sum(share for _lots, share in SHARES) == pytest.approx(1)
    groups = settings_for(list(Profile), states=1_000, disturbances=2, quiet=True)
    assert [[(one.profile, one.lots) for one in group] for group in groups] == [
        [(profile, 1), (profile, 2)] for profile in Profile
    ]
    assert sum(one.bounds.states for one in groups[0]) == 1_000


@pytest.mark.slow
def test_what_was_exercised_is_named() -> None:
    """By the names of events and rows that a report may miss."""
    (outcome,) = search_all([TINY])
    assert {"execution", "settlement", "margin"} <= set(outcome.events) <= set(events_known())
    assert {"PROPOSED approved", "HALTED settled"} <= set(outcome.rows) <= set(rows_known())


@pytest.mark.slow
def test_a_report_adds_up() -> None:
    """States and violations over all searches."""
    outcome = search(replace(TINY, bounds=Bounds(150, disturbances=1)))
    report = Report((outcome, outcome), 1.0)
    assert (report.states, report.violations) == (2 * outcome.found.states, 0)


@pytest.mark.slow
def test_every_profile_is_searched_and_what_is_missing_is_known() -> None:
    report = verify([[TINY], [replace(TINY, profile=Profile.BRACKET)]])
    assert [outcome.profile for outcome in report.outcomes] == list(Profile)
    assert "HALTED entry_filled" in report.rows_missing
    assert not report.proven
