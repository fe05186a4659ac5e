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

from mytrader.domain.instrument import OffGridError
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

Row = dict[str, object]


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
    facts = [*_order_facts(orders, path), *_execution_facts(orders, executions, path)]
    facts.sort(key=lambda fact: (fact.at, _RANK.index(type(fact))))
    return History(path.name, "order history", tuple(facts))


def _tables(database: sqlite3.Connection, path: Path) -> tuple[list[Row], list[Row]]:
    health = database.execute("PRAGMA quick_check(1)").fetchone()
    if health != ("ok",):
        raise BadInput(f"{path} is a damaged SQLite file ({health[0]}): give an intact copy")
    return _rows(database, "orders", path), _rows(database, "executions", path)


def _rows(database: sqlite3.Connection, table: str, path: Path) -> list[Row]:
    wanted = _COLUMNS[table]
    there = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    missing = [column for column in wanted if column not in there]
    if not there:
        raise BadInput(f"{path} has no table {table!r}: it is not an order history")
    if missing:
        raise BadInput(f"{path}: table {table!r} lacks the column {missing[0]!r}")
    query = f"SELECT {', '.join(wanted)} FROM {table} ORDER BY rowid"  # noqa: S608 - both names are constants of this file
    return [dict(zip(wanted, row, strict=True)) for row in database.execute(query)]


def _order_facts(rows: Sequence[Row], path: Path) -> Iterator[AnyFact]:
    prices = {_whole(row, "order_id", path): _bracket(row, rows, path) for row in rows}
    for row in rows:
        order_id = _whole(row, "order_id", path)
        parent = None if row["parent_order_id"] is None else _whole(row, "parent_order_id", path)
        stop_loss, take_profit = prices[order_id]
        yield Placed(
            at=_time(row, "timestamp", path),
            order_id=order_id,
            symbol=instrument_of(str(row["symbol"]), path.name).symbol,
            side=_side(row, path),
            quantity=_whole(row, "quantity", path),
            order_type=_word(row, "order_type"),
            limit=_price(row, "limit_price", path),
            stop_loss=stop_loss,
            take_profit=take_profit,
            parent_id=parent,
            leg=None if parent is None else _leg(row),
        )
        yield from _signal(row, path)
        yield StatusSeen(
            _time(row, "updated_at", path),
            order_id,
            _word(row, "status"),
            _whole(row, "filled_quantity", path),
        )


def _bracket(row: Row, rows: Sequence[Row], path: Path) -> tuple[Decimal | None, Decimal | None]:
    """Return stop and target as the order names them, or else as its legs do."""
    stop, target = _price(row, "stop_loss", path), _price(row, "take_profit", path)
    for child in rows:
        if child["parent_order_id"] != row["order_id"]:
            continue
        if _leg(child) is Leg.STOP and stop is None:
            stop = _price(child, "stop_price", path)
        elif _leg(child) is Leg.TARGET and target is None:
            target = _price(child, "limit_price", path)
    return stop, target


def _leg(row: Row) -> Leg:
    return Leg.STOP if str(row["order_type"]).upper().startswith("ST") else Leg.TARGET


def _signal(row: Row, path: Path) -> Iterator[Signalled]:
    said = _rationale(row)
    number = None if row["confidence"] is None else _number(row, "confidence", path)
    if number is not None or said:
        yield Signalled(
            _time(row, "timestamp", path),
            str(_side(row, path)),
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
    orders: Sequence[Row], executions: Sequence[Row], path: Path
) -> Iterator[Filled | Doubtful]:
    known = {row["order_id"]: row for row in orders}
    for row in executions:
        at, order_id = _time(row, "timestamp", path), _whole(row, "order_id", path)
        order = known.get(order_id)
        if order is None:
            yield Doubtful(at, f"order {order_id} filled, but the history does not hold it")
            continue
        instrument = instrument_of(str(order["symbol"]), path.name)
        price = _number(row, "price", path)
        try:
            ticks = instrument.ticks(price)
        except OffGridError as error:
            yield Doubtful(at, f"execution of order {order_id}: {error}")
            continue
        quantity = _whole(row, "quantity", path)
        yield Filled(at, order_id, instrument.symbol, _side(order, path), quantity, ticks)


def _where(row: Row, column: str, path: Path) -> str:
    return f"{path}: {column!r} of order {row['order_id']!r} is {row[column]!r}"


def _side(row: Row, path: Path) -> Side:
    if row["action"] not in (Side.BUY, Side.SELL):
        raise BadInput(f"{_where(row, 'action', path)}, not BUY or SELL")
    return Side(str(row["action"]))


def _number(row: Row, column: str, path: Path) -> Decimal:
    value = row[column]
    try:
        number = Decimal(str(value)) if isinstance(value, int | float | str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number) >= MAGNITUDE_MAX:
        raise BadInput(f"{_where(row, column, path)}, not a number")
    return number


def _word(row: Row, column: str) -> str:
    """Return a single word; other text could carry anything into a terminal."""
    text = str(row[column])
    return text if _WORD.fullmatch(text) else "unreadable"


def _whole(row: Row, column: str, path: Path) -> int:
    number = _number(row, column, path)
    if number < 0 or number != int(number):
        raise BadInput(f"{_where(row, column, path)}, not a whole number")
    return int(number)


def _price(row: Row, column: str, path: Path) -> Decimal | None:
    return None if row[column] is None else _number(row, column, path)


def _time(row: Row, column: str, path: Path) -> datetime:
    try:
        moment = datetime.fromisoformat(str(row[column]))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{_where(row, column, path)}, not a time") from None
