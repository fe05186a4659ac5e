"""What is open is counted to its stop, and what is lost already counts at once."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.limits import Limits
from mytrader.domain.market import Quote
from mytrader.domain.orders import Death, ForeignOrder, OrderRef, Role, Side, TrackedOrder
from mytrader.domain.trader import TraderState
from mytrader.execution.exposure import reach, reach_of_groups
from mytrader.execution.risk import NOTHING, open_profit_usd, survey
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, NOON
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

SPECS = st.builds(
    replace,
    st.sampled_from(
        [
            an_entry_spec(Side.BUY),
            an_entry_spec(Side.SELL),
            exit_spec(Side.BUY),
            exit_spec(Side.SELL, role=Role.STOP),
        ]
    ),
    quantity=st.integers(1, 3),
    con_id=st.sampled_from([ES_DECEMBER, MES_DECEMBER]),
    parent_ref=st.sampled_from([None, str(OrderRef(CYCLE_ID, Role.ENTRY, 9)), "mt/lost/E1"]),
)
ORDERS = st.builds(
    a_working,
    SPECS,
    filled=st.integers(0, 4),
    change=st.none() | SPECS,
    change_unknown=st.booleans(),
    perm_ids=st.sampled_from([(), (900,), (900, 901)]),
    quantity_echoed=st.integers(0, 4),
    death=st.sampled_from([None, None, Death.CANCELLED]),
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


def test_strays_count_as_whole_trades() -> None:
    """A position that no cycle explains, a foreign order: nothing stops them out."""
    assert worst_case_usd(a_trader()) == 0
    held = {MES_DECEMBER: at(2, MES_DECEMBER)}
    assert worst_case_usd(a_trader(positions=held)) == 2500
    assert worst_case_usd(replace(at_work(), positions={MES_DECEMBER: at(3, MES_DECEMBER)})) == (
        2500 + Decimal("26.24")
    )
    against = {MES_DECEMBER: at(-1, MES_DECEMBER)}
    assert worst_case_usd(replace(at_work(), positions=against)) == 2500 + Decimal("26.24")
    doubted = {MES_DECEMBER: replace(at(1, MES_DECEMBER), reported=2)}
    assert worst_case_usd(replace(at_work(), positions=doubted)) == 1250 + Decimal("26.24")
    agreed = {MES_DECEMBER: replace(at(1, MES_DECEMBER), reported=1)}
    assert worst_case_usd(replace(at_work(), positions=agreed)) == Decimal("26.24")
    foreign = {
        7: ForeignOrder(7, MES_DECEMBER, Side.SELL, 2, "Submitted"),
        8: ForeignOrder(8, MES_DECEMBER, Side.BUY, -2, "Submitted"),
        9: ForeignOrder(9, MES_DECEMBER, Side.BUY, 1, "Submitted"),
    }
    state = a_trader(foreign=foreign)
    assert worst_case_usd(state) == 3750
    assert survey(state).working == {MES_DECEMBER: (1, 2, 1, 2)}


def test_a_limit_that_is_no_amount_bounds_no_loss() -> None:
    """Whatever has no stop then costs more than any account holds."""
    limits = Limits(loss_usd_trade_max=Decimal("NaN"))
    assert worst_case_usd(replace(at_work(stop=None), limits=limits)) == 10**16


@pytest.mark.slow
@given(orders=st.lists(ORDERS, max_size=6), filled_entry=st.booleans())
def test_what_works_is_what_the_exit_rule_counts(
    orders: list[TrackedOrder], *, filled_entry: bool
) -> None:
    """One pass over everything, and the sums of `reach` contract by contract: the same."""
    parent = a_working(an_entry_spec(Side.BUY, number=9), filled=int(filled_entry))
    numbered = {parent.spec.ref: parent}
    for number, order in enumerate(orders, 1):
        ref = str(OrderRef(CYCLE_ID, order.spec.role, number))
        numbered[ref] = replace(order, spec=replace(order.spec, ref=ref))
    state = a_trader(cycles={CYCLE_ID: a_proposed_cycle(orders=numbered)})
    working = survey(state).working
    for con_id in (ES_DECEMBER, MES_DECEMBER):
        counted = reach(state, con_id)
        entries = (counted.buys - counted.exit_buys, counted.sells - counted.exit_sells)
        assert working.get(con_id, NOTHING) == (counted.buys, counted.sells, *entries)
        by_group = reach_of_groups(state, con_id)
        assert by_group == counted


@pytest.mark.parametrize(("parent_filled", "sells"), [(0, 0), (1, 1)])
def test_a_child_is_dormant_until_its_parent_fills(parent_filled: int, sells: int) -> None:
    entry = a_working(an_entry_spec(Side.BUY), filled=parent_filled)
    child = replace(exit_spec(Side.SELL, role=Role.STOP), parent_ref=entry.spec.ref)
    orders = {entry.spec.ref: entry, child.ref: a_working(child)}
    found = survey(a_trader(cycles={CYCLE_ID: a_proposed_cycle(orders=orders)}))
    assert found.working[ES_DECEMBER] == (1 - parent_filled, sells, 1 - parent_filled, 0)


@pytest.mark.parametrize(
    ("quote", "usd"),
    [
        # Bought at 27,200, sold at the bid: 8 ticks of $1.25; the ask is nobody's price here.
        (Quote(NOON, 27_208, 27_210, None), 10),
        (Quote(NOON, 27_180, 27_181, None), -25),
        (Quote(NOON, None, 27_181, None), 0),
        (None, 0),
    ],
)
def test_what_is_open_is_worth_what_the_market_pays(quote: Quote | None, usd: int) -> None:
    state = replace(at_work(), quotes={} if quote is None else {MES_DECEMBER: quote})
    assert open_profit_usd(state) == usd
    assert open_profit_usd(replace(state, contracts={})) == 0
    paid = replace(state.cycles[CYCLE_ID], commissions_usd={"1": Decimal("0.62")})
    assert open_profit_usd(replace(state, cycles={CYCLE_ID: paid})) == usd - Decimal("0.62")


@pytest.mark.parametrize(("resting", "usd"), [(27_170, "38.74"), (27_190, "26.24")])
def test_the_worst_stop_counts(resting: int, usd: str) -> None:
    """The cycle's own, or one that still rests further away until its change is confirmed."""
    stop = replace(exit_spec(Side.SELL, role=Role.STOP), con_id=MES_DECEMBER, stop=resting)
    state = at_work(
        lambda cycle: replace(cycle, orders={**cycle.orders, stop.ref: a_working(stop)})
    )
    assert worst_case_usd(state) == Decimal(usd)
