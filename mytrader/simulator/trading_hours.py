"""The CME equity index day: 17:00 to 16:00 US Central, regular hours 08:30 to 15:00.

Source of the hours: TWS-PROTOCOL.md sections 6.3 and 7.5, SAFETY.md X6. A session carries the
date on which it ends. Holidays and half days are not known here: bars show them by ending early.
The hour the clocks change lies in the weekend, so every session lasts the same 23 hours.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

CENTRAL: Final = ZoneInfo("America/Chicago")
SESSION_MINUTES: Final = 23 * 60
_OPEN: Final = time(17)
_CLOSE: Final = time(16)
_REGULAR_OPEN: Final = time(8, 30)
_REGULAR_CLOSE: Final = time(15)
_SATURDAY: Final = 5


def session_date(at: datetime) -> date:
    """Return the date of the session that `at` (aware) belongs to; 17:00 begins the next day's."""
    return (at.astimezone(CENTRAL) + timedelta(hours=7)).date()


def session_bounds(day: date) -> tuple[datetime, datetime]:
    """Return when the session of `day` opens and closes, aware UTC; the close is exclusive."""
    opened = datetime.combine(day - timedelta(days=1), _OPEN, CENTRAL)
    closed = datetime.combine(day, _CLOSE, CENTRAL)
    return opened.astimezone(UTC), closed.astimezone(UTC)


def regular_bounds(day: date) -> tuple[datetime, datetime]:
    """Return when regular hours of `day` open and close, aware UTC; the close is exclusive."""
    opened = datetime.combine(day, _REGULAR_OPEN, CENTRAL)
    closed = datetime.combine(day, _REGULAR_CLOSE, CENTRAL)
    return opened.astimezone(UTC), closed.astimezone(UTC)


def in_regular_hours(at: datetime) -> bool:
    """Whether `at` (aware) lies in regular hours of a weekday."""
    local = at.astimezone(CENTRAL)
    return local.weekday() < _SATURDAY and _REGULAR_OPEN <= local.time() < _REGULAR_CLOSE


def minute_of_session(at: datetime) -> int:
    """Return whole minutes since 17:00 Central, 0 to 1439; from 1380 on the market is shut."""
    local = at.astimezone(CENTRAL)
    return (local.hour * 60 + local.minute - _OPEN.hour * 60) % (24 * 60)
