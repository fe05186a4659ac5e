"""Orders on their way out: families in order, numbers kept, and what was not written is said."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from mytrader.domain.commands import AskMargin
from mytrader.domain.events import AnyEvent, OrderNotWritten, OrderWritten
from mytrader.domain.orders import Bracket, OrderKind, OrderSpec, Side
from mytrader.execution.market_data import MarketData
from mytrader.execution.order_numbers import OrderNumbers
from mytrader.execution.order_writer import OrderWriter
from tests.manual_runtime import ManualRuntime
from tests.virtual_desk import CONTRACT, PRICE

CYCLE = "01KC58STQGKMXKXQSAF3TTM922"
EPOCH = datetime(2025, 12, 12, 15, tzinfo=UTC)


def spec(role: str, side: Side, *, stop: int | None = None, **more: Any) -> OrderSpec:  # noqa: ANN401 - any field
    kind = OrderKind.LMT if stop is None else OrderKind.STP_LMT
    limit = PRICE if stop is None else stop - 20
    return OrderSpec(
        f"mt/{CYCLE}/{role}1", CONTRACT.con_id, side, 1, kind, limit, stop=stop, **more
    )


ENTRY = spec("E", Side.BUY, transmit=False)
STOP = spec("S", Side.SELL, stop=PRICE - 40, parent_ref=ENTRY.ref)


class Socket:
    """The client's lower half: keeps what is written through it."""

    def __init__(self) -> None:
        self.up = True
        self.next_id = 10
        self.placed: list[tuple[int, Any]] = []
        self.cancelled: list[int] = []

    def isReady(self) -> bool:  # noqa: N802 - the client's name
        """Whether it is connected."""
        return self.up

    def getReqId(self) -> int:  # noqa: N802 - the client's name
        """Return the next number."""
        self.next_id += 1
        return self.next_id

    def placeOrder(self, order_id: int, contract: object, order: object) -> None:  # noqa: N802 - the client's name
        """Keep an order."""
        del contract
        self.placed.append((order_id, order))

    def cancelOrder(self, order_id: int, when: str) -> None:  # noqa: N802 - the client's name
        """Keep a cancel."""
        del when
        self.cancelled.append(order_id)


class Desk:
    """A writer with a socket by hand."""

    def __init__(self) -> None:
        self.told: list[AnyEvent] = []
        self.socket = Socket()
        self.numbers = OrderNumbers()
        self.market = MarketData(self.told.append, ManualRuntime())
        self.market.contracts[CONTRACT.con_id] = CONTRACT
        self.market.stated[CONTRACT.con_id] = object()
        self.writer = OrderWriter(
            self.socket,
            SimpleNamespace,
            market=self.market,
            numbers=self.numbers,
            tell=self.told.append,
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


def bracket(*lot: OrderSpec) -> Bracket:
    return Bracket(CYCLE, CONTRACT.con_id, Side.BUY, PRICE, PRICE - 40, PRICE + 80, (lot,))


def test_a_family_is_written_parent_first_and_transmitted_by_its_last_leg(desk: Desk) -> None:
    target = spec("T", Side.SELL, parent_ref=ENTRY.ref, transmit=False)
    desk.writer.place_bracket(bracket(ENTRY, target, STOP))
    (_, entry), (_, second), (_, last) = desk.socket.placed
    assert [entry.transmit, second.transmit, last.transmit] == [False, False, True]
    assert entry.parentId == 0
    assert second.parentId == last.parentId == entry.orderId == desk.numbers.of(ENTRY.ref)
    assert [type(event) for event in desk.told] == [OrderWritten] * 3


def test_bytes_leave_under_the_number_that_was_recorded_before(desk: Desk) -> None:
    """Hazard: a process dies in between, and nobody can ask the broker for the order (H15)."""
    numbers = desk.writer.number([ENTRY, STOP])
    assert (desk.socket.placed, desk.told) == ([], [])
    desk.writer.place_bracket(bracket(ENTRY, STOP))
    assert [number for number, _ in desk.socket.placed] == [number for _, number in numbers]
    assert [ref for ref, _ in numbers] == [ENTRY.ref, STOP.ref]
    assert desk.writer.write(STOP, action="place") == 0, "once"
    assert desk.writer.number([STOP]) == ()


def test_nothing_is_numbered_while_the_link_is_down(desk: Desk) -> None:
    desk.socket.up = False
    assert desk.writer.number([ENTRY]) == ()
    assert desk.numbers.of(ENTRY.ref) == 0


def test_no_child_is_sent_without_its_parent(desk: Desk) -> None:
    """Hazard: a stop without a position is an order that opens one."""
    desk.socket.up = False
    desk.writer.place_bracket(bracket(ENTRY, STOP))
    assert desk.socket.placed == []
    assert [event.code for event in desk.told if isinstance(event, OrderNotWritten)] == [
        "LINK_DOWN",
        "LINK_DOWN",
    ]


def test_a_change_keeps_the_number_and_a_second_placing_is_not_a_change(desk: Desk) -> None:
    first = desk.writer.write(STOP, action="place")
    assert desk.writer.write(STOP, action="place") == 0
    assert desk.writer.write(STOP, action="change") == first
    assert [number for number, _ in desk.socket.placed] == [first, first]
    refused = [event for event in desk.told if isinstance(event, OrderNotWritten)]
    assert [event.code for event in refused] == ["ORDER_ID"]


def test_what_has_no_number_cannot_be_changed_or_cancelled(desk: Desk) -> None:
    desk.writer.write(STOP, action="change")
    desk.writer.cancel(STOP.ref)
    assert desk.socket.placed == []
    assert desk.socket.cancelled == []
    assert [event.code for event in desk.told if isinstance(event, OrderNotWritten)] == [
        "ORDER_ID",
        "ORDER_ID",
    ]


def test_a_cancel_names_the_number_and_needs_a_link(desk: Desk) -> None:
    number = desk.writer.write(STOP, action="place")
    desk.writer.cancel(STOP.ref)
    desk.socket.up = False
    desk.writer.cancel(STOP.ref)
    assert desk.socket.cancelled == [number]
    assert desk.told[1:] == [
        OrderWritten(STOP.ref, number, "cancel"),
        OrderNotWritten(STOP.ref, "cancel", "LINK_DOWN", "the link is down"),
    ]


def test_a_question_about_margin_has_a_number_of_its_own_and_is_no_order(desk: Desk) -> None:
    """Hazard: a what-if under an order's number would change that order."""
    stop = desk.writer.write(STOP, action="place")
    told = len(desk.told)
    asked = desk.writer.ask_margin(AskMargin(CYCLE, CONTRACT.con_id, Side.BUY, 1, PRICE - 100))
    number, order = desk.socket.placed[-1]
    assert number == asked != stop
    assert order.whatIf is True
    assert desk.numbers.ref(asked) == ""
    assert desk.told[told:] == [], "nothing was written that is an order"


def test_no_question_without_a_link_or_for_an_unknown_contract(desk: Desk) -> None:
    assert desk.writer.ask_margin(AskMargin(CYCLE, 1, Side.BUY, 1, PRICE)) == 0
    desk.socket.up = False
    assert desk.writer.ask_margin(AskMargin(CYCLE, CONTRACT.con_id, Side.BUY, 1, PRICE)) == 0
    assert desk.socket.placed == []
