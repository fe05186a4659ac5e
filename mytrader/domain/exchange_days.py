"""The exchange's own calendar: when the index futures trade, holidays and half days included.

A session runs from 17:00 to 16:00 US Central (the daily halt) under the date on which it ends.
The days that differ come from exchange_calendars (CMES), written down by
`scripts/draw_exchange_days.py`; a test compares the two. `LACKING` holds what the library does not
know or rounds: the halt at noon on 19 June (so announced for 2024); 12:15 instead of 12:00 on the
days on which the stock market closes early (the Friday after Thanksgiving, 24 December, 3 July
before a weekday), which the bars of 2025-11-28 and the exchange's holiday schedules of 3 July 2013
and 2017 show. Outside `FIRST` to `LAST` nothing is known and nothing is open.

The broker states its hours as well, and an entry needs both: a day of mourning is in neither
table of ours, and a half day that the broker forgets is in this one.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from mytrader.domain.session import EXCHANGE_ZONE, Session, common_sessions, trading_date

FIRST: Final = date(2022, 1, 1)
LAST: Final = date(2035, 12, 31)

_OPENS: Final = time(17)
_CLOSES: Final = time(16)
_NOON: Final = "12:00"
_EARLY: Final = "12:15"
_CLOSED: Final = "closed"
_FRIDAY: Final = 4
_SATURDAY: Final = 5

_TABLE: Final = """
2022-01-17 12:00
2022-02-21 12:00
2022-04-15 closed
2022-05-30 12:00
2022-07-04 12:00
2022-09-05 12:00
2022-11-24 12:00
2022-11-25 12:00
2022-12-26 closed
2023-01-02 closed
2023-01-16 12:00
2023-02-20 12:00
2023-04-07 closed
2023-05-29 12:00
2023-07-04 12:00
2023-09-04 12:00
2023-11-23 12:00
2023-11-24 12:00
2023-12-25 closed
2024-01-01 closed
2024-01-15 12:00
2024-02-19 12:00
2024-03-29 closed
2024-05-27 12:00
2024-07-04 12:00
2024-09-02 12:00
2024-11-28 12:00
2024-11-29 12:00
2024-12-24 12:00
2024-12-25 closed
2025-01-01 closed
2025-01-09 closed
2025-01-20 12:00
2025-02-17 12:00
2025-04-18 closed
2025-05-26 12:00
2025-07-04 12:00
2025-09-01 12:00
2025-11-27 12:00
2025-11-28 12:00
2025-12-24 12:00
2025-12-25 closed
2026-01-01 closed
2026-01-19 12:00
2026-02-16 12:00
2026-04-03 closed
2026-05-25 12:00
2026-07-03 12:00
2026-09-07 12:00
2026-11-26 12:00
2026-11-27 12:00
2026-12-24 12:00
2026-12-25 closed
2027-01-01 closed
2027-01-18 12:00
2027-02-15 12:00
2027-03-26 closed
2027-05-31 12:00
2027-07-05 12:00
2027-09-06 12:00
2027-11-25 12:00
2027-11-26 12:00
2027-12-24 closed
2028-01-17 12:00
2028-02-21 12:00
2028-04-14 closed
2028-05-29 12:00
2028-07-04 12:00
2028-09-04 12:00
2028-11-23 12:00
2028-11-24 12:00
2028-12-25 closed
2029-01-01 closed
2029-01-15 12:00
2029-02-19 12:00
2029-03-30 closed
2029-05-28 12:00
2029-07-04 12:00
2029-09-03 12:00
2029-11-22 12:00
2029-11-23 12:00
2029-12-24 12:00
2029-12-25 closed
2030-01-01 closed
2030-01-21 12:00
2030-02-18 12:00
2030-04-19 closed
2030-05-27 12:00
2030-07-04 12:00
2030-09-02 12:00
2030-11-28 12:00
2030-11-29 12:00
2030-12-24 12:00
2030-12-25 closed
2031-01-01 closed
2031-01-20 12:00
2031-02-17 12:00
2031-04-11 closed
2031-05-26 12:00
2031-07-04 12:00
2031-09-01 12:00
2031-11-27 12:00
2031-11-28 12:00
2031-12-24 12:00
2031-12-25 closed
2032-01-01 closed
2032-01-19 12:00
2032-02-16 12:00
2032-03-26 closed
2032-05-31 12:00
2032-07-05 12:00
2032-09-06 12:00
2032-11-25 12:00
2032-11-26 12:00
2032-12-24 closed
2033-01-17 12:00
2033-02-21 12:00
2033-04-15 closed
2033-05-30 12:00
2033-07-04 12:00
2033-09-05 12:00
2033-11-24 12:00
2033-11-25 12:00
2033-12-26 closed
2034-01-02 closed
2034-01-16 12:00
2034-02-20 12:00
2034-04-07 closed
2034-05-29 12:00
2034-07-04 12:00
2034-09-04 12:00
2034-11-23 12:00
2034-11-24 12:00
2034-12-25 closed
2035-01-01 closed
2035-01-15 12:00
2035-02-19 12:00
2035-03-23 closed
2035-05-28 12:00
2035-07-04 12:00
2035-09-03 12:00
2035-11-22 12:00
2035-11-23 12:00
2035-12-24 12:00
2035-12-25 closed
"""


def _lacking() -> dict[date, str]:
    found: dict[date, str] = {}
    for year in range(FIRST.year, LAST.year + 1):
        # Juneteenth is kept on the Monday after a Sunday, the Friday before a Saturday.
        found[_observed(date(year, 6, 19))] = _NOON
        independence = date(year, 7, 4)
        if independence.weekday() not in {0, _SATURDAY, _SATURDAY + 1}:
            found[date(year, 7, 3)] = _EARLY
        thanksgiving = date(year, 11, 1 + (3 - date(year, 11, 1).weekday()) % 7 + 21)
        found[thanksgiving + timedelta(days=1)] = _EARLY
        if (eve := date(year, 12, 24)).weekday() < _FRIDAY:
            found[eve] = _EARLY
    return found


def _observed(day: date) -> date:
    shift = {_SATURDAY: -1, _SATURDAY + 1: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)


LACKING: Final = _lacking()
"""What the library lacks, by date; it wins over the table."""


def _read(table: str) -> dict[date, str]:
    rows = (line.split() for line in table.split("\n") if line)
    return {date.fromisoformat(day): close for day, close in rows}


_DAYS: Final = _read(_TABLE) | LACKING


@lru_cache(maxsize=64)
def exchange_session(day: date) -> Session | None:
    """Return open and close of the session that ends on `day`, aware UTC; `None` if there is none.

    A day outside the calendar has none: what is unknown is not open.
    """
    said = _DAYS.get(day, "")
    if day.weekday() >= _SATURDAY or said == _CLOSED or not FIRST <= day <= LAST:
        return None
    closes = time.fromisoformat(said) if said else _CLOSES
    opened = datetime.combine(day - timedelta(days=1), _OPENS, EXCHANGE_ZONE)
    closed = datetime.combine(day, closes, EXCHANGE_ZONE)
    return opened.astimezone(UTC), closed.astimezone(UTC)


def open_sessions(stated: tuple[Session, ...]) -> tuple[Session, ...]:
    """Return when both the broker's hours and this calendar say that the exchange is open.

    What only one of them knows is shut; of two closes the earlier counts.
    """
    if not stated:
        return ()
    first, last = trading_date(stated[0][0]), trading_date(stated[-1][1])
    return common_sessions(stated, exchange_sessions(first, last))


def exchange_sessions(first: date, last: date) -> tuple[Session, ...]:
    """Return the sessions that end on `first` to `last`, in order."""
    first, last = max(first, FIRST), min(last, LAST)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return tuple(session for day in days if (session := exchange_session(day)) is not None)
