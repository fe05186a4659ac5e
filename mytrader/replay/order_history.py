"""The earlier trader's order history, a SQLite file, into a `History`.

Tables `orders` and `executions` are read; times are UTC without an offset. The source records
neither what the advisors said nor what the broker reported as the position, and it does not say
whether an order was meant as an exit.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from mytrader.domain.instrument import Instrument, OffGridError
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.replay.history import (
    AnyFact,
    Doubtful,
    Filled,
    History,
    Leg,
    Placed,
    Signalled,
    StatusSeen,
    instrument_of,
)

MAGIC: Final = b"SQLite format 3\0"
MAGNITUDE_MAX: Final = 10**18
"""No id, price or quantity of an order history is near this."""

_COLUMNS: Final = {
    "orders": (
        "order_id",
        "parent_order_id",
        "timestamp",
        "symbol",
        "action",
        "quantity",
        "order_type",
        "limit_price",
        "stop_price",
        "stop_loss",
        "take_profit",
        "confidence",
        "status",
        "filled_quantity",
        "updated_at",
        "rationale",
    ),
    "executions": ("order_id", "timestamp", "quantity", "price"),
}
_WORD: Final = re.compile(r"\w{1,20}", re.ASCII)
_RANK: Final[Sequence[type]] = (Signalled, Placed, Filled, Doubtful, StatusSeen)
"""What comes first among facts of the same instant."""


class Row(Struct, frozen=True):
    """One row of a table; its cells may hold anything, so they are read through methods."""

    path: Path
    cells: dict[str, object]

    def __getitem__(self, column: str) -> object:
        return self.cells[column]

    @property
    def side(self) -> Side:
        """BUY or SELL."""
        if self["action"] not in (Side.BUY, Side.SELL):
            raise self.bad("action", "BUY or SELL")
        return Side(str(self["action"]))

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        return instrument_of(str(self["symbol"]), self.path.name)

    def number(self, column: str) -> Decimal:
        """Return a finite number."""
        value = self[column]
        try:
            number = Decimal(str(value)) if isinstance(value, int | float | str) else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or abs(number) >= MAGNITUDE_MAX:
            raise self.bad(column, "a number")
        return number

    def whole(self, column: str) -> int:
        """Return a count or an id."""
        number = self.number(column)
        if number < 0 or number != int(number):
            raise self.bad(column, "a whole number")
        return int(number)

    def price(self, column: str) -> Decimal | None:
        """Return a price in points, `None` for an empty cell."""
        return None if self[column] is None else self.number(column)

    def time(self, column: str) -> datetime:
        """Return a moment, aware UTC."""
        try:
            moment = datetime.fromisoformat(str(self[column]))
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise self.bad(column, "a time") from None

    def word(self, column: str) -> str:
        """Return a single word; other text could carry anything into a terminal."""
        text = str(self[column])
        return text if _WORD.fullmatch(text) else "unreadable"

    def bad(self, column: str, wanted: str) -> BadInput:
        """Return the error that names this cell."""
        where = f"{self.path}: {column!r} of order {self['order_id']!r}"
        return BadInput(f"{where} is {self[column]!r}, not {wanted}")


def is_order_history(path: Path) -> bool:
    """Whether the file begins as every SQLite file does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_order_history(path: Path) -> History:
    """Read a whole order history, which is opened for reading only.

    Raises `BadInput` when the file is damaged, lacks a table or column, or holds a value that
    cannot be what its column says.
    """
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            orders, executions = _tables(database, path)
    except sqlite3.Error as error:
        raise BadInput(f"{path} cannot be read as an order history: {error}") from None
    facts = [*_order_facts(orders), *_execution_facts(orders, executions)]
    facts.sort(key=lambda fact: (fact.at, _RANK.index(type(fact))))
    return History(path.name, "order history", tuple(facts))


def _tables(database: sqlite3.Connection, path: Path) -> Iterator[list[Row]]:
    health = database.execute("PRAGMA quick_check(1)").fetchone()
    if health != ("ok",):
        raise BadInput(f"{path} is a damaged SQLite file ({health[0]}): give an intact copy")
    for table, wanted in _COLUMNS.items():
        there = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        missing = [column for column in wanted if column not in there]
        if not there:
            raise BadInput(f"{path} has no table {table!r}: it is not an order history")
        if missing:
            raise BadInput(f"{path}: table {table!r} lacks the column {missing[0]!r}")
        # Every name in the statement is a constant of this file.
        query = f"SELECT {', '.join(wanted)} FROM {table} ORDER BY rowid"  # noqa: S608 - see above
        found = database.execute(query)
        yield [Row(path, dict(zip(wanted, cells, strict=True))) for cells in found]


def _order_facts(rows: Sequence[Row]) -> Iterator[AnyFact]:
    children: dict[object, list[Row]] = {}
    for row in rows:
        children.setdefault(row["parent_order_id"], []).append(row)
    for row in rows:
        order_id = row.whole("order_id")
        parent = None if row["parent_order_id"] is None else row.whole("parent_order_id")
        stop_loss, take_profit = _bracket(row, children.get(row["order_id"], ()))
        yield Placed(
            at=row.time("timestamp"),
            order_id=order_id,
            symbol=row.instrument.symbol,
            side=row.side,
            quantity=row.whole("quantity"),
            order_type=row.word("order_type"),
            limit=row.price("limit_price"),
            stop_loss=stop_loss,
            take_profit=take_profit,
            parent_id=parent,
            leg=None if parent is None else _leg(row),
        )
        yield from _signal(row)
        yield StatusSeen(
            row.time("updated_at"),
            order_id,
            row.word("status"),
            row.whole("filled_quantity"),
        )


def _bracket(row: Row, children: Sequence[Row]) -> tuple[Decimal | None, Decimal | None]:
    """Return stop and target as the order names them, or else as its legs do."""
    stop, target = row.price("stop_loss"), row.price("take_profit")
    for child in children:
        if _leg(child) is Leg.STOP and stop is None:
            stop = child.price("stop_price")
        elif _leg(child) is Leg.TARGET and target is None:
            target = child.price("limit_price")
    return stop, target


def _leg(row: Row) -> Leg:
    return Leg.STOP if str(row["order_type"]).upper().startswith("ST") else Leg.TARGET


def _signal(row: Row) -> Iterator[Signalled]:
    said = _rationale(row)
    number = None if row["confidence"] is None else row.number("confidence")
    if number is not None or said:
        yield Signalled(
            row.time("timestamp"),
            str(row.side),
            float(number) if number is not None and 0 <= number <= 1 else None,
            said.get("market_trend", ""),
            said.get("volatility_regime", ""),
        )


def _rationale(row: Row) -> dict[str, str]:
    """Return the single words of the rationale; it is decoration, so anything odd is left out."""
    try:
        said = msgspec.json.decode(str(row["rationale"] or "{}"), type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return {}
    return {
        key: value
        for key, value in said.items()
        if isinstance(value, str) and _WORD.fullmatch(value)
    }


def _execution_facts(
    orders: Sequence[Row], executions: Sequence[Row]
) -> Iterator[Filled | Doubtful]:
    known = {row["order_id"]: row for row in orders}
    for row in executions:
        at, order_id = row.time("timestamp"), row.whole("order_id")
        order = known.get(order_id)
        if order is None:
            yield Doubtful(at, f"order {order_id} filled, but the history does not hold it")
            continue
        instrument = order.instrument
        price = row.number("price")
        try:
            ticks = instrument.ticks(price)
        except OffGridError as error:
            yield Doubtful(at, f"execution of order {order_id}: {error}")
            continue
        quantity = row.whole("quantity")
        yield Filled(at, order_id, instrument.symbol, order.side, quantity, ticks)
