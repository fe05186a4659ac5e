"""What a trade would have earned that was never made, from the minutes that followed.

The convention, which every figure of this module rests on:

- The entry fills in the minute of the proposal, at the worse of the signal's price and that
  minute's open, and one tick beyond: a marketable order pays the spread. A minute without trades
  is waited out for as long as `ENTRY_WAIT`.
- A stop counts when it is touched, a target when the market trades one tick through it: whoever
  leaves pays the spread. A minute that does both counts as the stop. A stop fills at its price, or
  at the minute's open where that is beyond it, and one tick worse; a target fills at its price.
- In the minute of the entry the range may lie before it: the stop counts there, the target only
  when the minute closes through it.
- What is still open is closed at the close of the last minute before positions are closed for the
  session, one tick worse. Stops do not move, positions have no time limit of their own.
- Commission is the instrument's own, on both sides.

Where the minutes do not reach, there is no answer: not zero.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.domain.cycle import ExitReason
from mytrader.domain.decision import Signal
from mytrader.domain.exchange_days import exchange_session
from mytrader.domain.instrument import Instrument, OffGridError
from mytrader.domain.market import BAR_LENGTH, Bar
from mytrader.domain.orders import Side
from mytrader.domain.session import trading_date

ENTRY_WAIT: Final = timedelta(minutes=2)
HOLE_MAX: Final = timedelta(minutes=10)
"""A longer silence within a session is a hole in the record: what happened in it is unknown."""

SPREAD_TICKS: Final = 1


class WouldBe(Struct, frozen=True):
    """How a trade would have ended. Dollars after commission; `r` in multiples of its risk."""

    entered_at: datetime
    left_at: datetime
    by: ExitReason
    net_usd: Decimal
    commission_usd: Decimal
    risk_usd: Decimal
    r: float


class _Plan(Struct, frozen=True):
    """A trade in ticks; `sign` is +1 for a long one."""

    sign: int
    entry: int
    stop: int
    target: int


def would_have_earned(
    signal: Signal,
    bars: Sequence[Bar],
    *,
    at: datetime,
    instrument: Instrument,
    quantity: int,
    flatten_before_close: timedelta,
) -> WouldBe | None:
    """Return how the signal, proposed at `at`, would have ended; `None` where nobody can know.

    `bars` are the contract's minutes in order. There is no answer for a signal without stop or
    target, off the grid, or beyond its stop or target when it would have been entered; nor where
    the bars begin late, end early or have a hole.
    """
    session = exchange_session(trading_date(at))
    first = _entry_bar(bars, at)
    if session is None or first is None:
        return None
    plan = _planned(signal, bars[first], instrument)
    if plan is None:
        return None
    last_close = session[1] - flatten_before_close
    walked = _walk(plan, bars, first=first, ends=last_close)
    if walked is None:
        return None
    place, price, by = walked
    risk = instrument.usd((plan.entry - plan.stop) * plan.sign, quantity)
    commission = 2 * quantity * instrument.commission_usd_per_side
    net = instrument.usd((price - plan.entry) * plan.sign, quantity) - commission
    return WouldBe(
        entered_at=bars[first].opened_at,
        left_at=bars[place].opened_at + BAR_LENGTH,
        by=by,
        net_usd=net,
        commission_usd=commission,
        risk_usd=risk,
        r=float(net / risk),
    )


def _entry_bar(bars: Sequence[Bar], at: datetime) -> int | None:
    """The place of the minute that contains `at`, or of the next within `ENTRY_WAIT`."""
    place = bisect_right(bars, at - BAR_LENGTH, key=lambda bar: bar.opened_at)
    if place == len(bars) or bars[place].opened_at - at > ENTRY_WAIT:
        return None
    return place


def _planned(signal: Signal, bar: Bar, instrument: Instrument) -> _Plan | None:
    """The trade as it would have been entered; `None` where the market had left its bracket."""
    if signal.stop is None or signal.target is None:
        return None
    sign = signal.side.sign
    try:
        wanted = instrument.exact_ticks(signal.entry)
        away = (instrument.ticks_down, instrument.ticks_up)
        stop = away[sign < 0](signal.stop)
        target = away[sign > 0](signal.target)
    except OffGridError:
        return None
    asked = -int(-wanted // 1) if signal.side is Side.BUY else int(wanted // 1)
    worse = max(asked * sign, bar.open * sign) * sign
    entry = worse + SPREAD_TICKS * sign
    within = (entry - stop) * sign > 0 and (target - entry) * sign > 0
    return _Plan(sign, entry, stop, target) if within else None


def _walk(
    plan: _Plan, bars: Sequence[Bar], *, first: int, ends: datetime
) -> tuple[int, int, ExitReason] | None:
    """Return the minute, the price in ticks and the reason of the exit."""
    for place in range(first, len(bars)):
        bar = bars[place]
        if bar.opened_at + BAR_LENGTH > ends:
            return _closed_for_session(plan, bars, place=place, first=first, ends=ends)
        if place > first and bar.opened_at - bars[place - 1].opened_at > HOLE_MAX:
            return None
        left = _left_in(plan, bar, entered=place == first)
        if left is not None:
            return place, *left
    return None


def _closed_for_session(
    plan: _Plan, bars: Sequence[Bar], *, place: int, first: int, ends: datetime
) -> tuple[int, int, ExitReason] | None:
    """The exit at the last minute before `place`; `None` where that is not the session's last."""
    last = place - 1
    if last < first or ends - bars[last].opened_at > HOLE_MAX:
        return None
    return last, bars[last].close - SPREAD_TICKS * plan.sign, ExitReason.SESSION_END


def _left_in(plan: _Plan, bar: Bar, *, entered: bool) -> tuple[int, ExitReason] | None:
    """The price and reason of an exit in this minute; the stop comes first."""
    sign = plan.sign
    worst, best = (bar.low, bar.high) if sign > 0 else (bar.high, bar.low)
    if (worst - plan.stop) * sign <= 0:
        gone = plan.stop if entered else min(plan.stop * sign, bar.open * sign) * sign
        return gone - SPREAD_TICKS * sign, ExitReason.STOP
    reached = bar.close if entered else best
    if (reached - plan.target) * sign >= SPREAD_TICKS:
        return plan.target, ExitReason.TARGET
    return None
