"""The CME equity index day: 17:00 to 16:00 US Central, regular hours 08:30 to 15:00.

Source of the hours: TWS-PROTOCOL.md sections 6.3 and 7.5, SAFETY.md X6. A session carries the
date on which it ends. Holidays and half days are not known here: bars show them by ending early.
The hour the clocks change lies in the weekend, so every session lasts the same 23 hours.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from mytrader.domain.session import EXCHANGE_ZONE

_OPEN: Final = time(17)
_CLOSE: Final = time(16)
_REGULAR_OPEN: Final = time(8, 30)
_REGULAR_CLOSE: Final = time(15)
_SATURDAY: Final = 5


def session_bounds(day: date) -> tuple[datetime, datetime]:
    """Return when the session of `day` opens and closes, aware UTC; the close is exclusive."""
    opened = datetime.combine(day - timedelta(days=1), _OPEN, EXCHANGE_ZONE)
    closed = datetime.combine(day, _CLOSE, EXCHANGE_ZONE)
    return opened.astimezone(UTC), closed.astimezone(UTC)


def regular_bounds(day: date) -> tuple[datetime, datetime]:
    """Return when regular hours of `day` open and close, aware UTC; the close is exclusive."""
    opened = datetime.combine(day, _REGULAR_OPEN, EXCHANGE_ZONE)
    closed = datetime.combine(day, _REGULAR_CLOSE, EXCHANGE_ZONE)
    return opened.astimezone(UTC), closed.astimezone(UTC)


def in_regular_hours(at: datetime) -> bool:
    """Whether `at` (aware) lies in regular hours of a weekday."""
    local = at.astimezone(EXCHANGE_ZONE)
    return local.weekday() < _SATURDAY and _REGULAR_OPEN <= local.time() < _REGULAR_CLOSE
