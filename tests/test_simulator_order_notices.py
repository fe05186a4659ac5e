"""Warnings about orders that live all the same, as the real client hears them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mytrader.simulator.market import MarketTick
from tests.virtual_desk import PRICE, Desk, connected, run_desk, ticks

ASK = (PRICE + 1) / 4
REGULAR = datetime(2025, 12, 12, 14, 30, tzinfo=UTC)


def _around(opened: datetime, seconds: int) -> list[MarketTick]:
    """Return a market around an hour at which regular hours begin or end."""
    return ticks([PRICE] * seconds, start=opened - timedelta(seconds=30))


def test_an_order_for_regular_hours_waits_for_them() -> None:
    async def scenario(desk: Desk) -> None:
        texts: list[str] = []
        desk.ib.errorEvent += lambda _id, code, text, _contract: texts.append(f"{code} {text}")
        order = desk.order("BUY", ASK + 1, outsideRth=False)
        trade = desk.place(order)
        await asyncio.sleep(1)
        # The client makes a warning of its own a status; the order waits all the same.
        assert desk.statuses[-2:] == [
            (order.orderId, "PreSubmitted"),
            (order.orderId, "ValidationError"),
        ]
        assert trade.filled() == 0
        (text,) = texts
        assert text.startswith("399 Order Message:")
        assert text.endswith("until 2025-12-12 08:30:00 US/Central.")
        await asyncio.sleep(30)
        assert trade.orderStatus.status == "Filled"

    run_desk(connected(scenario), _around(REGULAR, 60), bars=())


def test_an_order_for_regular_hours_waits_again_when_they_end() -> None:
    async def scenario(desk: Desk) -> None:
        trade = desk.place(desk.order("BUY", ASK - 5, outsideRth=False))
        stop = desk.order("SELL", 0, orderType="STP", auxPrice=ASK - 3, outsideRth=False)
        kept = desk.place(stop)
        await asyncio.sleep(1)
        assert trade.orderStatus.status == "Submitted"
        await asyncio.sleep(30)
        assert trade.orderStatus.status == "PreSubmitted"
        held = (kept.orderStatus.status, kept.orderStatus.whyHeld)
        assert held == ("PreSubmitted", "trigger")
        assert desk.codes == []

    run_desk(connected(scenario), _around(REGULAR + timedelta(hours=6, minutes=30), 60), bars=())


@pytest.mark.parametrize("kind", ["STP", "STP LMT"])
def test_a_child_says_what_it_waits_for(kind: str) -> None:
    async def scenario(desk: Desk) -> None:
        parent = desk.order("BUY", ASK - 5, transmit=False)
        desk.place(parent)
        child = desk.order("SELL", ASK - 9, stop=ASK - 8, orderType=kind)
        child.parentId = parent.orderId
        trade = desk.place(child)
        await asyncio.sleep(1)
        held = {"STP": "child,trigger", "STP LMT": "child"}[kind]
        assert (trade.orderStatus.status, trade.orderStatus.whyHeld) == ("PreSubmitted", held)

    run_desk(connected(scenario), ticks([PRICE] * 30))
