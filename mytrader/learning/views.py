"""A study for programs and for people: JSON objects, tables, sentences."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.learning.agent import Study
from mytrader.learning.intervals import SAMPLE_MIN, Interval
from mytrader.learning.lessons import Lesson
from mytrader.learning.overlay import Overlay
from mytrader.learning.parameters import Value, shown
from mytrader.learning.standing import Standing, Standings, Status
from mytrader.learning.tables import Row, Table
from mytrader.plain_text import dollars, one_line

View = dict[str, Any]
ROWS_SHOWN_MAX: Final = 24
WIDE_COLUMNS: Final = 100
_CENT: Final = Decimal("0.01")


# For programs


def study_view(study: Study) -> View:
    """Return everything that a look found."""
    found = study.tables
    return {
        "made_at": study.made_at.isoformat(),
        "first_at": study.outcomes[0].at.isoformat() if study.outcomes else None,
        "last_at": study.outcomes[-1].at.isoformat() if study.outcomes else None,
        "total": row_view(found.total),
        "aborted": found.aborted,
        "trades": [table_view(table) for table in found.trades],
        "refusals": [table_view(table) for table in found.refusals],
        "convention": {
            "trades": found.measure.trades,
            "agreed": found.measure.agreed,
            "net_usd": _money(found.measure.net_usd),
            "would_be_usd": _money(found.measure.would_be_usd),
            "harsh_r": _rounded(found.measure.harsh_r),
        },
        "lessons": [lesson_view(lesson) for lesson in study.lessons],
        "ledger_damaged": study.damaged,
    }


def table_view(table: Table) -> View:
    """Return a table; its rows' intervals hold together at 95 %."""
    return {
        "by": table.by,
        "confidence_of_each": round(table.confidence, 6),
        "rows": [row_view(row) for row in table.rows],
    }


def row_view(row: Row) -> View:
    """Return one row; `None` is what nobody can say."""
    return {
        "name": row.name,
        "trades": row.trades,
        "wins": row.wins,
        "win_share": round(row.wins / row.trades, 4) if row.trades else None,
        "win_share_interval": _interval(row.share),
        "net_usd": _money(row.net_usd),
        "mean_r": _rounded(row.mean_r),
        "mean_r_interval": _interval(row.mean),
        "median_r": _rounded(row.median_r),
        "profit_factor": _rounded(row.profit_factor),
        "drawdown_usd": _money(row.drawdown_usd),
        "commission_usd": _money(row.commission_usd),
        "slippage_usd": None if row.slippage_usd is None else _money(row.slippage_usd),
        "unknown": row.unknown,
        "overlapping": row.overlapping,
        "cycle_ids": list(row.cycle_ids),
    }


def lesson_view(lesson: Lesson) -> View:
    """Return a lesson as a document."""
    regime = lesson.regime
    return {
        "lesson_id": lesson.lesson_id,
        "line": lesson.line,
        "avoid": lesson.avoid,
        "words": lesson.words,
        "facts": {fact.name: fact.value for fact in lesson.facts},
        "evidence": list(lesson.evidence),
        "strategy": lesson.strategy,
        "regime": None if regime is None else regime.name,
        "side": lesson.side,
        "source": lesson.source,
    }


def standing_view(standing: Standing, now: datetime, *, without_person: bool = True) -> View:
    """Return a proposal with what has become of it and, where one is needed, its code."""
    proposal, evidence = standing.proposal, standing.proposal.evidence
    return {
        "proposal_id": standing.proposal_id,
        "code": proposal.code,
        "parameter": proposal.parameter,
        "from": _plain(proposal.current),
        "to": _plain(proposal.value),
        "less_risk": proposal.tightens,
        "state": state(standing, now, without_person=without_person),
        "decided_by": standing.who if standing.status is not Status.PROPOSED else None,
        "reason": proposal.reason,
        "made_at": proposal.made_at.isoformat(),
        "expires_at": proposal.expires_at.isoformat(),
        "evidence": {
            "trades": evidence.trades,
            "mean_r": _rounded(evidence.mean_r),
            "mean_r_interval": _interval(Interval(evidence.low_r, evidence.high_r)),
            "net_usd": _money(evidence.net_usd),
            "cycle_ids": list(evidence.cycle_ids),
        },
    }


def overlay_view(found: Overlay) -> View:
    """Return what the next start would hold."""
    return {
        "values": {
            parameter: {
                "value": _plain(effective.value),
                "source": effective.source or "settings",
            }
            for parameter, effective in found.values.items()
        },
        "notes": list(found.notes),
        "no_entries": found.no_entries,
    }


def state(standing: Standing, now: datetime, *, without_person: bool = True) -> str:
    """Return where a proposal stands at `now`, in a few words."""
    if standing.status in (Status.REJECTED, Status.REVOKED):
        return f"{standing.status} by {standing.who}"
    if not standing.open_at(now):
        return "expired"
    if standing.status is Status.APPROVED:
        return f"approved by {standing.who}"
    alone = standing.proposal.needs_nobody and without_person
    return "from the next start on" if alone else "waits for approval"


def _plain(value: Value) -> str | list[str]:
    return list(value) if isinstance(value, tuple) else str(value)


# For people


def print_study(study: Study, console: Console) -> None:
    """Show the tables, the refusals, and the lessons."""
    found = study.tables
    console.print(_heading(study), highlight=False)
    for table in found.trades:
        if len(table.rows) > 1:
            _print_table(table, console, title=f"Trades by {table.by}")
    for table in found.refusals:
        if table.rows:
            _print_table(table, console, title=f"Refused, as it would have ended: {table.by}")
    for line in _convention(study):
        console.print(line, style="dim", highlight=False)
    console.print("\nLessons", style="bold")
    for lesson in study.lessons:
        mark = ("avoid", "red") if lesson.avoid else ("note ", "")
        console.print(Text.assemble(mark, f"  {one_line(lesson.line)}"))
        if lesson.words:
            console.print(Text(f"       {one_line(lesson.words)}", "dim"))


def print_standings(
    standings: Standings, console: Console, *, now: datetime, without_person: bool = True
) -> None:
    """Show every proposal, the newest last."""
    if not standings.by_id:
        console.print("No proposals.")
        return
    console.print("Proposals", style="bold")
    for standing in standings.by_id.values():
        proposal, waits = standing.proposal, standing.open_at(now)
        words = state(standing, now, without_person=without_person)
        code = Text.assemble(", code ", (proposal.code, "bold")) if waits else ""
        old, new = (shown(proposal.parameter, one) for one in (proposal.current, proposal.value))
        what = one_line(f"{proposal.parameter} from {old} to {new}: {words}")
        name = (one_line(standing.proposal_id), "bold")
        console.print(Text.assemble(name, f"  {what}", code), soft_wrap=True)
        if waits:
            until = f"{proposal.expires_at.astimezone(EXCHANGE_ZONE):%Y-%m-%d %H:%M} CT"
            text = f"          {one_line(proposal.reason)}; until {until}"
            console.print(Text(text, "dim"), soft_wrap=True)


def print_overlay(found: Overlay, console: Console) -> None:
    """Show what the next start would hold, where it is not the settings' own."""
    if found.no_entries:
        why = f": {one_line(found.no_entries)}"
        console.print(Text.assemble(("NO ENTRIES", "bold red"), why))
        return
    for note in found.notes:
        console.print(Text(one_line(note), "dim"), soft_wrap=True)


def _heading(study: Study) -> str:
    found, total = study.tables, study.tables.total
    if not study.outcomes:
        return "No finished cycle in this time."
    first, last = (
        one.at.astimezone(EXCHANGE_ZONE) for one in (study.outcomes[0], study.outcomes[-1])
    )
    refused = len(study.outcomes) - total.trades - found.aborted
    interval = "" if total.mean is None else f" ({_between(total.mean)})"
    slippage = "" if total.slippage_usd is None else f", slippage {dollars(total.slippage_usd)}"
    counts = (
        f"[bold]{first:%Y-%m-%d} to {last:%Y-%m-%d}[/]: {total.trades} trades,"
        f" {refused} refused, {found.aborted} aborted\n"
    )
    if not total.trades:
        return counts
    return (
        f"{counts}net {dollars(total.net_usd)}, mean {_r(total.mean_r)} R{interval},"
        f" deepest fall {dollars(total.drawdown_usd)},"
        f" commission {dollars(total.commission_usd)}{slippage}\n"
    )


def _print_table(table: Table, console: Console, *, title: str) -> None:
    wide = console.width >= WIDE_COLUMNS
    grid = _grid(title)
    grid.add_column("")
    columns = ["trades", "won", "net $", "mean R", f"({table.confidence:.1%})"]
    columns += ["median R", "factor", "fall $", "costs $"] if wide else []
    for name in columns:
        grid.add_column(name, justify="right", no_wrap=True)
    for row in sorted(table.rows, key=lambda one: one.name)[:ROWS_SHOWN_MAX]:
        grid.add_row(*_cells(row, wide=wide))
    console.print(grid)
    hidden = len(table.rows) - ROWS_SHOWN_MAX
    if hidden > 0:
        console.print(f"{hidden} more rows: see --json", style="dim")


def _cells(row: Row, *, wide: bool) -> list[str | Text]:
    told = row.mean is not None and (row.mean.below_zero or row.mean.above_zero)
    colour = "" if not told else "red" if row.mean and row.mean.below_zero else "green"
    mean = _r(row.mean_r)
    left_out = f" {_left_out(row)}" if _left_out(row) else ""
    name = Text(one_line(row.name)).append(left_out, "dim")
    cells: list[str | Text] = [
        name,
        str(row.trades),
        f"{row.wins / row.trades:.0%}" if row.trades else "-",
        _money(row.net_usd),
        f"[bold {colour}]{mean}[/]" if colour else mean,
        _between(row.mean),
    ]
    if not wide:
        return cells
    costs = row.commission_usd + (row.slippage_usd or Decimal(0))
    factor = "-" if row.profit_factor is None else f"{row.profit_factor:.2f}"
    return [*cells, _r(row.median_r), factor, _money(row.drawdown_usd), _money(costs)]


def _left_out(row: Row) -> str:
    parts = ((row.overlapping, "overlap"), (row.unknown, "unknown"))
    return ", ".join(f"+{count} {what}" for count, what in parts if count)


def _convention(study: Study) -> Iterator[str]:
    yield (
        f"Intervals hold for each table as a whole at 95 %; none is given below {SAMPLE_MIN}"
        " trades. R is net profit over the risk at the entry."
    )
    measure = study.tables.measure
    if measure.trades:
        yield (
            "Refused proposals: entered within the minute, one tick worse; stop before target in"
            " one minute; closed for the session; costs in. Of the trades that were made, this"
            f" convention gives {measure.agreed} of {measure.trades} the same end and"
            f" {dollars(measure.would_be_usd)} where they earned {dollars(measure.net_usd)}."
        )


def _grid(title: str) -> Grid:
    return Grid(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def _between(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.low:+.2f} to {interval.high:+.2f}"


def _r(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(interval.low, 4), round(interval.high, 4)]


def _money(amount: Decimal) -> str:
    return str(amount.quantize(_CENT))


def find(standings: Standings, proposal_id: str) -> Iterable[Standing]:
    """Return the proposals whose id begins with what was typed, in either case."""
    wanted = proposal_id.strip().upper()
    if not wanted:
        return []
    return [one for name, one in standings.by_id.items() if name.startswith(wanted)]
