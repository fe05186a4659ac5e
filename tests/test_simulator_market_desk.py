"""Contracts, quotes and bars through the real client."""

import asyncio
import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from ib_async import ContFuture, Contract, Future

from mytrader.domain.market import Bar
from mytrader.simulator.market import aggregate, bar_ticks
from tests.virtual_desk import (
    CONTRACT,
    OPENED,
    PRICE,
    Desk,
    connected,
    flat,
    history,
    run_desk,
    ticks,
)

CON_ID = CONTRACT.con_id


@pytest.mark.parametrize(
    "wanted",
    [
        Future("ES", exchange="CME"),
        Future("ES", "202512", "CME"),
        Future("ES", "20251219", "CME", currency="USD", multiplier="50"),
        Future(localSymbol="ESZ5", exchange="CME"),
        Contract(conId=CON_ID),
        ContFuture("ES", "CME"),
    ],
    ids=["symbol", "month", "expiry", "local symbol", "id", "continuous"],
)
def test_contract_is_found_by_any_of_its_names(wanted: Contract) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        (details,) = await desk.ib.reqContractDetailsAsync(wanted)
        assert details.contract is not None
        assert (details.contract.conId, details.contract.localSymbol) == (CON_ID, "ESZ5")
        assert (details.minTick, details.timeZoneId) == (0.25, "US/Central")
        assert details.tradingHours.startswith("20251211:1700-20251212:1600;20251213:CLOSED;")
        assert details.liquidHours.startswith("20251212:0830-20251212:1500;")
        rule = await desk.ib.reqMarketRuleAsync(int(details.marketRuleIds))
        assert rule is not None
        assert [(each.lowEdge, each.increment) for each in rule] == [(0, 0.25)]

    run_desk(scenario, flat(5))


@pytest.mark.parametrize(
    "wanted",
    [
        Future("ES", "202503", "CME"),
        Future("NQ", "202512", "CME"),
        Contract(conId=1),
        Contract(secType="FUT", exchange="CME"),
        Future("ES", exchange="EUREX"),
    ],
)
def test_unknown_contract_gets_200(wanted: Contract) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        assert await desk.ib.reqContractDetailsAsync(wanted) == []
        assert desk.codes == [200]

    run_desk(scenario, flat(5))


def test_quotes_follow_the_market() -> None:
    async def scenario(desk: Desk) -> None:
        ticker = await desk.subscribe()
        assert (ticker.bid, ticker.ask) == (PRICE / 4, (PRICE + 1) / 4)
        assert (ticker.last, ticker.lastSize) == (PRICE / 4, 10)
        assert ticker.volume > 0
        assert (ticker.minTick, ticker.marketDataType) == (0.25, 1)
        await asyncio.sleep(20)
        assert ticker.bid == (PRICE + 8) / 4
        desk.ib.cancelMktData(desk.contract)
        await asyncio.sleep(1)
        volume = ticker.volume
        await asyncio.sleep(10)
        assert ticker.volume == volume
        desk.client.cancelMktData(900)
        await asyncio.sleep(1)
        assert desk.codes == [300]

    async def whole(desk: Desk) -> None:
        await desk.connect()
        await scenario(desk)

    run_desk(whole, ticks([PRICE] * 10 + [PRICE + 8] * 40))


def test_market_waits_for_the_first_subscription() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        await asyncio.sleep(60)
        snapshot = desk.ib.reqMktData(desk.contract, snapshot=True)
        assert desk.gateway.finished.is_set() is False
        await asyncio.sleep(1)
        assert math.isnan(snapshot.bid)

    run_desk(scenario, flat(30))


def test_fast_market_is_told_four_times_a_second() -> None:
    async def scenario(desk: Desk) -> None:
        updates: list[Any] = []
        ticker = desk.ib.reqMktData(desk.contract)
        await asyncio.sleep(5.9)
        ticker.updateEvent += updates.append
        await asyncio.sleep(5)
        assert len(updates) == 20

    async def whole(desk: Desk) -> None:
        await desk.connect()
        await scenario(desk)

    run_desk(whole, ticks([PRICE + n % 7 for n in range(300)], every_s=0.05))


def test_bars_that_are_kept_up_to_date_equal_the_market() -> None:
    market = list(
        bar_ticks(
            [
                Bar(OPENED + timedelta(minutes=n), PRICE + n, PRICE + n + 9, PRICE - 5, PRICE, 90)
                for n in range(4)
            ]
        )
    )

    async def scenario(desk: Desk) -> None:
        await desk.connect()
        bars = await desk.ib.reqHistoricalDataAsync(
            desk.contract, "", "1 D", "1 min", "TRADES", False, 2, True
        )
        assert [each.date for each in bars] == [each.opened_at for each in history()]
        new: list[bool] = []
        bars.updateEvent += lambda _bars, has_new: new.append(has_new)
        await desk.gateway.finished.wait()
        await asyncio.sleep(1)
        assert new.count(True) == 4
        seen = [_bar(each) for each in bars[3:]]
        assert seen == list(aggregate(market))
        desk.client.cancelHistoricalData(900)
        await asyncio.sleep(1)
        assert desk.codes == [366]

    run_desk(scenario, market)


def _bar(bar: Any) -> Bar:  # noqa: ANN401 - the client's untyped bar
    opened, high, low, close = (
        int(Decimal(str(price)) * 4) for price in (bar.open, bar.high, bar.low, bar.close)
    )
    return Bar(bar.date, opened, high, low, close, int(bar.volume))


def test_bars_as_text_carry_the_exchanges_zone() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        bars = await desk.ib.reqHistoricalDataAsync(
            desk.contract, "", "120 S", "1 min", "TRADES", False, 1
        )
        assert [str(each.date) for each in bars] == [
            "2025-12-12 08:58:00-06:00",
            "2025-12-12 08:59:00-06:00",
        ]

    run_desk(scenario, flat(5))


def test_bars_stop_when_they_are_cancelled() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        bars = await desk.ib.reqHistoricalDataAsync(
            desk.contract, "", "1 D", "1 min", "TRADES", False, 2, True
        )
        await asyncio.sleep(10)
        assert len(bars) == 4
        desk.ib.cancelHistoricalData(bars)
        await asyncio.sleep(60)
        assert len(bars) == 4
        assert desk.codes == []

    run_desk(scenario, flat(100))


def test_longer_bars_are_kept_up_to_date_as_well() -> None:
    async def scenario(desk: Desk) -> None:
        bars = await desk.ib.reqHistoricalDataAsync(
            desk.contract, "", "1 D", "2 mins", "TRADES", False, keepUpToDate=True
        )
        await asyncio.sleep(270)
        assert [f"{each.date:%M}" for each in bars] == ["56", "58", "00", "02", "04"]
        assert [(each.open, each.close) for each in bars[2:4]] == [
            (PRICE / 4, PRICE / 4 + 119 / 4),
            (PRICE / 4 + 30, PRICE / 4 + 239 / 4),
        ]
        assert [each.volume for each in bars[:4]] == [100, 200, 1200, 1200]

    run_desk(connected(scenario), ticks(range(PRICE, PRICE + 400)))


def test_no_bars_is_an_error_and_ends_the_request() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        bars = await desk.ib.reqHistoricalDataAsync(
            desk.contract, "20251201 00:00:00 UTC", "1 D", "1 min", "TRADES", False
        )
        assert list(bars) == []
        assert desk.codes == [162]

    run_desk(scenario, flat(5))


@pytest.mark.parametrize(
    "changes",
    [
        {"barSizeSetting": "7 mins"},
        {"whatToShow": "MIDPOINT"},
        {"durationStr": "1 Y"},
        {"durationStr": "x"},
        {"endDateTime": "tomorrow"},
        {"formatDate": 3},
        {"keepUpToDate": True, "endDateTime": "20251212 09:00:00 US/Central"},
    ],
)
def test_bars_that_nobody_could_give_get_321(changes: dict[str, Any]) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        wanted = {
            "endDateTime": "",
            "durationStr": "1 D",
            "barSizeSetting": "1 min",
            "whatToShow": "TRADES",
            "useRTH": False,
            "formatDate": 1,
            "keepUpToDate": False,
            "chartOptions": [],
        }
        desk.client.reqHistoricalData(900, desk.contract, **{**wanted, **changes})
        await asyncio.sleep(1)
        assert desk.errors == [(900, 321)]

    run_desk(scenario, flat(5))


def test_request_for_an_unknown_contract_or_a_used_id_is_refused() -> None:
    async def scenario(desk: Desk) -> None:
        nobody = Future("NQ", "202512", "CME")
        desk.client.reqMktData(900, nobody, "", False, False, [])
        desk.client.reqHistoricalData(
            901, nobody, "", "1 D", "1 min", "TRADES", False, 1, False, []
        )
        desk.client.reqMktData(902, desk.contract, "", False, False, [])
        desk.client.reqMktData(902, desk.contract, "", False, False, [])
        desk.client.reqMarketRule(4711)
        desk.client.reqMarketDataType(9)
        await asyncio.sleep(1)
        assert desk.errors == [(900, 200), (901, 200), (902, 322), (-1, 321), (-1, 321)]

    run_desk(connected(scenario), flat(30))


def test_time_is_the_gateways() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        told = await desk.ib.reqCurrentTimeAsync()
        assert abs(told - desk.loop.now()) < timedelta(seconds=2)

    run_desk(scenario, flat(5))
