"""Profit is made of fills and commissions alone; a finished cycle is remembered for a while."""

from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.cycle import ExitReason, Phase
from mytrader.domain.decision import Advice
from mytrader.domain.events import Request
from mytrader.domain.trader import ClosedCycle, Mode
from mytrader.execution.closing import REPEAT_WINDOW, gross_usd
from mytrader.execution.turn import Turn
from tests.playbook import (
    COMMISSION,
    ENTRY,
    LIMITS,
    LINK_LOST,
    NOON,
    STOP,
    TARGET,
    Advised,
    Answered,
    Elapsed,
    Filled,
    Playbook,
    Quoted,
    Stated,
    StopWorking,
    asked,
    entering,
    fill_of,
    opened,
    proposed,
)
from tests.wanted import (
    AskAdvice,
    AskBook,
    Change,
    Page,
    Tell,
    Warn,
)


def test_the_cycle_waits_for_its_last_commission() -> None:
    """The ledger is exact to the cent where the broker is."""
    script = opened()
    fill = fill_of(script, "S1", price=STOP)
    script = script >> Filled("S1", STOP, paid=False) >> Elapsed(5)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.EXITING)
    script = script >> events.CommissionReported(fill.exec_id, COMMISSION)
    assert (script.cycle.phase, script.state.day.realised_usd) == (
        Phase.CLOSED,
        Decimal("-254.80"),
    )


def test_a_commission_that_never_comes_is_told_and_not_waited_for_for_ever() -> None:
    """Half a minute; a missing report must not block the next trade.

    The broker repeats executions with what they cost: the record has it in the end.
    """
    script = opened() >> Filled("S1", STOP, paid=False) >> Elapsed(29.9)
    assert script.is_complete
    script = script >> Elapsed(0.1) << Warn("COMMISSION_MISSING") << AskBook()
    assert (script.is_complete, script.cycle.phase) == (True, Phase.CLOSED)
    assert script.state.day.realised_usd == Decimal("-252.40")


def test_a_lot_that_fills_while_the_commission_is_waited_for_takes_the_wait_back() -> None:
    """Its deadline would stay in the past and make the loop spin."""
    script = entering(2) >> Filled("E1", ENTRY) >> StopWorking("S1")
    script = script.ignoring() >> Filled("S1", STOP, paid=False)
    script = script.ignoring() >> Filled("E2", ENTRY) >> StopWorking("S2") >> Elapsed(120)
    assert (script.is_complete, script.cycle.phase) == (True, Phase.OPEN)


def test_a_win_ends_a_run_of_losses_and_lifts_the_peak() -> None:
    """The drawdown is counted from the highest equity."""
    script = opened()
    day = replace(script.state.day, losses_in_a_row=3)
    script = replace(script, state=replace(script.state, day=day))
    won = script >> Filled("S1", TARGET)
    assert won.state.day.losses_in_a_row == 0
    assert (won.state.equity_usd, won.state.equity_peak_usd) == (
        Decimal("495.20"),
        Decimal("495.20"),
    )
    lost = script >> Filled("S1", STOP)
    assert lost.state.day.losses_in_a_row == 4
    assert (lost.state.equity_usd, lost.state.equity_peak_usd) == (
        Decimal("-254.80"),
        Decimal(0),
    )


def test_an_exit_that_was_put_off_is_not_why_the_stop_filled() -> None:
    """The reason is what happened, not what was wished."""
    script = opened() >> LINK_LOST << Page("LINK_DOWN") >> Quoted(TARGET) << Warn("LINK_DOWN")
    script = script >> Filled("S1", STOP)
    assert (script.is_complete, script.cycle.exit_reason) == (True, ExitReason.STOP)


def test_finished_cycles_are_forgotten_when_no_broker_repeats_their_executions() -> None:
    """The state is bounded by days, not by the number of trades since the journal began."""
    script = opened()
    kept = {
        "old": ClosedCycle(NOON - REPEAT_WINDOW, frozenset()),
        "young": ClosedCycle(NOON - REPEAT_WINDOW + timedelta(seconds=1), frozenset()),
    }
    script = replace(script, state=replace(script.state, closed=kept))
    script = script >> Filled("S1", STOP)
    assert set(script.state.closed) == {"young", script.cycle.cycle_id}
    assert script.state.closed[script.cycle.cycle_id].exec_ids == {
        fill.exec_id for fill in script.cycle.fills
    }


def test_a_clock_that_stepped_back_only_keeps_longer() -> None:
    """The oldest are forgotten first: behind one that is young nobody looks."""
    script = opened()
    kept = {
        "young": ClosedCycle(NOON, frozenset()),
        "old": ClosedCycle(NOON - REPEAT_WINDOW, frozenset()),
    }
    script = replace(script, state=replace(script.state, closed=kept)) >> Filled("S1", STOP)
    assert list(script.state.closed) == ["young", "old", script.cycle.cycle_id]


def test_a_cycle_that_never_filled_costs_nothing_and_is_remembered() -> None:
    """Its references are used up."""
    script = entering().past(Elapsed(10), Stated("E1", "Cancelled"), Stated("S1", "Cancelled"))
    script = script.past(Answered(), Answered())
    assert (script.cycle.phase, script.cycle.exit_reason) == (Phase.ABORTED, None)
    assert (script.state.equity_usd, set(script.state.closed)) == (
        Decimal(0),
        {script.cycle.cycle_id},
    )


def test_a_refused_proposal_is_not_remembered() -> None:
    """It has sent nothing, so nothing can come back."""
    script = Playbook() >> proposed() << AskAdvice() >> Advised(Advice.WAIT) << Tell("AWS_WAIT")
    assert (script.cycle.phase, script.state.closed) == (Phase.REFUSED, {})


def test_whoever_asked_for_the_exit_is_its_reason() -> None:
    """The plan that moved the stop."""
    script = opened() >> Quoted(TARGET) << Change("S1") >> Filled("S1", TARGET)
    assert script.cycle.exit_reason is ExitReason.TARGET


def test_dollars_need_a_contract() -> None:
    """A cycle on a contract that nobody has described has no price per tick."""
    script = opened() >> Filled("S1", TARGET)
    turn = Turn(script.state, NOON)
    assert gross_usd(turn, script.cycle) == Decimal(500)
    turn.replace(contracts={})
    assert gross_usd(turn, script.cycle) == 0


def test_the_last_loss_that_is_allowed_ends_entries_until_a_person_resumes() -> None:
    """C07: a strategy that loses again and again is stopped by the machine, not by midnight."""
    limits = replace(LIMITS, loss_streak_max=1)
    script = opened(limits=limits) >> Filled("S1", STOP) << Page("MODE_REDUCE_ONLY")
    assert script.state.mode_why == "LOSS_STREAK: losses in a row: 1"
    script = script >> asked(Request.RESUME) << Tell("RESUMED")
    assert script.state.mode is Mode.NORMAL
    assert script.state.day.losses_in_a_row == 0, "a person has looked: the count begins anew"
    assert script.state.day.realised_usd < 0, "what was lost stays lost"


def test_fewer_losses_than_allowed_change_no_mode() -> None:
    limits = replace(LIMITS, loss_streak_max=2)
    script = opened(limits=limits) >> Filled("S1", STOP)
    assert (script.is_complete, script.state.mode) == (True, Mode.NORMAL)


def test_a_profit_ends_a_run_of_losses() -> None:
    limits = replace(LIMITS, loss_streak_max=1)
    script = opened(limits=limits) >> Filled("S1", TARGET)
    assert (script.is_complete, script.state.mode) == (True, Mode.NORMAL)


def test_the_last_trade_of_the_day_ends_entries_until_a_person_resumes() -> None:
    limits = replace(LIMITS, daily_trades_max=1)
    script = opened(limits=limits)
    assert script.state.mode is Mode.NORMAL, "the trade itself is allowed"
    script = script >> Filled("S1", TARGET) << Page("MODE_REDUCE_ONLY")
    assert script.state.mode_why == "TRADE_COUNT: entries today: 1"
    script = script >> asked(Request.RESUME) << Tell("RESUMED")
    assert script.state.day.entries == 1, "resuming makes the day no longer"
