"""How long one event takes in `step`: median and 99th percentile, beside a plain function call.

Usage: python benchmarks/step.py [--events N] [--json]

Each call starts from the same state, so that what is measured does not change underway. The
clock's own cost is in every figure: the plain call shows how much that is.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from statistics import quantiles

from mytrader.domain import events
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Signal
from mytrader.domain.events import AnyEvent, Book
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known
from mytrader.domain.limits import Limits
from mytrader.domain.margin import Margin
from mytrader.domain.market import Quote
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import step

NOON = datetime(2025, 11, 12, 18, tzinfo=UTC)
SESSION = (datetime(2025, 11, 11, 23, tzinfo=UTC), datetime(2025, 11, 12, 22, tzinfo=UTC))
CON_ID = 495512563
CYCLE = "01JCXW5M7Q0000000000000000"
ENTRY, STOP = (f"mt/{CYCLE}/{name}" for name in ("E1", "S1"))
QUOTE = events.QuoteSeen(CON_ID, Quote(NOON, 27_199, 27_200, 27_199))
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
        "status of a working stop": (step, held, STATUS),
        "execution of an entry": (step, working, FILL),
    }
    found = {
        name: measured(work, state, event=event, count=given.events)
        for name, (work, state, event) in cases.items()
    }
    if given.json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name:26} median {figures['median_us']:7} us   p99 {figures['p99_us']:7} us")


if __name__ == "__main__":
    main()
