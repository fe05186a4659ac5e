"""What `mytrader verify` prints."""

import io

from rich.console import Console

from mytrader.domain.limits import Profile
from mytrader.proof.report import show, view
from mytrader.proof.search import Found, Level
from mytrader.proof.trader import Crash
from mytrader.proof.verify import Outcome, Report


def report_with(found: Found, *, rows_missing: tuple[str, ...] = ()) -> Report:
    """Return a report of one search."""
    script = () if found.violation is None else ("    0.000 propose", "   broken: I1")
    outcome = Outcome(Profile.STRICT, 1, found, 2.0, 99, ("link",), ("OPEN flat",), 3, script)
    return Report((outcome,), 2.0, rows_missing=rows_missing)


LEVELS = (Level("0", 200, 1, 1, complete=True), Level("1", 1_000, 200, 200, complete=True))
GOOD = Found(1_200, 3_000, 5, 40, LEVELS, moves={"deliver": 2_000, "fill": 1_000})
BAD = Found(7, 9, 0, 3, violation="I1: S1 opens", trace=(("propose", 0, Crash.NONE),))


def shown(report: Report) -> str:
    """Return what is printed for people."""
    out = io.StringIO()
    show(report, Console(file=out, width=200, highlight=False))
    return out.getvalue()


def test_a_good_report_says_how_far_it_went() -> None:
    """States, depth, what is complete, what was exercised."""
    said = shown(report_with(GOOD))
    assert "strict, 1 lot: 1,200 states, 3,000 transitions, 40 moves deep" in said
    assert "disturbances 1: 1,000 states, from 200 of 200 states, complete" in said
    assert "every row was exercised" in said
    assert said.endswith("1,200 distinct states in 2 s, no violation\n")


def test_a_bad_report_shows_the_script() -> None:
    """And nothing is proven."""
    report = report_with(BAD)
    assert "0.000 propose" in shown(report)
    assert not report.proven
    assert view(report)["violations"] == 1


def test_what_was_not_exercised_is_named() -> None:
    """A gap is no proof."""
    report = report_with(GOOD, rows_missing=("OPEN uncovered",))
    assert not report.proven
    assert report_with(GOOD).proven
    assert "not exercised, row: OPEN uncovered" in shown(report)


def test_a_program_reads_the_same() -> None:
    """With what was exercised by name."""
    said = view(report_with(GOOD))
    assert said["events_exercised"] == ["link"]
    assert said["rows_exercised"] == ["OPEN flat"]
    assert (said["states"], said["violations"], said["proven"]) == (1_200, 0, True)
