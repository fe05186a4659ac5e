"""Which days the exchange is open and when it closes: 16:00 US Central, or earlier, or not at all.

`TABLE` holds the days of 2025 and 2026 on which that differs. Source: CME Group, Globex holiday
calendars of those years, equity index products; the two days around Thanksgiving 2025 agree with
the bars of ES. On holidays trading halts at 12:00 and resumes at 17:00 for the next trading date;
half days close at 12:15. Where bars are given they decide: they show what the market really did.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from msgspec import Struct

from mytrader.domain.market import Bar
from mytrader.domain.session import EXCHANGE_ZONE, trading_date
from mytrader.simulator.trading_hours import regular_bounds, session_bounds

HOLIDAY_HALT: Final = time(12)
HALF_DAY_CLOSE: Final = time(12, 15)
_EARLY: Final = (HOLIDAY_HALT, HALF_DAY_CLOSE)
_SATURDAY: Final = 5
_MINUTE: Final = timedelta(minutes=1)


class ExchangeDays(Struct, frozen=True):
    """The days that are not like others: closes by date (US Central), and days without trading."""

    early: Mapping[date, time]
    closed: frozenset[date]

    def session(self, day: date) -> tuple[datetime, datetime] | None:
        """Return when the session of `day` opens and closes, aware UTC; `None` without one."""
        if day.weekday() >= _SATURDAY or day in self.closed:
            return None
        opened, closed = session_bounds(day)
        early = self.early.get(day)
        if early is not None:
            closed = datetime.combine(day, early, EXCHANGE_ZONE).astimezone(UTC)
        return opened, closed

    def close(self, day: date) -> datetime:
        """Return when the session of a day on which something trades closes, aware UTC."""
        session = self.session(day)
        return session_bounds(day)[1] if session is None else session[1]

    def next_open(self, at: datetime, *, regular: bool = False) -> datetime:
        """Return when a session, or its regular hours, will open next after `at`, aware UTC."""
        day = trading_date(at)
        while True:
            session = self.session(day)
            if session is not None:
                opened = regular_bounds(day)[0] if regular else session[0]
                if opened > at:
                    return opened
            day += timedelta(days=1)

    def shown_by(self, bars: Iterable[Bar]) -> "ExchangeDays":
        """Return the days as bars show them; days without bars stay as they are.

        A day whose last minute ends at one of the early closes closed then. A day with bars after
        the close that the table gives it, or on a day without trading, was like any other.
        """
        last = {trading_date(bar.opened_at): bar.opened_at + _MINUTE for bar in bars}
        early, closed = dict(self.early), set(self.closed)
        for day, ended in last.items():
            closed.discard(day)
            local = ended.astimezone(EXCHANGE_ZONE)
            if local.date() == day and local.time() in _EARLY:
                early[day] = local.time()
            elif day in early and ended > self.close(day):
                del early[day]
        return ExchangeDays(early, frozenset(closed))


def _on(when: time, *days: tuple[int, int, int]) -> dict[date, time]:
    return {date(*day): when for day in days}


TABLE: Final = ExchangeDays(
    early={
        **_on(HOLIDAY_HALT, (2025, 1, 20), (2025, 2, 17), (2025, 5, 26), (2025, 6, 19)),
        **_on(HOLIDAY_HALT, (2025, 7, 4), (2025, 9, 1), (2025, 11, 27)),
        **_on(HALF_DAY_CLOSE, (2025, 7, 3), (2025, 11, 28), (2025, 12, 24)),
        **_on(HOLIDAY_HALT, (2026, 1, 19), (2026, 2, 16), (2026, 5, 25), (2026, 6, 19)),
        **_on(HOLIDAY_HALT, (2026, 7, 3), (2026, 9, 7), (2026, 11, 26)),
        **_on(HALF_DAY_CLOSE, (2026, 11, 27), (2026, 12, 24)),
    },
    closed=frozenset(
        {
            *(date(2025, 1, 1), date(2025, 4, 18), date(2025, 12, 25)),
            *(date(2026, 1, 1), date(2026, 4, 3), date(2026, 12, 25)),
        }
    ),
)
