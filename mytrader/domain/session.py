"""Trading sessions: which trading date a moment belongs to, and where in a session it lies."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

EXCHANGE_ZONE: Final = ZoneInfo("America/Chicago")
SESSION_MINUTES: Final = 23 * 60
"""17:00 to 16:00 US Central; the hour the clocks change lies in the weekend."""

OPEN_MINUTE: Final = 17 * 60
MINUTES_PER_DAY: Final = 24 * 60
_HOURS_TO_MIDNIGHT: Final = timedelta(hours=7)
_SECONDS_PER_HOUR: Final = 3600

Session = tuple[datetime, datetime]
"""Open and close of one session, aware UTC; the close itself is outside."""


def trading_date(at: datetime) -> date:
    """Return the CME trading date of `at`: from 17:00 US Central on it is the next day's."""
    return _trading_date_of_hour(int(at.timestamp()) // _SECONDS_PER_HOUR)


@lru_cache(maxsize=64)
def _trading_date_of_hour(hour: int) -> date:
    # The offsets of US Central are whole hours, so the date changes with an hour of UTC.
    at = datetime.fromtimestamp(hour * _SECONDS_PER_HOUR, EXCHANGE_ZONE)
    return (at.replace(tzinfo=None) + _HOURS_TO_MIDNIGHT).date()


def minute_of_session(at: datetime) -> int:
    """Return whole minutes since 17:00 US Central, 0 to 1439; from 1380 on the market is shut."""
    local = at.astimezone(EXCHANGE_ZONE)
    return (local.hour * 60 + local.minute - OPEN_MINUTE) % MINUTES_PER_DAY


def session_at(sessions: tuple[Session, ...], at: datetime) -> Session | None:
    """Return the session that contains `at`, `None` while the exchange is closed."""
    for session in sessions:
        if session[0] <= at < session[1]:
            return session
    return None


def next_open(sessions: tuple[Session, ...], at: datetime) -> datetime | None:
    """Return when a shut exchange opens next, `None` if it is open or nobody has said when."""
    if session_at(sessions, at) is not None:
        return None
    return min((opens for opens, _closes in sessions if opens > at), default=None)


def parse_sessions(text: str, zone: str) -> tuple[Session, ...]:
    """Return the sessions of a broker's trading hours, sorted, closed days left out.

    The form is `YYYYMMDD:HHMM-YYYYMMDD:HHMM;YYYYMMDD:CLOSED;...` in `zone` (TWS-PROTOCOL.md
    section 6.3). Raises `ValueError` for any other text: hours that cannot be read are unknown.
    """
    place = ZoneInfo(zone)
    sessions = []
    for part in filter(None, text.split(";")):
        if part.endswith(":CLOSED"):
            continue
        opens, dash, closes = part.partition("-")
        if not dash:
            raise ValueError(f"{part!r} is not a session")
        sessions.append((_moment(opens, place), _moment(closes, place)))
    return tuple(sorted(sessions))


def _moment(text: str, zone: ZoneInfo) -> datetime:
    return datetime.strptime(text, "%Y%m%d:%H%M").replace(tzinfo=zone).astimezone(UTC)
