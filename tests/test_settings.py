"""Ceilings hold, guards have no off switch, and every setting reaches its limit."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from pydantic import ValidationError

from mytrader.domain.limits import Limits
from mytrader.service_settings import AwsAgentsSettings
from mytrader.settings import (
    SECTIONS,
    FeatureSettings,
    JournalSettings,
    Settings,
    TradingSettings,
    to_limits,
)


def test_the_defaults_are_the_ones_the_domain_states() -> None:
    assert to_limits(Settings()) == Limits()


OTHER_VALUES: dict[str, object] = {
    "session.no_entry_before_close": "20 min",
    "session.flatten_before_close": "6 min",
    "session.blackouts": "releases.yaml",
    "data.max_age": "60 s",
    "data.max_clock_skew": "1 s",
    "aws_agents.wait_override_confidence": 0.8,
    "aws_agents.timeout": "1 s",
    "trading.symbols": ("MES",),
    "trading.quantity_per_entry": 2,
    "trading.max_order_size": 3,
    "trading.max_position_size": 6,
    "trading.min_stop_distance_ticks": 5,
    "trading.max_loss_per_trade": Decimal(100),
    "trading.max_daily_loss": Decimal(1900),
    "trading.max_drawdown": Decimal(100),
    "trading.max_daily_trades": 3,
    "trading.max_loss_streak": 3,
    "trading.trade_cooldown_minutes": 7,
    "trading.min_confidence_for_trade": 0.7,
    "trading.roll_days_before_expiry": 4,
    "execution.entry_collar_ticks": 7,
    "execution.exit_collar_ticks": 7,
    "execution.stop_limit_offset_ticks": 7,
    "execution.price_collar_ticks": 7,
    "execution.max_messages_per_second": 7,
    "execution.entry_timeout": "7 s",
    "execution.cover_timeout": "1 s",
    "execution.query_interval": "1 s",
    "execution.exit_chase_interval": "1 s",
    "execution.max_exit_attempts": 7,
    "execution.profile": "bracket",
    "execution.oca_trusted": True,
    "execution.break_even_ticks": 7,
    "execution.trailing_ticks": 7,
    "execution.trailing_step_ticks": 7,
    "execution.max_hold": "7 min",
    "execution.reconcile_interval": "7 s",
    "execution.max_request_age": "7 s",
    "session.no_entry_before_reset": "7 min",
    "trading.max_net_usd_per_point": Decimal(7),
    "trading.min_margin_excess": Decimal(7),
    "trading.min_price_limit_distance_ticks": 7,
    "trading.no_entry_hours": (7,),
    "trading.no_entry_strategies": ("ema-cross",),
    "trading.no_entry_regimes": ("RANGE HIGH",),
}
MEASURED = {"oca_measured_on": "2025-11-03", "oca_measured_account": "the account"}
NEEDED: dict[str, dict[str, object]] = {
    "execution.profile": {"oca_trusted": True, **MEASURED},
    "execution.oca_trusted": {**MEASURED},
}


def changed_limits(name: str) -> set[str]:
    """Return the limits that another value of one setting changes."""
    section, _, key = name.partition(".")
    needed = NEEDED.get(name, {})
    given = Settings.model_validate({section: {key: OTHER_VALUES[name], **needed}})
    without = Settings.model_validate({section: needed})
    before, after = (msgspec.structs.asdict(to_limits(each)) for each in (without, given))
    return {limit for limit in before if before[limit] != after[limit]}


def test_every_limit_has_exactly_one_setting_and_every_such_setting_one_limit() -> None:
    reached = [changed_limits(name) for name in OTHER_VALUES]
    assert all(len(limits) == 1 for limits in reached)
    assert sorted(limit for limits in reached for limit in limits) == sorted(
        Limits.__struct_fields__
    )


@pytest.mark.parametrize(
    ("section", "key", "bad"),
    [
        ("trading", "max_position_size", 11),
        ("trading", "max_position_size", 0),
        ("trading", "max_order_size", 11),
        ("trading", "max_order_size", -1),
        ("trading", "quantity_per_entry", True),
        ("trading", "quantity_per_entry", 1.5),
        ("trading", "max_loss_per_trade", 0),
        ("trading", "max_loss_per_trade", -5),
        ("trading", "max_loss_per_trade", float("nan")),
        ("trading", "max_daily_loss", "Infinity"),
        ("trading", "max_daily_loss", False),
        ("trading", "max_daily_loss", None),
        ("trading", "min_stop_distance_ticks", 0),
        ("trading", "min_confidence_for_trade", 0),
        ("trading", "min_confidence_for_trade", float("nan")),
        ("trading", "trade_cooldown_minutes", 0),
        ("trading", "symbols", []),
        ("trading", "symbols", ["CL"]),
        ("trading", "no_entry_hours", [24]),
        ("trading", "no_entry_hours", [-1]),
        ("trading", "no_entry_hours", [9.5]),
        ("trading", "no_entry_hours", [True]),
        ("trading", "no_entry_hours", "9-10"),
        ("trading", "no_entry_hours", "9,,10"),
        ("trading", "no_entry_hours", 9),
        ("trading", "no_entry_hours", None),
        ("trading", "no_entry_strategies", [""]),
        ("trading", "no_entry_strategies", "ema-cross,"),
        ("trading", "no_entry_strategies", [1]),
        ("trading", "no_entry_strategies", ["ema\ncross"]),
        ("trading", "no_entry_regimes", ["up/high"]),
        ("trading", "no_entry_regimes", ["uptrend high"]),
        ("trading", "no_entry_regimes", ["UPTREND"]),
        ("trading", "no_entry_regimes", ["not said"]),
        ("aws_agents", "wait_override_confidence", 0.74),
        ("aws_agents", "wait_override_confidence", 1.01),
        ("aws_agents", "block_on_wait", False),
        ("features", "wait_blocking", False),
        ("execution", "cover_timeout", "3 s"),
        ("execution", "cover_timeout", "0 s"),
        ("execution", "max_messages_per_second", 41),
        ("execution", "profile", "bracket"),
        ("execution", "profile", "loose"),
        ("execution", "oca_trusted", True),
        ("ib", "port", 0),
        ("data", "max_age", "0 s"),
        ("session", "no_entry_before_close", "1 min"),
    ],
)
def test_a_limit_that_is_none_is_refused(section: str, key: str, bad: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({section: {key: bad}})


@pytest.mark.parametrize(
    ("trading", "named"),
    [
        ({"quantity_per_entry": 6}, "quantity_per_entry: is above"),
        ({"max_order_size": 6}, "max_order_size: is above"),
        ({"max_loss_per_trade": 2001}, "max_loss_per_trade: is above"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(
    trading: dict[str, object], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        Settings.model_validate({"trading": trading})


def test_lowering_one_limit_lowers_what_depends_on_it() -> None:
    """A smaller position limit alone must not be an error, nor leave larger orders possible."""
    limits = to_limits(Settings(trading=TradingSettings(max_position_size=2)))
    assert (limits.order_size_max, limits.position_size_max) == (2, 2)
    assert to_limits(Settings(trading=TradingSettings(max_daily_loss=Decimal(500))))


def test_settings_are_frozen() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.trading.max_position_size = 10
    with pytest.raises(ValidationError, match="frozen"):
        settings.trading = TradingSettings()


def test_defaults_do_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYTRADER__TRADING__MAX_DAILY_TRADES", "1")
    monkeypatch.setenv("MAX_DAILY_TRADES", "1")
    assert Settings().trading.max_daily_trades == 20


def test_no_switch_turns_a_guard_off() -> None:
    for model in (FeatureSettings, AwsAgentsSettings):
        switches = {key for key, field in model.model_fields.items() if field.annotation is bool}
        switches -= {"enabled"}  # whether AWS is asked: it is asked in addition, or not at all
        assert switches
        for key in switches:
            with pytest.raises(ValidationError, match="no off switch"):
                model.model_validate({key: False})


def test_every_setting_says_what_it_is() -> None:
    for model in SECTIONS.values():
        assert model.__doc__
        for field in model.model_fields.values():
            assert field.description
            assert len(field.description) <= 51  # the example file keeps to 99 columns


def test_a_home_directory_is_understood() -> None:
    assert JournalSettings(path=Path("~/x.journal")).path == Path.home() / "x.journal"


def test_sources_and_ignored_flags_start_empty() -> None:
    settings = Settings()
    assert settings.source("trading.max_daily_loss") == "default"
    assert settings.ignored_flags == ()


@pytest.mark.parametrize(
    ("key", "given", "held"),
    [
        ("no_entry_hours", [10, 9, 10], (9, 10)),
        ("no_entry_hours", "10, 9", (9, 10)),
        ("no_entry_hours", "", ()),
        ("no_entry_strategies", ["my own", "ema-cross"], ("ema-cross", "my own")),
        ("no_entry_strategies", "my own,ema-cross", ("ema-cross", "my own")),
        ("no_entry_regimes", "UPTREND HIGH, RANGE LOW", ("RANGE LOW", "UPTREND HIGH")),
    ],
)
def test_what_is_closed_is_a_set_however_it_was_written(
    key: str, given: object, held: tuple[object, ...]
) -> None:
    """In a file a list, in the environment words with commas; one spelling for one meaning."""
    limits = to_limits(Settings.model_validate({"trading": {key: given}}))
    assert getattr(limits, key) == held
