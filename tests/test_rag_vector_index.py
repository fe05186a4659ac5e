"""The nearest points are those of a full search, however the points came and went."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.rag.vector_index import (
    BOX_POINTS,
    TAIL_MIN,
    Points,
    VectorIndex,
    squared_distances,
)

SIZE = 4


def points(seed: int, count: int, *, grid: bool = False) -> Points:
    """Points of a seed; on a grid many are equally far from each other."""
    random = np.random.default_rng(seed)
    made = (
        random.integers(-3, 4, size=(SIZE, count)) if grid else random.normal(size=(SIZE, count))
    )
    return made.astype(np.float32)


def filled(made: Points) -> VectorIndex:
    index = VectorIndex(SIZE)
    index.fill(np.arange(made.shape[1], dtype=np.int64), made)
    return index


def by_full_search(
    made: dict[int, Points], point: Points, count: int, *, within: float = inf
) -> list[tuple[float, int]]:
    """Everything up to the count-th nearest, ties included."""
    everything = sorted(
        (float(squared_distances(each[:, None], point)[0]), n) for n, each in made.items()
    )
    near = [each for each in everything if each[0] <= within]
    return [each for each in near if each[0] <= near[min(count, len(near)) - 1][0]]


@pytest.mark.parametrize("grid", [False, True], ids=["spread", "ties"])
@pytest.mark.parametrize("count", [1, 10])
def test_several_boxes_answer_as_a_full_search(grid: bool, count: int) -> None:
    made = points(1, 3 * BOX_POINTS, grid=grid)
    index = filled(made)
    for asked in points(2, 10, grid=grid).T:
        squares = squared_distances(made, asked)
        edge = np.sort(squares)[count - 1]
        expected = sorted((float(squares[n]), int(n)) for n in np.nonzero(squares <= edge)[0])
        assert index.nearest(asked, count, within=inf) == expected


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 50)), max_size=40
    ),
    start=st.integers(0, 8),
    count=st.integers(1, 5),
    within=st.sampled_from([inf, 4.0, 0.0]),
)
def test_adding_moving_and_removing_never_changes_what_is_nearest(
    changes: list[tuple[bool, int, int]], start: int, count: int, within: float
) -> None:
    first = points(3, 8, grid=True)
    index = filled(first[:, :start])
    held = {n: first[:, n] for n in range(start)}
    for add, number, seed in changes:
        if add:
            held[number] = points(seed, 1, grid=True)[:, 0]
            index.add(number, held[number])
        else:
            held.pop(number, None)
            index.remove(number)
    asked = points(4, 1, grid=True)[:, 0]
    assert len(index) == len(held)
    assert index.nearest(asked, count, within=within) == by_full_search(
        held, asked, count, within=within
    )


@pytest.mark.slow
def test_a_long_tail_is_sorted_in() -> None:
    made = points(5, TAIL_MIN + 500)
    index = VectorIndex(SIZE)
    for number in range(made.shape[1]):
        index.add(number, made[:, number])
    index.remove(7)
    asked = made[:, 7]
    squares = squared_distances(made, asked)
    squares[7] = inf
    nearest = np.argsort(squares)[:3].tolist()
    assert [n for _, n in index.nearest(asked, 3, within=inf)] == nearest
    assert len(index) == made.shape[1] - 1


def test_what_is_further_than_asked_is_not_found() -> None:
    index = filled(np.array([[0, 1, 2]] * SIZE, dtype=np.float32))
    asked = np.zeros(SIZE, dtype=np.float32)
    assert index.nearest(asked, 3, within=4.0) == [(0.0, 0), (4.0, 1)]
    assert index.nearest(asked, 3, within=3.9) == [(0.0, 0)]
    assert VectorIndex(SIZE).nearest(asked, 3, within=inf) == []
