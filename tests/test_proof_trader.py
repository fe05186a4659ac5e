"""The trader of the check: commands become bytes as in the loop, and the process may die."""

from collections.abc import Sequence

import pytest

from mytrader.domain import events
from mytrader.domain.commands import AnyCommand
from mytrader.domain.cycle import Fact, Phase
from mytrader.domain.events import AnyEvent
from mytrader.execution.trade_cycle import TRANSITIONS
from mytrader.proof.judge import Violation
from mytrader.proof.moves import make_move
from mytrader.proof.trader import Crash, RecordingTable, Trader
from mytrader.proof.truth import World
from tests.proof_samples import ENTERING, entering, moved, open_world, trader_of


@pytest.mark.parametrize(
    ("crash", "at_broker"),
    [
        (Crash.NONE, 2),
        (Crash.UNNUMBERED, 0),
        (Crash.UNSENT, 0),
        (Crash.HALF, 1),
        (Crash.UNNOTED, 2),
        (Crash.LOST, 0),
    ],
)
def test_process_and_link_break_before_or_after_the_bytes(crash: Crash, at_broker: int) -> None:
    """The intents are on record either way; what was sent is at the broker.

    Without numbers nothing can have been sent, and the next process knows that.
    """
    trader = trader_of()
    world = moved(trader, trader.opened(), *ENTERING[:2])
    make_move(trader, world, ("margin known", 0, crash))
    assert len(world.orders) == at_broker
    known = [ref for cycle in world.state.cycles.values() for ref in cycle.orders]
    assert len(known) == (0 if crash is Crash.UNNUMBERED else 2)
    assert world.connected is (crash is Crash.NONE)


def test_a_link_that_takes_nothing_aborts_the_entry() -> None:
    """The trader is told that nothing was written, and is done with it."""
    trader = trader_of()
    world = moved(trader, trader.opened(), *ENTERING[:2])
    make_move(trader, world, ("margin known", 0, Crash.CLOSED))
    assert (world.orders, world.state.cycles) == ((), {})


def test_an_order_without_a_link_is_noted_as_not_written() -> None:
    """The kernel asked before it heard that the link is gone."""
    trader = trader_of()
    world = open_world(trader)
    make_move(trader, world, ("disconnect", 0, Crash.NONE))
    heard: list[AnyEvent] = []
    trader.listen(lambda _world, event, _asked: heard.append(event))
    make_move(trader, world, ("ask flatten", 0, Crash.NONE))
    assert any(isinstance(event, events.OrderNotWritten) for event in heard)


def test_a_change_of_a_filled_order_is_answered_with_an_error() -> None:
    """The cancel of one as well: that it filled is still on its way."""
    trader = trader_of()
    world = open_world(trader)
    make_move(trader, world, ("fill", 21, Crash.NONE))
    make_move(trader, world, ("ask flatten", 0, Crash.NONE))
    assert ("error", 21, 104) in [word.key for word in world.outbox]


def test_the_table_remembers_what_was_selected_and_missed() -> None:
    """A row is exercised when the kernel looks it up."""
    table = RecordingTable(TRANSITIONS)
    assert table.get((Phase.OPEN, Fact.FLAT)) is Phase.EXITING
    assert table.get((Phase.CLOSED, Fact.FLAT)) is None
    assert (table.seen, table.missed) == ({(Phase.OPEN, Fact.FLAT)}, (Phase.CLOSED, Fact.FLAT))
    assert len(table) == len(list(table)) == len(TRANSITIONS)


def test_what_the_table_does_not_foresee_is_told() -> None:
    """A row that was taken out shows at the first state that needs it."""
    rows = {row: to for row, to in TRANSITIONS.items() if row != (Phase.OPEN, Fact.FLAT)}
    trader = Trader(trader_of().limits, table=rows)
    world = open_world(trader)
    make_move(trader, world, ("fill", 21, Crash.NONE))
    with pytest.raises(Violation, match="flat while OPEN is not foreseen"):
        make_move(trader, world, ("deliver", 0, Crash.NONE))


def test_whoever_listens_hears_every_step() -> None:
    """For a trace."""
    trader = trader_of()
    told: list[tuple[str, int]] = []

    def listen(world: World, event: AnyEvent, asked: Sequence[AnyCommand]) -> None:
        told.append((type(event).__name__, len(asked) + 0 * len(world.orders)))

    trader.listen(listen)
    entering(trader)
    assert ("SignalRaised", 2) in told
    assert trader.steps == len(told)
