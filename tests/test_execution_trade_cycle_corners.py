"""Corners of the trade cycle: its deadlines, its halts, and a table that is not the real one."""

from datetime import timedelta

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, RaiseAlert
from mytrader.domain.cycle import ExitReason, ExitStage, Fact, Phase
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.events import Request
from mytrader.domain.trader import Mode
from mytrader.execution.trade_cycle import TRANSITIONS, next_deadline, step
from tests.playbook import (
    BRACKET,
    CYCLE,
    ENTRY,
    LINK_LOST,
    NOON,
    STOP,
    TARGET,
    Advised,
    Answered,
    Elapsed,
    Erred,
    Filled,
    Happening,
    Playbook,
    StopWorking,
    Written,
    asked,
    entering,
    opened,
    proposed,
)
from tests.wanted import AskAdvice, Page

SECOND = timedelta(seconds=1)


def altered(script: Playbook, **changes: object) -> Playbook:
    """Return the script with its one open cycle changed."""
    cycle = replace(script.cycle, **changes)
    return replace(script, state=replace(script.state, cycles={cycle.cycle_id: cycle}))


def without(script: Playbook, happening: Happening, row: tuple[Phase, Fact]) -> Playbook:
    """Return the script after something that a table without one row does not foresee."""
    table = {key: to for key, to in TRANSITIONS.items() if key != row}
    event = next(iter(happening.events(script)))
    state, wanted = step(script.state, event, script.now, table)
    return replace(script, state=state, left=tuple(wanted))


def pages(script: Playbook) -> list[tuple[str, str | None]]:
    """Return code and cycle of every page that was asked for."""
    return [
        (each.code, each.cycle_id)
        for each in script.left
        if isinstance(each, RaiseAlert) and each.level is AlertLevel.PAGE
    ]


class Counted(dict[tuple[Phase, Fact], Phase]):
    """A table that counts how often it is asked."""

    asked = 0

    def get(self, key: tuple[Phase, Fact], default: Phase | None = None) -> Phase | None:  # type: ignore[override] # the one form that the kernel uses
        """Return the next phase."""
        self.asked += 1
        return super().get(key, default)


def test_a_kernel_that_argues_with_itself_halts() -> None:
    """After 64 facts out of one event, with a page, and the stop stays where it is."""
    script = entering().past(Filled("E1", ENTRY))
    endless = Counted(TRANSITIONS)
    endless[Phase.PROTECTING, Fact.COVERED] = Phase.PROTECTING
    (event,) = StopWorking().events(script)
    state, wanted = step(script.state, event, script.now, endless)
    script = replace(script, state=state, left=tuple(wanted))
    assert endless.asked == 64
    assert script.cycle.phase is Phase.HALTED
    assert script.cycle.halted_why == "no end of facts, the last one covered"
    assert script.state.mode is Mode.HALT
    assert pages(script)[0] == ("CYCLE_HALTED", script.cycle.cycle_id)
    assert script.order("S1").confirmed_working


def test_a_halted_entry_waits_for_nothing_any_more() -> None:
    """Its reason is kept, its entry is withdrawn, its own deadline is gone."""
    script = without(entering(), Filled("E1", ENTRY), (Phase.ENTERING, Fact.ENTRY_FILLED))
    assert script.cycle.phase is Phase.HALTED
    assert script.cycle.halted_why == "entry_filled while ENTERING"
    assert script.cycle.entry_due_at is None


def test_a_halted_proposal_waits_for_no_advice() -> None:
    """Even the first row of the table, missing, halts with a page."""
    script = (Playbook() >> proposed()).ignoring()
    assert script.cycle.advice_due_at is not None
    script = without(script, Advised(), (Phase.PROPOSED, Fact.APPROVED))
    assert script.cycle.phase is Phase.HALTED
    assert script.cycle.advice_due_at is None


def test_a_position_ends_the_deadlines_of_a_flat_cycle() -> None:
    """A late fill opens again what had been settled: nothing of that may stay in the past."""
    past = NOON - SECOND
    script = altered(opened(), settle_due_at=past, settle_asked=5)
    script = script.after(events.TimeReached(), later=SECOND)
    assert (script.cycle.settle_due_at, script.cycle.settle_asked) == (None, 0)
    script = altered(script, commissions_due_at=past).after(events.TimeReached())
    assert script.cycle.commissions_due_at is None
    due = next_deadline(script.state)
    assert due is None or due > script.now


def test_a_flat_cycle_with_a_live_order_settles_first() -> None:
    """Its orders have the entry timeout to die; only then its commissions are waited for."""
    script = entering(lots=2).past(Filled("E1", ENTRY), StopWorking())
    script = altered(script, commissions_due_at=NOON - SECOND).past(Filled("S1", STOP))
    assert script.order("E2").live
    timeout = script.state.limits.entry_timeout
    assert script.cycle.settle_due_at == script.now + timeout
    script = altered(script, settle_due_at=None, commissions_due_at=NOON - SECOND)
    script = script.after(events.TimeReached(), later=SECOND)
    assert script.cycle.settle_due_at == script.now + timeout
    assert script.cycle.commissions_due_at is None


def test_unproven_orders_are_asked_about_ever_more_rarely() -> None:
    """Up to thirty times the entry timeout, and no rarer."""
    script = entering(lots=2).past(Filled("E1", ENTRY), StopWorking(), Filled("S1", STOP))
    script = altered(script, settle_asked=27)
    timeout = script.state.limits.entry_timeout
    waits = []
    for _ in range(5):
        due = script.cycle.settle_due_at
        assert due is not None
        script = script.after(events.TimeReached(), later=due - script.now).ignoring()
        again = script.cycle.settle_due_at
        assert again is not None
        waits.append((again - due) / timeout)
    assert waits == [28, 29, 30, 30, 30]


def test_where_no_stop_holds_the_position_is_left_and_that_is_asked_once() -> None:
    """Both emergency stops refused: an exit; without a price it waits for its next turn."""
    script = entering().past(Filled("E1", ENTRY), Erred("S1", 201), Answered())
    script = script.past(Written("M1"), Erred("M1", 201), Answered(), Written("M2"))
    script = replace(script, state=replace(script.state, quotes={}))
    script = script.past(Erred("M2", 201), Answered())
    plan = script.cycle.exit
    assert plan is not None
    assert (plan.reason, plan.stage) == (ExitReason.EMERGENCY, ExitStage.REFUSED)
    script = script.after(events.TimeReached(), later=SECOND / 10)
    assert script.cycle.exit == plan


def test_a_flip_of_a_halted_cycle_halts_a_machine_that_a_person_had_resumed() -> None:
    """The person took another risk than this one: what the group did is news."""
    script = entering(limits=BRACKET).past(Filled("E1", ENTRY), LINK_LOST, Elapsed(2))
    script = script.past(asked(Request.RESUME), Filled("T1", TARGET))
    assert (script.cycle.phase, script.state.mode) == (Phase.HALTED, Mode.NORMAL)
    script = script >> Filled("S1", STOP)
    paged = script.left[0]
    assert isinstance(paged, RaiseAlert)
    assert paged.cycle_id == script.cycle.cycle_id
    script = script << Page("POSITION_FLIPPED") << Page("MODE_HALT")
    assert script.state.mode is Mode.HALT


def test_a_call_of_an_advisor_changes_nothing() -> None:
    """It may end long after the trade that asked for it."""
    script = Playbook() >> proposed() << AskAdvice()
    call = AdvisorCall("risk", "agent", 1, "abandoned", latency_ms=9000.0)
    later = script >> events.AdvisorCalled(CYCLE, call) >> events.AdvisorCalled("nobody's", call)
    assert (later.is_complete, later.state) == (True, script.state)
