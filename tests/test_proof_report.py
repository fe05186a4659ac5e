"""What `mytrader verify` prints, and its exit status."""

import io

import pytest
from rich.console import Console

from mytrader.domain.limits import Profile
from mytrader.errors import BadInput
from mytrader.proof.report import run, show, status_of, view
from mytrader.proof.search import Found
from mytrader.proof.trader import Crash
from mytrader.proof.verify import Outcome, Report


def report_with(found: Found, *, rows_missing: tuple[str, ...] = ()) -> Report:
    """Return a report of one search."""
    script = () if found.violation is None else ("    0.000 propose", "   broken: I1")
    outcome = Outcome(Profile.STRICT, 1, found, 2.0, 99, (), (), script)
    return Report((outcome,), 2.0, rows_missing=rows_missing)


GOOD = Found(1_200, 3_000, 5, 40, (200, 1_000), ((200, 200),), 1)
BAD = Found(7, 9, 0, 3, (7,), violation="I1: S1 opens", trace=(("propose", 0, Crash.NONE),))


def shown(report: Report) -> str:
    """Return what is printed for people."""
    out = io.StringIO()
    show(report, Console(file=out, width=200, highlight=False))
    return out.getvalue()


def test_a_good_report_says_how_far_it_went() -> None:
    """States, depth, what is complete, what was exercised."""
    said = shown(report_with(GOOD))
    assert "strict, 1 lot: 1,200 states, 3,000 transitions, 40 moves deep" in said
    assert (
        "1 disturbance: 1,000 states, from 200 of 200 states of the level below, complete" in said
    )
    assert "every row was exercised" in said
    assert said.endswith("1,200 distinct states in 2 s, no violation\n")


def test_a_bad_report_shows_the_script() -> None:
    """And fails, whatever was asked."""
    report = report_with(BAD)
    assert "0.000 propose" in shown(report)
    assert status_of(report, whole=False) == 1
    assert view(report)["violations"] == 1


def test_only_the_full_run_must_exercise_everything() -> None:
    """A gap is named in any case."""
    report = report_with(GOOD, rows_missing=("OPEN uncovered",))
    assert (status_of(report, whole=True), status_of(report, whole=False)) == (1, 0)
    assert "not exercised, row: OPEN uncovered" in shown(report)


def test_a_profile_that_is_not_known_is_bad_input() -> None:
    """One line, and what there is."""
    with pytest.raises(BadInput, match="give strict or bracket"):
        run(profile="loose", states=None, depth=None, quick=True, as_json=True)
