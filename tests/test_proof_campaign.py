"""Whoever plays the days, the sum is the same, and a lost worker loses no day."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.errors import OurFault
from mytrader.proof.campaign import Processes, alone, campaign
from mytrader.proof.day_script import DayScript, Wanted, draw_day
from mytrader.proof.tally import Played, Tally
from mytrader.simulator.fault_files import PROFILES
from tests.test_proof_tally import played

SCRIPTS = [
    draw_day(seed, Wanted(60, Profile.STRICT, "calm", PROFILES["calm"])) for seed in range(1, 7)
]
OTHERS = [replace(script, profile=Profile.BRACKET) for script in SCRIPTS]
DEATHS = "MYTRADER_TEST_DEATHS"


def pretend(script: DayScript) -> Played:
    """Play nothing."""
    return played(script.seed, script.profile, broken=script.seed == 4)


def die_once(script: DayScript) -> Played:
    """Take the worker along, the first time that seed 3 is played."""
    mark = Path(os.environ[DEATHS]) / "died"
    if script.seed == 3 and not mark.exists():
        mark.touch()
        os._exit(9)
    return pretend(script)


def die(script: DayScript) -> Played:
    """Take the worker along, always with seed 3."""
    if script.seed == 3:
        os._exit(9)
    return pretend(script)


def test_every_day_is_told_and_failures_are_kept() -> None:
    heard: list[int] = []
    tally = campaign(SCRIPTS, pretend, crew=alone, told=lambda sum_: heard.append(sum_.days))
    assert heard == [1, 2, 3, 4, 5, 6]
    assert [result.seed for result in tally.failures] == [4]


def _silent(_: Tally) -> None:
    """Hear nothing."""


@pytest.mark.slow
def test_processes_come_to_the_same_sum() -> None:
    """A seed's days in both profiles are two."""
    one = campaign(SCRIPTS + OTHERS, pretend, crew=alone, told=_silent)
    two = campaign(SCRIPTS + OTHERS, pretend, crew=Processes(2), told=_silent)
    assert (one.digest, one.days) == (two.digest, two.days)
    assert (two.days, len(two.digests)) == (12, 12)


@pytest.mark.slow
def test_the_days_of_a_lost_worker_are_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEATHS, str(tmp_path))
    tally = campaign(SCRIPTS, die_once, crew=Processes(2), told=_silent)
    assert (tmp_path / "died").exists()
    assert sorted(tally.digests) == [script.name for script in SCRIPTS]


@pytest.mark.slow
def test_a_day_that_always_kills_its_worker_is_named() -> None:
    with pytest.raises(OurFault, match=r"over the days .*strict-3"):
        campaign(SCRIPTS, die, crew=Processes(1), told=_silent)
