"""The broker between its clients and the exchange: orders, families, numbers, the account.

An order goes through these states; what a client hears of them is said elsewhere.

    HELD       not transmitted: the broker's front end keeps it, nothing can fill
    SENT       transmitted, on its way
    CHILD      waits for its parent's complete fill
    WORKING    at the exchange; QUEUED while the market is shut
    FILLED, CANCELLED, REFUSED   over; WITHDRAWN before it was transmitted

A family is transmitted by its last leg: the parent and all its held children arrive together,
the children first, so that no fill of the parent finds its stop unknown. Children of one parent
are siblings: what one fills the others lose, and cancelling one cancels the others. Where two
orders name one OCA group, it says what a fill of the one does to the other. If the parent is
cancelled before any fill, so are its children; after a part of it they work for that part.
These choices follow TWS-PROTOCOL.md 7.3 and are, as it says, to be confirmed on a paper account.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from msgspec import structs

from mytrader.domain.instrument import FuturesContract
from mytrader.simulator import order_rules as rules
from mytrader.simulator.admission import Admission, cancel_problem, late_change
from mytrader.simulator.agenda import Action, Agenda
from mytrader.simulator.broker_orders import (
    BrokerListener,
    BrokerOrder,
    OrderBook,
    OrderNews,
    OrderState,
    booked_fill,
)
from mytrader.simulator.exchange_floor import ExchangeFloor
from mytrader.simulator.families import Families
from mytrader.simulator.faults import Faults
from mytrader.simulator.ledger import Ledger
from mytrader.simulator.listing import Listing
from mytrader.simulator.market import MarketTick
from mytrader.simulator.matching import (
    Accepted,
    Cancelled,
    CancelReason,
    ExchangeOrder,
    Fact,
    Filled,
    Refused,
    Triggered,
)
from mytrader.simulator.oca_groups import Effect, OcaGroups
from mytrader.simulator.order_notices import new_order_notices, queued_notice
from mytrader.simulator.order_rules import Problem, Terms
from mytrader.simulator.trading_hours import in_regular_hours
from mytrader.tws.place_order import PlaceOrder


class Broker:
    """One account's orders at one exchange per contract. `latency` is the way to the exchange.

    `floor` holds the exchanges; what they answer goes through `apply`.
    """

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
        self.floor = ExchangeFloor(listing.contracts)
        self._agenda = agenda
        self._faults = faults
        self._latency = latency
        self._groups = OcaGroups(self.orders, faults, latency)
        self._families = Families(self.orders)
        self.admission = Admission(self.orders, ledger, self._groups)
        self._unheard_cancels: list[int] = []
        self.listener: BrokerListener
        self.set_faults(faults)

    def report_to(self, listener: BrokerListener) -> None:
        """Tell `listener` what happens to orders; call it once, before anything happens."""
        self.listener = listener

    def set_faults(self, faults: Faults) -> None:
        """Commit these faults from now on."""
        self._faults = faults
        self._groups.set_faults(faults)
        self.floor.set_queue(faults.queue_ahead)
        self.admission.set_faults(faults)
        self._families.set_faults(faults)

    # What clients ask.

    def place(self, client_id: int, sent: PlaceOrder) -> None:
        """Take a new order or, under the id of a known one, a change."""
        known = self.orders.find(client_id, sent.order_id)
        terms = self._rules.read(sent)
        if known is not None:
            self._ask_change(known, sent, terms=terms)
            return
        if not self.orders.claim_id(client_id, sent.order_id):
            self.listener.problem(
                client_id, sent.order_id, problem=Problem(rules.DUPLICATE_ID, "Duplicate order id")
            )
            return
        if isinstance(terms, Problem):
            self.listener.problem(client_id, sent.order_id, problem=terms)
            return
        self._take(client_id, sent, terms=terms)

    def cancel(self, client_id: int, order_id: int) -> None:
        """Take the wish to cancel an order of this client."""
        order = self.orders.find(client_id, order_id)
        if order is None or not order.live:
            problem = cancel_problem(order_id, order)
            self.listener.problem(client_id, order_id, problem=problem)
        elif order.state is OrderState.HELD:
            self._end(order, OrderState.CANCELLED, why="the order was not transmitted")
        else:
            order = self.orders.update(order, cancelling=True)
            self.listener.order_changed(order, OrderNews.CANCEL_ASKED)
            self._later(lambda: self._cancel_now(order.perm_id))

    def cancel_all(self) -> None:
        """Take the wish to cancel everything, whoever placed it."""
        for order in self.orders.live():
            self.cancel(order.client_id, order.sent.order_id)

    # What the market does.

    def advance(self, contract: FuturesContract, tick: MarketTick) -> None:
        """Let the market of a contract move."""
        if self.floor.note_trade(contract.con_id, tick):
            self._reopen(contract.con_id)
        self.apply(self.floor.advance(contract.con_id, tick))

    def close_session(self, contract: FuturesContract, at: datetime) -> None:
        """End the session of a contract: DAY orders expire, others wait for the next one."""
        self.apply(self.floor.close_session(contract.con_id, at))
        for order in self.orders.live():
            if order.con_id == contract.con_id and order.expires_with_session:
                self._end(order, OrderState.CANCELLED, why="the session has ended")

    def turn_regular(self, contract: FuturesContract) -> None:
        """Regular hours of a contract have begun or ended: orders for them wait no more, or do."""
        self._settle_queued(contract.con_id)

    def halt(self, contract: FuturesContract) -> None:
        """Stop the trading of a contract until its next tick; orders stay."""
        self.floor.halt(contract.con_id)

    def set_servers(self, *, up: bool) -> None:
        """Say whether the broker's own servers are there; without them its stops sleep."""
        self.floor.set_servers(up=up)

    def judge(self, sent: PlaceOrder) -> Terms | Problem:
        """Return what an order would ask of the exchange, or why it would be refused."""
        return self._rules.read(sent)

    def now(self) -> datetime:
        """Return the broker's time."""
        return self._agenda.now

    def last_prices(self) -> dict[int, int]:
        """Return the last trade of each contract in ticks, as far as there was one."""
        return dict(self.floor.last)

    def _reopen(self, con_id: int) -> None:
        self._settle_queued(con_id)
        unheard, self._unheard_cancels = self._unheard_cancels, []
        for perm_id in unheard:
            self._cancel_now(perm_id)

    def _settle_queued(self, con_id: int) -> None:
        for order in self.orders.live():
            if order.con_id != con_id or not order.at_exchange:
                continue
            state = self._exchange_state(order)
            if state is not order.state:
                changed = self.orders.update(order, state=state)
                self.listener.order_changed(changed, OrderNews.CHANGED)

    def _exchange_state(self, order: BrokerOrder) -> OrderState:
        held = not order.terms.outside_rth and not in_regular_hours(self._agenda.now)
        shut = self.floor.is_shut(order.con_id)
        return OrderState.QUEUED if shut or held else OrderState.WORKING

    # New orders.

    def _take(self, client_id: int, sent: PlaceOrder, *, terms: Terms) -> None:
        parent = self.orders.find(client_id, sent.parent_id) if sent.parent_id else None
        if sent.parent_id and parent is None:
            text = f"Can't find order with id = {sent.parent_id}"
            self.listener.problem(
                client_id, sent.order_id, problem=Problem(rules.PARENT_UNKNOWN, text)
            )
            return
        order = self.orders.add(client_id, sent, terms=terms, parent=parent)
        for notice in new_order_notices(sent, terms):
            self._tell(order, notice)
        self._expect_expiry(order)
        if sent.transmit:
            self._transmit(order)

    def _expect_expiry(self, order: BrokerOrder) -> None:
        when = order.terms.expires_at
        if when is not None:
            self._agenda.at(when, lambda: self._expire(order.perm_id))

    def _expire(self, perm_id: int) -> None:
        order = self.orders[perm_id]
        when = order.terms.expires_at
        if order.live and when is not None and when <= self._agenda.now:
            self._withdraw(order, "the good-till date has come")

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
            self.listener.order_changed(waiting[0], OrderNews.ACKNOWLEDGED)
        for order in [*waiting[1:], *waiting[:1]]:
            self._arrive_one(order)

    def _arrive_one(self, order: BrokerOrder) -> None:
        parent = self.orders.parent(order)
        problem = self.admission.problem(order, now=self._agenda.now, marks=self.floor.last)
        if problem is not None:
            self._refuse(order, problem)
        elif parent is None or parent.state is OrderState.FILLED:
            self._activate(order)
        elif not parent.live:
            text = "Order rejected - reason:the parent order is cancelled"
            self._refuse(order, Problem(rules.ORDER_REJECTED, text))
        elif parent.filled and self._families.work_for_part:
            self._activate(order)
        else:
            simulated = self._families.simulated(order)
            child = self.orders.update(order, state=OrderState.CHILD, simulated=simulated)
            self.listener.order_changed(child, OrderNews.ACKNOWLEDGED)

    def _activate(self, order: BrokerOrder) -> None:
        order = self.orders.update(order, simulated=self._families.simulated(order))
        placed = self._at_exchange(order, order.terms)
        self.apply(self.floor.submit(order.con_id, placed, self._agenda.now))

    # Changes.

    def _ask_change(self, order: BrokerOrder, sent: PlaceOrder, *, terms: Terms | Problem) -> None:
        late = late_change(order)
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
        problem = late_change(order) or self.admission.change_problem(
            order, terms, now=self._agenda.now, marks=self.floor.last
        )
        if problem is not None:
            self._tell(order, problem)
        elif order.at_exchange:
            self._replace(order, sent, terms=terms)
        else:
            changed = self.orders.update(order, sent=sent, terms=terms)
            self._expect_expiry(changed)
            self.listener.order_changed(changed, OrderNews.CHANGED)

    def _replace(self, order: BrokerOrder, sent: PlaceOrder, *, terms: Terms) -> None:
        placed = self._at_exchange(order, terms)
        facts = self.floor.replace(order.con_id, placed, self._agenda.now)
        if isinstance(facts[0], Refused):
            self._tell(order, Problem(facts[0].code, facts[0].text))
            return
        self._expect_expiry(self.orders.update(order, sent=sent, terms=terms))
        self.apply(facts)

    # Endings.

    def _cancel_now(self, perm_id: int) -> None:
        order = self.orders[perm_id]
        if not order.live:
            if order.state is OrderState.FILLED:
                text = "Cancel attempted when order is not in a cancellable state."
                self._tell(order, Problem(rules.NOT_CANCELLABLE, text))
        elif order.state is OrderState.QUEUED and self._faults.cancels_wait_for_open:
            self._unheard_cancels.append(perm_id)
        elif order.at_exchange:
            self.apply(self.floor.cancel(order.con_id, perm_id, self._agenda.now))
        else:
            self._end(order, OrderState.CANCELLED, why="")

    def _refuse(self, order: BrokerOrder, problem: Problem) -> None:
        refused = self.orders.end(order, OrderState.REFUSED, why=problem.text, at=self._agenda.now)
        if self._faults.inactive_rejections:
            self.listener.order_changed(refused, OrderNews.REJECTED)
        self._tell(order, problem)
        self._release_children(refused)

    def _end(self, order: BrokerOrder, state: OrderState, *, why: str) -> None:
        if not order.transmitted:
            state = OrderState.WITHDRAWN
        ended = self.orders.end(order, state, why=why, at=self._agenda.now)
        self.listener.order_changed(ended, OrderNews.ENDED)
        self._tell(order, Problem(rules.CANCELLED, f"Order Canceled - reason:{why}"))
        self._release_children(ended)
        for sibling in self._families.live_siblings(ended):
            self._withdraw(sibling, "a sibling was cancelled")

    def _release_children(self, parent: BrokerOrder) -> None:
        for each in self._families.live_children(parent):
            # What one child does may end the next: look again before each.
            child = self.orders[each.perm_id]
            if not child.live:
                continue
            if not parent.filled:
                self._withdraw(child, "the parent order is over")
            elif child.state is OrderState.CHILD:
                quantity = min(child.terms.quantity, parent.filled)
                self._activate(self.orders.resize(child, quantity))
            elif child.at_exchange and self._families.work_for_part:
                self._release_rest(parent, child)

    def _release_rest(self, parent: BrokerOrder, child: BrokerOrder) -> None:
        """Let a child that worked for a part work for all that its parent came to."""
        left = self._families.open_quantity(parent)
        whole = min(child.terms.quantity, child.filled + left)
        if whole > child.filled:
            self._replace(child, child.sent, terms=structs.replace(child.terms, quantity=whole))
        else:
            self._withdraw(child, "the parent order is over")

    def _release_part(self, parent: BrokerOrder) -> None:
        """Let children work for what their parent has opened so far."""
        if not self._families.work_for_part or not parent.live or not parent.filled:
            return
        for each in self._families.live_children(parent):
            child = self.orders[each.perm_id]
            if child.state is OrderState.CHILD:
                self._activate(child)
            elif child.at_exchange:
                again = self._at_exchange(child, child.terms)
                self.apply(self.floor.replace(child.con_id, again, self._agenda.now)[1:])

    def _withdraw(self, relative: BrokerOrder, why: str) -> None:
        # Ending one relative ends others: look again before each.
        order = self.orders[relative.perm_id]
        if order.at_exchange:
            self.apply(self.floor.cancel(order.con_id, order.perm_id, self._agenda.now))
        elif order.live:
            self._end(order, OrderState.CANCELLED, why=why)

    # What the exchange answers.

    def apply(self, facts: Iterable[Fact]) -> None:
        """Carry out what the exchange has answered, and tell of it."""
        for fact in facts:
            order = self.orders[fact.order_id]
            match fact:
                case Accepted():
                    self._accepted(order)
                case Triggered():
                    triggered = self.orders.update(order, triggered=True)
                    self.listener.order_changed(triggered, OrderNews.CHANGED)
                case Filled():
                    self._filled(order, fact)
                case Cancelled(reason=reason):
                    self._end(order, OrderState.CANCELLED, why=_reason_text(reason))
                case Refused(code=code, text=text):
                    self._refuse(order, Problem(code, text))
                case _:
                    assert_never(fact)

    def _accepted(self, order: BrokerOrder) -> None:
        news = OrderNews.CHANGED if order.at_exchange else OrderNews.ACKNOWLEDGED
        state = self._exchange_state(order)
        queued = state is OrderState.QUEUED and not order.simulated
        self.listener.order_changed(self.orders.update(order, state=state), news)
        if queued and news is OrderNews.ACKNOWLEDGED:
            regular = not order.terms.outside_rth
            until = self._rules.days.next_open(self._agenda.now, regular=regular)
            self._tell(order, queued_notice(order.terms, until))

    def _filled(self, order: BrokerOrder, fact: Filled) -> None:
        order = self.orders.fill(order, fact)
        fill = booked_fill(order, fact, number=next(self.ledger.numbers))
        commission = rules.commission_usd(order.terms.contract.instrument, fact.quantity)
        self.listener.traded(order, self.ledger.book(fill, commission))
        if order.state is OrderState.FILLED:
            self._release_children(order)
        self._release_part(order)
        self._settle_group(order, fact.quantity)
        group = order.terms.oca_group
        for sibling in self._families.live_siblings(order):
            if not group or sibling.terms.oca_group != group:
                self._reduce(sibling, fact.quantity)
        parent = self.orders.parent(order)
        if parent is not None:
            self._release_part(parent)

    def _reduce(self, sibling: BrokerOrder, quantity: int) -> None:
        order = self.orders[sibling.perm_id]
        left = order.terms.quantity - quantity
        if left <= order.filled:
            self._withdraw(order, "a sibling was filled")
            return
        smaller = self.orders.resize(order, left)
        if order.at_exchange:
            placed = self._at_exchange(order, smaller.terms)
            self.apply(self.floor.replace(order.con_id, placed, self._agenda.now))

    def _at_exchange(self, order: BrokerOrder, terms: Terms) -> ExchangeOrder:
        placed = terms.exchange_order(
            order.perm_id, block=self._groups.block(order), simulated=order.simulated
        )
        return structs.replace(placed, released=self._families.released(order))

    # One-cancels-all groups.

    def _settle_group(self, order: BrokerOrder, quantity: int) -> None:
        effects = self._groups.effects(order, quantity)
        also = self._groups.also_filled(order)
        if also is not None:
            facts = self.floor.fill_whole(also.con_id, also.perm_id, self._agenda.now)
            self.apply(facts)
        for effect in effects:
            if effect.delay:
                self._expect_effect(effect)
            else:
                self._take_effect(effect)

    def _expect_effect(self, effect: Effect) -> None:
        order = self.orders[effect.perm_id]
        if order.live and effect.by is None:
            pending = self.orders.update(order, cancelling=True)
            self.listener.order_changed(pending, OrderNews.CANCEL_ASKED)
        self._agenda.at(self._agenda.now + effect.delay, lambda: self._take_effect(effect))

    def _take_effect(self, effect: Effect) -> None:
        order = self.orders[effect.perm_id]
        if order.live and effect.by is None:
            self._withdraw(order, "another order of the OCA group was filled")
        elif order.live and effect.by is not None:
            self._reduce(order, effect.by)

    def _tell(self, order: BrokerOrder, problem: Problem) -> None:
        self.listener.problem(order.client_id, order.sent.order_id, problem=problem)

    def _later(self, action: Action) -> None:
        self._agenda.at(self._agenda.now + self._latency, action)


def _reason_text(reason: CancelReason) -> str:
    return "the session has ended" if reason is CancelReason.EXPIRED else ""
