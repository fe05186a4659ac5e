"""A TWS API gateway that unmodified clients connect to, over TCP or in memory.

    connection   one client: bytes to requests, answers to bytes
    order_desk, account_desk, market_desk   what a client may ask, by subject
    broker       orders and families, numbers, the account; `matching` is its exchange
    agenda       the one order of time: market ticks, latencies, session ends, faults

Time is the runtime's. The market stands still until the first client subscribes to it, so that
nobody misses the beginning of a session; then one tick follows the other at its own time.
"""

import asyncio
import errno
import heapq
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from mytrader.domain.instrument import FuturesContract
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.domain.session import trading_date
from mytrader.errors import BadInput
from mytrader.ports import Runtime
from mytrader.simulator.account_desk import AccountDesk
from mytrader.simulator.agenda import Agenda
from mytrader.simulator.broker import Broker
from mytrader.simulator.broker_orders import BrokerOrder
from mytrader.simulator.connection import ClientConnection, Handler
from mytrader.simulator.exchange_days import TABLE, ExchangeDays
from mytrader.simulator.fault_engine import FaultEngine
from mytrader.simulator.faults import Faults
from mytrader.simulator.ledger import BrokerFill, Ledger
from mytrader.simulator.listing import Listing
from mytrader.simulator.market import MarketTick
from mytrader.simulator.market_desk import MarketDesk, Stream
from mytrader.simulator.misdeeds import Misdeeds
from mytrader.simulator.open_questions import answered
from mytrader.simulator.order_desk import OrderDesk
from mytrader.simulator.order_rules import VALIDATION, Problem
from mytrader.simulator.profit_desk import ProfitDesk
from mytrader.simulator.tick_desk import TickDesk
from mytrader.simulator.trading_hours import regular_bounds
from mytrader.tws import answers
from mytrader.tws.errors import NO_SUBJECT
from mytrader.tws.fields import Message

HOST: Final = "127.0.0.1"
FARMS: Final = (
    (2104, "Market data farm connection is OK:usfuture"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)
_MINUTE: Final = timedelta(minutes=1)

SIMULATED_ACCOUNT: Final = "DU0000001"
"""Nobody's account: it tells a simulated gateway from a broker's."""

_log = logging.getLogger(__name__)


class SimulatedMarket(Struct, frozen=True):
    """One contract with its future and its past: ticks in order of time, bars before them."""

    contract: FuturesContract
    ticks: Iterable[MarketTick]
    history: Sequence[Bar] = ()


class GatewaySettings(Struct, frozen=True):
    """What a gateway may differ in. `latency` is the way of an order to the exchange.

    `days` says when the exchange is open. The client `master_client_id` hears of all orders.
    """

    account: str = SIMULATED_ACCOUNT
    cash_usd: Decimal = Decimal(100_000)
    latency: timedelta = timedelta(milliseconds=1)
    faults: Faults = Faults()
    seed: int = 0
    days: ExchangeDays = TABLE
    master_client_id: int | None = None


class LedgerView:
    """The truth about the account, for judges and tests; it cannot be changed from here."""

    def __init__(self, ledger: Ledger, broker: Broker) -> None:
        self._ledger = ledger
        self._broker = broker

    @property
    def cash_usd(self) -> Decimal:
        """Starting cash, plus what closed trades gained, less commissions."""
        return self._ledger.cash_usd

    @property
    def realised_usd(self) -> Decimal:
        """What closed trades gained, all commissions paid."""
        return self._ledger.realised_usd

    @property
    def executions(self) -> tuple[BrokerFill, ...]:
        """Every execution, oldest first."""
        return tuple(self._ledger.executions)

    @property
    def orders(self) -> tuple[BrokerOrder, ...]:
        """The orders that may still fill, those not yet transmitted included, oldest first."""
        return tuple(self._broker.orders.live())

    @property
    def orders_over(self) -> tuple[BrokerOrder, ...]:
        """The orders that are filled, cancelled or refused, oldest first."""
        return tuple(self._broker.orders.over())

    def position(self, con_id: int) -> int:
        """Signed contracts that are open."""
        return self._ledger.position(con_id)


class SimulatedGateway:
    """A gateway over one account and its markets.

    `on_start` is called with the time of the first tick when the markets begin to move, for a
    clock that is to be set by it. `finished` is set when the last tick's minute is over.
    """

    def __init__(
        self,
        markets: Sequence[SimulatedMarket],
        runtime: Runtime,
        *,
        settings: GatewaySettings = GatewaySettings(),  # noqa: B008 - frozen
        on_start: Callable[[datetime], None] | None = None,
    ) -> None:
        self.finished = asyncio.Event()
        settings = structs.replace(settings, faults=answered(settings.faults, settings.seed))
        self._settings = settings
        self._on_start = on_start
        self._started = False
        self._agenda = Agenda(runtime, self.settle)
        self.faults = FaultEngine(
            self, self._agenda, rules=settings.faults.rules, seed=settings.seed
        )
        self._halted = False
        self._ticks = heapq.merge(*map(_labelled, markets), key=lambda each: each[0].at)
        self._session: dict[int, date] = {}
        self._connections: list[ClientConnection] = []
        self._contracts = [each.contract for each in markets]
        listing = Listing([each.contract for each in markets], settings.days)
        self._ledger = Ledger(settings.account, settings.cash_usd)
        self._broker = Broker(
            listing,
            self._ledger,
            agenda=self._agenda,
            faults=settings.faults,
            latency=settings.latency,
            seed=settings.seed,
        )
        self._misdeeds = Misdeeds(self._broker)
        self.ledger = LedgerView(self._ledger, self._broker)
        streams = [Stream(each.contract, each.history) for each in markets]
        self._market_desk = MarketDesk(
            listing, streams, agenda=self._agenda, on_subscribed=self.start
        )
        settlements = {each.contract.con_id: each.quotes.settlement for each in streams}
        self._broker.admission.settlement_of = lambda con_id: settlements[con_id].price
        self._settlements = settlements
        self._account_desk = AccountDesk(self._broker, settings.faults)
        self._profit_desk = ProfitDesk(self._broker)
        self._tick_desk = TickDesk(listing, agenda=self._agenda, on_subscribed=self.start)
        self._order_desk = OrderDesk(
            self._broker,
            self,
            agenda=self._agenda,
            faults=settings.faults,
            after_fill=self._publish,
            master_client_id=settings.master_client_id,
        )
        self._handlers: Mapping[type[Message], Handler] = {
            **self._order_desk.handlers,
            **self._account_desk.handlers,
            **self._market_desk.handlers,
            **self._profit_desk.handlers,
            **self._tick_desk.handlers,
        }

    def protocol_factory(self) -> ClientConnection:
        """Return the protocol for a new connection; pass the method itself to a server."""
        return ClientConnection(self, self.faults)

    async def serve_tcp(self, port: int) -> asyncio.Server:
        """Listen on the loopback address; port 0 takes a free one. Raises `BadInput`."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_server(self.protocol_factory, HOST, port)
        except OverflowError:
            raise BadInput(f"port {port}: there is no such port; give one of 1 to 65535") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = "it is in use; stop what listens there or give another port"
            else:
                why = f"{error.strerror}; give another port"
            raise BadInput(f"port {port} on {HOST}: {why}") from None

    def start(self) -> None:
        """Let the markets move, once; the first subscription of a client does this too."""
        if self._started:
            return
        self._started = True
        first = next(self._ticks, None)
        if first is None:
            self.finished.set()
            return
        if self._on_start is not None:
            self._on_start(first[0].at)
        self._agenda.at(first[0].at, self.faults.begin)
        for moment in self._settings.faults.drop_connections_at:
            self._agenda.at(moment, self.drop_connections)
        self._await_tick(first)

    def set_faults(self, faults: Faults) -> None:
        """Commit these faults from now on, whatever the settings said.

        Connections are dropped at the times of the settings alone.
        """
        faults = answered(faults, self._settings.seed)
        self._broker.set_faults(faults)
        self._order_desk.set_faults(faults)
        self._account_desk.set_faults(faults)
        self.faults.set_rules(faults.rules)

    def drop_connections(self) -> None:
        """End the connection of every client, as a gateway does that restarts."""
        for connection in list(self._connections):
            connection.close()

    def place_by_hand(
        self, symbol: str, side: Side, quantity: int, *, limit: int | None = None
    ) -> None:
        """Place an order as a person at the gateway's window does; `limit` is in ticks.

        Without a limit it is a market order. Raises `KeyError` for a symbol that is not traded.
        """
        contracts = {each.instrument.symbol: each for each in self._contracts}
        self._order_desk.place_by_hand(contracts[symbol], side, quantity, limit=limit)

    # fault_engine.Site

    def trade_by_hand(self, side: Side, quantity: int) -> None:
        """Trade the first contract at the market, as a person does."""
        self.place_by_hand(self._contracts[0].instrument.symbol, side, quantity)

    def say(self, code: int, text: str, *, forget: bool = False) -> None:
        """Send a notice to every client; with `forget` their subscriptions are gone."""
        for connection in list(self._connections):
            if forget:
                self._forget_market(connection)
            connection.send(answers.notice(code, text))
            connection.flush()

    def set_servers(self, *, up: bool) -> None:
        """Say whether the broker's own servers are there; without them its stops sleep."""
        self._broker.set_servers(up=up)

    def set_halted(self, *, halted: bool) -> None:
        """Halt the exchange, or let it trade again with its next tick."""
        self._halted = halted
        for contract in self._contracts:
            if halted:
                self._broker.halt(contract)
        self._market_desk.tell_halted(halted=halted)

    def go_down(self) -> None:
        """Die as a gateway: connections end, untransmitted orders are gone."""
        self._misdeeds.lose_untransmitted()
        self.drop_connections()

    def knows_order(self, client_id: int, order_id: int) -> bool:
        """Whether the broker has an order of that client and id."""
        return self._broker.orders.find(client_id, order_id) is not None

    def fill_now(self, client_id: int, order_id: int) -> None:
        """Fill the rest of an order at its limit, if it works at the exchange."""
        self._misdeeds.fill_now(client_id, order_id)

    def doom(self, client_id: int, order_id: int, *, problem: Problem) -> None:
        """Refuse an order, or its change, when it arrives at the exchange."""
        self._broker.admission.doom(client_id, order_id, problem=problem)

    def correct(self, exec_id: str, ticks: int) -> None:
        """Correct the price of an execution, in the account as well."""
        self._misdeeds.correct(exec_id, ticks)

    def bust(self, exec_id: str) -> None:
        """Take an execution back: the account is what it would be without it."""
        self._misdeeds.bust(exec_id)
        self._publish()

    # connection.FrontDesk

    def now(self) -> datetime:
        """Return the gateway's time."""
        return self._agenda.now

    def later(self, delay_s: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` after so many seconds of the loop; what is returned takes that back.

        The market's clock may run a thousand times as fast, and would not let a client finish.
        """
        return asyncio.get_running_loop().call_later(delay_s, action).cancel

    def arrived(self) -> None:
        """Carry out what was due before a message came."""
        self._agenda.catch_up()

    def admit(self, connection: ClientConnection, client_id: int) -> bool:
        """Greet a client; False if its id is in use."""
        if self.client(client_id) is not None:
            return False
        self._connections.append(connection)
        connection.send(
            answers.ManagedAccounts(self._settings.account),
            answers.NextValidId(self._broker.orders.next_id(client_id)),
            *[answers.notice(code, text) for code, text in FARMS],
        )
        return True

    def handle(self, connection: ClientConnection, message: Message) -> None:
        """Answer a request; what is not offered here is refused by name."""
        handler = self._handlers.get(type(message))
        if handler is not None:
            handler(connection, message)
            return
        name = type(message).__name__
        _log.info("Client %s asked for %s, which is not offered", connection.client_id, name)
        text = f"Error validating request: {name} is not offered by this gateway"
        subject = getattr(message, "req_id", NO_SUBJECT)
        connection.send(answers.Problem(subject, VALIDATION, text))

    def settle(self) -> None:
        """Write what has gathered for all connections."""
        for connection in list(self._connections):
            connection.flush()

    def gone(self, connection: ClientConnection) -> None:
        """Forget a connection; its client's orders work on."""
        if connection in self._connections:
            self._connections.remove(connection)
        self._forget_market(connection)
        self._account_desk.forget(connection)
        self._profit_desk.forget(connection)

    # order_desk.Clients

    def client(self, client_id: int) -> ClientConnection | None:
        """Return the connection of a client, `None` while it is away."""
        for connection in self._connections:
            if connection.client_id == client_id and connection.ready:
                return connection
        return None

    # The market.

    def _await_tick(self, labelled: "LabelledTick") -> None:
        tick, contract = labelled
        self._expect_close(contract, tick.at)
        self._agenda.at(tick.at, lambda: self._advance(contract, tick))

    def _advance(self, contract: FuturesContract, tick: MarketTick) -> None:
        if not self._halted:
            self._broker.advance(contract, self._on_offer(tick))
            self._market_desk.advance(contract, tick)
            self._tick_desk.advance(contract, tick)
            self._profit_desk.advance(tick.at)
        following = next(self._ticks, None)
        if following is not None:
            self._await_tick(following)
            return
        minute = tick.at.replace(second=0, microsecond=0)
        self._agenda.at(minute + _MINUTE, self.finished.set)

    def _on_offer(self, tick: MarketTick) -> MarketTick:
        thin = self.faults.thin
        if thin is None or tick.size <= thin:
            return tick
        return structs.replace(tick, size=thin)

    def _expect_close(self, contract: FuturesContract, at: datetime) -> None:
        day = trading_date(at)
        if self._session.get(contract.con_id) == day:
            return
        self._session[contract.con_id] = day
        for when in regular_bounds(day):
            if when > at:
                self._agenda.at(when, lambda: self._broker.turn_regular(contract))
        close = self._settings.days.close(day)
        self._agenda.at(close, lambda: self._close(contract, close))

    def _close(self, contract: FuturesContract, at: datetime) -> None:
        self._broker.close_session(contract, at)
        mark = self._settlements[contract.con_id].of_this_day
        if mark is not None:
            self._ledger.settle(contract.con_id, mark, at)
        self._publish()

    def _publish(self) -> None:
        self._account_desk.publish()
        self._profit_desk.publish()

    def _forget_market(self, connection: ClientConnection) -> None:
        self._market_desk.forget(connection)
        self._tick_desk.forget(connection)


LabelledTick = tuple[MarketTick, FuturesContract]


def _labelled(market: SimulatedMarket) -> Iterator[LabelledTick]:
    for tick in market.ticks:
        yield tick, market.contract
