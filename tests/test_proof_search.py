"""The search: what it visits, and that it finds what is wrong."""

import pytest

from mytrader.domain.limits import Profile
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.proof.search import Bounds, Search
from mytrader.proof.trader import Trader
from tests.proof_samples import trader_of


def test_a_kind_world_is_seen_whole() -> None:
    """Level 0 is small: two trades, every fill, every deadline."""
    found = Search(trader_of(), Bounds(5_000, disturbances=0)).run()
    assert (found.complete, found.violation) == (0, None)
    assert 100 < found.states < 1_000
    assert found.depth > 25


def test_a_search_repeats_itself() -> None:
    """Equal bounds, equal states, on every machine."""
    first, second = (Search(trader_of(), Bounds(400, disturbances=1)).run() for _ in range(2))
    assert first == second
    assert first.levels[0] + first.levels[1] == first.states


def test_progress_is_told() -> None:
    """From the first state on."""
    told: list[int] = []
    Search(trader_of(), Bounds(100, disturbances=0), progress=told.append).run()
    assert told == [0]


@pytest.mark.slow
def test_a_row_that_is_missing_is_found_with_a_trace() -> None:
    """In a world that is kind: the trace has no disturbance in it."""
    rows = {row: to for row, to in TRANSITIONS.items() if row[1] != "covered"}
    found = Search(Trader(trader_of().limits, table=rows), Bounds(5_000, disturbances=0)).run()
    assert found.violation is not None
    assert "covered while PROTECTING is not foreseen" in found.violation
    assert [move[0] for move in found.trace][:1] == ["propose"]
    assert found.trace[-1][0] == "deliver"


def test_the_profiles_are_different_worlds() -> None:
    """A target rests in one of them."""
    strict, bracket = (
        Search(trader_of(profile), Bounds(900, disturbances=0)).run() for profile in Profile
    )
    assert strict.states < bracket.states
