"""A failing day gets smaller as long as it fails, and no further."""

from mytrader.domain.limits import Profile
from mytrader.proof.day_script import Accidents, DayScript, Wanted, draw_day
from mytrader.proof.shrink import acting_rules, shrink
from mytrader.simulator.fault_files import PROFILES

SCRIPT = draw_day(11, Wanted(60, Profile.STRICT, "hostile", PROFILES["hostile"]))


def names(script: DayScript) -> set[str]:
    return {rule.name for rule in acting_rules(script)}


def test_only_what_is_needed_is_left() -> None:
    needed = {SCRIPT.faults.rules[3].name, SCRIPT.faults.rules[-3].name}
    tried: list[DayScript] = []

    def fails(script: DayScript) -> bool:
        tried.append(script)
        return needed <= names(script)

    small = shrink(SCRIPT, fails, tries=500)
    assert names(small) == needed
    assert small.moments == ()
    assert small.accidents == Accidents()
    assert len(tried) < 200


def test_a_rule_that_is_left_keeps_its_place() -> None:
    small = shrink(SCRIPT, lambda script: "bar twice" in names(script), tries=500)
    places = [rule.name for rule in SCRIPT.faults.rules]
    assert [rule.name for rule in small.faults.rules] == places


def test_what_people_did_is_kept_where_it_matters() -> None:
    moment = SCRIPT.moments[3]
    small = shrink(SCRIPT, lambda script: moment in script.moments, tries=500)
    assert small.moments == (moment,)


def test_no_more_days_are_played_than_allowed() -> None:
    tried: list[DayScript] = []

    def fails(script: DayScript) -> bool:
        tried.append(script)
        return False

    shrink(SCRIPT, fails, tries=7)
    assert len(tried) == 7


def test_a_day_that_fails_only_whole_stays_whole() -> None:
    assert shrink(SCRIPT, lambda script: script == SCRIPT, tries=500) == SCRIPT
