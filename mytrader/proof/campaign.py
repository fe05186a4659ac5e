"""Plays many days, one after the other, over processes or over a cluster, and adds them up.

A day is a pure function of its script, so it does not matter where it is played, and a day whose
worker was lost is played again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Final

from mytrader.errors import OurFault
from mytrader.proof.day_script import DayScript
from mytrader.proof.tally import Played, Tally

Play = Callable[[DayScript], Played]
"""Plays a day; a function of a module, so that another process finds it."""

Crew = Callable[[Sequence[DayScript], Play], Iterator[Played]]
"""Whoever plays days; they come as they are done."""

LOSSES_MAX: Final = 3
"""How often a day is played again because its worker was lost; then the day is what kills it."""


def campaign(
    scripts: Sequence[DayScript], play: Play, *, crew: Crew, told: Callable[[Tally], None]
) -> Tally:
    """Play all days and return their sum; `told` hears it after every day."""
    tally = Tally()
    for played in crew(scripts, play):
        tally.add(played)
        told(tally)
    tally.failures.sort(key=lambda result: (result.seed, result.script.name))
    return tally


def alone(scripts: Sequence[DayScript], play: Play) -> Iterator[Played]:
    """Play the days in this process."""
    return map(play, scripts)


class Processes:
    """Plays days in `workers` processes of this machine. Raises `OurFault` for a deadly day."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def __call__(self, scripts: Sequence[DayScript], play: Play) -> Iterator[Played]:
        """Yield the days as they are done; those of a lost worker are played again."""
        left = {script.name: script for script in scripts}
        losses = 0
        while left:
            before = len(left)
            try:
                for played in self._some(list(left.values()), play):
                    del left[played.result.script.name]
                    yield played
            except BrokenProcessPool:
                losses = losses + 1 if len(left) == before else 1
                if losses > LOSSES_MAX:
                    days = ", ".join(list(left)[: self._workers])
                    raise OurFault(
                        f"a worker was lost {losses} times over the days {days}: play them with"
                        " --workers 1 to see why"
                    ) from None

    def _some(self, scripts: Iterable[DayScript], play: Play) -> Iterator[Played]:
        # A forked child would inherit an event loop and threads that it cannot use.
        context = get_context("spawn")
        with ProcessPoolExecutor(self._workers, mp_context=context) as pool:
            waiting: set[Future[Played]] = set()
            for script in scripts:
                waiting.add(pool.submit(play, script))
                if len(waiting) >= 2 * self._workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from _results(done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from _results(done)


def _results(done: Iterable[Future[Played]]) -> list[Played]:
    return sorted((each.result() for each in done), key=lambda played: played.result.script.name)
