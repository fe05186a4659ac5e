"""Events arrive in order, in a turn of their own, and wait while a connection is made."""

import asyncio
from datetime import UTC, datetime

from mytrader.domain.events import AnyEvent, Halted
from mytrader.execution.event_queue import EventQueue
from mytrader.simulator.virtual_time import VirtualLoop, run_virtual

EPOCH = datetime(2025, 12, 12, 15, tzinfo=UTC)
FIRST, SECOND = Halted("first"), Halted("second")


def test_events_are_held_until_opened_and_come_in_order() -> None:
    async def main(loop: VirtualLoop) -> None:
        del loop
        queue, heard = EventQueue(), list[AnyEvent]()
        queue.listen(heard.append)
        queue.tell(FIRST)
        queue.release()
        await asyncio.sleep(1)
        assert heard == [], "nothing before it was opened"
        queue.open()
        queue.tell(SECOND)
        assert heard == [], "not from inside the call"
        await asyncio.sleep(1)
        assert heard == [FIRST, SECOND]

    run_virtual(main, epoch=EPOCH)


def test_an_opened_queue_is_held_and_released() -> None:
    async def main(loop: VirtualLoop) -> None:
        del loop
        queue, heard = EventQueue(), list[AnyEvent]()
        queue.listen(heard.append)
        queue.open()
        queue.hold()
        queue.tell(FIRST)
        await asyncio.sleep(1)
        assert heard == []
        queue.release()
        await asyncio.sleep(1)
        assert heard == [FIRST]

    run_virtual(main, epoch=EPOCH)


def test_what_nobody_listens_to_is_dropped() -> None:
    async def main(loop: VirtualLoop) -> None:
        del loop
        queue = EventQueue()
        queue.open()
        queue.tell(FIRST)
        await asyncio.sleep(1)
        heard: list[AnyEvent] = []
        queue.listen(heard.append)
        await asyncio.sleep(1)
        assert heard == []

    run_virtual(main, epoch=EPOCH)
