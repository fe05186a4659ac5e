"""`docs/synthetic-market.md` is current, and the market it describes looks like ES.

The figures are those of the page, so that whoever lacks the measured bars has the test too; where
they are at hand the page's measured column is measured again.
"""

import re
import runpy
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from mytrader.commands import SYNTHETIC_SESSIONS
from mytrader.domain.instrument import ES
from mytrader.simulator.day_kinds import DayKind
from mytrader.simulator.synthetic import synthetic_kind

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = (ROOT / "docs" / "synthetic-market.md").read_text(encoding="utf-8")
BARS: Final = ROOT.parent / "shared" / "data" / "es-1m-2025-11.parquet"
ROW: Final = re.compile(
    r"^\| ([a-z].+?) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) to ([\d.]+) \|$", re.MULTILINE
)
RATIO: Final = re.compile(r"^\| (.+), as ratio \| 1 \| ([\d.]+) to ([\d.]+) \| \|$", re.MULTILINE)

FURTHEST: Final = {
    "range of a session, points, lower quartile": 25,
    "range of a session, points, median": 15,
    "range of a session, points, upper quartile": 20,
    "contracts a session, thousands, lower quartile": 150,
    "contracts a session, thousands, median": 150,
    "contracts a session, thousands, upper quartile": 150,
    "kurtosis of one-minute moves": 5,
    "kurtosis, time of day taken out": 1.5,
    "largest of 1,000 moves, deviations": 1,
    "autocorrelation of sizes, 1 min": 0.04,
    "autocorrelation of sizes, 5 min": 0.04,
    "autocorrelation of sizes, 15 min": 0.04,
    "autocorrelation of sizes, 60 min": 0.04,
    "minutes that open with a gap, %": 2,
    "gap between minutes, mean ticks": 0.03,
    "gap between sessions, mean ticks": 4,
    "minutes without a trade, %": 0.1,
}
"""How far the synthetic market may be from the measured one, in the figure's own unit."""


def script() -> dict[str, Any]:
    """Return what draws the page."""
    pytest.importorskip("matplotlib", reason="requirements/dev.txt is not installed")
    return runpy.run_path(str(ROOT / "scripts" / "draw_likeness.py"))


def test_every_figure_is_near_the_measured_one() -> None:
    rows = {name: [float(each) for each in rest] for name, *rest in ROW.findall(PAGE)}
    assert set(rows) == set(FURTHEST)
    far = {
        name: (real, made)
        for name, (real, made, _low, _high) in rows.items()
        if abs(made - real) > FURTHEST[name]
    }
    assert far == {}


def test_the_time_of_day_is_that_of_the_measured_market() -> None:
    ratios = {name: (float(low), float(high)) for name, low, high in RATIO.findall(PAGE)}
    assert set(ratios) == {"volatility of the 46 half hours", "volume of the 46 half hours"}
    for low, high in ratios.values():
        assert low > 0.75
        assert high < 1.25


def test_the_page_names_seeds_of_wild_days() -> None:
    _, traded = SYNTHETIC_SESSIONS
    for kind, told in (
        (DayKind.LIMIT, r"`mytrader run --seed (\d+)` trades a limit day"),
        (DayKind.BREAKER, r"`--seed (\d+)` a breaker day"),
        (DayKind.OUTAGE, r"`--seed (\d+)` an outage"),
    ):
        named = re.search(told, PAGE)
        assert named is not None
        assert synthetic_kind(int(named[1]), ES, traded) is kind


@pytest.mark.slow
def test_the_page_describes_this_generator() -> None:
    """Whoever changes the market draws the page again: `scripts/draw_likeness.py`."""
    named = script()
    weekdays = [date(2025, 11, 3) + timedelta(days=day) for day in range(24)]
    days = [day for day in weekdays if day.weekday() < 5]
    told = named["fingerprint"](named["made_month"](0, days))
    assert f"`{told}`" in PAGE


@pytest.mark.slow
def test_the_measured_figures_are_those_of_the_bars() -> None:
    if not BARS.exists():
        pytest.skip("the measured bars (shared/data/es-1m-2025-11.parquet) are not here")
    named = script()
    real = named["whole_sessions"](named["load_bars"](BARS, named["ES"]))
    figures = named["likeness"](real)
    told = {name: measured for name, measured, *_rest in ROW.findall(PAGE)}
    assert {name: f"{of(figures):{form}}" for name, of, form in named["ROWS"]} == told
    assert f"Measured: {len(real)} whole sessions" in PAGE


def test_bars_that_are_not_there_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert script()["main"](["nowhere.parquet"]) == 2
    assert capsys.readouterr().err == "nowhere.parquet does not exist; check the path\n"
