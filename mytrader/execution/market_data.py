"""Contracts, quotes and bars as one broker's client delivers them.

The client is taken as it is (`Any`): this module calls a handful of its methods and does not
import it. Every connection subscribes anew; what is known of a contract outlives it.
"""

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import Any, Final

from mytrader.domain.bar_holes import is_hole
from mytrader.domain.events import (
    AnyEvent,
    BarClosed,
    BarFeedChanged,
    ContractStated,
    Halted,
)
from mytrader.domain.exchange_days import open_sessions
from mytrader.domain.instrument import INSTRUMENTS, FuturesContract
from mytrader.domain.market import Bar
from mytrader.domain.session import parse_sessions
from mytrader.errors import BrokerFault
from mytrader.execution.bar_watch import BarWatch, Sessions, Silence
from mytrader.execution.ib_translation import closed_bar, expiry_of
from mytrader.execution.quote_feed import QuoteFeed
from mytrader.ports import Runtime

HISTORY_DURATION: Final = "2 D"
EMPTY_HISTORY_RETRY: Final = timedelta(seconds=61)
"""After a session's first minute there is a bar to begin with."""


class _BarList:
    """A subscription to bars: the client's own list, and whether it was ever updated."""

    def __init__(self, client: Any, contract: FuturesContract, bars: Any) -> None:
        self.client = client
        self.contract = contract
        self.bars = bars
        self.heard = False


class MarketData:
    """The contracts that are traded, ours and the client's own by contract id, and their data."""

    def __init__(self, tell: Callable[[AnyEvent], None], runtime: Runtime) -> None:
        self.contracts: dict[int, FuturesContract] = {}
        self.stated: dict[int, Any] = {}
        self.feed = QuoteFeed()
        self._newest: dict[int, datetime] = {}
        self._sessions: dict[int, Sessions] = {}
        self._watch = BarWatch()
        self._lists: dict[int, _BarList] = {}
        self._tell = tell
        self._runtime = runtime

    def state_front_month(
        self, symbol: str, found: list[Any], *, roll_days: int
    ) -> FuturesContract:
        """Choose the first expiry that is far enough away and state it; raises `BrokerFault`."""
        today = self._runtime.now().date()
        for details in sorted(found, key=expiry_of):
            expiry = expiry_of(details)
            if (expiry - today).days >= roll_days:
                return self._state(details, expiry)
        raise BrokerFault(f"the gateway knows no tradable expiry of {symbol}")

    def state_held(self, found: list[Any], held: Collection[int]) -> list[FuturesContract]:
        """State the contracts that are held, of those the gateway has found.

        Raises `BrokerFault` when one is missing.

        What is open in a contract that nobody can name could be neither watched nor left.
        """
        listed = {details.contract.conId: details for details in found}
        unknown = sorted({*held} - {*listed})
        if unknown:
            raise BrokerFault(
                f"the record holds an open trade in contract {unknown[0]}, which the gateway no"
                " longer lists: settle it in TWS, and begin a new journal on the next trading day"
            )
        return [self._state(listed[each], expiry_of(listed[each])) for each in sorted(held)]

    def _state(self, details: Any, expiry: date) -> FuturesContract:
        named = details.contract
        try:
            stated = parse_sessions(details.tradingHours, details.timeZoneId)
        except (ValueError, KeyError) as error:
            raise BrokerFault(f"unreadable trading hours of {named.symbol}: {error}") from None
        sessions = open_sessions(stated)
        instrument = INSTRUMENTS[named.symbol]
        contract = FuturesContract(named.conId, instrument, named.localSymbol, expiry)
        self.contracts[contract.con_id] = contract
        self.stated[contract.con_id] = named
        self._sessions[contract.con_id] = sessions
        self._tell(
            ContractStated(contract.con_id, named.symbol, named.localSymbol, expiry, sessions)
        )
        return contract

    async def subscribe(self, client: Any, contract: FuturesContract) -> list[Bar]:
        """Subscribe to bars and quotes; returns the complete bars so far."""
        con_id = contract.con_id
        self._lists.pop(con_id, None)
        history = await self._bars_so_far(client, contract)
        self._watch.begin(con_id, self._sessions[con_id], now=self._runtime.now())
        if history:
            self._note_newest(con_id, history[-1])
        self.watch(client, contract)
        return history

    def _note_newest(self, con_id: int, bar: Bar) -> None:
        self._newest[con_id] = bar.opened_at
        self._watch.known(con_id, bar.opened_at)

    def watch(self, client: Any, contract: FuturesContract) -> None:
        """Subscribe to the quotes of a contract alone."""
        request = client.client.getReqId()
        self.feed.watch(request, contract)
        named = self.stated[contract.con_id]
        client.client.reqMktData(request, named, "", False, False, [])

    async def _bars_so_far(self, client: Any, contract: FuturesContract) -> list[Bar]:
        """Subscribe to bars; the client drops every update of a list that began empty."""
        bars = await client.reqHistoricalDataAsync(
            self.stated[contract.con_id],
            endDateTime="",
            durationStr=HISTORY_DURATION,
            barSizeSetting="1 min",
            whatToShow="TRADES",
            useRTH=False,
            formatDate=2,
            keepUpToDate=True,
        )
        if not bars:
            client.cancelHistoricalData(bars)
            again = self._runtime.now() + EMPTY_HISTORY_RETRY
            self._runtime.call_at(again, lambda: self._ask_again(client, contract))
            return []
        self._lists[contract.con_id] = found = _BarList(client, contract, bars)
        bars.updateEvent += lambda _, new: self._on_bars(found, new=new)
        return [closed_bar(contract, bar) for bar in bars[:-1]]

    def _leave_list(self, left: "_BarList") -> None:
        """Leave a subscription, and ask for the bars anew."""
        left.client.cancelHistoricalData(left.bars)
        self._lists.pop(left.contract.con_id, None)
        self._ask_again(left.client, left.contract)

    def _ask_again(self, client: Any, contract: FuturesContract) -> None:
        self._runtime.spawn(self._late_bars(client, contract), f"bars {contract.con_id}")

    async def _late_bars(self, client: Any, contract: FuturesContract) -> None:
        """The market has begun since, or went on unseen: what closed meanwhile is news."""
        if not client.client.isReady():
            return
        try:
            bars = await self._bars_so_far(client, contract)
        except ConnectionError:
            return  # the next connection subscribes anew
        except BrokerFault as error:
            self._tell(Halted(str(error)))
            return
        for bar in bars:
            self._tell_closed(contract, bar)

    def _on_bars(self, told: "_BarList", *, new: bool) -> None:
        """A new bar began: the one before it is complete, unless a hole lies between the two.

        Then it may be half a minute, and what is missing has to come before what is new: the
        history is asked for again. The client would log and drop what is raised here, and the
        strategy would go on without that minute as if nothing had been.
        """
        bars, heard = told.bars, told.heard
        told.heard = True
        if not new or len(bars) < 2:
            return
        con_id = told.contract.con_id
        # After a silence the first word may be that of a new bar: then the one before it is as
        # old as the answer that it came with.
        half = self._watch.is_silent(con_id) and not heard
        if half or is_hole(bars[-2].date, bars[-1].date):
            self._leave_list(told)
            return
        try:
            closed = closed_bar(told.contract, bars[-2])
        except BrokerFault as error:
            self._tell(Halted(str(error)))
            return
        self._tell_closed(told.contract, closed)
        over = self._watch.live(con_id)
        if over is not None:
            self._tell(BarFeedChanged(con_id, up=True, since=over.since, asked=over.asked))

    def _tell_closed(self, contract: FuturesContract, bar: Bar) -> None:
        """Tell a bar that is newer than all before it."""
        newest = self._newest.get(contract.con_id)
        if newest is None or bar.opened_at > newest:
            self._note_newest(contract.con_id, bar)
            self._tell(BarClosed(contract.con_id, bar))

    def emit_quotes(self) -> None:
        """Tell one quote per contract and delivery: what one packet says is one fact."""
        for settlement in self.feed.settled():
            self._tell(settlement)
        now = self._runtime.now()
        for con_id in self.feed.traded():
            silence = self._watch.traded(con_id, now)
            if silence is not None:
                self._on_silence(con_id, silence)
        for quote in self.feed.changed(now):
            self._tell(quote)

    def _on_silence(self, con_id: int, silence: Silence) -> None:
        """The contract trades and its bars do not come: say so, and subscribe anew."""
        self._tell(BarFeedChanged(con_id, up=False, since=silence.since, asked=silence.asked))
        left = self._lists.get(con_id)  # none while bars are asked for already
        if left is not None:
            self._leave_list(left)
