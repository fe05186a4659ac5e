"""Strategies are found by name; what cannot be used is told in one line."""

import re
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct
from msgspec.structs import replace

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES, MES
from mytrader.domain.orders import Side
from mytrader.errors import BadInput, StrategyFault
from mytrader.signals.strategies.ema_cross import EmaCross
from mytrader.signals.strategy import (
    BUILT_IN,
    GROUP,
    check_signal,
    create_strategy,
    params_from_text,
    parse_params,
    strategy_names,
)

Install = Callable[[str], None]

FOREIGN = """
class Quiet:
    name = "quiet"

    @classmethod
    def create(cls, instrument, params):
        return cls()

    def on_bar(self, bar, features):
        return None

NOT_A_CLASS = 7
"""


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """One parameter of each kind."""

    bars: Annotated[int, Meta(ge=2)] = 5
    width: Annotated[float, Meta(gt=0, le=10)] = 1.0
    label: str = "x"
    drift: float = 0.0


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package on the path that offers one strategy by entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(entry: str) -> None:
        (tmp_path / "quiet_strategies.py").write_text(FOREIGN)
        info = tmp_path / "quiet_strategies-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: quiet-strategies\nVersion: 1\n"
        )
        (info / "entry_points.txt").write_text(f"[mytrader.strategies]\n{entry}\n")

    return installed


def refusal(name: str, params: Mapping[str, object] | None = None) -> str:
    with pytest.raises(BadInput) as raised:
        create_strategy(name, ES, params=params)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_built_in_strategy_exists_without_installation() -> None:
    assert "ema-cross" in strategy_names()
    strategy = create_strategy("ema-cross", MES)
    assert isinstance(strategy, EmaCross)
    assert strategy.name == "ema-cross"


def test_every_strategy_is_made_anew() -> None:
    assert create_strategy("ema-cross", ES) is not create_strategy("ema-cross", ES)


def test_an_unknown_strategy_names_those_that_exist() -> None:
    assert refusal("ema-corss").endswith(f"choose one of: {', '.join(strategy_names())}")


def test_a_strategy_of_another_package_is_found(install: Install) -> None:
    install("quiet = quiet_strategies:Quiet")
    assert "quiet" in strategy_names()
    assert create_strategy("quiet", ES).name == "quiet"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("broken = no_such_module_here:Quiet", "cannot be loaded"),
        ("broken = quiet_strategies:Loud", "cannot be loaded"),
        ("broken = quiet_strategies:NOT_A_CLASS", "no strategy class"),
        ("broken = pathlib:Path", "no strategy class"),
    ],
)
def test_a_strategy_that_cannot_be_used_says_whose_it_is(
    install: Install, entry: str, said: str
) -> None:
    install(entry)
    message = refusal("broken")
    assert said in message
    assert entry.partition(" = ")[2] in message


def test_two_packages_cannot_both_offer_a_name(install: Install) -> None:
    """Which one would trade must not depend on the order of installation."""
    install("ema-cross = quiet_strategies:Quiet")
    assert "two packages offer" in refusal("ema-cross")


@pytest.mark.parametrize(
    "params",
    [{"bars": 9, "width": 2.5, "label": "y"}, {"bars": "9", "width": "2.5", "label": "y"}],
)
def test_parameters_may_be_typed_or_text(params: dict[str, object]) -> None:
    assert parse_params("s", params, kind=Params) == Params(9, 2.5, "y")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"bar": 3}, "unknown field `bar`"),
        ({"bars": 1}, ">= 2"),
        ({"bars": "many"}, "`bars` is 'many'; give `int`; its parameters are: bars, "),
        ({"bars": 2.5}, "int"),
        ({"bars": None}, "int"),
        ({"width": 0}, "> 0"),
        ({"width": "inf"}, "<= 10"),
        ({"width": float("nan")}, "width"),
        ({"width": "nan"}, "width"),
        ({"width": [1]}, "float"),
        ({"drift": float("nan")}, "`drift` is nan; give a finite number"),
        ({"drift": "-inf"}, "`drift` is -inf; give a finite number"),
    ],
)
def test_unusable_parameters_are_named_in_one_line(params: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse_params("s", params, kind=Params)
    message = str(raised.value)
    assert said in message
    assert message.startswith("strategy s: ")
    assert "\n" not in message


def test_parameters_typed_on_a_command_line_make_a_strategy() -> None:
    assert params_from_text(()) == {}
    params = params_from_text(("fast=10", " slow = 30 ", "stop_atr=2.5"))
    assert params == {"fast": "10", "slow": "30", "stop_atr": "2.5"}
    assert create_strategy("ema-cross", ES, params=params).name == "ema-cross"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("fast",), "--param 'fast': give name=value, for example --param fast=10"),
        (("fast=",), "--param 'fast=': give name=value"),
        (("=10",), "--param '=10': give name=value"),
        (("",), "--param '': give name=value"),
        (("a=1\nb=2", ""), "--param '': give name=value"),
        (("fast=1", "fast =2"), "--param 'fast =2': fast is given twice, before as 1"),
    ],
)
def test_parameters_of_another_shape_are_refused_in_one_line(
    options: tuple[str, ...], said: str
) -> None:
    with pytest.raises(BadInput) as raised:
        params_from_text(options)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_a_wrong_value_typed_on_a_command_line_is_the_strategys_to_refuse() -> None:
    assert "fast" in refusal("ema-cross", params_from_text(("fast=quick",)))
    assert "unknown field `fsat`" in refusal("ema-cross", params_from_text(("fsat=10",)))


@pytest.mark.parametrize("name", ["ema-cross", "opening-range", "trend-pullback"])
def test_what_is_shipped_is_declared_in_the_package_too(name: str) -> None:
    """Other programs find strategies by entry point alone."""
    root = Path(__file__).resolve().parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["entry-points"][GROUP]
    assert declared == {point.name: point.value for point in BUILT_IN}
    assert name in declared
    assert create_strategy(name, ES).name == name


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(("bars", "width", "label", "drift", "else")),
        st.none() | st.integers() | st.floats() | st.text("0123.-einfa") | st.lists(st.integers()),
    )
)
def test_whatever_is_given_is_used_within_bounds_or_refused(params: dict[str, object]) -> None:
    try:
        parsed = parse_params("s", params, kind=Params)
    except BadInput:
        return
    assert parsed.bars >= 2
    assert 0 < parsed.width <= 10
    assert isfinite(parsed.drift)
    assert "else" not in params


SOUND = Signal(
    strategy="x",
    side=Side.BUY,
    confidence=0.6,
    entry=Decimal("6900.00"),
    stop=Decimal("6896.00"),
    target=None,
    features={"atr": 8.0},
    reason="",
)


def test_a_signal_of_the_right_kinds_passes_whatever_its_numbers_are() -> None:
    check_signal(SOUND)
    check_signal(replace(SOUND, confidence=float("nan"), stop=Decimal("NaN"), target=Decimal(-1)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"confidence": True}, "confidence of its signal is True: give a float"),
        ({"warm": 1}, "warm of its signal is 1: give a bool"),
        ({"entry": None}, "entry of its signal is None: give a Decimal"),
        ({"regime": "RANGE"}, "regime of its signal is 'RANGE': give a Regime"),
        ({"features": {"atr": None}}, "feature 'atr' of its signal is None: give a number"),
    ],
)
def test_a_signal_with_something_of_another_kind_is_none(
    change: dict[str, object], said: str
) -> None:
    """The guards compare and the journal writes: neither can with these."""
    with pytest.raises(StrategyFault, match=re.escape(said)):
        check_signal(replace(SOUND, **change))


def test_what_is_no_signal_is_none() -> None:
    with pytest.raises(StrategyFault, match=r"it gave 'BUY', which is no signal"):
        check_signal("BUY")
