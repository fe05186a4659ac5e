"""The end of a cycle: profit from fills and commissions alone, and the day's ledger."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import ExitReason, ExitStage, TradeCycle
from mytrader.domain.orders import Role
from mytrader.domain.trader import ClosedCycle, Mode
from mytrader.execution.turn import Turn

REPEAT_WINDOW: Final = timedelta(days=8)
"""For how long a finished cycle is remembered: a broker repeats executions of up to seven days."""

COMMISSION_WAIT: Final = timedelta(seconds=30)
"""Commission reports may come seconds after their fills; a cycle waits this long for them."""


def gross_usd(turn: Turn, cycle: TradeCycle) -> Decimal:
    """Dollars from the fills alone."""
    contract = turn.state.contracts.get(cycle.con_id)
    return Decimal(0) if contract is None else contract.instrument.usd(cycle.gross_ticks)


def commissions_are_in(turn: Turn, cycle: TradeCycle) -> bool:
    """Whether every fill's commission is known, or was waited for long enough."""
    if all(fill.exec_id in cycle.commissions_usd for fill in cycle.fills):
        return True
    if cycle.commissions_due_at is None:
        turn.change(cycle, commissions_due_at=turn.now + COMMISSION_WAIT)
        return False
    if turn.now < cycle.commissions_due_at:
        return False
    turn.alert(
        AlertLevel.WARNING,
        "COMMISSION_MISSING",
        text=f"no commission report for a fill after {COMMISSION_WAIT.seconds} s",
        cycle_id=cycle.cycle_id,
    )
    # The broker repeats executions with what they cost; the record takes it when it comes.
    turn.query_book("a commission is missing")
    return True


def settle(turn: Turn, cycle: TradeCycle) -> None:
    """Book the finished cycle and let it go; it leaves the state as `finished`."""
    state = turn.state
    day = state.ledger(turn.now)
    if cycle.fills:
        net = gross_usd(turn, cycle) - cycle.commission_usd
        equity = state.equity_usd + net
        day = replace(
            day,
            realised_usd=day.realised_usd + net,
            losses_in_a_row=day.losses_in_a_row + 1 if net < 0 else 0,
        )
        turn.replace(equity_usd=equity, equity_peak_usd=max(equity, state.equity_peak_usd))
        cycle = replace(cycle, exit_reason=_exit_reason(cycle))
    leave(turn, replace(cycle, closed_at=turn.now, exit=None))
    turn.replace(day=day)
    _throttle(turn)


def _throttle(turn: Turn) -> None:
    """End entries until a person resumes, once a day has had all its losses or all its trades.

    Source: SAFETY.md C07, the repeated-execution throttle of RTS 6, article 15(3).
    """
    limits, day = turn.state.limits, turn.state.day
    if day.losses_in_a_row >= limits.loss_streak_max:
        why = f"LOSS_STREAK: losses in a row: {day.losses_in_a_row}"
        turn.step_down(Mode.REDUCE_ONLY, why)
    if day.entries >= limits.daily_trades_max:
        turn.step_down(Mode.REDUCE_ONLY, f"TRADE_COUNT: entries today: {day.entries}")


def _exit_reason(cycle: TradeCycle) -> ExitReason:
    """Whoever asked last; a stop or a target that filled by itself is its own reason."""
    if cycle.exit is not None and cycle.exit.stage is not ExitStage.REFUSED:
        return cycle.exit.reason
    if any(order.filled for order in cycle.of_role(Role.EMERGENCY)):
        return ExitReason.EMERGENCY
    target = any(order.filled for order in cycle.of_role(Role.TARGET))
    return ExitReason.TARGET if target else ExitReason.STOP


def leave(turn: Turn, cycle: TradeCycle) -> None:
    """Take a final cycle out of the state; what it sent and booked is remembered for a while."""
    remaining = {key: open_ for key, open_ in turn.state.cycles.items() if key != cycle.cycle_id}
    turn.replace(cycles=remaining, finished=(*turn.state.finished, cycle))
    if cycle.orders or cycle.fills:
        closed = dict(turn.state.closed)
        # The oldest come first: whoever closed many is not made to look at all of them.
        for cycle_id, each in turn.state.closed.items():
            if turn.now - each.closed_at < REPEAT_WINDOW:
                break
            del closed[cycle_id]
        booked = frozenset(fill.exec_id for fill in cycle.fills)
        closed[cycle.cycle_id] = ClosedCycle(turn.now, booked, turn.state.link.queries_asked)
        turn.replace(closed=closed)
