"""How long one event takes in `step`: median and 99th percentile, beside a plain function call.

Usage: python benchmarks/step.py [--events N] [--json]

Each call starts from the same state, so that what is measured does not change underway. The
clock's own cost is in every figure: the plain call shows how much that is. The target is the
median of a release, for a quote. "With a past" is the same state after 10,000 finished cycles and
as many fills of other people: a day's length must cost nothing.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from statistics import quantiles
from typing import Final

from msgspec.structs import replace

from mytrader.domain import events
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Signal
from mytrader.domain.events import AnyEvent, Book
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known
from mytrader.domain.limits import Limits
from mytrader.domain.margin import Margin
from mytrader.domain.market import Bar, Quote
from mytrader.domain.orders import Side
from mytrader.domain.trader import ClosedCycle, TraderState
from mytrader.execution.trade_cycle import step

NOON = datetime(2025, 11, 12, 18, tzinfo=UTC)
SESSION = (datetime(2025, 11, 11, 23, tzinfo=UTC), datetime(2025, 11, 12, 22, tzinfo=UTC))
CON_ID = 495512563
CYCLE = "01JCXW5M7Q0000000000000000"
ENTRY, STOP = (f"mt/{CYCLE}/{name}" for name in ("E1", "S1"))
QUOTE = events.QuoteSeen(CON_ID, Quote(NOON, 27_199, 27_200, 27_199))
BAR = events.BarClosed(CON_ID, Bar(NOON, 27_198, 27_201, 27_197, 27_199, 812))
TIME = events.TimeReached()
PAST: Final = 10_000
TARGETS_US: Final = {"quote, no position": 5, "quote, open position": 5}
STATUS = events.StatusReported(STOP, 2, 902, "PreSubmitted", 0, 1, "trigger")
FILL = events.ExecutionReported(
    Execution("0000e0d5.01.01", ENTRY, 1, 901, CON_ID, Side.BUY, 1, 27_200, NOON)
)


def ready() -> TraderState:
    """Return a trader without a position that may trade."""
    contract = events.ContractStated(CON_ID, "ES", "ESZ5", date(2025, 12, 19), (SESSION,))
    return played(
        TraderState(Limits()),
        contract,
        events.LinkChanged(up=True, why="connected"),
        events.BookAnswered(1, Known(Book((), (), ()))),
        events.SettlementStated(CON_ID, 27_000),
        BAR,
        QUOTE,
    )


def entering() -> TraderState:
    """Return the trader with a bracket that works."""
    point = Decimal(1)
    signal = Signal(
        strategy="ema-cross",
        side=Side.BUY,
        confidence=0.8,
        entry=6800 * point,
        stop=6795 * point,
        target=6810 * point,
        features={},
        reason="a benchmark",
    )
    said = tuple(Opinion(role, role, Advice.GO, "-", confidence=0.8) for role in AdvisorRole)
    return played(
        ready(),
        events.SignalRaised(CYCLE, CON_ID, signal),
        events.MarginStated(CYCLE, Known(Margin(Decimal(23_760), Decimal(100_000)))),
        events.AdviceGiven(CYCLE, said),
        events.OrderWritten(ENTRY, 1, "place"),
        events.OrderWritten(STOP, 2, "place"),
        events.StatusReported(ENTRY, 1, 901, "Submitted", 0, 1, ""),
        events.StatusReported(STOP, 2, 902, "PreSubmitted", 0, 1, "child"),
    )


def with_a_past(state: TraderState) -> TraderState:
    """Return the trader with many finished cycles and other people's fills behind it."""
    return replace(
        state,
        closed={
            str(number).rjust(26, "0"): ClosedCycle(
                NOON, frozenset({f"{number}.1", f"{number}.2"})
            )
            for number in range(PAST)
        },
        foreign_executions=frozenset(f"other.{number}.1" for number in range(PAST)),
    )


def played(state: TraderState, *told: AnyEvent) -> TraderState:
    """Return the state after some events."""
    for event in told:
        state, _asked = step(state, event, NOON)
    return state


def nothing(*given: object) -> object:
    """Do nothing, with the arguments of `step`: what a call and the clock cost."""
    return given


Work = Callable[[TraderState, AnyEvent, datetime], object]


def measured(work: Work, state: TraderState, *, event: AnyEvent, count: int) -> dict[str, float]:
    """Return the median and the 99th percentile of one call, microseconds."""
    clock = time.perf_counter_ns
    times = []
    for _number in range(count):
        began = clock()
        work(state, event, NOON)
        times.append(clock() - began)
    cuts = quantiles(times, n=100)
    return {"median_us": round(cuts[49] / 1000, 2), "p99_us": round(cuts[98] / 1000, 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Latency of step()")
    parser.add_argument("--events", type=int, default=50_000, help="per kind of event")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    flat, working, held = ready(), entering(), played(entering(), FILL, STATUS)
    gc.collect()
    gc.freeze()
    cases: dict[str, tuple[Work, TraderState, AnyEvent]] = {
        "a plain call": (nothing, flat, QUOTE),
        "quote, no position": (step, flat, QUOTE),
        "quote, open position": (step, held, QUOTE),
        "quote, with a past": (step, with_a_past(held), QUOTE),
        "bar": (step, held, BAR),
        "status of a working stop": (step, held, STATUS),
        "status, with a past": (step, with_a_past(held), STATUS),
        "execution of an entry": (step, working, FILL),
        "execution, with a past": (step, with_a_past(working), FILL),
        "deadline": (step, held, TIME),
    }
    found = {
        name: measured(work, state, event=event, count=given.events)
        for name, (work, state, event) in cases.items()
    }
    if given.json:
        print(json.dumps(found))
        return
    print(f"{'':26} {'median µs':>10} {'p99 µs':>10} {'target µs':>10} {'plain calls':>12}")
    for name, figures in found.items():
        median, p99, target = figures["median_us"], figures["p99_us"], TARGETS_US.get(name, "")
        ratio = median / found["a plain call"]["median_us"]
        print(f"{name:26} {median:10.2f} {p99:10.2f} {target:>10} {ratio:12.0f}")


if __name__ == "__main__":
    main()
