"""A tally adds days up, in whatever order they come."""

from datetime import UTC, datetime

from mytrader.domain.limits import Profile
from mytrader.proof.day_result import DayResult
from mytrader.proof.day_script import Wanted, draw_day
from mytrader.proof.tally import Played, Tally, lines, view
from mytrader.proof.umpire import Violation
from mytrader.simulator.fault_catalogue import FAMILIES
from mytrader.simulator.fault_files import PROFILES


def played(
    seed: int, profile: Profile = Profile.STRICT, *, broken: bool = False, silent: bool = False
) -> Played:
    """A day that was never played."""
    script = draw_day(seed, Wanted(60, profile, "hostile", PROFILES["hostile"]))
    violation = Violation("I1", datetime(2025, 12, 9, tzinfo=UTC), "flipped")
    return Played(
        DayResult(
            script=script,
            violations=(violation,) if broken else (),
            digest=f"digest {seed}",
            families=dict.fromkeys(FAMILIES[1:] if silent else FAMILIES, 2),
            fired={"status late": 2},
            fills={"entry": 1},
            trades=1,
            starts=2,
            pages={},
            bare_s=(4000.0, 2.5, 0.005) if seed == 2 else (),
            answerable_s=(1.0, 2.5, 0.0) if seed == 2 else (),
            unanswered_s=(0.5, 0.25, 0.0) if seed == 2 else (),
            events=100,
            simulated_s=3600.0,
        ),
        wall_s=2.0,
        cpu_s=1.0,
        rss_mb=100.0 + seed,
    )


def tally(*days: Played) -> Tally:
    made = Tally()
    for day in days:
        made.add(day)
    return made


def test_days_add_up() -> None:
    sum_ = view(tally(played(1), played(2)))
    assert (sum_["days"], sum_["simulated_hours"]) == (2, 2.0)
    assert sum_["simulated_hours_per_core_second"] == 1.0
    assert sum_["faults_by_family"] == dict.fromkeys(FAMILIES, 4)
    assert sum_["unprotected"]["intervals"] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert (sum_["unprotected"]["longest_s"], sum_["unprotected"]["longest_day"]) == (
        4000,
        "strict-2",
    )
    assert sum_["unprotected"]["longest_answerable_s"] == 2.5
    assert sum_["unprotected"]["longest_unanswered_s"] == 0.5
    assert sum_["rss_mb_max"] == 102.0
    assert sum_["violations"] == []


def test_the_digest_does_not_depend_on_the_order() -> None:
    assert tally(played(1), played(2)).digest == tally(played(2), played(1)).digest
    assert tally(played(1)).digest != tally(played(2)).digest


def test_a_family_that_stayed_silent_is_named() -> None:
    assert tally(played(5, silent=True)).silent == {"strict-5": [FAMILIES[0]]}


def test_people_read_the_same() -> None:
    text = "\n".join(lines(tally(played(1), played(2, broken=True))))
    assert "2 days, 2.0 simulated hours" in text
    assert "1 days with a violation" in text
    assert "longest 4000.000 s (strict-2)" in text
