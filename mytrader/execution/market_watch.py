"""What the market makes a cycle do: the watched target, the overrun stop, the session's end."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from mytrader.domain.commands import AlertLevel
from mytrader.domain.cycle import ExitReason, Phase, TradeCycle
from mytrader.domain.events import (
    BarClosed,
    BarFeedChanged,
    ContractStated,
    QuoteSeen,
    SettlementStated,
)
from mytrader.domain.instrument import INSTRUMENTS, FuturesContract
from mytrader.domain.market import BAR_LENGTH, Quote
from mytrader.domain.orders import Side
from mytrader.domain.session import session_at
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution import trailing
from mytrader.execution.cover import resting_targets
from mytrader.execution.exits import ask_exit, target_reached, under_way, withdraw_entries
from mytrader.execution.exposure import rho
from mytrader.execution.guards import judge_exit_when
from mytrader.execution.risk import open_profit_usd
from mytrader.execution.turn import Turn

_BUY: Final = Side.BUY
_OPEN: Final = Phase.OPEN
"""A member of an enumeration is looked up slowly; every quote is compared with these."""


def on_contract(turn: Turn, event: ContractStated) -> None:
    """Learn a contract and its sessions; an instrument that we do not know stays unknown."""
    instrument = INSTRUMENTS.get(event.symbol)
    if instrument is None:
        turn.alert(AlertLevel.WARNING, "CONTRACT_UNKNOWN", text=f"{event.symbol} is not ours")
        return
    contract = FuturesContract(event.con_id, instrument, event.local_symbol, event.expiry)
    state = turn.state
    if event.con_id not in state.contracts:
        turn.query_book(f"contract {event.con_id} is new: its position is unknown")
    turn.replace(
        contracts={**state.contracts, event.con_id: contract},
        sessions={**state.sessions, event.con_id: event.sessions},
    )


def on_quote(turn: Turn, event: QuoteSeen) -> None:
    """Remember the quote; then look at target, stop and session of the contract's cycles."""
    state, con_id, quote, newest = turn.state, event.con_id, event.quote, turn.state.newest_at
    if newest is None or turn.now > newest:
        newest = turn.now
    turn.state = replace(state, quotes={**state.quotes, con_id: quote}, newest_at=newest)
    for cycle in state.cycles.values():
        if cycle.con_id == con_id:
            _watch(turn, cycle, quote=quote)


def on_settlement(turn: Turn, event: SettlementStated) -> None:
    """Remember the settlement from which the day's price limits are counted."""
    turn.replace(settlements={**turn.state.settlements, event.con_id: event.price})


def on_bar(turn: Turn, event: BarClosed) -> None:
    """Remember when the newest bar ended; the strategy sees it and may raise a signal."""
    ended, known = event.bar.opened_at + BAR_LENGTH, turn.state.bars
    if event.con_id not in known or ended > known[event.con_id]:
        turn.replace(bars={**known, event.con_id: ended})


def on_bar_feed(turn: Turn, event: BarFeedChanged) -> None:
    """Tell people. Entries need no more than that: without a fresh bar they are refused."""
    contract = turn.state.contracts.get(event.con_id)
    name = f"contract {event.con_id}" if contract is None else contract.instrument.symbol
    since = f"{event.since:%H:%M} UTC"
    if event.up:
        text = f"{name}: bars come again, the first since {since}"
        turn.alert(AlertLevel.INFO, "BARS_BACK", text=text)
        return
    text = f"{name} trades, but no bar has come since {since}: asked for them ({event.asked})"
    turn.alert(AlertLevel.WARNING, "BARS_SILENT", text=text)


def _watch(turn: Turn, cycle: TradeCycle, *, quote: Quote) -> None:
    if cycle.exit is not None:
        if turn.now >= cycle.exit.due_at:
            turn.touched[cycle.cycle_id] = None
        return
    touch = quote.bid if cycle.side is _BUY else quote.ask
    if cycle.phase is not _OPEN or touch is None:
        return
    if target_reached(cycle, quote) and not resting_targets(cycle):
        ask_exit(turn, cycle, reason=ExitReason.TARGET)
    elif _overrun(cycle, touch):
        ask_exit(turn, cycle, reason=ExitReason.STOP)
    elif _day_is_lost(turn, cycle, touch=touch):
        _leave_the_day(turn)
    elif trailing.follows(turn.state.limits):
        trailing.follow(turn, cycle, touch=touch)


def _day_is_lost(turn: Turn, cycle: TradeCycle, *, touch: int) -> bool:
    """Whether today's loss, what is open counted at the market, has reached its limit.

    Every quote comes this way, so the exact sum is done only where it can matter: not while the
    trade is ahead, nor while it is the only one and its loss alone is within what is left.
    """
    behind = 0
    for fill in cycle.fills:
        distance = (fill.price - touch) * fill.quantity
        behind += distance if fill.side is _BUY else -distance
    if behind <= 0:
        return False
    state = turn.state
    limit, contract = state.limits.loss_usd_daily_max, state.contracts.get(cycle.con_id)
    if contract is not None and len(state.cycles) == 1:
        lost, realised = contract.instrument.tick_value_usd * behind, state.day.realised_usd
        if cycle.commissions_usd:
            lost += cycle.commission_usd
        if lost < (limit + realised if realised < 0 else limit):
            return False
    day = state.ledger(turn.now).realised_usd
    return day + open_profit_usd(state) <= -limit


def _leave_the_day(turn: Turn) -> None:
    """The day's loss has reached its limit: nothing is opened any more, and all is closed."""
    turn.step_down(Mode.REDUCE_ONLY, "the daily loss limit is reached")
    for cycle in list(turn.state.cycles.values()):
        if cycle.position and not under_way(cycle):
            ask_exit(turn, cycle, reason=ExitReason.DAILY_LOSS)
        elif not cycle.position and cycle.orders:
            withdraw_entries(turn, cycle, why="the daily loss limit is reached")


def _overrun(cycle: TradeCycle, touch: int) -> bool:
    """Whether the market is beyond a resting stop's limit: triggered, and not filling."""
    sign = cycle.side.sign
    for order in cycle.orders.values():
        # Every quote comes this way: the price is compared before anything costly is asked.
        spec = order.spec
        beyond = spec.stop is not None and (touch - spec.limit) * sign < 0
        if beyond and rho(order, cycle.orders) > 0:
            return True
    return False


def due_exit_at(state: TraderState, cycle: TradeCycle) -> datetime | None:
    """When time alone ends an open cycle: its session or its holding time; `None` if not open."""
    if cycle.phase is not _OPEN or cycle.exit is not None:
        return None
    session_end, held_until = _session_exit_at(state, cycle), _held_until(state, cycle)
    if session_end is None or held_until is None:
        return session_end or held_until
    return min(session_end, held_until)


def _held_until(state: TraderState, cycle: TradeCycle) -> datetime | None:
    hold = state.limits.hold_max
    return None if hold is None or cycle.opened_at is None else cycle.opened_at + hold


def _session_exit_at(state: TraderState, cycle: TradeCycle) -> datetime | None:
    """When an open cycle has to be flattened for the end of its session.

    A position that has outlived its session (the broker states that one no more) is due as soon
    as the exchange opens.
    """
    since = cycle.opened_at or cycle.proposed_at
    sessions = state.sessions.get(cycle.con_id, ())
    session = session_at(sessions, since)
    if session is not None:
        return session[1] - state.limits.flatten_before_close
    return next((opens for opens, closes in sessions if closes > since), None)


def watch_time(turn: Turn, cycle: TradeCycle) -> None:
    """Flatten before the close, and what was held for as long as it may be."""
    due = due_exit_at(turn.state, cycle)
    if due is None or turn.now < due:
        return
    session_end = _session_exit_at(turn.state, cycle)
    ended = session_end is not None and turn.now >= session_end
    ask_exit(turn, cycle, reason=ExitReason.SESSION_END if ended else ExitReason.TIME_STOP)


def flatten(turn: Turn, who: str) -> None:
    """A person wants to be flat: exit what is open, and say why not where nothing may be sent.

    New entries are blocked first, until the person resumes: what was flattened stays flat.
    """
    turn.step_down(Mode.REDUCE_ONLY, f"{who} asked to flatten")
    for con_id in turn.state.contracts:
        cycles = [cycle for cycle in turn.state.cycles_of(con_id) if cycle.orders]
        for cycle in cycles:
            if cycle.position:
                ask_exit(turn, cycle, reason=ExitReason.OPERATOR)
            else:
                withdraw_entries(turn, cycle, why=f"{who} asked to flatten")
        if not cycles:
            _refuse_flatten(turn, con_id, who=who)


def _refuse_flatten(turn: Turn, con_id: int, *, who: str) -> None:
    """No cycle of ours is open: the exit rule says why no order leaves."""
    view = turn.state.position(con_id)
    claimed = view.booked or view.reported or 0
    side = Side.BUY if claimed < 0 else Side.SELL
    verdict = judge_exit_when(view.interval, side, quantity=max(abs(claimed), 1))
    code = "EXIT_WHEN_FLAT" if view.confirmed and view.booked == 0 else verdict.code
    if verdict.approved:
        code = "EXIT_WITHOUT_CYCLE"
    symbol = turn.state.contracts[con_id].instrument.symbol
    told = "nothing" if view.reported is None else view.reported
    text = f"{who} asked to flatten {symbol}: our fills say {view.booked}, the broker {told}"
    turn.alert(AlertLevel.WARNING, code, text=text)
