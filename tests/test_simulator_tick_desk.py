"""Single ticks and bars of five seconds, as the real client receives them."""

import asyncio
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from ib_async import Ticker

from tests.virtual_desk import OPENED, PRICE, Desk, connected, flat, run_desk, ticks

BID = PRICE / 4
ASK = (PRICE + 1) / 4


def test_every_trade_is_told_however_fast() -> None:
    async def scenario(desk: Desk) -> None:
        seen: list[float] = []

        def keep(ticker: Ticker) -> None:
            trades: list[Any] = list(ticker.tickByTicks)
            seen.extend(each.price for each in trades)

        ticker = desk.ib.reqTickByTickData(desk.contract, "AllLast")
        ticker.updateEvent += keep
        await asyncio.sleep(2)
        assert len(seen) == 40
        assert {after - before for before, after in pairwise(seen)} == {0.25}
        desk.ib.cancelTickByTickData(desk.contract, "AllLast")
        await asyncio.sleep(1)
        told = len(seen)
        await asyncio.sleep(1)
        assert len(seen) == told

    run_desk(connected(scenario), ticks(range(PRICE, PRICE + 400), every_s=0.05))


@pytest.mark.parametrize(
    ("kind", "prices"), [("BidAsk", [(BID, ASK)]), ("MidPoint", [(BID + 0.125,)]), ("Last", [])]
)
def test_quotes_are_told_when_they_change(kind: str, prices: list[tuple[float, ...]]) -> None:
    async def scenario(desk: Desk) -> None:
        seen: list[tuple[float, ...]] = []

        def keep(ticker: Ticker) -> None:
            for each in ticker.tickByTicks:
                fields: Any = each
                seen.append((fields.midPoint,) if kind == "MidPoint" else fields[1:3])

        desk.ib.reqTickByTickData(desk.contract, kind).updateEvent += keep
        await asyncio.sleep(4)
        if kind == "Last":
            assert len(seen) >= 3
        else:
            assert seen == prices

    run_desk(connected(scenario), flat(60))


def test_the_past_is_asked_for_from_a_start_or_to_an_end() -> None:
    async def scenario(desk: Desk) -> None:
        async def ask(start: datetime | str, end: datetime | str, show: str) -> list[Any]:
            return list(
                await desk.ib.reqHistoricalTicksAsync(
                    desk.contract, start, end, 3, show, useRth=False
                )
            )

        await asyncio.sleep(10)
        assert [each.price for each in await ask(OPENED, "", "TRADES")] == [
            (PRICE + step) / 4 for step in range(3)
        ]
        newest = await ask("", OPENED.replace(second=10), "BID_ASK")
        assert [each.priceBid for each in newest] == [(PRICE + step) / 4 for step in (7, 8, 9)]
        (middle, *_) = await ask(OPENED, "", "MIDPOINT")
        assert middle.price == BID + 0.125
        assert await ask("", "", "TRADES") == []
        assert desk.codes == [10187]

    run_desk(connected(scenario), ticks(range(PRICE, PRICE + 60)))


def test_bars_of_five_seconds_are_told_when_they_are_over() -> None:
    async def scenario(desk: Desk) -> None:
        bars = desk.ib.reqRealTimeBars(desk.contract, 5, "TRADES", useRTH=False)
        await asyncio.sleep(16)
        first, second, *_ = bars[1:]
        assert (second.time - first.time).total_seconds() == 5
        assert first.time.second % 5 == 0
        step = int((first.time - OPENED).total_seconds())
        price = (PRICE + step) / 4
        assert (first.open_, first.low, first.high, first.close) == (
            price,
            price,
            price + 1,
            price + 1,
        )
        assert (first.volume, first.wap, first.count) == (50, price + 0.5, 5)
        desk.ib.cancelRealTimeBars(bars)
        told = len(bars)
        await asyncio.sleep(11)
        assert len(bars) == told

    run_desk(connected(scenario), ticks(range(PRICE, PRICE + 90)))


def test_what_cannot_be_answered_is_refused() -> None:
    async def scenario(desk: Desk) -> None:
        client = desk.client
        client.reqTickByTickData(900, desk.contract, "Sideways", 0, False)
        client.reqRealTimeBars(901, desk.contract, 60, "TRADES", False, [])
        for req_id in range(910, 916):
            client.reqTickByTickData(req_id, desk.contract, "Last", 0, False)
        client.reqTickByTickData(910, desk.contract, "Last", 0, False)
        client.cancelTickByTickData(999)
        client.cancelRealTimeBars(998)
        await asyncio.sleep(1)
        assert desk.errors == [
            (900, 321),
            (901, 321),
            (915, 10190),
            (910, 322),
            (999, 300),
            (998, 300),
        ]

    run_desk(connected(scenario), flat(30))


def test_a_subscription_may_begin_with_the_newest_ticks() -> None:
    async def scenario(desk: Desk) -> None:
        seen: list[int] = []
        # The client asks for none itself, and throws them away.
        wrapper: Any = desk.ib.wrapper
        wrapper.historicalTicksLast = lambda _id, past, _done: seen.append(len(past))
        await asyncio.sleep(5)
        desk.client.reqTickByTickData(900, desk.contract, "Last", 4, False)
        await asyncio.sleep(0.5)
        assert seen == [4]

    run_desk(connected(scenario), flat(30))
