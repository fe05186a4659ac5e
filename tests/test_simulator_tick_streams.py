"""What single ticks tell, one by one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mytrader.domain.instrument import ES
from mytrader.simulator.market import MarketTick
from mytrader.simulator.tick_streams import FiveSecondBars, TickSubscription
from mytrader.tws.answers import RealTimeBar, TickByTickAllLast, TickByTickLast
from mytrader.tws.contracts import WireContract
from mytrader.tws.requests import RequestRealTimeBars, RequestTickByTick

AT = datetime(2025, 12, 12, 16, 0, 3, tzinfo=UTC)
NOBODY = WireContract()


def _tick(last: int, *, size: int = 3, seconds: float = 0) -> MarketTick:
    return MarketTick(AT + timedelta(seconds=seconds), last - 1, last, last, size)


def test_trades_without_size_are_none() -> None:
    stream = TickSubscription(RequestTickByTick(1, NOBODY, "Last"), ES)
    assert stream.news(_tick(100, size=0)) == []
    (told,) = stream.news(_tick(100))
    epoch = int(AT.timestamp())
    assert told == TickByTickLast(1, 1, epoch, Decimal(25), Decimal(3), exchange="CME")
    every = TickSubscription(RequestTickByTick(1, NOBODY, "AllLast"), ES)
    assert isinstance(every.news(_tick(100))[0], TickByTickAllLast)


@pytest.mark.parametrize(
    ("shown", "price"), [("BID", "24.75"), ("ASK", "25"), ("MIDPOINT", "24.875")]
)
def test_bars_of_quotes_have_no_volume(shown: str, price: str) -> None:
    bars = FiveSecondBars(RequestRealTimeBars(1, NOBODY, what_to_show=shown), ES)
    assert bars.take(_tick(100, size=0)) == AT.replace(second=5)
    (told,) = bars.finish()
    assert isinstance(told, RealTimeBar)
    assert (told.close, told.average) == (Decimal(price), Decimal(price))
    assert (told.volume, told.count) == (Decimal(0), 0)
    assert bars.finish() == []


def test_bars_of_trades_gather_trades_alone() -> None:
    bars = FiveSecondBars(RequestRealTimeBars(1, NOBODY), ES)
    assert bars.take(_tick(90, size=0)) is None
    assert bars.take(_tick(100, size=1)) is not None
    assert bars.take(_tick(104, size=3, seconds=1)) is None
    (told,) = bars.finish()
    assert isinstance(told, RealTimeBar)
    assert (told.open, told.high, told.low) == (Decimal(25), Decimal(26), Decimal(25))
    assert (told.volume, told.count, told.average) == (Decimal(4), 2, Decimal("25.750"))


def test_regular_hours_may_be_all_that_is_shown() -> None:
    bars = FiveSecondBars(RequestRealTimeBars(1, NOBODY, regular_hours_only=True), ES)
    assert bars.take(_tick(100, seconds=-7 * 3600)) is None
    assert bars.take(_tick(100)) is not None
