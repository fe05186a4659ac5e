"""What watching costs the loop: microseconds per event, beside `step` on the same events.

Usage: python benchmarks/telemetry_overhead.py [--journal FILE] [--repeats N] [--json]

The events are those of a journal, or of a made trade that is held for hours. `step` is timed over
all of them, then the observer of a watched journal: its histories alone (traces), its metrics
alone, both. Quotes that led to nothing pass it by, as they do live. The ratio is to `step` in the
same run, so that a slow machine slows both. Handing a finished trace to the exporter's thread is
measured apart: it happens once for each cycle.
"""

import argparse
import gc
import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Final

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent, QuoteSeen
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import step
from mytrader.journal.cycle_histories import CycleHistories, CycleHistory
from mytrader.journal.metrics import Metrics
from mytrader.journal.reader import JournalReader
from mytrader.journal.telemetry import trace_of
from mytrader.journal.watched import Listener, WatchedJournal
from mytrader.ports import JournalRecord
from tests.playbook import ENTRY
from tests.trace_samples import Tape

HELD_S: Final = 7200
Told = list[tuple[datetime, AnyEvent, list[AnyCommand], TraderState]]


class NoJournal:
    """Keeps nothing: what is measured is the watching, not a disk."""

    def append(
        self, at: datetime, event: AnyEvent, commands: Sequence[AnyCommand], *, durable: bool
    ) -> int:
        """Return a number."""
        del at, event, commands, durable
        return 1

    def read(self) -> Iterator[JournalRecord]:
        """Yield nothing."""
        return iter(())

    def close(self) -> None:
        """Do nothing."""


def stepped(records: Sequence[JournalRecord]) -> tuple[float, Told]:
    """Return the seconds that `step` took over all events, and what they led to."""
    told: Told = []
    state, spent = TraderState(limits=Limits()), 0
    clock = time.perf_counter_ns
    for record in records:
        began = clock()
        state, asked = step(state, record.event, record.at)
        spent += clock() - began
        told.append((record.at, record.event, asked, state))
    return spent / 1e9, told


def watched(told: Told, listeners: Sequence[Listener]) -> float:
    """Return the seconds that a watched journal and its listeners took over the same events."""
    journal = WatchedJournal(NoJournal(), listeners, elapsed_s=time.perf_counter)
    clock, spent = time.perf_counter_ns, 0
    for at, event, asked, state in told:
        durable = bool(asked) or not isinstance(event, QuoteSeen)
        began = clock()
        journal.append(at, event, asked, durable=durable)
        journal.seen(event, asked, state)
        spent += clock() - began
    return spent / 1e9


def a_long_trade() -> Sequence[JournalRecord]:
    """Return a trade that is held for hours while the market moves."""
    tape = Tape().decided().opened()
    for number in range(HELD_S):
        tape.tell(tape.quote(ENTRY - 3 + number % 5), later_ms=1000)
        if number % 30 == 0:
            tape.tell(tape.status("S1", "PreSubmitted", held="trigger"))
        if number % 60 == 0:
            tape.tell(tape.bar())
    return tape.stopped().records


def measured(records: Sequence[JournalRecord], repeats: int) -> dict[str, float]:
    """Return the medians over some rounds, microseconds per event and ratios to `step`."""
    ended: list[CycleHistory] = []
    rounds: dict[str, list[float]] = {"step": [], "traces": [], "metrics": [], "both": []}
    for _ in range(repeats):
        gc.collect()
        ended.clear()
        seconds, told = stepped(records)
        rounds["step"].append(seconds)
        rounds["traces"].append(watched(told, [CycleHistories(ended.append)]))
        rounds["metrics"].append(watched(told, [Metrics()]))
        rounds["both"].append(watched(told, [CycleHistories(lambda _: None), Metrics()]))
    found = {"events": float(len(records)), "cycles": float(len(ended))}
    for name, times in rounds.items():
        found[f"{name}_us"] = round(median(times) / len(records) * 1e6, 2)
    for name in ("traces", "metrics", "both"):
        found[f"{name}_of_step"] = round(found[f"{name}_us"] / found["step_us"], 2)
    began = time.perf_counter()
    for history in ended:
        trace_of(history)
    found["trace_ms"] = round((time.perf_counter() - began) / max(len(ended), 1) * 1e3, 2)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What telemetry costs the loop")
    parser.add_argument("--journal", type=Path, help="default: a made trade, held for hours")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    records: Sequence[JournalRecord] = a_long_trade()
    if given.journal is not None:
        with JournalReader(given.journal) as reader:
            records = list(reader.read())
    gc.freeze()
    found = measured(records, given.repeats)
    if given.json:
        print(json.dumps(found))
        return
    print(f"{found['events']:.0f} events, {found['cycles']:.0f} cycles ended")
    print(f"{'':10} {'µs per event':>14} {'of step':>10}")
    print(f"{'step':10} {found['step_us']:14.2f} {1.0:10.2f}")
    for name in ("traces", "metrics", "both"):
        print(f"{name:10} {found[f'{name}_us']:14.2f} {found[f'{name}_of_step']:10.2f}")
    print(f"a trace is made in {found['trace_ms']} ms, in the exporter's thread")


if __name__ == "__main__":
    main()
