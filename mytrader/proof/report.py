"""What `mytrader verify` prints: for people, and for a program."""

from collections.abc import Mapping

from rich.console import Console

from mytrader.execution.bracket_guards import counted
from mytrader.proof.verify import Outcome, Report


def view(report: Report) -> Mapping[str, object]:
    """Return the report as plain values."""
    return {
        "states": report.states,
        "violations": report.violations,
        "proven": report.proven,
        "seconds": round(report.seconds, 1),
        "events_exercised": _exercised(report, "events"),
        "events_missing": report.events_missing,
        "rows_exercised": _exercised(report, "rows"),
        "rows_missing": report.rows_missing,
        "searches": [_search_view(outcome) for outcome in report.outcomes],
    }


def _exercised(report: Report, field: str) -> list[str]:
    return sorted({name for outcome in report.outcomes for name in getattr(outcome, field)})


def _search_view(outcome: Outcome) -> Mapping[str, object]:
    found = outcome.found
    return {
        "profile": outcome.profile,
        "lots": outcome.lots,
        "states": found.states,
        "by_disturbances": found.levels,
        "depth": found.depth,
        "transitions": found.transitions,
        "endings": found.endings,
        "steps": outcome.steps,
        "flips_seen": outcome.flips,
        "moves": found.moves,
        "seconds": round(outcome.seconds, 1),
        "violation": found.violation,
        "script": outcome.script,
    }


def show(report: Report, console: Console) -> None:
    """Print the report for people."""
    for outcome in report.outcomes:
        _show_search(outcome, console)
    for what, missing in (("kind of event", report.events_missing), ("row", report.rows_missing)):
        if missing:
            console.print(f"not exercised, {what}: {', '.join(missing)}", soft_wrap=True)
        else:
            console.print(f"every {what} was exercised")
    found = "no violation" if not report.violations else f"violations: {report.violations}"
    console.print(f"{report.states:,} distinct states in {report.seconds:.0f} s, {found}")


def _show_search(outcome: Outcome, console: Console) -> None:
    found = outcome.found
    name = f"{outcome.profile}, {counted(outcome.lots, 'lot')}"
    console.print(
        f"[bold]{name}[/]: {found.states:,} states, {found.transitions:,} transitions, "
        f"{found.depth} moves deep, {found.endings:,} kind endings, {outcome.seconds:.0f} s",
        soft_wrap=True,
    )
    for level in found.levels:
        text = f"  disturbances {level.name}: {level.states:,} states"
        if level.name != "0":
            text += f", from {level.taken:,} of {level.waiting:,} states"
        console.print(f"{text}{', complete' if level.complete else ''}", soft_wrap=True)
    if found.violation is not None:
        console.print(f"  broken: {found.violation}", soft_wrap=True, markup=False)
        for line in outcome.script:
            console.print(f"  {line}", soft_wrap=True, markup=False)
