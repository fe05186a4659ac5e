"""Plays days on a Ray cluster. Ray is an optional extra of the package.

Each day is one task. A task whose node dies is tried again elsewhere by Ray, and here once more
if Ray gives up; results and failing seeds are collected where the campaign was started.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mytrader.errors import BadInput, MissingExtra, OurFault
from mytrader.proof.campaign import LOSSES_MAX, Play
from mytrader.proof.day_script import DayScript
from mytrader.proof.tally import Played

LOCAL: Final = "local"
_AHEAD: Final = 2
"""Tasks in flight for each processor of the cluster."""


class RayCrew:
    """Plays days on the cluster at `address`, or `local`; `BadInput` where there is none."""

    def __init__(self, address: str) -> None:
        self._ray = _ray()
        try:
            self._ray.init(
                address=None if address == LOCAL else address,
                ignore_reinit_error=True,
                log_to_driver=False,
                include_dashboard=False,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            text = " ".join(str(error).split())
            raise BadInput(
                f"--ray {address}: no cluster answers there: {text}; start one with"
                " `ray start --head`, or use --ray local"
            ) from None

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()

    def __call__(self, scripts: Sequence[DayScript], play: Play) -> Iterator[Played]:
        """Yield the days as they are done."""
        task = self._ray.remote(max_retries=LOSSES_MAX, num_cpus=1)(play)
        waiting = list(reversed(scripts))
        lost: dict[str, int] = {}
        running: dict[Any, DayScript] = {}
        while waiting or running:
            while waiting and len(running) < self._room():
                script = waiting.pop()
                running[task.remote(script)] = script
            done, _ = self._ray.wait(list(running), num_returns=1)
            for reference in done:
                script = running.pop(reference)
                try:
                    yield self._ray.get(reference)
                except self._ray.exceptions.RayError as error:
                    lost[script.name] = lost.get(script.name, 0) + 1
                    if lost[script.name] > LOSSES_MAX or not _worker_lost(error):
                        raise OurFault(f"{script.name} cannot be played: {error}") from None
                    waiting.append(script)

    def _room(self) -> int:
        return _AHEAD * max(int(self._ray.cluster_resources().get("CPU", 1)), 1)


def _worker_lost(error: Exception) -> bool:
    """Whether a worker or its node went away; an error of the day itself is none of that."""
    return type(error).__name__ in (
        "WorkerCrashedError",
        "NodeDiedError",
        "OutOfMemoryError",
        "ObjectLostError",
        "OwnerDiedError",
    )


def _ray() -> Any:  # noqa: ANN401 - an optional library without types
    try:
        import ray  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise MissingExtra("--ray", "Ray", extra="ray") from None
    return ray
