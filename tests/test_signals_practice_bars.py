"""Made bars are bars: in order, within their ranges, the same for the same seed."""

from datetime import UTC, datetime
from itertools import pairwise
from statistics import mean

import pytest

from mytrader.domain.bar_holes import minutes_missing
from mytrader.domain.session import trading_date
from mytrader.signals.practice_bars import practice_bars


def test_bars_are_in_order_and_within_their_ranges() -> None:
    bars = practice_bars(2)
    assert len(bars) == 2 * 1380
    assert bars[0].opened_at == datetime(2025, 11, 2, 23, tzinfo=UTC)
    assert len({trading_date(bar.opened_at) for bar in bars}) == 2
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume > 0
        assert bar.high - bar.low < 200
    missing = [minutes_missing(one.opened_at, two.opened_at) for one, two in pairwise(bars)]
    assert set(missing) == {0}


def test_a_seed_gives_the_same_bars_for_ever() -> None:
    bars = practice_bars(1)
    assert bars == practice_bars(1)
    assert bars != practice_bars(1, seed=2)
    last = bars[-1]
    assert (last.open, last.high, last.low) == (27224, 27224, 27222)
    assert (last.close, last.volume) == (27223, 226)


def test_the_market_is_busiest_when_the_stocks_open() -> None:
    bars = practice_bars(1)
    night, opening = bars[:300], bars[930:960]
    assert mean(bar.volume for bar in opening) > 5 * mean(bar.volume for bar in night)
    assert mean(bar.high - bar.low for bar in opening) > 2 * mean(
        bar.high - bar.low for bar in night
    )


@pytest.mark.slow
def test_a_month_stays_a_market() -> None:
    bars = practice_bars(20)
    assert 20_000 < min(bar.low for bar in bars) < max(bar.high for bar in bars) < 35_000
