"""A whole run of the trader, from start to outcome: embedded or connected.

Embedded, the gateway lives in the same process under virtual time: same client, same bytes, and
the same seed gives the same trades. Connected, the gateway is another process on a real socket;
its clock may run faster than ours, and then ours follows it.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from mytrader.alerts.wording import lasting
from mytrader.bootstrap import CLIENT_CLOCKS, Outcome, Parts, Plan, Trader
from mytrader.domain.commands import AlertLevel, RaiseAlert
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.session import trading_date
from mytrader.errors import BadInput, BrokerFault, JournalFault, MytraderError, OurFault
from mytrader.execution.live_trading_manager import Observer
from mytrader.idle_collection import collecting_when_idle
from mytrader.ports import Runtime
from mytrader.runtime import SystemRuntime, TaskFailed
from mytrader.settings import Settings
from mytrader.simulator.bar_files import BarFile
from mytrader.simulator.exchange_days import TABLE
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import (
    SIMULATED_ACCOUNT,
    GatewaySettings,
    SimulatedGateway,
    SimulatedMarket,
)
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.waiting import first_of, pause, unless

LEAD_IN: Final = timedelta(seconds=30)
"""Simulated time between the start and the first bar, for connecting."""

SETTLE: Final = timedelta(minutes=1)
"""Simulated time after the last bar, for the last reports to arrive."""

HISTORY_BARS_MAX: Final = 3000
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
SLOW_CONNECT: Final = timedelta(seconds=2)
"""A connection that takes longer is worth a line; real time, as those below."""

RECONNECT_EVERY: Final = timedelta(seconds=2)
RECONNECT_EVERY_MAX: Final = timedelta(seconds=30)
RECONNECT_TRIES: Final = 5
"""So many tries come soon and have a line each. After them a flat trader gives up a gateway whose
data has ended; any other is looked for until a person stops the trader."""

AWAY_SAID_EVERY: Final = timedelta(minutes=10)
"""Between two lines about a gateway that stays away, and before people are told of it."""

CONNECT_FAILED: Final = "CONNECT_FAILED"
LINK_AWAY: Final = "LINK_AWAY"

CLOCK_DIFFERENCE_MAX: Final = timedelta(minutes=1)
"""More than this is another time; less is for the guard of the clock's skew."""

CLOCK_POLL_EVERY: Final = timedelta(seconds=0.05)
CLOCK_POLLS_MAX: Final = 400
SPEED_MEASURED: Final = timedelta(seconds=0.5)
"""Real time over which the gateway's speed is measured, two of its seconds at least."""

SPEED_TOLERANCE: Final = 0.25


class SimulatedDay(Struct, frozen=True):
    """What an embedded or a served gateway plays: the same bars for each symbol."""

    symbols: tuple[str, ...]
    bars: BarFile
    settings: Settings
    faults: Faults = Faults()


class RunHalted(OurFault):
    """A failure ended a run that had begun: orders may rest at the broker. One line."""

    def __init__(self, failure: BaseException, journal: Path) -> None:
        what = str(failure) if isinstance(failure, MytraderError) else named(failure)
        super().__init__(f"{' '.join(what.split())} (journal {journal})")


def named(failure: BaseException) -> str:
    """Return a failure with its kind, for people."""
    return f"{type(failure).__name__}: {failure}"


class Watch:
    """What may end a run before its time, or interrupt it: `stop` is set with either.

    `failure` is the first failure of any task or callback, `lost` the connection's.
    """

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.lost = asyncio.Event()
        self.interrupted = False
        self.failure: BaseException | None = None

    def interrupt(self) -> None:
        """Take a person's wish to end."""
        self.interrupted = True
        self.stop.set()

    def note_failure(self, name: str, error: BaseException) -> None:
        """Take a failed task."""
        del name
        if self.failure is None:
            self.failure = error
        self.stop.set()

    def take_failures(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the failures of callbacks as well."""
        loop.set_exception_handler(
            lambda _, context: self.note_failure("callback", error_in(context))
        )


def error_in(context: dict[str, object]) -> BaseException:
    """Return what a loop's exception handler was told of."""
    error = context.get("exception")
    return error if isinstance(error, BaseException) else RuntimeError(str(context["message"]))


def simulated_gateway(
    day: SimulatedDay,
    runtime: Runtime,
    *,
    on_start: Callable[[datetime], None] | None = None,
) -> SimulatedGateway:
    """Return a gateway that plays `day` from the moment somebody subscribes to it."""
    markets = [_market(symbol, day) for symbol in day.symbols]
    settings = GatewaySettings(
        cash_usd=day.settings.simulator.starting_cash,
        faults=day.faults,
        seed=day.settings.simulator.seed,
        days=TABLE.shown_by((*day.bars.history, *day.bars.session)),
    )
    return SimulatedGateway(markets, runtime, settings=settings, on_start=on_start)


def _market(symbol: str, day: SimulatedDay) -> SimulatedMarket:
    instrument = INSTRUMENTS[symbol]
    commission = day.settings.simulator.commission_usd_per_side
    if commission is not None:
        instrument = replace(instrument, commission_usd_per_side=commission)
    return SimulatedMarket(
        contract=front_month(instrument, trading_date(day.bars.session[0].opened_at)),
        ticks=bar_ticks(day.bars.session),
        history=day.bars.history[-HISTORY_BARS_MAX:],
    )


# Embedded


def run_embedded(
    plan: Plan,
    day: SimulatedDay,
    *,
    observers: Sequence[Observer] = (),
    parts: Parts = Parts(),  # noqa: B008 - frozen
) -> Outcome:
    """Trade `day` against the embedded gateway in virtual time; raises `RunHalted`."""
    plan = replace(plan, simulated=True)
    epoch = day.bars.session[0].opened_at - LEAD_IN
    return run_virtual(
        lambda loop: _embedded(loop, plan, day=day, observers=observers, parts=parts),
        epoch=epoch,
        modules=CLIENT_CLOCKS,
    )


async def _embedded(
    loop: VirtualLoop,
    plan: Plan,
    *,
    day: SimulatedDay,
    observers: Sequence[Observer],
    parts: Parts,
) -> Outcome:
    watch = Watch()
    watch.take_failures(loop)
    runtime = VirtualRuntime(loop, watch.note_failure, seed=plan.seed)
    gateway = simulated_gateway(day, runtime)
    loop.serve(plan.host, plan.port, protocol_factory=gateway.protocol_factory)
    trader = Trader(plan, runtime, observers=observers, parts=parts)
    # Virtual time knows no signals; a handler of Python's own runs between two of its steps.
    with interruptible(watch.interrupt):
        return await trade(trader, trader.connect(), watch=watch, over=gateway.finished)


@contextmanager
def interruptible(callback: Callable[[], None]) -> Iterator[None]:
    """Call `callback` on SIGINT and SIGTERM meanwhile, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.signal(name, lambda *_: callback()) for name in STOP_SIGNALS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


# Connected


def run_connected(
    plan: Plan, *, speed: float | None, observers: Sequence[Observer] = ()
) -> Outcome:
    """Trade against a gateway on a socket until a person interrupts.

    `speed` says that the gateway's clock runs so many times faster than ours and that ours is to
    follow it: a simulated one, which leaves when its data has ended, and the run ends with it.
    `None` keeps the machine's clock. Raises `BrokerFault` when the gateway cannot be
    traded with, `RunHalted` for a failure after that.
    """
    return asyncio.run(_connected(plan, speed, observers=observers))


async def _connected(plan: Plan, speed: float | None, *, observers: Sequence[Observer]) -> Outcome:
    loop = asyncio.get_running_loop()
    watch = Watch()
    watch.take_failures(loop)
    for name in STOP_SIGNALS:
        loop.add_signal_handler(name, watch.interrupt)
    runtime = SystemRuntime(watch.note_failure, speed=speed or 1.0)
    plan = replace(plan, simulated=speed is not None)
    trader = Trader(plan, runtime, observers=observers)
    say_if_slow = runtime.call_at(
        runtime.now() + SLOW_CONNECT * runtime.speed, lambda: _say_waiting(plan)
    )
    start = _connect(
        trader, runtime, follow=speed is not None, disarm=say_if_slow, failed=watch.note_failure
    )
    with collecting_when_idle(runtime) as collector:
        trader.manager.observe(collector)
        leaves = speed is not None
        return await trade(trader, start, watch=watch, speed=runtime.speed, leaves=leaves)


async def _connect(
    trader: Trader,
    runtime: SystemRuntime,
    *,
    follow: bool,
    disarm: Callable[[], None],
    failed: TaskFailed,
) -> None:
    try:
        # Before anything can be sent, somebody can stop it.
        await trader.open_door(failed)
        if follow:
            await trader.connect(connected=lambda: check_speed(trader, runtime))
            # A simulated gateway sets its clock anew when its market starts.
            await set_clock(trader, runtime)
        else:
            await trader.connect(connected=lambda: check_clock(trader))
    finally:
        disarm()


def _say_waiting(plan: Plan) -> None:
    text = f"waiting for the answer of the gateway {plan.host}:{plan.port}"
    structlog.get_logger("mytrader.runs").warning("GATEWAY_SLOW", text=text)


# Both


async def trade(
    trader: Trader,
    start: Coroutine[Any, Any, None],
    *,
    watch: Watch,
    over: asyncio.Event | None = None,
    speed: float = 1.0,
    leaves: bool = False,
) -> Outcome:
    """Connect by `start` and trade until it is over, somebody interrupts or something fails.

    A gateway that is lost is looked for until it is back, also when the first connection fails
    with a trade open. Only one that `leaves`, or is `over`, is gone at last.
    """
    trader.executor.on_lost(watch.lost.set)
    search = Search(trader, watch, over=over, speed=speed, leaves=leaves)
    began = False
    try:
        if await _started(trader, start, search=search):
            began = True
            trader.begin()
            await _until_over(search)
    finally:
        try:
            outcome = trader.stop(interrupted=watch.interrupted)
        except JournalFault as error:
            watch.note_failure("journal", error)
    if watch.failure is not None:
        if not began:
            raise watch.failure
        raise RunHalted(watch.failure, trader.plan.journal) from watch.failure
    return outcome


async def _started(trader: Trader, start: Coroutine[Any, Any, None], *, search: "Search") -> bool:
    """Connect for the first time; raises `BrokerFault` only while no trade is open."""
    try:
        return await unless(search.watch.stop, start)
    except BrokerFault as error:
        if trader.flat:
            raise
        text = f"{error}: a trade is open, trying again"
        structlog.get_logger("mytrader.runs").warning(
            CONNECT_FAILED, at=trader.runtime.now(), text=text
        )
        trader.tell(RaiseAlert(AlertLevel.PAGE, CONNECT_FAILED, text))
        return await search.find()


async def _until_over(search: "Search") -> None:
    watch, over, trader = search.watch, search.over, search.trader
    ends = [watch.stop] if over is None else [watch.stop, over]
    while True:
        await first_of(watch.lost, *ends)
        if watch.stop.is_set():
            return
        if over is not None and over.is_set():
            # The last reports are still on their way.
            await unless(watch.stop, pause(trader.runtime, SETTLE))
            return
        if not await search.find():
            return
        trader.resume()


class Search:
    """Looks for a gateway that is away.

    `over` is set when its data is at its end; one that `leaves` is gone when it leaves.
    """

    def __init__(
        self,
        trader: Trader,
        watch: Watch,
        *,
        over: asyncio.Event | None,
        speed: float,
        leaves: bool,
    ) -> None:
        self.trader = trader
        self.watch = watch
        self.over = over
        self._speed = speed
        self._leaves = leaves
        self._log = structlog.get_logger("mytrader.runs")

    async def find(self) -> bool:
        """Try until the gateway is back: True. False when the run has to end without it."""
        runtime, stop = self.trader.runtime, self.watch.stop
        since = said = runtime.now()
        tries, told = 0, False
        while True:
            tries += 1
            if not await unless(stop, pause(runtime, self._wait_before(tries))):
                return False
            self.watch.lost.clear()
            try:
                if not await unless(stop, self.trader.connect()):
                    return False
            except BrokerFault as error:
                now = runtime.now()
                gone = tries >= RECONNECT_TRIES and self._gone
                if gone or tries <= RECONNECT_TRIES or now - said >= self._real(AWAY_SAID_EVERY):
                    said = now
                    self._say_failed(error, tries, away=now - since, gone=gone)
                if gone:
                    return False
                told = told or self._tell_away(error, away=now - since)
                continue
            now = runtime.now()
            text = f"after {lasting(now - since)}, at attempt {tries}"
            self._log.warning("RECONNECTED", at=now, text=text)
            return True

    def _wait_before(self, tries: int) -> timedelta:
        doubled = RECONNECT_EVERY * 2 ** min(max(0, tries - RECONNECT_TRIES), 10)
        return self._real(min(doubled, RECONNECT_EVERY_MAX))

    def _real(self, length: timedelta) -> timedelta:
        """Return a length of real time on the trader's clock."""
        return length * self._speed

    @property
    def _gone(self) -> bool:
        """Whether the gateway will not come back, and nothing is open that needs it."""
        over = self.over is not None and self.over.is_set()
        return (over or self._leaves) and self.trader.flat

    def _tell_away(self, error: BrokerFault, *, away: timedelta) -> bool:
        """Tell people, once the gateway has been away for longer than a restart takes."""
        if away < self._real(AWAY_SAID_EVERY):
            return False
        level = AlertLevel.WARNING if self.trader.flat else AlertLevel.PAGE
        text = f"for {lasting(away)}: {error}"
        self.trader.tell(RaiseAlert(level, LINK_AWAY, text))
        return True

    def _say_failed(self, error: BrokerFault, tries: int, *, away: timedelta, gone: bool) -> None:
        then = "flat, so the run ends" if gone else "trying again"
        text = f"{error}: away for {lasting(away)}, {then} (attempt {tries})"
        self._log.warning("RECONNECT_FAILED", at=self.trader.runtime.now(), text=text)


# The gateway's clock


async def set_clock(trader: Trader, runtime: SystemRuntime) -> None:
    """Set our clock by the gateway's, which tells whole seconds: just after one has changed."""
    runtime.set_anchor((await _next_second(trader, runtime))[0])


async def check_clock(trader: Trader) -> None:
    """Raise `BadInput` when the gateway lives in another time than this machine."""
    theirs, ours = await trader.executor.gateway_time(), trader.runtime.now()
    if abs(theirs - ours) > CLOCK_DIFFERENCE_MAX:
        raise BadInput(
            f"the gateway's clock shows {theirs:%Y-%m-%d %H:%M} UTC, ours {ours:%Y-%m-%d %H:%M}: "
            "set this machine's clock, or for a simulated gateway give its --speed (1 if none)"
        )


async def check_speed(trader: Trader, runtime: SystemRuntime) -> None:
    """Check that the gateway's clock runs at the speed we were given, and set ours by it.

    Raises `BadInput` when the two clocks run at different speeds, or the gateway is a broker's:
    alerts would call its orders a simulation, and a flat trader would give it up.
    """
    if trader.executor.accounts != (SIMULATED_ACCOUNT,):
        raise BadInput("--speed is for a simulated gateway, and this is none: leave it out")
    began, began_here = await _next_second(trader, runtime)
    await pause(runtime, max(SPEED_MEASURED * runtime.speed, timedelta(seconds=2)))
    later, later_here = await _next_second(trader, runtime)
    ratio = (later - began) / (later_here - began_here)
    if abs(ratio - 1) > SPEED_TOLERANCE:
        measured = ratio * runtime.speed
        raise BadInput(
            f"the gateway's clock runs {measured:.1f} times as fast as real time, --speed says "
            f"{runtime.speed:g}: start both with the same --speed"
        )
    runtime.set_anchor(later)


async def _next_second(trader: Trader, runtime: SystemRuntime) -> tuple[datetime, datetime]:
    """Return the gateway's time just after its second changed, and ours at that moment.

    Asks four times a second of ours, and never so often that the client would hold messages back.
    """
    between = min(CLOCK_POLL_EVERY * runtime.speed, timedelta(seconds=0.25))
    before = await trader.executor.gateway_time()
    for _ in range(CLOCK_POLLS_MAX):
        await pause(runtime, between)
        now = await trader.executor.gateway_time()
        if now != before:
            return now, runtime.now()
    raise BrokerFault("the gateway's clock stands still")
