"""The ways into corners: each can be gone, and leads to its row."""

import pytest

from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.limits import Profile
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.proof.choices import disturbances, free_moves
from mytrader.proof.moves import make_move
from mytrader.proof.ways import WAYS, moves_of, ways_for
from tests.proof_samples import prompt, trader_of


def test_every_row_has_a_way() -> None:
    """But for those that nothing selects."""
    assert set(WAYS) == set(TRANSITIONS)


@pytest.mark.parametrize(
    ("row", "profile"), [(row, p) for row, way in WAYS.items() for p in way[0]]
)
def test_a_way_leads_to_its_row(row: tuple[Phase, Fact], profile: Profile) -> None:
    """By moves that are offered, in every profile in which it is open."""
    _profiles, lots, text = WAYS[row]
    trader = trader_of(profile, lots=lots)
    world = trader.opened()
    for move, is_prompt in moves_of(text):
        assert move[:2] in {*free_moves(world), *disturbances(world)}, move
        make_move(trader, world, move)
        if is_prompt:
            prompt(trader, world)
    assert row in trader.table.seen


def test_more_lots_open_more_ways() -> None:
    """A way of one lot can be gone with two."""
    assert 10 < len(ways_for(Profile.STRICT, 1)) < len(ways_for(Profile.STRICT, 2))
