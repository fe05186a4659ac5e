"""A bracket from placement to its last fill, with the broker's own client `ibapi` 9.81.1.

    pip install ibapi==9.81.1.post1
    mytrader gateway --speed 10         # in one terminal
    python examples/ibapi_bracket.py    # in another; --port as the gateway says

Everything here is ibapi's own API, unmodified: it offers versions 100 to 157, and the gateway
answers 157. The client reads in one thread and calls back in another, hence the condition.
"""

import argparse
import threading
from collections.abc import Callable
from typing import Any

from ibapi.client import EClient
from ibapi.contract import Contract, ContractDetails
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.wrapper import EWrapper

TICK = 0.25
LAST_PRICE = 4
QUOTES, DETAILS, HISTORY, EXECUTIONS = 9001, 9002, 9003, 9004


class Desk(EWrapper, EClient):  # type: ignore[misc]  # untyped client
    """Keeps what the gateway tells; `until` waits for it."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.changed = threading.Condition()
        self.next_id = 0
        self.contract: Contract | None = None
        self.last = 0.0
        self.bars: list[Any] = []
        self.ended: set[str] = set()
        self.status: dict[int, str] = {}
        self.executions: dict[str, tuple[str, float]] = {}
        self.commissions: dict[str, float] = {}
        self.position_held = 0.0
        self.errors: list[tuple[int, int, str]] = []

    def until(self, holds: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until `holds()` is true. Raises `TimeoutError`."""
        with self.changed:
            if not self.changed.wait_for(holds, seconds):
                raise TimeoutError(f"not within {seconds:g} s; errors: {self.errors}")

    def told(self) -> None:
        """Wake whoever waits."""
        with self.changed:
            self.changed.notify_all()

    # What the gateway tells. The names are the client's.

    def nextValidId(self, orderId: int) -> None:
        self.next_id = orderId
        self.told()

    def error(self, reqId: int, errorCode: int, errorString: str) -> None:
        self.errors.append((reqId, errorCode, errorString))
        self.told()

    def contractDetails(self, reqId: int, contractDetails: ContractDetails) -> None:
        self.contract = contractDetails.contract
        self.told()

    def tickPrice(self, reqId: int, tickType: int, price: float, attrib: Any) -> None:
        if tickType == LAST_PRICE:
            self.last = price
            self.told()

    def historicalData(self, reqId: int, bar: Any) -> None:
        self.bars.append(bar)

    def historicalDataEnd(self, reqId: int, start: str, end: str) -> None:
        self.ended.add("history")
        self.told()

    def orderStatus(self, orderId: int, status: str, *rest: Any) -> None:
        self.status[orderId] = status
        self.told()

    def execDetails(self, reqId: int, contract: Contract, execution: Any) -> None:
        self.executions[execution.execId] = (execution.side, execution.price)
        self.told()

    def execDetailsEnd(self, reqId: int) -> None:
        self.ended.add("executions")
        self.told()

    def commissionReport(self, commissionReport: Any) -> None:
        self.commissions[commissionReport.execId] = commissionReport.commission
        self.told()

    def position(self, account: str, contract: Contract, position: float, avgCost: float) -> None:
        self.position_held = position
        self.told()

    def positionEnd(self) -> None:
        self.ended.add("positions")
        self.told()

    # What we ask.

    def order(self, order_id: int, **terms: object) -> Order:
        """Place or change an order and return it."""
        order = Order()
        # The client's defaults for these two are refused by a real gateway of today.
        order.eTradeOnly = order.firmQuoteOnly = False
        for name, value in terms.items():
            setattr(order, name, value)
        self.placeOrder(order_id, self.contract, order)
        return order


def future(symbol: str) -> Contract:
    """Return a future to ask about; the gateway knows its expiry."""
    contract = Contract()
    contract.symbol, contract.secType = symbol, "FUT"
    contract.exchange, contract.currency = "CME", "USD"
    return contract


def play(host: str, port: int) -> dict[str, object]:
    """Trade one bracket and one cancelled order; return what the gateway told about them."""
    desk = Desk()
    desk.connect(host, port, clientId=12)
    reader = threading.Thread(target=desk.run, daemon=True)
    reader.start()
    try:
        return _trade(desk)
    finally:
        desk.disconnect()
        reader.join(10)


def _trade(desk: Desk) -> dict[str, object]:
    desk.until(lambda: desk.next_id)
    desk.reqContractDetails(DETAILS, future("ES"))
    desk.until(lambda: desk.contract)
    desk.reqHistoricalData(
        HISTORY, desk.contract, "", "3600 S", "1 min", "TRADES", 0, 1, False, []
    )
    desk.until(lambda: "history" in desk.ended)
    desk.reqPositions()
    desk.until(lambda: "positions" in desk.ended)
    desk.reqMktData(QUOTES, desk.contract, "", False, False, [])
    desk.until(lambda: desk.last)
    entry, target, stop = desk.next_id, desk.next_id + 1, desk.next_id + 2
    protection = _place_bracket(desk, entry)
    desk.until(lambda: desk.status.get(entry) == "Filled" and desk.position_held)
    held = desk.position_held
    # The stop moves next to the market: a bracket's leg is modified, never replaced.
    protection.auxPrice, protection.lmtPrice = desk.last - TICK, desk.last - 20 * TICK
    desk.placeOrder(stop, desk.contract, protection)
    over = {"Filled", "Cancelled"}
    desk.until(lambda: {desk.status.get(target), desk.status.get(stop)} == over)
    idle = entry + 3
    desk.order(
        idle, action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=desk.last - 400 * TICK
    )
    desk.until(lambda: desk.status.get(idle) == "Submitted")
    desk.cancelOrder(idle)
    desk.until(lambda: desk.status.get(idle) == "Cancelled")
    desk.until(lambda: desk.position_held == 0)
    desk.reqExecutions(EXECUTIONS, ExecutionFilter())
    desk.until(lambda: "executions" in desk.ended)
    desk.until(lambda: desk.commissions.keys() == desk.executions.keys())
    return {
        "server_version": desk.serverVersion(),
        "bars": len(desk.bars),
        "entry": desk.status[entry],
        "exits": sorted([desk.status[target], desk.status[stop]]),
        "executions": list(desk.executions.values()),
        "commissions": list(desk.commissions.values()),
        "position_held": held,
        "position_after": desk.position_held,
        "cancelled": desk.status[idle],
    }


def _place_bracket(desk: Desk, entry: int) -> Order:
    """Buy at the market's price at most two points higher, with a target; return the stop."""
    last = desk.last
    leg = {"totalQuantity": 1, "action": "SELL", "parentId": entry, "tif": "GTC"}
    desk.order(
        entry,
        action="BUY",
        totalQuantity=1,
        orderType="LMT",
        lmtPrice=last + 8 * TICK,
        transmit=False,
    )
    desk.order(
        entry + 1,
        **leg,
        orderType="LMT",
        lmtPrice=last + 80 * TICK,
        outsideRth=True,
        transmit=False,
    )
    return desk.order(
        entry + 2,
        **leg,
        orderType="STP LMT",
        auxPrice=last - 80 * TICK,
        lmtPrice=last - 100 * TICK,
        outsideRth=True,
        transmit=True,
    )


def main() -> None:
    """Print what happened, one fact to a line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=4002)
    given = options.parse_args()
    for name, value in play(given.host, given.port).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
