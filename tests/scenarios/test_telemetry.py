"""A whole trader, the real client and gateway: one id everywhere, live as in the journal."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import structlog

from mytrader import logs
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.events import OperatorAsked, Request
from mytrader.domain.memory import TradeDocument
from mytrader.domain.orders import Side, parse_ref
from mytrader.journal.codec import cycle_ids
from mytrader.journal.cycle_histories import CycleHistories, CycleHistory
from mytrader.journal.metrics import Metrics
from mytrader.journal.outlets import Outlets
from mytrader.journal.telemetry import trace_of
from mytrader.journal.trace import ROOT, Trace, trace_number
from mytrader.journal.watched import Listener, WatchedJournal
from mytrader.logs import LogFileOptions
from mytrader.replay.traces import read_traces
from mytrader.runtime import monotonic_seconds
from mytrader.service_settings import TelemetrySettings
from tests.fakes.otlp_collector import OtlpCollector
from tests.scenarios.world import World, play


def watch(world: World, *listeners: Listener) -> None:
    """Let listeners watch the trader's journal, as the composition root would."""
    attach(world, WatchedJournal(world.journal, listeners, elapsed_s=monotonic_seconds))


def attach(world: World, watched: WatchedJournal) -> None:
    """Put a watched journal behind the loop."""
    world.manager._journal = watched
    world.manager.observe(watched)


async def trade(world: World) -> str:
    """Enter, hold a minute, flatten, settle; return the cycle's id."""
    cycle_id = await world.enter(Side.BUY)
    await world.pass_time(62)
    world.flatten()
    await world.until(lambda: world.ledger_position == 0)
    await world.until(lambda: not world.state.cycles)
    return cycle_id


@pytest.mark.slow
def test_what_is_seen_live_is_what_the_journal_tells() -> None:
    """Equal to the microsecond: the trace that was sent is the one that is drawn a year later."""
    live: list[Trace] = []
    ids: list[str] = []
    told: list[dict[str, Trace]] = []

    def keep(history: CycleHistory) -> None:
        live.append(trace_of(history))

    async def script(world: World) -> None:
        watch(world, CycleHistories(keep))
        ids.append(await trade(world))
        told.append(read_traces(world.journal.records))

    play(script)
    assert [trace.cycle_id for trace in live] == ids
    assert live == list(told[0].values())
    assert {"advisor test", "guards", "order E1", "order S1", "exit", "settlement"} <= {
        span.key for span in live[0].spans
    }


def remembered(cycle: TradeCycle) -> TradeDocument:
    """Return what a memory keeps of a trade: its document's id is the trade's."""
    return TradeDocument(
        document_id=cycle.cycle_id,
        symbol=cycle.symbol,
        side=cycle.side,
        strategy=cycle.signal.strategy,
        confidence=cycle.signal.confidence,
        features={},
        regime=None,
        opened_at=cycle.proposed_at,
        closed_at=cycle.closed_at or cycle.proposed_at,
        net_usd=Decimal(0),
        commission_usd=cycle.commission_usd,
        risk_usd=None,
        result_r=None,
        exit_reason="operator",
        lesson="It was flattened by hand.",
    )


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """A file that gets every log line as JSON."""
    opened = logs.set_up(verbose=False, file=LogFileOptions(tmp_path / "t.log"))
    assert opened is not None
    yield tmp_path / "t.log"
    opened.close()
    structlog.reset_defaults()


@pytest.mark.slow
def test_exactly_one_id_joins_journal_orders_log_trace_and_lesson(log_file: Path) -> None:
    ids: list[str] = []
    with OtlpCollector() as collector:
        settings = TelemetrySettings(enabled=True, otlp_endpoint=collector.endpoint)
        outlets = Outlets(settings, version="1", elapsed_s=monotonic_seconds, lesson=remembered)

        async def script(world: World) -> None:
            attach(world, outlets.watch(world.journal))
            outlets.begin(world.state, world.runtime.now())
            ids.append(await trade(world))
            journal = [cycle_ids(r.event, r.commands) for r in world.journal.records]
            assert {cycle_id for found in journal for cycle_id in found} == set(ids)

        play(script)
        collector.wait_for(spans=1)
        outlets.close()
    number = trace_number(ids[0])
    assert {bytes(span.trace_id) for span in collector.spans} == {number.to_bytes(16, "big")}
    assert [span.name for span in collector.spans].count(ROOT) == 1
    said = [(a.key, a.value.string_value) for span in collector.spans for a in span.attributes]
    refs = [parse_ref(value) for key, value in said if key == "mytrader.order.ref"]
    assert {parts.cycle_id for parts in refs if parts} == set(ids)
    assert {value for key, value in said if key == "mytrader.document.id"} == set(ids)
    # The simulated day's own time, not this machine's: the thread never looks at a clock for it.
    began = min(span.start_time_unix_nano for span in collector.spans) / 1e9
    assert datetime.fromtimestamp(began, UTC).year == 2025

    logs.set_up(verbose=False)
    lines = [json.loads(line) for line in written(log_file)]
    told = [line for line in lines if "cycle_id" in line]
    assert "ENTRY_REGISTERED" in {line["code"] for line in told}
    assert {line["cycle_id"] for line in told} == set(ids)
    assert {line["trace_id"] for line in told} == {f"{number:032x}"}


def written(path: Path) -> list[str]:
    """Return the lines of a file that another thread may still be writing."""
    until_s = monotonic_seconds() + 5
    while "ENTRY_REGISTERED" not in path.read_text("utf-8") and monotonic_seconds() < until_s:
        threading.Event().wait(0.01)
    return path.read_text("utf-8").splitlines()


@pytest.mark.slow
def test_metrics_of_a_day_equal_its_book() -> None:
    metrics = Metrics()

    async def script(world: World) -> None:
        watch(world, metrics)
        await trade(world)
        world.manager.handle(OperatorAsked(Request.RESUME, "test"))
        await world.pass_time(2)
        await trade(world)
        book = world.book
        assert len(book.closed) == 2
        assert metrics.value("mytrader_signals_total") == book.signals
        assert metrics.value("mytrader_exits_total", reason="operator") == 2
        fills = sum(len(cycle.fills) for cycle in book.closed)
        assert metrics.value("mytrader_executions_total") == fills == 4
        assert metrics.value("mytrader_net_today_usd") == float(book.net_usd)
        assert metrics.value("mytrader_emergency_stops_total") == book.emergency_stops
        count = metrics.value("mytrader_unprotected_seconds_count")
        assert count is not None
        assert metrics.value("mytrader_position_contracts", symbol="ES") == 0

    play(script)
