"""The exchange: every rule of `simulator.matching`, each with its mirror, then any order flow."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.domain.orders import OrderKind, Side, TimeInForce
from mytrader.simulator.market import MarketTick
from mytrader.simulator.matching import (
    CANCEL_TOO_LATE,
    CANCEL_UNKNOWN,
    DUPLICATE_ID,
    MALFORMED,
    MODIFY_FILLED,
    MODIFY_MISMATCH,
    SIZE_ZERO,
    UNKNOWN_ID,
    Accepted,
    Cancelled,
    CancelReason,
    ExchangeOrder,
    Fact,
    Filled,
    Matching,
    Refused,
    Triggered,
)
from tests.matching_venue import AT, Judge, Venue

NIGHT = datetime(2025, 12, 12, 3, 0, tzinfo=UTC)
BOTH = pytest.mark.parametrize("side", list(Side))


@BOTH
def test_a_marketable_limit_takes_the_touch_not_its_limit(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    assert venue.submit(venue.order(8)) == [Accepted(1), venue.fill(5, aggressor=True)]


@BOTH
def test_a_limit_at_the_touch_trades_at_once(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    assert venue.submit(venue.order(5)) == [Accepted(1), venue.fill(5, aggressor=True)]


@BOTH
def test_a_limit_short_of_the_touch_rests(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    assert venue.submit(venue.order(4)) == [Accepted(1)]


@BOTH
def test_a_resting_limit_does_not_fill_on_a_trade_at_its_price(side: Side) -> None:
    """We stand at the end of the queue."""
    venue = Venue(side)
    venue.tick(5)
    venue.submit(venue.order(3))
    assert venue.tick(4, last=3) == []


@BOTH
def test_a_queue_that_ends_is_worked_off_by_trades_at_the_price(side: Side) -> None:
    venue = Venue(side)
    venue.matching.queue_ahead = 15
    venue.tick(5)
    venue.submit(venue.order(3, quantity=6))
    assert venue.tick(4, last=3, size=10) == []
    assert venue.tick(4, last=4, size=10) == []
    assert venue.tick(4, last=3, size=8) == [venue.fill(3, aggressor=False, quantity=3)]
    assert venue.tick(4, last=3, size=8) == [venue.fill(3, aggressor=False, quantity=3)]


@BOTH
def test_a_change_of_price_goes_to_the_end_of_the_queue(side: Side) -> None:
    venue = Venue(side)
    venue.matching.queue_ahead = 5
    venue.tick(5)
    venue.submit(venue.order(2, quantity=2))
    venue.tick(3, last=2, size=5)
    venue.replace(venue.order(1, quantity=2))
    assert venue.tick(4, last=1, size=5) == []
    venue.replace(venue.order(1, quantity=1))
    assert venue.tick(4, last=1, size=5) == [venue.fill(1, aggressor=False)]


@BOTH
def test_a_resting_limit_fills_at_its_price_when_a_trade_prints_through_it(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    venue.submit(venue.order(3))
    assert venue.tick(4, last=2) == [venue.fill(3, aggressor=False)]


@BOTH
@pytest.mark.parametrize("touch", [3, 1, -20])
def test_a_resting_limit_fills_at_its_price_when_the_touch_reaches_it(
    side: Side, touch: int
) -> None:
    """No improvement is assumed, not even over a gap."""
    venue = Venue(side)
    venue.tick(5)
    venue.submit(venue.order(3))
    assert venue.tick(touch) == [venue.fill(3, aggressor=False)]


@BOTH
def test_a_trade_before_the_order_is_not_a_trade_through_it(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5, last=1)
    assert venue.submit(venue.order(3)) == [Accepted(1)]
    assert venue.replace(venue.order(2)) == [Accepted(1)]


@BOTH
def test_a_quote_without_a_trade_fills_nothing(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5, size=0)
    assert venue.submit(venue.order(9)) == [Accepted(1)]
    assert venue.tick(4, size=0) == []
    assert venue.tick(4, size=1) == [venue.fill(4, aggressor=True)]


@BOTH
def test_orders_before_the_first_tick_wait_for_it_and_take_its_touch(side: Side) -> None:
    venue = Venue(side)
    assert venue.submit(venue.order(5)) == [Accepted(1)]
    assert venue.tick(2) == [venue.fill(2, aggressor=True)]


@BOTH
def test_a_tick_offers_its_size_and_the_rest_waits_for_the_next(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5, size=2)
    sent = venue.submit(venue.order(8, quantity=5))
    assert sent == [Accepted(1), venue.fill(5, 2, aggressor=True)]
    assert venue.tick(6, size=1) == [venue.fill(6, 1, aggressor=True)]
    assert venue.tick(9, size=9) == []
    assert venue.tick(7, size=9) == [venue.fill(8, 2, aggressor=False)]
    assert venue.matching.working == ()


@BOTH
def test_orders_share_a_tick_best_limit_first_then_oldest(side: Side) -> None:
    venue = Venue(side)
    venue.tick(20)
    for order_id, limit in ((1, 3), (2, 4), (3, 4)):
        order = venue.order(limit)
        plain = ExchangeOrder(order_id, side, 1, OrderKind.LMT, order.limit)
        venue.submit(plain)
    filled = [fact.order_id for fact in venue.tick(0, size=2)]
    assert filled == [2, 3]
    assert [fact.order_id for fact in venue.tick(0, size=2)] == [1]


@BOTH
def test_the_two_sides_do_not_take_each_others_size(side: Side) -> None:
    venue = Venue(side)
    venue.tick(0, size=1)
    mirror = ExchangeOrder(2, side.opposite, 1, OrderKind.LMT, venue.price(-5))
    assert len(venue.submit(venue.order(5))) == 2
    assert len(venue.submit(mirror)) == 2


@BOTH
@pytest.mark.parametrize("last", [5, 6])
def test_a_stop_triggers_on_a_trade_at_or_beyond_it_and_takes_the_touch(
    side: Side, last: int
) -> None:
    venue = Venue(side)
    venue.tick(0)
    assert venue.submit(venue.order(9, stop=5)) == [Accepted(1)]
    assert venue.tick(4) == []
    assert venue.tick(last) == [Triggered(1), venue.fill(last, aggressor=True)]


@BOTH
def test_a_stop_is_not_triggered_by_a_quote(side: Side) -> None:
    venue = Venue(side)
    venue.tick(0)
    venue.submit(venue.order(9, stop=5))
    assert venue.tick(7, last=4) == []
    assert venue.tick(7, last=7, size=0) == []


@BOTH
def test_a_stop_waits_for_the_first_trade_of_the_session(side: Side) -> None:
    """A quote beyond it, with nothing traded yet, elects nothing."""
    venue = Venue(side)
    venue.tick(7, size=0)
    assert venue.submit(venue.order(9, stop=5)) == [Accepted(1)]
    assert venue.tick(7) == [Triggered(1), venue.fill(7, aggressor=True)]


@BOTH
def test_an_untriggered_stop_does_not_trade_however_good_the_price(side: Side) -> None:
    venue = Venue(side)
    venue.tick(0)
    venue.submit(venue.order(9, stop=5))
    assert venue.tick(-50) == []


@BOTH
def test_a_triggered_stop_may_rest_beyond_its_limit_and_fills_when_the_market_returns(
    side: Side,
) -> None:
    venue = Venue(side)
    venue.tick(0)
    venue.submit(venue.order(6, stop=5))
    assert venue.tick(30) == [Triggered(1)]
    assert venue.tick(8) == []
    assert venue.tick(6) == [venue.fill(6, aggressor=False)]


@BOTH
def test_the_trade_that_triggers_a_stop_is_not_a_trade_with_it(side: Side) -> None:
    venue = Venue(side)
    venue.tick(0)
    venue.submit(venue.order(6, stop=5))
    assert venue.tick(8, last=5) == [Triggered(1)]


@BOTH
def test_a_stop_sent_beyond_the_market_triggers_at_once(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    sent = venue.submit(venue.order(9, stop=5))
    assert sent == [Accepted(1), Triggered(1), venue.fill(5, aggressor=True)]


@BOTH
def test_a_stop_moved_to_the_market_triggers_at_once(side: Side) -> None:
    """Exit protocol A: the resting stop is repriced until it is marketable."""
    venue = Venue(side)
    venue.tick(0)
    venue.submit(venue.order(30, stop=20))
    changed = venue.replace(venue.order(10, stop=-5))
    assert changed == [Accepted(1), Triggered(1), venue.fill(0, aggressor=True)]


@BOTH
def test_an_order_works_at_its_old_price_until_it_is_replaced(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    venue.submit(venue.order(0))
    assert venue.tick(0) == [venue.fill(0, aggressor=False)]
    [refused] = venue.replace(venue.order(-3))
    assert isinstance(refused, Refused)
    assert refused.code == MODIFY_FILLED
    assert "Filled" in refused.text


@BOTH
def test_a_triggered_order_stays_triggered_and_can_be_chased(side: Side) -> None:
    venue = Venue(side)
    venue.tick(0)
    venue.submit(venue.order(6, stop=5))
    venue.tick(30)
    changed = venue.replace(venue.order(35, stop=50))
    assert changed == [Accepted(1), venue.fill(30, aggressor=True)]


@BOTH
def test_a_replacement_goes_to_the_end_of_the_queue_unless_it_only_shrinks(side: Side) -> None:
    venue = Venue(side)
    venue.tick(20)
    orders = [
        ExchangeOrder(number, side, 2, OrderKind.LMT, venue.price(3)) for number in (1, 2, 3)
    ]
    for order in orders:
        venue.submit(order)
    venue.replace(ExchangeOrder(1, side, 1, OrderKind.LMT, venue.price(3)))
    venue.replace(ExchangeOrder(2, side, 3, OrderKind.LMT, venue.price(3)))
    filled = [fact.order_id for fact in venue.tick(3, size=20)]
    assert filled == [1, 3, 2]


@BOTH
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda v: ExchangeOrder(1, v.side.opposite, 3, OrderKind.LMT, 1000), MODIFY_MISMATCH),
        (lambda v: v.order(3, stop=2, quantity=3), MODIFY_MISMATCH),
        (lambda v: v.order(3, quantity=1), MODIFY_MISMATCH),
        (lambda v: v.order(3, quantity=0), SIZE_ZERO),
        (lambda v: ExchangeOrder(9, v.side, 1, OrderKind.LMT, 1000), UNKNOWN_ID),
    ],
)
def test_a_refused_change_keeps_the_old_order(
    side: Side, change: Callable[[Venue], ExchangeOrder], code: int
) -> None:
    venue = Venue(side)
    venue.tick(5, size=1)
    venue.submit(venue.order(5, quantity=3))
    before = venue.matching.working
    [refused] = venue.replace(change(venue))
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert venue.matching.working == before
    assert venue.tick(5) == [venue.fill(5, 2, aggressor=True)]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (ExchangeOrder(1, Side.BUY, 0, OrderKind.LMT, 1000), SIZE_ZERO),
        (ExchangeOrder(1, Side.BUY, -1, OrderKind.LMT, 1000), SIZE_ZERO),
        (ExchangeOrder(1, Side.BUY, 1, OrderKind.STP_LMT, 1000), MALFORMED),
        (ExchangeOrder(1, Side.BUY, 1, OrderKind.LMT, 1000, stop=1000), MALFORMED),
    ],
)
def test_a_malformed_order_is_refused_and_does_not_exist(order: ExchangeOrder, code: int) -> None:
    matching = Matching()
    [refused] = matching.submit(order, AT)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert matching.working == ()
    [unknown] = matching.cancel(1, AT)
    assert isinstance(unknown, Refused)
    assert unknown.code == CANCEL_UNKNOWN


@BOTH
def test_an_id_is_never_used_twice(side: Side) -> None:
    venue = Venue(side)
    venue.submit(venue.order(0))
    for _ in range(2):
        [refused] = venue.submit(venue.order(0))
        assert isinstance(refused, Refused)
        assert refused.code == DUPLICATE_ID
        venue.matching.cancel(1, AT)


@BOTH
def test_a_cancelled_order_does_not_fill(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    venue.submit(venue.order(0))
    assert venue.matching.cancel(1, AT) == [Cancelled(1, CancelReason.REQUESTED)]
    assert venue.tick(-10) == []
    [refused] = venue.matching.cancel(1, AT)
    assert isinstance(refused, Refused)
    assert refused.code == CANCEL_TOO_LATE
    assert "Cancelled" in refused.text


@BOTH
def test_a_filled_order_cannot_be_cancelled(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    venue.submit(venue.order(5))
    [refused] = venue.matching.cancel(1, AT)
    assert isinstance(refused, Refused)
    assert refused.code == CANCEL_TOO_LATE
    assert "Filled" in refused.text


@BOTH
def test_day_orders_end_with_the_session_and_others_wait_for_the_next(side: Side) -> None:
    venue = Venue(side)
    venue.tick(5)
    venue.submit(ExchangeOrder(2, side, 1, OrderKind.LMT, venue.price(0), tif=TimeInForce.DAY))
    venue.submit(venue.order(1))
    assert venue.matching.close_session(AT) == [Cancelled(2, CancelReason.EXPIRED)]
    late = ExchangeOrder(3, side, 1, OrderKind.LMT, venue.price(9))
    assert venue.submit(late) == [Accepted(3)]
    reopening = venue.tick(-2)
    assert reopening == [
        Filled(3, 1, venue.price(-2), AT, aggressor=True),
        venue.fill(1, aggressor=False),
    ]


@BOTH
def test_a_stop_over_a_gap_triggers_at_the_reopening(side: Side) -> None:
    venue = Venue(side)
    venue.tick(0)
    venue.submit(venue.order(9, stop=5))
    venue.matching.close_session(AT)
    assert venue.tick(7) == [Triggered(1), venue.fill(7, aggressor=True)]


@BOTH
@pytest.mark.parametrize("stop", [None, 0])
def test_an_order_for_regular_hours_is_held_at_night(side: Side, stop: int | None) -> None:
    venue = Venue(side, NIGHT)
    venue.tick(0)
    plain = venue.order(9, stop)
    held = ExchangeOrder(1, side, 1, plain.kind, plain.limit, plain.stop, outside_rth=False)
    assert venue.submit(held) == [Accepted(1)]
    assert venue.tick(3) == []
    venue.at = AT
    facts = venue.tick(3)
    assert facts[-1] == Filled(1, 1, venue.price(3), AT, aggressor=True)


def test_working_shows_copies() -> None:
    venue = Venue(Side.BUY)
    venue.submit(venue.order(0))
    venue.matching.working[0].filled = 1
    assert venue.matching.working[0].filled == 0


def test_a_tick_without_orders_costs_next_to_nothing() -> None:
    """A day is skipped through at the speed of its ticks."""
    matching = Matching()
    tick = MarketTick(AT, 999, 1000, 1000, 1)
    assert all(matching.advance(tick) == [] for _ in range(10_000))


ORDERS = st.builds(
    ExchangeOrder,
    order_id=st.integers(1, 6),
    side=st.sampled_from(Side),
    quantity=st.integers(0, 5),
    kind=st.sampled_from(OrderKind),
    limit=st.integers(990, 1010),
    stop=st.none() | st.integers(990, 1010),
    tif=st.sampled_from(TimeInForce),
    outside_rth=st.booleans(),
)
TICKS = st.builds(
    lambda bid, size, up: ("advance", MarketTick(AT, bid, bid + 1, bid + up, size)),
    st.integers(988, 1011),
    st.integers(0, 4),
    st.integers(0, 1),
)
ACTIONS = st.one_of(
    TICKS,
    TICKS,
    st.tuples(st.just("submit"), ORDERS),
    st.tuples(st.just("replace"), ORDERS),
    st.tuples(st.just("cancel"), st.integers(1, 6)),
    st.tuples(st.just("close"), st.none()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTIONS, max_size=40))
@pytest.mark.slow
def test_no_order_flow_produces_an_impossible_fact(actions: list[tuple[str, object]]) -> None:
    """And equal calls give equal facts."""
    one, other, judge = Matching(), Matching(), Judge()
    for name, value in actions:
        facts = act(one, (name, value))
        assert facts == act(other, (name, value))
        for fact in facts:
            judge.hear(value if isinstance(value, ExchangeOrder) else None, fact)
    alive = {entry.order.order_id: entry.filled for entry in one.working}
    assert alive == {
        order_id: judge.filled.get(order_id, 0)
        for order_id in judge.orders
        if order_id not in judge.dead
    }


def act(matching: Matching, action: tuple[str, object]) -> list[Fact]:
    """Carry out one drawn action."""
    match action:
        case "advance", MarketTick() as tick:
            return matching.advance(tick)
        case "submit", ExchangeOrder() as order:
            return matching.submit(order, AT)
        case "replace", ExchangeOrder() as order:
            return matching.replace(order, AT)
        case "cancel", int() as order_id:
            return matching.cancel(order_id, AT)
        case _:
            return matching.close_session(AT)
