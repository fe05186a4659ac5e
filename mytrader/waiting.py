"""Waiting: for one of several happenings, for a time, or for work that may be abandoned."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from mytrader.ports import Runtime


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


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do `work` to its end, or abandon it when `stop` is set: False. Raises what `work` raises."""
    doing = asyncio.ensure_future(work)  # noqa: TID251 - it ends with this call
    stopping = asyncio.ensure_future(stop.wait())  # noqa: TID251 - it ends with this call
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            return False
        doing.result()
        return True
    finally:
        for task in (doing, stopping):
            task.cancel()
        await asyncio.wait({doing, stopping})
