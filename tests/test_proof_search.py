"""The search: what it visits, and that it finds what is wrong."""

import pytest

from mytrader.domain.limits import Profile
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.proof.search import SLOW, Bounds, Search
from mytrader.proof.trader import Trader
from tests.proof_samples import trader_of


@pytest.mark.slow
def test_a_kind_world_is_seen_whole() -> None:
    """Level 0 is small: two trades, every fill, every deadline."""
    found = Search(trader_of(), Bounds(5_000, disturbances=0)).run()
    assert (found.levels[0].complete, found.violation) == (True, None)
    assert 400 < found.states < 1_000
    assert found.depth > 25


@pytest.mark.slow
def test_a_search_repeats_itself() -> None:
    """Equal bounds, equal states, on every machine."""
    first, second = (Search(trader_of(), Bounds(900, disturbances=1)).run() for _ in range(2))
    assert first == second
    assert sum(level.states for level in first.levels) == first.states


@pytest.mark.slow
def test_a_slow_spell_comes_after_the_disturbances() -> None:
    """And then a disturbance in one."""
    found = Search(trader_of(), Bounds(4_000, disturbances=2)).run()
    assert [level.name for level in found.levels] == ["0", "1", "2", SLOW, f"{SLOW}, 1"]
    assert all(level.taken for level in found.levels)
    assert found.moves["deliver"] > found.moves["slow"] > 0


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


@pytest.mark.slow
def test_the_profiles_are_different_worlds() -> None:
    """A target rests in one of them."""
    strict, bracket = (
        Search(trader_of(profile), Bounds(900, disturbances=0)).run() for profile in Profile
    )
    assert strict.states < bracket.states
