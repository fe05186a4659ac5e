"""Trading sessions: which trading date a moment belongs to, and where in a session it lies."""

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

EXCHANGE_ZONE: Final = ZoneInfo("America/Chicago")
_HOURS_TO_MIDNIGHT: Final = timedelta(hours=7)

Session = tuple[datetime, datetime]
"""Open and close of one session, aware UTC; the close itself is outside."""


def trading_date(at: datetime) -> date:
    """Return the CME trading date of `at`: from 17:00 US Central on it is the next day's."""
    return (at.astimezone(EXCHANGE_ZONE).replace(tzinfo=None) + _HOURS_TO_MIDNIGHT).date()


def session_at(sessions: tuple[Session, ...], at: datetime) -> Session | None:
    """Return the session that contains `at`, `None` while the exchange is closed."""
    for session in sessions:
        if session[0] <= at < session[1]:
            return session
    return None
