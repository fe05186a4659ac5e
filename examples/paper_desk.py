"""The unmodified client as `settle_facts.py` uses it: it keeps the order of what it hears."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import ib_async
from ib_async import IB, Contract, Order, Trade
from ib_async.client import Client

SYMBOL: Final = "MES"
REF: Final = "settle-facts"
OVER: Final = ("Filled", "Cancelled", "ApiCancelled", "Inactive")
ANSWER_S: Final = 3.0
"""How long an answer is waited for that may not come."""
PATIENCE_S: Final = 30.0
"""How long one is waited for that must come."""


class Refused(Exception):
    """Something that a person has to put right first; one line."""


class Word(NamedTuple):
    """One message as it arrived: what kind, about which order or execution, and what it said."""

    kind: str
    about: int | str
    said: str
    at: float


class Ear(ib_async.Wrapper):
    """Keeps the order of messages, which the client's own picture loses."""

    def __init__(self, ib: IB) -> None:
        super().__init__(ib)
        self.words: list[Word] = []

    def _hear(self, kind: str, about: int | str, said: str = "") -> None:
        self.words.append(Word(kind, about, said, asyncio.get_running_loop().time()))

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:
        """Keep state, group and type; then let the client have it."""
        group = f"{order.ocaGroup or 'no group'}, type {order.ocaType}"
        self._hear("openOrder", orderId, f"{orderState.status} {group}")
        super().openOrder(orderId, contract, order, orderState)

    def orderStatus(self, orderId: int, status: str, *rest: Any) -> None:
        """Keep the state and why it is held."""
        self._hear("orderStatus", orderId, f"{status} {rest[-2]}".strip())
        super().orderStatus(orderId, status, *rest)

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:
        """Keep the execution's id, live ones only."""
        if reqId == -1:
            self._hear("execDetails", execution.execId, str(execution.orderId))
        super().execDetails(reqId, contract, execution)

    def commissionReport(self, commissionReport: Any) -> None:
        """Keep the execution's id."""
        self._hear("commissionReport", commissionReport.execId)
        super().commissionReport(commissionReport)

    def completedOrder(self, contract: Any, order: Any, orderState: Any) -> None:
        """Keep when it was over."""
        self._hear("completedOrder", order.permId, orderState.completedTime)
        super().completedOrder(contract, order, orderState)

    def error(self, reqId: int, errorCode: int, errorString: str, advanced: str = "") -> None:
        """Keep the code."""
        self._hear("error", reqId, str(errorCode))
        super().error(reqId, errorCode, errorString, advanced)


class Desk(IB):
    """The unmodified client, with an ear at its wrapper."""

    def __init__(self) -> None:
        super().__init__()
        self.wrapper = self.ear = Ear(self)
        self.client = Client(self.wrapper)
        self.client.apiEnd += self.disconnectedEvent
        self.contract = Contract()

    # Words

    def heard(self, kind: str, about: int | str) -> list[Word]:
        """Return the words of a kind about something, oldest first."""
        return [word for word in self.ear.words if (word.kind, word.about) == (kind, about)]

    def states(self, trade: Trade) -> list[str]:
        """Return the states that an order was told to be in, repeats left out."""
        told: list[str] = []
        for word in self.heard("orderStatus", trade.order.orderId):
            if not told or told[-1] != word.said:
                told.append(word.said)
        return told

    def codes(self, trade: Trade) -> str:
        """Return the error codes about an order."""
        return ", ".join(word.said for word in self.heard("error", trade.order.orderId))

    # Orders

    def ref(self, order: Order, name: str, **fields: Any) -> Order:
        """Return the order with an id, our reference and what every order of ours has."""
        order.orderId = self.client.getReqId()
        order.orderRef = f"{REF}/{name}"
        order.tif, order.outsideRth = "GTC", True
        for field, value in fields.items():
            setattr(order, field, value)
        return order

    def send(self, order: Order) -> Trade:
        """Place or change an order."""
        return self.placeOrder(self.contract, order)

    async def price(self) -> float:
        """Return the last price; raises `Refused` when the market does not trade."""
        ticker = self.reqMktData(self.contract)
        if not await happens(lambda: ticker.last > 0 and ticker.bid > 0, PATIENCE_S):
            raise Refused(
                f"no quotes for {self.contract.localSymbol}; check that the market is open and "
                "that the account has its data"
            )
        return float(ticker.last)

    def held(self) -> float:
        """Return the signed contracts that the account holds."""
        return float(
            sum(each.position for each in self.positions() if each.contract.symbol == SYMBOL)
        )

    async def ours(self) -> list[Trade]:
        """Return the orders of this script that work at the broker, as it says itself."""
        return [
            trade
            for trade in await self.reqAllOpenOrdersAsync()
            if trade.order.orderRef.startswith(REF)
        ]

    async def gone(self, trade: Trade, within_s: float = PATIENCE_S) -> bool:
        """Cancel an order and return whether it ended."""
        if trade.orderStatus.status not in OVER:
            self.cancelOrder(trade.order)
        return await happens(lambda: trade.orderStatus.status in OVER, within_s)


async def happens(holds: Callable[[], object], within_s: float = ANSWER_S) -> bool:
    """Return whether something holds within a time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not holds():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(0.01)
    return True
