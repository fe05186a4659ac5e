"""The report says what was searched, what was exercised, and what broke."""

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.proof.search import Found, Setting
from mytrader.proof.verify import (
    SHARES,
    Report,
    Word,
    as_json,
    report_lines,
    search_all,
    settings_of,
    verify,
)

SETTING = Setting(Profile.STRICT, faults=1, states=10)
FOUND = Found(SETTING, 10, 20, 3, False, frozenset({"TimeReached"}), frozenset(TRANSITIONS))


def test_the_shares_are_the_whole() -> None:
    assert sum(share for _root, _lots, _fewer, share in SHARES) == pytest.approx(1)
    plans = settings_of(list(Profile), states=1000, depth=9, faults=2)
    assert [plan[0].profile for plan in plans] == list(Profile)
    assert all(setting.depth == 9 for plan in plans for setting in plan)


def test_what_was_not_exercised_is_named() -> None:
    report = Report((FOUND,), {Profile.STRICT: 1.0})
    assert "TimeReached" not in report.events_missing
    assert "ExecutionReported" in report.events_missing
    assert report.rows_missing == []
    assert not report.proven
    assert any("missing: ExecutionReported" in line for line in report_lines(report))


def test_a_violation_is_shown_with_its_trace() -> None:
    broken = replace(FOUND, violation="a promise", trace=("propose", "advise GO"))
    report = Report((broken,), {Profile.STRICT: 1.0})
    told = "\n".join(report_lines(report))
    assert "VIOLATION in profile strict: a promise" in told
    assert "<< place bracket BUY 1" in told
    assert as_json(report)["violations"] == 1
    assert not report.proven


@pytest.mark.slow
def test_both_profiles_are_searched_at_once_and_progress_is_told() -> None:
    words: list[Word] = []
    plans = [[Setting(profile, faults=1, states=3000)] for profile in Profile]
    seconds = iter(range(1000))
    report = verify(plans, told=words.append, seconds=lambda: float(next(seconds)))
    assert {found.setting.profile for found in report.found} == set(Profile)
    assert report.violations == []
    assert report.states >= 6000
    assert {word.setting.profile for word in words} == set(Profile)


def test_one_process_searches_one_setting_after_the_other() -> None:
    settings = [replace(SETTING, root=root) for root in ("flat", "open")]
    assert [found.setting for found in search_all(settings)] == settings
