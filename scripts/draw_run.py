"""Draws one session of a recorded run: price with every trade, one trade up close, the equity.

    .venv/bin/python scripts/draw_run.py JOURNAL OUT.svg [--date 2025-12-11]

Everything drawn comes from the journal: bars from its events, trades from folding it. Without
`--date` it is the last session in the journal. Times are US Central, prices index points.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.dates import DateFormatter, HourLocator, MinuteLocator
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import Locator
    from msgspec import Struct

    from mytrader.domain.cycle import ExitReason, TradeCycle
    from mytrader.domain.events import BarClosed, ContractStated
    from mytrader.domain.instrument import INSTRUMENTS
    from mytrader.domain.market import Bar
    from mytrader.domain.orders import Side
    from mytrader.domain.session import EXCHANGE_ZONE, trading_date
    from mytrader.errors import BadInput, TheirFault
    from mytrader.journal.reader import JournalReader
    from mytrader.replay.cycle_book import CycleBook, fold, gross_usd
except ModuleNotFoundError as missing:
    sys.stderr.write(f"{missing}: run `make check` once, then use .venv/bin/python\n")
    sys.exit(2)

PRICE, RANGE, INK, FAINT = "#3d5a80", "#c9d6e6", "#22303c", "#8a97a3"
GAIN, LOSS, SHADE = "#2a9d5c", "#d1495b", "#f4f0e4"
EXIT_COLOURS: Final = {ExitReason.TARGET: GAIN, ExitReason.STOP: LOSS}
STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e7ebef",
    "xtick.color": INK,
    "ytick.color": INK,
    "timezone": EXCHANGE_ZONE.key,
    "svg.fonttype": "none",  # text stays text: small, and searchable
    "svg.hashsalt": "mytrader",  # equal runs give equal files
}
SECONDS_PER_DAY: Final = 86_400
AROUND: Final = timedelta(minutes=12)
"""What is shown before and after the trade that is drawn up close."""


class Session(Struct, frozen=True):
    """One trading date of a journal: its bars and the trades that closed in it, oldest first."""

    day: date
    symbol: str
    bars: list[Bar]
    trades: list[TradeCycle]

    def points(self, ticks: float) -> float:
        """Return a price in index points."""
        return ticks * float(INSTRUMENTS[self.symbol].tick_size)

    def net_usd(self, trade: TradeCycle) -> float:
        """Return what a trade came to after commissions, dollars."""
        return float(gross_usd(trade) - trade.commission_usd)


def read_session(path: Path, day: date | None) -> Session:
    """Fold a journal and return one session of it; raises `TheirFault` in one line."""
    book = CycleBook()
    with JournalReader(path) as reader:
        fold(reader.read(), book)
        seen = [record.event for record in reader.read()]
    bars = [event.bar for event in seen if isinstance(event, BarClosed)]
    symbols = [event.symbol for event in seen if isinstance(event, ContractStated)]
    if not bars or not symbols:
        raise BadInput(f"{path} holds no bars: draw the journal of a run that traded a session")
    chosen = trading_date(bars[-1].opened_at) if day is None else day
    of_day = [bar for bar in bars if trading_date(bar.opened_at) == chosen]
    if not of_day:
        raise BadInput(f"{path} holds no bars of {chosen}; choose another --date")
    trades = [
        trade for trade in book.closed if trade.fills and trading_date(ended(trade)) == chosen
    ]
    return Session(chosen, symbols[-1], of_day, trades)


def opened(trade: TradeCycle) -> datetime:
    """Return when the first entry filled."""
    return trade.opened_at or trade.proposed_at


def ended(trade: TradeCycle) -> datetime:
    """Return when the last contract was closed."""
    return max(fill.at for fill in trade.fills)


def x(at: datetime) -> float:
    """Return a moment as matplotlib counts time: days since 1970, UTC."""
    return at.timestamp() / SECONDS_PER_DAY


def entry_and_exit(trade: TradeCycle) -> tuple[float, float]:
    """Return the average prices in ticks at which a trade was entered and left."""
    averages = []
    for wanted in (True, False):
        fills = [fill for fill in trade.fills if (fill.side is trade.side) is wanted]
        total = sum(fill.price * fill.quantity for fill in fills)
        averages.append(total / sum(fill.quantity for fill in fills))
    return averages[0], averages[1]


def draw(session: Session) -> Figure:
    """Return the picture: the session, the equity under it, the longest trade up close."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12, 9.4), layout="constrained")
        grid = figure.add_gridspec(3, 1, height_ratios=(3, 1.1, 1.9))
        day = figure.add_subplot(grid[0])
        equity = figure.add_subplot(grid[1], sharex=day)
        _draw_day(day, session)
        _draw_equity(equity, session)
        if session.trades:
            longest = max(session.trades, key=lambda trade: ended(trade) - opened(trade))
            _draw_up_close(figure.add_subplot(grid[2]), session, longest)
            first, last = _around(longest)
            day.axvspan(x(first), x(last), color=SHADE, zorder=0)
    return figure


def _draw_day(axes: Axes, session: Session) -> None:
    times = [x(bar.opened_at) for bar in session.bars]
    low = [session.points(bar.low) for bar in session.bars]
    high = [session.points(bar.high) for bar in session.bars]
    close = [session.points(bar.close) for bar in session.bars]
    axes.fill_between(times, low, high, color=RANGE, linewidth=0)
    axes.plot(times, close, color=PRICE, linewidth=0.8)
    for trade in session.trades:
        _draw_trade(axes, session, trade, size=42)
    net = sum(session.net_usd(trade) for trade in session.trades)
    count = len(session.trades)
    axes.set_title(
        f"{session.symbol}, session of {session.day:%A %d %B %Y}: "
        f"{count} trade{'' if count == 1 else 's'}, {_dollars(net)} after commissions",
        loc="left",
        fontsize=12,
        fontweight="bold",
    )
    axes.set_ylabel("price, index points")
    axes.tick_params(labelbottom=False)
    axes.legend(handles=_legend(), ncols=4, frameon=False, fontsize=9, loc="best")


def _draw_trade(axes: Axes, session: Session, trade: TradeCycle, *, size: float) -> None:
    """Stop and target for as long as they stood, the way between entry and exit, and both."""
    start, end = x(opened(trade)), x(ended(trade))
    entry, exit_ = (session.points(ticks) for ticks in entry_and_exit(trade))
    for level, colour in ((trade.stop, LOSS), (trade.target, GAIN)):
        if level is not None:
            axes.hlines(session.points(level), start, end, color=colour, linewidth=1.6)
    axes.plot([start, end], [entry, exit_], color=INK, linewidth=0.9, linestyle=":")
    marker = "^" if trade.side is Side.BUY else "v"
    colour = EXIT_COLOURS.get(trade.exit_reason or ExitReason.OPERATOR, FAINT)
    for at, price, shape, fill in ((start, entry, marker, INK), (end, exit_, "o", colour)):
        axes.scatter(
            [at],
            [price],
            s=size,
            marker=shape,
            color=fill,
            edgecolors="white",
            linewidths=0.7,
            zorder=4,
        )


def _draw_equity(axes: Axes, session: Session) -> None:
    times, equity = [x(session.bars[0].opened_at)], [0.0]
    for trade in sorted(session.trades, key=ended):
        times.append(x(ended(trade)))
        equity.append(equity[-1] + session.net_usd(trade))
    times.append(x(session.bars[-1].opened_at))
    equity.append(equity[-1])
    for part, colour in ((1, GAIN), (-1, LOSS)):
        above = [max(value * part, 0) * part for value in equity]
        axes.fill_between(times, above, step="post", color=colour, alpha=0.15, linewidth=0)
    axes.step(times, equity, where="post", color=INK, linewidth=1.3)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.set_ylabel("equity, $")
    axes.margins(x=0.01, y=0.15)
    hours = range(1, 24, 2)
    _tell_time(axes, HourLocator(hours, tz=EXCHANGE_ZONE))  # type: ignore[no-untyped-call]  # partly typed


def _draw_up_close(axes: Axes, session: Session, trade: TradeCycle) -> None:
    first, last = _around(trade)
    for bar in session.bars:
        if first <= bar.opened_at <= last:
            middle = x(bar.opened_at + timedelta(seconds=30))
            low, high = session.points(bar.low), session.points(bar.high)
            begin, close = session.points(bar.open), session.points(bar.close)
            colour = PRICE if bar.close >= bar.open else FAINT
            axes.vlines(middle, low, high, color=colour, linewidth=0.9)
            axes.vlines(middle, begin, close, color=colour, linewidth=3.2)
    _draw_trade(axes, session, trade, size=110)
    middle = (x(opened(trade)) + x(ended(trade))) / 2
    for level, name in ((trade.stop, "stop"), (trade.target, "target")):
        if level is not None:
            outside = 5 if (name == "target") is (trade.side is Side.BUY) else -5
            axes.annotate(
                f"{name} {session.points(level):,.2f}",
                (middle, session.points(level)),
                (0, outside),
                textcoords="offset points",
                ha="center",
                va="bottom" if outside > 0 else "top",
                fontsize=9,
            )
    entry, exit_ = (session.points(ticks) for ticks in entry_and_exit(trade))
    how = f"left by {trade.exit_reason} at {exit_:,.2f}" if trade.exit_reason else "closed"
    axes.set_title(
        f"The longest trade up close: {trade.side} {trade.quantity} at {entry:,.2f}, {how}, "
        f"{_dollars(session.net_usd(trade))}",
        loc="left",
        fontsize=10.5,
        fontweight="bold",
    )
    axes.set_ylabel("index points")
    tens = range(0, 60, 10)
    _tell_time(axes, MinuteLocator(tens, tz=EXCHANGE_ZONE))  # type: ignore[no-untyped-call]  # partly typed
    axes.margins(x=0.02, y=0.12)


def _tell_time(axes: Axes, places: Locator) -> None:
    """Label the time axis in the exchange's zone."""
    axes.set_xlabel("time, US Central")
    axes.xaxis.set_major_locator(places)
    form = DateFormatter("%H:%M", tz=EXCHANGE_ZONE)  # type: ignore[no-untyped-call]  # partly typed
    axes.xaxis.set_major_formatter(form)


def _around(trade: TradeCycle) -> tuple[datetime, datetime]:
    return opened(trade) - AROUND, ended(trade) + AROUND


def _legend() -> list[Line2D]:
    def dot(marker: str, colour: str, label: str) -> Line2D:
        return Line2D(
            [], [], linestyle="", marker=marker, markersize=6.5, color=colour, label=label
        )

    return [
        dot("^", INK, "bought"),
        dot("v", INK, "sold short"),
        dot("o", GAIN, "left at the target"),
        dot("o", LOSS, "left by the stop"),
        dot("o", FAINT, "left otherwise"),
        Line2D([], [], color=GAIN, linewidth=1.6, label="target, watched"),
        Line2D([], [], color=LOSS, linewidth=1.6, label="stop, at the broker"),
        Line2D([], [], color=PRICE, linewidth=1.2, label="price, minute by minute"),
    ]


def _dollars(amount: float) -> str:
    return f"{'−' if amount < 0 else '+'}${abs(amount):,.2f}"  # noqa: RUF001 - a minus sign


def main(arguments: Sequence[str]) -> int:
    """Run the command; bad input is one line on standard error and exit status 2."""
    parser = argparse.ArgumentParser(prog="draw_run.py", description=__doc__.partition("\n")[0])
    parser.add_argument("journal", type=Path, help="the record of a run")
    parser.add_argument("out", type=Path, help="a .svg or .png file to write")
    parser.add_argument("--date", type=date.fromisoformat, help="trading date, such as 2025-12-11")
    options = parser.parse_args(arguments)
    try:
        _write(draw(read_session(options.journal, options.date)), options.out)
    except TheirFault as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    return 0


def _write(figure: Figure, out: Path) -> None:
    if out.suffix not in (".svg", ".png"):
        raise BadInput(f"{out} is neither .svg nor .png; name one of them")
    # Without the date of its making, an equal run gives an equal file.
    metadata = {"Date": None} if out.suffix == ".svg" else None
    try:
        with mpl.rc_context(STYLE):
            figure.savefig(out, dpi=133, facecolor="white", metadata=metadata)
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror}); name another file") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
