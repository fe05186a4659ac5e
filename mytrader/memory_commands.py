"""What the commands of the memory do. They use the embedded memory, whatever the trader asks."""

import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from math import dist, sqrt
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mytrader import logs
from mytrader.config import load_settings
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.decision import Question
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Side
from mytrader.domain.regime import Trend, Volatility
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.errors import BadInput
from mytrader.journal.reader import JournalReader
from mytrader.outputs import print_json
from mytrader.plain_text import dollars, one_line
from mytrader.rag.documents import Unfit, document_of, document_text
from mytrader.rag.knowledge_base import KnowledgeBase
from mytrader.rag.likeness import (
    Incomparable,
    place_of,
    place_of_question,
    strategy_step,
)
from mytrader.rag.likeness import Place as Situation
from mytrader.rag.memory_file import Damaged
from mytrader.rag.seeds import SEED_IDS
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.run_folder import named_journal, newest_journal
from mytrader.services import memory_path, open_knowledge_base

PATIENCE_S: Final = 5.0
"""A running trader holds the file for an instant at a time."""

NOT_ASKED: Final = (
    "rag.opensearch_enabled: the trader asks the index, which every start fills from the journal;"
    " this is the embedded memory"
)

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
View = dict[str, Any]
Found = list[tuple[TradeDocument, float | None]]


class Place(Struct, frozen=True):
    """Which memory is meant, as it was typed."""

    journal: Path | None
    config: Path | None


class SearchOptions(Struct, frozen=True):
    """What is looked for, as it was typed; `None` is anything."""

    cycle: str | None = None
    side: str | None = None
    symbol: str | None = None
    strategy: str | None = None
    regime: str | None = None
    avoid: bool = False
    count: int = 10
    as_json: bool = False


def search(place: Place, asked: SearchOptions) -> None:
    """Show the newest trades that fit, or the nearest to one trade; raises `BadInput`."""
    wanted = _Filter.parsed(asked)
    with _memory(place, must_exist=True) as (memory, journal):
        fit = [document for document in memory.documents() if wanted.takes(document)]
        if asked.cycle is None:
            fit.sort(key=lambda each: (each.closed_at, each.document_id), reverse=True)
            found: Found = [(document, None) for document in fit[: asked.count]]
        else:
            situation = _situation(asked.cycle, memory, journal)
            found = _nearest(situation, fit, but=asked.cycle)[: asked.count]
    if asked.as_json:
        print_json([_view(document, distance) for document, distance in found])
    else:
        _show(found, Console())


def stats(place: Place, *, as_json: bool) -> None:
    """Show what the memory holds; raises `BadInput`."""
    with _memory(place, must_exist=True) as (memory, journal):
        documents = list(memory.documents())
        path = memory_path(load_settings(place.config), journal)
    trades = [each for each in documents if each.document_id not in SEED_IDS]
    records = _records(trades)
    view: View = {
        "memory": str(path),
        "bytes": path.stat().st_size,
        "trades": len(trades),
        "seeds": len(documents) - len(trades),
        "avoid": sum(each.avoid for each in documents),
        "oldest": trades[0].closed_at.isoformat() if trades else None,
        "newest": trades[-1].closed_at.isoformat() if trades else None,
        "records": records,
    }
    if as_json:
        print_json(view)
        return
    console = Console()
    words = f"{_counted(len(trades), view['seeds'])} in {path}, {view['avoid']} to avoid"
    console.print(Text(one_line(words)), soft_wrap=True)
    if trades:
        console.print(_records_table(records))


def export(place: Place, folder: Path, *, as_json: bool) -> None:
    """Write each lesson as `<id>.txt` into a folder, only what changed; raises `BadInput`."""
    with _memory(place, must_exist=True) as (memory, _):
        lessons = {each.document_id: f"{document_text(each)}\n" for each in memory.documents()}
    written = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in lessons.items():
            if not _FILE_NAME.fullmatch(name):
                raise BadInput(f"'{one_line(name)}' is no id of a trade: rebuild the memory")
            path = folder / f"{name}.txt"
            if not path.exists() or path.read_text("utf-8") != text:
                path.write_text(text, "utf-8")
                written += 1
    except OSError as error:
        raise BadInput(f"{folder}: {error.strerror}: choose another folder") from None
    if as_json:
        print_json({"folder": str(folder), "lessons": len(lessons), "written": written})
        return
    words = f"{len(lessons)} lessons in {folder}, {written} of them new or changed"
    sys.stdout.write(f"{one_line(words)}\n")


def seed(place: Place, *, as_json: bool) -> None:
    """See to it that the lessons of the past are there; raises `BadInput`."""
    with _memory(place, must_exist=False) as (memory, journal):
        stock = memory.stock
        path = memory_path(load_settings(place.config), journal)
    if as_json:
        print_json({"memory": str(path), "seeds": sorted(SEED_IDS), "trades": stock.trades})
        return
    sys.stdout.write(f"{_counted(stock.trades, stock.seeds)} in {path}: {', '.join(SEED_IDS)}\n")


def rebuild(place: Place, *, as_json: bool) -> None:
    """Make the memory again from the journal; raises `BadInput` and `JournalFault`."""
    # Before anything is made beside a journal that is none.
    book = _book(_journal(place))
    with _memory(place, must_exist=False) as (memory, journal):
        made = [document_of(cycle) for cycle in book.closed]
        unfit = [each for each in made if isinstance(each, Unfit)]
        memory.rebuild(each for each in made if not isinstance(each, Unfit))
        stock = memory.stock
        path = memory_path(load_settings(place.config), journal)
    view: View = {
        "memory": str(path),
        "journal": str(journal),
        "closed": len(made),
        "trades": stock.trades,
        "seeds": stock.seeds,
        "refused": stock.refused + len(unfit),
    }
    if as_json:
        print_json(view)
        return
    sys.stdout.write(
        f"{_counted(stock.trades, stock.seeds)} are now in {path}: the journal {journal} has"
        f" {len(made)} closed, {view['refused']} refused\n"
    )


# Which memory, which trades


class _Filter(Struct, frozen=True):
    side: Side | None
    symbol: str | None
    strategy: str | None
    trend: Trend | None
    volatility: Volatility | None
    avoid: bool

    @classmethod
    def parsed(cls, asked: SearchOptions) -> "_Filter":
        sides = [side.value for side in Side]
        if asked.side is not None and asked.side.upper() not in sides:
            raise BadInput(f"--side {asked.side}: choose one of {', '.join(sides)}")
        trend, volatility = _labels(asked.regime)
        side = None if asked.side is None else Side(asked.side.upper())
        symbol = None if asked.symbol is None else asked.symbol.upper()
        return cls(side, symbol, asked.strategy, trend, volatility, asked.avoid)

    def takes(self, document: TradeDocument) -> bool:
        regime = document.regime
        return (
            self.side in (None, document.side)
            and self.symbol in (None, document.symbol)
            and self.strategy in (None, document.strategy)
            and (self.trend is None or (regime is not None and regime.trend is self.trend))
            and self.volatility in (None, None if regime is None else regime.volatility)
            and (document.avoid or not self.avoid)
        )


def _labels(text: str | None) -> tuple[Trend | None, Volatility | None]:
    trend: Trend | None = None
    volatility: Volatility | None = None
    for word in (text or "").upper().split("/") if text is not None else ():
        if word in list(Trend) and trend is None:
            trend = Trend(word)
        elif word in list(Volatility) and volatility is None:
            volatility = Volatility(word)
        else:
            raise BadInput(
                f"--regime {text}: give a trend ({', '.join(Trend)}), a volatility"
                f" ({', '.join(Volatility)}), or both with a stroke: UPTREND/LOW"
            )
    return trend, volatility


@contextmanager
def _memory(place: Place, *, must_exist: bool) -> Iterator[tuple[KnowledgeBase, Path]]:
    """Open the memory that is meant; what its file cannot do becomes `BadInput`."""
    logs.set_up(verbose=False)
    settings = load_settings(place.config)
    journal = _journal(place)
    path = memory_path(settings, journal)
    if settings.rag.opensearch_enabled:
        sys.stderr.write(f"{NOT_ASKED}\n")
    if must_exist and not path.exists():
        raise BadInput(
            f"memory {path} does not exist: make it with mytrader memory rebuild --journal"
            f" {journal}"
        )
    memory = open_knowledge_base(settings, journal, patience_s=PATIENCE_S)
    try:
        yield memory, journal
    except (sqlite3.Error, Damaged) as error:
        raise BadInput(
            f"memory {path}: {error}: make it again with mytrader memory rebuild --journal"
            f" {journal}"
        ) from None
    finally:
        memory.close()


def _journal(place: Place) -> Path:
    return newest_journal() if place.journal is None else named_journal(place.journal)


def _book(journal: Path) -> CycleBook:
    book = CycleBook()
    with JournalReader(journal) as reader:
        fold(reader.read(), book)
    return book


def _situation(cycle_id: str, memory: KnowledgeBase, journal: Path) -> Situation:
    """Return where a remembered trade, or a cycle of the journal, lies."""
    try:
        document = memory.find(cycle_id)
        if document is not None:
            return place_of(document)
        book = _book(journal)
        cycle: TradeCycle | None = book.ended.get(cycle_id) or book.open.get(cycle_id)
        if cycle is None:
            raise BadInput(f"--cycle {cycle_id}: neither the memory nor {journal} has it")
        question = Question(cycle.cycle_id, cycle.con_id, cycle.symbol, cycle.signal)
        return place_of_question(question)
    except Incomparable as why:
        raise BadInput(f"--cycle {cycle_id}: it cannot be compared with others: {why}") from None


def _nearest(situation: Situation, documents: Iterable[TradeDocument], *, but: str) -> Found:
    """Return documents of the same market and side with their distances, nearest first."""
    found: list[tuple[float, str, TradeDocument]] = []
    for document in documents:
        place = place_of(document)
        same = (place.market, place.side) == (situation.market, situation.side)
        if same and document.document_id != but:
            squared = dist(place.vector, situation.vector) ** 2
            squared += strategy_step(place.strategy, situation.strategy)
            found.append((sqrt(squared), document.document_id, document))
    found.sort(key=lambda each: each[:2])
    return [(document, distance) for distance, _, document in found]


# How it looks


def _records(trades: Iterable[TradeDocument]) -> list[View]:
    groups: dict[tuple[str, str], list[TradeDocument]] = {}
    for trade in trades:
        groups.setdefault((trade.strategy, str(trade.side)), []).append(trade)
    return [
        {
            "strategy": strategy,
            "side": side,
            "trades": len(group),
            "wins": sum(each.net_usd > 0 for each in group),
            "mean_r": _mean([each.result_r for each in group if each.result_r is not None]),
            "net_usd": str(sum((each.net_usd for each in group), Decimal(0))),
        }
        for (strategy, side), group in sorted(groups.items())
    ]


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _records_table(records: list[View]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in ("strategy", "side", "trades", "wins", "mean R", "net $"):
        table.add_column(name, justify="left" if name in ("strategy", "side") else "right")
    for one in records:
        mean = "" if one["mean_r"] is None else f"{one['mean_r']:+.2f}"
        counts = str(one["trades"]), str(one["wins"])
        strategy = Text(one_line(one["strategy"]))
        table.add_row(strategy, one["side"], *counts, mean, one["net_usd"])
    return table


def _show(found: Found, console: Console) -> None:
    for document, distance in found:
        near = "" if distance is None else f"distance {distance:.3f}  "
        words = f"  {near}{one_line(document_text(document))}"
        console.print(
            Text.assemble((one_line(document.document_id), "bold"), words), soft_wrap=True
        )
    if not found:
        console.print("nothing like it is remembered")
        return
    opened = [document.opened_at for document, _ in found]
    first, last = (at.astimezone(EXCHANGE_ZONE) for at in (min(opened), max(opened)))
    # What a seed lost was lost by somebody else.
    trades = [each for each, _ in found if each.document_id not in SEED_IDS]
    net = sum((each.net_usd for each in trades), Decimal(0))
    words = _counted(len(trades), len(found) - len(trades))
    console.print(
        f"{words} from {first:%Y-%m-%d} to {last:%Y-%m-%d}, net of the trades {dollars(net)}",
        soft_wrap=True,
    )


def _counted(trades: int, seeds: int) -> str:
    """Return how many there are in words."""
    return (
        f"{trades} {'trade' if trades == 1 else 'trades'} and"
        f" {seeds} {'seed' if seeds == 1 else 'seeds'}"
    )


def _view(document: TradeDocument, distance: float | None) -> View:
    whole: View = msgspec.to_builtins(document)
    return {"distance": None if distance is None else round(distance, 4), **whole}
