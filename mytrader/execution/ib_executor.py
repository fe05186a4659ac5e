"""The only door to `ib_async`: our commands become bytes, the wire's words become events.

Theory of operation. The client keeps its own picture of orders and positions, and that picture
is wrong in ways that matter here: it marks live orders as cancelled on notices, empties itself
on every disconnect, and reports "connected" after a start-up request timed out
(TWS-PROTOCOL.md section 9). So nothing is read from it. `_Wire` stands where the client's
callbacks arrive, before they are interpreted, and tells the executor what the broker said;
every statement becomes one event. "Empty" is known only from an end marker that belongs to our
own question; a question without its end marker is `Unknown`.

The client logs and drops whatever a callback raises, therefore callbacks only queue events; the
loop takes them from there, in order, in a turn of its own.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any, Final

import eventkit.util
import ib_async
from ib_async import client as client_module
from ib_async import ib as ib_module
from ib_async import util as util_module
from ib_async import wrapper as wrapper_module
from msgspec import Struct

from mytrader.domain import commands, events
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import INSTRUMENTS, FuturesContract
from mytrader.domain.known import Known, Unknown
from mytrader.domain.market import Bar
from mytrader.domain.orders import Approved, Bracket, OrderSpec
from mytrader.domain.session import parse_sessions
from mytrader.errors import BrokerFault
from mytrader.execution.ib_translation import (
    closed_bar,
    expiry_of,
    fill_report,
    order_fields,
    order_report,
)
from mytrader.execution.question import Question
from mytrader.execution.quote_feed import QuoteFeed
from mytrader.ports import Emit, Runtime

CLIENT_MODULES: Final[tuple[ModuleType, ...]] = (
    ib_module,
    client_module,
    wrapper_module,
    util_module,
    eventkit.util,
)
"""The client's modules that read a clock: virtual time has to rebind it there."""

CONNECT_TIMEOUT_S: Final = 10.0
BOOK_TIMEOUT: Final = timedelta(seconds=1)
EMPTY_HISTORY_RETRY: Final = timedelta(seconds=61)
HISTORY_DURATION: Final = "2 D"
LINK_LOST: Final = 1100
LINK_BACK_DATA_LOST: Final = 1101
LINK_BACK: Final = 1102
CLIENT_ID_IN_USE: Final = 326


class Endpoint(Struct, frozen=True):
    """Where the gateway listens and who we are to it."""

    host: str
    port: int
    client_id: int
    account: str = ""


class _Wire(ib_async.Wrapper):
    """Hears every message before the client interprets it, and passes on what the client needs.

    What is not passed on would only feed the client's own picture of orders, fills and tickers,
    which nobody reads.
    """

    def __init__(self, ib: ib_async.IB, executor: "IBExecutor") -> None:
        super().__init__(ib)
        self._executor = executor

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:
        self._executor._on_open_order(contract, order, orderState.status)
        self.ib.client.updateReqId(orderId + 1)

    def openOrderEnd(self) -> None:
        self._executor._orders.end()
        super().openOrderEnd()  # type: ignore[no-untyped-call]  # the client is partly typed

    def orderStatus(
        self,
        orderId: int,
        status: str,
        filled: float,
        remaining: float,
        avgFillPrice: float,
        permId: int,
        parentId: int,
        lastFillPrice: float,
        clientId: int,
        whyHeld: str,
        mktCapPrice: float = 0.0,
    ) -> None:
        del avgFillPrice, parentId, lastFillPrice, mktCapPrice
        if clientId == self.clientId:
            self._executor._on_order_status(
                orderId, permId, status, filled=filled, remaining=remaining, why_held=whyHeld
            )

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:
        self._executor._on_execution(contract, execution, reqId)

    def execDetailsEnd(self, reqId: int) -> None:
        self._executor._on_executions_end(reqId)
        super().execDetailsEnd(reqId)

    def commissionReport(self, commissionReport: Any) -> None:
        self._executor._on_commission(commissionReport)

    def position(self, account: str, contract: Any, posSize: float, avgCost: float) -> None:
        del account, avgCost
        self._executor._on_position(contract.conId, posSize)

    def positionEnd(self) -> None:
        self._executor._positions.end()
        super().positionEnd()  # type: ignore[no-untyped-call]  # the client is partly typed

    def priceSizeTick(self, reqId: int, tickType: int, price: float, size: float) -> None:
        self._executor._feed.take_tick(reqId, tickType, price, size)

    def marketDataType(self, reqId: int, marketDataId: int) -> None:
        self._executor._feed.take_data_type(reqId, marketDataId)

    def tickSize(self, reqId: int, tickType: int, size: float) -> None:
        """Sizes and strings decide nothing here."""

    def tickString(self, reqId: int, tickType: int, value: str) -> None:
        """Sizes and strings decide nothing here."""

    def tickGeneric(self, reqId: int, tickType: int, value: float) -> None:
        """Sizes and strings decide nothing here."""

    def error(
        self, reqId: int, errorCode: int, errorString: str, advancedOrderRejectJson: str
    ) -> None:
        super().error(reqId, errorCode, errorString, advancedOrderRejectJson)
        self._executor._on_error(reqId, errorCode, errorString)

    def tcpDataProcessed(self) -> None:
        super().tcpDataProcessed()  # type: ignore[no-untyped-call]  # the client is partly typed
        self._executor._emit_quotes()


class _Client(ib_async.IB):
    """The client with our wire under it, and nothing else changed."""

    def __init__(self, executor: "IBExecutor") -> None:
        super().__init__()
        self.wrapper = _Wire(self, executor)
        self.client = client_module.Client(self.wrapper)
        self.client.apiEnd += self.disconnectedEvent


class IBExecutor:
    """Sends commands to one gateway and delivers what it says as events, in order."""

    def __init__(self, endpoint: Endpoint, *, runtime: Runtime) -> None:
        self._endpoint = endpoint
        self._runtime = runtime
        self._emit: Emit | None = None
        self._inbox: deque[events.AnyEvent] = deque()
        self._scheduled = False
        self._contracts: dict[int, FuturesContract] = {}
        self._ib_contracts: dict[int, Any] = {}
        self._order_ids: dict[str, int] = {}
        self._refs: dict[int, str] = {}
        self._executions: dict[int, tuple[list[Execution], asyncio.Future[list[Any]]]] = {}
        self._feed = QuoteFeed()
        self._refusal = ""
        self._lost: Callable[[], None] | None = None
        self._holding = True
        self._start_session()

    def _start_session(self) -> None:
        """A new client for every connection; the client itself asks for orders and positions."""
        self._orders = Question(asked=1)
        self._positions = Question(asked=1)
        self._ib = _Client(self)
        self._ib.disconnectedEvent += self._on_disconnected

    # Events out

    def listen(self, emit: Emit) -> None:
        """Deliver every event to `emit`, in order, never from inside `carry_out`."""
        self._emit = emit

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever the connection is gone."""
        self._lost = callback

    def _tell(self, event: events.AnyEvent) -> None:
        self._inbox.append(event)
        if not self._scheduled and not self._holding:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        while self._inbox:
            event = self._inbox.popleft()
            if self._emit is not None:
                self._emit(event)

    # Connection

    async def connect(self) -> None:
        """Connect and synchronise completely; raises `BrokerFault` with what to do."""
        place = f"{self._endpoint.host}:{self._endpoint.port}"
        self._refusal = ""
        self._holding = True
        self._start_session()
        try:
            await self._ib.connectAsync(
                self._endpoint.host,
                self._endpoint.port,
                clientId=self._endpoint.client_id,
                timeout=CONNECT_TIMEOUT_S,
                account=self._endpoint.account,
                raiseSyncErrors=True,
            )
        except OSError as error:
            self._holding = False
            raise BrokerFault(f"gateway {place}: {self._why_not(error)}") from None

    def _why_not(self, error: OSError) -> str:
        if isinstance(error, TimeoutError):
            return self._refusal or f"no complete answer within {CONNECT_TIMEOUT_S:.0f} s"
        if isinstance(error, ConnectionRefusedError):
            return "nobody listens there; start TWS or IB Gateway, or `mytrader gateway`"
        return str(error)

    async def open_market(self, symbol: str, *, roll_days: int) -> tuple[int, list[Bar]]:
        """Find the front month, state it, subscribe; returns its id and the bars so far.

        The last bar of the history may still be forming and is left out. Raises `BrokerFault`.
        """
        contract = await self._front_month(symbol, roll_days)
        con_id = contract.conId
        history = await self._bars_so_far(con_id)
        request = self._ib.client.getReqId()
        self._feed.watch(request, self._contracts[con_id])
        self._ib.client.reqMktData(request, contract, "", False, False, [])
        return con_id, history

    async def _bars_so_far(self, con_id: int) -> list[Bar]:
        """Subscribe to bars; the client drops every update of a list that began empty."""
        bars = await self._ib.reqHistoricalDataAsync(
            self._ib_contracts[con_id],
            endDateTime="",
            durationStr=HISTORY_DURATION,
            barSizeSetting="1 min",
            whatToShow="TRADES",
            useRTH=False,
            formatDate=2,
            keepUpToDate=True,
        )
        if not bars:
            self._ib.cancelHistoricalData(bars)
            again = self._runtime.now() + EMPTY_HISTORY_RETRY
            self._runtime.call_at(
                again, lambda: self._runtime.spawn(self._late_bars(con_id), f"bars {con_id}")
            )
            return []
        bars.updateEvent += lambda bars, new: self._on_bars(con_id, bars, has_new=new)
        return [closed_bar(self._contracts[con_id], bar) for bar in bars[:-1]]

    async def _late_bars(self, con_id: int) -> None:
        """The market has begun since: the bars that closed meanwhile are news."""
        if self._ib.client.isReady():
            for bar in await self._bars_so_far(con_id):
                self._tell(events.BarClosed(con_id, bar))

    async def _front_month(self, symbol: str, roll_days: int) -> Any:
        instrument = INSTRUMENTS[symbol]
        wanted = ib_async.Future(
            symbol=symbol, exchange=instrument.exchange, currency=instrument.currency
        )
        found = await self._ib.reqContractDetailsAsync(wanted)
        today = self._runtime.now().date()
        for details in sorted(found, key=expiry_of):
            expiry = expiry_of(details)
            if (expiry - today).days >= roll_days:
                self._state_contract(details, expiry)
                return details.contract
        raise BrokerFault(f"the gateway knows no tradable expiry of {symbol}")

    def _state_contract(self, details: Any, expiry: date) -> None:
        contract = details.contract
        try:
            sessions = parse_sessions(details.tradingHours, details.timeZoneId)
        except (ValueError, KeyError) as error:
            raise BrokerFault(f"unreadable trading hours of {contract.symbol}: {error}") from None
        instrument = INSTRUMENTS[contract.symbol]
        self._contracts[contract.conId] = FuturesContract(
            contract.conId, instrument, contract.localSymbol, expiry
        )
        self._ib_contracts[contract.conId] = contract
        self._tell(
            events.ContractStated(
                contract.conId, contract.symbol, contract.localSymbol, expiry, sessions
            )
        )

    def announce(self) -> None:
        """Say that the link is up, and deliver what was held back while connecting."""
        self._holding = False
        self._tell(events.LinkChanged(up=True, why="synchronised"))

    def close(self) -> None:
        """Leave; orders stay where they are."""
        self._ib.disconnectedEvent -= self._on_disconnected
        self._ib.disconnect()

    def _on_disconnected(self) -> None:
        self._holding = False
        self._tell(events.LinkChanged(up=False, why="the gateway closed the connection"))
        if self._lost is not None:
            self._lost()

    def account_value(self, tag: str) -> Decimal | None:
        """The broker's own account figure in dollars, for comparison only."""
        for value in self._ib.accountValues():
            if value.tag == tag and value.currency in ("USD", ""):
                return Decimal(value.value)
        return None

    async def gateway_time(self) -> datetime:
        """The gateway's clock, whole seconds."""
        answer: datetime = await self._ib.reqCurrentTimeAsync()
        return answer

    # Commands

    def carry_out(self, command: commands.AnyCommand) -> None:
        """Write what the command asks for; the outcome returns as events."""
        match command:
            case commands.PlaceBracket(approved):
                self._place_bracket(approved)
            case commands.PlaceExit(approved):
                self._write(approved.order, action="place")
            case commands.PlaceEmergencyStop(approved, parent_ref, parent_order_id):
                self._place_emergency_stop(approved, parent_ref, parent_order_id)
            case commands.ChangeOrder(approved):
                self._write(approved.order, action="change")
            case commands.CancelOrder(ref):
                self._cancel(ref)
            case commands.QueryBook(number):
                self._runtime.spawn(self._answer_book(number), f"book {number}")
            case _:
                pass

    def _place_bracket(self, approved: Approved[Bracket]) -> None:
        """Write each lot's family, the parent held back until its stop transmits both."""
        for entry, stop in approved.order.lots:
            parent_id = self._write(entry, action="place")
            if parent_id:
                self._write(stop, action="place", parent_id=parent_id)
            else:
                self._not_written(stop.ref, "place", "LINK_DOWN", "its parent was not sent")

    def _place_emergency_stop(
        self, approved: Approved[OrderSpec], parent_ref: str, parent_order_id: int
    ) -> None:
        """Write the stop that an entry's fill is missing.

        It stands alone: the parent is complete, and a child of it would be refused. Which order
        it protects is in the journal with the command.
        """
        logging.getLogger(__name__).warning(
            "emergency stop %s for %s (order %s)", approved.order.ref, parent_ref, parent_order_id
        )
        self._write(approved.order, action="place")

    def _write(self, spec: OrderSpec, *, action: str, parent_id: int = 0) -> int:
        """Hand one order to the socket; returns its id, 0 if nothing was written."""
        contract = self._ib_contracts.get(spec.con_id)
        known = self._order_ids.get(spec.ref, 0)
        if contract is None or not self._ib.client.isReady():
            return self._not_written(spec.ref, action, "LINK_DOWN", "the link is down")
        if (action == "change") != bool(known):
            return self._not_written(spec.ref, action, "ORDER_ID", f"order id {known}")
        order_id = known or self._ib.client.getReqId()
        self._order_ids[spec.ref] = order_id
        self._refs[order_id] = spec.ref
        fields = order_fields(self._contracts[spec.con_id].instrument, spec)
        order = ib_async.Order(
            orderId=order_id, parentId=parent_id, account=self._endpoint.account, **fields
        )
        self._ib.client.placeOrder(order_id, contract, order)
        self._tell(events.OrderWritten(spec.ref, order_id, action))
        return order_id

    def _cancel(self, ref: str) -> None:
        order_id = self._order_ids.get(ref, 0)
        if not order_id or not self._ib.client.isReady():
            self._not_written(ref, "cancel", "LINK_DOWN", "the link is down")
            return
        self._ib.client.cancelOrder(order_id, "")
        self._tell(events.OrderWritten(ref, order_id, "cancel"))

    def _not_written(self, ref: str, action: str, code: str, detail: str) -> int:
        self._tell(events.OrderNotWritten(ref, action, code, detail))
        return 0

    # Questions

    async def _answer_book(self, number: int) -> None:
        """Ask for orders, then executions, then positions: fills arrive before what they moved."""
        try:
            book = await self._ask_book()
        except (ConnectionError, TimeoutError) as error:
            book = Unknown(f"{type(error).__name__}: {error}")
        self._tell(events.BookAnswered(number, book))

    async def _ask_book(self) -> Known[events.Book] | Unknown:
        waiter = self._orders.ask()
        self._ib.client.reqAllOpenOrders()
        orders = await self._within(waiter)
        request = self._ib.client.getReqId()
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._executions[request] = ([], done)
        self._ib.client.reqExecutions(request, ib_async.ExecutionFilter())
        executions = await self._within(done)
        self._executions.pop(request, None)
        waiter = self._positions.ask()
        self._ib.client.reqPositions()
        positions = await self._within(waiter)
        if orders is None or executions is None or positions is None:
            return Unknown("an end marker did not arrive in time")
        return Known(events.Book(tuple(orders), tuple(executions), tuple(positions)))

    async def _within(self, answer: asyncio.Future[list[Any]]) -> list[Any] | None:
        """Wait for an answer on the runtime's clock; `None` when it takes too long."""

        def give_up() -> None:
            if not answer.done():
                answer.cancel()

        disarm = self._runtime.call_at(self._runtime.now() + BOOK_TIMEOUT, give_up)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if not answer.cancelled():
                raise
            return None
        finally:
            disarm()

    # What the wire says

    def _on_open_order(self, contract: Any, order: Any, status: str) -> None:
        if order.orderRef and order.clientId == self._endpoint.client_id:
            self._order_ids[order.orderRef] = order.orderId
            self._refs[order.orderId] = order.orderRef
        report = order_report(self._contracts.get(contract.conId), order, status)
        if report is not None:
            self._tell(report)
            self._orders.add(report)

    def _on_order_status(
        self,
        order_id: int,
        perm_id: int,
        status: str,
        *,
        filled: float,
        remaining: float,
        why_held: str,
    ) -> None:
        ref = self._refs.get(order_id, "")
        self._tell(
            events.StatusReported(
                ref, order_id, perm_id, status, int(filled), int(remaining), why_held
            )
        )

    def _on_execution(self, contract: Any, execution: Any, request: int) -> None:
        """Deliver a fill, live or asked for; the kernel checks at once that a stop covers it."""
        ours = self._contracts.get(contract.conId)
        if ours is None:
            return
        fill = fill_report(ours, execution)
        if fill is None:
            self._tell(events.Halted(f"execution {execution.execId} at {execution.price}"))
            return
        asked = self._executions.get(request)
        if asked is None:
            self._tell(events.ExecutionReported(fill))
        else:
            asked[0].append(fill)

    def _on_executions_end(self, request: int) -> None:
        asked = self._executions.get(request)
        if asked is not None and not asked[1].done():
            asked[1].set_result(list(asked[0]))

    def _on_commission(self, report: Any) -> None:
        amount = Decimal(str(report.commission))
        self._tell(events.CommissionReported(report.execId, amount))

    def _on_position(self, con_id: int, quantity: float) -> None:
        report = events.PositionReported(con_id, int(quantity))
        self._positions.add(report)
        if con_id in self._contracts:
            self._tell(report)

    def _on_error(self, request: int, code: int, text: str) -> None:
        if code == CLIENT_ID_IN_USE:
            self._refusal = f"client id {self._endpoint.client_id} is in use; choose another"
        elif code == LINK_LOST:
            self._tell(events.LinkChanged(up=False, why=text))
        elif code in (LINK_BACK, LINK_BACK_DATA_LOST):
            self._tell(events.LinkChanged(up=True, why=text))
        elif request in self._refs:
            self._tell(events.ErrorReported(self._refs[request], request, code, text))

    # Market data

    def _emit_quotes(self) -> None:
        """One quote per contract and delivery: what one packet says is one fact."""
        for quote in self._feed.changed(self._runtime.now()):
            self._tell(quote)

    def _on_bars(self, con_id: int, bars: Any, *, has_new: bool) -> None:
        """A new bar began: the one before it is complete."""
        if has_new and len(bars) > 1:
            self._tell(events.BarClosed(con_id, closed_bar(self._contracts[con_id], bars[-2])))
