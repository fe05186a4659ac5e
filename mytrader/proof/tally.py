"""What a campaign adds up to: days, faults by family, unprotected time, failures."""

import hashlib
from bisect import bisect_left
from collections import Counter
from typing import Any, Final

from msgspec import Struct, field

from mytrader.proof.day_result import DayResult
from mytrader.simulator.fault_catalogue import FAMILIES

BOUNDS_S: Final = (0.01, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Upper bounds of the distribution of unprotected intervals, seconds; the last one is open."""

_HOUR_S: Final = 3600.0


class Played(Struct, frozen=True):
    """A day with what it cost: seconds of the wall and of the processor, and memory at its end."""

    result: DayResult
    wall_s: float
    cpu_s: float
    rss_mb: float


class Tally(Struct):
    """The sum of days. `silent` are days on which a family of the profile did not fire."""

    days: int = 0
    simulated_s: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    rss_mb_max: float = 0.0
    events: int = 0
    trades: int = 0
    starts: int = 0
    fills: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    silent: dict[str, list[str]] = field(default_factory=dict)
    bare: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    longest: tuple[float, str] = (0.0, "")
    longest_answerable: tuple[float, str] = (0.0, "")
    longest_unanswered: tuple[float, str] = (0.0, "")
    failures: list[DayResult] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    def add(self, played: Played) -> None:
        """Take a day in."""
        result = played.result
        self.days += 1
        self.simulated_s += result.simulated_s
        self.wall_s += played.wall_s
        self.cpu_s += played.cpu_s
        self.rss_mb_max = max(self.rss_mb_max, played.rss_mb)
        self.events += result.events
        self.trades += result.trades
        self.starts += result.starts
        for sums, own in (
            (self.fills, result.fills),
            (self.families, result.families),
            (self.fired, result.fired),
            (self.pages, result.pages),
        ):
            sums.update(own)
        self._add_bare(result)
        wanted = {rule.family for rule in result.script.faults.rules} & set(FAMILIES)
        if not result.violations and wanted - result.families.keys():
            self.silent[result.script.name] = sorted(wanted - result.families.keys())
        if result.violations:
            self.failures.append(result)
        self.digests[result.script.name] = result.digest

    def _add_bare(self, result: DayResult) -> None:
        for seconds in result.bare_s:
            self.bare[bisect_left(BOUNDS_S, seconds)] += 1
        self.longest = max(self.longest, (max(result.bare_s, default=0.0), result.script.name))
        answerable = max(result.answerable_s, default=0.0)
        self.longest_answerable = max(self.longest_answerable, (answerable, result.script.name))
        unanswered = max(result.unanswered_s, default=0.0)
        self.longest_unanswered = max(self.longest_unanswered, (unanswered, result.script.name))

    @property
    def digest(self) -> str:
        """One hash of all days, whatever order they came in."""
        days = sorted(self.digests.items())
        lines = "".join(f"{name} {digest}\n" for name, digest in days)
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def hours_per_core_second(self) -> float:
        """Simulated hours for each second of a processor."""
        return self.simulated_s / _HOUR_S / self.cpu_s if self.cpu_s else 0.0


def view(tally: Tally) -> dict[str, Any]:
    """Return the tally for a program to read."""
    return {
        "days": tally.days,
        "simulated_hours": round(tally.simulated_s / _HOUR_S, 3),
        "cpu_s": round(tally.cpu_s, 3),
        "simulated_hours_per_core_second": round(tally.hours_per_core_second, 3),
        "rss_mb_max": round(tally.rss_mb_max, 1),
        "events_judged": tally.events,
        "trades": tally.trades,
        "starts": tally.starts,
        "fills": dict(tally.fills),
        "faults_by_family": dict(tally.families),
        "faults": dict(sorted(tally.fired.items())),
        "pages": dict(sorted(tally.pages.items())),
        "silent_families": dict(sorted(tally.silent.items())),
        "unprotected": {
            "bounds_s": list(BOUNDS_S),
            "intervals": tally.bare,
            "longest_s": tally.longest[0],
            "longest_day": tally.longest[1],
            "longest_answerable_s": tally.longest_answerable[0],
            "longest_answerable_day": tally.longest_answerable[1],
            "longest_unanswered_s": tally.longest_unanswered[0],
            "longest_unanswered_day": tally.longest_unanswered[1],
        },
        "digest": tally.digest,
        "violations": [
            {
                "seed": result.seed,
                "profile": result.script.profile.value,
                "invariant": violation.invariant,
                "at": violation.at.isoformat(),
                "text": violation.text,
            }
            for result in tally.failures
            for violation in result.violations
        ],
    }


def lines(tally: Tally) -> list[str]:
    """Return the tally for people."""
    hours = tally.simulated_s / _HOUR_S
    spread = ", ".join(
        f"{name} {count}" for name, count in zip(_names(), tally.bare, strict=True) if count
    )
    families = ", ".join(f"{name} {tally.families[name]}" for name in FAMILIES)
    return [
        (
            f"{tally.days} days, {hours:,.1f} simulated hours, {tally.cpu_s:,.0f} s of processor: "
            f"{tally.hours_per_core_second:.2f} hours a second and core"
        ),
        f"{tally.trades:,} trades, {tally.starts:,} starts, {tally.events:,} looks of the umpire",
        f"faults that fired: {families}",
        (
            f"unprotected intervals: {spread or 'none'}; longest {tally.longest[0]:.3f} s "
            f"({tally.longest[1] or 'none'}), while the trader ran and knew "
            f"{tally.longest_answerable[0]:.3f} s ({tally.longest_answerable[1] or 'none'}), with "
            "neither page nor exit nor halt "
            f"{tally.longest_unanswered[0]:.3f} s ({tally.longest_unanswered[1] or 'none'})"
        ),
        *(f"{day}: silent were {', '.join(names)}" for day, names in sorted(tally.silent.items())),
        f"digest {tally.digest}",
        f"{len(tally.failures)} days with a violation",
    ]


def _names() -> list[str]:
    return [*(f"≤{bound:g} s" for bound in BOUNDS_S), f">{BOUNDS_S[-1]:g} s"]
