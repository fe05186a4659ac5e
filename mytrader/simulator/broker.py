"""The broker between its clients and the exchange: orders, families, numbers, the account.

An order goes through these states; what a client hears of them is said elsewhere.

    HELD       not transmitted: the broker's front end keeps it, nothing can fill
    SENT       transmitted, on its way
    CHILD      waits for its parent's complete fill
    WORKING    at the exchange; QUEUED while the market is shut
    FILLED, CANCELLED, REFUSED   over

A family is transmitted by its last leg: the parent and all its held children arrive together,
the children first, so that no fill of the parent finds its stop unknown. Children of one parent
are siblings: what one fills the others lose, and cancelling one cancels the others. Where two
orders name one OCA group, it says what a fill of the one does to the other. If the parent is
cancelled before any fill, so are its children; after a part of it they work for that part.
These choices follow TWS-PROTOCOL.md 7.3 and are, as it says, to be confirmed on a paper account.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, assert_never

from mytrader.domain.instrument import FuturesContract
from mytrader.domain.orders import OrderKind
from mytrader.simulator import order_rules as rules
from mytrader.simulator.agenda import Action, Agenda
from mytrader.simulator.broker_orders import (
    BrokerListener,
    BrokerOrder,
    OrderBook,
    OrderNews,
    OrderState,
)
from mytrader.simulator.faults import Faults
from mytrader.simulator.ledger import BrokerFill, Ledger
from mytrader.simulator.listing import Listing
from mytrader.simulator.market import MarketTick
from mytrader.simulator.matching import (
    Accepted,
    Cancelled,
    CancelReason,
    ExchangeOrder,
    Fact,
    Filled,
    Matching,
    Refused,
    Triggered,
)
from mytrader.simulator.oca_groups import Effect, OcaGroups
from mytrader.simulator.order_rules import Problem, Terms
from mytrader.tws.place_order import PlaceOrder

_EXEC_ID_FIRST: Final = 0x6571A2B3
_AT_EXCHANGE: Final = (OrderState.WORKING, OrderState.QUEUED)


class Broker:
    """One account's orders at one exchange per contract. `latency` is the way to the exchange."""

    def __init__(
        self,
        listing: Listing,
        ledger: Ledger,
        *,
        agenda: Agenda,
        faults: Faults,
        latency: timedelta,
        seed: int,
    ) -> None:
        self.orders = OrderBook(random.Random(f"broker {seed}"))  # noqa: S311  # repeatable is the point
        self.ledger = ledger
        self._rules = rules.Rules(listing, ledger.account)
        self._exchanges = {each.con_id: Matching() for each in listing.contracts}
        self._shut: set[int] = set()
        self._last: dict[int, int] = {}
        self._agenda = agenda
        self._faults = faults
        self._latency = latency
        self._groups = OcaGroups(self.orders, faults, latency)
        self._child_stops_to_reject = faults.reject_child_stops
        self._listener: BrokerListener

    def report_to(self, listener: BrokerListener) -> None:
        """Tell `listener` what happens to orders; call it once, before anything happens."""
        self._listener = listener

    # What clients ask.

    def place(self, client_id: int, sent: PlaceOrder) -> None:
        """Take a new order or, under the id of a known one, a change."""
        known = self.orders.find(client_id, sent.order_id)
        terms = self._rules.read(sent)
        if known is not None:
            self._ask_change(known, sent, terms=terms)
            return
        if not self.orders.claim_id(client_id, sent.order_id):
            self._listener.problem(
                client_id, sent.order_id, problem=Problem(rules.DUPLICATE_ID, "Duplicate order id")
            )
            return
        if isinstance(terms, Problem):
            self._listener.problem(client_id, sent.order_id, problem=terms)
            return
        self._take(client_id, sent, terms=terms)

    def cancel(self, client_id: int, order_id: int) -> None:
        """Take the wish to cancel an order of this client."""
        order = self.orders.find(client_id, order_id)
        if order is None:
            text = f"OrderId {order_id} that needs to be cancelled is not found."
            self._listener.problem(
                client_id, order_id, problem=Problem(rules.CANCEL_UNKNOWN, text)
            )
        elif not order.live:
            state = order.status
            text = f"OrderId {order_id} that needs to be cancelled cannot be cancelled"
            text = f"{text}, state: {state}."
            self._listener.problem(
                client_id, order_id, problem=Problem(rules.CANCEL_TOO_LATE, text)
            )
        elif order.state is OrderState.HELD:
            self._end(order, OrderState.CANCELLED, why="the order was not transmitted")
        else:
            order = self.orders.update(order, cancelling=True)
            self._listener.order_changed(order, OrderNews.CANCEL_ASKED)
            self._later(lambda: self._cancel_now(order.perm_id))

    def cancel_all(self) -> None:
        """Take the wish to cancel everything, whoever placed it."""
        for order in self.orders.live():
            self.cancel(order.client_id, order.sent.order_id)

    # What the market does.

    def advance(self, contract: FuturesContract, tick: MarketTick) -> None:
        """Let the market of a contract move."""
        if tick.size:
            self._last[contract.con_id] = tick.last
        if contract.con_id in self._shut:
            self._reopen(contract.con_id)
        facts = self._exchanges[contract.con_id].advance(tick)
        if facts:
            self._apply(facts)

    def close_session(self, contract: FuturesContract, at: datetime) -> None:
        """End the session of a contract: DAY orders expire, others wait for the next one."""
        self._shut.add(contract.con_id)
        self._apply(self._exchanges[contract.con_id].close_session(at))
        for order in self.orders.live():
            if order.con_id == contract.con_id and order.expires_with_session:
                self._end(order, OrderState.CANCELLED, why="the session has ended")

    def judge(self, sent: PlaceOrder) -> Terms | Problem:
        """Return what an order would ask of the exchange, or why it would be refused."""
        return self._rules.read(sent)

    def now(self) -> datetime:
        """Return the broker's time."""
        return self._agenda.now

    def last_prices(self) -> dict[int, int]:
        """Return the last trade of each contract in ticks, as far as there was one."""
        return dict(self._last)

    def _reopen(self, con_id: int) -> None:
        self._shut.discard(con_id)
        for order in self.orders.live():
            if order.con_id == con_id and order.state is OrderState.QUEUED:
                working = self.orders.update(order, state=OrderState.WORKING)
                self._listener.order_changed(working, OrderNews.CHANGED)

    # New orders.

    def _take(self, client_id: int, sent: PlaceOrder, *, terms: Terms) -> None:
        parent = self.orders.find(client_id, sent.parent_id) if sent.parent_id else None
        if sent.parent_id and parent is None:
            text = f"Can't find order with id = {sent.parent_id}"
            self._listener.problem(
                client_id, sent.order_id, problem=Problem(rules.PARENT_UNKNOWN, text)
            )
            return
        order = self.orders.add(client_id, sent, terms=terms, parent=parent)
        if not sent.tif:
            text = "Order TIF was set to DAY based on order preset."
            self._listener.problem(
                client_id, sent.order_id, problem=Problem(rules.TIF_PRESET, text)
            )
        if sent.transmit:
            self._transmit(order)

    def _transmit(self, order: BrokerOrder) -> None:
        parent = self.orders.parent(order)
        family = [order]
        if parent is not None and parent.state is OrderState.HELD:
            held = [each for each in self.orders.children(parent) if each.state is OrderState.HELD]
            family = [parent, *held]
        perm_ids = [each.perm_id for each in family]
        for each in family:
            self.orders.update(each, state=OrderState.SENT)
        self._later(lambda: self._arrive(perm_ids))

    def _arrive(self, perm_ids: Sequence[int]) -> None:
        arrived = [self.orders[each] for each in perm_ids]
        waiting = [each for each in arrived if each.state is OrderState.SENT]
        # A parent is first in its family. It is announced, then its children wait for it, and
        # only then may it fill.
        if len(waiting) > 1:
            self._listener.order_changed(waiting[0], OrderNews.ACKNOWLEDGED)
        for order in [*waiting[1:], *waiting[:1]]:
            self._arrive_one(order)

    def _arrive_one(self, order: BrokerOrder) -> None:
        parent = self.orders.parent(order)
        problem = self._crowd(order)
        if problem is not None:
            self._refuse(order, problem)
        elif parent is not None and self._rejects_child(order):
            refusal = Problem(rules.ORDER_REJECTED, "Order rejected - reason:simulated rejection")
            self._refuse(order, refusal)
        elif parent is None or parent.state is OrderState.FILLED:
            self._activate(order)
        elif not parent.live:
            text = "Order rejected - reason:the parent order is cancelled"
            self._refuse(order, Problem(rules.ORDER_REJECTED, text))
        else:
            child = self.orders.update(order, state=OrderState.CHILD)
            self._listener.order_changed(child, OrderNews.ACKNOWLEDGED)

    def _crowd(self, order: BrokerOrder) -> Problem | None:
        """Return why there is no place for an order, `None` if there is."""
        if self._groups.over(order):
            text = "Order rejected - reason:the OCA group is already filled"
            return Problem(rules.ORDER_REJECTED, text)
        if self.orders.active(order.con_id, order.terms.side) >= rules.ACTIVE_ORDERS_MAX:
            most = rules.ACTIVE_ORDERS_MAX
            text = f"Order rejected - reason:more than {most} active orders per side and contract"
            return Problem(rules.ORDER_REJECTED, text)
        return None

    def _rejects_child(self, order: BrokerOrder) -> bool:
        if order.terms.kind is not OrderKind.STP_LMT or not self._child_stops_to_reject:
            return False
        self._child_stops_to_reject -= 1
        return True

    def _activate(self, order: BrokerOrder) -> None:
        exchange = self._exchanges[order.con_id]
        facts = exchange.submit(self._at_exchange(order, order.terms), self._agenda.now)
        self._apply(facts)

    # Changes.

    def _ask_change(self, order: BrokerOrder, sent: PlaceOrder, *, terms: Terms | Problem) -> None:
        late = _late_change(order)
        if isinstance(terms, Problem):
            self._tell(order, late or terms)
            return
        problem = late or rules.change_problem(order.sent, sent, terms=terms, before=order.terms)
        if problem is not None:
            self._tell(order, problem)
        elif order.state is not OrderState.HELD:
            self._later(lambda: self._change_now(order.perm_id, sent, terms=terms))
        else:
            changed = self.orders.update(order, sent=sent, terms=terms)
            if sent.transmit:
                self._transmit(changed)

    def _change_now(self, perm_id: int, sent: PlaceOrder, *, terms: Terms) -> None:
        order = self.orders[perm_id]
        problem = _late_change(order) or self._refused_change(order, terms)
        if problem is not None:
            self._tell(order, problem)
        elif order.state in _AT_EXCHANGE:
            self._replace(order, sent, terms=terms)
        else:
            changed = self.orders.update(order, sent=sent, terms=terms)
            self._listener.order_changed(changed, OrderNews.CHANGED)

    def _refused_change(self, order: BrokerOrder, terms: Terms) -> Problem | None:
        if not self._faults.refuse_marketable_stop_changes or order.state not in _AT_EXCHANGE:
            return None
        if not rules.marketable_stop(terms, self._last.get(order.con_id)):
            return None
        return Problem(rules.ORDER_REJECTED, "Order rejected - reason:stop would trigger at once")

    def _replace(self, order: BrokerOrder, sent: PlaceOrder, *, terms: Terms) -> None:
        exchange = self._exchanges[order.con_id]
        facts = exchange.replace(self._at_exchange(order, terms), self._agenda.now)
        if isinstance(facts[0], Refused):
            self._tell(order, Problem(facts[0].code, facts[0].text))
            return
        self.orders.update(order, sent=sent, terms=terms)
        self._apply(facts)

    # Endings.

    def _cancel_now(self, perm_id: int) -> None:
        order = self.orders[perm_id]
        if not order.live:
            if order.state is OrderState.FILLED:
                text = "Cancel attempted when order is not in a cancellable state."
                self._tell(order, Problem(rules.NOT_CANCELLABLE, text))
        elif order.state in _AT_EXCHANGE:
            self._apply(self._exchanges[order.con_id].cancel(perm_id, self._agenda.now))
        else:
            self._end(order, OrderState.CANCELLED, why="")

    def _refuse(self, order: BrokerOrder, problem: Problem) -> None:
        refused = self.orders.end(order, OrderState.REFUSED, why=problem.text, at=self._agenda.now)
        self._tell(order, problem)
        self._release_children(refused)

    def _end(self, order: BrokerOrder, state: OrderState, *, why: str) -> None:
        ended = self.orders.end(order, state, why=why, at=self._agenda.now)
        self._listener.order_changed(ended, OrderNews.ENDED)
        self._tell(order, Problem(rules.CANCELLED, f"Order Canceled - reason:{why}"))
        self._release_children(ended)
        for sibling in self._live_siblings(ended):
            self._withdraw(sibling, "a sibling was cancelled")

    def _release_children(self, parent: BrokerOrder) -> None:
        for each in self._live_children(parent):
            # What one child does may end the next: look again before each.
            child = self.orders[each.perm_id]
            if not child.live:
                continue
            if not parent.filled:
                self._withdraw(child, "the parent order is over")
            elif child.state is OrderState.CHILD:
                quantity = min(child.terms.quantity, parent.filled)
                self._activate(self.orders.resize(child, quantity))

    def _live_children(self, parent: BrokerOrder) -> list[BrokerOrder]:
        return [each for each in self.orders.children(parent) if each.live]

    def _live_siblings(self, order: BrokerOrder) -> list[BrokerOrder]:
        parent = self.orders.parent(order)
        if parent is None:
            return []
        return [each for each in self._live_children(parent) if each.perm_id != order.perm_id]

    def _withdraw(self, relative: BrokerOrder, why: str) -> None:
        # Ending one relative ends others: look again before each.
        order = self.orders[relative.perm_id]
        if order.live and order.state in _AT_EXCHANGE:
            self._apply(self._exchanges[order.con_id].cancel(order.perm_id, self._agenda.now))
        elif order.live:
            self._end(order, OrderState.CANCELLED, why=why)

    # What the exchange answers.

    def _apply(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            order = self.orders[fact.order_id]
            match fact:
                case Accepted():
                    self._accepted(order)
                case Triggered():
                    triggered = self.orders.update(order, triggered=True)
                    self._listener.order_changed(triggered, OrderNews.CHANGED)
                case Filled():
                    self._filled(order, fact)
                case Cancelled(reason=reason):
                    self._end(order, OrderState.CANCELLED, why=_reason_text(reason))
                case Refused(code=code, text=text):
                    self._refuse(order, Problem(code, text))
                case _:
                    assert_never(fact)

    def _accepted(self, order: BrokerOrder) -> None:
        news = OrderNews.CHANGED if order.state in _AT_EXCHANGE else OrderNews.ACKNOWLEDGED
        shut = order.con_id in self._shut
        state = OrderState.QUEUED if shut else OrderState.WORKING
        self._listener.order_changed(self.orders.update(order, state=state), news)
        if shut:
            text = "Order Message:\nYour order will not be placed at the exchange until it opens."
            self._tell(order, Problem(rules.QUEUED, text))

    def _filled(self, order: BrokerOrder, fact: Filled) -> None:
        order = self.orders.fill(order, fact)
        number = _EXEC_ID_FIRST + len(self.ledger.executions)
        fill = BrokerFill(
            exec_id=f"0000e0d5.{number:08x}.01.01",
            contract=order.terms.contract,
            perm_id=order.perm_id,
            client_id=order.client_id,
            order_id=order.sent.order_id,
            order_ref=order.sent.order_ref,
            side=order.terms.side,
            quantity=fact.quantity,
            price=fact.price,
            at=fact.at,
            aggressor=fact.aggressor,
            cumulative=order.filled,
            average_price=Decimal(order.filled_ticks) / order.filled,
        )
        commission = rules.commission_usd(order.terms.contract.instrument, fact.quantity)
        self._listener.traded(order, self.ledger.book(fill, commission))
        if order.state is OrderState.FILLED:
            self._release_children(order)
        self._settle_group(order, fact.quantity)
        group = order.terms.oca_group
        for sibling in self._live_siblings(order):
            if not group or sibling.terms.oca_group != group:
                self._reduce(sibling, fact.quantity)

    def _reduce(self, sibling: BrokerOrder, quantity: int) -> None:
        order = self.orders[sibling.perm_id]
        left = order.terms.quantity - quantity
        if left <= order.filled:
            self._withdraw(order, "a sibling was filled")
            return
        smaller = self.orders.resize(order, left)
        if order.state in _AT_EXCHANGE:
            exchange = self._exchanges[order.con_id]
            order_at_exchange = self._at_exchange(order, smaller.terms)
            self._apply(exchange.replace(order_at_exchange, self._agenda.now))

    def _at_exchange(self, order: BrokerOrder, terms: Terms) -> ExchangeOrder:
        return terms.exchange_order(order.perm_id, block=self._groups.block(order))

    # One-cancels-all groups.

    def _settle_group(self, order: BrokerOrder, quantity: int) -> None:
        effects = self._groups.effects(order, quantity)
        also = self._groups.also_filled(order)
        if also is not None:
            exchange = self._exchanges[also.con_id]
            self._apply(exchange.fill_whole(also.perm_id, self._agenda.now))
        for effect in effects:
            if effect.delay:
                self._expect_effect(effect)
            else:
                self._take_effect(effect)

    def _expect_effect(self, effect: Effect) -> None:
        order = self.orders[effect.perm_id]
        if order.live and effect.by is None:
            pending = self.orders.update(order, cancelling=True)
            self._listener.order_changed(pending, OrderNews.CANCEL_ASKED)
        self._agenda.at(self._agenda.now + effect.delay, lambda: self._take_effect(effect))

    def _take_effect(self, effect: Effect) -> None:
        order = self.orders[effect.perm_id]
        if order.live and effect.by is None:
            self._withdraw(order, "another order of the OCA group was filled")
        elif order.live and effect.by is not None:
            self._reduce(order, effect.by)

    def _tell(self, order: BrokerOrder, problem: Problem) -> None:
        self._listener.problem(order.client_id, order.sent.order_id, problem=problem)

    def _later(self, action: Action) -> None:
        self._agenda.at(self._agenda.now + self._latency, action)


def _late_change(order: BrokerOrder) -> Problem | None:
    if order.state is OrderState.FILLED:
        return Problem(rules.MODIFY_FILLED, "Cannot modify a filled order.")
    if not order.live:
        return Problem(rules.DUPLICATE_ID, "Duplicate order id")
    return None


def _reason_text(reason: CancelReason) -> str:
    return "the session has ended" if reason is CancelReason.EXPIRED else ""
