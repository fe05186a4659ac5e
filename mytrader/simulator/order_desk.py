"""Orders over the wire: takes them from clients, tells clients what became of them."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Final, Protocol

from msgspec import structs

from mytrader.domain.instrument import FuturesContract
from mytrader.domain.orders import Side
from mytrader.domain.session import EXCHANGE_ZONE, trading_date
from mytrader.simulator import order_reports
from mytrader.simulator.agenda import Action, Agenda
from mytrader.simulator.broker import Broker
from mytrader.simulator.broker_orders import BY_HAND, INACTIVE, BrokerOrder, OrderNews
from mytrader.simulator.connection import ClientConnection, Handler
from mytrader.simulator.faults import EndMessage, Faults
from mytrader.simulator.hand_orders import OWNER, HandOrders
from mytrader.simulator.ledger import BrokerFill
from mytrader.simulator.margin_desk import MarginDesk
from mytrader.simulator.order_rules import CANCELLED, VALIDATION, Problem
from mytrader.simulator.times import read_time
from mytrader.tws import answers, requests
from mytrader.tws.errors import NO_SUBJECT, WireError
from mytrader.tws.fields import Message
from mytrader.tws.order_answers import CompletedOrdersEnd, ExecutionsEnd, OpenOrderEnd
from mytrader.tws.place_order import PlaceOrder

_SIDES: Final = {
    "": tuple(Side),
    "BUY": (Side.BUY,),
    "BOT": (Side.BUY,),
    "SELL": (Side.SELL,),
    "SLD": (Side.SELL,),
}


class Clients(Protocol):
    """Who is connected."""

    def client(self, client_id: int) -> ClientConnection | None:
        """Return the connection of a client, `None` while it is away."""
        ...


class OrderDesk:
    """Answers order requests, and is the broker's listener.

    `after_fill` is called when the messages about a fill have left. `hands` are the orders placed
    by hand; `master_client_id` names a client that hears of everybody's orders.
    """

    def __init__(
        self,
        broker: Broker,
        clients: Clients,
        *,
        agenda: Agenda,
        faults: Faults,
        after_fill: Action,
        master_client_id: int | None = None,
    ) -> None:
        self.hands = HandOrders(broker)
        self._master = master_client_id
        self._broker = broker
        self._clients = clients
        self._agenda = agenda
        self._faults = faults
        self._after_fill = after_fill
        self._margins = MarginDesk(broker, faults)
        broker.report_to(self)

    @property
    def handlers(self) -> Mapping[type[Message], Handler]:
        """Return what this desk answers."""
        return {
            PlaceOrder: self._place,
            requests.CancelOrder: self._cancel,
            requests.GlobalCancel: self._global_cancel,
            requests.RequestOpenOrders: self._open_orders,
            requests.RequestAllOpenOrders: self._all_open_orders,
            requests.RequestAutoOpenOrders: self._auto_open_orders,
            requests.RequestCompletedOrders: self._completed_orders,
            requests.RequestExecutions: self._executions,
            requests.RequestIds: self._next_id,
        }

    def set_faults(self, faults: Faults) -> None:
        """Commit these faults from now on."""
        self._faults = faults
        self._margins.set_faults(faults)

    # The broker's listener.

    def order_changed(self, order: BrokerOrder, news: OrderNews) -> None:
        """Tell the order's client, late or never where a fault says so."""
        if self._silent(order, news):
            return
        status = INACTIVE if news is OrderNews.REJECTED else order.status
        messages = self._pictures(order, status=status)
        self._send_later(self._delay(order, news), order.client_id, messages=messages)

    def traded(self, order: BrokerOrder, fill: BrokerFill) -> None:
        """Tell the order's client of an execution: details, status, then commission."""
        messages: list[Message] = [
            order_reports.execution_details(fill, self._account, req_id=NO_SUBJECT),
            *self._pictures(order),
            order_reports.commission_report(fill),
        ]
        delay = self._faults.fill_delay
        self._send_later(delay, order.client_id, messages=messages)
        self._do_later(delay, self._after_fill)

    def problem(self, client_id: int, order_id: int, *, problem: Problem) -> None:
        """Tell a client of an error or notice about one of its orders."""
        if client_id == BY_HAND:
            return
        delay = timedelta()
        if problem.code == CANCELLED:
            delay = self._faults.cancel_delay
        message = answers.Problem(order_id, problem.code, problem.text)
        self._send_later(delay, client_id, messages=[message])

    def _silent(self, order: BrokerOrder, news: OrderNews) -> bool:
        quiet = news in (OrderNews.ACKNOWLEDGED, OrderNews.CHANGED)
        is_stop = order.terms.stop is not None
        return self._faults.drop_stop_acknowledgements and is_stop and quiet

    def _delay(self, order: BrokerOrder, news: OrderNews) -> timedelta:
        if news is OrderNews.ENDED:
            return self._faults.cancel_delay
        if news in (OrderNews.CANCEL_ASKED, OrderNews.REJECTED):
            return timedelta()
        return self._faults.acknowledgement_delay(stop=order.terms.stop is not None)

    def _send_later(self, delay: timedelta, client_id: int, *, messages: list[Message]) -> None:
        def send() -> None:
            for each in {client_id: None, self._master: None}:
                connection = None if each is None else self._clients.client(each)
                if connection is not None:
                    connection.send(*messages)

        self._do_later(delay, send)

    def _do_later(self, delay: timedelta, action: Action) -> None:
        if delay:
            self._agenda.at(self._agenda.now + delay, action)
        else:
            action()

    # Requests.

    def _place(self, connection: ClientConnection, message: PlaceOrder) -> None:
        client_id = _client_id(connection)
        if not message.what_if:
            self._broker.place(client_id, message)
            return
        answer = self._margins.answer(client_id, message)
        if answer is not None:
            self._send_later(self._faults.what_if_delay, client_id, messages=[answer])

    def _cancel(self, connection: ClientConnection, message: requests.CancelOrder) -> None:
        self._broker.cancel(_client_id(connection), message.order_id)

    def _global_cancel(self, connection: ClientConnection, message: Message) -> None:
        del connection, message
        self._broker.cancel_all()

    def _open_orders(self, connection: ClientConnection, message: Message) -> None:
        del message
        client_id = _client_id(connection)
        if client_id == OWNER:
            connection.send(*self.hands.bind())
        own = [each for each in self._known_orders() if each.client_id == client_id]
        self._send_open(connection, own)

    def _all_open_orders(self, connection: ClientConnection, message: Message) -> None:
        del message
        self._send_open(connection, self._known_orders())

    def _known_orders(self) -> list[BrokerOrder]:
        return [each for each in self._broker.orders.live() if each.transmitted]

    def _send_open(self, connection: ClientConnection, orders: list[BrokerOrder]) -> None:
        for order in orders:
            connection.send(*self._pictures(order))
        if self._faults.missing_end is not EndMessage.OPEN_ORDERS:
            connection.send(OpenOrderEnd())

    def _auto_open_orders(
        self, connection: ClientConnection, message: requests.RequestAutoOpenOrders
    ) -> None:
        if _client_id(connection) != OWNER:
            text = "Only the default client (i.e 0) can auto bind orders."
            connection.send(answers.notice(VALIDATION, text))
            return
        self.hands.binds_at_once = message.on
        if message.on:
            connection.send(*self.hands.bind())

    def place_by_hand(
        self, contract: FuturesContract, side: Side, quantity: int, *, limit: int | None
    ) -> None:
        """Take an order that a person places; client 0 owns it at once where it asked to."""
        self.hands.place(contract, side, quantity, limit=limit)
        owner = self._clients.client(OWNER)
        if self.hands.binds_at_once and owner is not None:
            owner.send(*self.hands.bind())

    def _completed_orders(
        self, connection: ClientConnection, message: requests.RequestCompletedOrders
    ) -> None:
        over = [
            each
            for each in self._broker.orders.over()
            if self._in_window(each) and not (message.api_only and each.placed_by_hand)
        ]
        connection.send(*[order_reports.completed_order(each, self._account) for each in over])
        if self._faults.missing_end is not EndMessage.COMPLETED_ORDERS:
            connection.send(CompletedOrdersEnd())

    def _in_window(self, order: BrokerOrder) -> bool:
        """Whether an order that is over is still told of: until its trading date has passed.

        How far the real list reaches is to be recorded on a paper account (TWS-PROTOCOL.md 12).
        """
        today = trading_date(self._agenda.now)
        return order.ended_at is not None and trading_date(order.ended_at) == today

    def _executions(
        self, connection: ClientConnection, message: requests.RequestExecutions
    ) -> None:
        try:
            since = read_time(message.since) if message.since else None
        except WireError as error:
            connection.send(answers.Problem(message.req_id, VALIDATION, str(error)))
            return
        for fill in self._told_executions():
            if self._asked_for(fill, message, since=since):
                details = order_reports.execution_details(
                    fill, self._account, req_id=message.req_id
                )
                connection.send(details, order_reports.commission_report(fill))
        if self._faults.missing_end is not EndMessage.EXECUTIONS:
            connection.send(ExecutionsEnd(message.req_id))

    def _told_executions(self) -> list[BrokerFill]:
        fills = self._broker.ledger.executions
        if not self._faults.executions_since_midnight:
            return fills
        local = self._agenda.now.astimezone(EXCHANGE_ZONE)
        midnight = datetime.combine(local.date(), time(), EXCHANGE_ZONE).astimezone(UTC)
        return [each for each in fills if each.at >= midnight]

    def _asked_for(
        self, fill: BrokerFill, wanted: requests.RequestExecutions, *, since: datetime | None
    ) -> bool:
        instrument = fill.contract.instrument
        return (
            wanted.client_id in (0, fill.client_id)
            and wanted.account in ("", self._account)
            and (since is None or fill.at >= since)
            and wanted.symbol in ("", instrument.symbol)
            and wanted.sec_type in ("", "FUT")
            and wanted.exchange in ("", instrument.exchange)
            and fill.side in _SIDES.get(wanted.side.upper(), ())
        )

    def _next_id(self, connection: ClientConnection, message: Message) -> None:
        del message
        next_id = self._broker.orders.next_id(_client_id(connection))
        connection.send(answers.NextValidId(next_id))

    @property
    def _account(self) -> str:
        return self._broker.ledger.account

    def _pictures(self, order: BrokerOrder, *, status: str = "") -> list[Message]:
        parent = self._broker.orders.parent(order)
        parent_id = 0 if parent is None else parent.sent.order_id
        picture = order_reports.open_order(order, self._account, parent_id=parent_id)
        stands = order_reports.order_status(order, parent_id)
        if status and status != order.status:
            picture = structs.replace(picture, status=status)
            stands = structs.replace(stands, status=status)
        return [picture, stands]


def _client_id(connection: ClientConnection) -> int:
    return -1 if connection.client_id is None else connection.client_id
