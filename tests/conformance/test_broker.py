"""The executor against the simulated gateway, through the real client: what is said arrives."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from mytrader.bootstrap import CLIENT_CLOCKS
from mytrader.domain import commands, events
from mytrader.domain.known import Known, Unknown
from mytrader.domain.margin import Margin
from mytrader.domain.orders import Approved, Bracket, OrderKind, OrderSpec, Side
from mytrader.execution.ib_executor import Endpoint, IBExecutor
from mytrader.simulator.faults import EndMessage, Faults, WhatIfFault
from mytrader.simulator.gateway import GatewaySettings, SimulatedGateway, SimulatedMarket
from mytrader.simulator.market import MarketTick
from mytrader.simulator.virtual_time import VirtualLoop, VirtualRuntime, run_virtual
from mytrader.tws import answers
from mytrader.tws.contracts import OrderContract
from mytrader.tws.fields import Message
from mytrader.tws.order_answers import OpenOrder
from tests.virtual_desk import CONTRACT, EPOCH, PRICE, flat, history, ticks

HOST, PORT, CLIENT_ID = "127.0.0.1", 4002, 1
CYCLE = "01KC58STQGKMXKXQSAF3TTM922"
GROUP = f"mt/{CYCLE}/1"

E = TypeVar("E", bound=events.Event)


def ref(role: str) -> str:
    """Return the reference of the first order of a role."""
    return f"mt/{CYCLE}/{role}1"


def leg(role: str, side: Side, limit: int, *, stop: int | None = None, **more: Any) -> OrderSpec:  # noqa: ANN401 - any field
    """Return one order; prices in ticks from the market's first."""
    kind = OrderKind.LMT if stop is None else OrderKind.STP_LMT
    at = None if stop is None else PRICE + stop
    return OrderSpec(ref(role), CONTRACT.con_id, side, 1, kind, PRICE + limit, stop=at, **more)


ENTRY = leg("E", Side.BUY, 1, transmit=False)
TARGET = leg("T", Side.SELL, 20, parent_ref=ref("E"), oca_group=GROUP, transmit=False)
STOP = leg("S", Side.SELL, -24, stop=-20, parent_ref=ref("E"), oca_group=GROUP)
BRACKET = Bracket(
    CYCLE, CONTRACT.con_id, Side.BUY, PRICE + 1, PRICE - 20, PRICE + 20, ((ENTRY, TARGET, STOP),)
)
ASK_MARGIN = commands.AskMargin(CYCLE, CONTRACT.con_id, Side.BUY, 2, PRICE - 100)


class Line:
    """An executor with a gateway at the other end."""

    def __init__(self, gateway: SimulatedGateway, executor: IBExecutor) -> None:
        self.gateway = gateway
        self.executor = executor
        self.heard: list[events.AnyEvent] = []
        executor.listen(self.heard.append)

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of a kind so far."""
        return [event for event in self.heard if isinstance(event, kind)]

    def place_bracket(self) -> None:
        """Send the bracket."""
        self.executor.carry_out(commands.PlaceBracket(Approved(BRACKET)))

    def say(self, *messages: Message) -> None:
        """Let the gateway send something of its own accord."""
        for connection in self.gateway._connections:
            connection.send(*messages)
            connection.flush()

    async def book(self, number: int = 1) -> Known[events.Book] | Unknown:
        """Ask for the book and wait for it."""
        self.executor.carry_out(commands.QueryBook(number, "a test"))
        await asyncio.sleep(6)
        return self.of(events.BookAnswered)[-1].book


def run(
    scenario: Callable[[Line], Awaitable[None]],
    market: list[MarketTick] | None = None,
    faults: Faults = Faults(),  # noqa: B008 - frozen
) -> Line:
    """Connect, let the market move, play the scenario; return what was heard."""

    async def main(loop: VirtualLoop) -> Line:
        runtime = VirtualRuntime(loop, _no_failures, seed=1)
        gateway = SimulatedGateway(
            [SimulatedMarket(CONTRACT, market or flat(60), history())],
            runtime,
            settings=GatewaySettings(faults=faults),
        )
        loop.serve(HOST, PORT, protocol_factory=gateway.protocol_factory)
        line = Line(gateway, IBExecutor(Endpoint(HOST, PORT, CLIENT_ID), runtime=runtime))
        await line.executor.connect()
        await line.executor.open_market("ES", roll_days=1)
        line.executor.announce()
        await asyncio.sleep(7)
        await scenario(line)
        line.executor.close()
        await asyncio.sleep(1)
        return line

    return run_virtual(main, epoch=EPOCH, modules=CLIENT_CLOCKS)


def _no_failures(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


# One-cancels-all


def test_a_bracket_of_three_legs_is_echoed_as_it_was_sent() -> None:
    async def scenario(line: Line) -> None:
        line.place_bracket()
        await asyncio.sleep(1)

    line = run(scenario)
    written = {event.ref: event.order_id for event in line.of(events.OrderWritten)}
    echoed = {event.ref: event for event in line.of(events.OrderReported)}
    assert list(written) == [ref("E"), ref("T"), ref("S")]
    assert {each.order_id for each in echoed.values()} == set(written.values())
    assert echoed[ref("E")].parent_id == 0
    assert (echoed[ref("E")].oca_group, echoed[ref("E")].oca_type) == ("", 0)
    for role in "TS":
        echo = echoed[ref(role)]
        assert (echo.oca_group, echo.oca_type) == (GROUP, 1)
        assert echo.parent_id == written[ref("E")], "the id that was sent"


def test_the_fill_of_one_leg_cancels_the_other() -> None:
    async def scenario(line: Line) -> None:
        line.place_bracket()
        await asyncio.sleep(30)

    line = run(scenario, ticks([PRICE] * 10 + [PRICE + 30] * 40))
    stop = [event.status for event in line.of(events.StatusReported) if event.ref == ref("S")]
    assert stop[-1] == "Cancelled"
    assert [event.code for event in line.of(events.ErrorReported)] == [202]
    assert line.gateway.ledger.position(CONTRACT.con_id) == 0


def test_a_broken_block_lets_both_legs_fill_and_both_fills_are_told() -> None:
    """Hazard: the position flips. The wire must show it, so that the kernel can cover it."""

    async def scenario(line: Line) -> None:
        line.place_bracket()
        await asyncio.sleep(30)

    market = ticks([PRICE] * 10 + [PRICE + 30] * 40)
    line = run(scenario, market, faults=Faults(both_oca_legs_fill=1))
    fills = [event.execution.ref for event in line.of(events.ExecutionReported)]
    assert sorted(fills) == sorted([ref("E"), ref("T"), ref("S")])
    assert line.gateway.ledger.position(CONTRACT.con_id) == -1


# Margin


def asked(faults: Faults = Faults(), *, wait_s: float = 3) -> tuple[Line, Any]:  # noqa: B008 - frozen
    """Ask about margin once; return what was told of it."""

    async def scenario(line: Line) -> None:
        line.executor.carry_out(ASK_MARGIN)
        await asyncio.sleep(wait_s)
        assert isinstance(await line.book(), Known)

    line = run(scenario, faults=faults)
    (told,) = line.of(events.MarginStated)
    assert told.cycle_id == CYCLE
    return line, told.margin


def test_margin_is_stated_and_nothing_became_an_order() -> None:
    line, margin = asked()
    assert margin == Known(Margin(Decimal(30_000), Decimal(100_000)))
    ledger = line.gateway.ledger
    assert (ledger.orders, ledger.orders_over, ledger.executions) == ((), (), ())
    for kind in (events.OrderWritten, events.OrderReported, events.StatusReported):
        assert line.of(kind) == []


@pytest.mark.parametrize(
    "faults",
    [
        Faults(what_if=WhatIfFault.SILENT),
        Faults(what_if=WhatIfFault.SENTINEL),
        Faults(what_if=WhatIfFault.EMPTY),
        Faults(what_if_delay_ms=1600),
    ],
)
def test_no_usable_answer_about_margin_is_unknown(faults: Faults) -> None:
    _, margin = asked(faults)
    assert isinstance(margin, Unknown)


def test_an_answer_that_is_almost_late_is_known() -> None:
    _, margin = asked(Faults(what_if_delay_ms=1400))
    assert isinstance(margin, Known)


def test_an_error_about_the_question_is_its_answer() -> None:
    async def scenario(line: Line) -> None:
        line.executor.carry_out(
            commands.AskMargin(CYCLE, CONTRACT.con_id, Side.BUY, 10**6, PRICE - 100)
        )
        await asyncio.sleep(1)

    line = run(scenario)
    (told,) = line.of(events.MarginStated)
    assert isinstance(told.margin, Unknown)
    assert told.margin.why.startswith("321: ")
    assert line.of(events.ErrorReported) == []


def test_a_lost_link_leaves_the_margin_unknown() -> None:
    async def scenario(line: Line) -> None:
        line.executor.carry_out(ASK_MARGIN)
        line.gateway.drop_connections()
        await asyncio.sleep(0.5)
        assert len(line.of(events.MarginStated)) == 1, "at once, not when the time is over"
        line.executor.carry_out(ASK_MARGIN)
        await asyncio.sleep(0.5)

    line = run(scenario, faults=Faults(what_if=WhatIfFault.SILENT))
    stated = line.of(events.MarginStated)
    assert len(stated) == 2
    assert all(isinstance(each.margin, Unknown) for each in stated)


def test_orders_after_a_question_have_numbers_above_it() -> None:
    """Hazard: an order under a question's number would be taken for that question."""

    async def scenario(line: Line) -> None:
        line.executor.carry_out(ASK_MARGIN)
        await asyncio.sleep(1)
        line.place_bracket()
        await asyncio.sleep(1)

    line = run(scenario)
    assert line.gateway.ledger.position(CONTRACT.con_id) == 1
    assert line.of(events.Halted) == []


def test_a_question_that_the_broker_made_an_order_halts() -> None:
    async def scenario(line: Line) -> None:
        line.executor.carry_out(ASK_MARGIN)
        await asyncio.sleep(0.5)
        number = line.executor._ib.client._reqIdSeq - 1
        line.say(_foreign(number))
        await asyncio.sleep(0.5)

    line = run(scenario, faults=Faults(what_if=WhatIfFault.SILENT))
    assert len(line.of(events.Halted)) == 1
    assert len(line.of(events.OrderReported)) == 1, "and it is counted"


def _foreign(number: int, action: str = "BUY") -> OpenOrder:
    return OpenOrder(
        order_id=number,
        contract=OrderContract(con_id=CONTRACT.con_id, symbol="ES", sec_type="FUT"),
        action=action,
        quantity=Decimal(1),
        order_type="LMT",
        limit_price=Decimal(6850),
        aux_price=Decimal(0),
        tif="GTC",
        oca_group="",
        account="DU0000001",
        open_close="O",
        origin=0,
        order_ref="",
        client_id=CLIENT_ID,
        perm_id=77,
        outside_rth=True,
        status="Submitted",
    )


# The market


def test_the_settlement_is_stated_once() -> None:
    line = run(lambda _: asyncio.sleep(10))
    assert line.of(events.SettlementStated) == [
        events.SettlementStated(CONTRACT.con_id, PRICE),
    ]


# The book


def test_the_book_names_the_ends_of_our_orders() -> None:
    books: list[Known[events.Book] | Unknown] = []

    async def scenario(line: Line) -> None:
        line.place_bracket()
        await asyncio.sleep(20)
        books.append(await line.book())

    line = run(scenario, ticks([PRICE] * 10 + [PRICE + 30] * 50))
    (book,) = books
    assert isinstance(book, Known)
    assert {order.ref: order.status for order in book.value.orders} == {
        ref("E"): "Filled",
        ref("T"): "Filled",
        ref("S"): "Cancelled",
    }
    numbers = {event.ref: event.order_id for event in line.of(events.OrderWritten)}
    assert {order.ref: order.order_id for order in book.value.orders} == numbers
    assert all(order.perm_id for order in book.value.orders)


@pytest.mark.parametrize(
    "end",
    [EndMessage.OPEN_ORDERS, EndMessage.COMPLETED_ORDERS, EndMessage.EXECUTIONS],
)
def test_a_book_without_an_end_marker_is_unknown(end: EndMessage) -> None:
    """The connection itself needs the markers once; they are lost from then on."""
    books: list[Known[events.Book] | Unknown] = []

    async def scenario(line: Line) -> None:
        object.__setattr__(line.gateway._order_desk, "_faults", Faults(missing_end=end))
        line.executor.numbers.remember({ENTRY.ref: 99})
        books.append(await line.book())

    run(scenario)
    assert [type(book) for book in books] == [Unknown]


# What cannot be read


def _garbled() -> list[Message]:
    return [
        _foreign(990, action="SSHORT"),
        answers.Position(
            "DU0000001",
            OrderContract(con_id=CONTRACT.con_id, symbol="ES", sec_type="FUT"),
            Decimal("0.5"),
            Decimal(0),
        ),
    ]


@pytest.mark.parametrize("message", _garbled(), ids=lambda each: type(each).__name__)
def test_what_cannot_be_read_halts_and_spoils_the_book(message: Message) -> None:
    """Hazard: the client logs and drops it, and the order or the position never was."""
    books: list[Known[events.Book] | Unknown] = []

    async def scenario(line: Line) -> None:
        line.say(message)
        await asyncio.sleep(1)
        assert len(line.of(events.Halted)) == 1
        line.executor.carry_out(commands.QueryBook(1, "a test"))
        line.say(message)
        await asyncio.sleep(5)
        books.extend(event.book for event in line.of(events.BookAnswered))

    run(scenario)
    assert [type(book) for book in books] == [Unknown]


def test_a_market_message_that_cannot_be_read_only_costs_itself() -> None:
    async def scenario(line: Line) -> None:
        line.say(answers.TickString(999_999, 45, "not a time"))
        await asyncio.sleep(1)

    line = run(scenario)
    assert line.of(events.Halted) == []


# A gateway that has gone silent


def _deaf(line: Line) -> None:
    for connection in line.gateway._connections:
        connection.deafen()


def test_a_gateway_that_says_nothing_any_more_is_left() -> None:
    async def scenario(line: Line) -> None:
        _deaf(line)
        for number in (1, 2):
            assert isinstance(await line.book(number), Unknown)

    line = run(scenario)
    assert [(event.up, event.why) for event in line.of(events.LinkChanged)][1:] == [
        (False, "the gateway has gone silent")
    ]


def test_one_silent_question_and_answers_without_an_end_leave_nobody() -> None:
    async def scenario(line: Line) -> None:
        await line.book(1)
        line.gateway.set_faults(Faults(missing_end=EndMessage.POSITIONS))
        for number in (2, 3, 4):
            assert isinstance(await line.book(number), Unknown)

    line = run(scenario)
    assert [event.up for event in line.of(events.LinkChanged)] == [True]
