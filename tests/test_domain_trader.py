"""The trader's state answers for contracts of which nothing was ever said."""

from datetime import timedelta

from msgspec.structs import replace

from mytrader.domain.limits import Limits
from mytrader.domain.positions import PositionView
from mytrader.domain.trader import DayLedger, Mode, TraderState
from tests.domain_samples import ES_DECEMBER, NOON, a_cycle


def test_modes_are_ranked_by_what_they_forbid() -> None:
    """A mode steps down by rank and never up by itself."""
    assert sorted(Mode, key=lambda mode: mode.rank) == [Mode.NORMAL, Mode.REDUCE_ONLY, Mode.HALT]


def test_a_contract_never_heard_of_has_an_unknown_position() -> None:
    """No answer is not flat."""
    state = TraderState(Limits())
    assert not state.position(ES_DECEMBER).known
    flat = PositionView(ES_DECEMBER, confirmed=True)
    assert replace(state, positions={ES_DECEMBER: flat}).position(ES_DECEMBER) is flat


def test_a_day_begins_unused_and_does_not_come_back_unused() -> None:
    """A clock that steps back over the change of date finds the day that it left."""
    day = DayLedger(on=NOON.date(), entries=3, last_entry_at=NOON)
    state = TraderState(Limits(), day=day)
    assert state.ledger(NOON) is day
    assert state.ledger(NOON - timedelta(days=1)) is day
    tomorrow = DayLedger(on=NOON.date() + timedelta(days=1), last_entry_at=NOON)
    assert state.ledger(NOON + timedelta(days=1)) == tomorrow
    assert TraderState(Limits()).ledger(NOON) == DayLedger(on=NOON.date())


def test_cycles_are_found_by_contract() -> None:
    """One contract's trade is not another's."""
    cycle = a_cycle()
    state = TraderState(Limits(), cycles={cycle.cycle_id: cycle})
    assert state.cycles_of(ES_DECEMBER) == [cycle]
    assert state.cycles_of(ES_DECEMBER + 1) == []
