"""What `mytrader simulate` takes and shows: campaigns of hostile days."""

import re
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from rich.console import Console

from mytrader import __version__
from mytrader.domain.limits import Profile
from mytrader.errors import BadInput
from mytrader.hostile_day import play_in_scratch
from mytrader.proof.campaign import Crew, Processes, alone, campaign
from mytrader.proof.campaign_picture import picture
from mytrader.proof.day_result import DayResult
from mytrader.proof.day_script import DayScript, Wanted, draw_day
from mytrader.proof.ray_crew import RayCrew
from mytrader.proof.shrink import acting_rules, shrink
from mytrader.proof.tally import Tally, lines, view
from mytrader.runtime import monotonic_seconds
from mytrader.simulator.fault_files import load_faults

SEEDS_MAX: Final = 1_000_000
LINE_EVERY_S: Final = 10.0
_SEEDS: Final = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?", re.ASCII)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="string", order="deterministic")


class SimulateOptions(Struct, frozen=True):
    """What was asked of `mytrader simulate`; `hours` 0 are whole sessions."""

    seeds: str | None
    hours: float
    faults: Path
    profile: str
    workers: int
    ray: str | None
    script: Path | None
    out: Path
    picture: Path | None
    shrink: int
    as_json: bool


def simulate(asked: SimulateOptions) -> int:
    """Play the days, show the sum; returns 1 where an invariant broke. Raises `BadInput`."""
    scripts = [_loaded(asked.script)] if asked.script is not None else _drawn(asked)
    console = Console(stderr=True, quiet=asked.as_json)
    progress = _Progress(console, len(scripts))
    tally = _played(asked, scripts, progress)
    small = [_made_small(result, asked.shrink) for result in tally.failures]
    for result in small:
        _keep(result, asked.out)
    if asked.picture is not None:
        title = f"{tally.days} days, faults {asked.faults}, profile {asked.profile}"
        _write(asked.picture, picture(tally, title))
    _show(tally, small, asked)
    return int(bool(tally.failures))


def _played(asked: SimulateOptions, scripts: list[DayScript], progress: "_Progress") -> Tally:
    if asked.ray is not None:
        with closing(RayCrew(asked.ray)) as cluster:
            return campaign(scripts, play_in_scratch, crew=cluster, told=progress.told)
    crew: Crew = alone if asked.workers == 1 else Processes(asked.workers)
    return campaign(scripts, play_in_scratch, crew=crew, told=progress.told)


def _drawn(asked: SimulateOptions) -> list[DayScript]:
    profiles = list(Profile) if asked.profile == "both" else [_profile(asked.profile)]
    faults = load_faults(asked.faults)
    minutes = round(asked.hours * 60)
    return [
        draw_day(seed, Wanted(minutes, profile, asked.faults.name, faults))
        for seed in _seeds(asked.seeds)
        for profile in profiles
    ]


def _profile(name: str) -> Profile:
    names = [profile.value for profile in Profile]
    if name not in names:
        raise BadInput(f"--profile {name} is unknown: use {', '.join(names)} or both")
    return Profile(name)


def _seeds(text: str | None) -> range:
    match = None if text is None else _SEEDS.fullmatch(text)
    if match is None:
        raise BadInput(f"--seeds {text or 'is missing'}: give A..B, such as 1..20, or one number")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 0 <= last - first < SEEDS_MAX:
        raise BadInput(f"--seeds {text}: the last seed must not be below the first")
    return range(first, last + 1)


def _loaded(path: Path) -> DayScript:
    try:
        return msgspec.json.decode(path.read_bytes(), type=DayScript)
    except OSError as error:
        raise BadInput(f"--script {path}: {error.strerror or error}") from None
    except msgspec.MsgspecError as error:
        raise BadInput(f"--script {path}: {error}; it must be a day of this version") from None


# Failures.


def _made_small(result: DayResult, tries: int) -> DayResult:
    """Return the failing day with as few faults as a few tries can find."""
    if not tries:
        return result
    sort = result.violations[0].invariant

    def fails(script: DayScript) -> bool:
        found = play_in_scratch(script).result.violations
        return bool(found) and found[0].invariant == sort

    small = shrink(result.script, fails, tries=tries)
    return result if small == result.script else play_in_scratch(small).result


def _keep(result: DayResult, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out {folder}: {error.strerror or error}") from None
    _write(_file(result, folder), msgspec.json.format(_ENCODER.encode(result.script)).decode())


def _file(result: DayResult, folder: Path) -> Path:
    return folder / f"{result.script.name}.json"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}; choose another file") from None


# What is shown.


class _Progress:
    """One line now and then, on standard error."""

    def __init__(self, console: Console, days: int) -> None:
        self._console = console
        self._days = days
        self._said = monotonic_seconds()

    def told(self, tally: Tally) -> None:
        """Say how far the campaign has come, not too often."""
        now = monotonic_seconds()
        if now - self._said < LINE_EVERY_S and tally.days < self._days:
            return
        self._said = now
        self._console.print(
            f"{tally.days:,} of {self._days:,} days, {len(tally.failures)} failed",
            soft_wrap=True,
            highlight=False,
        )


def _show(tally: Tally, failures: list[DayResult], asked: SimulateOptions) -> None:
    commit = commit_of(Path(__file__).resolve().parents[1])
    if asked.as_json:
        shown: dict[str, Any] = {"version": __version__, "commit": commit, **view(tally)}
        shown["scripts"] = [str(_file(result, asked.out)) for result in failures]
        sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")
        return
    told = lines(tally)
    for result in failures:
        told += ["", *_failure(result, commit, file=_file(result, asked.out))]
    sys.stdout.write("\n".join(told) + "\n")


def _failure(result: DayResult, commit: str, *, file: Path) -> list[str]:
    rules = ", ".join(rule.name for rule in acting_rules(result.script)) or "none"
    return [
        f"seed {result.seed}, commit {commit}",
        *(
            f"  {each.invariant} at {each.at:%Y-%m-%d %H:%M:%S.%f} UTC: {each.text}"
            for each in result.violations
        ),
        *(f"  {line}" for line in result.script.lines()[:3]),
        f"  faults that are needed: {rules}",
        f"  play it again: mytrader simulate --script {file}",
        "  the last of it:",
        *(f"    {line}" for line in result.last),
    ]


def commit_of(root: Path) -> str:
    """Return the commit of the source tree at `root`; "unknown" where there is none."""
    git = root / ".git"
    try:
        if git.is_file():
            git = Path(git.read_text().removeprefix("gitdir:").strip())
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head
        name = head.removeprefix("ref:").strip()
        shared = git / "commondir"
        common = git / shared.read_text().strip() if shared.is_file() else git
        loose = common / name
        if loose.is_file():
            return loose.read_text().strip()
        packed = (common / "packed-refs").read_text().splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "unknown")
    except OSError:
        return "unknown"
