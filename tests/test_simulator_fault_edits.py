"""Messages changed by a fault."""

from decimal import Decimal

import pytest

from mytrader.errors import BadInput
from mytrader.simulator import fault_rules as effects
from mytrader.simulator.fault_edits import edit, emptied, field_text, field_value, without_zones
from mytrader.tws.answers import HistoricalBar, HistoricalData, TickPrice

TICK = TickPrice(3, 1, Decimal("6850.25"), Decimal(9))
ONE = Decimal(1)
BAR = HistoricalBar("20251212 09:31:00 US/Central", ONE, ONE, ONE, ONE, ONE, ONE, 2)
BARS = HistoricalData(4, "20251212 09:31:00 US/Central", "", (BAR,))


def test_fields_are_set_and_added_to() -> None:
    (changed,) = (
        edit(effects.Alter({"size": "0"}, {"price": "-5.25", "tick_type": "1"}), TICK) or []
    )
    assert changed == TickPrice(3, 2, Decimal("6845.00"), Decimal(0))


def test_a_message_is_lost() -> None:
    assert edit(effects.Drop(), TICK) == []
    assert edit(effects.Swap(), TICK) is None


def test_lists_are_emptied_and_the_rest_stays() -> None:
    assert emptied(BARS) == HistoricalData(4, BARS.start, "", ())
    assert edit(effects.Empty(), TICK) == [TICK]


def test_times_lose_their_zones_in_lists_as_well() -> None:
    naive = without_zones(BARS)
    assert (naive.start, naive.bars[0].date) == ("20251212 09:31:00", "20251212 09:31:00")
    assert naive.bars[0].close == 1


def test_text_becomes_a_fields_own_type() -> None:
    assert field_value(TickPrice, "tick_type", "4") == 4
    assert field_value(TickPrice, "price", "1.5") == Decimal("1.5")
    with pytest.raises(BadInput, match="TickPrice has no field 'prize'; its fields are req_id"):
        field_value(TickPrice, "prize", "1")
    with pytest.raises(BadInput, match=r"TickPrice\.tick_type: 'x'"):
        field_value(TickPrice, "tick_type", "x")


def test_fields_compare_as_a_person_writes_them() -> None:
    assert [field_text(each) for each in (True, 7, Decimal("1.50"), "LMT")] == [
        "true",
        "7",
        "1.50",
        "LMT",
    ]
