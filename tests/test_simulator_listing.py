"""Contracts by the calendar, and how the wire describes them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from mytrader.domain.instrument import ES, MES
from mytrader.simulator.listing import (
    Listing,
    contract_details,
    epoch_text,
    front_month,
    order_contract,
    zoned_text,
)
from mytrader.tws.contracts import WireContract

DAY = date(2025, 12, 12)
BOTH = Listing([front_month(ES, DAY), front_month(MES, DAY)])


@pytest.mark.parametrize(
    ("day", "local_symbol", "expiry"),
    [
        (date(2025, 11, 2), "ESZ5", date(2025, 12, 19)),
        (DAY, "ESZ5", date(2025, 12, 19)),
        (date(2025, 12, 14), "ESZ5", date(2025, 12, 19)),
        (date(2025, 12, 15), "ESH6", date(2026, 3, 20)),
        (date(2026, 1, 1), "ESH6", date(2026, 3, 20)),
    ],
)
def test_front_month_rolls_on_the_monday_before_expiry(
    day: date, local_symbol: str, expiry: date
) -> None:
    contract = front_month(ES, day)
    assert (contract.local_symbol, contract.expiry) == (local_symbol, expiry)


def test_contract_ids_differ_by_instrument_and_expiry() -> None:
    made = [front_month(each, day) for each in (ES, MES) for day in (DAY, date(2026, 1, 1))]
    assert len({each.con_id for each in made}) == 4
    assert front_month(ES, DAY) == front_month(ES, DAY)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (WireContract(symbol="ES"), ["ESZ5"]),
        (WireContract(local_symbol="MESZ5"), ["MESZ5"]),
        (WireContract(con_id=BOTH.contracts[1].con_id), ["MESZ5"]),
        (WireContract(symbol="MES", sec_type="CONTFUT", expiry="202512"), ["MESZ5"]),
        (WireContract(), []),
        (WireContract(symbol="ES", sec_type="STK"), []),
        (WireContract(symbol="ES", multiplier="5"), []),
        (WireContract(symbol="ES", currency="EUR"), []),
        (WireContract(symbol="ES", trading_class="EW"), []),
        (WireContract(symbol="ES", primary_exchange="NYSE"), []),
    ],
)
def test_lookup_fits_every_field_that_is_given(wanted: WireContract, found: list[str]) -> None:
    assert [each.local_symbol for each in BOTH.find(wanted)] == found


def test_contract_is_found_by_number_alone() -> None:
    assert BOTH.contract(BOTH.contracts[0].con_id) is BOTH.contracts[0]
    assert BOTH.contract(1) is None


def test_market_rule_is_the_grid() -> None:
    rule = BOTH.market_rule(67)
    assert rule is not None
    assert [(each.low_edge, each.increment) for each in rule.increments] == [
        (Decimal(0), Decimal("0.25"))
    ]
    assert BOTH.market_rule(1) is None


def test_hours_follow_the_sessions_over_the_weekend() -> None:
    friday = datetime(2025, 12, 12, 15, 0, tzinfo=UTC)
    details = contract_details(1, BOTH.contracts[0], sec_type="", now=friday)
    assert details.trading_hours.split(";")[:4] == [
        "20251211:1700-20251212:1600",
        "20251213:CLOSED",
        "20251214:CLOSED",
        "20251214:1700-20251215:1600",
    ]
    assert details.liquid_hours.split(";")[0] == "20251212:0830-20251212:1500"


def test_positions_leave_the_exchange_out() -> None:
    assert order_contract(BOTH.contracts[0]).exchange == "CME"
    assert order_contract(BOTH.contracts[0], exchange=False).exchange == ""


def test_times_as_text() -> None:
    at = datetime(2025, 12, 12, 15, 30, 7, 999999, tzinfo=UTC)
    assert zoned_text(at) == "20251212 09:30:07 US/Central"
    assert epoch_text(at) == "1765553407"
