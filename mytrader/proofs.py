"""The commands that prove things: what they take, what they show, how they end."""

import sys
from typing import Final

import msgspec
from msgspec import Struct
from rich.console import Console

from mytrader.domain.limits import Profile
from mytrader.errors import BadInput
from mytrader.proof.verify import Report, Word, as_json, report_lines, settings_of
from mytrader.proof.verify import verify as search
from mytrader.runtime import monotonic_seconds

STATES: Final = 550_000
"""For each profile: together more than a million."""
QUICK_STATES: Final = 12_000
LINE_EVERY_S: Final = 10.0


class VerifyOptions(Struct, frozen=True):
    """What `mytrader verify` was asked for; `states` is for each profile."""

    profile: str | None
    states: int | None
    depth: int
    faults: int
    quick: bool = False
    as_json: bool = False


def verify(asked: VerifyOptions) -> int:
    """Search, show what was found; returns 1 where a promise broke or something is missing.

    A search that was bounded on purpose (`--quick`, `--states`, `--depth`, `--profile`) need not
    exercise everything. Raises `BadInput` for a profile that does not exist.
    """
    names = [profile.value for profile in Profile]
    if asked.profile is not None and asked.profile not in names:
        raise BadInput(f"--profile {asked.profile} is unknown: use {' or '.join(names)}")
    profiles = [Profile(asked.profile)] if asked.profile else list(Profile)
    states = asked.states or (QUICK_STATES if asked.quick else STATES)
    plans = settings_of(profiles, states=states, depth=asked.depth, faults=asked.faults)
    console = Console(stderr=True, quiet=asked.as_json)
    report = search(plans, told=_Progress(console, states).told, seconds=monotonic_seconds)
    _show(report, asked)
    whole = states >= STATES and len(profiles) == len(Profile)
    return int(not report.proven if whole else bool(report.violations))


class _Progress:
    """One line for each profile now and then, on standard error."""

    def __init__(self, console: Console, states: int) -> None:
        self._console = console
        self._states = states
        self._said: dict[Profile, float] = {}

    def told(self, word: Word) -> None:
        """Say how far a search has come, not too often."""
        profile, now = word.setting.profile, monotonic_seconds()
        if now - self._said.get(profile, 0.0) < LINE_EVERY_S:
            return
        self._said[profile] = now
        lots = f"{word.setting.lots} lots" if word.setting.lots > 1 else "1 lot"
        self._console.print(
            f"{profile:8} {lots}  {word.states:,} of {word.setting.states:,} states,"
            f" {word.transitions:,} transitions, depth {word.depth}",
            soft_wrap=True,
            highlight=False,
        )


def _show(report: Report, asked: VerifyOptions) -> None:
    if asked.as_json:
        sys.stdout.write(msgspec.json.encode(as_json(report)).decode() + "\n")
        return
    sys.stdout.write("\n".join(report_lines(report)) + "\n")
