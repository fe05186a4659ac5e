"""What can be set: every setting with its type, default, floor and ceiling. All of it is frozen.

Money is dollars, prices and distances are ticks, a duration is written with its unit ("15 min").
Limits have ceilings in code that no setting moves, and guards have no off switch.

The models are plain pydantic and read nothing by themselves: what `Settings()` is must not depend
on the environment it is made in. `config` joins the file, the environment and the command line.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.limits import Blackout, Limits, Profile
from mytrader.service_settings import (
    AwsAgentsSettings,
    LearningSettings,
    RagSettings,
    TelegramSettings,
    TelemetrySettings,
    aws_agents_conflicts,
)
from mytrader.setting_types import (
    Contracts,
    Count,
    Dollars,
    Duration,
    Guard,
    Hours,
    Number,
    Regimes,
    Section,
    Strategies,
    Symbols,
    Ticks,
    duration,
    span,
)

DEFAULT: Final = "default"


class SessionSettings(Section):
    """When entries end and positions are closed, before the session does."""

    no_entry_before_close: Annotated[Duration, span("1 min", "4 h")] = Field(
        default=duration("15 min"), description="no entry this close to it"
    )
    no_entry_before_reset: Annotated[Duration, span("0 s", "4 h")] = Field(
        default=duration("15 min"), description="no entry this close to the broker's"
    )
    flatten_before_close: Annotated[Duration, span("30 s", "1 h")] = Field(
        default=duration("5 min"),
        description="everything is closed by then",
    )
    blackouts: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        default=None, description="file of scheduled releases; null: none"
    )


class DataSettings(Section):
    """What data a decision may rest on."""

    max_age: Annotated[Duration, span("1 s", "5 min")] = Field(
        default=duration("90 s"), description="of the last quote or bar"
    )
    max_clock_skew: Annotated[Duration, span("100 ms", "30 s")] = Field(
        default=duration("5 s"), description="against the broker's clock"
    )


class TradingSettings(Section):
    """Limits. Dollars, contracts, ticks."""

    symbols: Symbols = Field(default=("ES", "MES"), description="contracts that may be traded")
    quantity_per_entry: Contracts = Field(
        default=1, description="contracts that an entry asks for"
    )
    max_order_size: Contracts = Field(default=5, description="contracts in one order")
    max_position_size: Contracts = Field(
        default=5, description="contracts; the ceiling in code is 10"
    )
    min_stop_distance_ticks: Ticks = Field(
        default=4, description="from the entry to stop and target"
    )
    max_loss_per_trade: Dollars = Field(
        default=Decimal(1250), gt=0, description="dollars, to the stop"
    )
    max_daily_loss: Dollars = Field(
        default=Decimal(2000), gt=0, description="dollars, all that works counted to its stop"
    )
    max_net_usd_per_point: Dollars = Field(
        default=Decimal(250), gt=0, description="net of related contracts, $ a point"
    )
    min_margin_excess: Dollars = Field(
        default=Decimal(0), ge=0, description="dollars of equity above margin"
    )
    min_price_limit_distance_ticks: Ticks = Field(
        default=80, description="from the day's price limits"
    )
    max_drawdown: Dollars = Field(
        default=Decimal(5000), gt=0, description="dollars below the day's peak"
    )
    max_daily_trades: Count = Field(default=20, ge=1, le=500, description="entries a session")
    max_loss_streak: Count = Field(default=5, ge=1, le=50, description="losses in a row")
    trade_cooldown_minutes: Number = Field(default=5, gt=0, le=1440, description="between entries")
    min_confidence_for_trade: Number = Field(
        default=0.60, gt=0, le=1, description="final confidence"
    )
    roll_days_before_expiry: Count = Field(
        default=3, ge=1, le=30, description="no entry from then on"
    )
    no_entry_hours: Hours = Field(
        default=(), description="closed for entries: hours 0 to 23, US Central"
    )
    no_entry_strategies: Strategies = Field(
        default=(), description="closed for entries, as their signals name them"
    )
    no_entry_regimes: Regimes = Field(
        default=(), description="closed for entries, such as UPTREND HIGH"
    )


class ExecutionSettings(Section):
    """How orders are priced, timed and paced.

    `oca_trusted` says that the broker routes one order of a group at a time (SAFETY.md 5.2).
    """

    profile: Literal["strict", "bracket"] = Field(
        default="strict",
        description="strict: the stop rests; bracket: the target too",
    )
    oca_trusted: bool = Field(default=False, description="the OCA block was measured; see below")
    oca_measured_on: date | None = Field(default=None, description="on this day, YYYY-MM-DD")
    oca_measured_account: str | None = Field(
        default=None,
        min_length=1,
        description="on this account; paper cannot show it",
        json_schema_extra={"secret": True},
    )
    entry_collar_ticks: Ticks = Field(default=8, description="how far an entry may pay up")
    exit_collar_ticks: Ticks = Field(default=20, description="how far an exit may pay up")
    stop_limit_offset_ticks: Ticks = Field(
        default=20, description="from a stop's trigger to its limit"
    )
    price_collar_ticks: Ticks = Field(default=40, description="an order's price from the market's")
    max_messages_per_second: Count = Field(default=40, ge=1, le=40, description="to the broker")
    entry_timeout: Annotated[Duration, span("1 s", "2 min")] = Field(
        default=duration("10 s"), description="then the entry is cancelled"
    )
    cover_timeout: Annotated[Duration, span("100 ms", "2 s")] = Field(
        default=duration("2 s"), description="from a fill to a working stop"
    )
    query_interval: Annotated[Duration, span("50 ms", "2 s")] = Field(
        default=duration("500 ms"), description="while a fate is open"
    )
    exit_chase_interval: Annotated[Duration, span("100 ms", "30 s")] = Field(
        default=duration("2 s"), description="before an exit pays up more"
    )
    reconcile_interval: Annotated[Duration, span("1 s", "5 min")] = Field(
        default=duration("30 s"), description="between looks at the whole book"
    )
    max_exit_attempts: Count = Field(default=5, ge=1, le=20, description="then a person is paged")
    break_even_ticks: Ticks | None = Field(
        default=None, description="gain at which the stop goes to the entry"
    )
    trailing_ticks: Ticks | None = Field(
        default=None, description="of the stop behind the best price"
    )
    trailing_step_ticks: Ticks = Field(default=4, description="least move of a trailing stop")
    max_hold: Annotated[Duration, span("10 s", "23 h")] | None = Field(
        default=None, description="a position; null: to its session's end"
    )
    max_request_age: Annotated[Duration, span("1 s", "5 min")] = Field(
        default=duration("30 s"), description="older requests of people are void"
    )


class IbSettings(Section):
    """Where the broker's gateway is. 4002 is the gateway's paper port."""

    host: str = Field(default="127.0.0.1", min_length=1, description="of TWS or IB Gateway")
    port: Count = Field(
        default=4002, ge=1, le=65535, description="4001 and 7496 are live by custom"
    )
    client_id: Count = Field(
        default=1,
        ge=1,
        le=999_999,
        description="fixed: orders are tied to it; a shadow has the next",
    )
    account: str | None = Field(
        default=None,
        min_length=1,
        description="required for live",
        json_schema_extra={"secret": True},
    )


class SimulatorSettings(Section):
    """The embedded gateway."""

    commission_usd_per_side: Dollars | None = Field(
        default=None, ge=0, le=100, description="dollars a contract; null: the instrument's own"
    )
    starting_cash: Dollars = Field(default=Decimal(100_000), gt=0, description="dollars")
    seed: Count = Field(default=1, ge=0, le=2**63 - 1, description="equal seeds make equal runs")


class JournalSettings(Section):
    """The record."""

    path: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default=Path("runs/mytrader.journal"), description="one writer at a time; on a local disk"
    )


class FeatureSettings(Section):
    """Flags of the earlier trader: accepted, and enforced whatever they say."""

    entry_risk_guards: Guard = Field(default=True, description="FF_ENTRY_RISK_GUARDS")
    wait_blocking: Guard = Field(default=True, description="FF_WAIT_BLOCKING")
    exit_guards: Guard = Field(default=True, description="FF_EXIT_GUARDS")
    learning_hooks: Guard = Field(default=True, description="FF_LEARNING_HOOKS")


class Settings(Section):
    """Everything that can be set; `Settings()` is the defaults; see `config.load_settings`."""

    session: SessionSettings = SessionSettings()
    data: DataSettings = DataSettings()
    aws_agents: AwsAgentsSettings = AwsAgentsSettings()
    trading: TradingSettings = TradingSettings()
    execution: ExecutionSettings = ExecutionSettings()
    rag: RagSettings = RagSettings()
    learning: LearningSettings = LearningSettings()
    telegram: TelegramSettings = TelegramSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    ib: IbSettings = IbSettings()
    simulator: SimulatorSettings = SimulatorSettings()
    journal: JournalSettings = JournalSettings()
    features: FeatureSettings = FeatureSettings()

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)
    _ignored_flags: tuple[tuple[str, str], ...] = PrivateAttr(default=())
    _blackouts: tuple[Blackout, ...] | None = PrivateAttr(default=None)

    @property
    def blackouts(self) -> tuple[Blackout, ...] | None:
        """What the file of releases says, `None` while it was not read: nothing is opened then."""
        return () if self.session.blackouts is None else self._blackouts

    @property
    def ignored_flags(self) -> tuple[tuple[str, str], ...]:
        """(name, source) of everything that asked for a guard to be off, and was ignored."""
        return self._ignored_flags

    def source(self, name: str) -> str:
        """Return where `section.key` comes from: default, a file, environment, command line."""
        return self._sources.get(name, DEFAULT)

    def told(self, sources: dict[str, str], ignored_flags: tuple[tuple[str, str], ...]) -> Self:
        """Remember where the values came from and what was ignored; returns the settings."""
        self._sources = dict(sources)
        self._ignored_flags = ignored_flags
        return self

    def warned(self, blackouts: tuple[Blackout, ...]) -> Self:
        """Remember what the file of releases says; returns the settings."""
        self._blackouts = blackouts
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        found = [f"{name}: {problem}" for name, problem in conflicts(self)]
        if found:
            raise ValueError("\n".join(found))
        return self


SECTIONS: Final[dict[str, type[Section]]] = {
    name: type(field.default) for name, field in Settings.model_fields.items()
}


def conflicts(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (name, problem) for values that are fine alone and impossible together."""
    trading, session = settings.trading, settings.session
    if trading.quantity_per_entry > trading.max_position_size:
        yield "trading.quantity_per_entry", "is above trading.max_position_size"
    # Who lowers one limit need not lower a default beside it: the lower one holds anyway.
    given = trading.model_fields_set
    if "max_order_size" in given and trading.max_order_size > trading.max_position_size:
        yield "trading.max_order_size", "is above trading.max_position_size"
    if "max_loss_per_trade" in given and trading.max_loss_per_trade > trading.max_daily_loss:
        yield "trading.max_loss_per_trade", "is above trading.max_daily_loss"
    if session.flatten_before_close >= session.no_entry_before_close:
        yield "session.flatten_before_close", "must be below session.no_entry_before_close"
    unknown = [symbol for symbol in trading.symbols if symbol not in INSTRUMENTS]
    if unknown:
        known = ", ".join(INSTRUMENTS)
        yield "trading.symbols", f"{', '.join(unknown)} is not known, only {known}"
    execution = settings.execution
    if execution.profile == "bracket" and not execution.oca_trusted:
        yield "execution.profile", "bracket needs execution.oca_trusted: measure the block first"
    measured = execution.oca_measured_on, execution.oca_measured_account
    if execution.oca_trusted and None in measured:
        needs = "oca_measured_on and oca_measured_account"
        yield "execution.oca_trusted", f"needs the date and account of its measurement: {needs}"
    yield from aws_agents_conflicts(settings.aws_agents)


def to_limits(settings: Settings) -> Limits:
    """Return every number that a guard compares with."""
    trading, execution, session = settings.trading, settings.execution, settings.session
    return Limits(
        symbols_allowed=trading.symbols,
        quantity_per_entry=trading.quantity_per_entry,
        order_size_max=min(trading.max_order_size, trading.max_position_size),
        position_size_max=trading.max_position_size,
        stop_distance_ticks_min=trading.min_stop_distance_ticks,
        loss_usd_trade_max=trading.max_loss_per_trade,
        loss_usd_daily_max=trading.max_daily_loss,
        net_usd_per_point_max=trading.max_net_usd_per_point,
        margin_excess_usd_min=trading.min_margin_excess,
        price_limit_distance_ticks_min=trading.min_price_limit_distance_ticks,
        drawdown_usd_max=trading.max_drawdown,
        daily_trades_max=trading.max_daily_trades,
        loss_streak_max=trading.max_loss_streak,
        cooldown=timedelta(minutes=trading.trade_cooldown_minutes),
        confidence_min=trading.min_confidence_for_trade,
        wait_override_confidence=settings.aws_agents.wait_override_confidence,
        quote_age_max=settings.data.max_age,
        clock_skew_max=settings.data.max_clock_skew,
        no_entry_before_close=session.no_entry_before_close,
        flatten_before_close=session.flatten_before_close,
        reset_margin=session.no_entry_before_reset,
        blackouts=settings.blackouts,
        entry_collar_ticks=execution.entry_collar_ticks,
        exit_collar_ticks=execution.exit_collar_ticks,
        stop_limit_offset_ticks=execution.stop_limit_offset_ticks,
        price_collar_ticks=execution.price_collar_ticks,
        messages_per_second_max=execution.max_messages_per_second,
        roll_days_before_expiry=trading.roll_days_before_expiry,
        no_entry_hours=trading.no_entry_hours,
        no_entry_strategies=trading.no_entry_strategies,
        no_entry_regimes=trading.no_entry_regimes,
        advice_timeout=settings.aws_agents.timeout,
        entry_timeout=execution.entry_timeout,
        cover_timeout=execution.cover_timeout,
        query_interval=execution.query_interval,
        exit_chase_interval=execution.exit_chase_interval,
        exit_attempts_max=execution.max_exit_attempts,
        profile=Profile(execution.profile),
        oca_trusted=execution.oca_trusted,
        break_even_ticks=execution.break_even_ticks,
        trailing_ticks=execution.trailing_ticks,
        trailing_step_ticks=execution.trailing_step_ticks,
        hold_max=execution.max_hold,
        reconcile_interval=execution.reconcile_interval,
        request_age_max=execution.max_request_age,
    )
