"""Virtual time: every need of TWS-PROTOCOL.md section 11, and the client's library on it."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType

import eventkit.util
import ib_async
import ib_async.client
import ib_async.ib
import ib_async.util
import ib_async.wrapper
import pytest

from mytrader.ports import Runtime
from mytrader.simulator.virtual_time import (
    Deadlocked,
    Livelocked,
    RealTimeRefused,
    VirtualLoop,
    VirtualRuntime,
    run_virtual,
)

EPOCH = datetime(2025, 12, 12, 14, 30, tzinfo=UTC)
IB_MODULES: tuple[ModuleType, ...] = (
    ib_async.wrapper,
    ib_async.client,
    ib_async.ib,
    ib_async.util,
    eventkit.util,
)


def test_a_day_passes_in_a_moment() -> None:
    async def main(loop: VirtualLoop) -> datetime:
        await asyncio.sleep(3 * 86_400)
        return loop.now()

    began = time.perf_counter()
    ended_at = run_virtual(main, epoch=EPOCH)
    assert time.perf_counter() - began < 0.2
    assert timedelta(0) <= ended_at - EPOCH - timedelta(days=3) < timedelta(microseconds=10)


def test_the_clock_lands_just_after_a_timer() -> None:
    """A client that compares with `>` must not re-arm itself for the same instant for ever."""

    async def main(loop: VirtualLoop) -> float:
        due = loop.time() + 5.0
        while not loop.time() > due:  # noqa: ASYNC110  # the loop is under test
            await asyncio.sleep(due - loop.time())
        return loop.time() - due

    assert 0 < run_virtual(main, epoch=EPOCH) < 2e-6


def test_waiting_for_what_nobody_will_do_is_a_deadlock() -> None:
    async def main(loop: VirtualLoop) -> None:
        await loop.create_future()

    with pytest.raises(Deadlocked, match="no timer is armed"):
        run_virtual(main, epoch=EPOCH)


def test_turning_without_time_passing_is_a_livelock() -> None:
    async def main(_: VirtualLoop) -> None:
        while True:  # noqa: ASYNC110  # the loop is under test
            await asyncio.sleep(0)

    with pytest.raises(Livelocked, match="1000 turns"):
        run_virtual(main, epoch=EPOCH, turns_max=1000)


def test_who_rearms_at_the_exact_instant_gets_past_it() -> None:
    """The client's throttle does, and another timer may land the clock on its deadline."""

    async def main(loop: VirtualLoop) -> float:
        over = loop.create_future()
        deadline = 1.0 + 1e-6

        def throttle() -> None:
            if loop.time() > deadline:
                over.set_result(loop.time())
            else:
                loop.call_at(deadline, throttle)

        loop.call_at(1.0, throttle)
        return float(await over)

    assert 1.0 < run_virtual(main, epoch=EPOCH, turns_max=1000) < 1.0001


def test_many_turns_are_no_livelock_while_time_passes() -> None:
    async def main(_: VirtualLoop) -> int:
        for _turn in range(3000):
            await asyncio.sleep(0.001)
        return 1

    assert run_virtual(main, epoch=EPOCH, turns_max=10) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda loop: loop.run_in_executor(None, print),
        lambda loop: loop.create_server(asyncio.Protocol, "127.0.0.1", 0),
        lambda loop: loop.getaddrinfo("localhost", 80),
        lambda loop: loop.add_reader(0, print),
        lambda loop: loop.add_signal_handler(2, print),
        lambda loop: loop.subprocess_exec(asyncio.SubprocessProtocol, "true"),
    ],
)
def test_the_outside_world_is_refused(ask: Callable[[VirtualLoop], object]) -> None:
    async def main(loop: VirtualLoop) -> None:
        with pytest.raises(RealTimeRefused):
            ask(loop)

    run_virtual(main, epoch=EPOCH)


def test_tls_and_ready_made_sockets_are_refused() -> None:
    async def main(loop: VirtualLoop) -> None:
        with pytest.raises(RealTimeRefused):
            await loop.create_connection(asyncio.Protocol, "localhost", 1, ssl=True)
        with pytest.raises(RealTimeRefused):
            await loop.create_connection(asyncio.Protocol, sock=object())

    run_virtual(main, epoch=EPOCH)


def test_a_thread_that_calls_in_is_refused() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        caught: list[str] = []

        def call() -> None:
            try:
                loop.call_soon_threadsafe(caught.append, "called")
            except RealTimeRefused as error:
                caught.append(str(error))

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        loop.call_soon_threadsafe(caught.append, "from inside")
        await asyncio.sleep(1)
        return caught

    assert run_virtual(main, epoch=EPOCH) == ["a thread called into virtual time", "from inside"]


def test_nobody_serves_and_nobody_serves_any_more() -> None:
    async def main(loop: VirtualLoop) -> None:
        with pytest.raises(ConnectionRefusedError, match="nobody serves"):
            await loop.create_connection(asyncio.Protocol, "127.0.0.1", 4002)
        server = loop.serve("127.0.0.1", 4002, protocol_factory=asyncio.Protocol)
        with pytest.raises(OSError, match="in use"):
            loop.serve("localhost", 4002, protocol_factory=asyncio.Protocol)
        transport, _ = await loop.create_connection(asyncio.Protocol, "localhost", 4002)
        server.close()
        server.close()
        assert not transport.is_closing()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(asyncio.Protocol, "127.0.0.1", 4002)

    run_virtual(main, epoch=EPOCH)


def test_streams_work_over_memory() -> None:
    async def main(loop: VirtualLoop) -> bytes:
        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        def serve() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), shout, loop=loop)

        loop.serve("127.0.0.1", 7, protocol_factory=serve)
        reader, writer = await asyncio.open_connection("127.0.0.1", 7)
        writer.write(b"hello\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    assert run_virtual(main, epoch=EPOCH) == b"HELLO\n"


def test_leftover_tasks_are_cancelled_in_order_and_nothing_is_left_open() -> None:
    ended: list[int] = []

    async def linger(number: int) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(number)

    async def main(loop: VirtualLoop) -> VirtualLoop:
        tasks = [loop.create_task(linger(number)) for number in range(12)]
        await asyncio.sleep(1)
        assert not any(task.done() for task in tasks)
        return loop

    loop = run_virtual(main, epoch=EPOCH)
    assert ended == list(range(12))
    assert loop.is_closed()
    del loop
    gc.collect()


def test_an_error_of_the_program_is_raised_and_the_clocks_are_restored() -> None:
    before = [dict(vars(module)) for module in IB_MODULES]

    async def main(_: VirtualLoop) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_virtual(main, epoch=EPOCH, modules=IB_MODULES)
    assert [dict(vars(module)) for module in IB_MODULES] == before


def refuse(name: str, error: BaseException) -> None:
    """Expect no failure."""
    raise AssertionError(name) from error


def test_the_runtime_keeps_virtual_time() -> None:
    async def main(loop: VirtualLoop) -> list[datetime]:
        runtime: Runtime = VirtualRuntime(loop, refuse, seed=1)
        seen = [runtime.now()]
        runtime.call_at(EPOCH + timedelta(hours=1), lambda: seen.append(runtime.now()))
        disarm = runtime.call_at(EPOCH + timedelta(hours=2), lambda: seen.append(EPOCH))
        disarm()
        runtime.call_at(EPOCH - timedelta(hours=2), lambda: seen.append(runtime.now()))

        async def work() -> None:
            await asyncio.sleep(7200)
            seen.append(runtime.now())

        runtime.spawn(work(), "work")
        await asyncio.sleep(10_000)
        return seen

    start, past, hour, later = run_virtual(main, epoch=EPOCH)
    assert start == past == EPOCH
    assert timedelta(hours=1) <= hour - EPOCH < timedelta(hours=1, microseconds=5)
    assert timedelta(hours=2) <= later - EPOCH < timedelta(hours=2, microseconds=5)


def test_a_failed_task_of_the_runtime_is_reported() -> None:
    failures: list[tuple[str, str]] = []

    async def main(loop: VirtualLoop) -> None:
        runtime = VirtualRuntime(loop, lambda name, e: failures.append((name, str(e))), seed=1)

        async def work() -> None:
            await asyncio.sleep(1)
            raise ValueError("broken")

        runtime.spawn(work(), "work")
        await asyncio.sleep(2)

    run_virtual(main, epoch=EPOCH)
    assert failures == [("work", "broken")]


@pytest.mark.parametrize(("seeds", "equal"), [((1, 1), True), ((1, 2), False)])
def test_ids_come_from_the_seed(seeds: tuple[int, int], equal: bool) -> None:
    async def main(loop: VirtualLoop) -> list[list[str]]:
        runtimes = [VirtualRuntime(loop, refuse, seed=seed) for seed in seeds]
        return [[runtime.new_cycle_id() for _ in range(3)] for runtime in runtimes]

    one, other = run_virtual(main, epoch=EPOCH)
    assert (one == other) is equal
    assert one == sorted(set(one))


class TinyGateway(asyncio.Protocol):
    """Says what a client of TWS needs in order to call itself connected; then listens."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the handshake, then the first request."""
        self.received.append(data)
        if len(self.received) == 1:
            self._send("178", "20251212 14:30:00 UTC")
        elif len(self.received) == 2:
            self._send("9", "1", "5")
            self._send("15", "1", "DU0000001")

    def _send(self, *fields: str) -> None:
        assert self.transport is not None
        message = b"".join(field.encode() + b"\0" for field in fields)
        self.transport.write(len(message).to_bytes(4, "big") + message)


def talk(loop_epoch: datetime = EPOCH) -> tuple[list[bytes], list[datetime], list[str]]:
    """Connect an unmodified client, send 200 messages through its throttle, disconnect."""
    gateway = TinyGateway()
    heard: list[str] = []

    async def main(loop: VirtualLoop) -> list[datetime]:
        loop.serve("127.0.0.1", 4002, protocol_factory=lambda: gateway)
        ib = ib_async.IB()

        async def on_disconnect() -> None:
            await asyncio.sleep(0)
            heard.append("disconnected")

        ib.disconnectedEvent += on_disconnect
        await ib.client.connectAsync("127.0.0.1", 4002, 1, timeout=2)
        times = [loop.now(), ib.wrapper.lastTime]
        for request in range(200):
            ib.client.cancelMktData(request)
        await asyncio.sleep(60)
        times += [loop.now(), datetime.fromtimestamp(ib.client._startTime, UTC)]
        assert ib.client.connectionStats().numMsgSent == 202
        ib.disconnect()
        await asyncio.sleep(1)
        assert not ib.isConnected()
        return times

    times = run_virtual(main, epoch=loop_epoch, modules=IB_MODULES)
    return gateway.received, times, heard


@pytest.mark.slow
def test_the_unmodified_client_runs_and_sees_virtual_time_only() -> None:
    received, times, heard = talk()
    assert received[0].startswith(b"API\0")
    sent = b"".join(received[2:])
    assert all(b"2\x002\0%d\0" % request in sent for request in range(200))
    assert heard == ["disconnected"], "handlers that are coroutines run on this loop"
    assert all(EPOCH <= at <= EPOCH + timedelta(seconds=61) for at in times)
    assert talk() == (received, times, heard)


def test_blocking_work_takes_as_long_in_virtual_time_as_it_took() -> None:
    """An advisor outside that is asked in a simulated session is as slow there as it is."""
    seconds = iter([10.0, 10.7, 20.0, 20.25])
    passed: list[float] = []

    async def main(loop: VirtualLoop) -> str:
        runtime = VirtualRuntime(loop, lambda *_: None, seed=1, elapsed_s=lambda: next(seconds))
        said = await runtime.off_loop(lambda: "done")
        passed.append(loop.time())
        with pytest.raises(ZeroDivisionError):
            await runtime.off_loop(lambda: 1 // 0)
        passed.append(loop.time())
        return said

    assert run_virtual(main, epoch=EPOCH) == "done"
    assert passed == pytest.approx([0.7, 0.95], abs=1e-3)
