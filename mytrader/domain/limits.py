"""Every number a guard compares with."""

from datetime import timedelta
from decimal import Decimal

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Every number a guard compares with; units are in the names."""

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
