"""`mytrader verify`: both profiles, each in its own process, and what was and was not exercised.

What is checked (SAFETY.md section 1), after every move, from the broker's ledger and the
commands alone: no exit opens or flips a position (I1); a position that the trader knows of is
covered within `T_cover`, being left, or the machine is halted with a page out (I2); no order is
placed twice (I3); the booked position is the sum of the executions heard (I5); advice about
anything but a proposal asks for nothing (I7); entries only in NORMAL, and only a person moves the
mode up.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from queue import Queue
from typing import Any, Final, get_args

from msgspec import Struct

from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Profile
from mytrader.execution.bracket_guards import counted
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.proof.script import script_of
from mytrader.proof.search import Found, Search, Setting

SHARES: Final = (
    ("flat", 1, 0, 0.2),
    ("flat", 1, 2, 0.1),
    ("entering", 1, 0, 0.1),
    ("open", 1, 0, 0.15),
    ("leaving", 1, 0, 0.1),
    ("stubborn", 1, 1, 0.1),
    ("entering", 2, 1, 0.1),
    ("open", 2, 1, 0.15),
)
"""Root, lots, faults less than asked for, and share of the states: wide from the beginning, deep
without faults, and from where positions are open, being left, or held in parts."""

POLL_S: Final = 1.0


class Report(Struct, frozen=True):
    """What every search of a run has found; wall seconds by profile."""

    found: tuple[Found, ...]
    seconds: dict[Profile, float]

    @property
    def states(self) -> int:
        """Distinct states of all searches; those of different settings are never the same."""
        return sum(found.states for found in self.found)

    @property
    def violations(self) -> list[Found]:
        """The searches in which a promise broke."""
        return [found for found in self.found if found.violation is not None]

    @property
    def events_missing(self) -> list[str]:
        """Kinds of events that no search has let the trader hear."""
        heard = frozenset[str]().union(*(found.events for found in self.found))
        return sorted(kind.__name__ for kind in get_args(AnyEvent) if kind.__name__ not in heard)

    @property
    def rows_missing(self) -> list[tuple[Phase, Fact]]:
        """Rows of the table that no search has used."""
        used = frozenset[tuple[Phase, Fact]]().union(*(found.rows for found in self.found))
        return [row for row in TRANSITIONS if row not in used]

    @property
    def proven(self) -> bool:
        """Whether no promise broke and everything was exercised."""
        return not (self.violations or self.events_missing or self.rows_missing)


def settings_of(
    profiles: Sequence[Profile], *, states: int, depth: int, faults: int
) -> list[list[Setting]]:
    """Return what each process searches, one after the other."""
    return [
        [
            Setting(
                profile,
                root=root,
                lots=lots,
                faults=max(faults - fewer, 0),
                states=int(states * share),
                depth=depth,
            )
            for root, lots, fewer, share in SHARES
        ]
        for profile in profiles
    ]


class Word(Struct, frozen=True):
    """How far one search has come."""

    setting: Setting
    states: int
    transitions: int
    depth: int


def _tell(
    words: "Queue[Word]", setting: Setting, states: int, *, transitions: int, depth: int
) -> None:
    words.put(Word(setting, states, transitions, depth))


def search_all(settings: Sequence[Setting], words: "Queue[Word] | None" = None) -> list[Found]:
    """Search one setting after the other; the work of one process. Ends at the first violation."""
    found = []
    for setting in settings:
        told = None if words is None else partial(_tell, words, setting)
        found.append(Search(setting).run(told))
        if found[-1].violation is not None:
            break
    return found


def verify(
    plans: Sequence[Sequence[Setting]],
    *,
    told: Callable[[Word], None],
    seconds: Callable[[], float],
) -> Report:
    """Search every plan in a process of its own; `told` hears of progress, in this process.

    `seconds` is a clock that never goes back.
    """
    context = get_context("spawn")
    began = seconds()
    found: list[Found] = []
    took: dict[Profile, float] = {}
    with context.Manager() as manager, ProcessPoolExecutor(len(plans), context) as pool:
        words: Queue[Word] = manager.Queue()
        pending = {pool.submit(search_all, plan, words) for plan in plans}
        while pending:
            done, pending = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
            while not words.empty():
                told(words.get())
            for future in done:
                found += future.result()
                took[found[-1].setting.profile] = seconds() - began
    return Report(tuple(found), took)


def report_lines(report: Report) -> list[str]:
    """Return the report for people: a line for each search, what is missing, every trace."""
    lines = []
    for found in report.found:
        setting = found.setting
        whole = "all of them" if found.complete else "bounded"
        lots = counted(setting.lots, "lot")
        lines.append(
            f"{setting.profile:8} {setting.root:9} {lots:7} {found.states:>10,} states"
            f" {found.transitions:>12,} transitions  depth {found.depth:>2}, {whole},"
            f" at most {counted(setting.faults, 'fault')} on a way"
        )
    lines.append(f"{'together':26} {report.states:>10,} states")
    for profile, took in report.seconds.items():
        lines.append(f"{profile:8} took {took:.0f} s")
    kinds, rows = len(get_args(AnyEvent)), len(TRANSITIONS)
    lines.append(f"events exercised: {kinds - len(report.events_missing)} of {kinds} kinds")
    lines += [f"  missing: {name}" for name in report.events_missing]
    lines.append(f"table exercised: {rows - len(report.rows_missing)} of {rows} rows")
    lines += [f"  missing: {phase}, {fact}" for phase, fact in report.rows_missing]
    for found in report.violations:
        lines += ["", f"VIOLATION in profile {found.setting.profile}: {found.violation}"]
        lines += script_of(found.setting, found.trace)
    if not report.violations:
        lines.append("violations: 0")
    return lines


def as_json(report: Report) -> dict[str, Any]:
    """Return the report for programs."""
    return {
        "states": report.states,
        "violations": len(report.violations),
        "proven": report.proven,
        "seconds": {profile.value: round(took, 1) for profile, took in report.seconds.items()},
        "searches": [
            {
                "profile": found.setting.profile.value,
                "root": found.setting.root,
                "lots": found.setting.lots,
                "faults_max": found.setting.faults,
                "states": found.states,
                "transitions": found.transitions,
                "depth": found.depth,
                "complete": found.complete,
                "violation": found.violation,
                "trace": list(found.trace),
            }
            for found in report.found
        ],
        "events_missing": report.events_missing,
        "rows_missing": [[phase.value, fact.value] for phase, fact in report.rows_missing],
    }
