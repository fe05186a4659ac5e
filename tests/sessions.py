"""A whole session of the real trader against a watched gateway, with parts of a test's own."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from mytrader.bootstrap import CLIENT_CLOCKS, Outcome, Parts, Plan, Trader
from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Signal
from mytrader.domain.events import AnyEvent, BarClosed
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.domain.session import trading_date
from mytrader.domain.trader import TraderState
from mytrader.execution.live_trading_manager import Observer
from mytrader.runs import LEAD_IN, Watch, trade
from mytrader.settings import Settings
from mytrader.signals.features import Features
from mytrader.simulator.gateway import GatewaySettings, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.simulator.watched_gateway import WatchedGateway
from mytrader.tws.fields import Message
from mytrader.tws.place_order import PlaceOrder
from mytrader.waiting import pause


class Wire:
    """Keeps every message that reaches the gateway."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def settled(self) -> None:
        """See `watched_gateway.Witness`."""

    def asked(self, client_id: int, message: Message) -> None:
        """Keep it."""
        del client_id
        self.messages.append(message)

    def told(self, message: Message) -> None:
        """See `watched_gateway.Witness`."""

    def kinds(self) -> set[str]:
        """The names of the messages that came."""
        return {type(message).__name__ for message in self.messages}

    @property
    def orders(self) -> list[PlaceOrder]:
        """The orders that came, each time they came; no question about margin is one."""
        placed = (message for message in self.messages if isinstance(message, PlaceOrder))
        return [message for message in placed if not message.what_if]


class EveryMinutes:
    """Proposes a long trade every so many bars, with a bracket around the close."""

    def __init__(self, instrument: Instrument, *, every: int = 7, confidence: float = 0.9) -> None:
        self._instrument = instrument
        self._every = every
        self._confidence = confidence
        self._bars = 0

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        self._bars += 1
        if self._bars % self._every:
            return None
        price = self._instrument.price
        return Signal(
            strategy="every-minutes",
            side=Side.BUY,
            confidence=self._confidence,
            entry=price(bar.close),
            stop=price(bar.close - 16),
            target=price(bar.close + 12),
            features=features.numbers(),
            reason="it was time",
            regime=Regime(Trend.RANGE, Volatility.MEDIUM),
        )


class AtMinute:
    """An observer that does something when a minute of the session has closed."""

    def __init__(self, minute: datetime, act: Callable[[], None]) -> None:
        self._minute = minute
        self._act = act

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """See `execution.live_trading_manager.Observer`."""
        del asked, state
        if isinstance(event, BarClosed) and event.bar.opened_at == self._minute:
            self._act()


class Session(Struct, frozen=True):
    """What is traded: bars before and bars of the session, by which trader and parts.

    When minute `dies` closes, the process dies; another one with the plan `again` (`None`: the
    same) goes on with its record, at the same gateway.
    """

    plan: Plan
    history: Sequence[Bar]
    bars: Sequence[Bar]
    parts: Parts = Parts()
    observers: tuple[Observer, ...] = ()
    gateway: GatewaySettings = GatewaySettings()
    dies: datetime | None = None
    again: Plan | None = None


AWAY: Final = timedelta(seconds=3)
"""How long nobody is there between two processes."""


def a_plan(folder: Path, *symbols: str, settings: Settings | None = None) -> Plan:
    """Return a plan with a journal in `folder`."""
    return Plan(
        Settings() if settings is None else settings,
        symbols or ("ES",),
        "ema-cross",
        folder / "x.journal",
        seed=1,
    )


def play(session: Session) -> tuple[Outcome, Wire]:
    """Trade it in virtual time; returns how it ended and what reached the gateway."""
    wire = Wire()
    epoch: datetime = session.bars[0].opened_at - LEAD_IN

    async def main(loop: VirtualLoop) -> Outcome:
        plan, watches = session.plan, [Watch()]

        def failed(name: str, error: BaseException) -> None:
            watches[-1].note_failure(name, error)

        runtime = VirtualRuntime(loop, failed, seed=plan.seed)
        gateway = WatchedGateway(
            _markets(session), runtime, settings=session.gateway, witness=wire
        )
        loop.serve(plan.host, plan.port, protocol_factory=gateway.protocol_factory)

        async def live(plan: Plan, *observers: Observer) -> Outcome:
            watches[-1].take_failures(loop)
            trader = Trader(
                plan, runtime, observers=[*session.observers, *observers], parts=session.parts
            )
            return await trade(trader, trader.connect(), watch=watches[-1], over=gateway.finished)

        if session.dies is not None:
            await live(plan, AtMinute(session.dies, watches[-1].interrupt))
            await pause(runtime, AWAY)
            watches.append(Watch())
        return await live(session.again or plan)

    return run_virtual(main, epoch=epoch, modules=CLIENT_CLOCKS), wire


def _markets(session: Session) -> list[SimulatedMarket]:
    day = trading_date(session.bars[0].opened_at)
    ticks = bar_ticks(session.bars)
    return [
        SimulatedMarket(front_month(INSTRUMENTS[symbol], day), ticks, session.history)
        for symbol in session.plan.symbols
    ]
