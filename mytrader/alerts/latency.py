"""How long messages took from their event until they were accepted, seconds."""

from bisect import bisect_left
from collections import deque
from math import ceil
from typing import Final

from msgspec import Struct

BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram's classes; the last class has none."""

SAMPLES_MAX: Final = 10_000


class LatencyView(Struct, frozen=True):
    """Quantiles over the newest samples, and over all: how many in each class of `BOUNDS_S`."""

    count: int
    p50_s: float
    p99_s: float
    worst_s: float
    classes: tuple[int, ...]


class Latencies:
    """Collects latencies; quantiles are those of the newest `SAMPLES_MAX`."""

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=SAMPLES_MAX)
        self._classes = [0] * (len(BOUNDS_S) + 1)
        self._worst_s = 0.0

    def add(self, seconds: float) -> None:
        """Take one."""
        self._newest.append(seconds)
        self._classes[bisect_left(BOUNDS_S, seconds)] += 1
        self._worst_s = max(self._worst_s, seconds)

    def view(self) -> LatencyView:
        """Return what was measured; zeros where nothing was."""
        ordered = sorted(self._newest)
        return LatencyView(
            count=sum(self._classes),
            p50_s=_quantile(ordered, 0.5),
            p99_s=_quantile(ordered, 0.99),
            worst_s=self._worst_s,
            classes=tuple(self._classes),
        )


def _quantile(ordered: list[float], part: float) -> float:
    """Return the smallest sample that `part` of all samples do not exceed."""
    return ordered[max(ceil(part * len(ordered)) - 1, 0)] if ordered else 0.0
