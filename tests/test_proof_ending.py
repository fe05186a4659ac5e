"""What must come of every state once the world is kind."""

from datetime import datetime

import pytest

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent, TimeReached
from mytrader.domain.limits import Profile
from mytrader.domain.trader import TraderState
from mytrader.execution.trade_cycle import step
from mytrader.proof.ending import kind_ending
from mytrader.proof.judge import Violation
from mytrader.proof.trader import Trader
from tests.proof_samples import entering, moved, open_world, trader_of


@pytest.mark.parametrize("profile", list(Profile))
def test_an_open_trade_ends_flat_and_orderless(profile: Profile) -> None:
    """By its session's end, or by the time that it may be held."""
    trader = trader_of(profile)
    world = open_world(trader)
    made = [name for name, _argument, _crash in kind_ending(trader, world)]
    assert world.position == 0
    assert not world.state.cycles
    assert "fill" in made


def test_an_entry_that_never_fills_is_withdrawn() -> None:
    """In time, and with its stop."""
    trader = trader_of()
    world = entering(trader)
    list(kind_ending(trader, world))
    assert all(order.over for order in world.orders)


def test_a_halted_machine_has_paged() -> None:
    """That is an end too: a person knows."""
    trader = trader_of()
    world = moved(trader, open_world(trader), ("ask halt", 0))
    list(kind_ending(trader, world))
    assert world.state.mode == "HALT"


def test_a_trader_that_sleeps_is_seen() -> None:
    """A kernel to which time means nothing leaves its entry at the broker."""

    def deaf(
        state: TraderState, event: AnyEvent, now: datetime
    ) -> tuple[TraderState, list[AnyCommand]]:
        return (state, []) if isinstance(event, TimeReached) else step(state, event, now)

    trader = Trader(trader_of().limits, kernel=deaf)
    with pytest.raises(Violation, match="stays in the past"):
        list(kind_ending(trader, entering(trader)))
