"""What the market shows: bars and quotes, in whole ticks."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

BAR_LENGTH: Final = timedelta(minutes=1)


class Bar(Struct, frozen=True):
    """One minute of trading. `opened_at` is aware UTC; prices in ticks, volume in contracts."""

    opened_at: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int


class Quote(Struct, frozen=True):
    """Top of book in ticks; `None` means that the market did not say. `seen_at` is aware UTC."""

    seen_at: datetime
    bid: int | None
    ask: int | None
    last: int | None
    delayed: bool = False

    @property
    def crossed(self) -> bool:
        """Whether the bid is at or above the ask."""
        return self.bid is not None and self.ask is not None and self.bid >= self.ask
