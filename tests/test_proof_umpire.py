"""The umpire sees what is wrong, and nothing where all is well: one case for each invariant."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.domain.orders import Side
from mytrader.proof.umpire import Umpire
from mytrader.simulator.broker_orders import OrderState
from mytrader.tws import order_answers
from mytrader.tws.requests import CancelOrder
from tests.day_samples import (
    CYCLE,
    ENTRY,
    EXIT,
    NOON,
    OTHER,
    STOP,
    Account,
    Book,
    at,
    bracket,
    bytes_of,
    resting,
    spec,
    umpire,
)

BUY, SELL = Side.BUY, Side.SELL


def found(judge: Umpire) -> list[str]:
    return [violation.invariant for violation in judge.violations]


def opened() -> Account:
    """Long one, covered by its stop."""
    account = Account()
    account.fill(ENTRY, BUY)
    account.rest(resting(STOP, SELL, 2, parent=1))
    return account


# What is well.


def test_a_commission_that_was_never_told_is_no_fault_of_the_trader() -> None:
    account = opened()
    judge = umpire(account)
    judge.look(at(1))
    (fill,) = account.executions
    assert judge.unheard_usd == fill.commission_usd > 0
    judge.told(
        at(2), order_answers.CommissionReport(fill.exec_id, fill.commission_usd, "USD", None)
    )
    assert judge.unheard_usd == 0


def test_a_bracket_that_opens_rests_and_closes_is_well() -> None:
    account = Account()
    judge = umpire(account)
    account.rest(resting(ENTRY, BUY, 1), resting(STOP, SELL, 2, parent=1, state=OrderState.CHILD))
    judge.look(at(1))
    account.fill(ENTRY, BUY)
    account.rest(resting(STOP, SELL, 2, parent=1))
    judge.look(at(2))
    account.fill(STOP, SELL, perm_id=2)
    account.rest()
    judge.look(at(60))
    judge.finish(at(61))
    assert judge.violations == []
    assert judge.fills == {"entry": 1, "stop": 1}
    assert judge.cover.spans == []


def test_orders_of_a_person_are_not_judged_as_exits() -> None:
    account = Account()
    account.fill("", BUY, 3)
    account.rest(resting("by hand", BUY, 9))
    judge = umpire(account)
    judge.look(at(1))
    assert "I1" not in found(judge)


def test_a_group_that_the_broker_keeps_counts_once_in_bracket_and_twice_in_strict() -> None:
    account = opened()
    account.rest(
        resting(STOP, SELL, 2, parent=1, group="g"),
        resting(f"mt/{CYCLE}/T1", SELL, 3, parent=1, group="g"),
    )
    trusting, strict = umpire(account, profile=Profile.BRACKET), umpire(account)
    trusting.look(at(1))
    strict.look(at(1))
    assert found(trusting) == []
    assert found(strict) == ["I1"]


# I1


def test_an_exit_that_fills_when_flat_is_seen() -> None:
    account = Account()
    account.fill(EXIT, SELL)
    judge = umpire(account)
    judge.look(at(1))
    assert found(judge)[0] == "I1"


def test_an_exit_that_goes_through_zero_is_seen() -> None:
    account = opened()
    account.fill(STOP, SELL, 2, perm_id=2)
    judge = umpire(account, lots=3)
    judge.look(at(1))
    assert found(judge)[0] == "I1"


@pytest.mark.parametrize("spoil", ["flat", "wrong side", "too many"])
def test_exits_that_could_open_are_seen_before_they_fill(spoil: str) -> None:
    account = opened()
    more = {
        "flat": [resting(STOP, SELL, 2)],
        "wrong side": [resting(STOP, SELL, 2), resting(EXIT, BUY, 4)],
        "too many": [resting(STOP, SELL, 2), resting(EXIT, SELL, 4)],
    }[spoil]
    if spoil == "flat":
        account.fill("by hand", SELL)
    account.rest(*more)
    judge = umpire(account)
    judge.look(at(1))
    assert found(judge) == ["I1"]


# I2


def test_a_bare_position_is_seen_when_the_trader_was_told() -> None:
    account = Account()
    judge = umpire(account)
    account.fill(ENTRY, BUY)
    judge.look(at(1))
    assert judge.cover.bare
    status = order_answers.OrderStatus(
        7, "Filled", Decimal(1), Decimal(0), Decimal(1), 1, 0, Decimal(1), 1
    )
    judge.told(at(1.5), status)
    judge.look(at(4))
    assert found(judge) == []
    judge.look(at(5))
    assert found(judge) == ["I2"]


def test_a_stop_that_the_broker_refused_leaves_the_position_bare() -> None:
    account = opened()
    judge = umpire(account)
    judge.look(at(1))
    account.rest()
    judge.look(at(2))
    assert judge.cover.bare
    assert judge.events == judge.events


def test_a_stop_that_waits_for_its_parent_covers_nothing() -> None:
    account = opened()
    account.rest(resting(STOP, SELL, 2, parent=1, state=OrderState.CHILD))
    judge = umpire(account)
    judge.look(at(1))
    assert judge.cover.bare


# I3, I8


def test_two_live_orders_of_one_reference_are_seen() -> None:
    account = opened()
    account.rest(resting(ENTRY, BUY, 5), resting(ENTRY, BUY, 6))
    judge = umpire(account)
    judge.look(at(1))
    assert "I3" in found(judge)


def test_a_position_beyond_the_lots_is_seen() -> None:
    account = opened()
    account.fill(f"mt/{CYCLE}/E2", BUY)
    judge = umpire(account)
    judge.look(at(1))
    assert "I8" in found(judge)


def test_too_many_messages_in_a_second_are_seen() -> None:
    judge = umpire(Account())
    for number in range(51):
        judge.asked(at(number / 100), 1, CancelOrder(number))
    assert found(judge) == ["I8"]


# I4, I6, I7, I9: what arrives.


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """A record with one signal."""
    return Book(tmp_path)


def test_an_entry_that_was_recorded_first_is_well(book: Book) -> None:
    book.decide(bracket(spec(ENTRY), spec(STOP)))
    judge = umpire(Account(), book)
    judge.asked(NOON, 1, bytes_of(spec(ENTRY)))
    judge.asked(NOON, 1, bytes_of(spec(STOP)))
    assert judge.violations == []


def _unrecorded(book: Book) -> None:
    del book


def _not_durable(book: Book) -> None:
    book.decide(bracket(spec(ENTRY)), durable=False)


def _otherwise(book: Book) -> None:
    book.decide(bracket(replace(spec(ENTRY), limit=27399)))


@pytest.mark.parametrize("record", [_unrecorded, _not_durable, _otherwise])
def test_bytes_that_the_disk_does_not_have_are_seen(
    book: Book, record: Callable[[Book], None]
) -> None:
    record(book)
    judge = umpire(Account(), book)
    judge.asked(NOON, 1, bytes_of(spec(ENTRY)))
    assert "I4" in found(judge)


def test_bytes_sent_twice_for_one_intent_are_seen(book: Book) -> None:
    book.decide(bracket(spec(ENTRY)))
    judge = umpire(Account(), book)
    judge.asked(NOON, 1, bytes_of(spec(ENTRY)))
    assert judge.violations == []
    judge.asked(NOON, 1, bytes_of(spec(ENTRY)))
    assert found(judge) == ["I4"]


def test_a_change_needs_its_own_intent(book: Book) -> None:
    book.decide(bracket(spec(ENTRY), spec(STOP)))
    account = opened()
    judge = umpire(account, book)
    moved = replace(spec(STOP), stop=27395)
    judge.asked(NOON, 1, bytes_of(spec(STOP)))
    book.change(moved)
    judge.asked(NOON, 1, bytes_of(moved))
    assert judge.violations == []
    judge.asked(NOON, 1, bytes_of(replace(moved, stop=27396)))
    assert found(judge) == ["I4", "I4"]


def test_a_cancel_needs_its_record(book: Book) -> None:
    account = opened()
    judge = umpire(account, book)
    book.cancel(STOP)
    judge.asked(NOON, 1, CancelOrder(2))
    assert judge.violations == []
    account.rest(resting(EXIT, SELL, 3))
    judge.asked(NOON, 1, CancelOrder(3))
    assert found(judge) == ["I4"]


def test_an_entry_while_something_is_open_is_seen(book: Book) -> None:
    book.decide(bracket(spec(ENTRY)))
    account = Account()
    account.fill(f"mt/{OTHER}/E1", BUY)
    judge = umpire(account, book)
    judge.look(NOON)
    judge.asked(NOON, 1, bytes_of(spec(ENTRY)))
    assert "I6" in found(judge)


def test_an_entry_while_something_may_still_fill_is_seen(book: Book) -> None:
    book.decide(bracket(spec(ENTRY)))
    account = Account()
    account.rest(resting(f"mt/{OTHER}/E1", BUY, 4))
    judge = umpire(account, book)
    judge.asked(NOON, 1, bytes_of(spec(ENTRY)))
    assert found(judge) == ["I6"]


def test_an_entry_without_permission_is_seen(book: Book) -> None:
    book.decide(bracket(spec(ENTRY)))
    judge = umpire(Account(), book)
    judge.asked(at(200), 1, bytes_of(spec(ENTRY)))
    assert found(judge) == ["I6"]


def test_an_order_without_a_cycle_is_seen(book: Book) -> None:
    judge = umpire(Account(), book)
    judge.asked(NOON, 1, replace(bytes_of(spec(ENTRY)), order_ref="mine"))
    other = f"mt/{OTHER}/E1"
    book.decide(bracket(spec(other)))
    judge.asked(NOON, 1, bytes_of(spec(other)))
    assert found(judge)[0] == "I9"
    assert any("belongs to no cycle" in violation.text for violation in judge.violations)


def test_an_order_that_is_too_large_is_seen(book: Book) -> None:
    large = replace(spec(ENTRY), quantity=3)
    book.decide(bracket(large))
    judge = umpire(Account(), book)
    judge.asked(NOON, 1, bytes_of(large))
    assert found(judge) == ["I8"]
