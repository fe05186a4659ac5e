"""Contracts, quotes and bars over the wire.

Quotes are conflated as the real feed is: a subscriber hears of a market at most four times a
second of simulated time, each time in one write. A bar that still forms is told every five
seconds; one that is complete is always told once more before the next one begins, so the bars
that a client collects equal the market's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import FuturesContract
from mytrader.domain.market import Bar
from mytrader.simulator.agenda import Action, Agenda
from mytrader.simulator.bar_book import BarBook
from mytrader.simulator.connection import ClientConnection, Handler
from mytrader.simulator.listing import Listing, contract_details
from mytrader.simulator.market import MarketTick
from mytrader.simulator.order_rules import NO_CONTRACT, VALIDATION
from mytrader.simulator.quote_stream import QuoteState, QuoteSubscription
from mytrader.tws import answers, requests
from mytrader.tws.contracts import WireContract
from mytrader.tws.errors import WireError
from mytrader.tws.fields import Message

UPDATE_INTERVAL: Final = timedelta(milliseconds=250)
FORMING_BAR_INTERVAL: Final = timedelta(seconds=5)
"""How often a bar that still forms is told: the pace of real-time bars, of which it is made."""

HISTORY_PROBLEM: Final = 162
DUPLICATE_REQUEST: Final = 322
HISTORY_UNKNOWN: Final = 366
QUOTES_UNKNOWN: Final = 300
LIVE: Final = 1
HALTED: Final = 49
_DATA_TYPES: Final = (1, 2, 3, 4)


class BarSubscription:
    """A request that is kept up to date; `told` is the index of the newest bar it knows."""

    def __init__(self, wanted: requests.RequestHistoricalData, told: int) -> None:
        self._wanted = wanted
        self._told = told
        self._forming_at: datetime | None = None

    def waits_until(self, book: BarBook, at: datetime) -> datetime | None:
        """Return when the bar that forms may be told again; `None` if there is no need to wait."""
        begun = max(book.count - 1, 0) > self._told
        waits = self._forming_at is not None and at < self._forming_at and not begun
        return self._forming_at if waits else None

    def news(self, book: BarBook, at: datetime) -> list[Message]:
        """Return the bars that are new or have changed, oldest first."""
        wanted, newest = self._wanted, max(book.count - 1, 0)
        self._forming_at = at + FORMING_BAR_INTERVAL
        bars = book.since(self._told, wanted)
        self._told = newest
        return [book.update(each, wanted) for each in bars]


class Stream:
    """One contract's market and everyone who listens to it."""

    def __init__(self, contract: FuturesContract, history: Sequence[Bar]) -> None:
        self.contract = contract
        self.quotes = QuoteState(contract.instrument, history)
        self.book = BarBook(contract.instrument, history)
        self.quote_subscriptions: dict[tuple[ClientConnection, int], QuoteSubscription] = {}
        self.bar_subscriptions: dict[tuple[ClientConnection, int], BarSubscription] = {}
        self._next_update_at: datetime | None = None
        self._update_due = False
        self._bars_due = False

    def advance(self, tick: MarketTick, agenda: Agenda) -> None:
        """Let the market move, and tell the subscribers now or when they may next be told."""
        self.quotes.advance(tick)
        self.book.advance(tick)
        if self._update_due or not (self.quote_subscriptions or self.bar_subscriptions):
            return
        if self._next_update_at is None or tick.at >= self._next_update_at:
            self._update(tick.at, agenda)
        else:
            self._update_due = True
            agenda.at(self._next_update_at, lambda: self._update(agenda.now, agenda))

    def _update(self, at: datetime, agenda: Agenda) -> None:
        self._update_due = False
        self._next_update_at = at + UPDATE_INTERVAL
        for (connection, _), quotes in self.quote_subscriptions.items():
            # A client that reads too slowly misses quotes, never news of its orders.
            if not connection.congested:
                connection.send(*quotes.news(self.quotes))
        self._update_bars(at, agenda)

    def _update_bars(self, at: datetime, agenda: Agenda) -> None:
        for (connection, _), bars in self.bar_subscriptions.items():
            later = bars.waits_until(self.book, at)
            if later is None and not connection.congested:
                connection.send(*bars.news(self.book, at))
            elif later is not None and not self._bars_due:
                self._bars_due = True
                agenda.at(later, lambda: self._bars_are_due(agenda))

    def _bars_are_due(self, agenda: Agenda) -> None:
        self._bars_due = False
        self._update_bars(agenda.now, agenda)


class MarketDesk:
    """Answers requests about contracts, quotes and bars.

    `on_subscribed` is called at every subscription, before its first answer.
    """

    def __init__(
        self, listing: Listing, streams: Sequence[Stream], *, agenda: Agenda, on_subscribed: Action
    ) -> None:
        self._listing = listing
        self._streams = {each.contract.con_id: each for each in streams}
        self._agenda = agenda
        self._on_subscribed = on_subscribed

    @property
    def handlers(self) -> Mapping[type[Message], Handler]:
        """Return what this desk answers."""
        return {
            requests.RequestContractDetails: self._contract_details,
            requests.RequestMarketRule: self._market_rule,
            requests.RequestMarketDataType: self._data_type,
            requests.RequestMarketData: self._quotes,
            requests.CancelMarketData: self._cancel_quotes,
            requests.RequestHistoricalData: self._bars,
            requests.CancelHistoricalData: self._cancel_bars,
            requests.RequestCurrentTime: self._time,
        }

    def advance(self, contract: FuturesContract, tick: MarketTick) -> None:
        """Let the market of a contract move."""
        self._streams[contract.con_id].advance(tick, self._agenda)

    def tell_halted(self, *, halted: bool) -> None:
        """Tell the subscribers of quotes that trading is halted, or is so no more."""
        for stream in self._streams.values():
            for connection, req_id in stream.quote_subscriptions:
                connection.send(answers.TickGeneric(req_id, HALTED, Decimal(int(halted))))

    def forget(self, connection: ClientConnection) -> None:
        """Drop the subscriptions of a connection that is gone."""
        for stream in self._streams.values():
            _drop(stream.quote_subscriptions, connection)
            _drop(stream.bar_subscriptions, connection)

    # Contracts.

    def _contract_details(
        self, connection: ClientConnection, message: requests.RequestContractDetails
    ) -> None:
        found = self._listing.find(message.contract)
        if not found or message.sec_id or message.issuer_id:
            _no_contract(connection, message.req_id)
            return
        sec_type = message.contract.sec_type
        for each in found:
            connection.send(
                contract_details(
                    message.req_id,
                    each,
                    sec_type=sec_type,
                    now=self._agenda.now,
                    days=self._listing.days,
                )
            )
        connection.send(answers.ContractDetailsEnd(message.req_id))

    def _market_rule(
        self, connection: ClientConnection, message: requests.RequestMarketRule
    ) -> None:
        rule = self._listing.market_rule(message.rule_id)
        if rule is None:
            text = f"Error validating request: market rule {message.rule_id} is not known"
            connection.send(answers.notice(VALIDATION, text))
        else:
            connection.send(rule)

    def _time(self, connection: ClientConnection, message: Message) -> None:
        del message
        connection.send(answers.CurrentTime(int(self._agenda.now.timestamp())))

    # Quotes.

    def _data_type(
        self, connection: ClientConnection, message: requests.RequestMarketDataType
    ) -> None:
        # Data is live for everyone here, and whoever may have live data gets it for any type.
        if message.data_type not in _DATA_TYPES:
            text = f"Error validating request: market data type {message.data_type} is not 1 to 4"
            connection.send(answers.notice(VALIDATION, text))

    def _quotes(self, connection: ClientConnection, message: requests.RequestMarketData) -> None:
        stream = self._stream(connection, message.req_id, wanted=message.contract)
        if stream is None:
            return
        self._on_subscribed()
        wishes = frozenset(each.strip() for each in message.generic_ticks.split(","))
        subscription = QuoteSubscription(message.req_id, wishes)
        connection.send(
            answers.TickRequestParameters(message.req_id, stream.contract.instrument.tick_size),
            answers.MarketDataType(message.req_id, LIVE),
            *subscription.news(stream.quotes),
        )
        if message.snapshot:
            connection.send(answers.TickSnapshotEnd(message.req_id))
        else:
            stream.quote_subscriptions[connection, message.req_id] = subscription

    def _cancel_quotes(
        self, connection: ClientConnection, message: requests.CancelMarketData
    ) -> None:
        removed = [
            stream.quote_subscriptions.pop((connection, message.req_id), None)
            for stream in self._streams.values()
        ]
        if not any(removed):
            text = f"Can't find EId with tickerId:{message.req_id}"
            connection.send(answers.Problem(message.req_id, QUOTES_UNKNOWN, text))

    # Bars.

    def _bars(self, connection: ClientConnection, message: requests.RequestHistoricalData) -> None:
        stream = self._stream(connection, message.req_id, wanted=message.contract)
        if stream is None:
            return
        try:
            answer = stream.book.answer(message, self._agenda.now)
        except WireError as error:
            text = f"Error validating request: {error}"
            connection.send(answers.Problem(message.req_id, VALIDATION, text))
            return
        if not answer.bars:
            text = "Historical Market Data Service error message:HMDS query returned no data"
            connection.send(answers.Problem(message.req_id, HISTORY_PROBLEM, text))
            return
        connection.send(answer)
        if message.keep_up_to_date:
            told = max(stream.book.count - 1, 0)
            stream.bar_subscriptions[connection, message.req_id] = BarSubscription(message, told)
            self._on_subscribed()

    def _cancel_bars(
        self, connection: ClientConnection, message: requests.CancelHistoricalData
    ) -> None:
        removed = [
            stream.bar_subscriptions.pop((connection, message.req_id), None)
            for stream in self._streams.values()
        ]
        if not any(removed):
            text = f"No historical data query found for ticker id:{message.req_id}"
            connection.send(answers.Problem(message.req_id, HISTORY_UNKNOWN, text))

    def _stream(
        self, connection: ClientConnection, req_id: int, *, wanted: WireContract
    ) -> Stream | None:
        found = self._listing.find(wanted)
        if len(found) != 1:
            _no_contract(connection, req_id)
            return None
        key = (connection, req_id)
        for stream in self._streams.values():
            if key in stream.quote_subscriptions or key in stream.bar_subscriptions:
                connection.send(answers.Problem(req_id, DUPLICATE_REQUEST, "Duplicate ticker id"))
                return None
        return self._streams[found[0].con_id]


def _no_contract(connection: ClientConnection, req_id: int) -> None:
    text = "No security definition has been found for the request"
    connection.send(answers.Problem(req_id, NO_CONTRACT, text))


def _drop(
    subscriptions: dict[tuple[ClientConnection, int], QuoteSubscription]
    | dict[tuple[ClientConnection, int], BarSubscription],
    connection: ClientConnection,
) -> None:
    for key in [each for each in subscriptions if each[0] is connection]:
        del subscriptions[key]
