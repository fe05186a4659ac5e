"""What the account can bear: everything that works filled, everything open at its stop."""

import math
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import ES, MES, NQ, FuturesContract
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.domain.orders import Death, ForeignOrder, OrderRef, Role, Side
from mytrader.domain.positions import PositionView
from mytrader.domain.trader import DayLedger
from mytrader.execution.account_guards import position_alone_stays_in_limit
from mytrader.execution.entry_case import Case, open_case
from tests.domain_samples import ES_DECEMBER, NOON
from tests.guard_samples import (
    ES_CONTRACT,
    LIMITS,
    MES_CONTRACT,
    MES_DECEMBER,
    OTHER_ID,
    WIDE,
    a_case,
    a_proposal,
    a_proposed_cycle,
    a_trader,
    a_working,
    an_entry_spec,
    at,
    exit_spec,
    in_limits,
    lots,
    of_cycle,
    on_day,
    refusals,
)

# The entry of the samples pays 27,208 at worst and has its stop at 27,180: 28 ticks, $350.00,
# and two commissions of $2.40 make $354.80 at risk.
RISK = Decimal("354.80")
CENT = Decimal("0.01")
TICK = Decimal("12.50")
MARCH = 700
NQ_DECEMBER = 701
HUGE = Decimal("1.7976931348623157E308")


def drawn_down(usd: Decimal) -> Case:
    """Return the sample case below an equity peak of a thousand."""
    return a_case(equity_peak_usd=Decimal(1000), equity_usd=usd)


def margin(initial: object, equity: object, **limits: object) -> Case:
    """Return the sample case with the broker's word on the margin."""
    said = Known(Margin(Decimal(str(initial)), Decimal(str(equity))))
    return of_cycle(a_proposed_cycle(margin=said), limits=replace(LIMITS, **limits))


def holding_related(
    count: int,
    *,
    contract: FuturesContract = MES_CONTRACT,
    side: Side = Side.BUY,
    **limits: object,
) -> Case:
    """Return a case beside a position in another contract."""
    con_id = contract.con_id
    state = a_trader(
        contracts={ES_DECEMBER: ES_CONTRACT, con_id: contract},
        positions={ES_DECEMBER: at(0), con_id: at(count, con_id)},
        limits=replace(LIMITS, loss_usd_daily_max=Decimal(10**7), **limits),
    )
    return open_case(a_proposal(a_proposed_cycle(side)), state, now=NOON)


ES_MARCH = FuturesContract(MARCH, ES, "ESH6", ES_CONTRACT.expiry)
NASDAQ = FuturesContract(NQ_DECEMBER, NQ, "NQZ5", ES_CONTRACT.expiry)

EDGES: list[tuple[str, Case, Case | None]] = [
    ("POSITION_LIMIT", lots(3, position_size_max=2), lots(2, position_size_max=2)),
    ("POSITION_LIMIT", lots(11, **WIDE), lots(10, **WIDE)),
    ("POSITION_LIMIT", a_case(positions={}), None),
    # One ES is $50 a point, one MES $5: 40 MES and one ES are $250.
    ("POSITION_LIMIT", holding_related(41), holding_related(40)),
    ("POSITION_LIMIT", holding_related(-41, side=Side.SELL), holding_related(-41)),
    (
        "POSITION_LIMIT",
        holding_related(5, contract=ES_MARCH),
        holding_related(4, contract=ES_MARCH),
    ),
    ("POSITION_LIMIT", holding_related(41), holding_related(99, contract=NASDAQ)),
    (
        "POSITION_LIMIT",
        in_limits(net_usd_per_point_max=Decimal("49.99")),
        in_limits(net_usd_per_point_max=Decimal(50)),
    ),
    ("POSITION_LIMIT", in_limits(net_usd_per_point_max=Decimal("NaN")), None),
    ("DAILY_LOSS", on_day(realised_usd=RISK - 2000 - CENT), on_day(realised_usd=RISK - 2000)),
    ("DAILY_LOSS", on_day(realised_usd=RISK - 2000 - TICK), on_day(realised_usd=RISK - 1999)),
    (
        "DAILY_LOSS",
        in_limits(loss_usd_daily_max=RISK - CENT),
        in_limits(loss_usd_daily_max=RISK),
    ),
    ("DAILY_LOSS", in_limits(loss_usd_daily_max=Decimal("NaN")), None),
    ("DRAWDOWN", drawn_down(RISK - 4000 - CENT), drawn_down(RISK - 4000)),
    ("DRAWDOWN", drawn_down(Decimal("NaN")), None),
    ("DRAWDOWN", a_case(equity_peak_usd=Decimal("Infinity")), None),
    ("DRAWDOWN", in_limits(drawdown_usd_max=Decimal("-Infinity")), None),
    ("MARGIN", of_cycle(a_proposed_cycle(margin=None)), None),
    ("MARGIN", of_cycle(a_proposed_cycle(margin=Unknown("no answer"))), None),
    # Our own table: one ES needs $28,000.
    ("MARGIN", margin(20_000, "27999.99"), margin(20_000, 28_000)),
    ("MARGIN", margin("50000.01", 50_000), margin(50_000, 50_000)),
    (
        "MARGIN",
        margin(40_000, "49999.99", margin_excess_usd_min=Decimal(10_000)),
        margin(40_000, 50_000, margin_excess_usd_min=Decimal(10_000)),
    ),
    ("MARGIN", margin(1, 50_000, margin_excess_usd_min=Decimal("NaN")), None),
]


@pytest.mark.parametrize(("code", "spoiled", "allowed"), EDGES)
def test_a_guard_refuses_beyond_its_limit_and_passes_at_it(
    code: str, spoiled: Case, allowed: Case | None
) -> None:
    assert code in refusals(spoiled)
    assert allowed is None or code not in refusals(allowed)


# Margin


@pytest.mark.parametrize("odd", [HUGE, -HUGE, "NaN", "sNaN", "Infinity", "-Infinity", "9e999999"])
def test_an_amount_that_is_none_is_refused(odd: object) -> None:
    """The broker's "not set" is a huge number, as initial margin and as equity."""
    assert refusals(margin(odd, 50_000)) == {"MARGIN"}
    assert refusals(margin(20_000, odd)) == {"MARGIN"}


@pytest.mark.parametrize("initial", [0, -1, "-0.01"])
def test_an_entry_that_needs_no_margin_is_one_that_nobody_computed(initial: object) -> None:
    assert refusals(margin(initial, 50_000)) == {"MARGIN"}


def test_the_table_counts_every_contract_of_the_account() -> None:
    """One ES ($28,000) beside 10 NQ short ($420,000): netting across indices is no margin."""
    limits = {"loss_usd_trade_max": Decimal(1250)}
    for equity, refused in ((448_000, set()), (Decimal("447999.99"), {"MARGIN"})):
        cycle = a_proposed_cycle(margin=Known(Margin(Decimal(1), Decimal(equity))))
        state = a_trader(
            contracts={ES_DECEMBER: ES_CONTRACT, NQ_DECEMBER: NASDAQ},
            positions={ES_DECEMBER: at(0), NQ_DECEMBER: at(-10, NQ_DECEMBER)},
            limits=replace(
                LIMITS,
                loss_usd_daily_max=Decimal(10**6),
                drawdown_usd_max=Decimal(10**6),
                **limits,
            ),
        )
        assert refusals(open_case(a_proposal(cycle), state, now=NOON)) == refused


# Positions that nobody has explained


@pytest.mark.parametrize(
    "changes",
    [
        {"positions": {ES_DECEMBER: at(0), 404: at(1, 404)}},
        {"positions": {ES_DECEMBER: at(0), 404: PositionView(404, reported=3)}},
        {"positions": {ES_DECEMBER: at(0), 404: PositionView(404, doubt="an orphan")}},
        {"foreign": {7: ForeignOrder(7, 404, Side.BUY, 1, "Submitted")}},
    ],
)
def test_a_contract_that_is_none_of_ours_is_not_nothing(changes: dict[str, object]) -> None:
    """It may be another expiry: how much it weighs and needs is unknown."""
    assert {"POSITION_LIMIT", "MARGIN"} <= refusals(a_case(**changes))


def test_a_flat_contract_of_others_is_nothing() -> None:
    """What was once reported and is closed does not stop the trader for good."""
    gone = PositionView(404, confirmed=True, reported=0)
    positions = {ES_DECEMBER: at(0), MES_DECEMBER: at(0, MES_DECEMBER), 404: gone}
    assert refusals(a_case(positions=positions)) == set()


def test_a_related_contract_of_unknown_position_is_no_flat_one() -> None:
    unconfirmed = {ES_DECEMBER: at(0), MES_DECEMBER: PositionView(MES_DECEMBER)}
    refused = refusals(a_case(positions=unconfirmed))
    assert {"POSITION_LIMIT", "MARGIN", "DAILY_LOSS", "DRAWDOWN"} == refused


def test_the_position_alone_needs_no_contract() -> None:
    """A record of orders and fills knows no margin: the replay asks for the position alone."""
    nowhere = a_case(replace(a_proposal(), contract=None))
    assert position_alone_stays_in_limit(nowhere).approved
    assert "POSITION_LIMIT" in refusals(nowhere)


def test_what_works_in_related_contracts_counts_as_filled() -> None:
    """Longest and shortest: 40 MES bought would be the limit, and one more works."""
    spec = replace(
        an_entry_spec(Side.BUY), ref=str(OrderRef(OTHER_ID, Role.ENTRY, 1)), con_id=MES_DECEMBER
    )
    other = a_proposed_cycle(
        cycle_id=OTHER_ID, con_id=MES_DECEMBER, stop=27_180, orders={spec.ref: a_working(spec)}
    )
    for held, refused in ((39, False), (40, True)):
        positions = {ES_DECEMBER: at(0), MES_DECEMBER: at(held, MES_DECEMBER)}
        state = a_trader(
            cycles={OTHER_ID: other},
            positions=positions,
            limits=replace(LIMITS, loss_usd_daily_max=Decimal(10**6)),
        )
        case = open_case(a_proposal(), state, now=NOON)
        assert ("POSITION_LIMIT" in refusals(case)) is refused


# What is at risk already


@pytest.mark.parametrize("odd", [Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), HUGE])
def test_a_result_that_is_no_number_is_unknown(odd: Decimal) -> None:
    assert refusals(on_day(realised_usd=odd)) == {"DAILY_LOSS"}
    assert refusals(a_case(equity_usd=odd)) == {"DRAWDOWN"}


def open_mes(stop: int, *, side: Side = Side.BUY) -> TradeCycle:
    """Return an open cycle of one MES, filled at 27,200."""
    entry = replace(an_entry_spec(side), con_id=MES_DECEMBER)
    fill = Execution("1.1", entry.ref, 5, 900, MES_DECEMBER, side, 1, 27_200, NOON)
    return a_proposed_cycle(
        side,
        cycle_id=OTHER_ID,
        con_id=MES_DECEMBER,
        phase=Phase.OPEN,
        stop=stop,
        orders={entry.ref: a_working(entry, filled=1, death=Death.FILLED)},
        fills=(fill,),
    )


def beside(cycle: TradeCycle, *, realised: Decimal) -> Case:
    """Return the sample case beside an open cycle, on a day with a result."""
    return a_case(
        cycles={OTHER_ID: cycle},
        positions={ES_DECEMBER: at(0), MES_DECEMBER: at(cycle.position, MES_DECEMBER)},
        day=DayLedger(on=NOON.date(), realised_usd=realised),
    )


@pytest.mark.parametrize(
    ("stop", "at_risk"),
    [
        # 20 ticks of $1.25 and two commissions of $0.62.
        (27_180, Decimal("26.24")),
        (27_179, Decimal("27.49")),
        # A stop above the entry locks a gain in: only the commissions count, and no room is made.
        (27_201, Decimal("1.24")),
        (27_900, Decimal("1.24")),
    ],
)
def test_the_days_loss_counts_every_open_cycle_to_its_stop(stop: int, at_risk: Decimal) -> None:
    limit = RISK + at_risk - 2000
    assert "DAILY_LOSS" not in refusals(beside(open_mes(stop), realised=limit))
    assert "DAILY_LOSS" in refusals(beside(open_mes(stop), realised=limit - CENT))


def test_a_stop_that_still_rests_further_away_is_the_one_that_counts() -> None:
    """A stop was asked to move up; until the broker says so it rests where it was."""
    stop = replace(exit_spec(Side.SELL, role=Role.STOP), con_id=MES_DECEMBER, stop=27_179)
    cycle = open_mes(27_190)
    cycle = replace(cycle, orders={**cycle.orders, stop.ref: a_working(stop)})
    limit = RISK + Decimal("27.49") - 2000
    assert "DAILY_LOSS" not in refusals(beside(cycle, realised=limit))
    assert "DAILY_LOSS" in refusals(beside(cycle, realised=limit - CENT))


def test_a_gain_today_makes_room_for_risk_and_a_locked_one_does_not() -> None:
    """Realised dollars are facts; a stop that locks a gain in may still slip."""
    assert "DAILY_LOSS" not in refusals(on_day(realised_usd=Decimal(10**6)))
    tight = replace(LIMITS, loss_usd_daily_max=RISK)
    locked = replace(beside(open_mes(27_900), realised=Decimal(0)).state, limits=tight)
    assert "DAILY_LOSS" in refusals(open_case(a_proposal(), locked, now=NOON))
    assert MES.tick_value_usd == Decimal("1.25")


@pytest.mark.parametrize("quantity", [0, -1, True, 1.0, math.nan, 10**40])
def test_a_quantity_that_is_no_number_of_contracts_has_no_room(quantity: int) -> None:
    cycle = a_proposed_cycle(quantity=quantity)
    case = a_case(replace(a_proposal(), cycle=cycle))
    assert {"POSITION_LIMIT", "ORDER_SIZE"} <= refusals(case)
