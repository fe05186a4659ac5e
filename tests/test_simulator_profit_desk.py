"""Profit as the real client hears it, and the daily settlement behind it."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.virtual_desk import PRICE, Desk, connected, flat, run_desk, ticks

ASK = (PRICE + 1) / 4
ACCOUNT = "DU0000001"
CLOSE = datetime(2025, 12, 12, 22, 0, tzinfo=UTC)


def test_profit_follows_the_market_and_the_fills() -> None:
    async def scenario(desk: Desk) -> None:
        profit = desk.ib.reqPnL(ACCOUNT)
        single = desk.ib.reqPnLSingle(ACCOUNT, "", desk.contract.conId)
        await asyncio.sleep(1)
        assert (profit.dailyPnL, single.position) == (0, 0)
        desk.place(desk.order("BUY", ASK + 5))
        await asyncio.sleep(10)
        (fill,) = desk.gateway.ledger.executions
        paid = float(fill.commission_usd)
        ticker = desk.ib.tickers()[0]
        open_usd = (ticker.last - fill.price / 4) * 50
        assert abs(profit.unrealizedPnL - open_usd) <= 12.5
        assert profit.dailyPnL == profit.unrealizedPnL - paid
        assert profit.realizedPnL == -paid
        assert (single.position, single.unrealizedPnL) == (1, profit.unrealizedPnL)
        assert single.value == fill.price * 12.5 + single.unrealizedPnL
        desk.ib.cancelPnL(ACCOUNT)
        desk.ib.cancelPnLSingle(ACCOUNT, "", desk.contract.conId)
        desk.client.cancelPnL(999)
        desk.client.reqPnL(998, "DU9", "")
        await asyncio.sleep(2)
        assert desk.errors == [(999, 300), (998, 321)]

    run_desk(connected(scenario), ticks(range(PRICE, PRICE + 60)))


def test_the_close_settles_the_day_in_cash() -> None:
    """What is open has been paid out; its cost stays what was paid for it."""
    market = ticks(
        [PRICE] * 20 + [PRICE + 8] * 10 + [PRICE + 8] * 30, start=CLOSE - timedelta(seconds=30)
    )

    async def scenario(desk: Desk) -> None:
        profit = desk.ib.reqPnL(ACCOUNT)
        desk.place(desk.order("BUY", ASK + 1))
        await asyncio.sleep(18)
        commission = float(desk.gateway.ledger.executions[0].commission_usd)
        assert profit.dailyPnL == 87.5 - commission
        await asyncio.sleep(10)
        # The settlement of a market that begins after 15:00 is its first price.
        assert profit.dailyPnL == 87.5 + 12.5
        assert profit.unrealizedPnL == 87.5
        values = {each.tag: each.value for each in desk.ib.accountValues() if each.account}
        assert float(values["TotalCashValue"]) == 100_000 - 12.5 - commission
        assert float(values["NetLiquidation"]) == 100_000 + 87.5 - commission
        assert desk.ib.positions()[0].avgCost == ASK * 50

    run_desk(connected(scenario), market, bars=())


def test_a_connection_that_is_gone_wishes_nothing() -> None:
    async def scenario(desk: Desk) -> None:
        desk.ib.reqPnL(ACCOUNT)
        await asyncio.sleep(1)
        desk.gateway.drop_connections()
        await asyncio.sleep(5)
        await desk.connect()
        assert desk.codes == []

    run_desk(connected(scenario), flat(40))
