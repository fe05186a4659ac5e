"""What several guards look at, looked up once."""

from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from mytrader.domain.instrument import NQ, FuturesContract
from mytrader.domain.orders import ForeignOrder, OrderRef, Role, Side
from mytrader.domain.trader import DayLedger
from mytrader.execution.entry_case import SignalTicks, Standing, open_case, passed
from tests.domain_samples import ES_DECEMBER, NOON
from tests.guard_samples import (
    ES_CONTRACT,
    MES_DECEMBER,
    OTHER_ID,
    a_case,
    a_proposal,
    a_proposed_cycle,
    a_signal,
    a_trader,
    a_working,
    an_entry_spec,
    at,
    of_cycle,
)


def test_the_signals_prices_are_ticks_or_unknown() -> None:
    assert a_case().ticks == SignalTicks(27_200, 27_180, 27_240)
    odd = of_cycle(a_proposed_cycle(signal=a_signal(stop=None, target=Decimal("6810.1"))))
    assert odd.ticks == SignalTicks(27_200, None, None)
    assert a_case(replace(a_proposal(), contract=None)).ticks == SignalTicks()


def test_the_standing_is_the_longest_and_the_shortest_that_can_come() -> None:
    """One ES bought beside two MES: $50 and $10 a point; nothing can go short."""
    positions = {ES_DECEMBER: at(0), MES_DECEMBER: at(2, MES_DECEMBER)}
    assert a_case(positions=positions).standing == Standing(60, 10, 28_000 + 5_600)
    short = a_case(a_proposal(a_proposed_cycle(Side.SELL)), positions=positions)
    assert short.standing == Standing(10, -40, 28_000 + 5_600)


def test_an_entry_of_unknown_size_stands_nowhere() -> None:
    cycle = a_proposed_cycle(quantity=0)
    assert a_case(replace(a_proposal(), cycle=cycle)).standing.unknown
    assert a_case(replace(a_proposal(), contract=None)).standing.unknown


def test_a_cycle_in_a_contract_that_nobody_described_is_a_stranger() -> None:
    spec = replace(an_entry_spec(Side.BUY), ref=str(OrderRef(OTHER_ID, Role.ENTRY, 1)), con_id=404)
    other = a_proposed_cycle(cycle_id=OTHER_ID, con_id=404, orders={spec.ref: a_working(spec)})
    case = open_case(a_proposal(), a_trader(cycles={OTHER_ID: other}), now=NOON)
    assert case.standing.unknown == "contract 404 is none of ours, and is not flat"


def test_the_day_is_the_ledgers() -> None:
    """A new date starts from zero; the same date and a later one stay."""
    day = DayLedger(on=NOON.date(), entries=3)
    assert a_case(day=day).day is day
    tomorrow = open_case(a_proposal(), a_trader(day=day), now=NOON + timedelta(days=1))
    assert (tomorrow.day.on, tomorrow.day.entries) == (NOON.date() + timedelta(days=1), 0)
    assert a_case(day=DayLedger()).day.on == NOON.date()


def test_a_verdict_that_passes_says_no_more() -> None:
    assert (passed("MODE").approved, passed("MODE").detail) == (True, "")


def test_an_unrelated_contract_counts_for_margin_alone() -> None:
    """Two NQ beside one ES: $84,000 more of margin, and no dollar more a point of the S&P."""
    nasdaq = FuturesContract(701, NQ, "NQZ5", ES_CONTRACT.expiry)
    contracts = {ES_DECEMBER: ES_CONTRACT, 701: nasdaq}
    positions = {ES_DECEMBER: at(0), 701: at(2, 701)}
    assert a_case(contracts=contracts, positions=positions).standing == Standing(
        50, 0, 28_000 + 84_000
    )


def test_only_what_is_not_flat_is_a_stranger() -> None:
    positions = {ES_DECEMBER: at(0), MES_DECEMBER: at(0, MES_DECEMBER), 404: at(0, 404)}
    assert a_case(positions=positions).standing.unknown == ""
    for odd in (at(1, 404), replace(at(0, 404), reported=-1), replace(at(0, 404), doubt="why")):
        assert "404" in a_case(positions={**positions, 404: odd}).standing.unknown


def test_what_works_in_a_contract_of_ours_is_no_stranger() -> None:
    foreign = {7: ForeignOrder(7, MES_DECEMBER, Side.BUY, 1, "Submitted")}
    assert a_case(foreign=foreign).standing == Standing(55, 0, 28_000 + 2_800)
