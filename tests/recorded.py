"""Recordings of our own gateway: one session of a real client, through the proxy."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from mytrader.runtime import SystemRuntime
from mytrader.simulator.gateway_thread import GatewayThread
from mytrader.simulator.recording import RecordingWriter
from mytrader.simulator.recording_proxy import RecordingProxy

T = TypeVar("T")


async def through_proxy(
    gateway: tuple[str, int], out: Path, session: Callable[[int], Awaitable[T]]
) -> tuple[T, RecordingProxy]:
    """Record what `session(port)` does at the proxy's port; return its result and the proxy."""
    runtime = SystemRuntime(lambda *_: None)
    with RecordingWriter(out, "gateway") as recording:
        proxy = RecordingProxy(*gateway, recording=recording, now=runtime.now)
        server = await proxy.serve(0)
        try:
            done = await session(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            await proxy.close()
    return done, proxy


def recorded_session(
    gateway: GatewayThread, out: Path, session: Callable[[str, int], Awaitable[T]]
) -> T:
    """Record one session of a client with a simulated gateway."""
    done, _ = asyncio.run(
        through_proxy((gateway.host, gateway.port), out, lambda port: session(gateway.host, port))
    )
    return done
