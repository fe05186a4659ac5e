"""Every number a guard compares with."""

from bisect import bisect_right
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import accumulate
from math import floor
from typing import Final

from msgspec import Struct

_MONEY_DIGITS_MAX: Final = 12
"""No amount of ours is near a trillion: that is a broker's "not set", or nonsense."""

NO_ROOM: Final = -(10**18)
"""A limit that is no number leaves room for nothing."""


class Profile(StrEnum):
    """STRICT: only the stop rests at the broker. BRACKET: stop and target rest in one group."""

    STRICT = "strict"
    BRACKET = "bracket"


class Blackout(Struct, frozen=True):
    """A time around a scheduled release in which nothing is opened; aware UTC, end outside."""

    starts_at: datetime
    ends_at: datetime
    name: str


def _later(one: Blackout, other: Blackout) -> Blackout:
    return one if one.ends_at > other.ends_at else other


def is_amount(usd: Decimal) -> bool:
    """Whether dollars are a finite amount of a believable size."""
    return usd.is_finite() and usd.adjusted() < _MONEY_DIGITS_MAX


def _cents_down(usd: Decimal) -> int:
    return floor(usd * 100) if is_amount(usd) else NO_ROOM


class Limits(Struct, frozen=True, dict=True):
    """Every number a guard compares with; units are in the names.

    `blackouts` is `None` where no calendar of releases could be read: then nothing is opened.
    `net_usd_per_point_max` bounds the net position of related contracts, dollars per index
    point. `margin_excess_usd_min` is what must be left of the account's equity above its initial
    margin after an entry. `break_even_ticks` is the gain at which the stop moves to the entry,
    `trailing_ticks` the distance at which it follows the best price, in steps of at least
    `trailing_step_ticks`; `hold_max` is how long a position may stay open. `None`: not used.
    `reconcile_interval` is how often the broker's book is asked for while a position is open.
    `request_age_max` is how old a person's request may be when it arrives.
    `no_entry_hours` (of US Central), `no_entry_strategies` and `no_entry_regimes` (`Regime.name`)
    are closed for entries.
    """

    symbols_allowed: tuple[str, ...] = ("ES", "MES")
    quantity_per_entry: int = 1
    order_size_max: int = 5
    position_size_max: int = 5
    stop_distance_ticks_min: int = 4
    loss_usd_trade_max: Decimal = Decimal(1250)
    loss_usd_daily_max: Decimal = Decimal(2000)
    drawdown_usd_max: Decimal = Decimal(5000)
    daily_trades_max: int = 20
    loss_streak_max: int = 5
    cooldown: timedelta = timedelta(minutes=5)
    confidence_min: float = 0.60
    wait_override_confidence: float = 0.75
    quote_age_max: timedelta = timedelta(seconds=90)
    clock_skew_max: timedelta = timedelta(seconds=5)
    no_entry_before_close: timedelta = timedelta(minutes=15)
    flatten_before_close: timedelta = timedelta(minutes=5)
    entry_collar_ticks: int = 8
    exit_collar_ticks: int = 20
    stop_limit_offset_ticks: int = 20
    price_collar_ticks: int = 40
    messages_per_second_max: int = 40
    roll_days_before_expiry: int = 3
    advice_timeout: timedelta = timedelta(seconds=2)
    entry_timeout: timedelta = timedelta(seconds=10)
    cover_timeout: timedelta = timedelta(seconds=2)
    query_interval: timedelta = timedelta(milliseconds=500)
    exit_chase_interval: timedelta = timedelta(seconds=2)
    exit_attempts_max: int = 5
    profile: Profile = Profile.STRICT
    oca_trusted: bool = False
    net_usd_per_point_max: Decimal = Decimal(250)
    blackouts: tuple[Blackout, ...] | None = ()
    margin_excess_usd_min: Decimal = Decimal(0)
    reset_margin: timedelta = timedelta(minutes=15)
    price_limit_distance_ticks_min: int = 80
    break_even_ticks: int | None = None
    trailing_ticks: int | None = None
    trailing_step_ticks: int = 4
    hold_max: timedelta | None = None
    reconcile_interval: timedelta = timedelta(seconds=30)
    request_age_max: timedelta = timedelta(seconds=30)
    no_entry_hours: tuple[int, ...] = ()
    no_entry_strategies: tuple[str, ...] = ()
    no_entry_regimes: tuple[str, ...] = ()

    @cached_property
    def loss_cents_trade_max(self) -> int:
        """`loss_usd_trade_max` in whole cents."""
        return _cents_down(self.loss_usd_trade_max)

    @cached_property
    def loss_cents_daily_max(self) -> int:
        """`loss_usd_daily_max` in whole cents."""
        return _cents_down(self.loss_usd_daily_max)

    @cached_property
    def drawdown_cents_max(self) -> int:
        """`drawdown_usd_max` in whole cents."""
        return _cents_down(self.drawdown_usd_max)

    @cached_property
    def net_cents_per_point_max(self) -> int:
        """`net_usd_per_point_max` in whole cents."""
        return _cents_down(self.net_usd_per_point_max)

    @cached_property
    def reset_margin_s(self) -> float:
        """`reset_margin` in seconds."""
        return self.reset_margin.total_seconds()

    @cached_property
    def _blackouts_by_start(self) -> tuple[list[datetime], list[Blackout]]:
        """Starts in order, and for each the blackout that ends last of all that began by then."""
        ordered = sorted(self.blackouts or (), key=lambda blackout: blackout.starts_at)
        lasting = accumulate(ordered, _later)
        return [blackout.starts_at for blackout in ordered], list(lasting)

    def blackout_at(self, at: datetime) -> Blackout | None:
        """Return a blackout that contains `at`; how many there are costs nothing."""
        starts, lasting = self._blackouts_by_start
        begun = bisect_right(starts, at)
        if begun and at < lasting[begun - 1].ends_at:
            return lasting[begun - 1]
        return None
