"""The end of every random run: the broker becomes kind, and a person asks to be flat."""

from datetime import timedelta

from mytrader.domain import events
from mytrader.domain.known import Known
from tests.adversary import Adversary
from tests.resting import Fixed, Resting


def settle_down(broker: Adversary) -> None:
    """The broker becomes kind, a person asks to be flat: it must end flat and orderless."""
    broker.reconnect()
    broker.orders_shown = broker.executions_shown = None
    for _round in range(40):
        for order in list(broker.orders.values()):
            _be_kind(broker, order)
        while broker.queries or broker.outbox:
            while broker.outbox:
                broker.deliver()
            while broker.queries:
                number = broker.queries.pop(0)
                broker._say(events.BookAnswered(number, Known(broker._book())))
        if _round in (5, 15, 25):
            broker.flatten()
        broker.wait_for(timedelta(seconds=1))
    broker._demand(broker.world.position == 0, f"not flat: {broker.world.position}")
    live = [o.spec.ref for o in broker.orders.values() if not o.over]
    broker._demand(not live, f"left working: {live}")
    broker._demand(not broker.state.cycles, f"left open: {list(broker.state.cycles)}")


def _be_kind(broker: Adversary, order: Resting) -> None:
    """Do at once what was asked."""
    if order.over:
        return
    if not order.accepted or order.change is not None:
        order.accepted = True
        if order.change is not None and not broker.takes_moves:
            broker._refuse_change(order)
        order.take_change()
        broker._echo(order)
        broker._state(order)
    if order.cancelling:
        broker._end(order)
    elif order.marketable and order.active:
        chance, broker.chance = broker.chance, Fixed(_active_index(broker, order))
        while order.left:
            broker.fill()
        broker.chance = chance


def _active_index(broker: Adversary, order: Resting) -> int:
    return [o for o in broker.orders.values() if o.left and o.active].index(order)
