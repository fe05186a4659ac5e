"""The closed list: what can be proposed, in which direction, how far, and never beyond."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.regime import REGIMES
from mytrader.errors import InvariantBroken
from mytrader.learning.overlay import Effective, Overlay, adjusted
from mytrader.learning.parameters import (
    BOUNDS,
    CLOSINGS,
    HOUR_NAMES,
    Members,
    Parameter,
    Value,
    allowed,
    current_values,
    is_safer,
    number,
    setting_value,
    shown,
    step_size,
    stepped,
)
from mytrader.settings import SECTIONS, Settings, TradingSettings

FORBIDDEN = ("block_on_wait", "wait_override", "profile", "oca", "account", "features", "live")

parameters = st.sampled_from(list(BOUNDS))
amounts = st.decimals(min_value="0.01", max_value="50000", places=2)


def test_every_parameter_is_a_setting_that_exists_and_none_is_a_guard() -> None:
    assert {*BOUNDS, *CLOSINGS} == set(Parameter)
    assert not BOUNDS.keys() & CLOSINGS.keys()
    for parameter in Parameter:
        section, _, key = parameter.partition(".")
        assert key in SECTIONS[section].model_fields
        assert not any(word in parameter for word in FORBIDDEN)


def test_a_proposal_about_anything_else_cannot_be_written_down() -> None:
    for name in ("aws_agents.block_on_wait", "aws_agents.wait_override_confidence", "ib.account"):
        with pytest.raises(ValueError, match="is not a valid"):
            Parameter(name)


@pytest.mark.parametrize("parameter", BOUNDS)
def test_the_ends_lie_within_the_settings_own(parameter: Parameter) -> None:
    """A setting at the end of its bounds is one that the settings accept."""
    section, _, key = parameter.partition(".")
    for end in (BOUNDS[parameter].low, BOUNDS[parameter].high):
        value = setting_value(parameter, end)
        assert getattr(SECTIONS[section].model_validate({key: value}), key) is not None


def test_the_values_are_those_of_the_settings() -> None:
    values = current_values(Settings())
    assert values[Parameter.CONFIDENCE] == Decimal("0.6")
    assert values[Parameter.BEFORE_CLOSE] == Decimal(15)
    assert values[Parameter.DAILY_LOSS] == Decimal(2000)
    assert values.keys() == set(Parameter)


@pytest.mark.parametrize(
    ("parameter", "current", "safer", "riskier"),
    [
        (Parameter.CONFIDENCE, "0.60", "0.65", "0.55"),
        (Parameter.DAILY_TRADES, "20", "15", "25"),
        (Parameter.DAILY_TRADES, "2", "1", "3"),
        (Parameter.COOLDOWN, "5", "15", "1"),
        (Parameter.LOSS_PER_TRADE, "1250", "1000", "1500"),
        (Parameter.LOSS_STREAK, "5", "4", "6"),
        (Parameter.DAILY_LOSS, "2000", "1600", "2400"),
        (Parameter.QUANTITY, "2", "1", "3"),
        (Parameter.BEFORE_CLOSE, "15", "45", "5"),
        (Parameter.CONFIDENCE, "0.575", "0.62", "0.53"),
    ],
)
def test_a_step_goes_so_far(parameter: Parameter, current: str, safer: str, riskier: str) -> None:
    found = stepped(parameter, Decimal(current), safer=True)
    assert found == Decimal(safer)
    assert stepped(parameter, Decimal(current), safer=False) == Decimal(riskier)


def test_at_the_end_there_is_no_room() -> None:
    assert stepped(Parameter.QUANTITY, Decimal(1), safer=True) is None
    assert stepped(Parameter.CONFIDENCE, Decimal("0.95"), safer=True) is None
    assert stepped(Parameter.CONFIDENCE, Decimal("0.45"), safer=False) is None


def test_a_setting_beyond_an_end_may_come_back_in_steps() -> None:
    """500 trades a day is more than any proposal; 375 is fewer."""
    found = stepped(Parameter.DAILY_TRADES, Decimal(500), safer=True)
    assert found == Decimal(375)
    assert allowed(Parameter.DAILY_TRADES, Decimal(375), current=Decimal(500))
    assert stepped(Parameter.DAILY_TRADES, Decimal(500), safer=False) is None


@pytest.mark.slow
@given(parameter=parameters, current=amounts, safer=st.booleans())
def test_every_step_is_allowed_and_goes_where_it_says(
    parameter: Parameter, current: Decimal, safer: bool
) -> None:
    value = stepped(parameter, current, safer=safer)
    if value is None:
        return
    assert is_safer(parameter, value, than=current) is safer
    assert allowed(parameter, value, current=current)
    assert abs(value - current) <= step_size(parameter, current)


@pytest.mark.slow
@given(parameter=parameters, current=amounts, value=amounts)
def test_nothing_beyond_an_end_is_allowed(
    parameter: Parameter, current: Decimal, value: Decimal
) -> None:
    bounds = BOUNDS[parameter]
    if allowed(parameter, value, current=current):
        assert min(bounds.low, current) <= value <= max(bounds.high, current)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "19.5", "20", "14", "101"])
def test_what_is_no_step_is_not_allowed(value: str) -> None:
    assert not allowed(Parameter.DAILY_TRADES, Decimal(value), current=Decimal(20))
    assert not allowed(Parameter.DAILY_TRADES, Decimal(15), current=Decimal("NaN"))


@pytest.mark.slow
@given(parameter=parameters, current=amounts, safer=st.booleans())
def test_every_step_from_a_possible_setting_is_a_possible_setting(
    parameter: Parameter, current: Decimal, safer: bool
) -> None:
    bounds = BOUNDS[parameter]
    start = min(max(current, bounds.low), bounds.high) // bounds.grain * bounds.grain
    value = stepped(parameter, start, safer=safer)
    if value is None:
        return
    values = {one: Effective(amount) for one, amount in current_values(Settings()).items()}
    values[parameter] = Effective(value, "a test")
    found = current_values(adjusted(Settings(), Overlay(values)))[parameter]
    assert found == value or is_safer(parameter, found, than=value)


def test_values_are_shown_with_their_units() -> None:
    assert shown(Parameter.LOSS_PER_TRADE, Decimal("1000.00")) == "1000 USD"
    assert shown(Parameter.CONFIDENCE, Decimal("0.650")) == "0.65"
    assert shown(Parameter.BEFORE_CLOSE, Decimal(45)) == "45 min"


# Lists of what is closed

HALF = HOUR_NAMES[:12]


@pytest.mark.parametrize(
    ("parameter", "current", "value"),
    [
        (Parameter.HOURS, (), ("09",)),
        (Parameter.HOURS, ("09",), ("09", "10")),
        (Parameter.HOURS, ("09", "10"), ("10",)),
        (Parameter.HOURS, HALF[1:], HALF),
        (Parameter.HOURS, HOUR_NAMES, HOUR_NAMES[1:]),
        (Parameter.STRATEGIES, (), ("my own",)),
        (Parameter.REGIMES, ("RANGE LOW",), ("RANGE LOW", "UPTREND HIGH")),
    ],
)
def test_a_step_of_a_list_is_one_member(
    parameter: Parameter, current: Members, value: Members
) -> None:
    assert allowed(parameter, value, current=current)
    assert is_safer(parameter, value, than=current) is (len(value) > len(current))
    assert is_safer(parameter, current, than=value) is (len(value) < len(current))


@pytest.mark.parametrize(
    ("parameter", "current", "value"),
    [
        (Parameter.HOURS, (), ()),
        (Parameter.HOURS, (), ("09", "10")),
        (Parameter.HOURS, ("09",), ("10",)),
        (Parameter.HOURS, (), ("9",)),
        (Parameter.HOURS, (), ("24",)),
        (Parameter.HOURS, ("09",), ("10", "09")),
        (Parameter.HOURS, ("09",), ("09", "09")),
        (Parameter.HOURS, HALF, HOUR_NAMES[:13]),
        (Parameter.STRATEGIES, (), ("",)),
        (Parameter.STRATEGIES, (), ("two\nlines",)),
        (Parameter.REGIMES, (), ("not said",)),
        (Parameter.REGIMES, tuple(sorted(REGIMES))[:4], tuple(sorted(REGIMES))[:5]),
        (Parameter.HOURS, (), Decimal(9)),
        (Parameter.HOURS, Decimal(9), ("09",)),
        (Parameter.HOURS, Decimal(9), Decimal(10)),
        (Parameter.DAILY_TRADES, (), ("09",)),
        (Parameter.DAILY_TRADES, Decimal(20), ("09",)),
    ],
)
def test_what_is_no_step_of_a_list_is_not_allowed(
    parameter: Parameter, current: Value, value: Value
) -> None:
    assert not allowed(parameter, value, current=current)


def test_lists_are_spelled_as_the_tables_spell_them_and_go_back_into_the_settings() -> None:
    given = {
        "no_entry_hours": [9, 14],
        "no_entry_strategies": ["ema-cross"],
        "no_entry_regimes": ["RANGE LOW"],
    }
    settings = Settings(trading=TradingSettings.model_validate(given))
    values = current_values(settings)
    assert values[Parameter.HOURS] == ("09", "14")
    for parameter in CLOSINGS:
        key = parameter.partition(".")[2]
        back = setting_value(parameter, values[parameter])
        assert back == getattr(settings.trading, key)


def test_a_list_is_shown_and_is_no_number() -> None:
    assert shown(Parameter.HOURS, ("09", "10")) == "09, 10"
    assert shown(Parameter.HOURS, ()) == "none"
    with pytest.raises(InvariantBroken):
        number(("09",))
