"""Names of order types and lives; the project's own keep their identity."""

from mytrader.domain.orders import OrderKind, TimeInForce
from mytrader.simulator.order_types import DatedLife, MarketKind, kind_of, life_of


def test_names_are_known() -> None:
    assert kind_of("LMT") is OrderKind.LMT
    assert kind_of("STP LMT") is OrderKind.STP_LMT
    assert (kind_of("MKT"), kind_of("STP")) == (MarketKind.MKT, MarketKind.STP)
    assert (life_of("DAY"), life_of("GTD")) == (TimeInForce.DAY, DatedLife.GTD)


def test_others_are_not_taken() -> None:
    assert kind_of("TRAIL") is None
    assert life_of("IOC") is None
