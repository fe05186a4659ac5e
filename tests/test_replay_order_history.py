"""The earlier trader's order history."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.replay.history import Leg, Signalled
from mytrader.replay.order_history import is_order_history, read_order_history
from tests.replay_samples import (
    REAL_HISTORY,
    execution_row,
    needs_data,
    order_row,
    write_history,
)


def test_orders_and_executions_are_read_in_order_of_time(tmp_path: Path) -> None:
    path = write_history(
        tmp_path,
        [order_row(2, 10, action="SELL"), order_row(1, 0, action="BUY")],
        executions=[execution_row(2, 11), execution_row(1, 1, price=5999.75)],
    )
    record = read_order_history(path)
    assert [order.order_id for order in record.orders] == [1, 2]
    assert [(fill.side, fill.price) for fill in record.fills] == [
        (Side.BUY, 23_999),
        (Side.SELL, 24_000),
    ]
    assert record.orders[0].at == datetime(2025, 3, 3, 15, 0, tzinfo=UTC)
    assert record.orders[0].stop_loss is None
    assert record.last_status(1) == "Filled"


def test_a_time_with_offset_is_honoured(tmp_path: Path) -> None:
    row = order_row(1, 0, action="BUY", timestamp="2025-03-03T09:00:00-06:00")
    (order,) = read_order_history(write_history(tmp_path, [row], executions=[])).orders
    assert order.at == datetime(2025, 3, 3, 15, 0, tzinfo=UTC)


def test_prices_of_the_legs_stand_in_for_those_of_the_order(tmp_path: Path) -> None:
    rows = [
        order_row(1, 0, action="BUY"),
        order_row(
            2, 1, action="SELL", parent_order_id=1, order_type="STOP_LIMIT", stop_price=5995.0
        ),
        order_row(3, 2, action="SELL", parent_order_id=1, limit_price=6010.0),
        order_row(4, 3, action="BUY", stop_loss=1.0, take_profit=2.0),
        order_row(5, 4, action="SELL", parent_order_id=4, order_type="STOP", stop_price=9.0),
    ]
    record = read_order_history(write_history(tmp_path, rows, executions=[]))
    order, own = record.order(1), record.order(4)
    assert (order.stop_loss, order.take_profit) == (Decimal("5995.0"), Decimal("6010.0"))
    assert (own.stop_loss, own.take_profit) == (Decimal("1.0"), Decimal("2.0"))
    assert [child.leg for child in record.children(1)] == [Leg.STOP, Leg.TARGET]


@pytest.mark.parametrize(
    ("rationale", "trend"),
    [
        ('{"market_trend": "RANGE"}', "RANGE"),
        ('{"market_trend": "\\u001b[31m"}', ""),
        ('{"market_trend": 3}', ""),
        ("[1", ""),
    ],
)
def test_the_rationale_is_read_but_never_trusted(
    tmp_path: Path, rationale: str, trend: str
) -> None:
    row = order_row(1, 0, action="BUY", rationale=rationale, confidence=0.62)
    record = read_order_history(write_history(tmp_path, [row], executions=[]))
    (signal,) = [fact for fact in record.facts if isinstance(fact, Signalled)]
    assert (signal.action, signal.confidence, signal.trend) == ("BUY", 0.62, trend)


def test_a_confidence_beyond_one_is_not_believed(tmp_path: Path) -> None:
    row = order_row(1, 0, action="BUY", confidence=62)
    record = read_order_history(write_history(tmp_path, [row], executions=[]))
    assert [f.confidence for f in record.facts if isinstance(f, Signalled)] == [None]


@pytest.mark.parametrize(
    ("execution", "why"),
    [
        (execution_row(9, 1), "order 9 filled, but the history does not hold it"),
        (execution_row(1, 1, price=6000.1), "off the 0.25 grid"),
    ],
)
def test_an_execution_that_fits_nowhere_is_a_doubt(
    tmp_path: Path, execution: dict[str, object], why: str
) -> None:
    record = read_order_history(
        write_history(tmp_path, [order_row(1, 0, action="BUY")], executions=[execution])
    )
    assert [why in doubt.why for doubt in record.doubts] == [True]


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("action", "HOLD", "'action' of order 1 is 'HOLD', not BUY or SELL"),
        ("quantity", "many", "'quantity' of order 1 is 'many', not a number"),
        ("quantity", 1.5, "not a whole number"),
        ("quantity", b"\0", "not a number"),
        ("limit_price", float("inf"), "not a number"),
        ("limit_price", "1e999999999", "not a number"),
        ("timestamp", "yesterday", "'timestamp' of order 1 is 'yesterday', not a time"),
        ("symbol", "CL", "trades 'CL', which is none of ES, MES, MNQ, NQ"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    tmp_path: Path, column: str, value: object, why: str
) -> None:
    path = write_history(
        tmp_path, [order_row(1, 0, action="BUY") | {column: value}], executions=[]
    )
    with pytest.raises(BadInput, match=why):
        read_order_history(path)


def test_text_that_is_no_word_is_not_shown(tmp_path: Path) -> None:
    path = write_history(
        tmp_path, [order_row(1, 0, action="BUY", status="\x1b[31mFilled")], executions=[]
    )
    assert read_order_history(path).last_status(1) == "unreadable"


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DROP TABLE executions", "no table 'executions'"),
        ("ALTER TABLE orders DROP COLUMN stop_loss", "lacks the column 'stop_loss'"),
    ],
)
def test_a_file_without_the_tables_is_refused(tmp_path: Path, statement: str, why: str) -> None:
    path = write_history(tmp_path, [], executions=[])
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)
    with pytest.raises(BadInput, match=why):
        read_order_history(path)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    rows = [
        order_row(number, number, action="BUY", rationale="x" * 500) for number in range(1, 40)
    ]
    path = write_history(tmp_path, rows, executions=[])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert is_order_history(path)
    with pytest.raises(BadInput, match=r"cannot be read as an order history|damaged"):
        read_order_history(path)


def test_a_page_of_rubbish_is_refused(tmp_path: Path) -> None:
    rows = [
        order_row(number, number, action="BUY", rationale="x" * 500) for number in range(1, 40)
    ]
    path = write_history(tmp_path, rows, executions=[])
    whole = bytearray(path.read_bytes())
    whole[-3000:] = b"\x07" * 3000
    path.write_bytes(bytes(whole))
    with pytest.raises(BadInput, match="damaged"):
        read_order_history(path)


@needs_data
def test_the_real_history_is_read_without_a_doubt() -> None:
    record = read_order_history(REAL_HISTORY)
    assert (len(record.orders), len(record.fills), record.doubts) == (18, 16, ())
    order = record.order(10944)
    assert (order.stop_loss, order.take_profit) == (Decimal("6895.25"), Decimal("6894.75"))
    assert record.last_status(21782) == "PendingCancel"
