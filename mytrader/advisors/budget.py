"""What advisors outside may cost in a day. Pure: time is an argument.

A day is a day of UTC, as on the bill. Before a call the worst that it can cost is set aside; when
it ends, that becomes what it did cost. Where nobody told, what was set aside counts as spent: an
unknown cost is not zero. Every request counts as a call, a refused one too.

After a restart the day's figures come back out of the journal (`spent`).
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.decision import AdvisorCall

TOKENS_PER_PRICE: Final = 1_000_000


class Prices(Struct, frozen=True):
    """Dollars for a million tokens, read and written."""

    in_usd_per_mtok: Decimal
    out_usd_per_mtok: Decimal

    def cost_usd(self, tokens_in: int, tokens_out: int) -> Decimal:
        """Return what a call of so many tokens costs."""
        millionths = tokens_in * self.in_usd_per_mtok + tokens_out * self.out_usd_per_mtok
        return millionths / TOKENS_PER_PRICE


class Reservation(Struct, frozen=True):
    """What was set aside for one call, and in which day's budget."""

    day: date
    usd: Decimal


class Budget(Struct, frozen=True):
    """One day's budget; every method returns what it has become.

    `usd` is what the day's calls have cost, those under way counted at their worst.
    """

    calls_max: int
    usd_max: Decimal
    day: date = date.min
    calls: int = 0
    usd: Decimal = Decimal(0)

    def reserve(self, now: datetime, usd: Decimal) -> "tuple[Budget, Reservation] | None":
        """Set aside what a call may cost at worst; `None` where it does not fit any more.

        A clock that steps back over midnight finds no fresh budget.
        """
        today = now.astimezone(UTC).date()
        budget = self if today <= self.day else replace(self, day=today, calls=0, usd=Decimal(0))
        if budget.calls >= budget.calls_max or budget.usd + usd > budget.usd_max:
            return None
        grown = replace(budget, calls=budget.calls + 1, usd=budget.usd + usd)
        return grown, Reservation(budget.day, usd)

    def settle(self, reservation: Reservation, cost_usd: Decimal | None) -> "Budget":
        """Put the real cost where the worst was set aside; `None`: nobody told, it stands."""
        if cost_usd is None or reservation.day != self.day:
            return self
        return replace(self, usd=self.usd - reservation.usd + cost_usd)

    def restored(self, calls: Iterable[tuple[datetime, AdvisorCall]], now: datetime) -> "Budget":
        """Return the budget of the day `now` after the calls that a journal holds."""
        day = now.astimezone(UTC).date()
        number, usd = spent(calls, day)
        return replace(self, day=day, calls=number, usd=usd)


def spent(calls: Iterable[tuple[datetime, AdvisorCall]], day: date) -> tuple[int, Decimal]:
    """Return how many calls ended on a day of UTC, and their dollars.

    `calls` are the journal's, each with the time of its record. One whose cost nobody told counts
    at what was set aside for it.
    """
    number, usd = 0, Decimal(0)
    for at, call in calls:
        if at.astimezone(UTC).date() == day:
            number += 1
            usd += call.reserved_usd if call.cost_usd is None else call.cost_usd
    return number, usd
