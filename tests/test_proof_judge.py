"""The judge must be able to fail: one small lie per promise."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.decision import Advice
from mytrader.domain.limits import Profile
from mytrader.domain.trader import Mode, TraderState
from mytrader.proof.judge import (
    Violation,
    demand,
    has_flipped,
    judge_fill,
    judge_flip,
    judge_step,
    judge_world,
)
from mytrader.proof.moves import make_move, opinions
from mytrader.proof.trader import Crash
from mytrader.proof.truth import CYCLE_IDS, World
from tests.proof_samples import STOP_NUMBER, entering, moved, open_world, prompt, trader_of


def told(
    world: World, event: events.AnyEvent, *asked: AnyCommand, mode: Mode | None = None
) -> None:
    """Judge a step that came out of the world's own state, or out of one in another mode."""
    before = world.state if mode is None else replace(world.state, mode=mode)
    judge_step(world, event, before=before, asked=asked)


def test_a_claim_that_holds_is_silent() -> None:
    """And one that does not is a violation."""
    demand(True, "never said")
    with pytest.raises(Violation, match="said"):
        demand(False, "said")


def test_an_order_that_is_lost_from_the_count_is_found() -> None:
    """The trader forgets a cycle whose orders work on: every hazard is a way to do that."""
    world = open_world(trader_of())
    judge_world(world)
    world.state = replace(world.state, cycles={})
    with pytest.raises(Violation, match=r"I3: 1 of mt/.*/S1 may fill, 0 are counted"):
        judge_world(world)


def test_advice_never_moves_an_order() -> None:
    """Only a proposal may wait for it."""
    world = open_world(trader_of())
    cancel = commands.CancelOrder(world.orders[1].spec.ref, "advised")
    with pytest.raises(Violation, match="I7: advice moved"):
        told(world, events.AdviceGiven(CYCLE_IDS[0], opinions(Advice.WAIT)), cancel)


def test_the_mode_rises_by_a_person_only() -> None:
    """Nothing else ends a halt; one that begins pages."""
    world = open_world(trader_of())
    with pytest.raises(Violation, match="the mode rose"):
        told(world, events.TimeReached(), mode=Mode.HALT)
    told(world, events.OperatorAsked(events.Request.RESUME, "a person"), mode=Mode.HALT)
    world.state = replace(world.state, mode=Mode.HALT)
    with pytest.raises(Violation, match="without a page"):
        told(world, events.TimeReached(), mode=Mode.NORMAL)


def test_a_halted_machine_keeps_its_stop() -> None:
    """Nobody is leaving: then nobody cancels."""
    world = open_world(trader_of())
    world.state = replace(world.state, mode=Mode.HALT)
    cancel = commands.CancelOrder(world.orders[1].spec.ref, "for no reason")
    with pytest.raises(Violation, match="HALT: the stop"):
        told(world, events.TimeReached(), cancel)
    excess = commands.RaiseAlert(commands.AlertLevel.PAGE, "EXIT_EXCESS", "too much")
    told(world, events.TimeReached(), cancel, excess)


def test_what_was_told_is_what_is_booked() -> None:
    """I5: no more and no less."""
    world = open_world(trader_of())
    world.told = 0
    with pytest.raises(Violation, match="I5: 1 is booked, 0 was told"):
        judge_world(world)


def test_a_bare_position_has_two_seconds() -> None:
    """I2 by the judge's own clock."""
    world = open_world(trader_of())
    world.orders = world.orders[:1]
    judge_world(world)
    world.now += timedelta(seconds=2)
    judge_world(world)
    world.now += timedelta(milliseconds=1)
    with pytest.raises(Violation, match="I2: 1 without a stop for"):
        judge_world(world)


def test_an_exit_that_failed_gives_the_time_again_but_not_for_ever() -> None:
    """A flatten was in progress until then; ninety seconds of it are a page."""
    world = open_world(trader_of())
    world.orders = world.orders[:1]
    judge_world(world)
    world.now += timedelta(seconds=80)
    world.left_at = world.now
    world.now += timedelta(seconds=2)
    judge_world(world)
    world.now += timedelta(seconds=10)
    world.left_at = world.now
    with pytest.raises(Violation, match="I2: 1 without a stop for 0:01:32"):
        judge_world(world)
    world.paged = True
    judge_world(world)


def test_a_word_that_was_lost_excuses() -> None:
    """Nobody could know that the stop is gone."""
    world = open_world(trader_of())
    stop = world.orders[1]
    world.orders = (world.orders[0], replace(stop, over="ended"))
    world.blind = True
    world.now += timedelta(seconds=9)
    judge_world(world)
    assert world.naked_since is None


@pytest.mark.parametrize("profile", list(Profile))
def test_only_a_failed_block_may_flip(profile: Profile) -> None:
    """And only in profile `bracket`: in `strict` there is no such fault."""
    world = open_world(trader_of(profile))
    stop = next(order for order in world.orders if order.number == STOP_NUMBER)
    judge_fill(world, stop, profile=profile)
    world.position = 0
    with pytest.raises(Violation, match="I1"):
        judge_fill(world, stop, profile=profile)
    world.leaked = True
    if profile is Profile.BRACKET:
        judge_fill(world, stop, profile=profile)
    else:
        with pytest.raises(Violation, match="I1"):
            judge_fill(world, stop, profile=profile)


def test_a_fill_by_hand_excuses_the_exits_that_rest() -> None:
    """No rule of ours can prevent what a person does (SAFETY.md 5.7)."""
    world = moved(trader_of(), open_world(trader_of()))
    make_move(trader_of(), world, ("hand fill", 0, Crash.NONE))
    stop = world.orders[1]
    judge_fill(world, stop, profile=Profile.STRICT)
    with pytest.raises(Violation, match="I1"):
        judge_fill(world, replace(stop, excused=False), profile=Profile.STRICT)


def test_an_entry_needs_a_proposal() -> None:
    """Nothing but an answer to one sends a bracket."""
    trader = trader_of()
    placed: list[AnyCommand] = []
    trader.listen(lambda _world, _event, asked: placed.extend(asked))
    world = entering(trader)
    bracket = next(each for each in placed if isinstance(each, commands.PlaceBracket))
    with pytest.raises(Violation, match="opened a position"):
        told(world, events.Halted("-"), bracket)
    world.state = replace(world.state, mode=Mode.REDUCE_ONLY)
    with pytest.raises(Violation, match="in mode REDUCE_ONLY"):
        told(world, events.TimeReached(), bracket)


def test_two_exits_on_one_contract_are_one_too_many() -> None:
    """Whether both fill is only a question of time."""
    world = open_world(trader_of())
    stop = world.orders[1]
    world.orders = (*world.orders, replace(stop, number=99))
    with pytest.raises(Violation, match="I1: exits of 2 rest on a position of 1"):
        judge_world(world)
    world.orders = world.orders[:2]
    world.position = 0
    with pytest.raises(Violation, match="may fill SELL on a position of 0"):
        judge_world(world)


def flipped_world() -> World:
    """Return a world in which both legs of a group have filled, and nobody has heard of it."""
    trader = trader_of(Profile.BRACKET)
    world = open_world(trader)
    make_move(trader, world, ("both fill", STOP_NUMBER, Crash.NONE))
    return world


def test_a_flip_that_is_seen_halts_and_pages() -> None:
    """In profile `bracket`, and is protected within the time for it."""
    trader, world = trader_of(Profile.BRACKET), flipped_world()
    before = world.state
    prompt(trader, world)
    assert has_flipped(before, world.state)
    assert not has_flipped(world.state, world.state)
    page = commands.RaiseAlert(commands.AlertLevel.PAGE, "MODE_HALT", "-")
    judge_flip(world.state, [page])
    with pytest.raises(Violation, match="nobody was paged"):
        judge_flip(world.state, [])
    with pytest.raises(Violation, match="the machine goes on"):
        judge_flip(replace(world.state, mode=Mode.NORMAL), [page])


def test_a_flipped_position_needs_a_stop_although_the_machine_is_halted() -> None:
    """It is the machine's own group that failed."""
    trader, world = trader_of(Profile.BRACKET), flipped_world()
    prompt(trader, world)
    judge_world(world)
    world.orders = tuple(order for order in world.orders if order.over)
    world.state = without_tries(world)
    judge_world(world)
    world.now += timedelta(seconds=3)
    with pytest.raises(Violation, match="a flipped position of -1 without a stop"):
        judge_world(world)


def without_tries(world: World) -> TraderState:
    """Return the trader's state as if no emergency stop had been thought of."""
    cycles = {
        key: replace(
            one,
            emergency_stops=0,
            exit=None,
            orders={ref: order for ref, order in one.orders.items() if ref[30] != "M"},
        )
        for key, one in world.state.cycles.items()
    }
    return replace(world.state, cycles=cycles)


def test_in_profile_strict_no_trade_goes_through_zero() -> None:
    """A promise of its own: there is no group whose failure could excuse it."""
    world = open_world(trader_of())
    entry, stop = world.orders
    world.orders = (entry, replace(stop, filled=2, over="filled"))
    with pytest.raises(Violation, match="strict: a trade went through zero"):
        judge_world(world)
