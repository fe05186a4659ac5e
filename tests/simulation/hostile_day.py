"""Plays one hostile day: the real run, with weather, accidents and people around it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader import runs
from mytrader.bootstrap import CLIENT_CLOCKS, Plan, Trader
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.decision import Signal
from mytrader.domain.events import AnyEvent, OperatorAsked, Request
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.orders import OrderLife, Side
from mytrader.errors import BrokerFault, OurFault
from mytrader.execution.live_trading_manager import LiveTradingManager
from mytrader.hostile_parties import Mortal
from mytrader.journal.reader import JournalReader
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.settings import Settings, TradingSettings
from mytrader.simulator.connection import ClientConnection
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.synthetic import synthetic_bars
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.tws.fields import Message
from mytrader.tws.place_order import PlaceOrder
from tests.scenarios.world import StraightPanel
from tests.simulation.judge import RESUMED, Judge
from tests.simulation.weather import Accidents, Act, Day, Moment

SESSION: Final = date(2025, 12, 11)
FLATTEN_AGAIN: Final = timedelta(seconds=45)


class Result(Struct):
    """What came of a day, from the ledger (`judge`, cash) and from the journal.

    `absences` are the times without a running trader. `undecided` are orders of which nobody can
    know whether they left: the process died between its record and its bytes.
    """

    judge: Judge
    absences: list[tuple[datetime, datetime]]
    pages: list[tuple[datetime, str]]
    failures: list[BaseException]
    position: int
    resting: list[str]
    cash_change_usd: Decimal
    net_usd: Decimal
    trades: int
    head_hash: str
    codes: Counter[str]
    open_cycles: list[TradeCycle]

    @property
    def undecided(self) -> list[str]:
        """References, oldest first."""
        return [
            order.spec.ref
            for cycle in self.open_cycles
            for order in cycle.orders.values()
            if order.live and order.life is OrderLife.INTENDED
        ]


class HostileGateway(SimulatedGateway):
    """A gateway that is watched by the judge, and loses connections just when orders come."""

    def watch(self, judge: Judge, day: Day, *, kill: Callable[[], None]) -> None:
        """Begin."""
        self._judge = judge
        self._accidents = day.accidents
        self._chance = random.Random(f"accidents {day.seed}")  # noqa: S311 - repeatable
        self._kill = kill
        self.calm = False

    def settle(self) -> None:
        """Write what has gathered, and be judged."""
        super().settle()
        self._judge.look(self.now())

    def handle(self, connection: ClientConnection, message: Message) -> None:
        """Answer, unless something breaks just now."""
        order = isinstance(message, PlaceOrder) and not self.calm
        if order and self._chance.random() < self._accidents.lost_before:
            self.drop_connections()
            return
        super().handle(connection, message)
        if order and self._chance.random() < self._accidents.lost_after:
            self._agenda.at(self.now() + self._soon(), self.drop_connections)
        if order and self._chance.random() < self._accidents.killed_after:
            self._agenda.at(self.now() + self._soon(), self._kill)

    def _soon(self) -> timedelta:
        return timedelta(milliseconds=self._chance.choice((0, 1, 2, 5, 20, 200, 1500)))

    def set_faults(self, faults: Faults) -> None:
        """Change the weather."""
        frozen = faults.freeze_positions_after_fills
        if frozen is not None:
            faults = replace(faults, freeze_positions_after_fills=len(self.ledger.executions))
        super().set_faults(faults)


class HostileDay:
    """One day, from the first connection to the last report."""

    def __init__(self, loop: VirtualLoop, day: Day, journal: Path) -> None:
        self.day = day
        self.failures: list[BaseException] = []
        self.pages: list[tuple[datetime, str]] = []
        self.absences: list[tuple[datetime, datetime]] = []
        self._loop = loop
        self._runtime = VirtualRuntime(loop, self._note_failure, seed=day.seed)
        self._chance = random.Random(f"driver {day.seed}")  # noqa: S311 - repeatable
        loop.set_exception_handler(
            lambda _, context: self._note_failure("callback", runs.error_in(context))
        )
        instrument = INSTRUMENTS[day.symbol]
        bars = synthetic_bars(day.seed, instrument, session=SESSION)
        session = bars[day.begins : day.begins + day.minutes]
        self.begins_at = session[0].opened_at
        contract = front_month(instrument, SESSION)
        market = SimulatedMarket(contract, bar_ticks(session), bars[: day.begins])
        self.con_id = contract.con_id
        self.gateway = HostileGateway(
            [market], self._runtime, settings=GatewaySettings(seed=day.seed)
        )
        self.judge = Judge(self.gateway.ledger, self.con_id)
        self.gateway.watch(self.judge, day, kill=self._kill)
        self.plan = Plan(settings(day), day.symbol, "ema-cross", journal, seed=day.seed)
        loop.serve(self.plan.host, self.plan.port, protocol_factory=self.gateway.protocol_factory)
        self.trader: Trader | None = None
        self.watch = runs.Watch()

    def _note_failure(self, name: str, error: BaseException) -> None:
        self.failures.append(error)
        self.watch.note_failure(name, error)

    def _kill(self) -> None:
        if not self.gateway.calm and self.trader is not None:
            self.watch.interrupt()

    # The trader's lives

    async def play(self) -> Result:
        """Let the day pass."""
        acts = asyncio.ensure_future(self._acts())
        head = ""
        while not self.gateway.finished.is_set() and not self.failures:
            head = await self._live()
        acts.cancel()
        self.judge.finish(self._runtime.now())
        return self._result(head)

    async def _live(self) -> str:
        self.watch = watch = runs.Watch()
        began = self._runtime.now()
        trader = Trader(self.plan, self._runtime, observers=[self])
        trader.manager._panel = StraightPanel()
        trader.manager._broker = Mortal(
            trader.executor,
            self._chance,
            risk=lambda: self._accidents.killed_before,
            kill=self._kill,
        )
        self.trader = trader
        start = self._connected(trader, began)
        try:
            with suppress(BrokerFault):
                await runs.trade(trader, start, watch=watch, over=self.gateway.finished)
        except OurFault as error:
            self.failures.append(error)
        self.trader = None
        head = trader.journal.head_hash
        if not self.gateway.finished.is_set():
            gone = self._runtime.now()
            await runs.pause(self._runtime, timedelta(seconds=self._chance.choice((0.2, 3, 20))))
            self.absences.append((gone, self._runtime.now()))
        return head

    async def _connected(self, trader: Trader, began: datetime) -> None:
        """Connect; a trader that has not done so yet knows of nothing and can page nobody."""
        try:
            await trader.connect()
        finally:
            self.absences.append((began, self._runtime.now()))

    @property
    def _accidents(self) -> Accidents:
        return Accidents() if self.gateway.calm else self.day.accidents

    # What happens

    async def _acts(self) -> None:
        for moment in self.day.moments:
            await self._until(self.begins_at + timedelta(seconds=moment.at_s))
            self._act(moment)
        await self._until(self.begins_at + self.day.calm_from)
        self.gateway.calm = True
        self.gateway.set_faults(Faults())
        self.gateway.say(1102, "calm")
        await runs.pause(self._runtime, timedelta(seconds=45))
        for _ in range(5):
            self._ask(Request.RESUME)
            self._ask(Request.FLATTEN)
            await runs.pause(self._runtime, FLATTEN_AGAIN)

    async def _until(self, when: datetime) -> None:
        if when > self._runtime.now():
            await runs.pause(self._runtime, when - self._runtime.now())

    def _act(self, moment: Moment) -> None:
        match moment.act:
            case Act.SIGNAL:
                self._signal()
            case Act.FLATTEN | Act.HALT | Act.RESUME:
                self._ask(Request(moment.act.value))
            case Act.KILL:
                self._kill()
            case Act.DROP:
                self.gateway.drop_connections()
            case Act.LOSE_LINK:
                self.gateway.say(1100, "lost")
            case Act.FIND_LINK:
                self.gateway.say(1102, "regained, data kept")
            case Act.LOSE_DATA:
                self.gateway.say(1101, "regained, data lost", forget=True)
            case Act.WEATHER:
                self.gateway.set_faults(moment.faults)

    @property
    def _manager(self) -> LiveTradingManager | None:
        """The manager, while it has begun and has not been stopped."""
        if (
            self.trader is None
            or self.watch.stop.is_set()
            or not self.trader.executor._events.opened
        ):
            return None
        return self.trader.manager

    def _ask(self, request: Request) -> None:
        manager = self._manager
        if manager is not None:
            manager.handle(OperatorAsked(request, "person"))

    def _signal(self) -> None:
        manager = self._manager
        quote = None if manager is None else manager.state.quotes.get(self.con_id)
        if manager is None or quote is None or quote.ask is None or quote.bid is None:
            return
        chance = self._chance
        side = chance.choice(list(Side))
        entry = quote.ask if side is Side.BUY else quote.bid
        price = INSTRUMENTS[self.day.symbol].price
        stop, target = chance.randint(4, 14), chance.randint(5, 16)
        signal = Signal(
            strategy=f"hostile {chance.random():.6f}",
            side=side,
            confidence=0.9,
            entry=price(entry),
            stop=price(entry - side.sign * stop),
            target=price(entry + side.sign * target),
            features={},
            reason="drawn",
        )
        manager._process_hybrid_signal(self.con_id, signal)

    # What is noted

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: object) -> None:
        """Take note of pages, and of people who took the risk again."""
        del event, state
        for command in asked:
            if isinstance(command, RaiseAlert) and (
                command.level is AlertLevel.PAGE or command.code == RESUMED
            ):
                self.pages.append((self._runtime.now(), command.code))

    def _result(self, head: str) -> Result:
        book = CycleBook()
        with JournalReader(self.plan.journal) as journal:
            state = fold(journal.read(), book)
        ledger = self.gateway.ledger
        return Result(
            judge=self.judge,
            absences=self.absences,
            pages=self.pages,
            failures=self.failures,
            position=ledger.position(self.con_id),
            resting=[order.sent.order_ref for order in ledger.orders],
            cash_change_usd=ledger.cash_usd - GatewaySettings().cash_usd,
            net_usd=book.net_usd,
            trades=len(book.closed),
            head_hash=head,
            codes=Counter(alert.code for alert in book.alerts),
            open_cycles=list(state.cycles.values()),
        )


def settings(day: Day) -> Settings:
    """Return limits that let a day of many small trades happen."""
    return Settings(
        trading=TradingSettings(
            quantity_per_entry=day.quantity,
            max_order_size=day.quantity,
            max_loss_per_trade=Decimal(20_000),
            max_daily_loss=Decimal(50_000),
            max_drawdown=Decimal(90_000),
            max_daily_trades=500,
            max_loss_streak=50,
            trade_cooldown_minutes=0.05,
        )
    )


def play(day: Day, folder: Path) -> Result:
    """Play a day from its beginning to its end."""

    async def main(loop: VirtualLoop) -> Result:
        return await HostileDay(loop, day, folder / f"{day.seed}.journal").play()

    bars = synthetic_bars(day.seed, INSTRUMENTS[day.symbol], session=SESSION)
    epoch = bars[day.begins].opened_at - runs.LEAD_IN
    return run_virtual(main, epoch=epoch, modules=CLIENT_CLOCKS)
