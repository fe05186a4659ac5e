"""Rows say what their trades came to, and keep quiet where they are few."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.learning.intervals import SAMPLE_MIN
from mytrader.learning.outcomes import Ended, Heard, Outcome
from mytrader.learning.tables import (
    EXIT_REASON,
    SITUATION,
    Table,
    made_row,
    measured,
    refused_row,
    tables,
)
from tests.learning_samples import MINUTE, a_refusal, a_trade, around


def by(found: tuple[Table, ...], name: str) -> Table:
    return next(table for table in found if table.by == name)


def test_a_row_adds_its_trades_up() -> None:
    row = made_row("x", [a_trade(1, 2.0), a_trade(2, -1.0), a_trade(3, -0.5)])
    assert (row.trades, row.wins, row.net_usd) == (3, 1, Decimal(50))
    assert (row.commission_usd, row.slippage_usd) == (Decimal("14.40"), Decimal("37.50"))
    assert row.mean_r == pytest.approx(0.5 / 3)
    assert row.median_r == -0.5
    assert row.profit_factor == pytest.approx(200 / 150)
    assert row.cycle_ids == tuple(a_trade(number).cycle_id for number in (1, 2, 3))


def test_the_deepest_fall_is_from_the_highest_sum() -> None:
    results = [1.0, -0.4, -0.8, 3.0, -1.0]
    row = made_row("x", [a_trade(number, r) for number, r in enumerate(results)])
    assert row.drawdown_usd == Decimal(120)
    lost_from_the_start = made_row("x", [a_trade(1, -1.0), a_trade(2, 0.5)])
    assert lost_from_the_start.drawdown_usd == Decimal(100)


def test_a_row_without_losses_has_no_factor_and_one_without_trades_no_mean() -> None:
    assert made_row("x", [a_trade(1)]).profit_factor is None
    empty = made_row("x", [])
    assert (empty.mean_r, empty.median_r, empty.slippage_usd) == (None, None, None)


def test_a_trade_without_a_risk_counts_in_dollars_alone() -> None:
    row = made_row("x", [replace(a_trade(1), r=None, slippage_usd=None), a_trade(2, -1.0)])
    assert (row.trades, row.net_usd, row.mean_r) == (2, Decimal(0), -1.0)


def test_three_trades_have_no_interval_and_many_have_one() -> None:
    few = made_row("x", [a_trade(n, -1.0 - n / 100) for n in range(3)])
    assert (few.mean, few.share) == (None, None)
    many = made_row("x", [a_trade(n, r) for n, r in enumerate(around(-1.0, 30))])
    assert many.mean is not None
    assert many.mean.below_zero


def test_refusals_of_one_move_count_once() -> None:
    """Ten signals in ten minutes would have been one trade."""
    first = a_refusal(1, "AWS_WAIT", r=-1.0)
    again = [replace(first, cycle_id=f"again {n}", at=first.at + n * MINUTE) for n in (1, 5)]
    later = a_refusal(2, "AWS_WAIT", r=0.5)
    unknown = replace(a_refusal(3, "AWS_WAIT"), would_be=None)
    row = refused_row("AWS_WAIT", [first, *again, later, unknown])
    assert (row.trades, row.overlapping, row.unknown) == (2, 2, 1)
    assert row.net_usd == Decimal(-50)
    assert row.slippage_usd is None


def test_refusals_in_two_symbols_do_not_overlap() -> None:
    first = a_refusal(1, "AWS_WAIT")
    assert refused_row("x", [first, replace(first, cycle_id="y", symbol="MES")]).trades == 2


def test_every_table_parts_the_same_trades() -> None:
    outcomes = [
        a_trade(1),
        replace(a_trade(2, -1.0), regime="UPTREND LOW", hour=9, heard=Heard.WAIT_OVERRIDDEN),
        a_refusal(3, "MODE", "AWS_WAIT"),
        replace(a_refusal(4), codes=()),
        replace(a_trade(5), ended=Ended.ABORTED, net_usd=None, r=None),
    ]
    found = tables(outcomes)
    assert (found.total.trades, found.aborted) == (2, 1)
    for table in found.trades:
        assert sum(row.trades for row in table.rows) == 2
    assert [row.name for row in by(found.trades, "hour (US Central)").rows] == ["09", "12"]
    assert [row.name for row in by(found.trades, EXIT_REASON).rows] == ["stop", "target"]
    assert "ema-cross, UPTREND LOW, BUY" in [row.name for row in by(found.trades, SITUATION).rows]
    assert [row.name for row in by(found.trades, "advice").rows] == ["GO", "WAIT overridden"]
    first = by(found.refusals, "first reason of refusal")
    assert [row.name for row in first.rows] == ["MODE", "no reason"]


def test_a_table_of_many_rows_asks_more_of_each() -> None:
    """Rows that are too small to have an interval are no comparison."""
    outcomes: list[Outcome] = []
    for hour in range(4):
        count = SAMPLE_MIN if hour else SAMPLE_MIN - 1
        results = around(0.0, count)
        outcomes += [replace(a_trade(10 * hour + n, r), hour=hour) for n, r in enumerate(results)]
    found = tables(outcomes)
    assert by(found.trades, "hour (US Central)").confidence == pytest.approx(1 - 0.05 / 3)
    assert by(found.trades, "symbol").confidence == pytest.approx(0.95)


def test_the_convention_is_measured_on_trades_that_were_made() -> None:
    would_be = a_refusal(1, r=0.8).would_be
    agreed = replace(a_trade(1, 1.0), would_be=would_be)
    differs = replace(a_trade(2, -1.0), would_be=would_be)
    measure = measured([agreed, differs, a_trade(3)])
    assert (measure.trades, measure.agreed) == (2, 1)
    assert (measure.net_usd, measure.would_be_usd) == (Decimal(0), Decimal(160))
    assert measure.harsh_r == pytest.approx((0.2 - 1.8) / 2)
    assert measured([a_trade(3)]).harsh_r == 0.0


def test_the_same_outcomes_give_the_same_tables() -> None:
    outcomes = [a_trade(n, r) for n, r in enumerate(around(0.3, 12))]
    assert tables(outcomes) == tables([replace(one) for one in outcomes])
    assert outcomes[1].at - outcomes[0].at == timedelta(hours=1)
