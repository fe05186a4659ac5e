"""Whole runs through hostile days, judged by the gateway's ledger.

A handful of seeds is part of every build; `MYTRADER_HOSTILE_SEEDS=100:400` plays others.
"""

import os
from pathlib import Path

import pytest

from mytrader.domain.orders import Role
from tests.simulation.hostile_day import Result, play
from tests.simulation.judge import RESUMED, unexcused
from tests.simulation.weather import draw_day

BUILD = "1:7"


def seeds() -> range:
    """The seeds to play: first and last, the last one left out."""
    first, last = os.environ.get("MYTRADER_HOSTILE_SEEDS", BUILD).split(":")
    return range(int(first), int(last))


def complaints(result: Result) -> list[str]:
    """Everything that must not have happened."""
    found = [*result.judge.violations]
    found += unexcused(result.judge.spans, pages=result.pages, absences=result.absences)
    found += [f"a failure reached the loop: {failure!r}" for failure in result.failures]
    if result.undecided:
        told = {code for _, code in result.pages} - {RESUMED}
        return found + ([] if told else ["nobody was told of orders without a fate"])
    if result.position or result.resting or result.open_cycles:
        left = [(cycle.phase, cycle.halted_why) for cycle in result.open_cycles]
        found.append(f"at the end {result.position} open, {result.resting} resting, {left}")
    elif result.cash_change_usd != result.net_usd:
        found.append(f"cash changed by {result.cash_change_usd}, trades say {result.net_usd}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds())
def test_a_hostile_day_does_no_harm(seed: int, tmp_path: Path) -> None:
    """Exits never open or flip, cover holds or a person is paged, and calm ends flat."""
    day = draw_day(seed)
    assert complaints(play(day, tmp_path)) == [], str(day)


@pytest.mark.slow
def test_equal_seeds_make_equal_journals(tmp_path: Path) -> None:
    """Faults, restarts and people included."""
    day = draw_day(2)
    heads = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        heads.append(play(day, tmp_path / name).head_hash)
    assert heads[0] == heads[1], str(day)
    assert heads[0] != ""


@pytest.mark.slow
def test_the_days_are_worth_their_name(tmp_path: Path) -> None:
    """A day on which nothing happened would pass every judgement."""
    result = play(draw_day(6), tmp_path)
    assert result.trades > 0
    assert result.absences
    assert result.judge.roles[Role.ENTRY] > 0
    assert result.judge.spans
