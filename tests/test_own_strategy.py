"""The page about strategies shows what is there, and its example runs as it is shown."""

import importlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec
import pytest

from mytrader.domain.instrument import ES
from mytrader.errors import BadInput
from mytrader.signals.features import FeatureEngine
from mytrader.signals.practice_bars import practice_bars
from mytrader.signals.strategies.ema_cross import EmaCrossParams
from mytrader.signals.strategies.opening_range import OpeningRangeParams
from mytrader.signals.strategies.trend_pullback import TrendPullbackParams
from mytrader.signals.strategy import (
    BUILT_IN,
    GROUP,
    create_strategy,
    params_from_text,
    strategy_names,
)
from mytrader.signals.trial import try_strategy
from tests.signal_bars import MONTH, real_bars

ROOT: Final = Path(__file__).resolve().parents[1]
EXAMPLE: Final = ROOT / "examples" / "own_strategy"
PAGE: Final = (ROOT / "docs" / "strategy.md").read_text(encoding="utf-8")
PARAMS: Final = {
    "ema-cross": EmaCrossParams,
    "opening-range": OpeningRangeParams,
    "trend-pullback": TrendPullbackParams,
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make the example importable, with the entry points of its own pyproject; gives its name."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, place),) = project["entry-points"][GROUP].items()
    info = tmp_path / "own_strategy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {place}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield name
    for module in ("own_strategy", "test_own_strategy"):
        sys.modules.pop(module, None)


def example_module(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize(
    "file", sorted(EXAMPLE.glob("*.*")), ids=lambda file: str(file.relative_to(EXAMPLE))
)
def test_the_page_shows_every_file_of_the_example_as_it_is(file: Path) -> None:
    kind = {".py": "python", ".toml": "toml"}[file.suffix]
    shown = f"`{file.name}`:\n\n```{kind}\n{file.read_text(encoding='utf-8')}```\n"
    assert shown in PAGE


def test_the_example_is_as_short_as_one_class() -> None:
    lines = (EXAMPLE / "own_strategy.py").read_text(encoding="utf-8").splitlines()
    code = lines[lines.index("class InARow:") :]
    assert len([line for line in code if line.strip()]) <= 35


@pytest.mark.slow
def test_the_examples_own_test_passes(installed: str) -> None:
    assert installed == "in-a-row"
    test: Callable[[], None] = example_module("test_own_strategy").test_the_trader_may_rely_on_it
    test()


@pytest.mark.slow
def test_the_example_has_no_complaints_over_other_bars(installed: str) -> None:
    kind = type(create_strategy(installed, ES))
    trial = try_strategy(kind, practice_bars(3, seed=9))
    assert trial.complaints == ()
    assert len(trial.signals) > 50
    assert {signal.strategy for _, signal in trial.signals} == {installed}


def test_an_installed_strategy_is_found_by_the_name_of_its_entry_point(installed: str) -> None:
    assert installed in strategy_names()
    strategy = create_strategy(installed, ES, params=params_from_text(("closes=5",)))
    assert strategy.name == installed
    with pytest.raises(BadInput, match="unknown field `close`; its parameters are: closes"):
        create_strategy(installed, ES, params={"close": 5})


def test_the_page_lists_every_strategy_with_its_parameters() -> None:
    assert [point.name for point in BUILT_IN] == list(PARAMS)
    assert parameter_table() in PAGE


def parameter_table() -> str:
    """The parameters of all shipped strategies with their defaults."""
    rows = ["| strategy | parameters |", "| --- | --- |"]
    for name, kind in PARAMS.items():
        defaults = msgspec.to_builtins(kind())
        shown = ", ".join(f"`{field}={value:g}`" for field, value in defaults.items())
        rows.append(f"| `{name}` | {shown} |")
    return "\n".join(rows)


@pytest.mark.slow
def test_the_page_says_what_the_month_showed() -> None:
    assert month_table() in PAGE


def month_table() -> str:
    """Signals, share of warm ones and mean confidence over the month."""
    rows = ["| strategy | signals | warm | mean confidence |", "| --- | --- | --- | --- |"]
    engine, bars = FeatureEngine(), real_bars(MONTH)
    seen = [(each, engine.update(each)) for each in bars]
    for name in PARAMS:
        strategy = create_strategy(name, ES)
        found = [signal for pair in seen if (signal := strategy.on_bar(*pair)) is not None]
        warm = sum(signal.warm for signal in found) / len(found)
        mean = sum(signal.confidence for signal in found) / len(found)
        rows.append(f"| `{name}` | {len(found)} | {warm:.1%} | {mean:.2f} |")
    return "\n".join(rows)


def test_every_link_inside_the_page_leads_somewhere() -> None:
    headings = {line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")}
    slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) == slugs
