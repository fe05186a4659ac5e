"""A whole run of the trader, from start to outcome: embedded, connected, or only the gateway.

Embedded, the gateway lives in the same process under virtual time: same client, same bytes, and
the same seed gives the same trades. Connected, the gateway is another process on a real socket;
its clock may run faster than ours, and then ours follows it.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.bootstrap import CLIENT_CLOCKS, Outcome, Plan, Trader
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.errors import BadInput, BrokerFault
from mytrader.execution.live_trading_manager import Observer
from mytrader.ports import Runtime
from mytrader.runtime import SystemRuntime
from mytrader.settings import Settings
from mytrader.simulator.bar_files import BarFile
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.trading_hours import session_date
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual

LEAD_IN: Final = timedelta(seconds=30)
"""Simulated time between the start and the first bar, for connecting."""

SETTLE: Final = timedelta(minutes=1)
"""Simulated time after the last bar, for the last reports to arrive."""

HISTORY_BARS_MAX: Final = 3000
RECONNECT_EVERY: Final = timedelta(seconds=2)
RECONNECT_TRIES: Final = 5
"""How often a flat trader tries again to reach its gateway; with a position it never gives up."""

CLOCK_POLLS_MAX: Final = 10_000
SPEED_TOLERANCE: Final = 0.25


class SimulatedDay(Struct, frozen=True):
    """What an embedded or a served gateway plays."""

    symbol: str
    bars: BarFile
    settings: Settings
    faults: Faults = Faults()


class Failures:
    """Remembers the first failure of any task or callback; `happened` is set with it."""

    def __init__(self) -> None:
        self.first: BaseException | None = None
        self.happened = asyncio.Event()

    def note(self, name: str, error: BaseException) -> None:
        """Take a failed task."""
        del name
        if self.first is None:
            self.first = error
        self.happened.set()

    def take_from(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the failures of callbacks as well."""
        loop.set_exception_handler(lambda _, context: self.note("callback", _error_in(context)))

    def raise_first(self) -> None:
        """Raise what was noted, if anything was."""
        if self.first is not None:
            raise self.first


def _error_in(context: dict[str, object]) -> BaseException:
    error = context.get("exception")
    return error if isinstance(error, BaseException) else RuntimeError(str(context["message"]))


def simulated_gateway(
    day: SimulatedDay,
    runtime: Runtime,
    *,
    on_start: Callable[[datetime], None] | None = None,
) -> SimulatedGateway:
    """Return a gateway that plays `day` from the moment somebody subscribes to it."""
    instrument = INSTRUMENTS[day.symbol]
    commission = day.settings.simulator.commission_usd_per_side
    if commission is not None:
        instrument = replace(instrument, commission_usd_per_side=commission)
    market = SimulatedMarket(
        contract=front_month(instrument, session_date(day.bars.session[0].opened_at)),
        ticks=bar_ticks(day.bars.session),
        history=day.bars.history[-HISTORY_BARS_MAX:],
    )
    settings = GatewaySettings(
        cash_usd=day.settings.simulator.starting_cash,
        faults=day.faults,
        seed=day.settings.simulator.seed,
    )
    return SimulatedGateway([market], runtime, settings=settings, on_start=on_start)


# Embedded


def run_embedded(plan: Plan, day: SimulatedDay, *, observers: Sequence[Observer] = ()) -> Outcome:
    """Trade `day` against the embedded gateway in virtual time."""
    epoch = day.bars.session[0].opened_at - LEAD_IN
    return run_virtual(
        lambda loop: _embedded(loop, plan, day=day, observers=observers),
        epoch=epoch,
        modules=CLIENT_CLOCKS,
    )


async def _embedded(
    loop: VirtualLoop, plan: Plan, *, day: SimulatedDay, observers: Sequence[Observer]
) -> Outcome:
    failures = Failures()
    failures.take_from(loop)
    runtime = VirtualRuntime(loop, failures.note, seed=plan.seed)
    gateway = simulated_gateway(day, runtime)
    server = loop.serve(plan.host, plan.port, protocol_factory=gateway.protocol_factory)
    trader = Trader(plan, runtime, observers=observers)
    try:
        await trader.connect()
        trader.begin()
        await first_of(gateway.finished, failures.happened)
        if failures.first is None:
            await pause(runtime, SETTLE)
    finally:
        outcome = trader.stop()
        server.close()
    failures.raise_first()
    return outcome


async def first_of(*happenings: asyncio.Event) -> None:
    """Wait until one of several things has happened."""
    waiting = [
        asyncio.ensure_future(event.wait())  # noqa: TID251 - they end with this call
        for event in happenings
    ]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def pause(runtime: Runtime, length: timedelta) -> None:
    """Wait on the runtime's clock."""
    over = asyncio.Event()
    runtime.call_at(runtime.now() + length, over.set)
    await over.wait()


# Connected


def run_connected(
    plan: Plan, *, speed: float | None, observers: Sequence[Observer] = ()
) -> Outcome:
    """Trade against a gateway on a socket until it leaves or a person interrupts.

    `speed` says that the gateway's clock runs so many times faster than ours and that ours is to
    follow it; `None` keeps the machine's clock.
    """
    return asyncio.run(_connected(plan, speed, observers=observers))


async def _connected(plan: Plan, speed: float | None, *, observers: Sequence[Observer]) -> Outcome:
    loop = asyncio.get_running_loop()
    failures, interrupted, lost = Failures(), asyncio.Event(), asyncio.Event()
    failures.take_from(loop)
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, interrupted.set)
    runtime = SystemRuntime(failures.note, speed=speed or 1.0)
    trader = Trader(plan, runtime, observers=observers)
    trader.executor.on_lost(lost.set)
    try:
        if speed is None:
            await trader.connect()
        else:
            await trader.connect(connected=lambda: set_clock(trader, runtime))
            await follow_clock(trader, runtime)
        trader.begin()
        while True:
            await first_of(lost, interrupted, failures.happened)
            if interrupted.is_set() or failures.first is not None:
                break
            lost.clear()
            if not await _reconnected(trader, runtime, interrupted):
                break
    finally:
        outcome = trader.stop()
    failures.raise_first()
    return outcome


async def _reconnected(trader: Trader, runtime: SystemRuntime, interrupted: asyncio.Event) -> bool:
    """Try to reach the gateway again; give up only when flat."""
    tries = 0
    while not interrupted.is_set():
        tries += 1
        await pause(runtime, RECONNECT_EVERY * runtime.speed)
        try:
            await trader.connect()
        except BrokerFault:
            if tries >= RECONNECT_TRIES and trader.flat:
                return False
            continue
        trader.resume()
        return True
    return False


async def set_clock(trader: Trader, runtime: SystemRuntime) -> None:
    """Set our clock by the gateway's, to the second."""
    runtime.set_anchor(await trader.executor.gateway_time())


async def follow_clock(trader: Trader, runtime: SystemRuntime) -> None:
    """Set our clock by the gateway's and check that it runs at the speed we were given.

    The gateway tells whole seconds, so the moment at which the second changes is waited for.
    Raises `BadInput` when the two clocks run at different speeds.
    """
    began, began_here = await _next_second(trader, runtime)
    later = began
    while later - began < timedelta(seconds=2 * max(1.0, runtime.speed / 4)):
        later, later_here = await _next_second(trader, runtime)
    ratio = (later - began) / (later_here - began_here)
    if abs(ratio - 1) > SPEED_TOLERANCE:
        measured = ratio * runtime.speed
        raise BadInput(
            f"the gateway's clock runs {measured:.1f} times as fast as real time, --speed says "
            f"{runtime.speed:g}: start both with the same --speed"
        )
    runtime.set_anchor(later)


async def _next_second(trader: Trader, runtime: Runtime) -> tuple[datetime, datetime]:
    """Return the gateway's time just after its second changed, and ours at that moment."""
    before = await trader.executor.gateway_time()
    for _ in range(CLOCK_POLLS_MAX):
        now = await trader.executor.gateway_time()
        if now != before:
            return now, runtime.now()
    raise BrokerFault("the gateway's clock stands still")


# The gateway alone


def serve_gateway(
    day: SimulatedDay, *, port: int, speed: float, on_ready: Callable[[int], None]
) -> None:
    """Serve `day` over TCP on the loopback address until it is over or somebody interrupts."""
    asyncio.run(_serve(day, port, speed=speed, on_ready=on_ready))


async def _serve(
    day: SimulatedDay, port: int, *, speed: float, on_ready: Callable[[int], None]
) -> None:
    loop = asyncio.get_running_loop()
    failures, interrupted = Failures(), asyncio.Event()
    failures.take_from(loop)
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, interrupted.set)
    first = day.bars.session[0].opened_at
    runtime = SystemRuntime(failures.note, speed=speed, anchor=first - LEAD_IN)
    gateway = simulated_gateway(day, runtime, on_start=runtime.set_anchor)
    server = await gateway.serve_tcp(port)
    on_ready(server.sockets[0].getsockname()[1])
    try:
        await first_of(gateway.finished, interrupted, failures.happened)
        if gateway.finished.is_set():
            await pause(runtime, SETTLE)
    finally:
        gateway.drop_connections()
        server.close()
    failures.raise_first()
