"""A gateway in a thread of its own, for tests and programs that are not built on asyncio.

The thread owns the event loop, the clock and the account; whoever started it talks to the port
like any client, and reads the ledger through `read`, which runs between two steps of the gateway.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from msgspec import Struct

from mytrader.domain.instrument import INSTRUMENTS, FuturesContract
from mytrader.domain.market import Bar
from mytrader.domain.session import EXCHANGE_ZONE, trading_date
from mytrader.errors import BadInput, OurFault
from mytrader.runtime import SystemRuntime
from mytrader.simulator.bar_files import load_bar_file
from mytrader.simulator.exchange_days import TABLE
from mytrader.simulator.fault_files import load_faults
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import (
    HOST,
    GatewaySettings,
    LedgerView,
    SimulatedGateway,
    SimulatedMarket,
)
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.synthetic import synthetic_sessions

START_WAIT_S: Final = 30.0
READ_WAIT_S: Final = 30.0
SESSIONS: Final = (date(2025, 12, 10), date(2025, 12, 11))
"""The synthetic past and the synthetic session that is played after it."""

_LEAD_IN: Final = timedelta(seconds=30)

T = TypeVar("T")


class PlayedDay(Struct, frozen=True):
    """What a gateway plays and how: all that a test may want otherwise.

    `begin` (US Central) is where in the session the market starts; the bars before it are history.
    `bars` is a file as `mytrader run --bars` reads it, with `day` its session; without it the
    market is made from `seed`. `speed` is simulated seconds per second. `faults` are switches, or
    a YAML file of them.
    """

    symbol: str = "ES"
    seed: int = 1
    begin: time = time(9)
    speed: float = 10.0
    bars: Path | None = None
    day: date | None = None
    faults: Faults | Path = Faults()
    account: str = "DU0000001"

    def market(self) -> tuple[SimulatedMarket, datetime]:
        """Return the market from `begin` on, and when that is. Raises `BadInput`."""
        if self.symbol not in INSTRUMENTS:
            raise BadInput(f"symbol {self.symbol}: choose one of {', '.join(INSTRUMENTS)}")
        bars = self._bars()
        session = trading_date(bars[-1].opened_at)
        start = datetime.combine(session, self.begin, EXCHANGE_ZONE)
        if self.begin >= time(17):
            start -= timedelta(days=1)
        played = [bar for bar in bars if bar.opened_at >= start]
        if not played:
            raise BadInput(f"begin {self.begin}: no bar of {session} is that late; begin earlier")
        market = SimulatedMarket(
            contract=front_month(INSTRUMENTS[self.symbol], session),
            ticks=bar_ticks(played),
            history=bars[: len(bars) - len(played)],
        )
        return market, played[0].opened_at

    def _bars(self) -> list[Bar]:
        instrument = INSTRUMENTS[self.symbol]
        if self.bars is None:
            return synthetic_sessions(self.seed, instrument, sessions=SESSIONS)
        loaded = load_bar_file(self.bars, instrument, date=self.day)
        return [*loaded.history, *loaded.session]

    def settings(self) -> GatewaySettings:
        """Return the gateway's settings. Raises `BadInput` for an unreadable file of faults."""
        faults = load_faults(self.faults) if isinstance(self.faults, Path) else self.faults
        return GatewaySettings(account=self.account, faults=faults, seed=self.seed, days=TABLE)


class GatewayThread:
    """A gateway that listens while the `with` block runs; `port` is a free one.

    The market starts with the first subscription of a client. Leaving the block closes every
    connection and ends the thread; a failure inside the gateway is raised there.
    """

    host: Final = HOST

    def __init__(self, day: PlayedDay = PlayedDay()) -> None:  # noqa: B008 - frozen
        if not 0 < day.speed <= 1000:
            raise BadInput(f"speed {day.speed}: give a number above 0 up to 1000")
        self.day = day
        self.port = 0
        self._market, self._begins = day.market()
        self.contract: FuturesContract = self._market.contract
        self.account = day.account
        self._settings = day.settings()
        self._listening: Future[int] = Future()
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="tws-gateway", daemon=True)

    def __enter__(self) -> Self:
        """Listen. Raises whatever keeps the gateway from it."""
        self._thread.start()
        self.port = self._listening.result(START_WAIT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything. Raises `OurFault` if the gateway failed meanwhile."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(START_WAIT_S)
        if self._failures and error is None:
            first = self._failures[0]
            raise OurFault(f"the gateway failed: {type(first).__name__}: {first}") from first

    def read(self, look: Callable[[LedgerView], T]) -> T:
        """Return what `look` sees in the ledger, between two steps of the gateway."""
        return self._inside(lambda: look(self._gateway.ledger))

    def drop_connections(self) -> None:
        """End every client's connection, as a gateway does that restarts; they may return."""
        self._inside(self._gateway.drop_connections)

    def start_market(self) -> None:
        """Let the market move without waiting for a subscription."""
        self._inside(self._gateway.start)

    def _inside(self, work: Callable[[], T]) -> T:
        async def do() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(READ_WAIT_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except (BadInput, OSError) as error:
            self._listening.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _, context: self._failures.append(_error(context)))
        self._over = asyncio.Event()
        runtime = SystemRuntime(
            lambda _, error: self._failures.append(error),
            speed=self.day.speed,
            anchor=self._begins - _LEAD_IN,
        )
        self._gateway = SimulatedGateway(
            [self._market], runtime, settings=self._settings, on_start=runtime.set_anchor
        )
        server = await self._gateway.serve_tcp(0)
        self._listening.set_result(server.sockets[0].getsockname()[1])
        try:
            await self._over.wait()
        finally:
            self._gateway.drop_connections()
            server.close()


def _error(context: dict[str, object]) -> BaseException:
    error = context.get("exception")
    return error if isinstance(error, BaseException) else OurFault(str(context["message"]))
