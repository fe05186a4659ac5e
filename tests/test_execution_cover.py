"""What covers a position: confirmed stops, each trusted group counted once."""

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Limits, Profile
from mytrader.domain.orders import Side
from mytrader.execution.cover import (
    covered,
    flipped,
    free_lots,
    held_lots,
    naked_lots,
    reducing_orders,
    resting_targets,
)
from tests.playbook import (
    BRACKET,
    ENTRY,
    TARGET,
    Answered,
    Echoed,
    Filled,
    Playbook,
    Stated,
    entering,
    opened,
)


def open_counts(script: Playbook) -> tuple[bool, int, int]:
    """Return whether the position is covered, and how many contracts are naked and free."""
    state, cycle = script.state, script.cycle
    return covered(state, cycle), naked_lots(state, cycle), free_lots(state, cycle)


def test_a_stop_and_its_target_cover_one_contract() -> None:
    script = opened(limits=BRACKET)
    assert open_counts(script) == (True, 0, 0)
    assert [order.spec.ref[31:] for order in resting_targets(script.cycle)] == ["1"]
    assert len(reducing_orders(script.cycle)) == 2


def test_a_target_alone_covers_nothing_and_leaves_nothing_free() -> None:
    """It does not trade where the loss is; and beside it no order outside the group may stand."""
    script = opened(limits=BRACKET).past(Stated("S1", "Cancelled"), Answered(("T1",)))
    cycle = replace(
        script.cycle,
        orders={ref: o for ref, o in script.cycle.orders.items() if o.spec.role != "M"},
    )
    assert covered(script.state, cycle) is False
    assert (naked_lots(script.state, cycle), free_lots(script.state, cycle)) == (1, 0)


@pytest.mark.parametrize("limits", [Limits(profile=Profile.BRACKET), Limits()])
def test_a_target_whose_group_is_not_trusted_keeps_the_stop_away(limits: Limits) -> None:
    """The settings changed while it rested: nothing may be sent beside it."""
    script = opened(limits=BRACKET)
    orders = {ref: o for ref, o in script.cycle.orders.items() if o.spec.role != "S"}
    cycle = replace(script.cycle, orders=orders)
    state = replace(script.state, limits=limits)
    assert (naked_lots(state, cycle), free_lots(state, cycle)) == (0, 0)


def test_before_the_stop_is_confirmed_a_lot_is_neither_covered_nor_naked() -> None:
    script = entering() >> Filled("E1", ENTRY)
    assert open_counts(script) == (False, 0, 0)


def test_two_lots_need_two_stops() -> None:
    script = entering(2, limits=BRACKET) >> Filled("E1", ENTRY) >> Filled("E2", ENTRY)
    script = script.past(Stated("S1", "PreSubmitted", why_held="trigger"))
    assert open_counts(script) == (False, 0, 0)
    assert open_counts(script.past(Stated("S2", "PreSubmitted", why_held="trigger")))[0]


def test_what_the_account_does_not_hold_needs_no_stop() -> None:
    """A person sold by hand: protection of a position that is gone would open one."""
    script = opened()
    view = replace(script.state.position(script.cycle.con_id), booked=0)
    state = replace(script.state, positions={script.cycle.con_id: view})
    assert held_lots(state, script.cycle) == 0


def test_both_legs_of_a_group_flip_the_position() -> None:
    script = opened(limits=BRACKET).past(Filled("T1", TARGET))
    assert not flipped(script.cycle)
    script = script.past(Filled("S1"))
    assert (flipped(script.cycle), script.cycle.position) == (True, -1)


def test_a_short_is_covered_by_buys() -> None:
    script = opened(side=Side.SELL, limits=BRACKET)
    assert open_counts(script) == (True, 0, 0)
    assert {order.spec.side for order in reducing_orders(script.cycle)} == {Side.BUY}


def test_an_echo_with_other_terms_covers_nothing() -> None:
    script = opened()
    other = replace(script.order("S1").spec, stop=ENTRY - 40)
    assert open_counts(script.past(Echoed("S1", spec=other))) == (False, 0, 0)


def test_a_stop_with_a_second_identity_covers_nothing() -> None:
    """It is one order or two, and may fill twice: with two lots held, one would be bare (H11)."""
    script = opened(2)
    assert open_counts(script) == (True, 0, 0)
    script = script.past(Echoed("S2", perm_id=77)).past(Stated("S1", "Cancelled"))
    assert (script.order("S2").remaining, open_counts(script)[0]) == (2, False)
