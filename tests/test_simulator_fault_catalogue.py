"""Every fault of the catalogue happens, alone, and the gateway survives it."""

import asyncio
from contextlib import suppress

import pytest
from msgspec import structs

from mytrader.simulator.fault_catalogue import CATALOGUE, FAMILIES, always, thinned
from mytrader.simulator.fault_files import _check
from mytrader.simulator.fault_rules import When
from mytrader.simulator.faults import Faults
from tests.virtual_desk import PRICE, Desk, run_desk, ticks

ASK = (PRICE + 1) / 4
MARKET = [PRICE] * 40 + [PRICE + step % 9 - 4 for step in range(160)]


async def _busy(desk: Desk) -> None:
    """Do a little of everything, and come back whenever the connection is lost."""
    for client_id in (7, 8):
        with suppress(TimeoutError, ConnectionError, AssertionError):
            await asyncio.wait_for(_once(desk, client_id), 100)
        desk.ib.disconnect()


async def _once(desk: Desk, client_id: int) -> None:
    await desk.connect(client_id)
    await desk.subscribe()
    await asyncio.wait_for(
        desk.ib.reqHistoricalDataAsync(
            desk.contract, "", "60 S", "1 min", "TRADES", False, keepUpToDate=True
        ),
        5,
    )
    _, stop = desk.bracket(ASK + 1, ASK - 10)
    resting = desk.place(desk.order("BUY", ASK - 9))
    await asyncio.sleep(3)
    stop.order.auxPrice = ASK - 11
    desk.place(stop.order)
    resting.order.lmtPrice = ASK - 8
    desk.place(resting.order)
    await asyncio.sleep(3)
    desk.ib.cancelOrder(resting.order)
    desk.client.reqPositions()
    await asyncio.wait_for(desk.ib.reqExecutionsAsync(), 5)
    await asyncio.sleep(30)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_fault_happens_and_the_gateway_lives(name: str) -> None:
    rule = always(CATALOGUE[name])
    if rule.match is None:
        rule = structs.replace(rule, when=When(after_s=20))
    gateway = run_desk(_busy, ticks(MARKET), faults=Faults(rules=(rule,)))
    assert gateway.faults.fired[name] >= 1
    assert gateway.faults.families[rule.family] == gateway.faults.fired.total()


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_fault_could_stand_in_a_file(name: str) -> None:
    rule = CATALOGUE[name]
    _check(rule, name)
    assert (rule.name, rule.family in FAMILIES) == (name, True)


def test_a_rule_is_thinned_by_chance_or_by_distance() -> None:
    late = CATALOGUE["status lost"]
    assert always(late).when == When()
    assert thinned(late, 2).when == When(chance=0.1)
    lost = CATALOGUE["gateway restart"]
    assert thinned(lost, 0.5).when == When(every_s=6000)
