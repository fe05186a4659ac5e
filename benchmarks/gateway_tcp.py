"""Connect and order latency over loopback TCP: the real client against the simulated gateway.

The gateway is a process of its own, without the simulated way to the exchange. `connect` is until
everything is synchronised; `place` until the first status of a resting limit order. The same run
times a bare loopback echo of as many bytes, so that the ratio says what the protocol and the two
programs add to the machine.
"""

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import time
from datetime import date, timedelta
from typing import Final

import ib_async

from mytrader.domain.instrument import ES
from mytrader.runtime import SystemRuntime
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import bar_ticks
from mytrader.simulator.synthetic import synthetic_bars

CONNECTS: Final = 10
ORDERS: Final = 300
ECHO_BYTES: Final = 400
REST_BELOW_POINTS: Final = 100


async def main(port: int) -> dict[str, float]:
    """Return the figures, milliseconds."""
    connects = []
    for number in range(CONNECTS):
        ib = ib_async.IB()
        began = time.perf_counter()
        await ib.connectAsync("127.0.0.1", port, clientId=number + 10, raiseSyncErrors=True)
        connects.append(time.perf_counter() - began)
        ib.disconnect()
    ib = ib_async.IB()
    await ib.connectAsync("127.0.0.1", port, clientId=1, raiseSyncErrors=True)
    places = await _places(ib)
    ib.disconnect()
    echoes = await _echoes()
    return {
        "connect_p50_ms": _ms(connects, 50),
        "connect_p99_ms": _ms(connects, 99),
        "place_p50_ms": _ms(places, 50),
        "place_p99_ms": _ms(places, 99),
        "echo_p50_ms": _ms(echoes, 50),
        "place_to_echo_ratio": statistics.median(places) / statistics.median(echoes),
    }


async def _places(ib: ib_async.IB) -> list[float]:
    found = await ib.reqContractDetailsAsync(ib_async.Future("ES", exchange="CME"))
    contract = found[0].contract
    assert contract is not None
    ticker = ib.reqMktData(contract)
    while not ticker.bid > 0:
        await ticker.updateEvent
    price = ticker.bid - REST_BELOW_POINTS
    taken = []
    for _ in range(ORDERS):
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
        await asyncio.sleep(0.05)  # stay below the client's own 45 messages a second
    return taken


async def _echoes() -> list[float]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(ECHO_BYTES):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    taken = []
    for _ in range(ORDERS):
        began = time.perf_counter()
        writer.write(b"x" * ECHO_BYTES)
        await reader.readexactly(ECHO_BYTES)
        taken.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return taken


def _ms(seconds: list[float], percentile: int) -> float:
    return statistics.quantiles(seconds, n=100)[percentile - 1] * 1000


async def serve() -> None:
    """Be the gateway: a synthetic session in real time, orders acknowledged at once."""
    over = asyncio.Event()
    bars = synthetic_bars(1, ES, session=date(2025, 12, 11))
    runtime = SystemRuntime(lambda _, __: over.set(), anchor=bars[0].opened_at)
    contract = front_month(ES, date(2025, 12, 11))
    market = SimulatedMarket(contract, bar_ticks(bars[1:]), bars[:1])
    settings = GatewaySettings(latency=timedelta(0))
    gateway = SimulatedGateway([market], runtime, settings=settings, on_start=runtime.set_anchor)
    server = await gateway.serve_tcp(0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over.wait()


def _gateway() -> tuple["subprocess.Popen[str]", int]:
    command = [sys.executable, __file__, "--serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    assert process.stdout is not None
    return process, int(process.stdout.readline())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help="be the gateway")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        sys.exit()
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    process, port = _gateway()
    try:
        figures = asyncio.run(main(port))
    finally:
        process.terminate()
        process.wait()
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24}{value:10.3f}")
