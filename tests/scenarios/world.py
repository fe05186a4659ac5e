"""A whole trader against the simulated gateway, in memory and in virtual time.

The real manager, the real executor over the real client, the real gateway. Tests raise signals
themselves, let simulated time pass, and judge by the gateway's ledger and the journal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from mytrader.bootstrap import CLIENT_CLOCKS, held_contracts
from mytrader.domain.commands import RaiseAlert
from mytrader.domain.decision import Advice, AdvisorRole, Counsel, Opinion, Question, Signal
from mytrader.domain.events import AnyEvent, OperatorAsked, Request, TraderStarted
from mytrader.domain.instrument import ES
from mytrader.domain.limits import Limits
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.domain.trader import TraderState
from mytrader.execution.ib_executor import Endpoint, IBExecutor
from mytrader.execution.live_trading_manager import LiveTradingManager
from mytrader.ports import Journal
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import MarketTick
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from tests.fakes.journal import FakeJournal

EPOCH = datetime(2025, 12, 11, 15, 0, tzinfo=UTC)
"""A Thursday morning in Chicago, in the middle of the session."""

PRICE = 27_600
"""6,900.00 points in ticks; the bid rests there, the ask one tick above."""

HOST, PORT = "127.0.0.1", 4002


class StraightPanel:
    """Advisors that say GO at once."""

    async def ask(self, question: Question) -> Counsel:
        """Return one GO."""
        del question
        return Counsel((Opinion("test", AdvisorRole.DECISION, Advice.GO, "go", confidence=1.0),))


def quiet_market(minutes: int = 30) -> Iterator[MarketTick]:
    """Trade at one price, a tick a second."""
    for second in range(minutes * 60):
        at = EPOCH + timedelta(seconds=5 + second)
        yield MarketTick(at=at, bid=PRICE, ask=PRICE + 1, last=PRICE, size=50)


def history(bars: int = 200) -> list[Bar]:
    """Quiet minutes before the beginning."""
    first = EPOCH - timedelta(minutes=bars)
    return [
        Bar(first + timedelta(minutes=i), PRICE, PRICE + 1, PRICE, PRICE, 100) for i in range(bars)
    ]


class World:
    """One gateway and, one after the other, any number of traders over one journal."""

    def __init__(
        self, loop: VirtualLoop, *, faults: Faults, ticks: Sequence[MarketTick], limits: Limits
    ) -> None:
        self.failures: list[BaseException] = []
        self.runtime = VirtualRuntime(loop, lambda _, error: self.failures.append(error), seed=1)
        self.contract = front_month(ES, EPOCH.date())
        self.next_contract = front_month(ES, EPOCH.date() + timedelta(days=30))
        self.roll_days = 3
        markets = [
            SimulatedMarket(self.contract, ticks, history()),
            SimulatedMarket(self.next_contract, (), history()),
        ]
        self.gateway = SimulatedGateway(
            markets, self.runtime, settings=GatewaySettings(faults=faults)
        )
        loop.set_exception_handler(lambda _, context: self.failures.append(_error(context)))
        loop.serve(HOST, PORT, protocol_factory=self.gateway.protocol_factory)
        self.journal = FakeJournal()
        self.limits = limits
        self.book = CycleBook()
        self.executor, self.manager = self._trader(TraderState(limits=limits))

    def _trader(self, state: TraderState) -> tuple[IBExecutor, LiveTradingManager]:
        executor = IBExecutor(Endpoint(HOST, PORT, client_id=1), runtime=self.runtime)
        journal: Journal = self.journal
        manager = LiveTradingManager(
            state,
            broker=executor,
            journal=journal,
            runtime=self.runtime,
            panel=StraightPanel(),
            propose=lambda _, __: None,
        )
        manager.observe(self.book)
        return executor, manager

    async def start(self) -> None:
        """Connect and let the market begin."""
        await self.executor.connect()
        held = held_contracts(self.manager.state, ["ES"])["ES"]
        await self.executor.open_market("ES", roll_days=self.roll_days, held=held)
        self.manager.handle(TraderStarted(self.limits))
        self.executor.announce()
        await self.until(lambda: self.manager.state.position(self.con_id).confirmed)
        await self.until(lambda: bool(self.manager.state.quotes))

    async def kill_and_restart(self) -> None:
        """The process dies without a word; another one folds the journal and connects."""
        self.manager.stop()
        self.executor.close()
        await self.pass_time(1)
        self.book = CycleBook()
        state = fold(self.journal.read(), self.book)
        self.executor, self.manager = self._trader(state)
        await self.start()

    @property
    def con_id(self) -> int:
        """The traded contract."""
        return self.contract.con_id

    @property
    def state(self) -> TraderState:
        """What the trader believes."""
        return self.manager.state

    async def pass_time(self, seconds: float) -> None:
        """Let simulated time pass."""
        over: list[bool] = []
        self.runtime.call_at(
            self.runtime.now() + timedelta(seconds=seconds), lambda: over.append(True)
        )
        await self.until(lambda: bool(over))

    async def until(self, holds: Callable[[], bool], *, seconds: float = 120) -> None:
        """Let simulated time pass in steps of a millisecond until something holds."""
        deadline = self.runtime.now() + timedelta(seconds=seconds)
        while not holds():
            assert self.runtime.now() < deadline, f"did not happen within {seconds} s"
            assert not self.failures, self.failures
            await self._step()

    async def _step(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.runtime.call_at(
            self.runtime.now() + timedelta(milliseconds=1), lambda: future.set_result(None)
        )
        await future

    def signal(self, side: Side, *, stop_ticks: int = 20, target_ticks: int = 40) -> Signal:
        """A signal at the market with a bracket of so many ticks."""
        entry = PRICE + 1 if side is Side.BUY else PRICE
        return Signal(
            strategy="test",
            side=side,
            confidence=0.9,
            entry=ES.price(entry),
            stop=ES.price(entry - side.sign * stop_ticks),
            target=ES.price(entry + side.sign * target_ticks),
            features={},
            reason="a test",
        )

    async def enter(self, side: Side) -> str:
        """Raise a signal and wait until its position is open and protected."""
        cycle_id = self.raise_signal(side)
        await self.until(lambda: self.ledger_position != 0)
        return cycle_id

    def raise_signal(self, side: Side) -> str:
        """Raise a signal and return its cycle's id."""
        return self.manager._process_hybrid_signal(self.con_id, self.signal(side))

    def flatten(self) -> None:
        """An operator asks to be flat."""
        self.manager.handle(OperatorAsked(Request.FLATTEN, "test"))

    @property
    def ledger_position(self) -> int:
        """The position by the gateway's own books."""
        return self.gateway.ledger.position(self.con_id)

    @property
    def resting(self) -> list[str]:
        """References of the orders that may still fill at the broker."""
        return [order.sent.order_ref for order in self.gateway.ledger.orders]

    @property
    def alerts(self) -> list[RaiseAlert]:
        """Every alert in the journal, oldest first."""
        return [
            command
            for record in self.journal.records
            for command in record.commands
            if isinstance(command, RaiseAlert)
        ]

    def alert_codes(self) -> list[str]:
        """The codes of all alerts."""
        return [alert.code for alert in self.alerts]

    def events(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        """Every recorded event of one kind."""
        return [r.event for r in self.journal.records if isinstance(r.event, kind)]

    @property
    def cash_change_usd(self) -> Decimal:
        """What the account gained since the start."""
        return self.gateway.ledger.cash_usd - Decimal(100_000)


def _error(context: dict[str, object]) -> BaseException:
    error = context.get("exception")
    return error if isinstance(error, BaseException) else RuntimeError(str(context))


def play(
    script: Callable[[World], Awaitable[None]],
    *,
    faults: Faults = Faults(),  # noqa: B008 - frozen
    ticks: Sequence[MarketTick] | None = None,
    limits: Limits = Limits(cooldown=timedelta(seconds=1)),  # noqa: B008 - frozen
) -> None:
    """Run a scenario from a synchronised trader to its end; no failure may be left over."""

    async def main(loop: VirtualLoop) -> None:
        market = list(quiet_market()) if ticks is None else ticks
        world = World(loop, faults=faults, ticks=market, limits=limits)
        await world.start()
        await script(world)
        world.manager.stop()
        world.executor.close()
        assert not world.failures, world.failures

    run_virtual(main, epoch=EPOCH, modules=CLIENT_CLOCKS)
