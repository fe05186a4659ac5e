"""A day is played whole by the real trader, and the same seed plays the same day."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.hostile_day import play
from mytrader.proof.day_script import Act, DayScript, Moment, Part, Wanted, draw_day
from mytrader.simulator.fault_files import PROFILES
from mytrader.simulator.fault_rules import CONNECT, Close, Match, Rule, When
from mytrader.simulator.faults import Faults

ALONE = """
import json, sys
from pathlib import Path
from tests.test_hostile_day import hour
from mytrader.hostile_day import play
print(json.dumps(play(hour(int(sys.argv[1])), Path(sys.argv[2])).digest))
"""


def hour(seed: int, faults: str = "hostile", minutes: int = 60) -> DayScript:
    """An hour of a seed, in the default profile."""
    return draw_day(seed, Wanted(minutes, Profile.STRICT, faults, PROFILES[faults]))


def test_a_calm_quarter_of_an_hour_trades_and_ends_flat(tmp_path: Path) -> None:
    script = replace(hour(3, "calm", 15), parts=(Part(1000, 15),), hold_s=20, signals=1.0, go=1.0)
    result = play(script, tmp_path)
    assert result.violations == ()
    assert result.trades > 0
    assert result.families == {}
    assert result.simulated_s > 900
    assert result.events > 100


def test_a_start_in_an_open_trade_waits_for_its_gateway(tmp_path: Path) -> None:
    """The process dies with a position open, and the gateway refuses whoever comes."""
    when = When(after_s=410, times=3)
    refuse = Rule(Close(), "refuse", "connection", when=when, match=Match(CONNECT))
    script = replace(
        hour(3, "calm", 15),
        parts=(Part(1000, 15),),
        signals=1.0,
        go=1.0,
        hold_s=None,
        faults=Faults(rules=(refuse,)),
        moments=(Moment(430, Act.KILL),),
    )
    result = play(script, tmp_path)
    assert (result.violations, result.fired["refuse"]) == ((), 3)
    assert result.starts == 2, "nobody has to start it again"


@pytest.mark.slow
@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("seed", range(1, 11))
def test_a_hostile_hour_breaks_no_invariant(tmp_path: Path, seed: int, profile: Profile) -> None:
    """Twenty in every build; `mytrader simulate` plays more."""
    result = play(replace(hour(seed), profile=profile), tmp_path)
    assert result.violations == (), "\n".join((*result.script.lines(), *result.last))
    assert set(result.families) == {
        "connection",
        "session",
        "acknowledgement",
        "order",
        "sync",
        "data",
    }


@pytest.mark.slow
def test_equal_seeds_make_equal_digests_in_two_processes(tmp_path: Path) -> None:
    digests = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        digests.append(
            subprocess.check_output(  # noqa: S603 - our own interpreter
                [sys.executable, "-c", ALONE, "4", str(folder)],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                text=True,
                stderr=subprocess.DEVNULL,
            ).splitlines()[-1]
        )
    assert json.loads(digests[0])
    assert digests[0] == digests[1]
