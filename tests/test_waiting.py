"""Waiting ends with what was waited for, and abandoned work is over before anybody goes on."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.waiting import first_of, pause, unless

EPOCH = datetime(2025, 12, 11, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Work:
    """Takes a time, and knows whether it came to its end."""

    def __init__(self, runtime: VirtualRuntime, length: timedelta) -> None:
        self._runtime = runtime
        self._length = length
        self.said: list[str] = []

    async def do(self) -> None:
        """Work, or be abandoned."""
        try:
            await pause(self._runtime, self._length)
            self.said.append("done")
        finally:
            self.said.append("left")


def worked(length: timedelta, stopped_after: timedelta) -> tuple[bool, list[str], timedelta]:
    """Work that may be abandoned: whether it was done, what it said, and how long it took."""

    async def main(loop: VirtualLoop) -> tuple[bool, list[str], timedelta]:
        runtime = VirtualRuntime(loop, lambda *_: None, seed=1)
        stop, work = asyncio.Event(), Work(runtime, length)
        runtime.call_at(runtime.now() + stopped_after, stop.set)
        began = runtime.now()
        done = await unless(stop, work.do())
        return done, work.said, runtime.now() - began

    return run_virtual(main, epoch=EPOCH)


def test_work_is_done_to_its_end_or_abandoned() -> None:
    done, said, took = worked(3 * SECOND, 10 * SECOND)
    assert (done, said) == (True, ["done", "left"])
    assert 3 * SECOND <= took < 4 * SECOND
    done, said, took = worked(10 * SECOND, 3 * SECOND)
    assert (done, said) == (False, ["left"])
    assert 3 * SECOND <= took < 4 * SECOND


def test_what_work_raises_is_raised() -> None:
    async def fails() -> None:
        raise ConnectionError("gone")

    async def main() -> None:
        await unless(asyncio.Event(), fails())

    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(main())


def test_the_first_of_several_ends_the_wait() -> None:
    async def main() -> int:
        first, never = asyncio.Event(), asyncio.Event()
        asyncio.get_running_loop().call_soon(first.set)
        await first_of(never, first)
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) <= 3, "nobody waits on once the next turn of the loop is over"
