"""The only door to `ib_async`: our commands become bytes, the wire's words become events.

Theory of operation. The client keeps its own picture of orders and positions, and that picture
is wrong in ways that matter here: it marks live orders as cancelled on notices, empties itself
on every disconnect, and reports "connected" after a start-up request timed out
(TWS-PROTOCOL.md section 9). So nothing is read from it. `_Wire` stands where the client's
callbacks arrive, before they are interpreted, and tells the executor what the broker said;
every statement becomes one event. "Empty" is known only from an end marker that belongs to our
own question; a question without its end marker is `Unknown`.

The client logs and drops whatever a callback raises, and what it cannot decode. Therefore
callbacks only queue events, which the loop takes in order in a turn of its own, and `_Decoder`
stands where the client would drop: a message about orders or fills that cannot be read halts the
trader.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from decimal import Decimal
from functools import partial
from types import ModuleType
from typing import Any, Final, TypeVar

import eventkit.util
import ib_async
from ib_async import client as client_module
from ib_async import decoder as decoder_module
from ib_async import ib as ib_module
from ib_async import util as util_module
from ib_async import wrapper as wrapper_module

from mytrader.domain import commands, events
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.known import Unknown
from mytrader.domain.market import Bar
from mytrader.errors import BrokerFault
from mytrader.execution import handshake
from mytrader.execution.book_questions import BookQuestions, Requests
from mytrader.execution.broker_reports import ORDERS_AND_FILLS, BrokerReports
from mytrader.execution.event_queue import EventQueue
from mytrader.execution.margin_questions import MarginQuestions
from mytrader.execution.market_data import MarketData
from mytrader.execution.order_numbers import OrderNumbers
from mytrader.execution.order_writer import OrderWriter
from mytrader.plain_text import on_record
from mytrader.ports import Emit, Runtime

CLIENT_MODULES: Final[tuple[ModuleType, ...]] = (
    ib_module,
    client_module,
    wrapper_module,
    util_module,
    eventkit.util,
)
"""The client's modules that read a clock: virtual time has to rebind it there."""

T = TypeVar("T")
Endpoint = handshake.Endpoint

CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 20.0
"""For one question while connecting; real seconds, also where the gateway's clock runs faster."""

SILENCES_MAX: Final = 2
"""So many questions about the book in a row without a single byte mean that nobody is there."""

CASH_TAG: Final = "TotalCashValue"
LINK_LOST: Final = 1100
LINK_BACK: Final = 1102
LINK_BACK_DATA_LOST: Final = 1101
CLIENT_ID_IN_USE: Final = 326


class _Wire(ib_async.Wrapper):
    """Hears every message before the client interprets it, and passes on what the client needs.

    The rest would only feed the client's own picture of orders and fills, which nobody reads.
    """

    def __init__(self, ib: ib_async.IB, executor: "IBExecutor") -> None:
        super().__init__(ib)
        self._executor = executor

    def managedAccounts(self, accountsList: str) -> None:
        super().managedAccounts(accountsList)
        managed = tuple(account for account in accountsList.split(",") if account)
        self._executor.accounts = managed
        if refusal := handshake.account_refusal(managed, self._executor._endpoint.account):
            self._executor._refuse(self.ib.client, refusal)

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:
        if order.whatIf:
            self._executor._margins.answer(orderId, orderState)
            return
        self._executor._on_order(contract, order, orderState.status)
        self.ib.client.updateReqId(orderId + 1)

    def openOrderEnd(self) -> None:
        self._executor._questions.end_orders()
        super().openOrderEnd()  # type: ignore[no-untyped-call]  # the client is partly typed

    def completedOrder(self, contract: Any, order: Any, orderState: Any) -> None:
        self._executor._reports.completed_order(contract, order, orderState.status)

    def completedOrdersEnd(self) -> None:
        self._executor._questions.end_completed()
        super().completedOrdersEnd()  # type: ignore[no-untyped-call]  # the client is partly typed

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
        if clientId == self.clientId and not self._executor._margins.knows(orderId):
            self._executor._reports.order_status(
                orderId, permId, status, filled=filled, remaining=remaining, why_held=whyHeld
            )

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:
        self._executor._reports.execution(contract, execution, reqId)

    def execDetailsEnd(self, reqId: int) -> None:
        self._executor._questions.end_executions(reqId)
        super().execDetailsEnd(reqId)

    def commissionReport(self, commissionReport: Any) -> None:
        self._executor._reports.commission(commissionReport)

    def position(self, account: str, contract: Any, posSize: float, avgCost: float) -> None:
        del account, avgCost
        self._executor._reports.position(contract.conId, posSize)

    def positionEnd(self) -> None:
        self._executor._questions.end_positions()
        super().positionEnd()  # type: ignore[no-untyped-call]  # the client is partly typed

    def updateAccountValue(self, tag: str, val: str, currency: str, account: str) -> None:
        super().updateAccountValue(tag, val, currency, account)
        if tag == CASH_TAG and currency in ("USD", ""):
            self._executor.cash_usd = Decimal(val)

    def priceSizeTick(self, reqId: int, tickType: int, price: float, size: float) -> None:
        self._executor._market.feed.take_tick(reqId, tickType, price=price, size=size)

    def marketDataType(self, reqId: int, marketDataId: int) -> None:
        self._executor._market.feed.take_data_type(reqId, marketDataId)

    def _pass_over(self, *_said: Any, **_named: Any) -> None:
        """Sizes, strings and the rest decide nothing here."""

    tickSize = tickString = tickGeneric = _pass_over  # noqa: N815 - the client's names

    def error(
        self, reqId: int, errorCode: int, errorString: str, advancedOrderRejectJson: str
    ) -> None:
        super().error(reqId, errorCode, errorString, advancedOrderRejectJson)
        self._executor._on_error(reqId, errorCode, on_record(errorString))

    def tcpDataProcessed(self) -> None:
        super().tcpDataProcessed()  # type: ignore[no-untyped-call]  # the client is partly typed
        self._executor._market.emit_quotes()


class _Loss(logging.LoggerAdapter[logging.Logger]):
    """Stands where the client logs what it drops, and passes it on to the executor."""

    def __init__(self, decoder: "_Decoder", executor: "IBExecutor") -> None:
        super().__init__(decoder.logger, {})
        self._decoder = decoder
        self._executor = executor

    def exception(self, msg: object, *args: object, **more: Any) -> None:
        super().exception(msg, *args, **more)
        self._executor._on_loss(self._decoder.reading, sys.exception())


class _Decoder(decoder_module.Decoder):
    """The client's decoder, which loses nothing silently; `reading` is the message's id."""

    def __init__(self, wrapper: _Wire, executor: "IBExecutor") -> None:
        super().__init__(wrapper, 0)
        self.reading = ""
        self.logger = _Loss(self, executor)  # type: ignore[assignment]  # it logs as one

    def interpret(self, fields: list[str]) -> None:
        self.reading = fields[0] if fields else ""
        super().interpret(fields)  # type: ignore[no-untyped-call]  # the client is partly typed


class _Socket(client_module.Client):
    """The client's connection, which would wait for ever on a peer that is no gateway."""

    def __init__(self, wrapper: _Wire, executor: "IBExecutor") -> None:
        self._executor = executor
        super().__init__(wrapper)  # type: ignore[no-untyped-call]  # the client is partly typed
        self.decoder = _Decoder(wrapper, executor)

    def _onSocketHasData(self, data: bytes) -> None:
        self._executor._heard += 1
        greeted = self.isReady()
        try:
            super()._onSocketHasData(data)  # type: ignore[no-untyped-call]  # partly typed
        except (ValueError, IndexError):
            if greeted:
                raise
            self._executor._refuse(self, handshake.NOT_A_GATEWAY)
        if why := self._version_refusal():
            self._executor._refuse(self, why)
        if handshake.speaks_another_protocol(self._data):
            self._executor._refuse(self, handshake.NOT_A_GATEWAY)

    def _version_refusal(self) -> str:
        return handshake.version_refusal(
            self._serverVersion, oldest=self.MinClientVersion, newest=self.MaxClientVersion
        )

    def _onSocketDisconnected(self, msg: str) -> None:
        if self.connState != self.DISCONNECTED and not self.isReady():
            why = self._version_refusal() or handshake.CLOSED_EARLY
            self._executor._refuse(self, why)
        super()._onSocketDisconnected(msg)  # type: ignore[no-untyped-call]  # partly typed


class _Client(ib_async.IB):
    """The client with our wire under it, and nothing else changed."""

    def __init__(self, executor: "IBExecutor") -> None:
        super().__init__()
        self.wrapper = _Wire(self, executor)
        self.client = _Socket(self.wrapper, executor)
        self.client.apiEnd += self.disconnectedEvent


class IBExecutor:
    """Sends commands to one gateway and delivers what it says as events, in order.

    `cash_usd` is the broker's own figure as last heard, for comparison only; `accounts` are its.
    """

    def __init__(self, endpoint: Endpoint, *, runtime: Runtime) -> None:
        self._endpoint = endpoint
        self._runtime = runtime
        self._events = EventQueue()
        self._market = MarketData(self._events.tell, runtime)
        self.numbers = OrderNumbers()
        self._refusal: asyncio.Future[str] | None = None
        self._lost: Callable[[], None] | None = None
        self._heard = 0
        self.cash_usd: Decimal | None = None
        self.accounts: tuple[str, ...] = ()
        self._start_session()

    def _start_session(self) -> None:
        """A new client for every connection."""
        self._silences = 0
        self._questions = BookQuestions(self.numbers)
        self._margins = MarginQuestions(self._events.tell)
        self._reports = BrokerReports(
            self._events.tell,
            self._questions,
            market=self._market,
            numbers=self.numbers,
            client_id=self._endpoint.client_id,
        )
        self._ib = _Client(self)
        self._writer = OrderWriter(
            self._ib.client,
            partial(ib_async.Order, account=self._endpoint.account),
            market=self._market,
            numbers=self.numbers,
            tell=self._events.tell,
        )

    # Events out

    def listen(self, emit: Emit) -> None:
        """Deliver every event to `emit`, in order, never from inside `carry_out`."""
        self._events.listen(emit)

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever the connection is gone."""
        self._lost = callback

    # Connection

    async def connect(self) -> None:
        """Connect and synchronise completely; raises `BrokerFault` with what to do."""
        self.close()
        self._events.hold()
        self._start_session()
        self._refusal = asyncio.get_running_loop().create_future()
        attempt = asyncio.ensure_future(  # noqa: TID251 - it ends with this call
            self._ib.connectAsync(
                self._endpoint.host,
                self._endpoint.port,
                clientId=self._endpoint.client_id,
                timeout=CONNECT_TIMEOUT_S,
                account=self._endpoint.account,
                raiseSyncErrors=True,
            )
        )
        try:
            await asyncio.wait({attempt, self._refusal}, return_when=asyncio.FIRST_COMPLETED)
            if self._refusal.done():
                raise self._fault(self._refusal.result())
            await attempt
        except OSError as error:
            raise self._fault(handshake.unreachable(error, timeout_s=CONNECT_TIMEOUT_S)) from None
        finally:
            self._refusal = None
            attempt.cancel()
            await asyncio.wait({attempt})
            if not self._ib.isConnected():
                self._events.release()
        self._ib.disconnectedEvent += self._on_disconnected
        # The number of an order that was lost on its way must not become another order's.
        self._ib.client.updateReqId(self.numbers.highest + 1)

    def _refuse(self, client: client_module.Client, why: str) -> None:
        """Leave a peer that we may not trade through, before anything else is sent to it."""
        if client is not self._ib.client:
            return
        if self._refusal is None:
            # The client tells nobody of an end that it was asked for: those who wait for an
            # answer would wait on, and the trader would believe in a link that is gone.
            self._ib.wrapper.connectionClosed()
            self.close()
            self._on_disconnected(why)
            return
        if not self._refusal.done():
            self._refusal.set_result(why)
        client.disconnect()

    def _fault(self, why: str) -> BrokerFault:
        return BrokerFault(f"gateway {self._endpoint.host}:{self._endpoint.port}: {why}")

    async def _answer(self, question: Awaitable[T], *, about: str) -> T:
        """Wait for an answer while connecting; a gateway may go silent after its greeting."""
        try:
            return await asyncio.wait_for(question, ANSWER_TIMEOUT_S)
        except TimeoutError:
            raise self._fault(
                f"no answer about {about} within {ANSWER_TIMEOUT_S:.0f} s; "
                "check that it is logged in and connected to the broker"
            ) from None
        except ConnectionError as error:
            raise self._fault(f"it left while asked about {about} ({error})") from None

    async def open_market(
        self, symbol: str, *, roll_days: int, held: Collection[int] = ()
    ) -> tuple[int, list[Bar]]:
        """Find the front month, state it, subscribe; returns its id and the bars so far.

        The last bar of the history may still be forming and is left out. `held` are contracts in
        which something of ours may still be open: they are stated and quoted as well. Raises
        `BrokerFault`, also when the gateway no longer knows one of them.
        """
        instrument = INSTRUMENTS[symbol]
        wanted = ib_async.Future(
            symbol=symbol, exchange=instrument.exchange, currency=instrument.currency
        )
        found = await self._answer(
            self._ib.reqContractDetailsAsync(wanted), about=f"the contracts of {symbol}"
        )
        contract = self._market.state_front_month(symbol, found, roll_days=roll_days)
        for older in self._market.state_held(found, {*held} - {contract.con_id}):
            self._market.watch(self._ib, older)
        return contract.con_id, await self._answer(
            self._market.subscribe(self._ib, contract), about=f"the bars of {symbol}"
        )

    @property
    def traded(self) -> Collection[int]:
        """The ids of the contracts that were stated."""
        return self._market.contracts.keys()

    def announce(self) -> None:
        """Say that the link is up, and deliver what was held back while connecting."""
        self._events.open()
        self._events.tell(events.LinkChanged(up=True, why="synchronised"))

    def close(self) -> None:
        """Leave; orders stay where they are."""
        self._margins.give_up("the connection was left")
        self._ib.disconnectedEvent -= self._on_disconnected
        self._ib.disconnect()

    def _on_disconnected(self, why: str = "the gateway closed the connection") -> None:
        self._events.release()
        self._margins.give_up(why)
        self._events.tell(events.LinkChanged(up=False, why=why))
        if self._lost is not None:
            self._lost()

    def _start_over(self, client: _Client, why: str) -> None:
        """Leave a broker that forgot us, or what we subscribed to; a new connection restores."""
        if client is self._ib and client.isConnected():
            self.close()
            self._on_disconnected(why)

    async def gateway_time(self) -> datetime:
        """The gateway's clock, whole seconds; raises `BrokerFault`."""
        answer: datetime = await self._answer(self._ib.reqCurrentTimeAsync(), about="the time")
        return answer

    # Commands

    def number(self, command: commands.AnyCommand) -> tuple[tuple[str, int], ...]:
        """See `ports.Broker`."""
        return self._writer.number(commands.new_orders(command))

    def carry_out(self, command: commands.AnyCommand) -> None:
        """Write what the command asks for; the outcome returns as events."""
        match command:
            case commands.PlaceBracket(approved):
                self._writer.place_bracket(approved.order)
            case commands.PlaceExit(approved) | commands.PlaceEmergencyStop(approved):
                # An emergency stop stands alone: a child of a complete parent would be refused.
                self._writer.write(approved.order, action="place")
            case commands.ChangeOrder(approved):
                self._writer.write(approved.order, action="change")
            case commands.CancelOrder(ref):
                self._writer.cancel(ref)
            case commands.AskMargin(cycle_id):
                self._margins.ask(cycle_id, partial(self._writer.ask_margin, command))
            case commands.QueryBook(number):
                self._runtime.spawn(self._answer_book(number), f"book {number}")

    # Questions

    async def _answer_book(self, number: int) -> None:
        client = self._ib.client

        def ask_executions() -> int:
            request: int = client.getReqId()
            client.reqExecutions(request, ib_async.ExecutionFilter())
            return request

        requests = Requests(
            client.reqAllOpenOrders,
            partial(client.reqCompletedOrders, False),
            ask_executions,
            client.reqPositions,
        )
        asked, heard = self._ib, self._heard
        book = await self._questions.ask(requests)
        self._note_silence(asked, silent=isinstance(book, Unknown) and self._heard == heard)
        self._events.tell(events.BookAnswered(number, book))

    def _note_silence(self, asked: _Client, *, silent: bool) -> None:
        """Leave a gateway that says nothing at all: a connection can be half open for ever."""
        if asked is not self._ib:
            return
        self._silences = self._silences + 1 if silent else 0
        if self._silences >= SILENCES_MAX:
            self._start_over(asked, "the gateway has gone silent")

    # What the wire says

    def _on_order(self, contract: Any, order: Any, status: str) -> None:
        """Take an order; a question about margin that became one must not go unseen."""
        if order.clientId == self._endpoint.client_id and self._margins.knows(order.orderId):
            self._events.tell(events.Halted(f"what-if {order.orderId} is an order: {status}"))
        self._reports.order(contract, order, status)

    def _on_loss(self, message: str, error: BaseException | None) -> None:
        """Take that the client dropped a message that it, or we, could not read."""
        if message in ORDERS_AND_FILLS:
            self._questions.spoil()
            why = f"message {message} of the gateway cannot be read"
            self._events.tell(events.Halted(f"{why}: {type(error).__name__}: {error}"))

    def _on_error(self, request: int, code: int, text: str) -> None:
        if code == CLIENT_ID_IN_USE:
            taken = f"client id {self._endpoint.client_id} is in use"
            self._refuse(self._ib.client, f"{taken}; choose another, ib.client_id")
        elif code == LINK_LOST:
            self._events.tell(events.LinkChanged(up=False, why=text))
        elif code == LINK_BACK_DATA_LOST:
            why = "the broker lost our subscriptions"
            asyncio.get_running_loop().call_soon(self._start_over, self._ib, why)
        elif code == LINK_BACK:
            self._events.tell(events.LinkChanged(up=True, why=text))
        elif self._margins.knows(request):
            self._margins.fail(request, f"{code}: {text}")
        elif ref := self.numbers.ref(request):
            self._events.tell(events.ErrorReported(ref, request, code, text))
