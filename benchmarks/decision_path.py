"""From a bar to the bytes of its order: the whole decision, advisors excluded.

Usage: python benchmarks/decision_path.py [--decisions N] [--folder DIR] [--json]

A real manager with the real client, connected to the simulated gateway inside the process. A bar
closes, the reference strategy's features are computed and a signal is raised, margin and advice
are there at once, guards judge, and the bracket's bytes are handed to the socket. Measured is the
time inside `handle` until the bytes are out: of the bar, of the margin, of the advice. What the
advisors and the broker take to answer is theirs and left out.

With the durable commit every record is on the disk before what follows from it; without it the
same records are kept in memory. Beside both, in the same run, a bare `ib_async` client places the
same two orders: that is the least a bracket can take. The collector is frozen as in a live run;
"python's own" shows what it does otherwise.
"""

import argparse
import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from mytrader import logs
from mytrader.bootstrap import CLIENT_CLOCKS, Parts, Plan, Trader
from mytrader.domain import events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Advice, AdvisorRole, Counsel, Opinion, Question, Signal
from mytrader.domain.events import AnyEvent
from mytrader.domain.instrument import ES, Instrument
from mytrader.domain.known import Known
from mytrader.domain.margin import Margin
from mytrader.domain.market import Bar, Quote
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.execution.ib_executor import IBExecutor
from mytrader.ports import Journal, JournalRecord
from mytrader.settings import Settings
from mytrader.signals.features import Features
from mytrader.signals.strategies.ema_cross import EmaCross
from mytrader.simulator.gateway import SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual

BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)
PRICE: Final = 27_600
VOLUME: Final = 500
"""Of a usual minute; one with more is one on which to decide."""
GOAL_MS: Final = 1.0
SAID: Final = tuple(Opinion(role, role, Advice.GO, "-", confidence=0.9) for role in AdvisorRole)
AMPLE: Final = Known(Margin(Decimal(28_000), Decimal(1_000_000)))


class Forgetful:
    """A journal that commits nothing: the same records, in memory."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def append(
        self, at: datetime, event: AnyEvent, commands: Sequence[AnyCommand], *, durable: bool
    ) -> int:
        """Keep the record for later."""
        del durable
        return self._journal.append(at, event, commands, durable=False)

    def read(self) -> Iterator[JournalRecord]:
        """See `ports.Journal`."""
        return self._journal.read()

    def close(self) -> None:
        """See `ports.Journal`."""
        self._journal.close()


class Silent:
    """A panel that is never heard: the benchmark gives the advice itself."""

    async def ask(self, question: Question) -> Counsel:
        """Wait for ever."""
        del question
        await asyncio.get_running_loop().create_future()
        return Counsel(())


class Always:
    """The reference strategy's work on every bar, and a signal in any case."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._cross = EmaCross.create(instrument, {})

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """Propose a long trade on a busy minute."""
        self._cross.on_bar(bar, features)
        if bar.volume <= VOLUME:
            return None
        price = self._instrument.price
        return Signal(
            strategy="always",
            side=Side.BUY,
            confidence=0.9,
            entry=price(bar.close),
            stop=price(bar.close - 20),
            target=price(bar.close + 40),
            features=features.numbers(),
            reason="measured",
        )


def bars(first: datetime, count: int) -> list[Bar]:
    """Return a market that stands still."""
    return [
        Bar(first + timedelta(minutes=n), PRICE, PRICE + 2, PRICE - 2, PRICE, VOLUME)
        for n in range(count)
    ]


class Desk:
    """A trader that is connected, flat and ready; every decision begins from the same state."""

    def __init__(self, loop: VirtualLoop, folder: Path, *, durable: bool) -> None:
        self.runtime = VirtualRuntime(loop, lambda *_: None, seed=1)
        contract = front_month(ES, BEGIN.date())
        market = SimulatedMarket(
            contract, bar_ticks(bars(BEGIN, 600)), bars(BEGIN - timedelta(minutes=300), 300)
        )
        gateway = SimulatedGateway([market], self.runtime)
        plan = Plan(Settings(), ("ES",), "ema-cross", folder / "x.journal", seed=1)
        loop.serve(plan.host, plan.port, protocol_factory=gateway.protocol_factory)
        self.trader = Trader(plan, self.runtime, parts=Parts(strategy=Always, seats=()))
        self.con_id = contract.con_id
        manager: Any = self.trader.manager
        manager._panel = Silent()
        if not durable:
            manager._journal = Forgetful(manager._journal)

    async def ready(self) -> TraderState:
        """Connect and wait until an entry is possible."""
        await self.trader.connect()
        self.trader.begin()
        await asyncio.sleep(90)
        client: Any = self.trader.executor._ib.client
        # The client would hold messages back beyond 45 a second, and here no time passes.
        client.MaxRequests = 0
        return self.trader.manager.state

    def decide(self, number: int) -> float:
        """Make one decision and return the seconds until its bytes were out."""
        manager = self.trader.manager
        now = self.runtime.now()
        at = now.replace(second=0, microsecond=0) + timedelta(minutes=1 + number)
        bar = Bar(at, PRICE, PRICE + 2, PRICE - 2, PRICE, VOLUME + 1)
        manager.handle(events.QuoteSeen(self.con_id, Quote(now, PRICE, PRICE + 1, PRICE)))
        before = set(manager.state.cycles)
        began = time.perf_counter()
        manager.handle(events.BarClosed(self.con_id, bar))
        (cycle_id,) = set(manager.state.cycles) - before
        manager.handle(events.MarginStated(cycle_id, AMPLE))
        manager.handle(events.AdviceGiven(cycle_id, SAID))
        took = time.perf_counter() - began
        cycle = manager.state.cycles.get(cycle_id) or manager.state.finished[-1]
        if not cycle.orders:
            raise SystemExit(f"the decision was refused: {', '.join(cycle.reason_codes)}")
        return took


def bare(executor: IBExecutor, con_id: int, number: int) -> float:
    """Place an entry with its stop through the client alone; return the seconds it took."""
    client: Any = executor._ib.client
    make_order = executor._writer._make_order
    contract = executor._market.stated[con_id]
    began = time.perf_counter()
    parent = 0
    for kind, side in (("LMT", "BUY"), ("STP LMT", "SELL")):
        order_id = client.getReqId()
        order = make_order(
            orderId=order_id,
            parentId=parent,
            action=side,
            orderType=kind,
            totalQuantity=1,
            lmtPrice=6900.0,
            auxPrice=6890.0 if parent else 0.0,
            tif="GTC",
            outsideRth=True,
            transmit=bool(parent),
            orderRef=f"bench/{number}",
        )
        client.placeOrder(order_id, contract, order)
        parent = order_id
    return time.perf_counter() - began


@contextmanager
def frozen() -> Iterator[None]:
    """Freeze the collector, as a live run does after its start."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def measure(decisions: int, folder: Path, *, durable: bool) -> dict[str, list[float]]:
    """Return the seconds of every decision and of every bare bracket."""
    took: dict[str, list[float]] = {"decision": [], "bare": []}

    async def main(loop: VirtualLoop) -> None:
        desk = Desk(loop, folder, durable=durable)
        state = await desk.ready()
        for number in range(decisions):
            took["decision"].append(desk.decide(number))
            desk.trader.manager.state = state
            took["bare"].append(bare(desk.trader.executor, desk.con_id, number))
        desk.trader.manager.stop()
        desk.trader.journal.close()

    run_virtual(main, epoch=BEGIN - timedelta(seconds=30), modules=CLIENT_CLOCKS)
    return took


def told(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and worst, milliseconds."""
    cuts = quantiles(seconds, n=100)
    return {
        "p50_ms": round(1e3 * cuts[49], 3),
        "p99_ms": round(1e3 * cuts[98], 3),
        "worst_ms": round(1e3 * max(seconds), 3),
    }


def results(decisions: int, folder: Path) -> dict[str, dict[str, float]]:
    """Measure all variants one after the other in this process."""
    found: dict[str, dict[str, float]] = {}

    def one(name: str, *, durable: bool) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            took = measure(decisions, Path(fresh), durable=durable)
        found[name] = told(took["decision"])
        found[name]["times_bare"] = round(found[name]["p50_ms"] / told(took["bare"])["p50_ms"], 1)
        found.setdefault("bare ib_async bracket", told(took["bare"]))

    with frozen():
        one("with the durable commit", durable=True)
        one("without it", durable=False)
    one("with it, python's own collector", durable=True)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=400)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    logs.set_up(verbose=False)
    found = results(asked.decisions, asked.folder)
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'bar in to bytes out, ms':34}{'p50':>9}{'p99':>9}{'worst':>9}{'x bare':>8}")
    for name, row in found.items():
        times = f"{row['times_bare']:8.1f}" if "times_bare" in row else ""
        print(f"{name:34}{row['p50_ms']:9.3f}{row['p99_ms']:9.3f}{row['worst_ms']:9.3f}{times}")
    reached = found["with the durable commit"]["p50_ms"] < GOAL_MS
    print(f"goal: p50 under {GOAL_MS:g} ms with the commit: {'reached' if reached else 'missed'}")


if __name__ == "__main__":
    main()
