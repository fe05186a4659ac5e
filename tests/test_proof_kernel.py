"""Between the trader and the bytes: what the loop does, and where a promise breaks."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import (
    AnyEvent,
    Halted,
    OperatorAsked,
    OrderNotWritten,
    Request,
    TimeReached,
)
from mytrader.domain.limits import Profile
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.trade_cycle import step
from mytrader.proof.kernel import Node, Violation, Wire, hear, restarted
from mytrader.proof.moves import start

Stepped = tuple[TraderState, list[AnyCommand]]
FLATTEN = OperatorAsked(Request.FLATTEN, "a person")


def opened() -> Node:
    """Return an open position in profile strict."""
    return start(Profile.STRICT, root="open", lots=1, faults=0, step=step)


def test_what_is_asked_for_reaches_the_broker() -> None:
    node = hear(opened(), FLATTEN, step)
    stop = node.ledger.orders[next(ref for ref in node.ledger.orders if ref.endswith("S1"))]
    before = opened().ledger.orders[stop.spec.ref]
    assert stop.spec.stop != before.spec.stop
    assert node.state.mode is Mode.REDUCE_ONLY


@pytest.mark.parametrize(("wire", "pending"), [(Wire(0), True), (Wire(0, told=False), True)])
def test_bytes_that_are_lost_change_nothing_at_the_broker(wire: Wire, *, pending: bool) -> None:
    node = hear(opened(), FLATTEN, step, wire=wire)
    assert node.ledger.orders == opened().ledger.orders
    (cycle,) = node.state.cycles.values()
    changes = [order.change is not None for order in cycle.orders.values()]
    assert any(changes) is pending


def test_a_shut_wire_closes_the_intent() -> None:
    heard = []

    def listening(state: TraderState, event: AnyEvent, now: datetime) -> Stepped:
        heard.append(type(event))
        return step(state, event, now)

    node = hear(opened(), FLATTEN, listening, wire=Wire(open=False))
    assert OrderNotWritten in heard
    assert node.ledger.orders == opened().ledger.orders


def test_a_new_process_knows_nothing_of_what_was_on_its_way() -> None:
    node = restarted(hear(opened(), FLATTEN, step), step)
    assert (node.ledger.outbox, node.ledger.linked, node.state.link.up) == ((), False, False)


def test_a_mode_that_rises_by_itself_breaks_the_promise() -> None:
    def rising(state: TraderState, event: AnyEvent, now: datetime) -> Stepped:
        after, asked = step(state, event, now)
        return replace(after, mode=Mode.NORMAL), asked

    halted = replace(opened(), state=replace(opened().state, mode=Mode.HALT))
    with pytest.raises(Violation, match="the mode rose"):
        hear(halted, TimeReached(), rising)


def test_a_halt_without_a_page_breaks_the_promise() -> None:
    def silent(state: TraderState, event: AnyEvent, now: datetime) -> Stepped:
        return step(state, event, now)[0], []

    with pytest.raises(Violation, match="nobody was paged"):
        hear(opened(), Halted("a test"), silent)
