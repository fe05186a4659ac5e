"""Stops that follow the market: tighter only, one change at a time, by the order that rests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.limits import Limits
from mytrader.domain.orders import Side
from mytrader.execution.trailing import follows, wanted_stop
from tests.playbook import (
    BRACKET,
    ENTRY,
    LIMITS,
    LINK_LOST,
    STOP,
    Answered,
    Echoed,
    Erred,
    Filled,
    Playbook,
    Quoted,
    Stated,
    entering,
    opened,
)
from tests.wanted import Change

EVEN = replace(LIMITS, break_even_ticks=10)
TRAIL = replace(LIMITS, trailing_ticks=12, trailing_step_ticks=4)


def test_without_a_setting_nothing_follows() -> None:
    assert not follows(LIMITS)
    script = opened() >> Quoted(ENTRY + 30)
    assert (script.is_complete, script.cycle.best) == (True, None)


def test_at_break_even_the_stop_goes_to_the_entry() -> None:
    script = opened(limits=EVEN) >> Quoted(ENTRY + 9)
    script = script >> Quoted(ENTRY + 10) << Change("S1")
    change = script.order("S1").change
    assert change is not None
    assert (change.stop, change.limit) == (ENTRY, ENTRY - 20)
    script = script >> Echoed("S1") >> Stated("S1", "PreSubmitted", why_held="trigger")
    assert script.cycle.stop == ENTRY
    script = script >> Quoted(ENTRY + 25)
    assert script.is_complete


def test_a_trailing_stop_moves_in_steps_and_never_back() -> None:
    script = opened(limits=TRAIL) >> Quoted(ENTRY - 5)
    script = script >> Quoted(ENTRY - 4) << Change("S1") >> Echoed("S1")
    assert script.cycle.stop == STOP + 4
    script = script >> Quoted(ENTRY - 1) >> Quoted(ENTRY - 6)
    script = script >> Quoted(ENTRY) << Change("S1") >> Echoed("S1")
    assert (script.is_complete, script.cycle.stop) == (True, STOP + 8)


def test_a_short_trails_downwards() -> None:
    script = opened(side=Side.SELL, limits=TRAIL) >> Quoted(ENTRY - 10) << Change("S1")
    assert script.order("S1").change.stop == ENTRY - 9 + 12  # type: ignore[union-attr]  # it is there


def test_one_change_at_a_time() -> None:
    script = opened(limits=TRAIL) >> Quoted(ENTRY) << Change("S1") >> Quoted(ENTRY + 20)
    assert script.is_complete


def test_a_refused_change_ends_it_and_the_old_stop_works_on() -> None:
    """B22: a failed change is no cancel."""
    script = opened(limits=TRAIL) >> Quoted(ENTRY) << Change("S1")
    old = script.order("S1").spec
    script = script.past(Erred("S1", 201), Answered((Echoed("S1", "PreSubmitted", old),)))
    script = script >> Quoted(ENTRY + 20)
    assert (script.is_complete, script.cycle.stop) == (True, STOP)


def test_nothing_follows_while_nobody_hears_or_the_stop_is_not_confirmed() -> None:
    script = opened(limits=TRAIL).past(LINK_LOST) >> Quoted(ENTRY + 20)
    assert script.is_complete
    script = entering(limits=TRAIL) >> Filled("E1", ENTRY) >> Quoted(ENTRY + 20)
    assert script.is_complete


def test_a_moved_exit_does_not_move_the_cycles_stop() -> None:
    """The stop that is moved in order to leave is no protection to fall back on."""
    script = opened(limits=TRAIL) >> Quoted(ENTRY + 40) << Change("S1") >> Echoed("S1")
    assert script.cycle.stop == STOP


def test_both_legs_of_a_bracket_stay_in_their_group() -> None:
    limits = replace(BRACKET, break_even_ticks=10)
    script = opened(limits=limits) >> Quoted(ENTRY + 10) << Change("S1")
    change = script.order("S1").change
    assert change is not None
    assert change.oca_group == script.order("T1").spec.oca_group


@pytest.mark.parametrize("side", list(Side))
@given(best=st.integers(-60, 60), touch=st.integers(-60, 60))
def test_the_stop_is_only_tightened_and_keeps_its_distance(
    side: Side, best: int, touch: int
) -> None:
    """Whatever the market did, and whatever it does now."""
    limits = replace(LIMITS, break_even_ticks=8, trailing_ticks=10, trailing_step_ticks=2)
    cycle = replace(OPENED[side].cycle, best=ENTRY + best)
    wanted = wanted_stop(cycle, ENTRY + touch, limits=limits)
    if wanted is not None:
        assert cycle.stop is not None
        assert (wanted - cycle.stop) * side.sign > 0
        assert (ENTRY + touch - wanted) * side.sign >= limits.stop_distance_ticks_min


OPENED: dict[Side, Playbook] = {side: opened(side=side) for side in Side}


def test_before_anything_filled_nothing_is_wanted() -> None:
    assert wanted_stop(entering().cycle, ENTRY, limits=Limits(trailing_ticks=1)) is None
