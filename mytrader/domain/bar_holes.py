"""Minutes without trades and minutes that did not reach us: the one is a market, the other a hole.

A minute in which nothing trades has no bar. The 27,135 ES bars of November 2025 nevertheless lack
not a single minute while the exchange was open, the nights and both short sessions included. So
a few missing minutes are taken for a thin market (the micro contracts, the exchange's own halt of
two minutes after a jump of the price), and more than five in a row for a hole.
"""

from datetime import datetime, timedelta
from typing import Final

from mytrader.domain.exchange_days import exchange_session, exchange_sessions
from mytrader.domain.market import BAR_LENGTH
from mytrader.domain.session import trading_date

HOLE_MINUTES_MAX: Final = 5
"""So many minutes in a row without a bar are no hole yet."""
_SHUT_MAX: Final = timedelta(days=7)
"""The exchange is never shut for so long; the calendar need not be asked."""


def is_hole(before: datetime, after: datetime) -> bool:
    """Whether bars are missing between two that follow each other, by when they opened."""
    return minutes_missing(before, after) > HOLE_MINUTES_MAX


def minutes_missing(before: datetime, after: datetime) -> int:
    """Return how many minutes without a bar lie between two bars while the exchange was open.

    By its calendar; on a day of which that knows nothing, minutes inside one session count.
    """
    between = (after - before) // BAR_LENGTH - 1
    if between <= HOLE_MINUTES_MAX or after - before > _SHUT_MAX:
        return between
    first, last = trading_date(before), trading_date(after)
    if first == last and exchange_session(first) is None:
        return between
    began = before + BAR_LENGTH
    opened = (
        min(closes, after) - max(opens, began)
        for opens, closes in exchange_sessions(first, last)
        if opens < after and closes > began
    )
    return sum(opened, timedelta()) // BAR_LENGTH
