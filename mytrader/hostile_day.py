"""Plays a day of a campaign: the real trader and client, the simulated gateway, virtual time.

A day is played by its script alone (`proof.day_script`): the market, the faults, what people do,
when the process dies. The umpire is told of everything that passes and ends the day when it sees
an invariant broken; nobody else judges.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct

from mytrader import runs
from mytrader.bootstrap import CLIENT_CLOCKS, Parts, Plan, Trader
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.events import AnyEvent, OperatorAsked, Request
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.limits import Profile
from mytrader.domain.market import Bar
from mytrader.domain.trader import TraderState
from mytrader.errors import BrokerFault, MytraderError
from mytrader.hostile_parties import Dice, Mortal, advisors
from mytrader.journal.reader import JournalReader
from mytrader.logs import quiet
from mytrader.ports import Broker
from mytrader.proof.day_result import DayResult, digest
from mytrader.proof.day_script import Act, DayScript
from mytrader.proof.permissions import Permissions
from mytrader.proof.record_tap import RecordTap
from mytrader.proof.tally import Played
from mytrader.proof.umpire import Umpire
from mytrader.replay.cycle_book import CycleBook, fold
from mytrader.runtime import memory_peak_mb, monotonic_seconds, processor_seconds
from mytrader.settings import ExecutionSettings, Settings, TradingSettings
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.synthetic import synthetic_sessions
from mytrader.simulator.trading_hours import session_bounds
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.simulator.watched_gateway import WatchedGateway
from mytrader.tws.fields import Message
from mytrader.tws.place_order import PlaceOrder
from mytrader.waiting import pause

HALTED, RESUMED = "MODE_HALT", "RESUMED"
HISTORY_BARS: Final = 300
FLATTEN_EVERY: Final = timedelta(seconds=45)
SETTLE_CALM: Final = timedelta(seconds=45)
KILLED_AFTER_MS: Final = (0, 1, 2, 5, 20, 200, 1500)
UNACCOUNTED: Final = frozenset({"execution corrected", "execution busted"})
"""Faults after which the account is right and the trades of the record no longer are."""

AWAY_S: Final = (1.0, 3.0, 20.0)
"""How long a process that died stays away, seconds: to start one takes the first of them.

At five starts a second, which no machine makes, the questions of the starts alone come to more
than the broker takes in one (seed 311, bracket).
"""

REFUSED_S: Final = (5.0, 15.0, 45.0)
"""How long one stays away that could not connect and ended, seconds."""


class Stage(Struct, frozen=True):
    """The bars of a day: what is played and what came before."""

    played: list[Bar]
    history: list[Bar]


def play(script: DayScript, folder: Path, *, parts: Parts = Parts()) -> DayResult:  # noqa: B008 - frozen
    """Play a day to its end, or to the first invariant that does not hold.

    The journal lies in `folder` under the day's seed; there must be none. `parts` is what the
    trader is made of.
    """
    stage = stage_of(script)

    async def main(loop: VirtualLoop) -> DayResult:
        day = HostileDay(loop, script, stage=stage, journal=folder / f"{script.seed}.journal")
        return await day.play(parts)

    epoch = stage.played[0].opened_at - runs.LEAD_IN
    return run_virtual(main, epoch=epoch, modules=CLIENT_CLOCKS)


class HostileDay:
    """One day, from the first connection to the last report."""

    def __init__(
        self, loop: VirtualLoop, script: DayScript, *, stage: Stage, journal: Path
    ) -> None:
        self.script = script
        self._runtime = VirtualRuntime(loop, self._note_failure, seed=script.seed)
        self._chance, self._signals, self._opinions = (
            random.Random(f"{what} {script.seed}")  # noqa: S311 - repeatable is the point
            for what in ("driver", "signals", "opinions")
        )
        loop.set_exception_handler(
            lambda _, context: self._note_failure("callback", runs.error_in(context))
        )
        self._begins_at = stage.played[0].opened_at
        instrument = INSTRUMENTS[script.symbol]
        contract = front_month(instrument, script.session)
        market = SimulatedMarket(
            contract, bar_ticks(stage.played, ticks_min=script.ticks_a_minute), stage.history
        )
        self._con_id = contract.con_id
        self._permissions = Permissions()
        self.gateway = WatchedGateway(
            [market],
            self._runtime,
            settings=GatewaySettings(seed=script.seed, faults=script.faults),
            witness=self,
        )
        self.umpire = Umpire(
            self.gateway.ledger,
            contract.con_id,
            instrument=instrument,
            profile=script.profile,
            lots=script.lots,
            permissions=self._permissions,
        )
        self._plan = Plan(
            settings=settings_of(script),
            symbols=(script.symbol,),
            strategy="campaign",
            journal=journal,
            seed=script.seed,
            simulated=True,
        )
        loop.serve(
            self._plan.host, self._plan.port, protocol_factory=self.gateway.protocol_factory
        )
        self._trader: Trader | None = None
        self._began = False
        self._calm = False
        self._watch = runs.Watch()
        self._over = asyncio.Event()
        self._starts = 0
        self._pages: Counter[str] = Counter()
        self._net_usd = Decimal(0)
        self._trades = 0
        self._head = ""

    # The trader's lives.

    async def play(self, parts: Parts) -> DayResult:
        """Let the day pass."""
        acts = asyncio.ensure_future(self._acts())  # noqa: TID251 - it ends with the day
        while not self._over.is_set() and not self.gateway.finished.is_set():
            await self._live(self._parts(parts))
        acts.cancel()
        self.umpire.finish(self._runtime.now())
        if not self.umpire.violations:
            self._judge_the_end()
        return self._result()

    def _parts(self, given: Parts) -> Parts:
        def mortal(broker: Broker) -> Broker:
            risk, kill = self._death_risk, self._kill
            return Mortal(given.broker(broker), self._chance, risk=risk, kill=kill)

        def dice(instrument: Instrument) -> Dice:
            return Dice(instrument, self._signals, self.script.signals)

        def rest(seconds: float) -> Awaitable[None]:
            return pause(self._runtime, timedelta(seconds=seconds))

        heard, go = self._permissions.advised, self.script.go
        return Parts(
            strategy=given.strategy or dice,
            seats=given.seats or advisors(self._opinions, go, heard=heard, pause=rest),
            broker=mortal,
            manager=given.manager,
            executor=given.executor,
        )

    async def _live(self, parts: Parts) -> None:
        self._watch = watch = runs.Watch()
        self._starts += 1
        trader = Trader(self._plan, self._runtime, observers=[self], parts=parts)
        self.umpire.record = self.umpire.record or RecordTap(self._plan.journal)
        self._trader, self._began = trader, False
        try:
            with suppress(BrokerFault):
                outcome = await runs.trade(
                    trader, trader.connect(), watch=watch, over=self.gateway.finished
                )
                self._net_usd += outcome.book.net_usd
                self._trades += len(outcome.book.closed)
        except MytraderError as error:
            self._fail(f"{type(error).__name__}: {error}")
        connected = self._began
        self._trader, self._began = None, False
        # The gateway may have nothing to do for seconds: who is dead has no time to answer in.
        self.umpire.cover.hears(self._runtime.now(), False)
        self._head = trader.journal.head_hash
        if not self._over.is_set() and not self.gateway.finished.is_set():
            away_s = self._chance.choice(AWAY_S if connected else REFUSED_S)
            await pause(self._runtime, timedelta(seconds=away_s))

    def _fail(self, text: str) -> None:
        self.umpire.accuse("failure", self._runtime.now(), text)
        self._stop()

    def _note_failure(self, name: str, error: BaseException) -> None:
        self._fail(f"{name}: {type(error).__name__}: {error}")
        self._watch.note_failure(name, error)

    def _stop(self) -> None:
        self._over.set()
        self._watch.interrupt()

    def _kill(self) -> None:
        if not self._calm and self._trader is not None:
            self._watch.interrupt()

    def _death_risk(self) -> float:
        return 0.0 if self._calm else self.script.accidents.killed_before

    # What the gateway says (`watched_gateway.Witness`).

    def settled(self) -> None:
        """The gateway has done what was due."""
        now = self._runtime.now()
        hears = self._began and self.gateway.audible(self._client_id)
        self.umpire.cover.hears(now, hears)
        self.umpire.look(now)
        if self.umpire.violations and not self._over.is_set():
            self._stop()

    def asked(self, client_id: int, message: Message) -> None:
        """A request has arrived."""
        self.umpire.asked(self._runtime.now(), client_id, message)
        if not isinstance(message, PlaceOrder) or self._calm:
            return
        if self._chance.random() < self.script.accidents.killed_after:
            delay = timedelta(milliseconds=self._chance.choice(KILLED_AFTER_MS))
            self._runtime.call_at(self._runtime.now() + delay, self._kill)

    def told(self, message: Message) -> None:
        """A message leaves for the trader."""
        self.umpire.told(self._runtime.now(), message)

    # What happens.

    async def _acts(self) -> None:
        for moment in self.script.moments:
            await self._until(timedelta(seconds=moment.at_s))
            self._act(moment.act)
        await self._until(self.script.calm_from)
        self._calm = True
        self.gateway.set_faults(Faults())
        await pause(self._runtime, SETTLE_CALM)
        for _ in range(5):
            self._ask(Request.RESUME)
            self._ask(Request.FLATTEN)
            await pause(self._runtime, FLATTEN_EVERY)

    async def _until(self, since: timedelta) -> None:
        when = self._begins_at + since
        if when > self._runtime.now():
            await pause(self._runtime, when - self._runtime.now())

    def _act(self, act: Act) -> None:
        match act:
            case Act.KILL:
                self._kill()
            case Act.DROP:
                self.gateway.drop_connections()
            case _:
                self._ask(Request(act.value))

    def _ask(self, request: Request) -> None:
        if self._trader is not None and self._began and not self._watch.stop.is_set():
            self.umpire.events.append(f"{self._runtime.now():%H:%M:%S.%f} ** {request}")
            self._trader.manager.handle(OperatorAsked(request, "person"))

    # What the trader says to people (`Observer`); its state is not looked at.

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Take note of pages, and of people who took the risk again."""
        del event, state
        self._began = True
        if not asked:
            return
        now = self._runtime.now()
        for command in asked:
            if not isinstance(command, RaiseAlert):
                continue
            if command.code == RESUMED:
                self.umpire.cover.resumed(now)
            if command.level is AlertLevel.PAGE:
                self._pages[command.code] += 1
                self.umpire.cover.paged(now, halted=command.code == HALTED)
                self.umpire.events.append(f"{now:%H:%M:%S.%f} ## {command.code}: {command.text}")

    # The end.

    def _judge_the_end(self) -> None:
        """After minutes of calm and a person who closed everything, nothing is left (I5, I9)."""
        now, ledger = self._runtime.now(), self.gateway.ledger
        resting = [order.sent.order_ref for order in ledger.orders]
        position = ledger.position(self._con_id)
        if position or resting:
            self.umpire.accuse("end", now, f"position {position}, resting {resting}")
            return
        gained = ledger.cash_usd - GatewaySettings().cash_usd + self.umpire.unheard_usd
        if gained == self._net_usd or self.gateway.faults.fired.keys() & UNACCOUNTED:
            return
        # A commission may be told to a later process than the one that closed its trade.
        book = CycleBook()
        with JournalReader(self._plan.journal) as journal:
            fold(journal.read(), book)
        if gained != book.net_usd:
            text = f"the account gained {gained}, the trades of the record {book.net_usd}"
            self.umpire.accuse("I5", now, text)

    def _result(self) -> DayResult:
        ledger, faults, spans = self.gateway.ledger, self.gateway.faults, self.umpire.cover.spans
        violations = tuple(self.umpire.violations)
        longest = sorted(spans, key=lambda span: -span.seconds)
        executed = [(each.exec_id, each.order_ref, each.price) for each in ledger.executions]
        return DayResult(
            script=self.script,
            violations=violations,
            digest=digest(self._head, executed, sorted(faults.fired.items())),
            families=dict(faults.families),
            fired=dict(faults.fired),
            fills=dict(self.umpire.fills),
            trades=self._trades,
            starts=self._starts,
            pages=dict(self._pages),
            bare_s=tuple(round(span.seconds, 6) for span in longest),
            answerable_s=tuple(round(span.answerable_s, 6) for span in longest),
            unanswered_s=tuple(round(span.unanswered_s, 6) for span in longest),
            events=self.umpire.looks,
            simulated_s=(self._runtime.now() - self._begins_at).total_seconds(),
            last=tuple(self.umpire.events) if violations else (),
        )

    @property
    def _client_id(self) -> int:
        return self._plan.settings.ib.client_id


def settings_of(script: DayScript) -> Settings:
    """Return limits that let a day of many small trades happen, in the script's profile."""
    bracket = script.profile is Profile.BRACKET
    return Settings(
        trading=TradingSettings(
            quantity_per_entry=script.lots,
            max_order_size=script.lots,
            max_loss_per_trade=Decimal(20_000),
            max_daily_loss=Decimal(50_000),
            max_drawdown=Decimal(90_000),
            max_daily_trades=500,
            max_loss_streak=50,
            trade_cooldown_minutes=0.05,
        ),
        execution=ExecutionSettings(
            profile=script.profile.value,
            oca_trusted=bracket,
            oca_measured_on=date(2025, 11, 28) if bracket else None,
            oca_measured_account="DU0000001" if bracket else None,
            trailing_ticks=script.trailing_ticks,
            max_hold=None if script.hold_s is None else timedelta(seconds=script.hold_s),
        ),
    )


def stage_of(script: DayScript) -> Stage:
    """Return the market of a day: its parts one after the other, and the bars before them."""
    days = [script.session]
    if script.parts[0].begins < HISTORY_BARS:
        days.insert(0, _before(script.session))
    if any(part.next_session for part in script.parts):
        days.append(script.session + timedelta(days=1))
    bars = synthetic_sessions(script.seed, INSTRUMENTS[script.symbol], sessions=days)
    played = list[Bar]()
    for part in script.parts:
        session = script.session + timedelta(days=1 if part.next_session else 0)
        begin = session_bounds(session)[0] + timedelta(minutes=part.begins)
        end = begin + timedelta(minutes=part.minutes)
        played += [bar for bar in bars if begin <= bar.opened_at < end]
    history = [bar for bar in bars if bar.opened_at < played[0].opened_at]
    return Stage(played, history[-HISTORY_BARS:])


def _before(session: date) -> date:
    return session - timedelta(days=3 if session.weekday() == 0 else 1)


def play_in_scratch(script: DayScript) -> Played:
    """Play a day in a folder that is gone afterwards, and say what it cost."""
    wall, cpu = monotonic_seconds(), processor_seconds()
    with quiet(), TemporaryDirectory(prefix="mytrader-") as folder:
        result = play(script, Path(folder))
    return Played(
        result,
        wall_s=monotonic_seconds() - wall,
        cpu_s=processor_seconds() - cpu,
        rss_mb=memory_peak_mb(),
    )
