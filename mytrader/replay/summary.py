"""The end of a run, for people and for programs."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.plain_text import dollars, one_line
from mytrader.replay.cycle_book import CycleBook, gross_usd
from mytrader.replay.cycle_view import cycle_view, money, view_in

PRICES: Final = ("entry", "exit")
TRADES_SHOWN_MAX: Final = 40
ID_LEAST: Final = 10
"""So many characters of an id are its time; they are enough but for twins."""
WIDE_COLUMNS: Final = 110
"""From this width on there is room for the end of a trade, its costs and what it made before."""


class Summary(Struct, frozen=True):
    """What there is to say of a run; times aware UTC, money dollars.

    `wall` is how long it really took: told to people, never to programs, to whom equal runs are
    equal.
    """

    book: CycleBook
    mode: str
    mode_why: str
    position_open: int
    started_at: datetime
    ended_at: datetime
    cash_change_usd: Decimal | None
    started_flat: bool
    interrupted: bool
    journal: str
    head_hash: str
    wall: timedelta

    @property
    def account_agrees(self) -> bool | None:
        """Whether our profit equals the broker's account; `None` when that cannot be said.

        It can be said when nothing was open at the start nor at the end.
        """
        flat = self.started_flat and not self.position_open and not self.book.open
        if self.cash_change_usd is None or not flat:
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
        "aborted": len(book.aborted),
        "abort_reasons": dict(sorted(book.abort_reasons.items())),
        "open_cycles": len(book.open),
        "gross_usd": money(book.gross_usd),
        "commission_usd": money(book.commission_usd),
        "net_usd": money(book.net_usd),
        "broker_cash_change_usd": None
        if summary.cash_change_usd is None
        else money(summary.cash_change_usd),
        "account_agrees": summary.account_agrees,
        "unprotected_seconds_max": book.unprotected_seconds_max,
        "emergency_stops": book.emergency_stops,
        "advisor_calls": dict(sorted(book.call_outcomes.items())),
        "advisor_cost_usd_max": money(book.calls_usd_max),
        "mode": summary.mode,
        "mode_why": summary.mode_why,
        "position_open": summary.position_open,
        "interrupted": summary.interrupted,
        "started_at": summary.started_at.isoformat(),
        "ended_at": summary.ended_at.isoformat(),
        "journal": summary.journal,
        "journal_head_hash": summary.head_hash,
        "cycles": [view_in(book, cycle) for cycle in (*book.ended.values(), *book.open.values())],
    }


def print_summary(summary: Summary, console: Console) -> None:
    """Show the trades, the entries that became none, and the totals."""
    print_cycles(summary.book, console)
    console.print(_totals(summary))
    if summary.account_agrees is False:
        words = (
            f": the broker's cash changed by {dollars(summary.cash_change_usd or Decimal(0))}, "
            f"the journal says {dollars(summary.book.net_usd)}. Trade no more before you know "
            f"why: mytrader cycles --journal {one_line(summary.journal)}"
        )
        console.print(Text("THE ACCOUNT DISAGREES", "bold red").append(words, "not bold default"))


def print_cycles(book: CycleBook, console: Console) -> None:
    """Show closed trades, what is open, and how many entries became none, by reason.

    Each line has as much of a cycle's id as `mytrader trace` needs.
    """
    id_of = _short_ids({*book.ended, *book.open})
    if book.closed:
        wide = console.width >= WIDE_COLUMNS
        console.print(_trades_table(book.closed, id_of, wide=wide))
        hidden = len(book.closed) - TRADES_SHOWN_MAX
        if hidden > 0:
            console.print(f"{hidden} earlier trades: see mytrader cycles --json")
        console.print()
    if book.open:
        console.print(_open_table(book, id_of))
        console.print()
    if book.refusals or book.aborted:
        console.print(_entries_table(book, id_of))
        console.print()


def _short_ids(cycle_ids: AbstractSet[str]) -> dict[str, str]:
    """Return the beginning of each id, as long as it takes to tell them all apart."""
    length = ID_LEAST
    while len({each[:length] for each in cycle_ids}) < len(cycle_ids):
        length += 1
    return {each: each[:length] for each in cycle_ids}


def _trades_table(cycles: list[TradeCycle], id_of: Mapping[str, str], *, wide: bool) -> Table:
    """Return a table of closed trades, times in US Central."""
    table = _table("Closed cycles")
    names = ("opened (CT)", "closed", "order", "entry", "exit", "by", "gross $", "costs $")
    for name in (*names, "net $", "cycle"):
        if wide or name not in ("closed", "gross $", "costs $"):
            justify: JustifyMethod = "right" if name[-1] == "$" or name in PRICES else "left"
            table.add_column(name, justify=justify, no_wrap=True)
    for cycle in cycles[-TRADES_SHOWN_MAX:]:
        view = cycle_view(cycle)
        opened = cycle.opened_at or cycle.proposed_at
        net = gross_usd(cycle) - cycle.commission_usd
        cells = [
            f"{opened.astimezone(EXCHANGE_ZONE):%m-%d %H:%M}",
            f"{cycle.closed_at.astimezone(EXCHANGE_ZONE):%H:%M}" if cycle.closed_at else "",
            f"{cycle.side} {cycle.quantity} {cycle.symbol}",
            view["entry_price"],
            view["exit_price"],
            str(cycle.exit_reason or "").replace("_", " "),
            view["gross_usd"],
            view["commission_usd"],
            f"[{'green' if net >= 0 else 'red'}]{money(net)}[/]",
            id_of[cycle.cycle_id],
        ]
        table.add_row(*(cells if wide else [*cells[:1], *cells[2:6], *cells[8:]]))
    return table


def _open_table(book: CycleBook, id_of: Mapping[str, str]) -> Table:
    table = _table("Open cycles")
    for name in ("proposed (CT)", "order", "phase", "contracts", "cycle"):
        table.add_column(name, justify="right" if name == "contracts" else "left")
    for cycle in book.open.values():
        table.add_row(
            f"{cycle.proposed_at.astimezone(EXCHANGE_ZONE):%m-%d %H:%M}",
            f"{cycle.side} {cycle.quantity} {cycle.symbol}",
            cycle.phase,
            str(cycle.position),
            id_of[cycle.cycle_id],
        )
    return table


def _entries_table(book: CycleBook, id_of: Mapping[str, str]) -> Table:
    table = _table("Entries that became no trade")
    for name in ("first reason", "what happened", "entries", "latest cycle"):
        table.add_column(name, justify="right" if name == "entries" else "left")
    latest = {book.ending_of(cycle): id_of[cycle.cycle_id] for cycle in book.ended.values()}
    for what, reasons in (("refused", book.refusals), ("aborted", book.abort_reasons)):
        for code, count in reasons.most_common():
            table.add_row(Text(one_line(code)), what, str(count), latest.get((what, code), ""))
    return table


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def _totals(summary: Summary) -> Table:
    book = summary.book
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in (*_time_rows(summary), *_money_rows(summary)):
        table.add_row(name, text)
    table.add_row("longest unprotected", f"{book.unprotected_seconds_max * 1000:.1f} ms")
    table.add_row("emergency stops", str(book.emergency_stops))
    if book.calls:
        ends = ", ".join(f"{end} {count}" for end, count in sorted(book.call_outcomes.items()))
        cost = f"${money(book.calls_usd_max)} at most"
        words = f"{book.call_outcomes.total()}: {ends}; {cost}"
        table.add_row("advisor calls", Text(one_line(words)))
    table.add_row("mode", Text(one_line(f"{summary.mode} {summary.mode_why}")))
    if summary.position_open:
        table.add_row("position", f"[bold red]{summary.position_open} contracts are open[/]")
    table.add_row("journal", Text(one_line(summary.journal)))
    return table


def _time_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    first, last = (at.astimezone(EXCHANGE_ZONE) for at in (summary.started_at, summary.ended_at))
    hours, seconds = (last - first) / timedelta(hours=1), summary.wall / timedelta(seconds=1)
    speed = f", {hours / seconds:.3g} h each second" if seconds else ""
    yield "period", f"{first:%Y-%m-%d %H:%M} to {last:%m-%d %H:%M} CT"
    yield "took", f"{seconds:.1f} s for {hours:.1f} h of market{speed}"
    if summary.interrupted:
        yield "ended", "interrupted; what rests at the broker was left there"


def _money_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    book = summary.book
    refused = sum(book.refusals.values())
    yield "bars, signals", f"{book.bars}, {book.signals}"
    yield (
        "cycles",
        f"{len(book.closed)} closed, {refused} refused, {len(book.aborted)} aborted"
        + (f", {len(book.open)} open" if book.open else ""),
    )
    agrees = {
        True: "equal to the broker's account",
        False: "[bold red]NOT the broker's account[/]",
        None: "",
    }[summary.account_agrees]
    yield "gross", dollars(book.gross_usd)
    yield "commission", dollars(book.commission_usd)
    yield "net", f"{dollars(book.net_usd)}  {agrees}".rstrip()
