"""The trader's own entry guards over the day as the record tells it.

Of the guards in `ENTRY_GUARDS` those are asked for which a record of orders and fills holds the
data: time since the last entry, entries and losses of the day, the position. The others need a
market, a session calendar or a running trader; they are named, not guessed.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Verdict
from mytrader.domain.session import trading_date
from mytrader.domain.trader import DayLedger, TraderState
from mytrader.execution.account_guards import position_alone_stays_in_limit
from mytrader.execution.entry_case import Proposal, open_case
from mytrader.execution.entry_guards import (
    Guard,
    confidence_is_enough,
    cooldown_is_over,
    day_has_entries_left,
    losses_are_few,
    no_cycle_is_open,
    no_entry_opposes,
)
from mytrader.replay.history import Filled, History, Placed
from mytrader.replay.moment import Moment
from mytrader.replay.round_trips import round_trips

NOT_ASKED: Final = "market, session, closed lists, roll, day's loss, margin, message rate"
"""What the guards need that no record of orders and fills holds."""

_ASKED: Final[tuple[Guard, ...]] = (
    cooldown_is_over,
    day_has_entries_left,
    losses_are_few,
    no_cycle_is_open,
    no_entry_opposes,
    position_alone_stays_in_limit,
)


def judge_day(
    history: History, order: Placed, *, moment: Moment, instrument: Instrument, limits: Limits
) -> list[Verdict]:
    """Ask every entry guard whose data the record holds."""
    state = TraderState(
        limits=limits,
        positions={moment.position.con_id: moment.position},
        day=_day_before(history, order, instrument=instrument),
    )
    proposal = Proposal(cycle=_cycle(order, moment), contract=None, bracket="")
    confident = () if proposal.cycle.confidence is None else (confidence_is_enough,)
    case = open_case(proposal, state, now=order.at)
    return [guard(case) for guard in (*_ASKED, *confident)]


def _day_before(history: History, order: Placed, *, instrument: Instrument) -> DayLedger:
    today = trading_date(order.at)
    fills = [
        fact
        for fact in history.before(order)
        if isinstance(fact, Filled)
        and fact.symbol == order.symbol
        and trading_date(fact.at) == today
    ]
    results = [trip.gross_usd(instrument) for trip in round_trips(fills)]
    closed = [result for result in results if result is not None]
    openers = {number for trip in round_trips(fills) for number in trip.entry_order_ids}
    entered = [placed.at for placed in history.orders if placed.order_id in openers]
    return DayLedger(
        on=today,
        entries=len(results),
        losses_in_a_row=_losses_in_a_row(closed),
        last_entry_at=max(entered, default=None),
        realised_usd=sum(closed, Decimal(0)),
    )


def _losses_in_a_row(results: Sequence[Decimal]) -> int:
    losses = 0
    for result in results:
        losses = losses + 1 if result < 0 else 0
    return losses


def _cycle(order: Placed, moment: Moment) -> TradeCycle:
    """Return the cycle that a trader would have proposed; the record gives it no id."""
    said = None if moment.signal is None else moment.signal.confidence
    signal = Signal(
        strategy="recorded",
        side=order.side,
        confidence=said or 0.0,
        entry=order.limit or Decimal(0),
        stop=order.stop_loss,
        target=order.take_profit,
        features={},
        reason="",
    )
    return TradeCycle(
        cycle_id="",
        con_id=moment.position.con_id,
        symbol=order.symbol,
        phase=Phase.PROPOSED,
        side=order.side,
        signal=signal,
        proposed_at=order.at,
        quantity=order.quantity,
        confidence=said,
    )
