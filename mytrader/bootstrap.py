"""Joins ports to adapters: the one place that knows both. It contains no decisions."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from mytrader import __version__
from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
from mytrader.advisors.panel import Panel, Seat
from mytrader.config import config_hash
from mytrader.domain import events
from mytrader.domain.decision import Signal
from mytrader.domain.instrument import INSTRUMENTS, FuturesContract, Instrument
from mytrader.domain.market import Bar
from mytrader.errors import BadInput, BrokerFault
from mytrader.execution.ib_executor import CLIENT_MODULES, Endpoint, IBExecutor
from mytrader.execution.live_trading_manager import LiveTradingManager, Observer
from mytrader.journal.codec import Opening
from mytrader.journal.writer import JournalWriter
from mytrader.ports import Runtime
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.settings import Settings, to_limits
from mytrader.signals.features import FeatureEngine
from mytrader.signals.strategy import Strategy, create_strategy
from mytrader.simulator.bar_files import BarFile
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual

LOGIC_VERSION: Final = 1
"""Goes up when the same events lead to other commands on purpose."""

LEAD_IN: Final = timedelta(seconds=30)
"""Simulated time between the start and the first bar, for connecting."""

SETTLE: Final = timedelta(minutes=1)
"""Simulated time after the last tick, for the last reports to arrive."""

IN_MEMORY: Final = ("127.0.0.1", 4002)


class Plan(Struct, frozen=True):
    """One run of the trader. `market` is what the embedded gateway plays."""

    settings: Settings
    symbol: str
    strategy: str
    journal: Path
    seed: int
    market: BarFile
    faults: Faults = Faults()


class Outcome(Struct, frozen=True):
    """How a run ended; `broker_cash_change_usd` is the broker's own account figure, if known."""

    book: CycleBook
    mode: str
    mode_why: str
    head_hash: str
    position_open: int
    simulated: timedelta
    broker_cash_change_usd: str | None


class Proposer:
    """Feeds each contract's bars to its features and its strategy."""

    def __init__(self, strategy: str) -> None:
        self._strategy_name = strategy
        self._engines: dict[int, tuple[FeatureEngine, Strategy]] = {}

    def prepare(self, con_id: int, instrument: Instrument, history: Sequence[Bar]) -> None:
        """Warm a contract up with the bars before now; what they propose is the past."""
        strategy = create_strategy(self._strategy_name, instrument)
        engine, strategy = self._engines.setdefault(con_id, (FeatureEngine(), strategy))
        for bar in history:
            strategy.on_bar(bar, engine.update(bar))

    def propose(self, con_id: int, bar: Bar) -> Signal | None:
        """Return what the strategy makes of a closed bar."""
        engine, strategy = self._engines[con_id]
        return strategy.on_bar(bar, engine.update(bar))


class Trader:
    """A manager with everything it needs around it."""

    def __init__(
        self, plan: Plan, endpoint: Endpoint, runtime: Runtime, *, observers: Sequence[Observer]
    ) -> None:
        self._plan = plan
        self._runtime = runtime
        self.book = CycleBook()
        self.journal = JournalWriter(plan.journal, at=runtime.now(), opening=_opening(plan))
        state = fold(self.journal.read(), self.book)
        self.executor = IBExecutor(endpoint, runtime=runtime)
        self._proposer = Proposer(plan.strategy)
        self.manager = LiveTradingManager(
            state,
            broker=self.executor,
            journal=self.journal,
            runtime=runtime,
            panel=_panel(runtime, plan.settings),
            propose=self._proposer.propose,
        )
        self.manager.observe(self.book)
        for observer in observers:
            self.manager.observe(observer)

    async def start(self) -> None:
        """Connect, synchronise, warm up, and let the market in; raises `BrokerFault`."""
        settings = self._plan.settings
        self.manager.handle(events.TraderStarted(to_limits(settings)))
        await self.executor.connect()
        con_id, history = await self.executor.open_market(
            self._plan.symbol, roll_days=settings.trading.roll_days_before_expiry
        )
        self._proposer.prepare(con_id, INSTRUMENTS[self._plan.symbol], history)
        self.executor.announce()

    def stop(self) -> None:
        """Leave the broker and close the record; orders stay where they are."""
        self.manager.stop()
        self.executor.close()
        self.journal.close()

    def outcome(self, started_at: datetime, cash_before: str | None) -> Outcome:
        """Sum the run up."""
        del cash_before
        state = self.manager.state
        cash = self.executor.account_value("TotalCashValue")
        return Outcome(
            book=self.book,
            mode=state.mode,
            mode_why=state.mode_why,
            head_hash=self.journal.head_hash,
            position_open=sum(view.booked for view in state.positions.values()),
            simulated=self._runtime.now() - started_at,
            broker_cash_change_usd=None if cash is None else str(cash),
        )


def _opening(plan: Plan) -> Opening:
    return Opening(
        logic_version=LOGIC_VERSION,
        package_version=__version__,
        config_hash=config_hash(plan.settings),
        run={"symbol": plan.symbol, "strategy": plan.strategy, "seed": plan.seed},
    )


def _panel(runtime: Runtime, settings: Settings) -> Panel:
    advisors = (LocalDecisionAdvisor(), LocalRiskAdvisor())
    seats = [Seat(advisor.name, advisor.role, advisor) for advisor in advisors]
    return Panel(seats, runtime, deadline=settings.aws_agents.timeout)
