"""Write the table of mytrader/domain/exchange_days.py anew from exchange_calendars (CMES).

Usage: python scripts/draw_exchange_days.py

The library is needed here and in the tests alone: with pandas it takes longer to import than a
trader takes to start, and what it says of a year changes a few times in that year. What it lacks
stands in `exchange_days.LACKING` and wins.
"""

import warnings
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from mytrader.domain import exchange_days

MODULE: Final = Path(exchange_days.__file__)
BEGIN: Final = '_TABLE: Final = """\n'
END: Final = '"""\n'
DAY_ENDS: Final = "17:00"


def days_of_library(first: date, last: date) -> dict[date, str]:
    """Return each weekday that is no ordinary one, as "closed" or its close in Chicago."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own use of data frames, not ours
        from exchange_calendars.exchange_calendar_cmes import (  # noqa: PLC0415 - see above
            CMESExchangeCalendar,
        )

        closes = CMESExchangeCalendar(start=first.isoformat(), end=last.isoformat()).closes
        local = {
            day.date(): f"{close.tz_convert('America/Chicago'):%H:%M}"
            for day, close in closes.items()
        }
    weekdays = (first + timedelta(days=n) for n in range((last - first).days + 1))
    found = {day: local.get(day, "closed") for day in weekdays if day.weekday() < 5}
    return {day: close for day, close in found.items() if close != DAY_ENDS}


def table(days: dict[date, str]) -> str:
    """Return the table's lines, oldest first."""
    return "".join(f"{day} {days[day]}\n" for day in sorted(days))


def main() -> None:
    """Write the table between its quotes."""
    text = MODULE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    days = days_of_library(exchange_days.FIRST, exchange_days.LAST)
    MODULE.write_text(f"{before}{BEGIN}{table(days)}{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
