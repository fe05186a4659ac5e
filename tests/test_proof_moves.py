"""Every move does what it says, and the judge sees every promise that breaks."""

import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import Phase
from mytrader.domain.limits import Profile
from mytrader.domain.trader import Mode
from mytrader.execution.trade_cycle import step
from mytrader.proof.kernel import Node, Violation
from mytrader.proof.ledger import Ledger
from mytrader.proof.moves import COVER_MS, PLAYS, ROOTS, moves, play, start


def at(root: str, profile: Profile = Profile.STRICT, *, lots: int = 1, faults: int = 3) -> Node:
    """Return the first node of a search."""
    return start(profile, root=root, lots=lots, faults=faults, step=step)


def after(node: Node, *names: str) -> Node:
    """Return the node after some moves, each of them possible."""
    for name in names:
        assert name in set(moves(node)), (name, sorted(moves(node)))
        node = play(node, name, step)
    return node


def phase(node: Node) -> Phase:
    """Return the phase of the only cycle."""
    (cycle,) = node.state.cycles.values()
    return cycle.phase


PHASES = {"entering": Phase.ENTERING, "open": Phase.OPEN, "leaving": Phase.EXITING}


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("root", sorted(PHASES))
def test_a_root_is_where_it_says(root: str, profile: Profile) -> None:
    node = at(root, profile)
    assert (phase(node), node.ledger.outbox) == (PHASES[root], ())
    assert at("flat").state.cycles == {}
    assert set(ROOTS) == {*PHASES, "flat", "stubborn"}


def test_a_venue_that_refuses_moves_gets_a_cancel() -> None:
    """Protocol C: the stop is cancelled, proven dead, and an exit is sent."""
    node = at("stubborn")
    assert [order.spec.ref[30:] for order in node.ledger.orders.values()] == ["E1", "S1", "X1"]
    assert node.ledger.stops == 0


def test_a_whole_trade_from_flat_to_flat() -> None:
    node = after(at("open"), "fill S1a", "hear", "hear")
    assert (node.ledger.position, node.state.cycles) == (0, {})
    node = after(node, "propose", "advise WAIT")
    assert node.state.cycles == {}


@pytest.mark.parametrize("root", sorted(ROOTS))
@pytest.mark.parametrize("profile", list(Profile))
def test_every_move_that_is_offered_can_be_played(root: str, profile: Profile) -> None:
    node = at(root, profile, lots=2)
    for name in moves(node):
        play(node, name, step)


def test_every_move_by_name_is_offered_somewhere() -> None:
    found: set[str] = set()
    level = [at("open", Profile.BRACKET), at("flat"), play(at("flat"), "propose", step)]
    for _ in range(3):
        following = []
        for node in level[:40]:
            for name in moves(node):
                found.add(name)
                following.append(play(node, name, step))
        level = following[::7]
    assert set(PLAYS) - found <= {"no end marker"}


def test_faults_are_spent() -> None:
    node = at("open", faults=1)
    assert "crash" in set(moves(node))
    assert "crash" not in set(moves(play(node, "crash", step)))


@pytest.mark.parametrize("position", [0, -1])
def test_an_exit_that_fills_without_its_position_breaks_i1(position: int) -> None:
    node = at("open")
    broken = replace(node, ledger=replace(node.ledger, position=position))
    with pytest.raises(Violation, match="filled at a position"):
        play(broken, "fill S1a", step)


def test_a_broken_group_may_flip_and_must_halt() -> None:
    """Profile bracket: both legs fill. The flip is seen, protected, halted."""
    node = after(at("open", Profile.BRACKET), "fill alone T1a", "fill S1a", "hear", "hear")
    node = after(node, "hear", "hear")
    assert (node.ledger.position, node.state.mode) == (-1, Mode.HALT)
    assert node.ledger.stops == 1


def test_a_bare_position_breaks_i2() -> None:
    node = at("open")
    orders = {
        ref: replace(order, stage="over" if ref.endswith("S1") else order.stage)
        for ref, order in node.ledger.orders.items()
    }
    bare = replace(node, ledger=replace(node.ledger, orders=orders), exposed_ms=0)
    with pytest.raises(Violation, match="without a stop"):
        play(replace(bare, at_ms=COVER_MS), "wait", step)


def test_a_lost_word_is_found_with_the_next_look_at_the_book() -> None:
    """The stop was cancelled by somebody, and its status never came."""
    node = after(at("open"), "end S1a", "lose", "wait", "wait", "hear")
    assert not node.ledger.deaf
    node = after(node, "hear") if node.ledger.outbox else node
    assert phase(node) is not Phase.OPEN or node.ledger.stops == 1


def test_a_ledger_that_disagrees_breaks_i5() -> None:
    node = at("open")
    with pytest.raises(Violation, match="executions heard say"):
        play(replace(node, ledger=replace(node.ledger, booked=2)), "wait", step)


def test_an_empty_ledger_covers_nothing() -> None:
    assert Ledger().stops == 0
