"""The regular session of index futures: the hours of the stocks behind them, by the same calendar.

Stocks trade from 08:30 to 15:00 US Central. On a half day of theirs the futures go on until 12:15
(three hours and three quarters), and this ends then. A session of the futures that ends at noon
is a holiday of the stocks: there is no opening.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from mytrader.domain.exchange_days import exchange_session
from mytrader.domain.session import EXCHANGE_ZONE, Session

_OPENS: Final = time(8, 30)
_CLOSES: Final = time(15)
_SHORTEST: Final = timedelta(hours=3, minutes=45)


@lru_cache(maxsize=64)
def regular_session(day: date) -> Session | None:
    """Return when the regular session of a trading date begins and ends, aware UTC.

    `None` where there is none, or where the calendar of the exchange knows nothing.
    """
    session = exchange_session(day)
    if session is None:
        return None
    opens = datetime.combine(day, _OPENS, EXCHANGE_ZONE).astimezone(UTC)
    closes = datetime.combine(day, _CLOSES, EXCHANGE_ZONE).astimezone(UTC)
    closes = min(closes, session[1])
    return (opens, closes) if closes - opens >= _SHORTEST else None
