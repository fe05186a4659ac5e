"""An event loop whose clock jumps to the next timer, and whose network is memory.

Client and gateway run unmodified in one process: a session of 23 hours takes seconds, and the
same seed gives the same bytes. TWS-PROTOCOL.md section 11 says what that needs and why.

* Nothing ready: the clock goes to the next timer and 1 µs further, because clients compare
  deadlines with `>` and would re-arm themselves at the exact instant for ever.
* Another timer may land the clock on a deadline exactly, with the same result: after a hundred
  turns at one instant the clock takes a step of 1 µs, as a real one would.
* Nothing scheduled either: `Deadlocked`. Too many turns without a jump: `Livelocked`.
* Threads, executors, sockets, signals and subprocesses are refused: through them real time
  would leak in.
* The loop's own clock starts at 0 and stays small; the epoch is added only where a datetime is
  made. A double near 1.7e9 has no microseconds to spare.
"""

import asyncio
import errno
import random
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple

from mytrader.errors import OurFault
from mytrader.runtime import RANDOM_BITS, CycleIds, TaskFailed, Tasks, monotonic_seconds
from mytrader.simulator.memory_transport import MemoryTransport
from mytrader.simulator.rebound_clock import rebind_clock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LATENCY: Final = timedelta(microseconds=100)
"""One way through the memory network; about what loopback TCP takes."""

TURNS_AT_ONE_INSTANT_MAX: Final = 100_000
_LANDING_S: Final = 1e-6
_TURNS_BEFORE_A_STEP: Final = 100
_SECOND: Final = timedelta(seconds=1)
_CLIENT_HOST: Final = "127.0.0.1"
_CLIENT_PORT_FIRST: Final = 49152


class VirtualTimeError(OurFault):
    """The program cannot go on in virtual time."""


class Deadlocked(VirtualTimeError):
    """Everything waits and no timer is armed: in real time this would hang for ever."""


class Livelocked(VirtualTimeError):
    """The loop turns and turns and time does not pass: in real time this would burn the CPU."""


class RealTimeRefused(VirtualTimeError):
    """Something asked for a thread, a socket, a signal or a subprocess."""


class _Jump:
    """Stands where the loop has its selector: waiting for events means moving the clock."""

    def __init__(self, turns_max: int) -> None:
        self.now_s = 0.0
        self.turn = 0
        self._turns_max = turns_max
        self._turn_of_jump = 0

    def select(self, timeout_s: float | None) -> list[Any]:
        self.turn += 1
        if timeout_s is None:
            raise Deadlocked(f"{self.now_s:.6f} s: nothing is ready and no timer is armed")
        if timeout_s > 0:
            self.now_s += timeout_s + _LANDING_S
            self._turn_of_jump = self.turn
            return []
        turns = self.turn - self._turn_of_jump
        if turns > self._turns_max:
            raise Livelocked(
                f"{self.now_s:.6f} s: {self._turns_max} turns of the loop and no time has passed"
            )
        if turns and turns % _TURNS_BEFORE_A_STEP == 0:
            self.now_s += _LANDING_S
        return []


class MemoryServer:
    """A served address; `close` stops serving it and leaves its connections alone."""

    def __init__(self, loop: "VirtualLoop", address: tuple[str, int]) -> None:
        self._loop = loop
        self._address = address

    def close(self) -> None:
        """Refuse new connections from now on."""
        self._loop.stop_serving(self._address)


class VirtualLoop(asyncio.BaseEventLoop):
    """The event loop of the module's description. `epoch` is what its clock shows at 0.

    `turns_max` bounds the turns of the loop at one instant, `latency` is one way of the network.
    """

    def __init__(
        self,
        epoch: datetime,
        *,
        latency: timedelta = LATENCY,
        turns_max: int = TURNS_AT_ONE_INSTANT_MAX,
    ) -> None:
        super().__init__()
        self.epoch = epoch
        self._jump = _Jump(turns_max)
        self._present = (0.0, epoch)
        self._selector = self._jump
        self._latency_s = latency / _SECOND
        self._served: dict[tuple[str, int], Callable[[], asyncio.Protocol]] = {}
        self._client_port = _CLIENT_PORT_FIRST

    @property
    def turn(self) -> int:
        """Number of the present turn of the loop."""
        return self._jump.turn

    def time(self) -> float:
        """Return seconds since the loop was made."""
        return self._jump.now_s

    def now(self) -> datetime:
        """Return the present as `epoch` plus `time()`, aware UTC."""
        now_s, (known_s, known) = self._jump.now_s, self._present
        if now_s == known_s:
            return known
        now = self.epoch + timedelta(seconds=now_s)
        self._present = (now_s, now)
        return now

    def serve(
        self, host: str, port: int, *, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> MemoryServer:
        """Answer connections to an address with protocols; `OSError` if it is served already."""
        address = _address(host, port)
        if address in self._served:
            raise OSError(errno.EADDRINUSE, f"{host}:{port} is in use")
        self._served[address] = protocol_factory
        return MemoryServer(self, address)

    def stop_serving(self, address: tuple[str, int]) -> None:
        """Refuse new connections to an address; see `MemoryServer.close`."""
        self._served.pop(address, None)

    async def create_connection(  # type: ignore[override]  # TLS, sockets and proxies have no meaning here
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        host: str | None = None,
        port: int | None = None,
        **options: object,
    ) -> tuple[MemoryTransport, asyncio.Protocol]:
        """Connect to a served address; `ConnectionRefusedError` if nobody serves it."""
        if host is None or port is None or any(value for value in options.values()):
            raise RealTimeRefused("virtual time connects to a host and a port, without TLS")
        await asyncio.sleep(2 * self._latency_s)
        serving = self._served.get(_address(host, port))
        if serving is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody serves {host}:{port}")
        self._client_port += 1
        server_name, client_name = (host, port), (_CLIENT_HOST, self._client_port)
        server, client = serving(), protocol_factory()
        theirs = self._end_of_wire(server, local=server_name, remote=client_name)
        ours = self._end_of_wire(client, local=client_name, remote=server_name)
        theirs.peer, ours.peer = ours, theirs
        server.connection_made(theirs)
        client.connection_made(ours)
        return ours, client

    def _end_of_wire(
        self, protocol: asyncio.Protocol, *, local: tuple[str, int], remote: tuple[str, int]
    ) -> MemoryTransport:
        extra = {"sockname": local, "peername": remote}
        return MemoryTransport(self, protocol, latency_s=self._latency_s, extra=extra)

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call in the next turn; refused from another thread."""
        running_in = getattr(self, "_thread_id", None)
        if running_in is not None and running_in != threading.get_ident():
            raise RealTimeRefused("a thread called into virtual time")
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: `_Jump` reports no events."""

    def _write_to_self(self) -> None:
        """Do nothing: nobody outside has to wake the loop."""

    def _refuse(self, *_args: object, **_options: object) -> NoReturn:
        raise RealTimeRefused("threads, sockets, signals and subprocesses do not exist here")

    run_in_executor = _refuse
    create_server = _refuse
    create_unix_connection = _refuse
    create_unix_server = _refuse
    create_datagram_endpoint = _refuse
    connect_accepted_socket = _refuse
    getaddrinfo = _refuse
    getnameinfo = _refuse
    sock_connect = _refuse
    sock_recv = _refuse
    sock_sendall = _refuse
    add_reader = _refuse
    add_writer = _refuse
    add_signal_handler = _refuse
    subprocess_exec = _refuse
    subprocess_shell = _refuse
    connect_read_pipe = _refuse
    connect_write_pipe = _refuse


class VirtualRuntime:
    """`ports.Runtime` on a `VirtualLoop`; the ids come from `seed`.

    `elapsed_s` measures what blocking work takes of the machine's time; replaced by tests only.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        on_failure: TaskFailed,
        *,
        seed: int,
        elapsed_s: Callable[[], float] = monotonic_seconds,
    ) -> None:
        chance = random.Random(f"cycle ids {seed}")  # noqa: S311  # repeatable is the point
        self._loop = loop
        self._elapsed_s = elapsed_s
        self._tasks = Tasks(on_failure)
        self._ids = CycleIds(lambda: chance.getrandbits(RANDOM_BITS))

    def now(self) -> datetime:
        """Return the loop's time, aware UTC."""
        return self._loop.now()

    def new_cycle_id(self) -> str:
        """Return a new id; see `mytrader.runtime.CycleIds`."""
        return self._ids.next(self.now())

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start a task; its failure goes to `on_failure`."""
        self._tasks.spawn(work, name)

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Do blocking `work` here and now, then let its real time pass on this clock."""
        began = self._elapsed_s()
        try:
            return work()
        finally:
            await asyncio.sleep(self._elapsed_s() - began)

    def call_at(self, when: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once, never before `when`; the returned function disarms it."""
        return self._loop.call_at((when - self._loop.epoch) / _SECOND, callback).cancel


def run_virtual(
    main: Callable[[VirtualLoop], Coroutine[Any, Any, T]],
    *,
    epoch: datetime,
    modules: Sequence[ModuleType] = (),
    latency: timedelta = LATENCY,
    turns_max: int = TURNS_AT_ONE_INSTANT_MAX,
) -> T:
    """Run `main(loop)` to its end in virtual time that starts at `epoch`, and return its result.

    The clocks of `modules` are the loop's meanwhile. The loop is the current event loop of the
    thread, for libraries that ask the policy. Tasks that are left over are cancelled. Raises what
    `main` raises, and `VirtualTimeError` when virtual time cannot go on.
    """
    loop = VirtualLoop(epoch, latency=latency, turns_max=turns_max)
    asyncio.set_event_loop(loop)
    try:
        with rebind_clock(loop.now, loop.time, modules=modules):
            try:
                return loop.run_until_complete(main(loop))
            finally:
                _cancel_leftovers(loop)
                loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _cancel_leftovers(loop: VirtualLoop) -> None:
    # A set of tasks is ordered by memory address; by name the order is the same in every run.
    leftovers = sorted(
        asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name())
    )
    for task in leftovers:
        task.cancel()
    if leftovers:
        loop.run_until_complete(asyncio.gather(*leftovers, return_exceptions=True))


def _address(host: str, port: int) -> tuple[str, int]:
    return ("127.0.0.1" if host == "localhost" else host, port)
