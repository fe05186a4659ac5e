"""Any flow of orders, changes, cancels, ticks, halts and sessions: what can never happen."""

import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mytrader.domain.instrument import ES
from mytrader.simulator.broker_orders import BrokerOrder, OrderNews, OrderState
from mytrader.simulator.faults import Faults, StopHome
from mytrader.simulator.ledger import BrokerFill
from mytrader.simulator.misdeeds import Misdeeds
from tests.manual_runtime import START
from tests.test_simulator_broker import CLIENT, CONTRACT, PRICE, Floor

KINDS = ("LMT", "LMT", "STP LMT", "STP", "MKT")


class Witness(Floor):
    """Believes what it is told, and objects to what cannot be."""

    def __init__(self, faults: Faults) -> None:
        self.filled: Counter[int] = Counter()
        self.over: set[int] = set()
        self.position = 0
        super().__init__(faults)

    def order_changed(self, order: BrokerOrder, news: OrderNews) -> None:
        """Check that the dead stay dead, and that nobody is more than filled."""
        super().order_changed(order, news)
        assert order.perm_id not in self.over, f"news of a dead order: {order.status}"
        assert 0 <= order.filled <= order.terms.quantity
        if not order.live:
            self.over.add(order.perm_id)

    def traded(self, order: BrokerOrder, fill: BrokerFill) -> None:
        """Check a fill against its order, and add it up."""
        super().traded(order, fill)
        assert order.perm_id not in self.over, "a dead order filled"
        self.filled[order.perm_id] += fill.quantity
        self.position += fill.side.sign * fill.quantity
        assert fill.cumulative == order.filled == self.filled[order.perm_id]
        if order.terms.limit:
            assert order.terms.side.sign * (order.terms.limit - fill.price) >= 0
        if not order.live:
            self.over.add(order.perm_id)


class Flow:
    """One drawn flow."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"flow {seed}")  # noqa: S311 - repeatable is the point
        self.faults = Faults(
            children_work_for_part=self.chance.random() < 0.5,
            stops=self.chance.choice(list(StopHome)),
            queue_ahead=self.chance.choice((None, 0, 4)),
            cancels_wait_for_open=self.chance.random() < 0.5,
            refuse_marketable_stop_changes=self.chance.random() < 0.3,
            inactive_rejections=self.chance.random() < 0.5,
        )
        self.witness = Witness(self.faults)
        self.next_id = 1
        self.price = PRICE

    def play(self, steps: int) -> Witness:
        """Let it happen."""
        acts = (self._order, self._bracket, self._change, self._cancel, *[self._tick] * 4)
        for _ in range(steps):
            chance = self.chance.random()
            if chance < 0.01:
                self.witness.broker.close_session(CONTRACT, START)
            elif chance < 0.02:
                self.witness.broker.halt(CONTRACT)
            elif chance < 0.03:
                self.witness.broker.set_servers(up=self.chance.random() < 0.5)
            elif chance < 0.04:
                Misdeeds(self.witness.broker).lose_untransmitted()
            else:
                self.chance.choice(acts)()
            self.witness.runtime.pass_time(self.chance.choice((0, 0.0005, 0.01)))
        self.witness.broker.set_servers(up=True)
        self._tick()
        self.witness.runtime.pass_time(timedelta(seconds=5).total_seconds())
        return self.witness

    def _place(self, side: str, kind: str, *, away: int, **more: Any) -> int:  # noqa: ANN401 - any field
        number, self.next_id = self.next_id, self.next_id + 1
        sign = 1 if side == "BUY" else -1
        stop = self.price - PRICE + sign * away if kind.startswith("STP") else None
        limit = self.price - PRICE + sign * (away + 4 if stop is not None else -away)
        self.witness.place(number, side, limit=limit, stop=stop, **{"order_type": kind, **more})
        return number

    def _order(self) -> None:
        more: dict[str, Any] = {"quantity": Decimal(self.chance.randint(1, 3))}
        if self.chance.random() < 0.3:
            more |= {
                "oca_group": f"g{self.next_id // 6}",
                "oca_type": self.chance.choice((1, 2, 3)),
            }
        if self.chance.random() < 0.2:
            more["tif"] = "DAY"
        if self.chance.random() < 0.1:
            more["transmit"] = False
        side = self.chance.choice(("BUY", "SELL"))
        self._place(side, self.chance.choice(KINDS), away=self.chance.randint(-2, 6), **more)

    def _bracket(self) -> None:
        size = Decimal(self.chance.randint(1, 3))
        side, other = self.chance.choice((("BUY", "SELL"), ("SELL", "BUY")))
        parent = self._place(
            side, "LMT", away=self.chance.randint(-2, 4), quantity=size, transmit=False
        )
        family: dict[str, Any] = {"quantity": size, "parent_id": parent}
        if self.chance.random() < 0.5:
            family |= {"oca_group": f"b{parent}", "oca_type": self.chance.choice((1, 2, 3))}
        self._place(other, "LMT", away=self.chance.randint(2, 8), transmit=False, **family)
        self._place(other, self.chance.choice(("STP LMT", "STP")), away=5, **family)

    def _change(self) -> None:
        live = self.witness.broker.orders.live()
        if live:
            order = self.chance.choice(live)
            sent = order.sent
            tick = ES.tick_size * self.chance.randint(-4, 4)
            limit = None if sent.limit_price is None else sent.limit_price + tick
            stop = None if sent.aux_price is None else sent.aux_price + tick
            changes = {
                "limit_price": limit,
                "aux_price": stop,
                "quantity": Decimal(self.chance.randint(1, 4)),
                "transmit": True,
            }
            self.witness.change(sent, changes)

    def _cancel(self) -> None:
        live = self.witness.broker.orders.live()
        if live:
            self.witness.broker.cancel(CLIENT, self.chance.choice(live).sent.order_id)

    def _tick(self) -> None:
        self.price += self.chance.choice((-3, -1, -1, 0, 0, 1, 1, 3))
        self.witness.tick(self.price, size=self.chance.choice((0, 1, 2, 10)))


@pytest.mark.parametrize("seed", range(12))
def test_no_flow_leads_to_what_cannot_be(seed: int) -> None:
    witness = Flow(seed).play(250)
    ledger, orders = witness.broker.ledger, witness.broker.orders
    assert ledger.position(CONTRACT.con_id) == witness.position
    assert len(ledger.executions) == len({each.exec_id for each in ledger.executions})
    for order in orders.over():
        if order.state is OrderState.FILLED:
            assert order.filled == order.terms.quantity
    for order in orders.live():
        parent = orders.parent(order)
        if order.state is OrderState.CHILD:
            assert parent is not None
            assert parent.live
