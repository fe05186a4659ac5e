"""Trades from flat to flat, folded from the fills alone."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from mytrader.domain.instrument import Instrument
from mytrader.domain.orders import Side
from mytrader.replay.history import Filled, History


class RoundTrip(Struct, frozen=True):
    """The fills between two moments at which the position was flat; open if the record ends.

    A fill that takes the position through zero is split: it ends one trade and begins the next.
    """

    symbol: str
    fills: tuple[Filled, ...]

    @property
    def side(self) -> Side:
        """The side that opened it."""
        return self.fills[0].side

    @property
    def entries(self) -> tuple[Filled, ...]:
        """The fills that opened or enlarged the position."""
        return tuple(fill for fill in self.fills if fill.side is self.side)

    @property
    def exits(self) -> tuple[Filled, ...]:
        """The fills that reduced it."""
        return tuple(fill for fill in self.fills if fill.side is not self.side)

    @property
    def entry_order_ids(self) -> tuple[int, ...]:
        """Orders that opened or enlarged it, oldest first."""
        return tuple(dict.fromkeys(fill.order_id for fill in self.entries))

    @property
    def exit_order_ids(self) -> tuple[int, ...]:
        """Orders that reduced it, oldest first."""
        return tuple(dict.fromkeys(fill.order_id for fill in self.exits))

    @property
    def position(self) -> int:
        """Signed contracts left open; zero for a closed trade."""
        return sum(fill.side.sign * fill.quantity for fill in self.fills)

    @property
    def quantity(self) -> int:
        """Contracts entered in total."""
        return sum(fill.quantity for fill in self.entries)

    @property
    def opened_at(self) -> datetime:
        """When the first fill happened."""
        return self.fills[0].at

    @property
    def closed_at(self) -> datetime | None:
        """When it was flat again, `None` while it is open."""
        return None if self.position else self.fills[-1].at

    def gross_usd(self, instrument: Instrument) -> Decimal | None:
        """Dollars gained before commission, `None` while the trade is open."""
        if self.position:
            return None
        ticks = sum(-fill.side.sign * fill.quantity * fill.price for fill in self.fills)
        return instrument.usd(ticks)

    def sides_traded(self) -> int:
        """Contracts bought plus contracts sold: what commission is charged on."""
        return sum(fill.quantity for fill in self.fills)


def round_trips(fills: Sequence[Filled]) -> tuple[RoundTrip, ...]:
    """Cut the fills of a record into trades, in the order of their opening."""
    done: list[RoundTrip] = []
    open_fills: dict[str, list[Filled]] = {}
    for fill in fills:
        for piece in _pieces(fill, _position(open_fills.get(fill.symbol, []))):
            mine = open_fills.setdefault(fill.symbol, [])
            mine.append(piece)
            if _position(mine) == 0:
                done.append(RoundTrip(fill.symbol, tuple(mine)))
                mine.clear()
    done += [RoundTrip(symbol, tuple(mine)) for symbol, mine in open_fills.items() if mine]
    return tuple(sorted(done, key=lambda trip: trip.opened_at))


def trade_of(history: History, order_id: int) -> RoundTrip | None:
    """Return the trade of an order, an exit's or an unfilled leg's included.

    An order that flipped the position belongs to the trade it opened.
    """
    trips = round_trips(history.fills)
    for trip in trips:
        if order_id in trip.entry_order_ids:
            return trip
    for trip in trips:
        if order_id in trip.exit_order_ids:
            return trip
    parent_id = history.order(order_id).parent_id
    return None if parent_id is None else _opened_by(trips, parent_id)


def _opened_by(trips: Sequence[RoundTrip], order_id: int) -> RoundTrip | None:
    return next((trip for trip in trips if order_id in trip.entry_order_ids), None)


def _position(fills: Sequence[Filled]) -> int:
    return sum(fill.side.sign * fill.quantity for fill in fills)


def _pieces(fill: Filled, position: int) -> list[Filled]:
    against = fill.side.sign * position < 0
    closing = min(fill.quantity, abs(position)) if against else 0
    sizes = [size for size in (closing, fill.quantity - closing) if size]
    return [
        Filled(fill.at, fill.order_id, fill.symbol, fill.side, size, fill.price) for size in sizes
    ]
