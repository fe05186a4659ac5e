"""`mytrader verify`: one process per profile, each with its searches; what came of all of them.

Theory of operation. `truth` holds what is so, `broker` what may happen, `trader` runs the real
`step` and the loop around it, `judge` reads the truth and the commands, `canon` says which worlds
are one state, `search` visits them, `ending` asks what becomes of them, `script` tells a trace.
"""

import gc
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final

from msgspec import Struct

from mytrader.domain.events import AnyEvent
from mytrader.domain.limits import Limits, Profile
from mytrader.execution.bracket_guards import counted
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.proof.script import breaks, shortened, told
from mytrader.proof.search import Bounds, Found, Search
from mytrader.proof.trader import Trader
from mytrader.proof.truth import limits_of
from mytrader.runtime import monotonic_seconds

STATES: Final = 530_000
"""For each profile: together more than a million."""
STATES_QUICK: Final = 24_000
DISTURBANCES: Final = 3
SHARES: Final = ((1, 0.55), (2, 0.45))
"""Lots of a trade, and share of the states."""
TELL_EVERY_S: Final = 10.0


class Setting(Struct, frozen=True):
    """One search: a profile, how many lots are traded, how far it goes."""

    profile: Profile
    lots: int
    bounds: Bounds
    quiet: bool = True


class Outcome(Struct):
    """What one search came to, and which kinds of event and rows of the table it exercised."""

    profile: Profile
    lots: int
    found: Found
    seconds: float
    steps: int
    events: tuple[str, ...]
    rows: tuple[str, ...]
    flips: int = 0
    script: tuple[str, ...] = ()


class Report(Struct):
    """What all searches came to together, and how long it took by the clock, seconds."""

    outcomes: tuple[Outcome, ...]
    seconds: float
    events_missing: tuple[str, ...] = ()
    rows_missing: tuple[str, ...] = ()

    @property
    def states(self) -> int:
        """Distinct states over all searches."""
        return sum(outcome.found.states for outcome in self.outcomes)

    @property
    def violations(self) -> int:
        """Searches that ended at a broken promise."""
        return sum(outcome.found.violation is not None for outcome in self.outcomes)

    @property
    def proven(self) -> bool:
        """Whether no promise broke and everything was exercised."""
        return not (self.violations or self.events_missing or self.rows_missing)


def settings_for(
    profiles: Sequence[Profile], *, states: int, disturbances: int, quiet: bool
) -> list[list[Setting]]:
    """Return the searches, in one list for each process."""
    return [
        [
            Setting(profile, lots, Bounds(int(states * share), disturbances), quiet)
            for lots, share in SHARES
        ]
        for profile in profiles
    ]


class _Progress:
    """Says on standard error how far one search has come, now and then."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._said = self.began = monotonic_seconds()

    def __call__(self, states: int) -> None:
        now = monotonic_seconds()
        if self._setting.quiet or now - self._said < TELL_EVERY_S:
            return
        self._said = now
        setting = self._setting
        sys.stderr.write(
            f"verify {setting.profile}, {counted(setting.lots, 'lot')}: {states:,} of at most"
            f" {setting.bounds.states:,} states, {now - self.began:.0f} s\n"
        )


def search(setting: Setting, make: Callable[[Limits], Trader] = Trader) -> Outcome:
    """Run one search. `make` makes its trader: another than the real one, to see it fail."""
    limits = limits_of(setting.profile, lots=setting.lots)
    trader = make(limits)
    progress = _Progress(setting)
    found = Search(trader, setting.bounds, progress=progress).run()
    script: tuple[str, ...] = ()
    if found.violation is not None:
        found.trace = shortened(partial(make, limits), found.trace)
        found.violation = breaks(make(limits), found.trace) or found.violation
        script = tuple(told(make(limits), found.trace))
    return Outcome(
        profile=setting.profile,
        lots=setting.lots,
        found=found,
        seconds=monotonic_seconds() - progress.began,
        steps=trader.steps,
        events=tuple(sorted(_kind(kind) for kind in trader.events_seen)),
        rows=tuple(sorted(_row_name(row) for row in trader.table.seen)),
        flips=trader.flips,
        script=script,
    )


def search_all(settings: Sequence[Setting]) -> list[Outcome]:
    """Run some searches one after the other, up to the first that finds a violation."""
    # Nothing that a search makes refers to itself; looking for such things took a third of it.
    gc.disable()
    outcomes = []
    for setting in settings:
        outcomes.append(search(setting))
        if outcomes[-1].found.violation is not None:
            break
    return outcomes


def verify(groups: Sequence[Sequence[Setting]]) -> Report:
    """Run each group of searches in a process of its own and put together what they found."""
    began = monotonic_seconds()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(groups), mp_context=context) as pool:
        outcomes = tuple(outcome for found in pool.map(search_all, groups) for outcome in found)
    return Report(
        outcomes=outcomes,
        seconds=monotonic_seconds() - began,
        events_missing=_missing(events_known(), outcomes, "events"),
        rows_missing=_missing(rows_known(), outcomes, "rows"),
    )


def events_known() -> list[str]:
    """Return every kind of event."""
    return [_kind(kind) for kind in AnyEvent.__args__]


def rows_known() -> list[str]:
    """Return every row of the transition table."""
    return [_row_name(row) for row in TRANSITIONS]


def _kind(event: type) -> str:
    return str(event.__struct_config__.tag)  # type: ignore[attr-defined] # every event is a Struct


def _row_name(row: tuple[str, str]) -> str:
    phase, fact = row
    return f"{phase} {fact}"


def _missing(known: Sequence[str], outcomes: Sequence[Outcome], field: str) -> tuple[str, ...]:
    seen = {name for outcome in outcomes for name in getattr(outcome, field)}
    return tuple(name for name in known if name not in seen)
