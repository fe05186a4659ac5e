"""A whole trader, the real client and gateway: one id everywhere, live as in the journal."""

from datetime import UTC, datetime

import pytest

from mytrader.domain.events import OperatorAsked, Request
from mytrader.domain.orders import Side, parse_ref
from mytrader.journal.cycle_histories import CycleHistories, CycleHistory
from mytrader.journal.metrics import Metrics
from mytrader.journal.outlets import Outlets
from mytrader.journal.telemetry import trace_of
from mytrader.journal.trace import ROOT, Trace, trace_number
from mytrader.journal.watched import Listener, WatchedJournal
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


@pytest.mark.slow
def test_one_id_joins_journal_orders_and_the_trace_at_the_collector() -> None:
    ids: list[str] = []
    with OtlpCollector() as collector:
        settings = TelemetrySettings(enabled=True, otlp_endpoint=collector.endpoint)
        outlets = Outlets(settings, version="1", elapsed_s=monotonic_seconds)

        async def script(world: World) -> None:
            attach(world, outlets.watch(world.journal))
            outlets.begin(world.state, world.runtime.now())
            ids.append(await trade(world))
            refs = {ref for record in world.journal.records for ref in _refs(record)}
            assert {parts.cycle_id for parts in map(parse_ref, refs) if parts} == set(ids)

        play(script)
        collector.wait_for(spans=1)
        outlets.close()
    expected = trace_number(ids[0]).to_bytes(16, "big")
    assert {bytes(span.trace_id) for span in collector.spans} == {expected}
    assert [span.name for span in collector.spans].count(ROOT) == 1
    refs = {
        attribute.value.string_value
        for span in collector.spans
        for attribute in span.attributes
        if attribute.key == "mytrader.order.ref"
    }
    assert refs
    assert {parts.cycle_id for parts in map(parse_ref, refs) if parts} == set(ids)
    # The simulated day's own time, not this machine's: its thread never looks at a clock for it.
    began = min(span.start_time_unix_nano for span in collector.spans) / 1e9
    assert datetime.fromtimestamp(began, UTC).year == 2025


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


def _refs(record: object) -> list[str]:
    ref = getattr(getattr(record, "event", None), "ref", "")
    return [ref] if isinstance(ref, str) and ref else []
