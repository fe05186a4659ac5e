"""Holds the synthetic market against measured bars: writes the table and the picture of its page.

    .venv/bin/python scripts/draw_likeness.py [BARS] [--months 10]

BARS is a file of one-minute bars of ES, by default the November of 2025 in `../shared/data`. The
synthetic months are as many seeds, from 0, over the measured days. It writes
`docs/synthetic-market.svg` and the part of `docs/synthetic-market.md` between the marks; equal
bars and an equal generator give equal files.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter
    from msgspec import Struct

    from mytrader.domain.instrument import ES
    from mytrader.domain.market import Bar
    from mytrader.domain.session import minute_of_session, trading_date
    from mytrader.errors import BadInput, TheirFault
    from mytrader.simulator.bar_files import load_bars
    from mytrader.simulator.day_kinds import USUAL, DayKind
    from mytrader.simulator.likeness import (
        LAGS,
        PERIOD_MINUTES,
        TICKS_PER_POINT,
        Likeness,
        Spread,
        autocorrelation,
        half_hour_sums,
        half_hours,
        likeness,
        range_points,
        scaled_moves,
        whole_sessions,
    )
    from mytrader.simulator.synthetic import synthetic_bars, synthetic_sessions
except ModuleNotFoundError as missing:
    sys.stderr.write(f"{missing}: run `make check` once, then use .venv/bin/python\n")
    sys.exit(2)

ROOT: Final = Path(__file__).resolve().parents[1]
BARS: Final = ROOT.parent / "shared" / "data" / "es-1m-2025-11.parquet"
PAGE: Final = ROOT / "docs" / "synthetic-market.md"
PICTURE: Final = ROOT / "docs" / "synthetic-market.svg"
BEGIN: Final = "<!-- written by scripts/draw_likeness.py -->\n"
END: Final = "<!-- until here -->\n"

MONTHS: Final = 10
DAYS_SHOWN: Final = (
    (DayKind.TREND, 4),
    (DayKind.CHOP, 2),
    (DayKind.NEWS, 2),
    (DayKind.LIMIT, 1),
    (DayKind.BREAKER, 3),
    (DayKind.OUTAGE, 7),
)
REAL, MADE, INK, FAINT, SHADE = "#3d5a80", "#e07a3f", "#22303c", "#8a97a3", "#f4f0e4"
STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#e7ebef",
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text: small, and searchable
    "svg.hashsalt": "mytrader",  # equal figures give equal files
}
Sessions = list[list[Bar]]
Row = tuple[str, Callable[[Likeness], float], str]


class Markets(Struct, frozen=True):
    """The measured sessions, and the synthetic months, each of as many."""

    real: Sessions
    months: list[Sessions]

    @property
    def made(self) -> Sessions:
        """Return the sessions of all months."""
        return [session for month in self.months for session in month]


def read_markets(path: Path, months: int) -> Markets:
    """Measure a file's whole sessions beside as many months; raises `TheirFault` in one line."""
    real = whole_sessions(load_bars(path, ES))
    if len(real) <= 1:
        raise BadInput(f"{path} has no two whole sessions; name a file with more bars")
    return Markets(real, [made_month(seed, days_of(real)) for seed in range(months)])


def days_of(sessions: Sessions) -> list[date]:
    """Return the trading dates of sessions."""
    return [trading_date(bars[0].opened_at) for bars in sessions]


def made_month(seed: int, days: Sequence[date]) -> Sessions:
    """Return synthetic sessions of the usual kinds on the same days."""
    return whole_sessions(synthetic_sessions(seed, ES, sessions=days, kinds=USUAL), 1)


def fingerprint(sessions: Sessions) -> str:
    """Return what changes when any bar does."""
    told = "".join(
        f"{bar.open},{bar.high},{bar.low},{bar.close},{bar.volume};"
        for bars in sessions
        for bar in bars
    )
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def quartiles(name: str, of: Callable[[Likeness], Spread], form: str, *, unit: float) -> list[Row]:
    """Return the rows of a quantity over sessions."""
    return [
        (f"{name}, lower quartile", lambda market: of(market).low / unit, form),
        (f"{name}, median", lambda market: of(market).middle / unit, form),
        (f"{name}, upper quartile", lambda market: of(market).high / unit, form),
    ]


ROWS: Final[list[Row]] = [
    *quartiles("range of a session, points", lambda market: market.range_points, ".0f", unit=1),
    *quartiles("contracts a session, thousands", lambda market: market.volume, ".0f", unit=1000),
    ("kurtosis of one-minute moves", lambda market: market.kurtosis, ".1f"),
    ("kurtosis, time of day taken out", lambda market: market.kurtosis_by_hour, ".1f"),
    ("largest of 1,000 moves, deviations", lambda market: market.extreme, ".1f"),
    *(
        (
            f"autocorrelation of sizes, {lag} min",
            lambda market, at=at: market.autocorrelation[at],
            ".2f",
        )
        for at, lag in enumerate(LAGS)
    ),
    ("minutes that open with a gap, %", lambda market: 100 * market.gap_share, ".0f"),
    ("gap between minutes, mean ticks", lambda market: market.gap_ticks, ".2f"),
    ("gap between sessions, mean ticks", lambda market: market.session_gap_ticks, ".0f"),
    ("minutes without a trade, %", lambda market: 100 * market.silent_share, ".2f"),
]


def table(markets: Markets) -> str:
    """Return what stands between the marks of the page."""
    real, made = likeness(markets.real), likeness(markets.made)
    months = [likeness(month) for month in markets.months]
    days = days_of(markets.real)
    lines = [
        (
            f"Measured: {real.sessions} whole sessions, {days[0]} to {days[-1]}. Synthetic: "
            f"{len(months)} months of the same days, seeds 0 to {len(months) - 1}, "
            f"usual kinds only; month 0 has the fingerprint `{fingerprint(markets.months[0])}`."
        ),
        "",
        "| figure | ES | synthetic | single synthetic months |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, of, form in ROWS:
        each = sorted(of(month) for month in months)
        lines.append(
            f"| {name} | {of(real):{form}} | {of(made):{form}} "
            f"| {each[0]:{form}} to {each[-1]:{form}} |"
        )
    for name, low, high in by_hour(real, made):
        lines.append(f"| {name} | 1 | {low:.2f} to {high:.2f} | |")
    return "\n".join(lines) + "\n"


def by_hour(real: Likeness, made: Likeness) -> list[tuple[str, float, float]]:
    """Return the least and the greatest ratio of synthetic to real over the half hours."""
    pairs = (
        ("volatility", half_hours(real.volatility), half_hours(made.volatility)),
        ("volume", half_hour_sums(real.volume_share), half_hour_sums(made.volume_share)),
    )
    found = []
    for name, measured, drawn in pairs:
        ratios = sorted(ours / theirs for theirs, ours in zip(measured, drawn, strict=True))
        found.append((f"{name} of the 46 half hours, as ratio", ratios[0], ratios[-1]))
    return found


def draw(markets: Markets) -> Figure:
    """Return the picture: by time of day, over sessions and lags, and a day of every kind."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12, 13.2), layout="constrained")
        grid = figure.add_gridspec(5, 6, height_ratios=(1.1, 1.1, 1.1, 1, 1))
        real, made = likeness(markets.real), likeness(markets.made)
        for row, (title, unit, mine, theirs) in enumerate(
            (
                ("Volatility by time of day", "ticks a minute", made.volatility, real.volatility),
                ("Volume by time of day", "% of a session", made.volume_share, real.volume_share),
            )
        ):
            axes = figure.add_subplot(grid[row, :])
            axes.set(title=title, ylabel=unit, yscale="log")
            _label_plainly(axes)
            hours = [17 + at * PERIOD_MINUTES / 60 for at in range(len(mine))]
            axes.step(hours, theirs, where="post", color=REAL, label=f"ES, {real.sessions} days")
            axes.step(hours, mine, where="post", color=MADE, label=f"synthetic, {made.sessions}")
            _label_hours(axes, 2)
            axes.legend(frameon=False, ncols=2, loc="upper left")
        _draw_ranges(figure.add_subplot(grid[2, 0:2]), markets)
        _draw_tails(figure.add_subplot(grid[2, 2:4]), markets)
        _draw_memory(figure.add_subplot(grid[2, 4:6]), markets)
        for at, (kind, seed) in enumerate(DAYS_SHOWN):
            row, column = divmod(at, 3)
            axes = figure.add_subplot(grid[3 + row, 2 * column : 2 * column + 2])
            _draw_kind(axes, kind, seed, day=days_of(markets.real)[0])
    return figure


def _draw_ranges(axes: Axes, markets: Markets) -> None:
    axes.set(title="Range of a session", xlabel="points", ylabel="sessions below, %")
    for sessions, colour in ((markets.made, MADE), (markets.real, REAL)):
        ranges = sorted(map(range_points, sessions))
        below = [100 * (at + 1) / len(ranges) for at in range(len(ranges))]
        axes.step(ranges, below, where="post", color=colour)


def _draw_tails(axes: Axes, markets: Markets) -> None:
    axes.set(title="How often a move is larger", xlabel="deviations of its half hour")
    axes.set(yscale="log", ylabel="minutes, %", xlim=(0, 10), ylim=(0.002, 100))
    _label_plainly(axes)
    for sessions, colour in ((markets.made, MADE), (markets.real, REAL)):
        sizes = sorted(abs(move) for day in scaled_moves(sessions) for move in day)
        steps = range(0, len(sizes), max(len(sizes) // 400, 1))
        places = [*steps, *range(len(sizes) - 60, len(sizes))]
        above = [100 * (1 - at / len(sizes)) for at in places]
        axes.plot([sizes[at] for at in places], above, color=colour)


def _draw_memory(axes: Axes, markets: Markets) -> None:
    axes.set(title="Memory of the size of moves", xlabel="minutes later")
    axes.set(ylabel="autocorrelation", ylim=(0, 0.3))
    lags = [1, 2, 3, 5, 8, 12, 18, 25, 35, 45, 60, 80, 100, 120]
    for sessions, colour in ((markets.made, MADE), (markets.real, REAL)):
        scaled = scaled_moves(sessions)
        axes.plot(lags, [autocorrelation(scaled, lag) for lag in lags], color=colour, marker=".")


def _draw_kind(axes: Axes, kind: DayKind, seed: int, *, day: date) -> None:
    bars = synthetic_bars(seed, ES, session=day, kinds=[kind])
    axes.set(title=f"{kind}, seed {seed}", ylabel="points")
    hours: list[float] = []
    prices: list[float] = []
    for bar in bars:
        minute = minute_of_session(bar.opened_at)
        if hours and minute / 60 + 17 - hours[-1] > 1.5 / 60:
            hours.append(hours[-1])
            prices.append(float("nan"))
            axes.axvspan(hours[-1], minute / 60 + 17, color=SHADE, zorder=0)
        hours.append(minute / 60 + 17)
        prices.append(bar.close / TICKS_PER_POINT)
    axes.plot(hours, prices, color=MADE, linewidth=0.9)
    _label_hours(axes, 6)


def _label_plainly(axes: Axes) -> None:
    """Write a logarithmic axis as 0.1, 1, 10."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _label_hours(axes: Axes, every: int) -> None:
    hours = range(18, 41, every)
    axes.set_xticks(list(hours), [f"{hour % 24}:00" for hour in hours])
    axes.set_xlim(17, 40)


def main(arguments: Sequence[str]) -> int:
    """Run the command; bad input is one line on standard error and exit status 2."""
    about = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="draw_likeness.py", description=about)
    parser.add_argument("bars", type=Path, nargs="?", default=BARS, help="one-minute bars of ES")
    parser.add_argument("--months", type=int, default=MONTHS, help="how many seeds")
    options = parser.parse_args(arguments)
    if options.months < 1:
        parser.error("--months: at least one")
    try:
        markets = read_markets(options.bars, options.months)
    except TheirFault as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(markets)}\n{END}{after}", encoding="utf-8")
    with mpl.rc_context(STYLE):
        # Without the date of its making, an equal run gives an equal file.
        draw(markets).savefig(PICTURE, facecolor="white", metadata={"Date": None})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
