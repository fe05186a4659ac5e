"""Exact nearest neighbours, fast for a million points and the same on every machine.

Theory of operation. Points are sorted into boxes of a few thousand: all of them are halved at the
median of the coordinate in which they spread most, the halves again, and so on. For a question
the least possible distance to each box is known at once; boxes are searched from the nearest on,
and the search ends at the first box that cannot hold anything nearer than what was found. The
answer is that of a full search, by construction and by test.

What is added later waits in a tail that is searched whole, and is sorted in when the tail has
outgrown the boxes; what is removed becomes a point at infinity. Distances are made of single
additions and multiplications in a fixed order, without a linear algebra library whose order of
summation depends on the machine, so equal points give bit-equal distances everywhere.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

BOX_POINTS: Final = 4096
TAIL_MIN: Final = 16_384
"""A tail of this many is searched faster than it is sorted."""

Points = npt.NDArray[np.float32]
"""One column a point: (coordinates, points)."""
Numbers = npt.NDArray[np.int64]

_FARTHEST: Final = float(np.finfo(np.float32).max)
"""Every point is nearer than this, but for those that were removed."""


class VectorIndex:
    """Points by number; numbers are not negative and each is there once."""

    def __init__(self, coordinates: int) -> None:
        self._coordinates = coordinates
        self._boxes: list[Points] = []
        self._box_numbers: list[Numbers] = []
        self._low: Points = np.zeros((coordinates, 0), dtype=np.float32)
        self._high: Points = np.zeros((coordinates, 0), dtype=np.float32)
        self._tail: Points = np.zeros((coordinates, 256), dtype=np.float32)
        self._tail_numbers: Numbers = np.zeros(256, dtype=np.int64)
        self._tail_used = 0
        self._where: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._where)

    def fill(self, numbers: Numbers, points: Points) -> None:
        """Replace everything by `points`, one column for each of `numbers`."""
        self._boxes, self._box_numbers, self._where = [], [], {}
        self._tail_used = 0
        if len(numbers):
            for chosen in _split(points):
                self._boxes.append(np.ascontiguousarray(points[:, chosen]))
                self._box_numbers.append(numbers[chosen])
            self._low = np.stack([box.min(axis=1) for box in self._boxes], axis=1)
            self._high = np.stack([box.max(axis=1) for box in self._boxes], axis=1)
        for box, inside in enumerate(self._box_numbers):
            self._where.update((number, (box, at)) for at, number in enumerate(inside.tolist()))

    def add(self, number: int, point: Points) -> None:
        """Add one point, or move it."""
        self.remove(number)
        if self._tail_used >= max(TAIL_MIN, sum(map(len, self._box_numbers))):
            self._sort_in()
        if self._tail_used == self._tail.shape[1]:
            self._tail = np.concatenate([self._tail, np.zeros_like(self._tail)], axis=1)
            self._tail_numbers = np.concatenate(
                [self._tail_numbers, np.zeros_like(self._tail_numbers)]
            )
        self._tail[:, self._tail_used] = point
        self._tail_numbers[self._tail_used] = number
        self._where[number] = (-1, self._tail_used)
        self._tail_used += 1

    def remove(self, number: int) -> None:
        """Take a point out; one that is not there is out already."""
        where = self._where.pop(number, None)
        if where is not None:
            box, at = where
            (self._tail if box < 0 else self._boxes[box])[:, at] = np.inf

    def nearest(self, point: Points, count: int, *, within: float) -> list[tuple[float, int]]:
        """Return (squared distance, number) of the `count` nearest, and of all that tie.

        Nearest first, equal ones by number. Only what is at most `within` (squared) away counts.
        """
        found: list[tuple[float, int]] = []
        limit = min(within, _FARTHEST)
        if self._tail_used:
            tail = self._tail[:, : self._tail_used]
            limit = _take(
                found, squared_distances(tail, point), self._tail_numbers, count=count, limit=limit
            )
        least = self._least(point)
        for box in np.argsort(least, kind="stable"):
            if least[box] > limit:
                break
            squares = squared_distances(self._boxes[box], point)
            limit = _take(found, squares, self._box_numbers[box], count=count, limit=limit)
        return found

    def _least(self, point: Points) -> Points:
        """Return for each box the least squared distance that a point in it can have."""
        column = point[:, None]
        gaps = np.maximum(self._low - column, column - self._high)
        return _sum_of_squares(np.maximum(gaps, 0, out=gaps))

    def _sort_in(self) -> None:
        parts = [*self._boxes, self._tail[:, : self._tail_used]]
        numbers = [*self._box_numbers, self._tail_numbers[: self._tail_used]]
        points = np.concatenate(parts, axis=1)
        alive = np.isfinite(points[0])
        self.fill(np.concatenate(numbers)[alive], points[:, alive])


def _split(points: Points) -> list[Numbers]:
    """Return the columns of each box."""
    done: list[Numbers] = []
    waiting = [np.arange(points.shape[1], dtype=np.int64)]
    while waiting:
        chosen = waiting.pop()
        if len(chosen) <= BOX_POINTS:
            done.append(chosen)
            continue
        inside = points[:, chosen]
        widest = int(np.argmax(inside.max(axis=1) - inside.min(axis=1)))
        half = len(chosen) // 2
        order = np.argpartition(inside[widest], half)
        waiting += [chosen[order[half:]], chosen[order[:half]]]
    return done


def squared_distances(points: Points, point: Points) -> Points:
    """Return the squared distance of each column of `points` to `point`."""
    return _sum_of_squares(points - point[:, None])


def _sum_of_squares(differences: Points) -> Points:
    """Return the sum over the coordinates, added one after the other."""
    differences *= differences
    total: Points = np.add.reduce(differences, axis=0)
    return total


def _take(
    found: list[tuple[float, int]],
    squares: Points,
    numbers: Numbers,
    *,
    count: int,
    limit: float,
) -> float:
    """Put what is near enough among the found; return the distance that still counts."""
    near = np.nonzero(squares <= limit)[0]
    if len(near) > count:
        # Everything up to the count-th smallest, ties included.
        edge = np.partition(squares[near], count - 1)[count - 1]
        near = near[squares[near] <= edge]
    found += zip(squares[near].tolist(), numbers[near].tolist(), strict=True)
    found.sort()
    if len(found) < count:
        return limit
    edge_now = found[count - 1][0]
    while found[-1][0] > edge_now:
        found.pop()
    return edge_now
