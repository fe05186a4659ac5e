"""No position without a working stop for longer than two seconds."""

import pytest

from mytrader.domain.commands import PlaceEmergencyStop
from mytrader.domain.cycle import Phase
from mytrader.domain.orders import Side
from mytrader.simulator.faults import Faults
from tests.scenarios.world import World, play


@pytest.mark.slow
@pytest.mark.parametrize("side", list(Side))
def test_a_rejected_child_stop_is_replaced_within_two_seconds(side: Side) -> None:
    """The gateway refuses the child; the entry has filled: an emergency stop, with its parent."""

    async def script(world: World) -> None:
        cycle_id = world.raise_signal(side)
        await world.until(lambda: world.ledger_position != 0)
        filled_at = world.runtime.now()
        await world.until(lambda: f"mt/{cycle_id}/M1" in world.resting, seconds=2)
        assert (world.runtime.now() - filled_at).total_seconds() < 2
        await world.pass_time(1)
        cycle = world.state.cycles[cycle_id]
        assert cycle.phase is Phase.OPEN
        assert cycle.unprotected_seconds_max < 2
        placed = [
            command
            for record in world.journal.records
            for command in record.commands
            if isinstance(command, PlaceEmergencyStop)
        ]
        assert len(placed) == 1, "idempotent"
        assert placed[0].parent_ref == f"mt/{cycle_id}/E1"
        assert placed[0].parent_order_id == cycle.orders[f"mt/{cycle_id}/E1"].order_id > 0
        assert "EMERGENCY_STOP_PLACED" in world.alert_codes()
        world.flatten()
        await world.until(lambda: world.ledger_position == 0)
        await world.pass_time(5)
        assert world.resting == []

    play(script, faults=Faults(reject_child_stops=1))


@pytest.mark.slow
@pytest.mark.parametrize("side", list(Side))
def test_a_restart_in_an_open_position_adopts_the_stop(side: Side) -> None:
    """Never doubled, never gone at the broker, and the same cycle goes on."""

    async def script(world: World) -> None:
        cycle_id = await world.enter(side)
        await world.pass_time(2)
        stop = f"mt/{cycle_id}/S1"
        assert world.resting == [stop]
        perm_id = world.gateway.ledger.orders[0].perm_id

        await world.kill_and_restart()
        await world.pass_time(10)

        assert world.resting == [stop]
        assert world.gateway.ledger.orders[0].perm_id == perm_id, "the very same order"
        cycle = world.state.cycles[cycle_id]
        assert cycle.phase is Phase.OPEN
        assert cycle.orders[stop].confirmed_working
        assert world.manager._current_entry_cycle_id == cycle_id

        world.flatten()
        await world.until(lambda: world.ledger_position == 0)
        await world.pass_time(5)
        assert world.resting == []
        (closed,) = world.book.closed
        assert closed.cycle_id == cycle_id
        assert world.book.net_usd == world.cash_change_usd

    play(script)


@pytest.mark.slow
def test_a_restart_after_the_roll_still_knows_the_old_contract() -> None:
    """H23: the position of the old expiry keeps its stop, and is left in the old expiry."""

    async def script(world: World) -> None:
        cycle_id = await world.enter(Side.BUY)
        await world.pass_time(2)
        world.roll_days = 20
        await world.kill_and_restart()
        await world.pass_time(10)
        assert set(world.executor.traded) == {world.con_id, world.next_contract.con_id}
        cycle = world.state.cycles[cycle_id]
        assert (cycle.phase, cycle.con_id) == (Phase.OPEN, world.con_id)
        assert cycle.orders[f"mt/{cycle_id}/S1"].confirmed_working
        assert "FOREIGN_ORDER" not in world.alert_codes()

        world.flatten()
        await world.until(lambda: world.ledger_position == 0)
        await world.pass_time(5)
        assert world.resting == []
        assert world.book.net_usd == world.cash_change_usd

    play(script)


@pytest.mark.slow
def test_an_exit_goes_by_cancel_prove_send_where_the_venue_refuses_to_move_the_stop() -> None:
    """Protocol C after a definitive refusal of A, which is remembered."""

    async def script(world: World) -> None:
        cycle_id = await world.enter(Side.BUY)
        await world.pass_time(2)
        world.flatten()
        await world.until(lambda: world.ledger_position == 0)
        await world.pass_time(5)
        refs = [fill.order_ref for fill in world.gateway.ledger.executions]
        assert refs == [f"mt/{cycle_id}/E1", f"mt/{cycle_id}/X1"]
        assert "MOVE_STOP_REFUSED" in world.alert_codes()
        assert world.state.move_stop_refused == {"STP LMT"}
        assert world.resting == []
        assert world.book.net_usd == world.cash_change_usd

    play(script, faults=Faults(refuse_marketable_stop_changes=True))


@pytest.mark.slow
def test_a_stop_that_nobody_acknowledges_is_found_by_asking() -> None:
    """The stop works, the gateway does not say so: the book query after 500 ms finds it."""

    async def script(world: World) -> None:
        cycle_id = world.raise_signal(Side.BUY)
        await world.until(lambda: world.ledger_position != 0)
        await world.pass_time(3)
        cycle = world.state.cycles[cycle_id]
        assert cycle.phase is Phase.OPEN
        assert 0.5 <= cycle.unprotected_seconds_max < 0.6
        assert world.resting == [f"mt/{cycle_id}/S1"], "no second stop on a guess"
        assert world.alert_codes() == []

    play(script, faults=Faults(drop_stop_acknowledgements=True))
