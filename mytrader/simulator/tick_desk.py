"""Single ticks over the wire: as they come, from the past, and as bars of five seconds.

Every tick reaches a subscriber of single ticks, unlike the conflated quotes. A bar of five seconds
is told when its time is over; a span in which nothing changed has none. The past reaches back over
the newest `TICKS_KEPT` ticks of a contract.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mytrader.domain.instrument import FuturesContract
from mytrader.simulator.agenda import Action, Agenda
from mytrader.simulator.connection import ClientConnection, Handler
from mytrader.simulator.listing import Listing
from mytrader.simulator.market import MarketTick
from mytrader.simulator.order_rules import NO_CONTRACT, VALIDATION
from mytrader.simulator.past_ticks import COUNT_MAX, MIDDLES, QUOTES, past_ticks
from mytrader.simulator.tick_streams import (
    BAR_S,
    SHOWN,
    TICK_TYPES,
    TRADES,
    FiveSecondBars,
    TickSubscription,
)
from mytrader.tws import answers, requests
from mytrader.tws.contracts import WireContract
from mytrader.tws.errors import WireError
from mytrader.tws.fields import Message

TICKS_KEPT: Final = 20_000
SUBSCRIPTIONS_MAX: Final = 5
"""Subscriptions of single ticks per client, as with the smallest number of market data lines."""
TOO_MANY: Final = 10190
PAST_FAILED: Final = 10187
DUPLICATE: Final = 322
UNKNOWN: Final = 300
_PAST_OF: Final = {"Last": TRADES, "AllLast": TRADES, "BidAsk": QUOTES, "MidPoint": MIDDLES}

Key = tuple[ClientConnection, int]


class _Tape:
    """One contract's newest ticks and who listens to them."""

    def __init__(self, contract: FuturesContract) -> None:
        self.instrument = contract.instrument
        self.kept: deque[MarketTick] = deque(maxlen=TICKS_KEPT)
        self.ticks: dict[Key, TickSubscription] = {}
        self.bars: dict[Key, FiveSecondBars] = {}


class TickDesk:
    """Answers requests about single ticks and bars of five seconds.

    `on_subscribed` is called at every subscription.
    """

    def __init__(self, listing: Listing, *, agenda: Agenda, on_subscribed: Action) -> None:
        self._listing = listing
        self._tapes = {each.con_id: _Tape(each) for each in listing.contracts}
        self._agenda = agenda
        self._on_subscribed = on_subscribed

    @property
    def handlers(self) -> Mapping[type[Message], Handler]:
        """Return what this desk answers."""
        return {
            requests.RequestTickByTick: self._subscribe_ticks,
            requests.CancelTickByTick: self._cancel_ticks,
            requests.RequestHistoricalTicks: self._past,
            requests.RequestRealTimeBars: self._subscribe_bars,
            requests.CancelRealTimeBars: self._cancel_bars,
        }

    def advance(self, contract: FuturesContract, tick: MarketTick) -> None:
        """Let the market of a contract move."""
        tape = self._tapes[contract.con_id]
        tape.kept.append(tick)
        for (connection, _), ticks in tape.ticks.items():
            if not connection.congested:
                connection.send(*ticks.news(tick))
        for key, bars in tape.bars.items():
            complete_at = bars.take(tick)
            if complete_at is not None:
                self._expect_bar(tape, key, bars=bars, action_at=complete_at)

    def forget(self, connection: ClientConnection) -> None:
        """Drop the subscriptions of a connection that is gone."""
        for tape in self._tapes.values():
            for key in [each for each in tape.ticks if each[0] is connection]:
                del tape.ticks[key]
            for key in [each for each in tape.bars if each[0] is connection]:
                del tape.bars[key]

    # Single ticks.

    def _subscribe_ticks(
        self, connection: ClientConnection, message: requests.RequestTickByTick
    ) -> None:
        tape = self._tape(connection, message.req_id, wanted=message.contract)
        if tape is None:
            return
        if message.tick_type not in TICK_TYPES:
            text = f"tick type {message.tick_type!r} is not one of {', '.join(TICK_TYPES)}"
            _refuse(connection, message.req_id, text)
            return
        mine = [key for each in self._tapes.values() for key in each.ticks if key[0] is connection]
        if len(mine) >= SUBSCRIPTIONS_MAX:
            text = "Max number of tick-by-tick requests has been reached"
            connection.send(answers.Problem(message.req_id, TOO_MANY, text))
            return
        self._on_subscribed()
        if message.count:
            self._tell_newest(connection, tape, message=message)
        tape.ticks[connection, message.req_id] = TickSubscription(message, tape.instrument)

    def _tell_newest(
        self, connection: ClientConnection, tape: _Tape, *, message: requests.RequestTickByTick
    ) -> None:
        past = requests.RequestHistoricalTicks(
            message.req_id,
            message.contract,
            count=min(max(message.count, 1), COUNT_MAX),
            what_to_show=_PAST_OF[message.tick_type],
            end=f"{self._agenda.now:%Y%m%d-%H:%M:%S}",
        )
        connection.send(past_ticks(past, tape.kept, tape.instrument))

    def _cancel_ticks(
        self, connection: ClientConnection, message: requests.CancelTickByTick
    ) -> None:
        removed = [
            tape.ticks.pop((connection, message.req_id), None) for tape in self._tapes.values()
        ]
        _tell_unknown(connection, message.req_id, known=any(removed))

    # The past.

    def _past(
        self, connection: ClientConnection, message: requests.RequestHistoricalTicks
    ) -> None:
        tape = self._tape(connection, message.req_id, wanted=message.contract)
        if tape is None:
            return
        try:
            connection.send(past_ticks(message, tape.kept, tape.instrument))
        except WireError as error:
            text = f"Failed to request historical ticks:{error}"
            connection.send(answers.Problem(message.req_id, PAST_FAILED, text))

    # Bars of five seconds.

    def _subscribe_bars(
        self, connection: ClientConnection, message: requests.RequestRealTimeBars
    ) -> None:
        tape = self._tape(connection, message.req_id, wanted=message.contract)
        if tape is None:
            return
        if message.bar_size != BAR_S or message.what_to_show not in SHOWN:
            text = f"bars are of {BAR_S} seconds, of {', '.join(SHOWN)}"
            _refuse(connection, message.req_id, text)
            return
        self._on_subscribed()
        tape.bars[connection, message.req_id] = FiveSecondBars(message, tape.instrument)

    def _expect_bar(
        self, tape: _Tape, key: Key, *, bars: FiveSecondBars, action_at: datetime
    ) -> None:
        def tell() -> None:
            if tape.bars.get(key) is bars:
                key[0].send(*bars.finish())

        self._agenda.at(action_at, tell)

    def _cancel_bars(
        self, connection: ClientConnection, message: requests.CancelRealTimeBars
    ) -> None:
        removed = [
            tape.bars.pop((connection, message.req_id), None) for tape in self._tapes.values()
        ]
        _tell_unknown(connection, message.req_id, known=any(removed))

    def _tape(
        self, connection: ClientConnection, req_id: int, *, wanted: WireContract
    ) -> _Tape | None:
        found = self._listing.find(wanted)
        if len(found) != 1:
            text = "No security definition has been found for the request"
            connection.send(answers.Problem(req_id, NO_CONTRACT, text))
            return None
        key = (connection, req_id)
        if any(key in tape.ticks or key in tape.bars for tape in self._tapes.values()):
            connection.send(answers.Problem(req_id, DUPLICATE, "Duplicate ticker id"))
            return None
        return self._tapes[found[0].con_id]


def _refuse(connection: ClientConnection, req_id: int, why: str) -> None:
    connection.send(answers.Problem(req_id, VALIDATION, f"Error validating request: {why}"))


def _tell_unknown(connection: ClientConnection, req_id: int, *, known: bool) -> None:
    if not known:
        text = f"Can't find EId with tickerId:{req_id}"
        connection.send(answers.Problem(req_id, UNKNOWN, text))
