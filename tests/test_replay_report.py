"""The explanation in words and as JSON."""

from typing import Any

import msgspec
from rich.console import Console

from mytrader.domain.orders import Side
from mytrader.replay.history import (
    AnyFact,
    Doubtful,
    Leg,
    LinkLost,
    Reported,
    Signalled,
)
from mytrader.replay.report import as_json, print_explanation
from mytrader.replay.verdict import explain
from tests.replay_samples import START, fill, history, order

LOSS = (
    Reported(START, "ES", -1),
    Signalled(START, "BUY", 0.62, "UP", "LOW"),
    order(1, 1, side=Side.BUY),
    fill(1, 2, side=Side.BUY),
    order(2, 3, side=Side.SELL),
    fill(2, 4, side=Side.SELL, price=23_864),
)


def words(*facts: AnyFact, order_id: int = 1) -> str:
    """Return what is printed, line breaks undone."""
    console = Console(width=99, color_system=None)
    with console.capture() as captured:
        print_explanation(explain(history(*facts), order_id), console)
    return " ".join(captured.get().split())


def test_a_refusal_is_explained() -> None:
    """Codes, what was known, and the cost."""
    text = words(*LOSS)
    assert text.startswith("Order 1 would be refused: EXIT_WHEN_FLAT, ")
    for part in (
        "BUY 1 ES LIMIT 6000.00, stop none, target none",
        "2025-03-03 09:00:01 CST (15:00:01 UTC)",
        "the reported position says short 1 and contradicts them; possible is -1 to 0",
        "confidence 0.62, not above 0.75, trend UP, volatility LOW",
        "lost $1,700.00 before commission, (5966.00 - 6000.00) x $50",
        "lost $1,704.80 after $4.80 of commission",
        "EXIT_SAFE",
    ):
        assert part in text


def test_the_exits_id_names_both_orders() -> None:
    assert words(*LOSS, order_id=2).startswith("Order 2 is of the trade of order 1. Order 1 would")


def test_both_readings_are_named_when_the_record_does_not_say() -> None:
    assert "If meant as an exit (does not count: the record does not say" in words(*LOSS[2:])


def test_an_unknown_position_is_said_to_be_unknown() -> None:
    assert "unknown: line 3; as far as" in words(
        Doubtful(START, "line 3"), order(1, 1, side=Side.BUY)
    )
    assert "unknown: the link was lost" in words(LinkLost(START), order(1, 1, side=Side.BUY))


def test_an_old_report_is_said_to_be_no_evidence() -> None:
    facts = (order(1, 0, side=Side.BUY), Reported(START, "ES", 0), fill(1, 1, side=Side.BUY))
    assert "older than the newest fill" in words(*facts, order(2, 2, side=Side.SELL), order_id=2)


def test_what_the_record_lacks_is_said_to_be_lacking() -> None:
    """A confidence that is not recorded, a stop that is named without its price."""
    entry = order(1, 1, side=Side.BUY)
    stop = order(2, 2, side=Side.SELL, parent_id=1, leg=Leg.STOP)
    text = words(Signalled(START, "BUY", None), entry, stop)
    assert text.startswith("Order 1 cannot be judged from this record")
    assert "BUY, confidence not recorded" in text
    assert "unknown the record names the stop 2 but not its price" in text


def test_an_order_without_a_fill_cost_nothing() -> None:
    assert "no fill of this order is recorded; its last status is not recorded cost nothing" in (
        words(order(1, 0, side=Side.BUY))
    )


def test_an_open_trade_has_no_cost_yet() -> None:
    text = words(order(1, 0, side=Side.BUY), fill(1, 1, side=Side.BUY))
    assert "not known: still long 1 when the record ends" in text


def test_a_trade_of_many_fills_has_no_sum_to_show() -> None:
    facts = (
        order(1, 0, side=Side.BUY, quantity=2),
        fill(1, 1, side=Side.BUY),
        fill(1, 2, side=Side.BUY),
    )
    text = words(
        *facts,
        order(2, 3, side=Side.SELL, quantity=2),
        fill(2, 4, side=Side.SELL, quantity=2, price=24_004),
    )
    assert "gained $100.00 before commission; gained $90.40" in text


def test_lots_are_part_of_the_sum() -> None:
    facts = (
        order(1, 0, side=Side.SELL, quantity=2),
        fill(1, 1, side=Side.SELL, quantity=2),
        fill(2, 2, side=Side.BUY, quantity=2, price=23_996),
    )
    text = words(*facts[:2], order(2, 1, side=Side.BUY, quantity=2), facts[2])
    assert "gained $100.00 before commission, (6000.00 - 5999.00) x $50 x 2" in text


def test_json_holds_the_same_answer() -> None:
    told: dict[str, Any] = msgspec.json.decode(as_json(explain(history(*LOSS), 2)))
    assert (told["asked_order_id"], told["order_id"]) == (2, 1)
    assert told["refused"] is True
    assert "MISSING_STOP" in told["codes"]
    assert told["known"]["position_interval"] == [-1, 0]
    assert told["trade"]["gross_usd"] == -1700
    assert told["exits"][0]["order_id"] == 2


def test_json_of_an_unknown_position_has_no_interval() -> None:
    facts = (Doubtful(START, "line 3"), order(1, 1, side=Side.BUY))
    told: dict[str, Any] = msgspec.json.decode(as_json(explain(history(*facts), 1)))
    assert told["known"]["position_interval"] is None
    assert told["doubts"] == ["line 3"]
    assert told["trade"] is None
