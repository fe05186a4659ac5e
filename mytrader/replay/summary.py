"""The end of a run, for people and for programs."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.replay.cycle_book import CycleBook, gross_usd
from mytrader.replay.cycle_view import cycle_view

TRADES_SHOWN_MAX = 40


class Summary(Struct, frozen=True):
    """What there is to say of a run; times aware UTC, money dollars."""

    book: CycleBook
    mode: str
    mode_why: str
    position_open: int
    started_at: datetime
    ended_at: datetime
    cash_change_usd: Decimal | None
    journal: str
    head_hash: str

    @property
    def account_agrees(self) -> bool | None:
        """Whether our profit equals the broker's account; `None` when that cannot be said."""
        if self.cash_change_usd is None or self.position_open or self.book.open:
            return None
        return self.cash_change_usd == self.book.net_usd


def summary_view(summary: Summary) -> dict[str, Any]:
    """Return the summary as one JSON object; equal runs give equal objects."""
    book = summary.book
    return {
        "bars": book.bars,
        "signals": book.signals,
        "closed_cycles": len(book.closed),
        "refused": sum(book.refusals.values()),
        "refusals": dict(sorted(book.refusals.items())),
        "aborted": len(book.ended) - len(book.closed) - sum(book.refusals.values()),
        "open_cycles": len(book.open),
        "gross_usd": _money(book.gross_usd),
        "commission_usd": _money(book.commission_usd),
        "net_usd": _money(book.net_usd),
        "broker_cash_change_usd": None
        if summary.cash_change_usd is None
        else _money(summary.cash_change_usd),
        "account_agrees": summary.account_agrees,
        "unprotected_seconds_max": book.unprotected_seconds_max,
        "emergency_stops": book.emergency_stops,
        "mode": summary.mode,
        "mode_why": summary.mode_why,
        "position_open": summary.position_open,
        "started_at": summary.started_at.isoformat(),
        "ended_at": summary.ended_at.isoformat(),
        "journal": summary.journal,
        "journal_head_hash": summary.head_hash,
        "cycles": [cycle_view(cycle) for cycle in book.ended.values()],
    }


def print_summary(summary: Summary, console: Console) -> None:
    """Show the trades, the refusals and the totals."""
    book = summary.book
    if book.closed:
        console.print(trades_table(book.closed))
    if book.refusals:
        console.print(_refusals_table(book))
    console.print(_totals(summary))


def trades_table(cycles: list[TradeCycle]) -> Table:
    """Return a table of closed trades, times in US Central."""
    table = Table(title="Closed cycles", title_justify="left")
    for name in ("opened (CT)", "side", "entry", "exit", "by", "gross $", "commission $", "net $"):
        table.add_column(name, justify="left" if name in ("side", "by") else "right")
    for cycle in cycles[-TRADES_SHOWN_MAX:]:
        view = cycle_view(cycle)
        opened = cycle.opened_at or cycle.proposed_at
        net = gross_usd(cycle) - cycle.commission_usd
        table.add_row(
            opened.astimezone(EXCHANGE_ZONE).strftime("%m-%d %H:%M:%S"),
            f"{cycle.side} {cycle.quantity} {cycle.symbol}",
            view["entry_price"],
            view["exit_price"],
            str(cycle.exit_reason or ""),
            view["gross_usd"],
            view["commission_usd"],
            f"[{'green' if net >= 0 else 'red'}]{_money(net)}[/]",
        )
    return table


def _refusals_table(book: CycleBook) -> Table:
    table = Table(title="Refused entries, by the first guard that refused", title_justify="left")
    table.add_column("code")
    table.add_column("entries", justify="right")
    for code, count in book.refusals.most_common():
        table.add_row(code, str(count))
    return table


def _totals(summary: Summary) -> Table:
    book = summary.book
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    agrees = {True: "equal to the broker's account", False: "NOT the broker's account", None: ""}
    refused = sum(book.refusals.values())
    table.add_row("cycles", f"{len(book.closed)} closed, {refused} refused, {len(book.open)} open")
    table.add_row("gross", f"${_money(book.gross_usd)}")
    table.add_row("commission", f"${_money(book.commission_usd)}")
    table.add_row("net", f"${_money(book.net_usd)}  {agrees[summary.account_agrees]}".rstrip())
    table.add_row("longest unprotected", f"{book.unprotected_seconds_max * 1000:.1f} ms")
    table.add_row("emergency stops", str(book.emergency_stops))
    mode = f"{summary.mode}  {summary.mode_why}".rstrip()
    table.add_row("mode", mode)
    if summary.position_open:
        table.add_row("position", f"{summary.position_open} contracts are still open")
    table.add_row("journal", summary.journal)
    return table


def known_symbols() -> str:
    """The symbols that can be traded, for messages."""
    return ", ".join(INSTRUMENTS)


def _money(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))
