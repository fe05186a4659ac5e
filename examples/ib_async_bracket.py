"""A bracket from placement to its last fill, with the unmodified client `ib_async`.

    mytrader gateway --speed 10            # in one terminal
    python examples/ib_async_bracket.py    # in another; --port as the gateway says

Everything here is ib_async's own API; only the gateway is simulated.
"""

import argparse
import asyncio
from collections.abc import Callable

from ib_async import IB, Contract, Future, LimitOrder, StopLimitOrder, Trade

TICK = 0.25


async def play(host: str, port: int) -> dict[str, object]:
    """Trade one bracket and one cancelled order; return what the gateway told about them."""
    ib = IB()
    await ib.connectAsync(host, port, clientId=11, timeout=20)
    try:
        contract = await front_month(ib)
        bars = await ib.reqHistoricalDataAsync(contract, "", "3600 S", "1 min", "TRADES", False)
        last = await a_price(ib, contract)
        entry, target, stop = place_bracket(ib, contract, last)
        await until(lambda: entry.isDone() and held(ib))
        open_position = held(ib)
        # The stop moves next to the market: a bracket's leg is modified, never replaced.
        working = await a_price(ib, contract)
        stop.order.auxPrice, stop.order.lmtPrice = working - 1 * TICK, working - 20 * TICK
        ib.placeOrder(contract, stop.order)
        await until(lambda: target.isDone() and stop.isDone())
        idle = ib.placeOrder(contract, LimitOrder("BUY", 1, last - 400 * TICK, tif="DAY"))
        await until(lambda: idle.orderStatus.status == "Submitted")
        ib.cancelOrder(idle.order)
        await until(idle.isDone)
        await until(lambda: not held(ib))
        await until(lambda: all(fill.commissionReport.execId for fill in ib.fills()))
        return {
            "server_version": ib.client.serverVersion(),
            "bars": len(bars),
            "entry": entry.orderStatus.status,
            "exits": sorted([target.orderStatus.status, stop.orderStatus.status]),
            "executions": [(fill.execution.side, fill.execution.price) for fill in ib.fills()],
            "commissions": [fill.commissionReport.commission for fill in ib.fills()],
            "position_held": open_position,
            "position_after": held(ib),
            "cancelled": idle.orderStatus.status,
        }
    finally:
        ib.disconnect()


def held(ib: IB) -> float:
    """Return the contracts that the account holds, signed."""
    return float(sum(each.position for each in ib.positions()))


async def front_month(ib: IB) -> Contract:
    """Return the contract whose details the gateway knows."""
    wanted = Future("ES", exchange="CME", currency="USD")
    (details,) = await ib.reqContractDetailsAsync(wanted)
    contract = details.contract
    if contract is None:
        raise RuntimeError("the gateway described no contract")
    return contract


async def a_price(ib: IB, contract: Contract) -> float:
    """Return the last traded price; the first subscription lets a simulated market begin."""
    ticker = ib.reqMktData(contract)
    await until(lambda: ticker.last == ticker.last and ticker.last > 0)
    return float(ticker.last)


def place_bracket(ib: IB, contract: Contract, last: float) -> tuple[Trade, Trade, Trade]:
    """Buy at the market's price at most two points higher, with a target and a stop."""
    first = ib.client.getReqId()
    rest = {"parentId": first, "tif": "GTC", "outsideRth": True}
    entry = LimitOrder("BUY", 1, last + 8 * TICK, orderId=first, transmit=False, tif="DAY")
    target = LimitOrder(
        "SELL", 1, last + 80 * TICK, orderId=ib.client.getReqId(), transmit=False, **rest
    )
    stop = StopLimitOrder(
        "SELL",
        1,
        last - 100 * TICK,
        last - 80 * TICK,
        orderId=ib.client.getReqId(),
        transmit=True,
        **rest,
    )
    trades = [ib.placeOrder(contract, order) for order in (entry, target, stop)]
    return trades[0], trades[1], trades[2]


async def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until `holds()` is true; raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


def main() -> None:
    """Print what happened, one fact to a line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=4002)
    given = options.parse_args()
    for name, value in asyncio.run(play(given.host, given.port)).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
