"""The common shape: orders are found by id, and nothing later leaks into what was known."""

import pytest

from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.replay.history import Doubtful, StatusSeen, instrument_of
from tests.replay_samples import START, fill, history, order


def test_an_order_is_found_by_its_id() -> None:
    wanted = order(2, 1, side=Side.SELL)
    assert history(order(1, 0, side=Side.BUY), wanted).order(2) is wanted


def test_an_unknown_order_names_the_ids_that_exist() -> None:
    with pytest.raises(BadInput, match="order 9 is not in made-up, which holds the orders 1, 2"):
        history(order(1, 0, side=Side.BUY), order(2, 1, side=Side.BUY)).order(9)


def test_of_many_orders_the_range_is_named() -> None:
    many = [order(number, number, side=Side.BUY) for number in range(100, 120)]
    with pytest.raises(BadInput, match="holds 20 orders from 100 to 119"):
        history(*many).order(9)


def test_a_record_without_orders_says_so() -> None:
    with pytest.raises(BadInput, match="holds no orders"):
        history().order(9)


def test_an_id_that_was_issued_twice_is_ambiguous() -> None:
    """Order ids can be issued again after a gateway restart (SAFETY.md B15)."""
    with pytest.raises(BadInput, match="order id 1 was issued 2 times"):
        history(order(1, 0, side=Side.BUY), order(1, 9, side=Side.SELL)).order(1)


def test_what_came_later_is_not_known() -> None:
    first, second = order(1, 0, side=Side.BUY), order(2, 2, side=Side.SELL)
    early, late = fill(1, 1, side=Side.BUY), fill(2, 3, side=Side.SELL)
    assert history(first, early, second, late).before(second) == (first, early)


def test_children_statuses_and_doubts_are_listed() -> None:
    child = order(2, 1, side=Side.SELL, parent_id=1)
    words = [StatusSeen(START, 1, word, 0) for word in ("Submitted", "Cancelled")]
    doubt = Doubtful(START, "unreadable")
    record = history(order(1, 0, side=Side.BUY), child, *words, doubt)
    assert record.children(1) == (child,)
    assert record.last_status(1) == "Cancelled"
    assert record.last_status(2) == ""
    assert record.doubts == (doubt,)


def test_only_known_futures_can_be_judged() -> None:
    assert instrument_of("MES", "made-up").multiplier_usd == 5
    with pytest.raises(BadInput, match="made-up trades 'CL', which is none of ES, MES, MNQ, NQ"):
        instrument_of("CL", "made-up")
