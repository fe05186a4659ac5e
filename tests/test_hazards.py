"""Hazards that are told as whole stories: what no module's own tests say by themselves.

`docs/hazards.md` names for every hazard the tests that prove what must hold; those that had no
test of their own have it here. Scripts are read as in `tests/playbook.py`.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Phase
from mytrader.domain.events import AnyEvent, Request
from mytrader.domain.market import Quote
from mytrader.domain.orders import OrderKind, Role, Side, TimeInForce, TrackedOrder
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.exposure import reach
from mytrader.execution.guards import exit_rule_holds
from mytrader.execution.order_tracking import REFUSAL_CODES
from mytrader.execution.trade_cycle import next_deadline, step
from tests.playbook import (
    CON_ID,
    ENTRY,
    LINK_BACK,
    LINK_LOST,
    SESSION,
    STOP,
    TARGET,
    Advised,
    Answered,
    Echoed,
    Elapsed,
    EntrySubmitted,
    Erred,
    Filled,
    Happening,
    Playbook,
    Quoted,
    Stated,
    StopWorking,
    Written,
    asked,
    entering,
    fill_of,
    opened,
    proposed,
)

FLATTEN: Final = asked(Request.FLATTEN)
Step = Happening | Elapsed | AnyEvent
SENT: Final = (commands.PlaceExit, commands.PlaceEmergencyStop, commands.ChangeOrder)


def exits_sent(script: Playbook, *happenings: Step) -> tuple[Playbook, list[AnyCommand]]:
    """Let things happen; return what was sent to leave, with the rule checked every time."""
    sent: list[AnyCommand] = []
    for happening in happenings:
        script = script.ignoring() >> happening
        found = [command for command in script.left if isinstance(command, SENT)]
        if found:
            assert exit_rule_holds(script.state, CON_ID), f"{happening}: {found}"
        sent += found
    return script.ignoring(), sent


def by_cancel_and_proof(script: Playbook) -> Playbook:
    """The same script at a venue that is known to refuse a moved stop: exits go by C."""
    refused = frozenset({OrderKind.STP_LMT})
    return replace(script, state=replace(script.state, move_stop_refused=refused))


# H02, H04: a stop that fills while an exit is under way


FILL: Final = (Filled("S1", STOP),)
LATE: Final = (Stated("S1", "Cancelled"), Answered(), Answered())
NOTICED: Final = (Written("S1", "cancel"), Stated("S1", "PendingCancel"))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_stop_that_fills_around_its_cancel_is_never_joined_by_an_exit(
    order: Sequence[int],
) -> None:
    """Fill, pending cancel and cancel in every order; the exit leaves only on proof of death."""
    script, sent = exits_sent(by_cancel_and_proof(opened()), FLATTEN)
    assert sent == []
    for part in order:
        script, more = exits_sent(script, *(NOTICED, FILL, LATE)[part])
        sent += more
    assert len(sent) == (1 if order.index(1) > order.index(2) else 0)
    booked = script.state.position(CON_ID).booked
    assert booked == 0
    assert reach(script.state, CON_ID).exit_sells == len(sent)
    assert not sent or script.state.mode is Mode.HALT


@pytest.mark.parametrize("status", ["PendingCancel", "Cancelled", "ApiCancelled", "Inactive"])
def test_no_word_about_a_stop_makes_room_for_an_exit_before_a_book(status: str) -> None:
    """H04: pending cancel is live at full size, and a status is a claim."""
    script, sent = exits_sent(by_cancel_and_proof(opened()), FLATTEN, Stated("S1", status))
    assert (sent, script.order("S1").remaining) == ([], 1)
    assert reach(script.state, CON_ID).exit_sells == 1


# H03: every way out at once


WAYS_OUT: Final[dict[str, Step]] = {
    "target": Quoted(TARGET),
    "operator": FLATTEN,
    "session end": Elapsed(3),
    "stop gone": Stated("S1", "Cancelled"),
}


@pytest.mark.parametrize("ways", list(permutations(WAYS_OUT)), ids="-".join)
def test_all_ways_out_at_once_send_one_exit(ways: Sequence[str]) -> None:
    """One owner: whatever comes second, third and fourth moves nothing of its own."""
    due = SESSION[1] - opened().state.limits.flatten_before_close
    late = replace(opened(), now=due - timedelta(seconds=2))
    script, sent = exits_sent(late, *(WAYS_OUT[way] for way in ways))
    assert sent
    assert reach(script.state, CON_ID).exit_sells <= 1
    assert len({type(command) for command in sent}) <= 2
    placed = [command for command in sent if isinstance(command, commands.PlaceExit)]
    assert len(placed) <= 1


# H05: a second life of an order that was called dead


def test_a_fill_after_proof_of_death_halts_and_is_booked() -> None:
    """The book had agreed and was wrong: the fill is a fact, and a person is paged."""
    script = entering().past(Elapsed(10), Stated("E1", "Cancelled"), Answered())
    dead = script.order("E1")
    assert not dead.live
    fill = fill_of(script, "E1", price=ENTRY)
    script = script.after(events.ExecutionReported(fill))
    told = [each.code for each in script.left if isinstance(each, commands.RaiseAlert)]
    assert script.state.position(CON_ID).booked == 1
    assert (script.state.mode, "UNEXPECTED_FILL" in told) == (Mode.HALT, True)


# H06: executions in any order, any number of times


def _fills() -> list[AnyEvent]:
    """Return the executions and commissions of two lots, in and out."""
    script = entering(2)
    told: list[AnyEvent] = []
    for name, price in (("E1", ENTRY), ("E2", ENTRY), ("S1", STOP), ("S2", STOP)):
        told += Filled(name, price).events(script)
    return told


@settings(max_examples=60)
@given(
    order=st.permutations(range(8)),
    again=st.lists(st.integers(0, 7), max_size=8),
)
def test_executions_in_any_order_and_number_make_one_ledger(
    order: list[int], again: list[int]
) -> None:
    """I5: position, fills and commissions are the same whatever arrives first or twice."""
    told = _fills()
    script = entering(2)
    for index in (*order[:5], *again, *order[5:], *again):
        script = script.after(told[index]).ignoring()
    assert script.state.position(CON_ID).booked == 0
    cycle = script.cycle
    assert {fill.exec_id for fill in cycle.fills} == {
        each.execution.exec_id for each in told if isinstance(each, events.ExecutionReported)
    }
    assert (len(cycle.fills), cycle.gross_ticks) == (4, 2 * (STOP - ENTRY))


# H07, H08: partial fills


@pytest.mark.parametrize("order", list(permutations(("E1", "E2", "E3"))), ids="-".join)
def test_stops_are_never_larger_than_what_has_filled(order: Sequence[str]) -> None:
    """Lots fill one by one in any order: what may sell equals what was bought, every time."""
    script = entering(3)
    for count, name in enumerate(order, 1):
        script = script.past(Filled(name, ENTRY))
        assert reach(script.state, CON_ID).exit_sells == count
        assert script.state.position(CON_ID).booked == count
        script = script.past(StopWorking(f"S{name[1]}"))
        assert exit_rule_holds(script.state, CON_ID)
    for left, name in zip((2, 1, 0), order, strict=True):
        script = script.past(Filled(f"S{name[1]}", STOP))
        assert reach(script.state, CON_ID).exit_sells == left


# H09: the child is refused


@pytest.mark.parametrize("code", sorted(REFUSAL_CODES))
@pytest.mark.parametrize("side", Side)
def test_a_refused_child_is_replaced_or_the_position_left_whatever_the_code(
    code: int, side: Side
) -> None:
    """I2: an emergency stop for exactly the position, then another, then a flatten."""
    script = entering(side=side).past(Filled("E1", ENTRY), Erred("S1", code))
    script, sent = exits_sent(script, Answered())
    for number in (1, 2):
        assert [type(command) for command in sent] == [commands.PlaceEmergencyStop]
        script, sent = exits_sent(script, Written(f"M{number}"), Erred(f"M{number}", code))
        assert sent == []
        script, sent = exits_sent(script, Answered())
    assert [type(command) for command in sent] == [commands.PlaceExit]
    assert script.cycle.phase is Phase.EXITING


# H10: triggered is not flat


def test_a_stop_that_triggers_and_rests_is_not_taken_for_an_exit() -> None:
    """The position stays the position until it fills; the market beyond it is chased."""
    script = opened().past(Stated("S1", "Submitted"))
    assert script.state.position(CON_ID).booked == 1
    script, sent = exits_sent(script, Quoted(STOP - 100), Elapsed(3), Quoted(STOP - 100))
    assert sent
    assert script.cycle.phase is Phase.EXITING


def test_a_stop_that_the_exchange_eliminates_after_its_trigger_is_replaced() -> None:
    """Velocity logic may take the order away: covered again, or left."""
    script = opened().past(Stated("S1", "Submitted"), Stated("S1", "Cancelled"))
    script, sent = exits_sent(script, Answered(), Answered())
    assert [type(command) for command in sent] == [commands.PlaceEmergencyStop]


# H14: numbers that went to another order


def test_a_word_with_another_permanent_id_is_a_second_order() -> None:
    """B15: a number that was issued again never makes an order of ours smaller."""
    script = opened().past(Stated("S1", "Filled", filled=1, perm_id=4711))
    assert (script.state.mode, script.order("S1").live) == (Mode.HALT, True)
    assert script.state.position(CON_ID).booked == 1


def test_a_number_alone_names_no_order() -> None:
    """An echo with our number and somebody else's reference is somebody else's order."""
    script = opened()
    echo = Echoed("S1").report(script)
    stranger = replace(echo, ref="", perm_id=4711, side=Side.BUY)
    after = script.after(stranger)
    assert after.order("S1") == script.order("S1")
    assert after.state.foreign[4711].remaining == 1


# H20, H22: nothing fills for hours


def test_an_exit_that_nothing_fills_is_tried_a_bounded_number_of_times() -> None:
    """A halt of the exchange or a market at its limit: the stop stays, a person is paged."""
    script, sent = exits_sent(opened(), FLATTEN, Written("S1", "change"), Echoed("S1"))
    for number in range(200):
        script, more = exits_sent(script, Quoted(ENTRY - number), Elapsed(30), Answered(("S1",)))
        sent += more
        if script.order("S1").change is not None:
            script = script.past(Written("S1", "change"), Echoed("S1"))
    assert len(sent) <= script.state.limits.exit_attempts_max
    assert script.order("S1").live
    assert script.state.mode is Mode.HALT


# H21: what rests must not depend on the broker's own servers


def test_protection_rests_at_the_exchange_outside_regular_hours() -> None:
    """A stop-limit, good till cancelled: the type that works through the broker's reset."""
    for script, name in ((entering(), "S1"), (entering(side=Side.SELL), "S1")):
        spec = script.order(name).spec
        assert (spec.kind, spec.tif) == (OrderKind.STP_LMT, TimeInForce.GTC)
        assert (spec.outside_rth, spec.role) == (True, Role.STOP)


# H24: bad data


BAD_QUOTES: Final = {
    "frozen": Quote(opened().now - timedelta(hours=3), ENTRY - 1, ENTRY, ENTRY),
    "crossed": Quote(opened().now, ENTRY + 50, ENTRY - 50, ENTRY),
    "empty": Quote(opened().now, None, None, None),
    "from the future": Quote(opened().now + timedelta(hours=3), ENTRY - 1, ENTRY, ENTRY),
}


@pytest.mark.parametrize("quote", list(BAD_QUOTES.values()), ids=list(BAD_QUOTES))
def test_bad_data_blocks_an_entry_and_leaves_protection_alone(quote: Quote) -> None:
    """No bracket on it; a missing stop is replaced all the same."""
    seen = events.QuoteSeen(CON_ID, quote)
    start = Playbook().past(seen, proposed()) >> Advised()
    assert not [each for each in start.left if isinstance(each, commands.PlaceBracket)]
    bare = entering().past(seen, Filled("E1", ENTRY), Erred("S1", 201))
    _script, sent = exits_sent(bare, Answered())
    assert [type(command) for command in sent] == [commands.PlaceEmergencyStop]


# H25: clocks


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
@pytest.mark.parametrize("script", [entering(), opened(), entering().past(Filled("E1", ENTRY))])
def test_a_clock_that_jumps_kills_nothing_and_forgets_nothing(
    script: Playbook, hours: int
) -> None:
    """Orders live on, the position is what it was, and the next deadline can be kept."""
    now = script.now + timedelta(hours=hours)
    state, _asked = step(script.state, events.TimeReached(), now)
    assert state.position(CON_ID).booked == script.state.position(CON_ID).booked
    assert reach(state, CON_ID).exit_sells >= reach(script.state, CON_ID).exit_sells
    assert all(order.live for order in _orders(state) if order.filled == 0)
    due = next_deadline(state)
    if due is not None and due > now:
        state, _asked = step(state, events.TimeReached(), due)
        assert next_deadline(state) != due


def _orders(state: TraderState) -> list[TrackedOrder]:
    return [order for cycle in state.cycles.values() for order in cycle.orders.values()]


# H23: contracts


def test_a_stop_of_the_old_contract_neither_covers_nor_closes_the_new_one() -> None:
    """I1 and I2 per contract: what rests on one says nothing about another."""
    state = opened().state
    assert reach(state, CON_ID).exit_sells == 1
    assert reach(state, CON_ID + 1) == reach(TraderState(state.limits), CON_ID + 1)
    assert not state.position(CON_ID + 1).known


# H29: stops go last


def test_a_flatten_with_an_entry_at_work_withdraws_the_entry_and_keeps_the_stop() -> None:
    """C18: entries first; a stop is moved, or cancelled only to be replaced by the exit."""
    script = entering(2).past(Filled("E1", ENTRY), StopWorking("S1")) >> FLATTEN
    asked_for = [each for each in script.left if not isinstance(each, commands.RaiseAlert)]
    cancelled = [each.ref[30:] for each in asked_for if isinstance(each, commands.CancelOrder)]
    assert cancelled == ["E2"]
    assert [
        each.approved.order.ref[30:]
        for each in asked_for
        if isinstance(each, commands.ChangeOrder)
    ] == ["S1"]


@pytest.mark.parametrize("broken", [LINK_LOST, Answered(position=0), Stated("S1", "Inactive")])
def test_a_flatten_that_fails_half_way_leaves_the_stop(broken: Step) -> None:
    """Whatever breaks after the first step, the stop is live until it is proven otherwise."""
    script, _sent = exits_sent(opened(), FLATTEN, broken, Elapsed(5))
    assert script.order("S1").live
    assert reach(script.state, CON_ID).exit_sells >= 1


# B16 and B21: permanent regressions (SAFETY.md section 4)


def test_b16_a_modify_during_a_lost_link_counts_both_versions_until_both_are_dead() -> None:
    """One stop became two, one of them invisible, and its later fill flipped a position."""
    script = opened().past(Quoted(TARGET), Written("S1", "change"), LINK_LOST)
    assert script.order("S1").remaining == 2
    script, sent = exits_sent(script, LINK_BACK, Answered(("S1",)), FLATTEN, Elapsed(5))
    assert (sent, script.order("S1").remaining) == ([], 2)
    script, sent = exits_sent(script, Filled("S1", TARGET), FLATTEN, Elapsed(5), FLATTEN)
    assert (sent, script.state.position(CON_ID).booked) == ([], 0)
    assert (script.order("S1").remaining, script.order("S1").live) == (1, True)
    script, sent = exits_sent(script, Filled("S1", TARGET, part=2), FLATTEN, Elapsed(5))
    assert (script.state.mode, script.state.position(CON_ID).booked) == (Mode.HALT, -1)
    live = reach(script.state, CON_ID)
    assert (live.exit_buys, live.exit_sells) == (1, 0)
    assert len([each for each in sent if isinstance(each, commands.PlaceEmergencyStop)]) == 1


def test_b16_no_modify_leaves_while_the_link_is_down() -> None:
    """The first half of the rule: on a bad link nothing is moved at all."""
    _script, sent = exits_sent(opened(), LINK_LOST, Quoted(TARGET), FLATTEN, Elapsed(60))
    assert sent == []


def test_b21_orders_believed_cancelled_fill_and_are_not_sent_again() -> None:
    """Notice 10349 and a "Cancelled" of the client's own; fifteen orders were sent and filled."""
    script = Playbook().past(proposed(), Advised(), EntrySubmitted())
    script = script.past(Erred("E1", 10349), Erred("S1", 10349), Stated("E1", "Cancelled"))
    assert (script.order("E1").live, script.order("S1").live) == (True, True)
    for number in range(1, 16):
        cycle_id = f"01JCXW5M7Q00000000000000{number:02}"
        advice = replace(next(iter(Advised().events(script))), cycle_id=cycle_id)
        script = script.past(Answered(("E1", "S1")), Elapsed(1), proposed(cycle_id=cycle_id))
        script = script.after(advice)
        assert not [each for each in script.left if isinstance(each, commands.PlaceBracket)]
    script = script.ignoring()
    script, _sent = exits_sent(script, Filled("E1", ENTRY), StopWorking())
    assert script.state.position(CON_ID).booked == 1
    assert exit_rule_holds(script.state, CON_ID)
