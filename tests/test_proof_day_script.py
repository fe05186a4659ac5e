"""A day is drawn whole before it begins, and can be read."""

import pytest

from mytrader.domain.limits import Profile
from mytrader.proof.day_script import Act, Around, DayScript, Wanted, draw_day
from mytrader.simulator.fault_files import PROFILES

SEEDS = range(1, 60)


def wanted(minutes: int = 60, faults: str = "hostile") -> Wanted:
    return Wanted(minutes, Profile.STRICT, faults, PROFILES[faults])


def drawn(minutes: int = 60, faults: str = "hostile") -> list[DayScript]:
    return [draw_day(seed, wanted(minutes, faults)) for seed in SEEDS]


def test_equal_seeds_draw_equal_days() -> None:
    assert drawn() == drawn()


def test_an_hour_lies_around_open_close_halt_and_reset() -> None:
    assert {script.around for script in drawn()} == set(Around) - {Around.DAY}
    assert {script.minutes for script in drawn()} == {60}


@pytest.mark.parametrize("minutes", [10, 60, 180])
def test_every_part_lies_within_its_session(minutes: int) -> None:
    for script in drawn(minutes):
        assert all(0 <= p.begins <= p.begins + p.minutes <= 1380 for p in script.parts), script
        assert script.minutes == minutes


def test_a_whole_day_is_a_session() -> None:
    script = draw_day(3, wanted(0))
    assert (script.around, script.minutes) == (Around.DAY, 1380)


def test_the_halt_lies_between_two_sessions() -> None:
    script = next(each for each in drawn() if each.around is Around.HALT)
    first, second = script.parts
    assert first.begins + first.minutes == 1380
    assert (second.begins, second.next_session) == (0, True)
    assert script.calm_from.total_seconds() == (60 - 6 + 60) * 60


def test_a_calm_day_has_nobody_in_it() -> None:
    script = draw_day(3, wanted(faults="calm"))
    assert not script.moments
    assert script.faults.rules == ()


def test_people_come_before_the_calm() -> None:
    for script in drawn():
        assert all(m.at_s < script.calm_from.total_seconds() for m in script.moments)
    assert {m.act for script in drawn() for m in script.moments} == set(Act)


def test_a_script_can_be_read() -> None:
    text = "\n".join(draw_day(7, wanted()).lines())
    assert text.startswith("seed 7: strict ")
    assert draw_day(7, wanted()).faults.rules[-1].name in text


def test_a_day_holds_about_half_of_the_faults_and_all_of_their_families() -> None:
    """Faults hide each other: what always happens together is never seen alone."""
    whole = PROFILES["hostile"].rules
    days = [script.faults.rules for script in drawn()]
    for rules in days:
        assert 0.25 * len(whole) < len(rules) < 0.75 * len(whole)
        assert {rule.family for rule in rules} == {rule.family for rule in whole}
    assert {rule.name for rules in days for rule in rules} == {rule.name for rule in whole}


def test_what_was_chosen_by_hand_is_played_whole() -> None:
    assert all(script.faults == PROFILES["flaky"] for script in drawn(faults="flaky"))
