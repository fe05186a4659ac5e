"""Latency and throughput over loopback TCP: real clients against the simulated gateway.

The gateway is a process of its own, without the simulated way to the exchange; the clients share
another. `connect` is until everything is synchronised, `place` until the first status of a resting
limit order, `messages` are small requests and their answers, sent as fast as they are read, the
gateway's clock so fast that its pacing does not meet them. With 20 clients all of them connect at
once, and place orders at the same time, ten a second each. The same run does the same with a bare
loopback echo of as many bytes: the ratios say what the protocol and the two programs add to the
machine, and are what can be compared between machines.
"""

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date, timedelta
from typing import Final

import ib_async

from mytrader.domain.instrument import ES
from mytrader.runtime import SystemRuntime
from mytrader.simulator.gateway import HOST, GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.synthetic import synthetic_bars
from mytrader.tws.codec import encode
from mytrader.tws.frames import ClientHello, FrameReader, encode_client_hello
from mytrader.tws.requests import RequestCurrentTime, StartApi

CLIENTS: Final = (1, 20)
CONNECTS: Final = 100
"""Connections that are timed, over all clients."""
ORDERS: Final = 300
"""Orders that are timed, over all clients."""
REST_S: Final = 0.1
"""Between two orders of one client: an order and its cancel stay below 45 messages a second."""
ECHO_BYTES: Final = 400
REST_BELOW_POINTS: Final = 100
MESSAGES: Final = 20_000
"""Requests that are timed, over all clients."""
BATCH: Final = 100
"""Requests that a client has under way."""
UNPACED: Final = 1000.0
"""Speed of the gateway's clock while messages are counted: its 50 a second become 50,000."""


def main() -> dict[str, float]:
    """Return the figures: milliseconds, messages a second, ratios."""
    figures: dict[str, float] = {}
    for count in CLIENTS:
        # A gateway without a past: whoever connects is told of every order that is over.
        with _gateway(1.0) as port:
            figures |= asyncio.run(_latencies(port, count))
        with _gateway(UNPACED) as port:
            figures |= asyncio.run(_throughput(port, count))
    return figures


async def _latencies(port: int, count: int) -> dict[str, float]:
    connects = [
        taken for at in range(CONNECTS // count) for taken in await _connects(port, count, at)
    ]
    desks = [ib_async.IB() for _ in range(count)]
    for number, ib in enumerate(desks):
        await ib.connectAsync(HOST, port, clientId=number, raiseSyncErrors=True)
    contract, price = await _market(desks[0])
    each = ORDERS // count
    placed = await asyncio.gather(*[_places(ib, contract, price, times=each) for ib in desks])
    places = [taken for client in placed for taken in client]
    for ib in desks:
        ib.disconnect()
    async with _echo() as echo_port:
        echoed = await asyncio.gather(*[_echoes(echo_port, each) for _ in range(count)])
    echoes = [taken for client in echoed for taken in client]
    echo_p50 = statistics.median(echoes)
    return {
        f"connect_p50_ms_{count}": _ms(connects, 50),
        f"connect_p99_ms_{count}": _ms(connects, 99),
        f"place_p50_ms_{count}": _ms(places, 50),
        f"place_p99_ms_{count}": _ms(places, 99),
        f"echo_p50_ms_{count}": _ms(echoes, 50),
        f"connect_to_echo_ratio_{count}": statistics.median(connects) / echo_p50,
        f"place_to_echo_ratio_{count}": statistics.median(places) / echo_p50,
    }


async def _connects(port: int, count: int, round_number: int) -> list[float]:
    """Let so many clients connect at the same time; return how long each took, seconds."""

    async def connect(client_id: int) -> float:
        ib = ib_async.IB()
        began = time.perf_counter()
        await ib.connectAsync(HOST, port, clientId=client_id, raiseSyncErrors=True)
        taken = time.perf_counter() - began
        ib.disconnect()
        return taken

    first = 1000 + round_number * count
    return list(await asyncio.gather(*[connect(first + number) for number in range(count)]))


async def _market(ib: ib_async.IB) -> tuple[ib_async.Contract, float]:
    found = await ib.reqContractDetailsAsync(ib_async.Future("ES", exchange="CME"))
    contract = found[0].contract
    assert contract is not None
    ticker = ib.reqMktData(contract)
    while not ticker.bid > 0:
        await ticker.updateEvent
    ib.cancelMktData(contract)
    return contract, float(ticker.bid - REST_BELOW_POINTS)


async def _places(
    ib: ib_async.IB, contract: ib_async.Contract, price: float, *, times: int
) -> list[float]:
    taken = []
    for _ in range(times):
        order = ib_async.LimitOrder("BUY", 1, price, tif="GTC", outsideRth=True)
        answered = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        trade = ib.placeOrder(contract, order)
        trade.statusEvent += lambda _, done=answered: done.done() or done.set_result(None)
        await answered
        taken.append(time.perf_counter() - began)
        cancelled = asyncio.get_running_loop().create_future()
        trade.cancelledEvent += lambda _, done=cancelled: done.done() or done.set_result(None)
        ib.cancelOrder(order)
        await cancelled
        await asyncio.sleep(REST_S)
    return taken


@asynccontextmanager
async def _echo() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def _echoes(port: int, times: int) -> list[float]:
    reader, writer = await asyncio.open_connection(HOST, port)
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        writer.write(b"x" * ECHO_BYTES)
        await reader.readexactly(ECHO_BYTES)
        taken.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()
    return taken


async def _throughput(port: int, count: int) -> dict[str, float]:
    """Return how many messages a second pass, requests and answers."""
    each = MESSAGES // count
    hello = encode_client_hello(ClientHello(157, 178))
    starts = [hello + encode(StartApi(number)) for number in range(count)]
    rate = await _rate(port, starts, each=each, greeting=6)
    async with _echo() as echo_port:
        bare = await _rate(echo_port, [b""] * count, each=each, greeting=0)
    return {
        f"messages_per_s_{count}": rate,
        f"echo_messages_per_s_{count}": bare,
        f"messages_to_echo_ratio_{count}": rate / bare,
    }


async def _rate(port: int, starts: list[bytes], *, each: int, greeting: int) -> float:
    asked = encode(RequestCurrentTime())

    async def ask(start: bytes, began: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        frames = FrameReader()
        writer.write(start)
        await _take(reader, frames, greeting)
        await began.wait()
        for _ in range(each // BATCH):
            writer.write(asked * BATCH)
            await _take(reader, frames, BATCH)
        writer.close()
        await writer.wait_closed()

    begin = asyncio.Event()
    clients = [asyncio.ensure_future(ask(start, begin)) for start in starts]
    await asyncio.sleep(0.5)
    began = time.perf_counter()
    begin.set()
    await asyncio.gather(*clients)
    return 2 * each * len(starts) / (time.perf_counter() - began)


async def _take(reader: asyncio.StreamReader, frames: FrameReader, count: int) -> None:
    """Read so many messages."""
    while count > 0:
        data = await reader.read(1 << 16)
        assert data, "the server left"
        count -= len(frames.feed(data))


def _ms(seconds: list[float], percentile: int) -> float:
    return statistics.quantiles(seconds, n=100)[percentile - 1] * 1000


async def serve(speed: float) -> None:
    """Be the gateway: a synthetic session, orders acknowledged at once."""
    over = asyncio.Event()
    bars = synthetic_bars(1, ES, session=date(2025, 12, 11))
    runtime = SystemRuntime(lambda _, __: over.set(), speed=speed, anchor=bars[0].opened_at)
    contract = front_month(ES, date(2025, 12, 11))
    market = SimulatedMarket(contract, bar_ticks(bars[1:]), bars[:1])
    settings = GatewaySettings(latency=timedelta(0))
    gateway = SimulatedGateway([market], runtime, settings=settings, on_start=runtime.set_anchor)
    server = await gateway.serve_tcp(0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over.wait()


@contextmanager
def _gateway(speed: float) -> Iterator[int]:
    """Yield the port of a gateway in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(speed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=float, metavar="SPEED", help="be the gateway")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        sys.exit()
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    figures = main()
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28}{value:12.3f}")
