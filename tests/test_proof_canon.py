"""Which worlds of the check are one state."""

from mytrader.domain.limits import Profile
from mytrader.proof.canon import canonical, digest
from mytrader.proof.choices import disturbances
from mytrader.proof.moves import make_move
from mytrader.proof.trader import Crash, copied
from tests.proof_samples import entering, moved, open_world, trader_of


def test_equal_ways_lead_to_equal_digests() -> None:
    """A digest says the same on every machine: eight bytes of a hash, nothing of this process."""
    first, second = open_world(trader_of()), open_world(trader_of())
    assert digest(first) == digest(second)
    assert 0 <= digest(first) < 1 << 64


def test_texts_prices_and_times_of_day_do_not_count() -> None:
    """Where the market went and came back from is forgotten."""
    trader = trader_of()
    world = open_world(trader)
    before = digest(world)
    moved(trader, world, ("quote deep", 0), ("quote home", 0))
    assert world.state.mode == "REDUCE_ONLY" or digest(world) == before


def test_what_decides_the_future_does_count() -> None:
    """Every disturbance that changes anything leads to another state."""
    trader = trader_of(Profile.BRACKET)
    start = open_world(trader)
    seen = {digest(start)}
    different = 0
    for choice in disturbances(start):
        world = copied(start)
        make_move(trader, world, (*choice, Crash.NONE))
        different += digest(world) not in seen
        seen.add(digest(world))
    assert different > 35


def test_what_advisors_said_counts() -> None:
    """A proposal that waits for its margin is one thing with a GO and another with a WAIT."""
    trader = trader_of()
    said = [
        digest(moved(trader, trader.opened(), ("propose", 0), (advice, 0)))
        for advice in ("advise GO", "advise WAIT")
    ]
    assert said[0] != said[1]


def test_the_truth_and_the_trader_are_both_in_it() -> None:
    """An order that only the broker knows to be over makes a difference."""
    trader = trader_of()
    world = entering(trader)
    before = canonical(world)
    make_move(trader, world, ("eliminate", 1, Crash.NONE))
    assert canonical(world) != before
    world.outbox = ()
    assert canonical(world) != before
