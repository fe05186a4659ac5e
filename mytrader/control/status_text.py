"""A status for people: what is wrong first, then what is open, then the rest."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mytrader.control.status import CycleStatus, Said, Status
from mytrader.domain.commands import AlertLevel
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.domain.trader import Mode
from mytrader.plain_text import dollars, one_line

ALERTS_SHOWN: Final = 5
_STYLES: Final = {
    Mode.NORMAL: "bold green",
    Mode.REDUCE_ONLY: "bold yellow",
    Mode.HALT: "bold red",
}
_LEVELS: Final = {AlertLevel.INFO: "", AlertLevel.WARNING: "yellow", AlertLevel.PAGE: "bold red"}


def print_status(status: Status, console: Console) -> None:
    """Print how a trader stands."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    _head(grid, status)
    _positions(grid, status)
    for cycle in status.cycles:
        _cycle(grid, cycle)
    day = status.day
    losses = f", {day.losses_in_a_row} losses in a row" if day.losses_in_a_row > 1 else ""
    grid.add_row(
        "day",
        f"{day.on}: {day.entries} entries, realised {dollars(day.realised_usd)}{losses}; since the"
        f" journal began {dollars(status.equity_usd)}",
    )
    for said in status.alerts[-ALERTS_SHOWN:]:
        grid.add_row("alert", _said(said))
    console.print(grid)


def print_said(said: Iterable[Said], console: Console) -> None:
    """Print what a request led to."""
    for alert in said:
        console.print(_said(alert), soft_wrap=True, highlight=False)


def _head(grid: Table, status: Status) -> None:
    why = f"  {one_line(status.mode_why)}" if status.mode_why else ""
    grid.add_row("mode", Text(status.mode, _STYLES[status.mode]).append(why, "not bold"))
    if status.resume_code is not None:
        grid.add_row("resume", f"mytrader resume --code {status.resume_code}")
    running = "not running" if status.pid is None else f"process {status.pid}"
    version = f", mytrader {status.version}" if status.version else ""
    where = f"{status.journal}, {running}{version}, profile {status.profile}"
    grid.add_row("trader", _words(where))
    for missing in status.without:
        grid.add_row("without", _words(missing, "yellow"))
    if status.shadow:
        grid.add_row("", Text("a shadow: it decides everything and sends nothing", "bold"))
    link = Text(
        "link up" if status.linked else "no link to the broker", "" if status.linked else "yellow"
    )
    grid.add_row("time", Text(f"{_clock(status.now, date=True)} CT, ").append_text(link))


def _positions(grid: Table, status: Status) -> None:
    for position in status.positions:
        said = "nothing yet" if position.reported is None else f"{position.reported:+d}"
        text = f"{position.symbol} {position.booked:+d} by our fills; the broker says {said}"
        if position.booked == 0 and position.known:
            text = f"{position.symbol} flat"
        doubt = f"; {position.doubt}" if position.doubt else ""
        grid.add_row("position", _words(text + doubt, "" if position.known else "bold red"))
    if not status.positions:
        grid.add_row("position", "none was ever stated")
    if status.foreign_orders:
        text = f"{status.foreign_orders} not of this trader are working"
        grid.add_row("orders", Text(text, "yellow"))
    for market in status.market:
        quote = " / ".join(
            "-" if price is None else f"{price:.2f}" for price in (market.bid, market.ask)
        )
        grid.add_row("market", f"{market.symbol} {quote}, {market.age_seconds:.1f} s old")


def _cycle(grid: Table, cycle: CycleStatus) -> None:
    entry = "" if cycle.entry_price is None else f" from {cycle.entry_price:.2f}"
    since = "" if cycle.opened_at is None else f" since {_clock(cycle.opened_at)}"
    risk = "" if cycle.at_risk_usd is None else f", {dollars(cycle.at_risk_usd)} to its stop"
    text = Text(f"{cycle.phase} {cycle.symbol} {cycle.position:+d}{entry}{since}{risk}")
    if cycle.naked_since is not None:
        text.append(f"; WITHOUT COVER since {_clock(cycle.naked_since)}", "bold red")
    if cycle.halted_why is not None:
        text.append(f"; halted: {one_line(cycle.halted_why)}", "bold red")
    grid.add_row("trade", text)
    grid.add_row("", Text(cycle.cycle_id, "dim"))
    for order in cycle.orders:
        price = "" if order.price is None else f" {order.price:.2f}"
        filled = f", {order.filled} filled" if order.filled else ""
        words = f"{order.role} {order.side} {order.quantity}{price}, {order.status}{filled}"
        grid.add_row("", _words(words))


def _said(said: Said) -> Text:
    words = one_line(f"{said.code} {said.text}")
    return Text(f"{_clock(said.at)} ").append(words, _LEVELS[said.level])


def _words(text: str, style: str = "") -> Text:
    """Return words that may be a stranger's: no markup, no emoji, one line."""
    return Text(one_line(text), style)


def _clock(at: datetime, *, date: bool = False) -> str:
    return f"{at.astimezone(EXCHANGE_ZONE):{'%Y-%m-%d %H:%M:%S' if date else '%H:%M:%S'}}"
