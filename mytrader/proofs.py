"""The commands that prove things: what they take, what they show, how they end."""

import sys

import msgspec
from msgspec import Struct
from rich.console import Console

from mytrader.domain.limits import Profile
from mytrader.errors import BadInput
from mytrader.proof.report import show, view
from mytrader.proof.verify import STATES, STATES_QUICK, settings_for
from mytrader.proof.verify import verify as search


class VerifyOptions(Struct, frozen=True):
    """What `mytrader verify` was asked for.

    `states` is for each profile, `faults` how many disturbances lie on one way at most.
    """

    profile: str | None
    states: int | None
    faults: int
    quick: bool = False
    as_json: bool = False


def verify(asked: VerifyOptions) -> int:
    """Search, show what was found; returns 1 where a promise broke or something is missing.

    A search that was bounded on purpose (`--quick`, `--states`, `--profile`) need not exercise
    everything. Raises `BadInput` for a profile that does not exist.
    """
    names = [profile.value for profile in Profile]
    if asked.profile is not None and asked.profile not in names:
        raise BadInput(f"--profile {asked.profile} is unknown: use {' or '.join(names)}")
    profiles = [Profile(asked.profile)] if asked.profile else list(Profile)
    states = asked.states or (STATES_QUICK if asked.quick else STATES)
    groups = settings_for(profiles, states=states, disturbances=asked.faults, quiet=asked.as_json)
    report = search(groups)
    if asked.as_json:
        sys.stdout.write(msgspec.json.encode(view(report)).decode() + "\n")
    else:
        show(report, Console(highlight=False))
    whole = states >= STATES and len(profiles) == len(Profile)
    return int(not report.proven if whole else bool(report.violations))
