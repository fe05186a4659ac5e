"""The account is folded from fills: first in, first out, to the cent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.domain.instrument import ES
from mytrader.domain.orders import Side
from mytrader.simulator.ledger import BrokerFill, Ledger
from mytrader.simulator.listing import front_month

AT = datetime(2025, 12, 12, 15, 0, tzinfo=UTC)
CONTRACT = front_month(ES, AT.date())
COMMISSION = Decimal("2.40")


def _fill(signed: int, price: int, *, number: int = 1) -> BrokerFill:
    return BrokerFill(
        exec_id=f"x.{number}.01",
        contract=CONTRACT,
        perm_id=1,
        client_id=7,
        order_id=1,
        order_ref="",
        side=Side.BUY if signed > 0 else Side.SELL,
        quantity=abs(signed),
        price=price,
        at=AT,
        aggressor=True,
        cumulative=abs(signed),
        average_price=Decimal(price),
    )


def _ledger(*fills: tuple[int, int]) -> Ledger:
    ledger = Ledger("DU1", Decimal(1000))
    for number, (signed, price) in enumerate(fills):
        ledger.book(_fill(signed, price, number=number), COMMISSION * abs(signed))
    return ledger


def test_round_trip_moves_the_cash_by_profit_less_commissions() -> None:
    ledger = _ledger((1, 100), (-1, 104))
    assert ledger.cash_usd == Decimal(1000) + 50 - Decimal("4.80")
    assert ledger.realised_usd == 50 - Decimal("4.80")
    assert ledger.position(CONTRACT.con_id) == 0
    assert ledger.open() == []
    opened, closed = ledger.executions
    assert opened.realised_usd is None
    assert closed.realised_usd == 50 - COMMISSION


def test_loss_of_the_incident() -> None:
    """Sold at 6856.50, bought at 6890.50: 1,700 dollars before commissions."""
    ledger = _ledger((-1, 6856 * 4 + 2), (1, 6890 * 4 + 2))
    assert ledger.cash_usd == 1000 - 1700 - 2 * COMMISSION


def test_first_opened_is_first_closed() -> None:
    ledger = _ledger((1, 100), (1, 200), (-1, 150))
    (holding,) = ledger.open()
    assert holding.average_cost_usd == Decimal(50) * 50
    assert ledger.executions[-1].realised_usd == Decimal(50) * Decimal("12.50") - COMMISSION


def test_fill_may_turn_the_position_round() -> None:
    ledger = _ledger((2, 100), (-5, 104))
    assert ledger.position(CONTRACT.con_id) == -3
    assert ledger.holdings[0].average_cost_usd == Decimal(26) * 50
    assert ledger.holdings[0].realised_usd == 100


def test_open_profit_is_marked() -> None:
    ledger = _ledger((-2, 100))
    assert ledger.unrealised_usd({CONTRACT.con_id: 96}) == 100
    assert _ledger().unrealised_usd({}) == 0


def test_a_busted_fill_leaves_nothing_but_its_number() -> None:
    ledger = _ledger((1, 100), (1, 104))
    first, second = ledger.executions
    ledger.bust(first.exec_id)
    assert ledger.executions == [second]
    assert ledger.position(second.contract.con_id) == 1
    ledger.bust(second.exec_id)
    assert (ledger.executions, ledger.cash_usd) == ([], Decimal(1000))
    assert [each.position for each in ledger.holdings] == [0]


def test_a_settlement_pays_out_what_is_open_and_begins_a_day() -> None:
    ledger = _ledger((2, 100))
    con_id, instrument = CONTRACT.con_id, CONTRACT.instrument
    assert ledger.daily_usd({con_id: 108}) == instrument.usd(16) - 2 * COMMISSION
    ledger.settle(con_id, 108, AT)
    assert ledger.settled_cash_usd == ledger.cash_usd + instrument.usd(16)
    assert ledger.daily_usd({con_id: 108}) == 0
    ledger.book(_fill(-1, 110, number=9), COMMISSION)
    assert ledger.settled_cash_usd == ledger.cash_usd + instrument.usd(8)
    assert ledger.daily_usd({con_id: 109}) == instrument.usd(2 + 1) - COMMISSION
    assert ledger.open()[0].cost_ticks == 100


def test_a_correction_keeps_the_settlement() -> None:
    ledger = _ledger((1, 100))
    ledger.settle(CONTRACT.con_id, 108, AT + timedelta(hours=1))
    ledger.correct(ledger.executions[0].exec_id, -2)
    assert ledger.open()[0].paid_out_usd == CONTRACT.instrument.usd(10)
    assert ledger.daily_usd({CONTRACT.con_id: 108}) == 0


def test_unknown_contract_is_flat() -> None:
    assert _ledger().position(4711) == 0


@pytest.mark.slow
@settings(deadline=None, print_blob=True)
@given(st.lists(st.tuples(st.integers(-3, 3).filter(bool), st.integers(90, 110)), max_size=12))
def test_cash_and_open_profit_add_up_whatever_the_order(fills: list[tuple[int, int]]) -> None:
    """Marked at any price, the account is worth what plain arithmetic over the fills says."""
    ledger = _ledger(*fills)
    worth = ledger.cash_usd + ledger.unrealised_usd({CONTRACT.con_id: 100})
    ticks = sum(signed * (100 - price) for signed, price in fills)
    commissions = COMMISSION * sum(abs(signed) for signed, _ in fills)
    assert worth == 1000 + ticks * Decimal("12.50") - commissions
    assert ledger.position(CONTRACT.con_id) == sum(signed for signed, _ in fills)
