"""The exchange for one contract: our orders against a market that does not notice them.

Rules, each with its mirror for the other side. They lean against the trader where the market
data leaves a choice.

Taking. An order that can trade when it arrives (a buy whose limit is at or above the ask) takes
the ask, never a worse price than its limit. It fills at once against the newest tick.

Resting. An order that cannot trade rests at its limit. It fills there, at its limit exactly, when
the ask comes down to the limit or a trade prints below it. A trade *at* the limit with the ask
still above does not fill it: we stand at the end of the queue. With `queue_ahead` the queue has an
end: so many contracts stand before an order that joins a price, trades there take them first, and
then fill the order, in parts as they come.

Size. A tick offers each side as many contracts as traded in it, once, to all of our orders
together: best limit first, then oldest. What it cannot fill waits for the next tick; a taker's
rest stays a taker while the ask is within its limit. Nothing fills against a tick of size 0.

Stops. A buy is triggered by a trade at or above its stop (the last price; a moved quote is not a
trade) and is from then on a limit or market order that has just arrived. A stop-limit may be
triggered and rest unfilled beyond its limit. A triggered order stays triggered. A stop that the
broker simulates (`simulated`) follows its trigger method instead, and sleeps while the broker's
own servers are away (`servers_up`).

Market orders become limits when they arrive or are triggered, `protection` ticks beyond the
touch of that moment; what does not fill within that rests there.

Replacing. The order works as it was until `replace` is called; what is then refused changes
nothing. A replacement takes effect as if the order had just arrived, except that a smaller
quantity alone keeps its place. `quantity` is the total, with what has filled.

Sessions. Before the first tick and after `close_session` nothing trades: orders are accepted and
wait for the next tick. DAY orders end with the session. An order with `outside_rth` false is held
outside regular hours: it neither triggers nor fills.

Blocks. Of the orders that name the same `block` one alone is at the market at a time: after one
has traded, the others trade no more in the same step. What becomes of them then is the broker's.

Orders never trade against each other.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Final

from msgspec import Struct, structs

from mytrader.domain.orders import Side, TimeInForce
from mytrader.simulator.market import MarketTick
from mytrader.simulator.order_types import LIMITED, STOPS, Kind, Life, TriggerMethod
from mytrader.simulator.stop_triggers import hits_needed, stop_reached
from mytrader.simulator.trading_hours import in_regular_hours


class ExchangeOrder(Struct, frozen=True):
    """An order as the exchange sees it: prices in ticks, `order_id` unique in the contract.

    `limit` says nothing where the type has none; `protection` is how far beyond the touch such an
    order may fill. `block` names orders of which only one trades at a time, "" is none. `released`
    is how much of the quantity may fill so far, `None` for all of it.
    """

    order_id: int
    side: Side
    quantity: int
    kind: Kind
    limit: int
    stop: int | None = None
    tif: Life = TimeInForce.GTC
    outside_rth: bool = True
    block: str = ""
    protection: int = 0
    simulated: bool = False
    trigger: TriggerMethod = TriggerMethod.DEFAULT
    released: int | None = None


class CancelReason(StrEnum):
    """Why an order ended without filling completely."""

    REQUESTED = "requested"
    EXPIRED = "expired"


class Accepted(Struct, frozen=True):
    """The order, or its replacement, is in force."""

    order_id: int


class Triggered(Struct, frozen=True):
    """The stop was reached; the order is a limit order now."""

    order_id: int


class Filled(Struct, frozen=True):
    """A trade: contracts, price in ticks. `aggressor` means that we took what was offered."""

    order_id: int
    quantity: int
    price: int
    at: datetime
    aggressor: bool


class Cancelled(Struct, frozen=True):
    """The rest of the order is gone and cannot fill any more."""

    order_id: int
    reason: CancelReason


class Refused(Struct, frozen=True):
    """The request changed nothing. `code` is the broker's error number, TWS-PROTOCOL.md 8."""

    order_id: int
    code: int
    text: str


Fact = Accepted | Triggered | Filled | Cancelled | Refused

DUPLICATE_ID: Final = 103
MODIFY_FILLED: Final = 104
MODIFY_MISMATCH: Final = 105
UNKNOWN_ID: Final = 135
MALFORMED: Final = 321
SIZE_ZERO: Final = 434
CANCEL_UNKNOWN: Final = 10147
CANCEL_TOO_LATE: Final = 10148


class WorkingOrder(Struct):
    """An order in the book: what has filled, whether it is triggered, its place in the queue.

    `limit` is the price that works, `None` while a market order waits for a market. `hits` is how
    often in a row a simulated stop was reached. `ahead` is what stands before it in the queue.
    """

    order: ExchangeOrder
    place: int
    triggered: bool
    limit: int | None
    taker: bool = True
    filled: int = 0
    hits: int = 0
    ahead: int | None = None

    @property
    def remaining(self) -> int:
        """Contracts that may still fill."""
        return self.order.quantity - self.filled

    @property
    def free(self) -> int:
        """Contracts that may fill now."""
        released = self.order.released
        return self.remaining if released is None else min(self.remaining, released - self.filled)


class Matching:
    """One contract's exchange. Equal calls give equal facts: it has no clock and no chance."""

    def __init__(self) -> None:
        self._book: dict[int, WorkingOrder] = {}
        self._ended: dict[int, str] = {}
        self._places = 0
        self._tick: MarketTick | None = None
        self._traded: int | None = None
        self._taken = {Side.BUY: 0, Side.SELL: 0}
        self.servers_up = True
        self.queue_ahead: int | None = None

    @property
    def working(self) -> tuple[WorkingOrder, ...]:
        """Copies of the orders that may still fill, in the order of their ids' arrival."""
        return tuple(structs.replace(entry) for entry in self._book.values())

    def submit(self, order: ExchangeOrder, at: datetime) -> list[Fact]:
        """Accept a new order and trade what it can; `Refused` if it is malformed or repeated."""
        flaw = _flaw(order)
        if flaw is None and (order.order_id in self._book or order.order_id in self._ended):
            flaw = (DUPLICATE_ID, f"order {order.order_id} exists already")
        if flaw is not None:
            return [Refused(order.order_id, *flaw)]
        entry = WorkingOrder(
            order, self._next_place(), triggered=order.kind not in STOPS, limit=_own_limit(order)
        )
        self._book[order.order_id] = entry
        return [Accepted(order.order_id), *self._work([entry], at, arriving=True)]

    def replace(self, order: ExchangeOrder, at: datetime) -> list[Fact]:
        """Put `order` in the place of the one with its id, or refuse and keep the old one."""
        flaw = self._replace_flaw(order)
        if flaw is not None:
            return [Refused(order.order_id, *flaw)]
        entry = self._book[order.order_id]
        old, entry.order = entry.order, order
        if order.kind in LIMITED:
            entry.limit = order.limit
        if not _keeps_place(old, order):
            entry.place = self._next_place()
            entry.taker = True
            entry.hits = 0
            entry.ahead = None
        return [Accepted(order.order_id), *self._work([entry], at, arriving=True)]

    def cancel(self, order_id: int, at: datetime) -> list[Fact]:
        """Take an order out of the book; `Refused` if it is unknown or has ended already."""
        del at  # the exchange is synchronous: the moment of the request decides nothing
        if order_id in self._book:
            self._end(order_id, "Cancelled")
            return [Cancelled(order_id, CancelReason.REQUESTED)]
        state = self._ended.get(order_id)
        if state is None:
            return [Refused(order_id, CANCEL_UNKNOWN, f"order {order_id} is not known")]
        return [Refused(order_id, CANCEL_TOO_LATE, f"order {order_id} is {state}")]

    def fill_whole(self, order_id: int, at: datetime) -> list[Fact]:
        """Fill the rest of an order at its limit whatever the market is; nothing if it ended.

        An order without a limit fills at its stop, or not at all.
        """
        entry = self._book.get(order_id)
        price = (
            None if entry is None else (entry.order.stop if entry.limit is None else entry.limit)
        )
        if entry is None or price is None:
            return []
        quantity, entry.filled = entry.remaining, entry.order.quantity
        self._end(order_id, "Filled")
        return [Filled(order_id, quantity, price, at, aggressor=False)]

    def advance(self, tick: MarketTick) -> list[Fact]:
        """Let the market move to `tick` and return what that did to the orders."""
        return list(self.advance_by_fact(tick))

    def advance_by_fact(self, tick: MarketTick) -> Iterable[Fact]:
        """Let the market move to `tick` and tell what that does to the orders, one by one.

        Who listens may change or cancel others before their turn comes, and must hear it all.
        """
        self._tick = tick
        self._taken[Side.BUY] = self._taken[Side.SELL] = 0
        if tick.size:
            self._traded = tick.last
        if not self._book:
            return ()
        return self._work(sorted(self._book.values(), key=_priority), tick.at, arriving=False)

    def halt(self) -> None:
        """Stop trading until the next tick; no order ends by it."""
        self._tick = self._traded = None

    def close_session(self, at: datetime) -> list[Fact]:
        """End the session: DAY orders expire, the rest waits for the next tick."""
        return list(self.close_by_fact(at))

    def close_by_fact(self, at: datetime) -> Iterable[Fact]:
        """End the session and tell of its end order by order, as `advance_by_fact` does."""
        del at  # the caller knows the calendar; the exchange is shut from now on
        self.halt()
        return self._expire()

    def _expire(self) -> Iterator[Fact]:
        for order_id, entry in list(self._book.items()):
            if entry.order.tif is TimeInForce.DAY and order_id in self._book:
                self._end(order_id, "Cancelled")
                yield Cancelled(order_id, CancelReason.EXPIRED)

    def _replace_flaw(self, order: ExchangeOrder) -> tuple[int, str] | None:
        entry = self._book.get(order.order_id)
        if entry is None:
            state = self._ended.get(order.order_id)
            if state is None:
                return UNKNOWN_ID, f"order {order.order_id} is not known"
            return MODIFY_FILLED, f"order {order.order_id} is {state}"
        old = entry.order
        if (old.side, old.kind) != (order.side, order.kind):
            return MODIFY_MISMATCH, "side and type of an order cannot be changed"
        flaw = _flaw(order)
        if flaw is None and order.quantity <= entry.filled:
            flaw = MODIFY_MISMATCH, f"{entry.filled} contracts have filled already"
        return flaw

    def _work(
        self, entries: list[WorkingOrder], at: datetime, *, arriving: bool
    ) -> Iterator[Fact]:
        tick = self._tick
        if tick is None:
            return
        blocked: set[str] = set()
        for entry in entries:
            if entry.order.block in blocked or entry.order.order_id not in self._book:
                continue
            if not entry.order.outside_rth and not in_regular_hours(at):
                continue
            fresh = arriving
            if not entry.triggered:
                if not self._elected(entry, tick):
                    continue
                entry.triggered = fresh = True
                yield Triggered(entry.order.order_id)
                if entry.order.order_id not in self._book:
                    continue
            fill = self._trade(entry, tick, at=at, fresh=fresh)
            if fill is not None:
                blocked |= {entry.order.block} - {""}
                yield fill

    def _elected(self, entry: WorkingOrder, tick: MarketTick) -> bool:
        order = entry.order
        if order.stop is None or (order.simulated and not self.servers_up):
            return False
        method = order.trigger if order.simulated else TriggerMethod.LAST
        reached = stop_reached(
            order.side, order.stop, method=method, tick=tick, traded=self._traded
        )
        entry.hits = entry.hits + 1 if reached else 0
        return entry.hits >= hits_needed(method)

    def _trade(
        self, entry: WorkingOrder, tick: MarketTick, *, at: datetime, fresh: bool
    ) -> Filled | None:
        order = entry.order
        sign = order.side.sign
        touch = tick.ask if order.side is Side.BUY else tick.bid
        if entry.limit is None:
            entry.limit = touch + sign * order.protection
        at_touch = sign * (entry.limit - touch) >= 0
        # A trade that printed before the order arrived cannot have been with the order.
        through = not fresh and sign * (entry.limit - tick.last) > 0
        if not at_touch:
            entry.taker = False
        offered = tick.size
        if not (at_touch or through):
            offered -= self._queued_before(entry, tick, fresh=fresh)
        quantity = min(entry.free, offered - self._taken[order.side])
        if quantity <= 0:
            return None
        self._taken[order.side] += quantity
        entry.filled += quantity
        if entry.remaining == 0:
            self._end(order.order_id, "Filled")
        price = touch if entry.taker else entry.limit
        return Filled(order.order_id, quantity, price, at, aggressor=entry.taker)

    def _queued_before(self, entry: WorkingOrder, tick: MarketTick, *, fresh: bool) -> int:
        """Return how much of a tick an order that rests at its limit must leave to others."""
        if entry.ahead is None:
            entry.ahead = self.queue_ahead
        if entry.ahead is None or fresh or tick.last != entry.limit:
            return tick.size
        passed = min(entry.ahead, tick.size)
        entry.ahead -= passed
        return passed

    def _end(self, order_id: int, state: str) -> None:
        del self._book[order_id]
        self._ended[order_id] = state

    def _next_place(self) -> int:
        self._places += 1
        return self._places


def _own_limit(order: ExchangeOrder) -> int | None:
    return order.limit if order.kind in LIMITED else None


def _priority(entry: WorkingOrder) -> tuple[float, int]:
    # A market order that waits for a market comes before every price.
    limit = inf * entry.order.side.sign if entry.limit is None else entry.limit
    return -entry.order.side.sign * limit, entry.place


def _keeps_place(old: ExchangeOrder, new: ExchangeOrder) -> bool:
    as_before = structs.replace(new, quantity=old.quantity, released=old.released)
    return new.quantity <= old.quantity and as_before == old


def _flaw(order: ExchangeOrder) -> tuple[int, str] | None:
    if order.quantity <= 0:
        return SIZE_ZERO, f"quantity {order.quantity} is not positive"
    if order.kind in STOPS and order.stop is None:
        return MALFORMED, f"an order of type {order.kind} needs a stop price"
    if order.kind not in STOPS and order.stop is not None:
        return MALFORMED, f"an order of type {order.kind} has no stop price"
    return None
