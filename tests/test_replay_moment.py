"""What was known when an order went out."""

from datetime import timedelta

import pytest

from mytrader.domain.orders import Side
from mytrader.domain.positions import UNBOUNDED
from mytrader.replay.history import (
    AnyFact,
    Doubtful,
    LinkLost,
    Reported,
    Signalled,
    StatusSeen,
)
from mytrader.replay.moment import Moment, moment_before
from tests.replay_samples import START, fill, history, order


def moment(*facts: AnyFact) -> Moment:
    """Return what was known when a BUY went out after `facts`."""
    last = order(99, 100, side=Side.BUY)
    return moment_before(history(*facts, last), last)


def report(second: int, quantity: int) -> Reported:
    return Reported(START + timedelta(seconds=second), "ES", quantity)


def said(action: str) -> Signalled:
    return Signalled(START, action, 0.62)


def test_the_position_is_the_sum_of_the_fills() -> None:
    seen = moment(
        order(1, 0, side=Side.SELL, quantity=3),
        fill(1, 1, side=Side.SELL, quantity=2),
        fill(1, 2, side=Side.SELL),
    )
    assert seen.position.interval == (-3, -3)
    assert seen.known


def test_a_newer_report_that_disagrees_widens_the_interval() -> None:
    """The founding incident: fills flat, report short 1."""
    seen = moment(order(1, 0, side=Side.SELL), fill(1, 1, side=Side.SELL), report(2, 0))
    assert seen.position.interval == (-1, 0)
    assert seen.contradicted


def test_a_report_older_than_the_newest_fill_is_no_evidence() -> None:
    seen = moment(order(1, 0, side=Side.SELL), report(1, 0), fill(1, 2, side=Side.SELL))
    assert seen.position.interval == (-1, -1)
    assert not seen.contradicted
    assert seen.reported == report(1, 0)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ((Doubtful(START, "line 3 cannot be read"),), "line 3"),
        (
            (order(1, 0, side=Side.BUY), fill(1, 1, side=Side.BUY, quantity=2)),
            "more executions than contracts",
        ),
        (
            (order(1, 0, side=Side.BUY), StatusSeen(START, 1, "Filled", 1)),
            "executions sum to less",
        ),
    ],
)
def test_a_doubt_about_fills_makes_the_position_unknown(
    facts: tuple[AnyFact, ...], word: str
) -> None:
    seen = moment(*facts)
    assert seen.position.interval == (-UNBOUNDED, UNBOUNDED)
    assert word in (seen.position.doubt or "")
    assert not seen.known


def test_a_lost_link_leaves_the_position_unconfirmed_until_the_next_report() -> None:
    assert not moment(LinkLost(START)).known
    assert moment(LinkLost(START), report(1, 0)).known


def test_a_signal_belongs_to_one_order() -> None:
    """An exit without a signal of its own must not borrow the entry's."""
    assert moment(said("SELL"), said("BUY")).signal == said("BUY")
    assert moment(said("BUY"), order(1, 1, side=Side.BUY)).signal is None


def test_orders_not_known_to_be_dead_are_working() -> None:
    """A leg whose parent has no fill is dormant; a cancelled order is gone."""
    seen = moment(
        order(1, 0, side=Side.BUY, quantity=2),
        fill(1, 1, side=Side.BUY),
        order(2, 2, side=Side.SELL, parent_id=1),
        order(3, 3, side=Side.SELL),
        StatusSeen(START, 3, "Cancelled", 0),
        order(4, 4, side=Side.SELL),
        order(5, 5, side=Side.BUY, parent_id=4),
    )
    assert [(one.order.order_id, one.remaining) for one in seen.working] == [
        (1, 1),
        (2, 1),
        (4, 1),
    ]
