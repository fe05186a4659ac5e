"""Metrics for Prometheus, counted from the journal's records and served to this machine alone.

The counters begin at zero with the process, as Prometheus expects; nothing is counted twice,
because repeated reports of the broker are not counted at all: fills are taken from the trader's
own cycles. What the day has brought is a gauge, from the state, and survives a restart. Every
label has a closed set of values (`known_codes`), all of them present from the start.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final
from wsgiref.simple_server import WSGIServer

from msgspec import Struct

from mytrader.domain import commands, events
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.cycle import ExitReason, Phase, TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.orders import Role, parse_ref
from mytrader.domain.trader import DayLedger, Mode, TraderState
from mytrader.errors import BadInput, MissingExtra
from mytrader.journal.known_codes import (
    CALL_OUTCOMES,
    ORDER_ACTIONS,
    OTHER,
    REFUSALS,
    UNWRITTEN,
    known,
)
from mytrader.ports import JournalRecord

try:
    from prometheus_client import (
        CollectorRegistry,
        Counter,
        Gauge,
        Histogram,
        disable_created_metrics,
        generate_latest,
        start_http_server,
        values,
    )
except ImportError:
    raise MissingExtra(
        "telemetry.prometheus_port", "prometheus-client", extra="telemetry"
    ) from None

# The library looks into the environment: with PROMETHEUS_MULTIPROC_DIR every count would go to a
# file, inside the loop, and the next process would go on with it.
values.ValueClass = values.MutexValue
# When each series was made doubles their number, and the process begins but once.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library says nothing of it

HOST: Final = "127.0.0.1"
WAITING_MAX: Final = 64
"""Signals whose entry may still be written."""

DAY_LOOKED_AT_EVERY: Final = timedelta(minutes=1)
"""A new trading date begins from zero although nothing has happened on it."""

_SHORT: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_LONG: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_SECOND: Final = timedelta(seconds=1)

Labels = Mapping[str, tuple[str, ...]]


class Metric(Struct, frozen=True):
    """One metric: what it is called without the prefix, what kind it is, what it says."""

    name: str
    kind: type[Any]
    help: str
    labels: Labels = {}
    buckets: tuple[float, ...] = ()


_ROLES: Final = {"role": tuple(role.value for role in AdvisorRole)}

METRICS: Final = (
    Metric("signals_total", Counter, "Proposals of the strategy."),
    Metric(
        "refusals_total",
        Counter,
        "Entries refused, by the code that decided.",
        {"code": (*REFUSALS, OTHER)},
    ),
    Metric("entries_total", Counter, "Entries that passed every guard."),
    Metric("entries_aborted_total", Counter, "Entries that passed and never filled."),
    Metric(
        "exits_total",
        Counter,
        "Trades closed, by why.",
        {"reason": (*(reason.value for reason in ExitReason), OTHER)},
    ),
    Metric("emergency_stops_total", Counter, "Stops sent because a fill had none."),
    Metric("halts_total", Counter, "Times that the trader went to HALT."),
    Metric(
        "orders_written_total",
        Counter,
        "Orders whose bytes went out, by what they asked.",
        {"action": (*ORDER_ACTIONS, OTHER)},
    ),
    Metric(
        "orders_not_written_total",
        Counter,
        "Orders stopped at the last check, by its code.",
        {"code": (*UNWRITTEN, OTHER)},
    ),
    Metric("executions_total", Counter, "Fills of our orders, each once."),
    Metric(
        "alerts_total",
        Counter,
        "Alerts, by how much they matter.",
        {"level": tuple(level.value for level in AlertLevel)},
    ),
    Metric(
        "advice_total",
        Counter,
        "Opinions, by the advisor's role and what it said.",
        {**_ROLES, "decision": (*(advice.value for advice in Advice), "failure")},
    ),
    Metric(
        "advisor_calls_total",
        Counter,
        "Requests to advisors outside, by how they ended.",
        {"outcome": (*CALL_OUTCOMES, OTHER)},
    ),
    Metric(
        "advisor_tokens_total", Counter, "Tokens paid for.", {"direction": ("input", "output")}
    ),
    Metric("advisor_cost_usd_total", Counter, "Dollars that advisors outside have cost."),
    Metric("traces_dropped_total", Counter, "Traces that no collector took."),
    Metric(
        "advisor_latency_seconds", Histogram, "From question to opinion.", _ROLES, buckets=_LONG
    ),
    Metric("memory_latency_seconds", Histogram, "From question to recall.", buckets=_SHORT),
    Metric(
        "bar_to_order_seconds",
        Histogram,
        "From a closed bar to the bytes of its entry.",
        buckets=_LONG,
    ),
    Metric(
        "unprotected_seconds",
        Histogram,
        "Each time that a position was without confirmed protection.",
        buckets=(*_LONG, 30.0, 60.0, 300.0),
    ),
    Metric("journal_commit_seconds", Histogram, "A durable record.", buckets=_SHORT),
    Metric("loop_lag_seconds", Histogram, "How late a timer came.", buckets=_SHORT),
    Metric("mode", Gauge, "1 for the mode that holds.", {"mode": tuple(m.value for m in Mode)}),
    Metric("link_up", Gauge, "1 while the broker hears us and has told everything."),
    Metric("position_contracts", Gauge, "Signed contracts held.", {"symbol": tuple(INSTRUMENTS)}),
    Metric("open_cycles", Gauge, "Trades under way, proposals included."),
    Metric("unprotected_cycles", Gauge, "Trades without confirmed protection at this moment."),
    Metric("net_today_usd", Gauge, "Realised since the trading date began, after commissions."),
    Metric("equity_usd", Gauge, "Realised since the journal began, after commissions."),
)


class Metrics:
    """Counts what it is told (`journal.watched.Listener`). Serves nothing until `serve`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._made = {metric.name: _made(metric, self.registry) for metric in METRICS}
        self._words = {metric.name: metric.labels for metric in METRICS}
        self._bars: dict[int, datetime] = {}
        self._bar_of: OrderedDict[str, datetime] = OrderedDict()
        self._cycles: dict[str, TradeCycle] = {}
        self._shown: dict[tuple[str, ...], float] = {}
        self._mode: Mode | None = None
        self._link_up: bool | None = None
        self._day: DayLedger | None = None
        self._day_due = datetime.max.replace(tzinfo=UTC)
        self._server: tuple[WSGIServer, threading.Thread] | None = None

    # What is told

    def recorded(self, record: JournalRecord) -> None:
        """Count one record."""
        count = _COUNTED.get(type(record.event))
        if count is not None:
            count(self, record)
        for command in record.commands:
            self._count_command(command)

    def looked(self, state: TraderState, at: datetime) -> None:
        """Take what only the state shows."""
        if state.cycles is not self._cycles:
            self._compare(state, at)
        if state.mode is not self._mode:
            self._mode = state.mode
            for mode in Mode:
                self._gauge("mode", float(state.mode is mode), mode=mode.value)
        if state.link.up is not self._link_up:
            self._link_up = state.link.up
            self._gauge("link_up", float(state.link.up))
        if state.day is not self._day or at >= self._day_due:
            self._day, self._day_due = state.day, at + DAY_LOOKED_AT_EVERY
            self._gauge("net_today_usd", float(state.ledger(at).realised_usd))
            self._gauge("equity_usd", float(state.equity_usd))

    def committed(self, seconds: float) -> None:
        """Take how long a durable record took."""
        self._observe("journal_commit_seconds", seconds)

    def lagged(self, seconds: float) -> None:
        """Take how late a timer came."""
        self._observe("loop_lag_seconds", seconds)

    def dropped(self, traces: int) -> None:
        """Take how many traces were lost."""
        self._count("traces_dropped_total", traces)

    # What is shown

    def text(self) -> str:
        """Return everything in the exposition format."""
        return generate_latest(self.registry).decode()

    def value(self, name: str, **labels: str) -> float | None:
        """Return one sample by its full name, `None` if there is none."""
        return self.registry.get_sample_value(name, labels)

    def serve(self, port: int) -> int:
        """Answer scrapes on the loopback address, from a thread; returns the port.

        0 takes any free one. Raises `BadInput` when the port cannot be had.
        """
        try:
            self._server = start_http_server(port, addr=HOST, registry=self.registry)
        except OSError as error:
            raise BadInput(
                f"telemetry.prometheus_port: {HOST}:{port} cannot be had ({error.strerror}):"
                " choose another port"
            ) from None
        return int(self._server[0].server_port)

    def close(self) -> None:
        """Answer no more scrapes."""
        if self._server is not None:
            server, thread = self._server
            self._server = None
            server.shutdown()
            server.server_close()
            thread.join()

    # Counting

    def count_bar(self, record: JournalRecord) -> None:
        """Remember when a bar came."""
        if isinstance(record.event, events.BarClosed):
            self._bars[record.event.con_id] = record.at

    def count_signal(self, record: JournalRecord) -> None:
        """Count a proposal, and remember the bar it came from."""
        if isinstance(record.event, events.SignalRaised):
            self._count("signals_total")
            began = self._bars.get(record.event.con_id, record.at)
            self._bar_of[record.event.cycle_id] = began
            if len(self._bar_of) > WAITING_MAX:
                self._bar_of.popitem(last=False)

    def count_advice(self, record: JournalRecord) -> None:
        """Count opinions and take their latency, and the memory's."""
        if not isinstance(record.event, events.AdviceGiven):
            return
        for opinion in record.event.opinions:
            said = "failure" if opinion.failure else opinion.decision.value
            self._count("advice_total", role=opinion.role.value, decision=said)
            latency_s = opinion.latency_ms / 1000
            self._observe("advisor_latency_seconds", latency_s, role=opinion.role.value)
        recall = record.event.recall
        if recall is not None:
            self._observe("memory_latency_seconds", recall.latency_ms / 1000)

    def count_call(self, record: JournalRecord) -> None:
        """Count a request to an advisor outside, and what it cost."""
        if not isinstance(record.event, events.AdvisorCalled):
            return
        call = record.event.call
        self._count("advisor_calls_total", outcome=call.outcome)
        self._count("advisor_tokens_total", call.tokens_in or 0, direction="input")
        self._count("advisor_tokens_total", call.tokens_out or 0, direction="output")
        self._count("advisor_cost_usd_total", float(call.cost_usd or 0))

    def count_written(self, record: JournalRecord) -> None:
        """Count an order's bytes; the first of an entry end the way from its bar."""
        if not isinstance(record.event, events.OrderWritten):
            return
        self._count("orders_written_total", action=record.event.action)
        parts = parse_ref(record.event.ref)
        if parts is None or parts.role is not Role.ENTRY:
            return
        began = self._bar_of.pop(parts.cycle_id, None)
        if began is not None:
            self._observe("bar_to_order_seconds", (record.at - began) / _SECOND)

    def count_unwritten(self, record: JournalRecord) -> None:
        """Count an order that was stopped at the last check."""
        if isinstance(record.event, events.OrderNotWritten):
            self._count("orders_not_written_total", code=record.event.code)

    def _count_command(self, command: AnyCommand) -> None:
        match command:
            case RaiseAlert():
                self._count("alerts_total", level=command.level.value)
                if command.code == HALTED_CODE:
                    self._count("halts_total")
            case commands.PlaceBracket():
                self._count("entries_total")
            case commands.PlaceEmergencyStop():
                self._count("emergency_stops_total")
            case _:
                pass

    def _compare(self, state: TraderState, at: datetime) -> None:
        """Compare the cycles with their last versions."""
        final = {cycle.cycle_id: cycle for cycle in state.finished}
        for cycle_id, was in self._cycles.items():
            now = state.cycles.get(cycle_id) or final.get(cycle_id)
            if now is not None and now is not was:
                self._count("executions_total", len(now.fills) - len(was.fills))
                if was.naked_since is not None and now.naked_since != was.naked_since:
                    self._observe("unprotected_seconds", (at - was.naked_since) / _SECOND)
        for cycle in final.values():
            self._count_end(cycle)
        self._cycles = state.cycles
        self._gauge("open_cycles", len(state.cycles))
        naked = sum(cycle.naked_since is not None for cycle in state.cycles.values())
        self._gauge("unprotected_cycles", naked)
        held: dict[str, int] = dict.fromkeys(INSTRUMENTS, 0)
        for con_id, contract in state.contracts.items():
            symbol = contract.instrument.symbol
            held[symbol] = held.get(symbol, 0) + state.position(con_id).booked
        for symbol, contracts in held.items():
            self._gauge("position_contracts", contracts, symbol=symbol)

    def _count_end(self, cycle: TradeCycle) -> None:
        if cycle.phase is Phase.REFUSED:
            # Whoever withdraws a proposal before the guards were asked has changed the mode.
            self._count("refusals_total", code=(*cycle.reason_codes, "MODE")[0])
        elif cycle.phase is Phase.ABORTED:
            self._count("entries_aborted_total")
        elif cycle.phase is Phase.CLOSED:
            reason = OTHER if cycle.exit_reason is None else cycle.exit_reason.value
            self._count("exits_total", reason=reason)

    # The library's own

    def _count(self, name: str, amount: float = 1, **labels: str) -> None:
        if amount > 0:
            self._of(name, labels).inc(amount)

    def _observe(self, name: str, seconds: float, **labels: str) -> None:
        if 0 <= seconds < SECONDS_MAX:
            self._of(name, labels).observe(seconds)

    def _gauge(self, name: str, value: float, **labels: str) -> None:
        key = (name, *labels.values())
        if self._shown.get(key) != value:
            self._shown[key] = value
            self._of(name, labels).set(value)

    def _of(self, name: str, labels: Mapping[str, str]) -> Any:  # noqa: ANN401 - of three kinds
        made = self._made[name]
        if not labels:
            return made
        words = self._words[name]
        return made.labels(**{key: known(word, words[key]) for key, word in labels.items()})


HALTED_CODE: Final = f"MODE_{Mode.HALT}"
SECONDS_MAX: Final = 86_400.0
"""A day; a latency beyond it, or one that is no number, is nonsense."""

_COUNTED: Final = {
    events.BarClosed: Metrics.count_bar,
    events.SignalRaised: Metrics.count_signal,
    events.AdviceGiven: Metrics.count_advice,
    events.AdvisorCalled: Metrics.count_call,
    events.OrderWritten: Metrics.count_written,
    events.OrderNotWritten: Metrics.count_unwritten,
}


def _made(metric: Metric, registry: CollectorRegistry) -> Any:  # noqa: ANN401 - of three kinds
    """Make a metric of the library with every series that it can ever have."""
    more = {"buckets": metric.buckets} if metric.buckets else {}
    labels = tuple(metric.labels)
    made = metric.kind(
        metric.name, metric.help, labels, namespace="mytrader", registry=registry, **more
    )
    for words in product(*metric.labels.values()) if labels else ():
        made.labels(*words)
    return made


def metrics_table() -> str:
    """Return every metric as a table in Markdown, for the documentation."""
    rows = ["| metric | kind | labels | what it says |", "| --- | --- | --- | --- |"]
    for metric in METRICS:
        labels = ", ".join(f"`{name}` ({len(words)})" for name, words in metric.labels.items())
        kind = metric.kind.__name__.lower()
        rows.append(f"| `mytrader_{metric.name}` | {kind} | {labels} | {metric.help} |")
    return "\n".join(rows)
