"""Progress: a bar on a terminal, a few lines in a file, nothing for programs."""

import io
import re
from datetime import UTC, datetime, timedelta

from rich.console import Console

from mytrader.domain.events import BarClosed, TimeReached
from mytrader.domain.limits import Limits
from mytrader.domain.market import Bar
from mytrader.domain.trader import TraderState
from mytrader.progress import LINE_EVERY_BARS, RunProgress

STATE = TraderState(limits=Limits())
FIRST = datetime(2025, 12, 11, 23, tzinfo=UTC)


def shown(*, terminal: bool, bars: int, total: int | None, quiet: bool = False) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80, quiet=quiet)
    with RunProgress(total, quiet=quiet, console=console) as progress:
        progress.seen(TimeReached(), [], STATE)
        for minute in range(bars):
            bar = Bar(FIRST + timedelta(minutes=minute), 1, 1, 1, 1, 1)
            progress.seen(BarClosed(1, bar), [], STATE)
    return screen.getvalue()


def test_a_file_gets_a_line_a_quarter_of_a_session() -> None:
    said = shown(terminal=False, bars=2 * LINE_EVERY_BARS + 1, total=1380)
    assert said.splitlines() == [
        "345 of 1380 bars, 12-11 22:44 CT, 0 closed",
        "690 of 1380 bars, 12-12 04:29 CT, 0 closed",
    ]


def test_nobody_may_know_how_many_bars_there_will_be() -> None:
    said = shown(terminal=False, bars=LINE_EVERY_BARS, total=None)
    assert said.startswith("345 bars, ")


def test_a_terminal_gets_one_bar_on_one_line() -> None:
    said = shown(terminal=True, bars=LINE_EVERY_BARS, total=400)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    assert "345/400 bars" in plain
    assert "345 of 400" not in said, "no line besides it"


def test_a_program_gets_nothing() -> None:
    assert shown(terminal=False, bars=LINE_EVERY_BARS, total=400, quiet=True) == ""
    assert shown(terminal=True, bars=LINE_EVERY_BARS, total=400, quiet=True) == ""
