"""Every number a guard compares with."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct


class Profile(StrEnum):
    """STRICT: only the stop rests at the broker. BRACKET: stop and target rest in one group."""

    STRICT = "strict"
    BRACKET = "bracket"


class Blackout(Struct, frozen=True):
    """A time around a scheduled release in which nothing is opened; aware UTC, end outside."""

    starts_at: datetime
    ends_at: datetime
    name: str


class Limits(Struct, frozen=True):
    """Every number a guard compares with; units are in the names.

    `blackouts` is `None` where no calendar of releases could be read: then nothing is opened.
    `net_usd_per_point_max` bounds the net position of related contracts, dollars per index
    point. `margin_excess_usd_min` is what must be left of the account's equity above its initial
    margin after an entry. `break_even_ticks` is the gain at which the stop moves to the entry,
    `trailing_ticks` the distance at which it follows the best price, in steps of at least
    `trailing_step_ticks`; `hold_max` is how long a position may stay open. `None`: not used.
    `reconcile_interval` is how often the broker's book is asked for while a position is open.
    `request_age_max` is how old a person's request may be when it arrives.
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
