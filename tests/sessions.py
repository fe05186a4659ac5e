"""A whole session of the real trader against a watched gateway, with parts of a test's own."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from mytrader.bootstrap import CLIENT_CLOCKS, Outcome, Parts, Plan, Trader
from mytrader.domain.decision import Signal
from mytrader.domain.instrument import INSTRUMENTS, Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.domain.session import trading_date
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


class Session(Struct, frozen=True):
    """What is traded: bars before and bars of the session, by which trader and parts."""

    plan: Plan
    history: Sequence[Bar]
    bars: Sequence[Bar]
    parts: Parts = Parts()
    observers: tuple[Observer, ...] = ()
    gateway: GatewaySettings = GatewaySettings()


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
        watch = Watch()
        watch.take_failures(loop)
        plan = session.plan
        runtime = VirtualRuntime(loop, watch.note_failure, seed=plan.seed)
        day = trading_date(session.bars[0].opened_at)
        markets = [
            SimulatedMarket(
                front_month(INSTRUMENTS[symbol], day), bar_ticks(session.bars), session.history
            )
            for symbol in plan.symbols
        ]
        gateway = WatchedGateway(markets, runtime, settings=session.gateway, witness=wire)
        loop.serve(plan.host, plan.port, protocol_factory=gateway.protocol_factory)
        trader = Trader(plan, runtime, observers=session.observers, parts=session.parts)
        return await trade(trader, trader.connect(), watch=watch, over=gateway.finished)

    return run_virtual(main, epoch=epoch, modules=CLIENT_CLOCKS), wire
