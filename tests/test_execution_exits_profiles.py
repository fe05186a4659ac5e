"""Exits in profile `bracket`, exits that nobody asked for, and hours in which nothing trades."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import ExitReason, ExitStage, Phase
from mytrader.domain.events import Request
from mytrader.domain.orders import OrderKind, Side
from mytrader.domain.trader import DayLedger, Mode
from tests.playbook import (
    BRACKET,
    CON_ID,
    ENTRY,
    LIMITS,
    LINK_BACK,
    LINK_LOST,
    NOON,
    SESSION,
    STOP,
    TARGET,
    Answered,
    Echoed,
    Elapsed,
    Erred,
    Filled,
    Playbook,
    Quoted,
    Stated,
    Written,
    asked,
    entering,
    opened,
)
from tests.wanted import AskBook, Cancel, Change, Page, PlaceExit, Tell, Warn

FLATTEN = asked(Request.FLATTEN)
HALT = asked(Request.HALT)


# Profile bracket


@pytest.mark.parametrize("side", list(Side))
def test_the_resting_target_is_repriced_into_the_market(side: Side) -> None:
    """Exit protocol A': no new order exists at any time, and the stop stays where it is."""
    script = opened(side=side, limits=BRACKET) >> FLATTEN << Page("MODE_REDUCE_ONLY")
    script = script << Change("T1")
    change = script.order("T1").change
    assert change is not None
    assert (change.limit - ENTRY) * side.sign < 0
    assert script.cycle.exit is not None
    assert script.cycle.exit.stage is ExitStage.MOVING_TARGET
    script = script >> Echoed("T1") >> Filled("T1", ENTRY) << Cancel("S1")
    script = script >> Stated("S1", "Cancelled") << AskBook() >> Answered()
    assert script.is_complete
    assert (script.cycle.phase, script.cycle.exit_reason) == (Phase.CLOSED, ExitReason.OPERATOR)


def test_a_target_that_fills_by_itself_is_the_target() -> None:
    script = opened(limits=BRACKET) >> Quoted(TARGET) >> Filled("T1", TARGET) << Cancel("S1")
    script = script >> Stated("S1", "Cancelled") << AskBook() >> Answered()
    assert (script.is_complete, script.cycle.exit_reason) == (True, ExitReason.TARGET)


@pytest.mark.parametrize("code", [201, 329])
def test_a_target_that_may_not_be_moved_leaves_it_to_the_stop(code: int) -> None:
    """A' fails: the next protocol is A, and only then C."""
    script = opened(limits=BRACKET).past(FLATTEN)
    old = script.order("T1").spec
    script = script.past(Erred("T1", code))
    script = script >> Answered((Echoed("T1", "Submitted", old), Echoed("S1", "PreSubmitted")))
    script = script << Warn("MOVE_STOP_REFUSED") << Change("S1")
    assert script.state.move_stop_refused == {OrderKind.LMT}
    assert script.is_complete


def test_a_target_in_two_versions_is_left_and_the_stop_is_moved() -> None:
    """B16: both versions count in the budget of the group; only one order of it can fill."""
    script = opened(limits=BRACKET).past(FLATTEN, LINK_LOST, LINK_BACK)
    assert script.order("T1").change_unknown
    script = script >> Answered(("T1", "S1"), status="Submitted") << Change("S1")
    assert script.is_complete


def test_both_legs_in_two_versions_are_cancelled_and_proven_dead() -> None:
    """Nothing new is sent before the last of them is dead."""
    script = opened(limits=BRACKET).past(FLATTEN, LINK_LOST, LINK_BACK, Answered(("T1", "S1")))
    script = script.past(LINK_LOST, LINK_BACK, Answered(("T1", "S1"), status="Submitted"))
    assert {name for name in ("T1", "S1") if script.order(name).cancel_asked} == {"T1", "S1"}
    script = script.past(Stated("T1", "Cancelled"), Stated("S1", "Cancelled"))
    assert not any(ref[30] == "X" for ref in script.cycle.orders)
    script = script.past(Answered(), Answered())
    assert script.order("X1").spec.reduce_only


def test_a_lot_without_a_target_moves_its_stop() -> None:
    script = opened(2, limits=BRACKET).past(Erred("T1", 201), Answered(("S1", "S2", "T2")))
    script = script >> FLATTEN << Page("MODE_REDUCE_ONLY") << Change("T2") << Change("S1")
    assert script.is_complete


# Reasons


def test_what_was_held_long_enough_is_closed() -> None:
    script = opened(limits=replace(LIMITS, hold_max=timedelta(minutes=10)))
    script = script >> Elapsed(599) >> Elapsed(1) << Change("S1")
    assert script.cycle.exit is not None
    assert (script.is_complete, script.cycle.exit.reason) == (True, ExitReason.TIME_STOP)


def test_the_session_ends_before_the_holding_time() -> None:
    """Four hours to the close, less five minutes."""
    script = opened(limits=replace(LIMITS, hold_max=timedelta(hours=5)))
    script = script >> Elapsed(4 * 3600 - 300) << Change("S1")
    assert script.cycle.exit is not None
    assert script.cycle.exit.reason is ExitReason.SESSION_END


def test_a_position_whose_session_nobody_knows_is_still_held_for_its_time_only() -> None:
    script = opened(limits=replace(LIMITS, hold_max=timedelta(minutes=1)))
    script = replace(script, state=replace(script.state, sessions={}))
    script = script >> Elapsed(60) << Change("S1")
    assert script.is_complete


@pytest.mark.parametrize(("bid", "left"), [(ENTRY - 8, False), (ENTRY - 9, True)])
def test_the_daily_loss_closes_everything_at_its_limit(bid: int, *, left: bool) -> None:
    """$1,885.10 lost before, $2.40 paid: nine ticks are $112.50, and the sum is $2,000.00."""
    script = opened()
    lost = DayLedger(on=date(2025, 11, 12), realised_usd=Decimal("-1885.10"))
    script = replace(script, state=replace(script.state, day=lost)) >> Quoted(bid)
    if left:
        script = script << Page("MODE_REDUCE_ONLY") << Change("S1")
        assert script.cycle.exit is not None
        assert script.cycle.exit.reason is ExitReason.DAILY_LOSS
    assert script.is_complete
    assert (script.state.mode is Mode.REDUCE_ONLY) is left


def test_the_daily_loss_withdraws_what_has_not_filled() -> None:
    script = opened(2)
    waiting = replace(script, state=replace(script.state, day=DayLedger(date(2025, 11, 12))))
    other = events.SignalRaised("01JCXW5M7Q0000000000000009", CON_ID, script.cycle.signal)
    lost = DayLedger(on=date(2025, 11, 12), realised_usd=Decimal(-1999))
    waiting = replace(waiting, state=replace(waiting.state, day=lost)).past(other)
    waiting = waiting >> Quoted(ENTRY - 5) << Page("MODE_REDUCE_ONLY")
    assert waiting << Change("S1") << Change("S2")


# Nobody trades


def at_the_halt() -> Playbook:
    """Return an open trade in the daily halt, with the next session known."""
    script = opened()
    tonight = (SESSION[1] + timedelta(hours=1), SESSION[1] + timedelta(hours=24))
    state = replace(script.state, sessions={CON_ID: (SESSION, tonight)})
    return replace(script, state=state, now=SESSION[1] + timedelta(minutes=10))


def test_in_the_daily_halt_an_exit_waits_for_the_open() -> None:
    """H20: no exit is assumed possible, the stop stays, nothing is sent again and again."""
    script = at_the_halt() >> FLATTEN << Page("MODE_REDUCE_ONLY") << Warn("SESSION_CLOSED")
    script = script >> Elapsed(49 * 60)
    assert script.is_complete
    assert script.cycle.exit is not None
    assert script.cycle.exit.attempts == 1
    script = script.past(Elapsed(59))
    assert script.order("S1").change is None
    script = script.past(Elapsed(3))
    assert script.order("S1").change is not None


def test_hours_that_nobody_stated_stop_no_exit() -> None:
    script = at_the_halt()
    script = replace(script, state=replace(script.state, sessions={CON_ID: (SESSION,)}))
    script = script >> FLATTEN << Page("MODE_REDUCE_ONLY") << Change("S1")
    assert script.is_complete


# People


def test_a_halt_withdraws_what_could_still_open() -> None:
    """HALT: only cancels of entries, repair of protection, and what is under way."""
    script = entering() >> HALT << Page("MODE_HALT") << Cancel("E1")
    assert script.is_complete
    two = entering(2) >> Filled("E1", ENTRY) >> Stated("S1", "PreSubmitted", why_held="trigger")
    two = two >> HALT << Page("MODE_HALT") << Cancel("E2")
    assert (two.is_complete, two.cycle.phase) == (True, Phase.OPEN)


def test_an_entry_that_could_not_be_cancelled_is_cancelled_when_somebody_hears() -> None:
    script = entering(2).past(
        Filled("E1", ENTRY), Stated("S1", "PreSubmitted", why_held="trigger"), LINK_LOST, HALT
    )
    assert not script.order("E2").cancel_asked
    script = script.past(LINK_BACK, Answered(("E2", "S1", "S2")))
    assert script.order("E2").cancel_asked


def test_a_halt_refuses_what_waits_for_advice() -> None:
    script = Playbook().past(replace_signal(), HALT)
    assert script.cycle.phase is Phase.REFUSED


def replace_signal() -> events.SignalRaised:
    """Return the standard proposal."""
    return events.SignalRaised("01JCXW5M7Q0000000000000000", CON_ID, opened().cycle.signal)


def request(kind: Request, *, name: str = "1", age_s: float = 0.0) -> events.OperatorAsked:
    """Return a request that was made `age_s` seconds before noon."""
    return events.OperatorAsked(kind, "a person", name, NOON - timedelta(seconds=age_s))


def test_a_request_is_taken_once() -> None:
    """H30: a queue that is played again asks for nothing."""
    script = opened() >> request(Request.HALT) << Page("MODE_HALT")
    script = script >> request(Request.RESUME, name="2") << Tell("RESUMED")
    script = script >> request(Request.HALT) << Tell("REQUEST_REPEATED")
    assert (script.is_complete, script.state.mode) == (True, Mode.NORMAL)


@pytest.mark.parametrize("age_s", [31.0, 86_400.0, -31.0])
@pytest.mark.parametrize("kind", list(Request))
def test_an_old_request_asks_for_nothing(kind: Request, age_s: float) -> None:
    """A day-old queue, or a clock that is wrong: nothing is sent and no mode moves."""
    script = opened() >> request(kind, age_s=age_s) << Warn("REQUEST_EXPIRED")
    assert (script.is_complete, script.state.mode) == (True, Mode.NORMAL)


def test_a_request_at_its_last_moment_is_heard() -> None:
    script = opened() >> request(Request.HALT, age_s=30) << Page("MODE_HALT")
    assert script.is_complete


def test_the_memory_for_requests_is_bounded() -> None:
    script = opened()
    for number in range(300):
        script = script.past(request(Request.REDUCE_ONLY, name=str(number)))
    assert (len(script.state.requests), script.state.requests[-1]) == (256, "299")


def test_a_flatten_of_a_bracket_waits_for_a_target_that_is_being_cancelled() -> None:
    """A target whose cancel is under way is not moved; all is cancelled, then sent for."""
    script = opened(limits=BRACKET)
    kinds = frozenset({OrderKind.LMT, OrderKind.STP_LMT})
    script = replace(script, state=replace(script.state, move_stop_refused=kinds))
    script = script >> FLATTEN << Page("MODE_REDUCE_ONLY") << Cancel("T1") << Cancel("S1")
    script = script >> Written("T1", "cancel") >> Stated("T1", "Cancelled") << AskBook()
    script = script >> Answered(("S1",), status="PreSubmitted")
    script = script >> Stated("S1", "Cancelled") << AskBook() >> Answered() << PlaceExit()
    assert script.is_complete


def test_times_are_utc() -> None:
    assert SESSION[0] < NOON < SESSION[1] <= datetime(2025, 11, 12, 22, tzinfo=UTC)
    assert STOP < ENTRY < TARGET
