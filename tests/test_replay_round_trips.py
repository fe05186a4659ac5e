"""Trades from flat to flat, from the fills alone."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.instrument import ES, MES
from mytrader.domain.orders import Side
from mytrader.replay.history import Filled
from mytrader.replay.round_trips import round_trips, trade_of
from mytrader.replay.source import read_history
from tests.replay_samples import (
    REAL_HISTORY,
    REAL_LOG,
    fill,
    history,
    needs_data,
    order,
)

FILLS = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 4), st.integers(1, 40_000)))


def test_a_loss_is_exact() -> None:
    """The founding incident: bought at 6890.50, sold at 6856.50."""
    buy = fill(1, 0, side=Side.BUY, price=ES.ticks("6890.50"))
    sale = fill(2, 1, side=Side.SELL, price=ES.ticks("6856.50"))
    (trip,) = round_trips([buy, sale])
    assert trip.gross_usd(ES) == Decimal(-1700)
    assert (trip.entry_order_ids, trip.exit_order_ids) == ((1,), (2,))
    assert (trip.opened_at, trip.closed_at) == (buy.at, sale.at)


def test_a_short_gains_when_the_price_falls() -> None:
    (trip,) = round_trips(
        [fill(1, 0, side=Side.SELL, price=24_000), fill(2, 1, side=Side.BUY, price=23_990)]
    )
    assert trip.gross_usd(MES) == Decimal("12.50")


def test_entries_and_exits_in_parts_are_one_trade() -> None:
    """Two lots in, one out, one more in, two out: flat only at the end."""
    fills = [
        fill(1, 0, side=Side.BUY, quantity=2),
        fill(2, 1, side=Side.SELL, quantity=1),
        fill(3, 2, side=Side.BUY, quantity=1),
        fill(4, 3, side=Side.SELL, quantity=2),
    ]
    (trip,) = round_trips(fills)
    assert trip.entry_order_ids == (1, 3)
    assert trip.exit_order_ids == (2, 4)
    assert (trip.quantity, trip.sides_traded()) == (3, 6)


def test_a_fill_through_zero_ends_one_trade_and_begins_the_next() -> None:
    first, second = round_trips(
        [fill(1, 0, side=Side.BUY, quantity=1), fill(2, 1, side=Side.SELL, quantity=3)]
    )
    assert first.closed_at is not None
    assert (second.side, second.position, second.entry_order_ids) == (Side.SELL, -2, (2,))


def test_an_open_trade_has_no_result() -> None:
    (trip,) = round_trips([fill(1, 0, side=Side.BUY)])
    assert trip.gross_usd(ES) is None
    assert trip.closed_at is None


def test_contracts_do_not_mix() -> None:
    other = replace(fill(2, 1, side=Side.SELL), symbol="MES")
    assert [trip.symbol for trip in round_trips([fill(1, 0, side=Side.BUY), other])] == [
        "ES",
        "MES",
    ]


@pytest.mark.slow
@given(FILLS)
def test_no_contract_is_lost_or_invented(drawn: list[tuple[Side, int, int]]) -> None:
    """The pieces add up to the fills, every trade but the last is flat, and cash is conserved."""
    fills = [
        fill(number, number, side=side, quantity=quantity, price=price)
        for number, (side, quantity, price) in enumerate(drawn)
    ]
    trips = round_trips(fills)
    pieces = [piece for trip in trips for piece in trip.fills]
    assert _cash(pieces) == _cash(fills)
    assert sum(piece.quantity for piece in pieces) == sum(one.quantity for one in fills)
    assert all(trip.position == 0 for trip in trips[:-1])


def _cash(fills: list[Filled]) -> int:
    return sum(-one.side.sign * one.quantity * one.price for one in fills)


def test_every_order_of_a_trade_leads_to_it() -> None:
    """The entry, the exit, and a leg that never filled."""
    record = history(
        order(1, 0, side=Side.BUY),
        fill(1, 1, side=Side.BUY),
        order(2, 2, side=Side.SELL, parent_id=1),
        order(3, 3, side=Side.SELL),
        fill(3, 4, side=Side.SELL),
        order(4, 5, side=Side.SELL),
    )
    trips = {number: trade_of(record, number) for number in (1, 2, 3, 4)}
    assert trips[1] is not None
    assert trips[1] == trips[2] == trips[3]
    assert trips[4] is None


def test_an_order_that_flipped_belongs_to_the_trade_it_opened() -> None:
    record = history(
        order(1, 0, side=Side.BUY),
        fill(1, 1, side=Side.BUY),
        order(2, 2, side=Side.SELL, quantity=2),
        fill(2, 3, side=Side.SELL, quantity=2),
    )
    trip = trade_of(record, 2)
    assert trip is not None
    assert trip.side is Side.SELL


@needs_data
def test_the_incident_day_had_eight_round_trips() -> None:
    """Both records of the day tell the same trades, and the loss of $1,700 among them."""
    told = [
        [
            (trip.entry_order_ids, trip.exit_order_ids, trip.gross_usd(ES))
            for trip in round_trips(read_history(path).fills)
        ]
        for path in (REAL_LOG, REAL_HISTORY)
    ]
    assert told[0] == told[1]
    assert len(told[0]) == 8
    assert ((14812,), (15638,), Decimal(-1700)) in told[0]
