"""Who watches the loop hears of every end exactly once."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from mytrader.domain import commands, events
from mytrader.domain.instrument import ES, FuturesContract
from mytrader.domain.trader import TraderState
from mytrader.execution.live_trading_manager import LiveTradingManager
from tests.domain_samples import a_cycle
from tests.fakes.broker import FakeBroker
from tests.fakes.journal import FakeJournal
from tests.test_execution_live_trading_manager import AT, Desk, NoPanel, bracket_command

STATED = {1: FuturesContract(1, ES, "ESZ5", AT.date().replace(day=30))}
INNER = "OrdersNumbered"
"""What follows inside a step that lets an order out."""


class Endings:
    """An observer that counts how often each cycle ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def seen(
        self, event: events.AnyEvent, asked: list[commands.AnyCommand], state: TraderState
    ) -> None:
        """See `Observer`."""
        del event, asked
        self.ended += [cycle.cycle_id for cycle in state.finished]


class TwoSteps(LiveTradingManager):
    """A loop whose kernel ends a cycle with one event, and follows it up with another inside."""

    ends: dict[str, str]

    def _step(
        self, state: TraderState, event: events.AnyEvent, now: datetime
    ) -> tuple[TraderState, list[commands.AnyCommand]]:
        ended = tuple(
            replace(a_cycle(), cycle_id=cycle_id)
            for kind, cycle_id in self.ends.items()
            if kind == type(event).__name__
        )
        asked = [bracket_command()] if isinstance(event, events.TimeReached) else []
        del now
        return replace(state, finished=ended), list[commands.AnyCommand](asked)


@pytest.mark.parametrize(
    "ends",
    [
        {"TimeReached": "outer"},
        {INNER: "inner"},
        {"TimeReached": "outer", INNER: "inner"},
    ],
)
def test_every_ended_cycle_is_told_once_whatever_follows_from_its_end(
    ends: dict[str, str],
) -> None:
    """A book, a memory or an alert that misses an end would never hear of that trade again."""
    desk = Desk()
    manager = TwoSteps(
        replace(desk.manager.state, contracts=STATED),
        broker=FakeBroker(),
        journal=FakeJournal(),
        runtime=desk.runtime,
        panel=NoPanel(),
        propose=lambda _, __: None,
    )
    manager.ends = ends
    watching = Endings()
    manager.observe(watching)
    manager.handle(events.TimeReached())
    assert sorted(watching.ended) == sorted(ends.values())
