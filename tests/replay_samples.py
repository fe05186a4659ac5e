"""Made-up records of the earlier trader: log lines and order histories, written by the tests."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from mytrader.domain.orders import Side
from mytrader.replay.history import AnyFact, Filled, History, Placed

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL_LOG = DATA / "bot-2025-12-12.log"
REAL_HISTORY = DATA / "orders-2025-12-12.sqlite"
needs_data = pytest.mark.skipif(
    not REAL_LOG.exists(), reason="the incident day's records (../shared/data) are absent"
)
START = datetime(2025, 3, 3, 15, 0, tzinfo=UTC)

SCHEMA = """
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, parent_order_id INTEGER, timestamp TEXT,
    symbol TEXT, action TEXT, quantity INTEGER, order_type TEXT, limit_price REAL,
    stop_price REAL, stop_loss REAL, take_profit REAL, confidence REAL, status TEXT,
    filled_quantity INTEGER, updated_at TEXT, rationale TEXT);
CREATE TABLE executions (order_id INTEGER, timestamp TEXT, quantity INTEGER, price REAL);
"""


def stamp(second: int) -> str:
    """Return the log's time, `second` seconds after nine in the morning, US Central."""
    return f"2025-03-03 09:{second // 60:02}:{second % 60:02} CST"


def line(second: int, message: str) -> str:
    """Return one log line."""
    return f"{stamp(second)} | INFO     | mytrader.execution.somewhere:do:1 - {message}"


def reported(second: int, quantity: int, *, symbol: str = "ES") -> str:
    """Return a line that reports a position."""
    return line(second, f"Reconciled position: {symbol} qty={quantity} avg_cost=0.00 (total)")


def signal(second: int, action: str, *, confidence: str = "0.62") -> str:
    """Return a line with a strategy's signal."""
    return line(
        second, f"🤖 Hybrid Pipeline: {action} (conf={confidence}, trend=UPTREND, vol=LOW)"
    )


def advice(second: int, word: str, *, who: str = "Decision") -> str:
    """Return a line with an advisor's answer."""
    return line(second, f"{who} Agent response: {word} (confidence: 60.00%)")


ADVISORY = "  🛈 AWS WAIT advisory only - not blocking trade"


def placed(second: int, order_id: int, *, action: str, limit: str, quantity: int = 1) -> str:
    """Return a line with an order request."""
    return line(
        second,
        f"Placing order request: action='{action}' quantity={quantity} type=LIMIT "
        f"limit={limit} orderId={order_id}",
    )


def leg(second: int, order_id: int, *, parent_id: int, word: str = "stop-loss") -> str:
    """Return a line with a bracket leg."""
    return line(second, f"📝 Placed bracket order {order_id} ({word}) (parent={parent_id})")


def filled(second: int, order_id: int, *, price: str, quantity: str = "1.0") -> str:
    """Return a line with an execution."""
    return line(
        second, f"✅ Execution: Order {order_id}, qty={quantity}, price={price}, commission=0.0"
    )


def alert(second: int, action: str, *, price: str, stop: str, target: str) -> str:
    """Return the alert that follows a fill and names the order's stop and target."""
    return line(second, f"📱 Sending Telegram alert: {action} 1 @ {price}, SL={stop}, TP={target}")


def status(second: int, order_id: int, *, word: str, filled_quantity: str = "0.0") -> str:
    """Return a line with an order's status."""
    text = f"📊 Order {order_id} status: {word} (filled={filled_quantity}, remaining=0.0, avg=0)"
    return line(second, text)


def good_entry(order_id: int = 7, word: str = "GO") -> list[str]:
    """Return the log of an entry against which no guard has anything to say."""
    return [
        reported(0, 0),
        signal(1, "BUY"),
        advice(2, word),
        placed(3, order_id, action="BUY", limit="6000.00"),
        filled(4, order_id, price="6000.00"),
        alert(5, "BUY", price="6000.0", stop="5995.0", target="6010.0"),
    ]


def write_log(folder: Path, *lines: str) -> Path:
    """Write a log, an empty line between its lines as the earlier trader did."""
    path = folder / "bot.log"
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path


def order_row(order_id: int, second: int, *, action: str, **more: object) -> dict[str, object]:
    """Return a row of `orders`: one filled contract at 6000.00 without stop and target."""
    at = (START + timedelta(seconds=second)).replace(tzinfo=None).isoformat()
    row: dict[str, object] = {
        "order_id": order_id,
        "timestamp": at,
        "symbol": "ES",
        "action": action,
        "quantity": 1,
        "order_type": "LIMIT",
        "limit_price": 6000.0,
        "status": "Filled",
        "filled_quantity": 1,
        "updated_at": (START + timedelta(seconds=second + 2)).replace(tzinfo=None).isoformat(),
    }
    return row | more


def execution_row(order_id: int, second: int, *, price: object = 6000.0) -> dict[str, object]:
    """Return a row of `executions` with one contract."""
    at = (START + timedelta(seconds=second)).replace(tzinfo=None).isoformat()
    return {"order_id": order_id, "timestamp": at, "quantity": 1, "price": price}


def write_history(
    folder: Path, orders: list[dict[str, object]], *, executions: list[dict[str, object]]
) -> Path:
    """Write an order history."""
    path = folder / "orders.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA)
        for table, rows in (("orders", orders), ("executions", executions)):
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                # Every name in the statement is a constant of the tests.
                statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - see above
                database.execute(statement, list(row.values()))
        database.commit()
    return path


def order(order_id: int, second: int, *, side: Side, quantity: int = 1, **more: object) -> Placed:
    """Return the fact that a limit order at 6000.00 went out."""
    return Placed(
        at=START + timedelta(seconds=second),
        order_id=order_id,
        symbol="ES",
        side=side,
        quantity=quantity,
        order_type="LIMIT",
        limit=Decimal(6000),
        **more,  # type: ignore[arg-type]  # the caller names fields of `Placed`
    )


def fill(
    order_id: int, second: int, *, side: Side, quantity: int = 1, price: int = 24_000
) -> Filled:
    """Return an execution; the price is in ticks."""
    at = START + timedelta(seconds=second)
    return Filled(at, order_id, "ES", side, quantity, price)


def history(*facts: AnyFact) -> History:
    """Return a record that holds these facts."""
    return History("made-up", "test", facts)
