"""The view of a trader's state: what is open, what covers it, what it would cost."""

from datetime import timedelta
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from mytrader.control.status import Status, flat_and_orderless, resume_code, status_of
from mytrader.domain.cycle import Phase
from mytrader.domain.orders import Side
from mytrader.domain.trader import Mode, TraderState
from tests.playbook import CON_ID, LIMITS, NOON, entering, opened, the_start


def shown(state: TraderState) -> Status:
    return status_of(state, NOON + timedelta(seconds=2), alerts=(), pages=0)


def test_an_open_trade_shows_its_cover_and_its_risk() -> None:
    status = shown(opened().state)
    (cycle,) = status.cycles
    assert cycle.phase == Phase.OPEN
    assert (cycle.position, cycle.entry_price) == (1, Decimal("6800.00"))
    assert (cycle.stop_price, cycle.target_price) == (Decimal("6795.00"), None)
    assert cycle.at_risk_usd == Decimal("250.00"), "20 ticks of $12.50"
    assert cycle.naked_since is None
    assert [order.role for order in cycle.orders] == ["stop"]
    assert not status.flat


def test_a_short_is_at_risk_upwards() -> None:
    (cycle,) = shown(opened(side=Side.SELL).state).cycles
    assert cycle.position == -1
    assert cycle.at_risk_usd is not None
    assert cycle.at_risk_usd > 0


def test_an_entry_at_work_is_neither_a_position_nor_flat() -> None:
    status = shown(entering().state)
    (cycle,) = status.cycles
    assert (cycle.position, cycle.entry_price, cycle.at_risk_usd) == (0, None, None)
    assert not status.flat


def test_a_trader_without_trades_is_flat_with_a_market() -> None:
    status = shown(the_start())
    assert status.flat
    assert (status.mode, status.resume_code, status.profile) == (Mode.NORMAL, None, "strict")
    (market,) = status.market
    assert (market.symbol, market.ask, market.age_seconds) == ("ES", Decimal("6800.00"), 2.0)
    assert status.day.on == "2025-11-12"


def test_an_unknown_position_is_never_flat() -> None:
    state = the_start()
    view = replace(state.position(CON_ID), confirmed=False)
    unsure = replace(state, positions={CON_ID: view})
    assert not flat_and_orderless(unsure)
    (position,) = shown(unsure).positions
    assert not position.known
    assert position.doubt == "not confirmed since the last connection"


def test_a_position_nobody_has_spoken_of_is_not_called_flat() -> None:
    assert not flat_and_orderless(TraderState(LIMITS))


def test_the_code_changes_with_everything_that_was_to_be_seen() -> None:
    halted = replace(the_start(), mode=Mode.HALT, mode_why="one")
    cycle = next(iter(opened().state.cycles.values()))
    stuck = replace(cycle, halted_why="stuck")
    codes = {
        resume_code(halted, pages=0),
        resume_code(halted, pages=1),
        resume_code(replace(halted, mode_why="other"), pages=0),
        resume_code(replace(halted, mode=Mode.REDUCE_ONLY), pages=0),
        resume_code(replace(halted, cycles={cycle.cycle_id: stuck}), pages=0),
    }
    assert len(codes) == 5
    assert None not in codes


def test_a_status_survives_the_wire() -> None:
    status = shown(opened().state)
    assert msgspec.json.decode(msgspec.json.encode(status), type=Status) == status
