"""What is open is counted to its stop, and what is lost already counts at once."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.orders import Death, Role, Side
from mytrader.domain.trader import TraderState
from mytrader.execution.risk import survey
from tests.domain_samples import CYCLE_ID
from tests.guard_samples import (
    MES_DECEMBER,
    a_proposed_cycle,
    a_trader,
    a_working,
    an_entry_spec,
    at,
    exit_spec,
    filled,
)


def at_work(*changes: Callable[[TradeCycle], TradeCycle], **fields: object) -> TraderState:
    """Return a trader with one open long cycle in MES: bought at 27,200, stop at 27,180."""
    entry = replace(an_entry_spec(Side.BUY), con_id=MES_DECEMBER)
    cycle = a_proposed_cycle(
        con_id=MES_DECEMBER,
        phase=Phase.OPEN,
        stop=27_180,
        orders={entry.ref: a_working(entry, filled=1, death=Death.FILLED)},
        fills=(filled(Side.BUY, 27_200),),
    )
    cycle = replace(cycle, **fields)
    for change in changes:
        cycle = change(cycle)
    held = at(cycle.position, MES_DECEMBER)
    return a_trader(cycles={CYCLE_ID: cycle}, positions={MES_DECEMBER: held})


def worst_case_usd(state: TraderState) -> Decimal:
    """Return what everything loses at worst, in dollars."""
    return Decimal(survey(state).worst_cents) / 100


def with_entry(number: int, limit: int) -> Callable[[TradeCycle], TradeCycle]:
    """Add an entry that still works."""
    spec = replace(an_entry_spec(Side.BUY, number=number, limit=limit), con_id=MES_DECEMBER)
    return lambda cycle: replace(cycle, orders={**cycle.orders, spec.ref: a_working(spec)})


def with_fill(side: Side, price: int) -> Callable[[TradeCycle], TradeCycle]:
    """Add a fill."""
    return lambda cycle: replace(cycle, fills=(*cycle.fills, filled(side, price, number=9)))


@pytest.mark.parametrize(
    ("state", "usd"),
    [
        # 20 ticks of $1.25 and two commissions of $0.62.
        (at_work(), "26.24"),
        # Another lot may still be bought at 27,208: 28 ticks and two commissions more.
        (at_work(with_entry(2, 27_208)), "62.48"),
        # Bought, and sold 30 ticks lower: that is lost whether or not it is settled yet.
        (at_work(with_fill(Side.SELL, 27_170)), "38.74"),
        # The same with another lot still open to its stop.
        (at_work(with_fill(Side.BUY, 27_200), with_fill(Side.SELL, 27_170)), "64.98"),
        # A stop beyond the entry locks a gain in, which is no reason to risk more elsewhere.
        (at_work(stop=27_230), "1.24"),
        # Nothing says where these end: the whole limit of a trade for every contract.
        (at_work(stop=None), "1250"),
        (at_work(with_entry(2, 27_208), stop=None), "2500"),
        (at_work(with_fill(Side.SELL, 27_190), with_fill(Side.SELL, 27_190)), "1250"),
        (replace(at_work(), contracts={}), "1250"),
        # A proposal is no risk yet.
        (at_work(orders={}, fills=()), "0"),
    ],
)
def test_what_is_open_counts_to_its_stop(state: TraderState, usd: str) -> None:
    assert worst_case_usd(state) == Decimal(usd)


def test_a_short_counts_upwards() -> None:
    entry = replace(an_entry_spec(Side.SELL), con_id=MES_DECEMBER)
    state = at_work(
        side=Side.SELL,
        stop=27_220,
        orders={entry.ref: a_working(entry, filled=1, death=Death.FILLED)},
        fills=(filled(Side.SELL, 27_200),),
    )
    assert worst_case_usd(state) == Decimal("26.24")


def test_a_reduce_only_order_is_no_entry() -> None:
    """A stop of another cycle neither opposes an entry nor counts as one at risk."""
    stop = replace(exit_spec(Side.SELL, role=Role.STOP), con_id=MES_DECEMBER)
    state = at_work(
        lambda cycle: replace(cycle, orders={**cycle.orders, stop.ref: a_working(stop)})
    )
    assert worst_case_usd(state) == Decimal("26.24")
