"""The gateway alone, served over TCP for any client of the broker's API."""

import asyncio
from collections.abc import Callable, Mapping

from mytrader.errors import OurFault
from mytrader.runs import (
    LEAD_IN,
    SETTLE,
    STOP_SIGNALS,
    SimulatedDay,
    Watch,
    named,
    simulated_gateway,
)
from mytrader.runtime import SystemRuntime
from mytrader.waiting import first_of, pause, unless


def serve_gateway(
    day: SimulatedDay, *, port: int, speed: float, on_ready: Callable[[int], None]
) -> str:
    """Serve `day` over TCP on the loopback address until it is over or somebody interrupts.

    Returns how it ended, for people. Raises `BadInput` for a port that cannot be had.
    """
    return asyncio.run(_serve(day, port, speed=speed, on_ready=on_ready))


async def _serve(
    day: SimulatedDay, port: int, *, speed: float, on_ready: Callable[[int], None]
) -> str:
    loop = asyncio.get_running_loop()
    watch = Watch()
    watch.take_failures(loop)
    for name in STOP_SIGNALS:
        loop.add_signal_handler(name, watch.interrupt)
    first = day.bars.session[0].opened_at
    runtime = SystemRuntime(watch.note_failure, speed=speed, anchor=first - LEAD_IN)
    gateway = simulated_gateway(day, runtime, on_start=runtime.set_anchor)
    server = await gateway.serve_tcp(port)
    on_ready(server.sockets[0].getsockname()[1])
    try:
        await first_of(gateway.finished, watch.stop)
        if gateway.finished.is_set():
            await unless(watch.stop, pause(runtime, SETTLE))
    finally:
        gateway.drop_connections()
        server.close()
    if watch.failure is not None:
        raise OurFault(f"the gateway failed: {named(watch.failure)}") from watch.failure
    ledger = gateway.ledger
    ended = "interrupted" if watch.interrupted else "the market's day is over"
    faults = _counted(gateway.faults.families)
    return f"{ended}; {len(ledger.executions)} executions, cash ${ledger.cash_usd:.2f}{faults}"


def _counted(families: Mapping[str, int]) -> str:
    """Return how many faults of each family were committed, "" for none."""
    counts = ", ".join(f"{name} {count}" for name, count in sorted(families.items()))
    return f"; faults: {counts}" if counts else ""
