"""An exit does not wait for anybody: asked while advisors and memory hang, it leaves at once.

Real time, real threads, a real socket: the trader on its own runtime, the gateway behind loopback
TCP, and services that take a request and say nothing. What is measured is the time from a person's
wish to the bytes of the exit at the gateway, which shares the loop with the trader: what is
shown is the slower of the two.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from mytrader.bootstrap import Parts, Trader
from mytrader.domain.cycle import Phase
from mytrader.domain.decision import Signal
from mytrader.domain.events import OperatorAsked, Request
from mytrader.domain.instrument import ES
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.runs import Watch
from mytrader.runtime import SystemRuntime, monotonic_seconds
from mytrader.simulator.gateway import GatewaySettings, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import MarketTick
from mytrader.simulator.watched_gateway import WatchedGateway
from mytrader.tws.fields import Message
from mytrader.tws.place_order import PlaceOrder
from tests.all_services import AllServices, all_services
from tests.memory_samples import a_signal, features
from tests.sessions import AtMinute, Scripted, a_plan, quiet

pytestmark = pytest.mark.slow

BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)
PRICE: Final = 27_600
EXIT_WITHIN_S: Final = 0.1
ALL_WITHIN_S: Final = 20.0
"""An index may take half a minute to be written to."""


class Clocked:
    """Notes when an order message arrived, machine seconds."""

    def __init__(self) -> None:
        self.placed_s: list[float] = []

    def settled(self) -> None:
        """See `watched_gateway.Witness`."""

    def asked(self, client_id: int, message: Message) -> None:
        """Look at the clock."""
        del client_id
        if isinstance(message, PlaceOrder) and not message.what_if:
            self.placed_s.append(monotonic_seconds())

    def told(self, message: Message) -> None:
        """See `watched_gateway.Witness`."""


def ticks() -> Iterator[MarketTick]:
    """Ten a second for a minute, at one price; the first bar closes after a second."""
    for number in range(600):
        at = BEGIN + timedelta(seconds=59 + number / 10)
        yield MarketTick(at=at, bid=PRICE, ask=PRICE + 1, last=PRICE, size=50)


def proposal(efficiency: float, trend: Trend) -> Signal:
    """A long trade at the market; other numbers are another question to advisors and memory."""
    return a_signal(
        confidence=0.9,
        entry=ES.price(PRICE + 1),
        stop=ES.price(PRICE - 19),
        target=ES.price(PRICE + 41),
        features=features(efficiency_ratio=efficiency),
        regime=Regime(trend, Volatility.MEDIUM),
    )


async def until(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    """Return as soon as something holds."""
    loop = asyncio.get_running_loop()
    over_s = loop.time() + within_s
    while not holds():
        assert loop.time() < over_s, f"did not happen within {within_s} s"
        turn = loop.create_future()
        loop.call_later(0.002, turn.set_result, None)
        await turn


async def exit_while_hanging(services: AllServices, folder: Path, *hanging: str) -> float:
    """Open a trade, let services hang over another question, flatten; seconds to the bytes."""
    watch, clocked = Watch(), Clocked()
    watch.take_failures(asyncio.get_running_loop())
    runtime = SystemRuntime(watch.note_failure, anchor=BEGIN + timedelta(seconds=58))
    contract = front_month(ES, BEGIN.date())
    before = quiet(BEGIN - timedelta(minutes=60), 60)
    gateway = WatchedGateway(
        [SimulatedMarket(contract, tuple(ticks()), before)],
        runtime,
        settings=GatewaySettings(),
        witness=clocked,
    )
    server = await gateway.serve_tcp(0)
    port = server.sockets[0].getsockname()[1]
    plan = replace(a_plan(folder, settings=services.settings(timedelta(seconds=2))), port=port)
    trader = Trader(plan, runtime, parts=Parts(strategy=lambda each: Scripted(each, [])))
    closed: list[bool] = []
    trader.manager.observe(AtMinute(BEGIN, lambda: closed.append(True)))
    await trader.connect()
    trader.begin()
    manager, con_id = trader.manager, contract.con_id
    try:
        await until(lambda: bool(closed))
        await until(lambda: services.index.documents != {})
        opened = manager._process_hybrid_signal(con_id, proposal(1.0, Trend.UPTREND))
        await until(lambda: phase(trader, opened) is Phase.OPEN)
        for name in hanging:
            services.plugs[name].hang()
        asking = manager._process_hybrid_signal(con_id, proposal(0.9, Trend.RANGE))
        await until(lambda: any(services.plugs[name].swallowed for name in hanging))
        assert phase(trader, asking) is Phase.PROPOSED, "it waits for those who hang"

        clocked.placed_s.clear()
        began_s = monotonic_seconds()
        manager.handle(OperatorAsked(Request.FLATTEN, "a test"))
        await until(lambda: bool(clocked.placed_s))
        took_s = clocked.placed_s[0] - began_s
        await until(lambda: gateway.ledger.position(con_id) == 0)
        assert watch.failure is None
        return took_s
    finally:
        trader.stop()
        server.close()


def phase(trader: Trader, cycle_id: str) -> Phase | None:
    """Where a trade stands, `None` once it has ended."""
    cycle = trader.manager.state.cycles.get(cycle_id)
    return None if cycle is None else cycle.phase


@pytest.fixture
def services() -> Iterator[AllServices]:
    """Everything, on this machine."""
    with all_services() as served:
        yield served
        # Whatever still waits inside may end.
        served.pull()


@pytest.mark.parametrize(
    "hanging", [("bedrock",), ("index",), ("bedrock", "index", "chat", "collector")], ids="+".join
)
def test_an_exit_leaves_within_a_tenth_of_a_second(
    services: AllServices, tmp_path: Path, hanging: tuple[str, ...]
) -> None:
    began_s = monotonic_seconds()
    took_s = asyncio.run(exit_while_hanging(services, tmp_path, *hanging))
    assert monotonic_seconds() - began_s < ALL_WITHIN_S, "what hangs does not hold up the end"
    print(f"\nexit while {'+'.join(hanging)} hangs: {took_s * 1000:.1f} ms")  # noqa: T201 - a figure
    assert took_s < EXIT_WITHIN_S
