"""A trading desk in virtual time: the real client, the simulated gateway, a market by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import eventkit
import ib_async
from ib_async import IB, Contract, Future, Order, Trade
from msgspec import structs

from mytrader.domain.instrument import ES, FuturesContract
from mytrader.domain.market import Bar
from mytrader.simulator.faults import Faults
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.listing import front_month
from mytrader.simulator.market import MarketTick
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual

OPENED = datetime(2025, 12, 12, 15, 0, tzinfo=UTC)
LEAD = timedelta(seconds=5)
EPOCH = OPENED - LEAD
CONTRACT: FuturesContract = front_month(ES, OPENED.date())
PRICE = 27400
"""6850 points in ticks: where the market by hand begins."""

CLIENT_MODULES = (
    ib_async.wrapper,
    ib_async.client,
    ib_async.ib,
    ib_async.util,
    eventkit.util,
)


def ticks(
    prices: Iterable[int], *, every_s: float = 1.0, start: datetime = OPENED
) -> list[MarketTick]:
    """Return trades of ten contracts at `prices` (ticks), the bid there and the ask one above."""
    return [
        MarketTick(start + timedelta(seconds=every_s * index), price, price + 1, price, 10)
        for index, price in enumerate(prices)
    ]


def flat(seconds: int, price: int = PRICE) -> list[MarketTick]:
    """Return a market that stands still."""
    return ticks([price] * seconds)


def history(count: int = 3) -> list[Bar]:
    """Return bars before the market by hand."""
    return [
        Bar(OPENED - timedelta(minutes=count - index), PRICE, PRICE + 4, PRICE - 4, PRICE, 100)
        for index in range(count)
    ]


class Desk:
    """One client of the gateway, with what an order needs filled in."""

    def __init__(self, loop: VirtualLoop, gateway: SimulatedGateway) -> None:
        self.loop = loop
        self.gateway = gateway
        self.ib = IB()
        self.errors: list[tuple[int, int]] = []
        self.statuses: list[tuple[int, str]] = []
        self.contract: Contract = Contract()
        self.ib.errorEvent += self._keep_error
        self.ib.orderStatusEvent += self._keep_status

    def _keep_error(self, req_id: int, code: int, *_rest: object) -> None:
        if code not in (2104, 2106, 2158):
            self.errors.append((req_id, code))

    def _keep_status(self, trade: Trade) -> None:
        self.statuses.append((trade.order.orderId, trade.orderStatus.status))

    async def connect(self, client_id: int = 7) -> None:
        """Connect with a complete synchronization, or fail."""
        await self.ib.connectAsync("127.0.0.1", 4002, clientId=client_id, raiseSyncErrors=True)
        self.contract = Future(conId=CONTRACT.con_id, exchange="CME")
        assert await self.ib.qualifyContractsAsync(self.contract) == [self.contract]

    async def subscribe(self) -> ib_async.Ticker:
        """Subscribe to quotes, which lets the market move."""
        ticker = self.ib.reqMktData(self.contract)
        await asyncio.sleep(7)
        return ticker

    def order(self, action: str, limit: float, *, stop: float | None = None, **more: Any) -> Order:  # noqa: ANN401 - any field of an order
        """Return a limit order, or a stop-limit order if there is a stop."""
        fields: dict[str, Any] = {
            "orderId": self.ib.client.getReqId(),
            "action": action,
            "totalQuantity": 1,
            "orderType": "LMT" if stop is None else "STP LMT",
            "lmtPrice": limit,
            "tif": "GTC",
            "outsideRth": True,
            "triggerMethod": 2,
            "account": "DU0000001",
        }
        if stop is not None:
            fields["auxPrice"] = stop
        return Order(**{**fields, **more})

    @property
    def client(self) -> Any:  # noqa: ANN401 - the client's lower half is not annotated
        """The client's lower half, which sends without looking at its own state."""
        return self.ib.client

    def place(self, order: Order) -> Trade:
        """Place or change an order."""
        return self.ib.placeOrder(self.contract, order)

    def bracket(self, limit: float, stop: float) -> tuple[Trade, Trade]:
        """Place a buy with its stop, transmitted by the stop."""
        parent = self.order("BUY", limit, transmit=False)
        child = self.order("SELL", stop - 5, stop=stop, parentId=parent.orderId)
        return self.place(parent), self.place(child)

    @property
    def codes(self) -> list[int]:
        """The codes of all errors so far."""
        return [code for _, code in self.errors]


Scenario = Callable[[Desk], Awaitable[None]]


def run_desk(
    scenario: Scenario,
    market: Iterable[MarketTick],
    *,
    faults: Faults = Faults(),  # noqa: B008 - frozen
    bars: Iterable[Bar] | None = None,
    settings: GatewaySettings = GatewaySettings(),  # noqa: B008 - frozen
) -> SimulatedGateway:
    """Run a scenario in virtual time and return the gateway as it left it."""
    market = list(market)
    epoch = market[0].at - LEAD if market else EPOCH
    past = history() if bars is None else list(bars)
    failures: list[object] = []

    async def main(loop: VirtualLoop) -> SimulatedGateway:
        runtime = VirtualRuntime(loop, lambda name, error: failures.append((name, error)), seed=1)
        gateway = SimulatedGateway(
            [SimulatedMarket(CONTRACT, market, past)],
            runtime,
            settings=structs.replace(settings, faults=faults),
        )
        loop.serve("127.0.0.1", 4002, protocol_factory=gateway.protocol_factory)
        async with _closing(Desk(loop, gateway)) as desk:
            await scenario(desk)
        return gateway

    gateway = run_virtual(main, epoch=epoch, modules=CLIENT_MODULES)
    assert failures == []
    return gateway


@asynccontextmanager
async def _closing(desk: Desk) -> AsyncIterator[Desk]:
    try:
        yield desk
    finally:
        desk.ib.disconnect()
        await asyncio.sleep(1)


def connected(scenario: Scenario) -> Scenario:
    """Return the scenario with the client connected and the market moving."""

    async def run(desk: Desk) -> None:
        await desk.connect()
        await desk.subscribe()
        await scenario(desk)

    return run
