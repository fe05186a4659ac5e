"""2025-12-12, order 14812: an exit met a flat account and opened a position. Never again."""

import pytest

from mytrader.domain.events import OrderWritten
from mytrader.domain.orders import Side
from mytrader.simulator.faults import Faults
from tests.scenarios.world import World, play

REFUSALS = {"EXIT_WHEN_FLAT", "POSITION_UNKNOWN"}


@pytest.mark.slow
@pytest.mark.parametrize("side", list(Side))
def test_a_second_flatten_after_a_stale_position_report_sends_nothing(side: Side) -> None:
    """Short 1, flatten; the report goes stale and still says short 1; flatten again."""

    async def script(world: World) -> None:
        await world.enter(side)
        world.flatten()
        await world.until(lambda: world.ledger_position == 0)
        await world.pass_time(5)
        assert world.state.position(world.con_id).booked == 0
        assert world.state.position(world.con_id).reported == side.sign, "the report is stale"
        written = len(world.events(OrderWritten))
        before = len(world.alerts)

        world.flatten()
        await world.pass_time(30)

        assert len(world.events(OrderWritten)) == written, "no order leaves"
        assert world.ledger_position == 0
        said = world.alerts[before:]
        refused = [alert for alert in said if alert.code in REFUSALS]
        assert refused, [alert.code for alert in said]
        assert f"the broker {side.sign}" in refused[0].text, "the event says why"

    play(script, faults=Faults(freeze_positions_after_fills=1))


@pytest.mark.slow
@pytest.mark.parametrize("side", list(Side))
def test_two_flattens_in_flight_send_one_exit(side: Side) -> None:
    """Two exits asked in the same moment: one owner, one exit, and the other is told no."""

    async def script(world: World) -> None:
        await world.enter(side)
        await world.pass_time(1)
        written = len(world.events(OrderWritten))
        world.flatten()
        world.flatten()
        await world.until(lambda: world.ledger_position == 0)
        await world.pass_time(30)

        exits = world.events(OrderWritten)[written:]
        assert len(exits) == 1, exits
        assert "EXIT_ALREADY_WORKING" in world.alert_codes()
        assert world.ledger_position == 0
        assert world.resting == []
        assert len(world.gateway.ledger.executions) == 2

    play(script)


@pytest.mark.slow
def test_a_flatten_when_flat_sends_nothing() -> None:
    """The plainest form: nothing is open, an exit is asked for."""

    async def script(world: World) -> None:
        world.flatten()
        await world.pass_time(5)
        assert world.events(OrderWritten) == []
        assert world.alert_codes() == ["MODE_REDUCE_ONLY", "EXIT_WHEN_FLAT"]

    play(script)
