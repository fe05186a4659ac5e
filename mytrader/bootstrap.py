"""Joins ports to adapters: the one place that knows both. It contains no decisions."""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from mytrader import __version__
from mytrader.advisors.panel import Panel, Seat
from mytrader.alerts.choices import mark_of
from mytrader.beside import STARTED_WITHOUT, Beside
from mytrader.config import config_hash
from mytrader.control.desk import Desk, sign
from mytrader.control.server import Door, open_door
from mytrader.domain import events
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.trader import TraderState
from mytrader.errors import BadInput
from mytrader.execution import LOGIC_VERSION
from mytrader.execution.ib_executor import CLIENT_MODULES, Endpoint, IBExecutor
from mytrader.execution.live_trading_manager import (
    LiveTradingManager,
    Observer,
    proposes_no_more,
)
from mytrader.execution.shadow import ShadowBroker
from mytrader.journal.codec import Opening
from mytrader.journal.reader import JournalReader
from mytrader.journal.writer import JournalWriter
from mytrader.ports import Adviser, Broker, Memory, Runtime
from mytrader.proposer import MakeStrategy, Proposer
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.runtime import SystemRuntime, TaskFailed, monotonic_seconds
from mytrader.settings import Settings, to_limits
from mytrader.signals.strategy import create_strategy

SIMULATED: Final = "simulated"
PAPER: Final = "paper"
"""Where a record's trades were made, as its openings say it."""

CLIENT_CLOCKS: Final = CLIENT_MODULES
"""Modules of the client whose clock virtual time has to rebind."""


class Plan(Struct, frozen=True):
    """One run of the trader, wherever its gateway is.

    `params` are the strategy's, as text or numbers. A `shadow` decides and can send nothing.
    `no_entries` is why nothing may be opened until a person says so, "" where it may. `simulated`
    says that no broker is behind the gateway. `without` is what could not be opened so far.
    """

    settings: Settings
    symbols: tuple[str, ...]
    strategy: str
    journal: Path
    seed: int
    host: str = "127.0.0.1"
    port: int = 4002
    params: dict[str, str] = {}
    shadow: bool = False
    no_entries: str = ""
    simulated: bool = False
    without: tuple[str, ...] = ()


class Outcome(Struct, frozen=True):
    """How a run ended.

    `book` holds what happened in this run, `started_flat` says that no earlier cycle reached into
    it. `cash_change_usd` is the broker's own figure, `None` if it gave none.
    """

    book: CycleBook
    mode: str
    mode_why: str
    head_hash: str
    position_open: int
    started_at: datetime
    ended_at: datetime
    cash_change_usd: Decimal | None
    started_flat: bool
    interrupted: bool


class _TradesOver:
    """Tells the executor whose orders nobody waits for any more."""

    def __init__(self, tell: Callable[[Iterable[str]], None]) -> None:
        self._tell = tell

    def seen(self, event: events.AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """See `execution.live_trading_manager.Observer`."""
        del event, asked
        for cycle in state.finished:
            self._tell(cycle.orders)


def _same(broker: Broker) -> Broker:
    return broker


class Parts(Struct, frozen=True):
    """What a trader is made of, where somebody brings something else: campaigns and their tests.

    `strategy` makes what proposes on a contract; `seats` are the advisors, and with them there is
    nothing beside the line but `memory`; `broker` may stand before the executor.
    """

    strategy: MakeStrategy | None = None
    seats: tuple[Seat, ...] | None = None
    memory: Memory | None = None
    broker: Callable[[Broker], Broker] = _same
    manager: type[LiveTradingManager] = LiveTradingManager
    executor: type[IBExecutor] = IBExecutor


class Trader:
    """A manager with everything it needs around it, on the clock of `runtime`."""

    def __init__(
        self,
        plan: Plan,
        runtime: Runtime,
        *,
        observers: Sequence[Observer] = (),
        parts: Parts = Parts(),  # noqa: B008 - frozen
    ) -> None:
        self.plan = plan
        self.runtime = runtime
        self._started_at = runtime.now()
        self._began = False
        self._door: Door | None = None
        self._cash_before: Decimal | None = None
        self.book = CycleBook()
        _one_kind_of_record(plan)
        self.journal = JournalWriter(plan.journal, at=runtime.now(), opening=_opening(plan))
        self._beside = None if parts.seats is not None else self._open_beside()
        state = self._fold()
        self._started_flat = not state.cycles
        self.executor = parts.executor(_endpoint(plan), runtime=runtime)
        self.executor.numbers.remember(_order_ids(state))
        self._proposer = Proposer(
            parts.strategy or partial(create_strategy, plan.strategy, params=plan.params)
        )
        journal = self.journal if self._beside is None else self._beside.watch(self.journal)
        self.manager = parts.manager(
            state,
            broker=parts.broker(self._shadowed() if plan.shadow else self.executor),
            journal=journal,
            runtime=runtime,
            panel=self._panel(parts),
            propose=self._proposer.propose,
        )
        for missing in plan.without:
            self.tell(RaiseAlert(AlertLevel.WARNING, STARTED_WITHOUT, missing))
        own: tuple[Observer, ...] = (self.book, _TradesOver(self.executor.numbers.finish))
        beside = () if self._beside is None else self._beside.observers(journal)
        for observer in (*own, *beside, *observers):
            self.manager.observe(observer)

    def _open_beside(self) -> Beside:
        return Beside(
            self.plan.settings,
            self.runtime,
            journal=self.plan.journal,
            environ=os.environ,
            mark=mark_of(simulated=self.plan.simulated, shadow=self.plan.shadow),
            noted=lambda cycle_id, call: self.manager.handle(events.AdvisorCalled(cycle_id, call)),
        )

    def _fold(self) -> TraderState:
        """Return the state that the record leads to; what hangs beside the line sees it too."""
        past = CycleBook()
        if self._beside is None:
            return fold(self.journal.read(), past)
        state = fold(self.journal.read(), past, each=self._beside.record)
        self._beside.catch_up(past, open_trade=not is_flat(state))
        return state

    def _panel(self, parts: Parts) -> Adviser:
        if self._beside is not None:
            return self._beside.panel
        deadline = self.plan.settings.aws_agents.timeout
        seats = parts.seats or ()
        return Panel(seats, self.runtime, deadline=deadline, memory=parts.memory)

    def _shadowed(self) -> ShadowBroker:
        return ShadowBroker(
            self.executor,
            self.runtime,
            instrument_of=self._instrument_of,
            equity_usd=lambda: self.executor.cash_usd,
        )

    def _instrument_of(self, con_id: int) -> Instrument | None:
        contract = self.manager.state.contracts.get(con_id)
        return None if contract is None else contract.instrument

    async def connect(self, *, connected: Callable[[], Awaitable[None]] | None = None) -> None:
        """Connect, synchronise, take in the bars so far; raises `BrokerFault`.

        `connected` is awaited before the first question that depends on the time. A strategy that
        fails over those bars raises `StrategyFault` while nothing has begun and nothing is open.
        """
        settings = self.plan.settings
        await self.executor.connect()
        if connected is not None:
            await connected()
        held = held_contracts(self.manager.state, self.plan.symbols)
        for symbol in self.plan.symbols:
            con_id, history = await self.executor.open_market(
                symbol,
                roll_days=settings.trading.roll_days_before_expiry,
                held=held[symbol],
            )
            self._proposer.prepare(con_id, INSTRUMENTS[symbol], history=history)
        if self._proposer.fault is not None and not self._began and self.flat:
            raise self._proposer.fault
        if self._cash_before is None:
            self._cash_before = self.executor.cash_usd

    async def open_door(self, failed: TaskFailed) -> None:
        """Let people in through the control socket; raises `BadInput`.

        `failed` is told when the loop fails over a request.
        """
        signed = sign(
            pid=os.getpid(),
            version=__version__,
            journal=str(self.plan.journal),
            shadow=self.plan.shadow,
            without=self.without,
        )
        desk = Desk(
            self.manager, self.runtime, elapsed_s=monotonic_seconds, signed=signed, failed=failed
        )
        self.manager.observe(desk)
        self._door = await open_door(self.plan.journal, desk, elapsed_s=monotonic_seconds)

    @property
    def without(self) -> tuple[str, ...]:
        """What this process had to start without, and why."""
        beside = () if self._beside is None else self._beside.without
        return (*self.plan.without, *beside)

    def tell(self, alert: RaiseAlert) -> None:
        """Tell people of something that is no event: of what happens before or between them."""
        if self._beside is not None:
            self._beside.tell(alert)

    def begin(self) -> None:
        """Let events flow: from here on everything is recorded."""
        self._began = True
        self._started_at = self.runtime.now()
        self.manager.handle(
            events.TraderStarted(to_limits(self.plan.settings), numbers_first=True)
        )
        if self.plan.no_entries:
            why = f"the start: {self.plan.no_entries}"
            self.manager.handle(events.OperatorAsked(events.Request.REDUCE_ONLY, why))
        self._tell_fault()
        if self._beside is not None:
            live = self.runtime if isinstance(self.runtime, SystemRuntime) else None
            speed = 1.0 if live is None else live.speed
            self._beside.begin(self.manager.state, lag_of=live, speed=speed)
        self.executor.announce()

    def resume(self) -> None:
        """Let events flow again after a reconnect."""
        self._tell_fault()
        self.executor.announce()

    def _tell_fault(self) -> None:
        """Let a failure over the bars that were missed be known, once events flow."""
        fault = self._proposer.untold()
        if fault is not None:
            self.manager.handle(proposes_no_more(fault))

    @property
    def flat(self) -> bool:
        """Whether our fills leave nothing open and nothing of ours may still fill."""
        return is_flat(self.manager.state)

    def stop(self, *, interrupted: bool = False) -> Outcome:
        """Leave the broker and close the record; orders stay where they are."""
        cash = self.executor.cash_usd
        before = self._cash_before
        if self._door is not None:
            self._door.close()
        if self._beside is not None:
            self._beside.end_calls()
        self.manager.stop()
        self.executor.close()
        if self._beside is not None:
            self._beside.close(self.manager.failure)
        self.journal.close()
        state = self.manager.state
        return Outcome(
            book=self.book,
            mode=state.mode,
            mode_why=state.mode_why,
            head_hash=self.journal.head_hash,
            position_open=sum(view.booked for view in state.positions.values()),
            started_at=self._started_at,
            ended_at=self.runtime.now(),
            cash_change_usd=None if cash is None or before is None else cash - before,
            started_flat=self._started_flat,
            interrupted=interrupted,
        )


def is_flat(state: TraderState) -> bool:
    """Whether our fills leave nothing open and nothing of ours may still fill, by the record."""
    return not state.cycles and all(view.booked == 0 for view in state.positions.values())


def held_contracts(state: TraderState, symbols: Sequence[str]) -> dict[str, frozenset[int]]:
    """Return, by symbol, the contracts in which something of ours may be open, by the record.

    Raises `BadInput` when one is no contract of `symbols`: nobody would watch it. One that the
    record cannot name goes with the first symbol, and the gateway says whether it knows it.
    """
    working = {cycle.con_id for cycle in state.cycles.values() if cycle.orders}
    held = working | {con_id for con_id, view in state.positions.items() if view.booked}
    found: dict[str, set[int]] = {symbol: set() for symbol in symbols}
    for con_id in sorted(held):
        contract = state.contracts.get(con_id)
        symbol = symbols[0] if contract is None else contract.instrument.symbol
        if contract is not None and symbol not in found:
            raise BadInput(
                f"--symbol {','.join(symbols)}: the record holds an open trade in"
                f" {contract.local_symbol}: start with --symbol {symbol} until it is closed"
            )
        found[symbol].add(con_id)
    return {symbol: frozenset(con_ids) for symbol, con_ids in found.items()}


def _one_kind_of_record(plan: Plan) -> None:
    """Raise `BadInput` where a record of trades that were made would take in some that never were.

    A record in which a trader has ever begun is the trader's: what is open in it is real.
    """
    if not plan.journal.exists() or not plan.journal.stat().st_size:
        return
    with JournalReader(plan.journal) as reader:
        runs = [opening.run for _, opening in reader.openings]
    is_shadows = bool(runs) and all(run.get("shadow") for run in runs)
    gateways = {run.get("gateway") for run in runs}
    for is_other, why in (
        (plan.shadow and not is_shadows, "is a trader's record, and a shadow needs its own"),
        (not plan.shadow and is_shadows, "is a shadow's record, its trades never were"),
        (plan.simulated and PAPER in gateways, "is a record of an account"),
        (not plan.simulated and SIMULATED in gateways, "is a simulated gateway's record"),
    ):
        if is_other:
            raise BadInput(f"journal {plan.journal} {why}: choose another --journal")


def _endpoint(plan: Plan) -> Endpoint:
    ib = plan.settings.ib
    # Nothing is tied to a shadow's number, and the trader beside it has the one of the settings.
    client_id = ib.client_id + 1 if plan.shadow else ib.client_id
    return Endpoint(plan.host, plan.port, client_id=client_id, account=ib.account or "")


def _order_ids(state: TraderState) -> dict[str, int]:
    """Return the numbers of the orders that may still live, by reference."""
    return {
        order.spec.ref: order.order_id
        for cycle in state.cycles.values()
        for order in cycle.orders.values()
        if order.live and order.order_id
    }


def _opening(plan: Plan) -> Opening:
    run: dict[str, str | int | float | bool | None] = {
        "symbol": ",".join(plan.symbols),
        "strategy": plan.strategy,
        "seed": plan.seed,
    }
    run["gateway"] = SIMULATED if plan.simulated else PAPER
    if plan.params:
        run["params"] = " ".join(f"{name}={plan.params[name]}" for name in sorted(plan.params))
    if plan.shadow:
        run["shadow"] = True
    return Opening(
        logic_version=LOGIC_VERSION,
        package_version=__version__,
        config_hash=config_hash(plan.settings),
        run=run,
    )
