"""Numbers of orders: a number belongs to whoever used it last."""

from mytrader.execution.order_numbers import OrderNumbers


def test_a_number_is_found_by_reference_and_back() -> None:
    numbers = OrderNumbers()
    numbers.note("mt/a/E1", 7)
    assert (numbers.of("mt/a/E1"), numbers.ref(7), numbers.highest) == (7, "mt/a/E1", 7)
    assert (numbers.of("mt/a/S1"), numbers.ref(8)) == (0, "")


def test_an_order_without_a_number_is_no_news() -> None:
    """Lists of finished orders leave the number out."""
    numbers = OrderNumbers()
    numbers.note("mt/a/E1", 7)
    numbers.note("mt/a/E1", 0)
    assert (numbers.of("mt/a/E1"), numbers.ref(0), OrderNumbers().highest) == (7, "", 0)


def test_a_number_that_went_to_another_order_is_nobody_elses() -> None:
    """A cancel of the first would hit the second."""
    numbers = OrderNumbers()
    numbers.remember({"mt/a/E1": 7})
    numbers.note("mt/b/E1", 7)
    assert (numbers.of("mt/a/E1"), numbers.of("mt/b/E1")) == (0, 7)


def test_the_orders_of_a_finished_trade_keep_their_numbers() -> None:
    """News of them may come late; nobody waits for it."""
    numbers = OrderNumbers()
    numbers.remember({"mt/a/E1": 7, "mt/b/E1": 8})
    numbers.finish(["mt/a/E1", "mt/c/E1"])
    numbers.note("mt/a/E1", 7)
    assert (numbers.unfinished, numbers.ref(7)) == ({"mt/b/E1"}, "mt/a/E1")
