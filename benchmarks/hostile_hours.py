"""Simulated hours a second and core of a campaign with everything on, a quote a second.

Journal, guards, umpire and hostile faults as `mytrader simulate` has them; the market moves or
trades every second. The bare market (ticks and matching) of the same hours is timed beside it, so
that the ratio says what the rest costs. The calm hours show what the faults cost.
"""

import argparse
import json
import time

from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.hostile_day import play_in_scratch, stage_of
from mytrader.proof.day_script import BUSY, DayScript, Wanted, draw_day
from mytrader.simulator.fault_files import PROFILES
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.matching import Matching

HOURS = 6


def main() -> dict[str, float]:
    """Return hours a second of the hostile, the calm and the bare, and the ratio."""
    hostile, hours = _played("hostile")
    calm, _ = _played("calm")
    began = time.process_time()
    for script in _scripts("hostile"):
        matching = Matching()
        for tick in bar_ticks(stage_of(script).played, ticks_min=BUSY):
            matching.advance(tick)
    bare = time.process_time() - began
    return {
        "hours": hours,
        "hostile_hours_per_core_second": hours / hostile,
        "calm_hours_per_core_second": hours / calm,
        "market_alone_hours_per_core_second": hours / bare,
        "ratio": bare / hostile,
    }


def _scripts(faults: str) -> list[DayScript]:
    wanted = Wanted(60, Profile.STRICT, faults, PROFILES[faults])
    return [replace(draw_day(seed, wanted), ticks_a_minute=BUSY) for seed in range(1, HOURS + 1)]


def _played(faults: str) -> tuple[float, float]:
    """Return seconds of a processor and the hours that were simulated in them."""
    played = [play_in_scratch(script) for script in _scripts(faults)]
    hours = sum(each.result.simulated_s for each in played) / 3600
    return sum(each.cpu_s for each in played), hours


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    figures = main()
    if as_json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:38}{value:10.3f}")
