"""What permission costs: every entry guard, and the exit rule alone, with ten working orders.

Usage: python benchmarks/guards.py [--calls N] [--json]

Each call is timed on its own and a plain function call beside it, so that the clock's own share
is visible; how many plain calls a row costs is the figure that another machine can be compared
with. The targets are the medians of a release: 20 µs for a whole entry, 5 µs for the rule. Rows
"with a past" have 10,000 finished cycles and as many fills of other people behind them. Beside
them stands the risk check of nautilus_trader, where that is installed.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec.structs import replace
from peers import nautilus

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Signal
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import ES, MES, FuturesContract
from mytrader.domain.known import Known
from mytrader.domain.limits import Limits
from mytrader.domain.margin import Margin
from mytrader.domain.market import Quote
from mytrader.domain.orders import OrderLife, Side, TrackedOrder
from mytrader.domain.positions import PositionView
from mytrader.domain.trader import ClosedCycle, DayLedger, LinkState, Mode, TraderState
from mytrader.execution.entry_guards import Proposal
from mytrader.execution.guards import approve_entry, approve_exit, exit_rule_holds
from mytrader.execution.order_builder import build_bracket, exit_order

NOW: Final = datetime(2025, 11, 20, 16, tzinfo=UTC)
SESSION: Final = (NOW - timedelta(hours=17), NOW + timedelta(hours=6))
PRICES: Final = (Decimal(6700), Decimal(6695), Decimal(6710))
OPEN_LOTS: Final = 5
PAST: Final = 10_000
ENTRY: Final = "entry: all guards"
RULE: Final = "exit rule"


class Timing(NamedTuple):
    """What one call costs, microseconds."""

    name: str
    median_us: float
    p99_us: float
    target_us: float | None


def cycle(cycle_id: str, con_id: int, *, phase: Phase, quantity: int) -> TradeCycle:
    """Return a long proposal that every guard lets pass."""
    signal = Signal("ema-cross", Side.BUY, 0.8, *PRICES, {"atr": 1.5}, "crossed")
    opinion = Opinion("local", AdvisorRole.DECISION, Advice.GO, "calm", 0.8)
    return TradeCycle(
        cycle_id=cycle_id.rjust(26, "0"),
        con_id=con_id,
        symbol="ES",
        phase=phase,
        side=Side.BUY,
        signal=signal,
        proposed_at=NOW,
        quantity=quantity,
        confidence=0.8,
        opinions=(opinion,),
        stop=26_780,
        margin=Known(Margin(Decimal(20_000), Decimal(1_000_000))),
    )


def trader() -> tuple[TraderState, Proposal]:
    """Return a trader with ten orders of an open cycle in MES, and a proposal in ES."""
    contracts = {
        1: FuturesContract(1, ES, "ESZ5", date(2025, 12, 19)),
        2: FuturesContract(2, MES, "MESZ5", date(2025, 12, 19)),
    }
    quote = Quote(NOW, 26_799, 26_800, 26_800)
    limits = Limits(order_size_max=10, position_size_max=10)
    held = cycle("2", 2, phase=Phase.OPEN, quantity=OPEN_LOTS)
    bracket = build_bracket(held, MES, quote=quote, limits=limits)
    if isinstance(bracket, str):
        raise SystemExit(bracket)
    orders = {
        spec.ref: TrackedOrder(
            spec, OrderLife.WORKING, perm_ids=(number,), filled=int(number == 1)
        )
        for number, spec in enumerate((spec for lot in bracket.lots for spec in lot), 1)
    }
    entry = bracket.lots[0][0]
    fill = Execution("1.1", entry.ref, 1, 1, 2, Side.BUY, 1, 26_800, NOW)
    held.orders.update(orders)
    open_ = TradeCycle(
        **{f: getattr(held, f) for f in held.__struct_fields__} | {"fills": (fill,)}
    )
    mine = cycle("1", 1, phase=Phase.PROPOSED, quantity=1)
    state = TraderState(
        limits=limits,
        mode=Mode.NORMAL,
        link=LinkState(up=True),
        contracts=contracts,
        sessions={1: (SESSION,), 2: (SESSION,)},
        quotes={1: quote, 2: quote},
        positions={1: PositionView(1, 0, confirmed=True), 2: PositionView(2, 1, confirmed=True)},
        cycles={one.cycle_id: one for one in (open_, mine)},
        day=DayLedger(on=NOW.date()),
        newest_at=NOW,
        bars={1: NOW, 2: NOW},
        settlements={1: 26_700, 2: 26_700},
    )
    own = build_bracket(mine, ES, quote=quote, limits=limits)
    return state, Proposal(mine, contracts[1], own)


def with_a_past(state: TraderState) -> TraderState:
    """Return the trader with many finished cycles and other people's fills behind it."""
    return replace(
        state,
        closed={
            str(number).rjust(26, "0"): ClosedCycle(NOW, frozenset({f"{number}.1", f"{number}.2"}))
            for number in range(PAST, 2 * PAST)
        },
        foreign_executions=frozenset(f"other.{number}.1" for number in range(PAST)),
    )


def plain() -> None:
    """Stand for the price of any call."""


def timed(
    name: str, call: Callable[[], object], *, calls: int, target_us: float | None = None
) -> Timing:
    """Return the median and the 99th percentile of single calls."""
    clock = time.perf_counter_ns
    took = []
    for _number in range(calls):
        began = clock()
        call()
        took.append(clock() - began)
    took.sort()
    return Timing(name, took[calls // 2] / 1e3, took[calls * 99 // 100] / 1e3, target_us)


def measure(calls: int) -> list[Timing]:
    """Time a plain call, every entry guard, the exit rule alone and a whole exit."""
    state, proposal = trader()
    held = next(one for one in state.cycles.values() if one.fills)
    answer, verdicts = approve_entry(proposal, state, now=NOW)
    if not answer or not exit_rule_holds(state, 2):
        raise SystemExit(f"the sample is refused: {[v for v in verdicts if not v.approved]}")
    quote = state.quotes[2]
    spec = exit_order(held, 1, quantity=1, quote=quote, limits=state.limits)
    if spec is None:
        raise SystemExit("the sample has no price to exit at")
    past = with_a_past(state)
    gc.disable()
    found = [
        timed("a plain call", plain, calls=calls),
        timed(
            ENTRY,
            lambda: approve_entry(proposal, state, now=NOW),
            calls=calls,
            target_us=20,
        ),
        timed(
            f"{ENTRY}, with a past", lambda: approve_entry(proposal, past, now=NOW), calls=calls
        ),
        timed(RULE, lambda: exit_rule_holds(state, 2), calls=calls, target_us=5),
        timed(f"{RULE}, with a past", lambda: exit_rule_holds(past, 2), calls=calls),
        timed("exit: refused beside its stop", lambda: approve_exit(state, spec), calls=calls),
    ]
    if nautilus.INSTALLED:
        for account in ("margin", "cash"):
            name = f"nautilus_trader, {account} account"
            found.append(timed(name, nautilus.check(account), calls=calls))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What permission costs, with ten orders")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.calls)
    if given.json:
        print(json.dumps([timing._asdict() for timing in found]))
        return
    print(f"{'':32} {'median µs':>10} {'p99 µs':>10} {'target µs':>10} {'plain calls':>12}")
    for one in found:
        target = "" if one.target_us is None else f"{one.target_us:g}"
        ratio = one.median_us / found[0].median_us
        print(f"{one.name:32} {one.median_us:10.2f} {one.p99_us:10.2f} {target:>10} {ratio:12.0f}")
    if not nautilus.INSTALLED:
        print("nautilus_trader is not installed: its risk check is not measured beside these")


if __name__ == "__main__":
    main()
