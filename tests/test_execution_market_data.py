"""Contracts and bars as a client delivers them: the nearest expiry, complete bars alone."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from eventkit import Event

from mytrader.domain.events import (
    AnyEvent,
    BarClosed,
    BarFeedChanged,
    ContractStated,
    Halted,
    QuoteSeen,
    SettlementStated,
)
from mytrader.errors import BrokerFault
from mytrader.execution.market_data import MarketData
from mytrader.execution.quote_feed import BID, LAST
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual

EPOCH = datetime(2025, 12, 12, 15, tzinfo=UTC)
HOURS = "20251211:1700-20251212:1600"


def details(expiry: str, con_id: int, *, hours: str = HOURS) -> Any:  # noqa: ANN401 - the client's object
    contract = SimpleNamespace(
        conId=con_id, symbol="ES", localSymbol="ESZ5", lastTradeDateOrContractMonth=expiry
    )
    return SimpleNamespace(contract=contract, tradingHours=hours, timeZoneId="US/Central")


def bar(minute: int) -> Any:  # noqa: ANN401 - the client's object
    at = EPOCH + timedelta(minutes=minute)
    return SimpleNamespace(date=at, open=6900, high=6901, low=6899, close=6900.25, volume=9)


class Bars(list[Any]):
    """A client's list of bars, which tells of its updates."""

    def __init__(self, *bars: Any) -> None:  # noqa: ANN401 - the client's objects
        super().__init__(bars)
        self.updateEvent = Event("updateEvent")

    def grow(self) -> None:
        """Tell of the forming bar."""
        self.updateEvent.emit(self, False)

    def begin(self, new: object) -> None:
        """Let a new bar begin."""
        self.append(new)
        self.updateEvent.emit(self, True)


class Client:
    """A client that answers with lists of bars, one after the other."""

    def __init__(self, *answers: Bars) -> None:
        self.answers = list(answers)
        self.asked: list[object] = []
        self.cancelled: list[Bars] = []
        self.client = SimpleNamespace(
            getReqId=lambda: 7,
            reqMktData=lambda *asked: self.asked.append(asked),
            isReady=lambda: True,
        )

    async def reqHistoricalDataAsync(self, contract: object, **options: object) -> Bars:  # noqa: N802 - the client's name
        """Return the next answer."""
        del contract
        assert options["keepUpToDate"]
        return self.answers.pop(0)

    def cancelHistoricalData(self, bars: Bars) -> None:  # noqa: N802 - the client's name
        """Take note."""
        self.cancelled.append(bars)


def play(client: Client, script: Any) -> list[AnyEvent]:  # noqa: ANN401 - a coroutine function
    """State a contract, subscribe to it and let the script do the rest; return what was told."""
    told: list[AnyEvent] = []
    failures: list[str] = []

    async def main(loop: VirtualLoop) -> None:
        def failed(name: str, error: BaseException) -> None:
            failures.append(f"{name}: {error}")

        runtime = VirtualRuntime(loop, failed, seed=1)
        market = MarketData(told.append, runtime)
        contract = market.state_front_month("ES", [details("20251219", 1)], roll_days=3)
        await script(market, contract, await market.subscribe(client, contract))

    run_virtual(main, epoch=EPOCH)
    assert failures == []
    return told


def market(told: list[AnyEvent]) -> MarketData:
    clock: Any = SimpleNamespace(now=lambda: EPOCH)
    return MarketData(told.append, clock)


def test_the_nearest_expiry_that_is_far_enough_away_is_chosen() -> None:
    told: list[AnyEvent] = []
    found = [details("20260320", 2), details("20251219", 1), details("20251214", 0)]
    assert market(told).state_front_month("ES", found, roll_days=3).con_id == 1
    (stated,) = told
    assert isinstance(stated, ContractStated)
    assert len(stated.sessions) == 1


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], "no tradable expiry of ES"),
        ([details("20251214", 0)], "no tradable expiry of ES"),
        ([details("20251219", 1, hours="whenever")], "unreadable trading hours of ES"),
    ],
)
def test_a_contract_that_cannot_be_traded_is_the_brokers_fault(found: list[Any], why: str) -> None:
    with pytest.raises(BrokerFault, match=why):
        market([]).state_front_month("ES", found, roll_days=3)


def test_the_bar_that_is_forming_is_told_when_it_is_complete() -> None:
    bars = Bars(bar(0), bar(1), bar(2))

    async def script(_: MarketData, __: object, so_far: list[Any]) -> None:
        assert [one.opened_at.minute for one in so_far] == [0, 1]
        bars.begin(bar(3))
        bars.updateEvent.emit(bars, False)

    closed = [event for event in play(Client(bars), script) if isinstance(event, BarClosed)]
    assert [event.bar.opened_at.minute for event in closed] == [2]


def test_a_history_that_is_empty_is_asked_for_again_after_the_first_minute() -> None:
    empty, later = Bars(), Bars(bar(0), bar(1))
    client = Client(empty, later)

    async def script(market: MarketData, _: object, so_far: list[Any]) -> None:
        assert so_far == []

        over = asyncio.Event()
        asyncio.get_running_loop().call_later(62, over.set)
        await over.wait()
        del market
        later.begin(bar(2))

    closed = [event for event in play(client, script) if isinstance(event, BarClosed)]
    assert [event.bar.opened_at.minute for event in closed] == [0, 1]
    assert client.cancelled == [empty]


def test_a_connection_that_is_lost_while_bars_are_asked_for_again_ends_the_asking() -> None:
    """The client answers with no bars then; the next connection subscribes anew."""
    client = Client(Bars(), Bars())

    async def script(_: MarketData, __: object, ___: object) -> None:
        def gone(bars: Bars) -> None:
            del bars
            raise ConnectionError("Not connected")

        client.cancelHistoricalData = gone  # type: ignore[method-assign] # as a closed client does
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(200, over.set)
        await over.wait()

    assert [type(event) for event in play(client, script)] == [ContractStated]
    assert client.answers == [], "it was asked twice"


def test_quotes_of_a_subscription_are_told_once_a_delivery() -> None:
    client = Client(Bars(bar(0)))

    async def script(market: MarketData, contract: Any, _: object) -> None:  # noqa: ANN401 - ours
        market.feed.take_tick(7, BID, price=6900.0, size=1)
        market.emit_quotes()
        market.emit_quotes()
        assert market.contracts[contract.con_id] is contract

    quotes = [event for event in play(client, script) if isinstance(event, QuoteSeen)]
    assert [quote.quote.bid for quote in quotes] == [27_600]
    assert len(client.asked) == 1


async def seconds(count: float) -> None:
    """Let virtual time pass."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(count, over.set)
    await over.wait()


def minutes(told: list[AnyEvent]) -> list[int]:
    """The bars that were told, in minutes after the beginning."""
    closed = [event.bar.opened_at for event in told if isinstance(event, BarClosed)]
    return [(at - EPOCH) // timedelta(minutes=1) for at in closed]


def test_a_hole_in_the_bars_is_filled_from_history_before_anything_new() -> None:
    """Hazard: a data farm was away for twenty minutes, and the connection never broke.

    What the strategy would make of the first minute afterwards would rest on prices that it has
    not seen, and the last minute before is half a one.
    """
    live, again = Bars(bar(0), bar(1), bar(2)), Bars(*(bar(minute) for minute in range(25)))
    client = Client(live, again)

    async def script(_: MarketData, __: object, so_far: list[Any]) -> None:
        assert len(so_far) == 2
        live.begin(bar(23))
        await seconds(1)
        assert client.cancelled == [live]
        again.begin(bar(25))

    assert minutes(play(client, script)) == list(range(2, 25))
    assert client.answers == []


def test_a_hole_that_the_broker_cannot_fill_is_told_as_it_is_and_asked_for_once() -> None:
    """The features notice it, and count as cold from there on."""
    live, again = Bars(bar(0), bar(1), bar(2)), Bars(bar(1), bar(2), bar(23), bar(24))
    client = Client(live, again)

    async def script(_: MarketData, __: object, ___: object) -> None:
        live.begin(bar(23))
        await seconds(1)
        for minute in (25, 26):
            again.begin(bar(minute))
        await seconds(300)

    assert minutes(play(client, script)) == [2, 23, 24, 25]
    assert client.cancelled == [live]


def test_a_history_that_has_not_caught_up_is_asked_for_until_it_has() -> None:
    stale, still, full = (Bars(*map(bar, found)) for found in ((0, 1), (0, 1, 2), range(34)))
    client = Client(stale, still, full)

    async def script(_: MarketData, __: object, ___: object) -> None:
        stale.begin(bar(31))
        await seconds(1)
        still.begin(bar(32))
        await seconds(1)
        full.begin(bar(34))

    assert minutes(play(client, script)) == list(range(1, 34))
    assert client.cancelled == [stale, still]


def test_an_empty_answer_to_a_hole_is_tried_again_in_a_minute() -> None:
    live, empty, full = Bars(bar(0), bar(1)), Bars(), Bars(*map(bar, range(12)))
    client = Client(live, empty, full)

    async def script(_: MarketData, __: object, ___: object) -> None:
        live.begin(bar(10))
        await seconds(1)
        assert client.cancelled == [live, empty]
        await seconds(61)
        full.begin(bar(12))

    assert minutes(play(client, script)) == list(range(1, 12))


@pytest.mark.parametrize("later", [6, 8 * 60])
def test_quiet_minutes_and_the_daily_break_are_no_hole(later: int) -> None:
    """From 15:59 to 17:00 in Chicago nothing is missing."""
    begins = 0 if later == 6 else 419
    bars = Bars(bar(begins - 1), bar(begins))
    client = Client(bars)

    async def script(_: MarketData, __: object, ___: object) -> None:
        bars.begin(bar(later))
        bars.begin(bar(later + 1))
        await seconds(120)

    assert minutes(play(client, script)) == [begins, later]
    assert client.cancelled == []


# Bars that stop while quotes go on


async def trade_for(market: MarketData, minutes: float, *, kind: int = LAST) -> None:
    """Let the contract trade twice a minute, or tell other ticks."""
    for _ in range(int(minutes * 2)):
        market.feed.take_tick(7, kind, price=6900.0, size=1)
        market.emit_quotes()
        await seconds(30)


def feeds(told: list[AnyEvent]) -> list[tuple[bool, int, int]]:
    """What was told of the bars' coming: up, the minute since, how often asked."""
    return [
        (event.up, (event.since - EPOCH) // timedelta(minutes=1), event.asked)
        for event in told
        if isinstance(event, BarFeedChanged)
    ]


def test_bars_that_stop_while_the_contract_trades_are_asked_for_again() -> None:
    """Hazard: a subscription dies and nobody says so; the strategy sees no bar for hours."""
    dead, again = Bars(bar(-1), bar(0)), Bars(*(bar(minute) for minute in range(-1, 4)))
    client = Client(dead, again)

    async def script(market: MarketData, _: object, __: object) -> None:
        await trade_for(market, 3)
        assert client.cancelled == []
        await trade_for(market, 1)
        assert client.cancelled == [dead]
        again.grow()
        again.begin(bar(4))
        await trade_for(market, 3)

    told = play(client, script)
    assert minutes(told) == [0, 1, 2, 3]
    assert feeds(told) == [(False, 0, 1), (True, 0, 1)]
    assert client.answers == []


def test_bars_that_stay_away_are_asked_for_ever_more_rarely() -> None:
    answers = [Bars(*(bar(minute) for minute in range(-1, found))) for found in (1, 4, 6, 10)]
    client = Client(*answers)

    async def script(market: MarketData, _: object, __: object) -> None:
        await trade_for(market, 12)

    told = play(client, script)
    assert feeds(told) == [(False, 0, 1), (False, 0, 2), (False, 0, 3)]
    assert client.cancelled == answers[:3]
    assert minutes(told) == list(range(9)), "what history has is told, and told once"


def test_the_first_word_after_a_silence_is_not_taken_for_a_whole_minute() -> None:
    """The bar before it is as old as the answer: what traded since is not in it."""
    dead, half, whole = (Bars(*map(bar, range(-1, found))) for found in (1, 4, 6))
    client = Client(dead, half, whole)

    async def script(market: MarketData, _: object, __: object) -> None:
        await trade_for(market, 4)
        half.begin(bar(4))
        await seconds(1)
        assert client.cancelled == [dead, half]
        whole.grow()
        whole.begin(bar(6))

    told = play(client, script)
    assert minutes(told) == [0, 1, 2, 3, 4, 5]
    assert feeds(told) == [(False, 0, 1), (True, 0, 1)]


def test_a_silence_while_bars_are_asked_for_already_is_only_told() -> None:
    """An empty answer is asked again by itself: two questions at once are one too many."""
    client = Client(Bars(), Bars(), Bars(), Bars(), Bars())

    async def script(market: MarketData, _: object, __: object) -> None:
        await trade_for(market, 4)

    told = play(client, script)
    assert feeds(told) == [(False, 0, 1)]
    assert len(client.answers) == 1, "at the start, and three times after a minute"


def test_quotes_without_a_trade_are_no_silence() -> None:
    client = Client(Bars(bar(-1), bar(0)))

    async def script(market: MarketData, _: object, __: object) -> None:
        await trade_for(market, 60, kind=BID)

    told = play(client, script)
    assert feeds(told) == []
    assert client.cancelled == []


@pytest.mark.parametrize(("days", "chosen"), [(2, 2), (3, 1), (4, 1)])
def test_the_front_month_rolls_when_less_than_the_days_asked_for_are_left(
    days: int, chosen: int
) -> None:
    near = EPOCH.date() + timedelta(days=days)
    found = [details(f"{near:%Y%m%d}", 1), details("20260320", 2)]
    assert market([]).state_front_month("ES", found, roll_days=3).con_id == chosen


@pytest.mark.parametrize("change", [{"low": 6899.1}, {"volume": 0.5}, {"volume": float("nan")}])
def test_a_bar_that_cannot_be_read_halts(change: dict[str, float]) -> None:
    """Hazard: the client drops what its callback raises, and the minute is missing unseen."""
    bars = Bars(bar(0), bar(1), bar(2))

    async def script(_: MarketData, __: object, ___: object) -> None:
        vars(bars[2]).update(change)
        bars.begin(bar(3))

    told = play(Client(bars), script)
    assert [type(event) for event in told] == [ContractStated, Halted]


def test_a_late_history_that_cannot_be_read_halts() -> None:
    later = Bars(bar(0), bar(1))
    vars(later[0])["open"] = 6900.1

    async def script(_: MarketData, __: object, ___: object) -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(62, over.set)
        await over.wait()

    told = play(Client(Bars(), later), script)
    assert [type(event) for event in told] == [ContractStated, Halted]


def test_a_settlement_is_told_before_the_quotes_of_its_delivery() -> None:
    async def script(market: MarketData, contract: Any, _: object) -> None:  # noqa: ANN401 - ours
        del contract
        market.feed.take_tick(7, BID, price=6900.0, size=1)
        market.feed.take_tick(7, 9, price=6850.0, size=0)
        market.emit_quotes()

    told = play(Client(Bars(bar(0))), script)
    assert [type(event) for event in told[1:]] == [SettlementStated, QuoteSeen]


def test_what_is_held_is_stated_beside_the_front_month() -> None:
    """H23: after the roll, the old expiry still has a position and its stop."""
    told: list[AnyEvent] = []
    found = [details("20251219", 1), details("20260320", 2), details("20260618", 3)]
    data = market(told)
    assert data.state_front_month("ES", found, roll_days=20).con_id == 2
    assert [contract.con_id for contract in data.state_held(found, {1})] == [1]
    assert {event.con_id for event in told if isinstance(event, ContractStated)} == {1, 2}


def test_a_held_contract_that_the_gateway_does_not_list_stops_the_start() -> None:
    with pytest.raises(BrokerFault, match="an open trade in contract 7, which the gateway no"):
        market([]).state_held([details("20251219", 1)], {1, 7})
