"""Trading sessions: which trading date a moment belongs to, and where in a session it lies.

The exchange lives in Chicago, the broker's servers are reset by New York's clock; both are whole
hours from UTC, so what a moment is there changes only with an hour of UTC and is looked up by it.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

EXCHANGE_ZONE: Final = ZoneInfo("America/Chicago")
BROKER_ZONE: Final = ZoneInfo("America/New_York")
SESSION_MINUTES: Final = 23 * 60
"""17:00 to 16:00 US Central; the hour the clocks change lies in the weekend."""

OPEN_MINUTE: Final = 17 * 60
MINUTES_PER_DAY: Final = 24 * 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOURS_TO_MIDNIGHT: Final = timedelta(hours=7)
_SECONDS_PER_HOUR: Final = 3600
_HOURS_PER_DAY: Final = 24
_MINUTES_PER_HOUR: Final = 60
_DAY_S: Final = _HOURS_PER_DAY * _SECONDS_PER_HOUR
_WEEK_S: Final = 7 * _DAY_S

RESETS: Final = (
    (_DAY_S, 15 * 60, 105 * 60),
    (_WEEK_S, 4 * _DAY_S + 23 * _SECONDS_PER_HOUR, 5 * _DAY_S + 3 * _SECONDS_PER_HOUR),
)
"""(period, start, end) of the broker's resets in seconds of New York's week, Monday first: daily
00:15 to 01:45, and Friday 23:00 to Saturday 03:00 (SAFETY.md B10). The end is outside."""

Session = tuple[datetime, datetime]
"""Open and close of one session, aware UTC; the close itself is outside."""


class LocalTimes(Struct, frozen=True):
    """One moment where it matters.

    The trading date and the minute of the day at the exchange, the second of the week at the
    broker (Monday first), and whole seconds since the epoch.
    """

    epoch_second: int
    trading_date: date
    exchange_minute: int
    broker_second: int


def local_times(at: datetime) -> LocalTimes:
    """Return what an aware moment is at the exchange and at the broker."""
    since = at - _EPOCH
    second = since.days * _DAY_S + since.seconds
    rest = second % _SECONDS_PER_HOUR
    on, minute, broker_second = _local_hour(second // _SECONDS_PER_HOUR)
    return LocalTimes(second, on, minute + rest // 60, broker_second + rest)


def trading_date(at: datetime) -> date:
    """Return the CME trading date of `at`: from 17:00 US Central on it is the next day's."""
    since = at - _EPOCH
    return _local_hour(since.days * _HOURS_PER_DAY + since.seconds // _SECONDS_PER_HOUR)[0]


def exchange_hour(at: datetime) -> int:
    """Return the hour of the day of `at` in US Central: that of tables and of closed hours."""
    since = at - _EPOCH
    hour = since.days * _HOURS_PER_DAY + since.seconds // _SECONDS_PER_HOUR
    return _local_hour(hour)[1] // _MINUTES_PER_HOUR


@lru_cache(maxsize=64)
def _local_hour(hour: int) -> tuple[date, int, int]:
    there = datetime.fromtimestamp(hour * _SECONDS_PER_HOUR, EXCHANGE_ZONE)
    on = (there.replace(tzinfo=None) + _HOURS_TO_MIDNIGHT).date()
    broker = there.astimezone(BROKER_ZONE)
    return on, there.hour * 60, broker.weekday() * _DAY_S + broker.hour * _SECONDS_PER_HOUR


def in_broker_reset(broker_second: int, *, margin_s: float) -> bool:
    """Whether a second of the broker's week lies in a reset, or at most `margin_s` before one."""
    if broker_second // _SECONDS_PER_HOUR in _hours_without_reset(margin_s):
        return False
    return any(
        (broker_second - start + margin_s) % period < end - start + margin_s
        for period, start, end in RESETS
    )


@lru_cache(maxsize=8)
def _hours_without_reset(margin_s: float) -> frozenset[int]:
    """Hours of the broker's week of which no second is in a reset, or near one."""
    return frozenset(
        hour
        for hour in range(_WEEK_S // _SECONDS_PER_HOUR)
        if not any(_touches_hour(hour, reset, margin_s=margin_s) for reset in RESETS)
    )


def _touches_hour(hour: int, reset: tuple[int, int, int], *, margin_s: float) -> bool:
    """Whether the hour contains the start of a reset's time, or begins within it."""
    period, start, end = reset
    began, length = start - margin_s, end - start + margin_s
    into = (hour * _SECONDS_PER_HOUR - began) % period
    return into < length or period - into < _SECONDS_PER_HOUR


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


def common_sessions(stated: Sequence[Session], known: Sequence[Session]) -> tuple[Session, ...]:
    """Return when both say that the exchange is open, in order: the later open, earlier close."""
    both = (
        (max(ours[0], theirs[0]), min(ours[1], theirs[1])) for ours in stated for theirs in known
    )
    return tuple(sorted(session for session in both if session[0] < session[1]))


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
