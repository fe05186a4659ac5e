"""Positions and account values through the real client, true or frozen by a fault."""

import asyncio
from decimal import Decimal

from mytrader.simulator.faults import Faults
from tests.virtual_desk import PRICE, Desk, connected, flat, run_desk, ticks

ASK = (PRICE + 1) / 4


def _value(desk: Desk, tag: str) -> Decimal:
    (found,) = [each for each in desk.ib.accountValues() if each.tag == tag and not each.modelCode]
    return Decimal(found.value)


def test_account_starts_with_cash_and_nothing_else() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.connect()
        assert desk.ib.managedAccounts() == ["DU0000001"]
        assert desk.ib.positions() == []
        assert desk.ib.portfolio() == []
        assert _value(desk, "NetLiquidation") == Decimal(100_000)
        assert _value(desk, "TotalCashValue") == Decimal(100_000)

    run_desk(scenario, flat(30))


def test_fill_updates_position_portfolio_and_values() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("SELL", (PRICE - 4) / 4))
        await asyncio.sleep(1)
        (position,) = desk.ib.positions()
        assert (position.position, position.avgCost) == (-1, PRICE / 4 * 50)
        assert position.contract.exchange == ""
        (line,) = desk.ib.portfolio()
        assert (line.position, line.averageCost) == (-1, PRICE / 4 * 50)
        assert _value(desk, "CashBalance") == Decimal("99997.60")
        assert _value(desk, "InitMarginReq") == Decimal(15_000)
        desk.place(desk.order("BUY", ASK))
        await asyncio.sleep(1)
        assert desk.ib.positions() == []
        assert _value(desk, "RealizedPnL") == Decimal("-17.30")
        assert _value(desk, "UnrealizedPnL") == Decimal(0)

    gateway = run_desk(connected(scenario), flat(60))
    assert gateway.ledger.realised_usd == Decimal("-17.30")


def test_open_profit_follows_the_market() -> None:
    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("BUY", ASK))
        await asyncio.sleep(30)
        await desk.ib.reqAccountUpdatesAsync("")
        assert _value(desk, "UnrealizedPnL") == Decimal("112.50")

    run_desk(connected(scenario), ticks([PRICE] * 10 + [PRICE + 10] * 40))


def test_summary_answers_the_tags_that_were_asked() -> None:
    async def scenario(desk: Desk) -> None:
        desk.client.reqAccountSummary(900, "All", "NetLiquidation,BuyingPower")
        desk.client.reqAccountSummary(901, "Nobody", "NetLiquidation")
        desk.client.reqAccountSummary(902, "All", "NetLiquidation")
        desk.client.reqAccountSummary(903, "All", "NetLiquidation")
        desk.client.cancelAccountSummary(902)
        desk.client.reqAccountSummary(904, "All", "NetLiquidation")
        await asyncio.sleep(1)
        assert desk.errors == [(901, 321), (903, 322)]
        tags = {each.tag for each in desk.ib.wrapper.acctSummary.values()}
        assert tags == {"NetLiquidation", "BuyingPower"}

    run_desk(connected(scenario), flat(30))


def test_subscriptions_end_when_they_are_cancelled() -> None:
    async def scenario(desk: Desk) -> None:
        desk.client.cancelPositions()
        desk.client.reqAccountUpdates(False, "")
        desk.client.cancelAccountUpdatesMulti(4)
        desk.client.reqManagedAccts()
        await asyncio.sleep(1)
        before = desk.ib.accountValues()
        desk.place(desk.order("BUY", ASK))
        await asyncio.sleep(1)
        assert desk.ib.positions() == []
        assert desk.ib.portfolio() == []
        assert [each.tag for each in desk.ib.accountValues()] == [each.tag for each in before]

    run_desk(connected(scenario), flat(60))


def test_frozen_report_keeps_the_stale_position() -> None:
    """The truth is flat; the broker keeps saying short 1, as it did on the day of the incident."""

    async def scenario(desk: Desk) -> None:
        desk.place(desk.order("SELL", (PRICE - 4) / 4))
        await asyncio.sleep(1)
        desk.place(desk.order("BUY", ASK))
        await asyncio.sleep(1)
        assert [each.position for each in desk.ib.positions()] == [-1]
        assert [each.position for each in await desk.ib.reqPositionsAsync()] == [-1]
        assert len(desk.ib.fills()) == 2

    faults = Faults(freeze_positions_after_fills=1)
    gateway = run_desk(connected(scenario), flat(60), faults=faults)
    assert gateway.ledger.position(600202512) == 0
