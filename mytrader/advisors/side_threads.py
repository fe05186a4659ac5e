"""Work that may never end, done where its not ending holds up nobody.

A peer that sends a byte now and then keeps a blocking client for as long as it likes: every byte
starts the client's timeout anew. In a thread that others need, it would starve them, and the
process could not end. So such work has daemon threads of its own, few of them, and whoever asked
waits for a bounded time.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Unended(Struct, frozen=True):
    """No result: `why` is "busy" (not begun), "timeout" (still running) or "error" (it raised)."""

    why: str


class SideThreads(Generic[T]):
    """At most `places` threads at once; one that never ends keeps its place."""

    def __init__(self, places: int) -> None:
        self._places = threading.Semaphore(places)

    def do(self, work: Callable[[], T], within_s: float) -> T | Unended:
        """Do `work` and return its result, or why there is none after so many seconds."""
        if not self._places.acquire(blocking=False):
            return Unended("busy")
        results: list[T] = []

        def run() -> None:
            try:
                results.append(work())
            finally:
                self._places.release()

        thread = threading.Thread(target=run, name="mytrader advisor", daemon=True)
        thread.start()
        thread.join(within_s)
        if results:
            return results[0]
        return Unended("timeout" if thread.is_alive() else "error")
