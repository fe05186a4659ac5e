"""Exactly one id joins everything about a trade, also over the death of its process.

ES and MES are traded at once, the process dies with both open, and another one closes them. What
is compared was written by six different parts of the program: the journal, the orders at the
gateway, the log file, the traces at a collector, the documents of an index, and their lessons.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from msgspec import Struct

from mytrader import logs
from mytrader.bootstrap import Parts
from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.founding import FOUNDING_ID
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import parse_ref
from mytrader.journal.codec import cycle_ids
from mytrader.journal.reader import JournalReader
from mytrader.journal.trace import ROOT, trace_number
from mytrader.logs import LogFileOptions
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.settings import TradingSettings
from mytrader.signals.scripted import Proposal, Scripted, quiet
from tests.all_services import AllServices, all_services
from tests.command_line import CommandLine, mytrader
from tests.sessions import Session, Wire, a_plan, play

pytestmark = pytest.mark.slow
__all__ = ["mytrader"]

BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)
BASE: Final = 27_600
SYMBOLS: Final = ("ES", "MES")
FIRST, SECOND, DEATH, EXIT = 1, 8, 10, 12
"""Minutes: both are traded; both again; the process dies; both targets are reached."""


def at(minute: int) -> datetime:
    """A minute of the session."""
    return BEGIN + timedelta(minutes=minute)


def market() -> list[Bar]:
    """Quiet, but for the targets of both pairs of trades."""
    bars = quiet(BEGIN, EXIT + 4)
    for minute in (FIRST + 3, EXIT):
        bars[minute] = Bar(at(minute), BASE, BASE + 30, BASE, BASE, 500)
    return bars


def both(instrument: Instrument) -> Scripted:
    """Propose a long trade in each contract, twice, MES a minute after ES."""
    proposals = [
        Proposal(at(minute + late), symbol=symbol)
        for minute in (FIRST, SECOND)
        for late, symbol in enumerate(SYMBOLS)
    ]
    return Scripted(instrument, proposals)


class Played(Struct, frozen=True):
    """One session, and all that was written of it."""

    journal: Path
    log: Path
    wire: Wire
    services: AllServices

    @property
    def trades(self) -> dict[str, TradeCycle]:
        """The closed trades of the record, by id."""
        book = CycleBook()
        with JournalReader(self.journal) as reader:
            fold(reader.read(), book)
        assert not book.open
        assert {cycle.phase for cycle in book.ended.values()} == {Phase.CLOSED}
        return {cycle.cycle_id: cycle for cycle in book.closed}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Both contracts, twice, with a death between."""
    folder = tmp_path_factory.mktemp("one-id")
    opened = logs.set_up(verbose=False, file=LogFileOptions(folder / "t.log"))
    assert opened is not None
    with all_services() as services:
        trading = TradingSettings(trade_cooldown_minutes=0.01)
        settings = services.settings().model_copy(update={"trading": trading})
        plan = a_plan(folder, *SYMBOLS, settings=settings)
        before = quiet(BEGIN - timedelta(minutes=60), 60)
        parts = Parts(strategy=both)
        _, wire = play(Session(plan, before, market(), parts, dies=at(DEATH)))
        opened.close()
        structlog.reset_defaults()
        yield Played(plan.journal, folder / "t.log", wire, services)


def test_two_trades_in_each_contract_and_one_of_each_over_the_death(played: Played) -> None:
    trades = played.trades.values()
    assert Counter(trade.symbol for trade in trades) == {"ES": 2, "MES": 2}
    died = at(DEATH + 1)
    over = [
        trade
        for trade in trades
        if trade.opened_at and trade.closed_at and trade.opened_at < died < trade.closed_at
    ]
    assert sorted(trade.symbol for trade in over) == ["ES", "MES"]
    assert {str(trade.exit_reason) for trade in trades} == {"target"}


def test_every_record_of_a_trade_carries_its_id(played: Played) -> None:
    with JournalReader(played.journal) as reader:
        found = [cycle_ids(record.event, record.commands) for record in reader.read()]
    assert {cycle_id for ids in found for cycle_id in ids} == set(played.trades)


def test_every_order_at_the_gateway_carries_the_id_of_its_trade(played: Played) -> None:
    sent: dict[str, set[str]] = {}
    for order in played.wire.orders:
        parts = parse_ref(order.order_ref)
        assert parts is not None, order.order_ref
        sent.setdefault(parts.cycle_id, set()).add(order.contract.symbol)
    assert sent == {name: {trade.symbol} for name, trade in played.trades.items()}


def test_every_line_of_the_log_about_a_trade_carries_its_id(played: Played) -> None:
    lines = [json.loads(line) for line in played.log.read_text("utf-8").splitlines()]
    told = [line for line in lines if line.get("cycle_id")]
    assert {line["cycle_id"] for line in told} == set(played.trades)
    for line in told:
        assert line["trace_id"] == f"{trace_number(line['cycle_id']):032x}"
    for code in ("ENTRY_REGISTERED", "TRADE_ENTRY", "TRADE_EXIT"):
        assert {line["cycle_id"] for line in told if line["code"] == code} == set(played.trades)


def test_every_trade_is_one_trace_under_its_id(played: Played) -> None:
    spans = played.services.collector.spans
    roots = Counter(bytes(span.trace_id) for span in spans if span.name == ROOT)
    numbers = {name: trace_number(name).to_bytes(16, "big") for name in played.trades}
    assert set(roots) == set(numbers.values()) == {bytes(span.trace_id) for span in spans}
    for name, number in numbers.items():
        said = _said(span for span in spans if bytes(span.trace_id) == number)
        refs = [parse_ref(value) for value in said["mytrader.order.ref"]]
        assert {parts.cycle_id for parts in refs if parts} == {name}
        assert said["mytrader.document.id"] == {name}


def test_no_span_is_sent_under_two_ids(played: Played) -> None:
    """What a restart sends again is the same span, by which a collector knows the repeat."""
    spans = played.services.collector.spans
    places = {(bytes(span.trace_id), bytes(span.span_id)) for span in spans}
    assert len({span_id for _, span_id in places}) == len(places)


def _said(spans: Any) -> dict[str, set[str]]:  # noqa: ANN401 - spans of the protocol
    said: dict[str, set[str]] = {}
    for span in spans:
        for each in span.attributes:
            said.setdefault(each.key, set()).add(each.value.string_value)
    return said


def test_every_trade_is_one_document_with_its_lesson_under_its_id(played: Played) -> None:
    documents = {
        name: source["document"]
        for name, source in played.services.index.documents.items()
        if name != FOUNDING_ID
    }
    assert set(documents) == set(played.trades)
    for name, document in documents.items():
        trade = played.trades[name]
        assert (document["document_id"], document["symbol"]) == (name, trade.symbol)
        assert document["lesson"].startswith(f"BUY {trade.symbol} earned $")


def test_the_command_line_joins_all_of_it_by_the_id(played: Played, mytrader: CommandLine) -> None:
    shown = mytrader("cycles", "--journal", played.journal, "--json").json
    assert [cycle["cycle_id"] for cycle in shown] == list(played.trades)
    for cycle in shown:
        assert {each["outcome"] for each in cycle["calls"]} == {"answered"}
        refs = [parse_ref(each["order_ref"]) for each in (*cycle["orders"], *cycle["fills"])]
        assert {parts.cycle_id for parts in refs if parts} == {cycle["cycle_id"]}
