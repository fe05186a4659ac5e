"""Bars become ticks, and the ticks add up to the bars."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.simulator.bar_files import load_bars
from mytrader.simulator.market import STEPS_PER_BAR_MAX, MarketTick, aggregate, bar_ticks

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
AT = datetime(2025, 12, 12, 15, 0, tzinfo=UTC)


def lasts(bar: Bar) -> list[int]:
    """Return the prices of a bar's ticks."""
    return [tick.last for tick in bar_ticks([bar])]


def test_a_rising_minute_visits_its_low_first() -> None:
    assert lasts(Bar(AT, 100, 103, 99, 102, 900)) == [100, 99, 100, 101, 102, 103, 102]


def test_a_falling_minute_visits_its_high_first() -> None:
    assert lasts(Bar(AT, 100, 101, 97, 98, 900)) == [100, 101, 100, 99, 98, 97, 98]


def test_an_unchanged_minute_counts_as_rising() -> None:
    assert lasts(Bar(AT, 100, 101, 99, 100, 900)) == [100, 99, 100, 101, 100]


def test_a_price_above_the_one_before_trades_at_the_ask_and_below_at_the_bid() -> None:
    ticks = list(bar_ticks([Bar(AT, 100, 101, 99, 100, 900)]))
    assert [(tick.bid, tick.ask) for tick in ticks] == [
        (99, 100),
        (99, 100),
        (99, 100),
        (100, 101),
        (100, 101),
    ]


def test_an_unchanged_price_stays_on_its_side() -> None:
    down = [Bar(AT, 100, 100, 99, 99, 9), Bar(AT + timedelta(minutes=1), 99, 99, 99, 99, 9)]
    assert [tick.bid == tick.last for tick in bar_ticks(down)] == [False, True, True]


def test_a_wide_minute_walks_in_equal_steps_of_a_few_ticks() -> None:
    prices = lasts(Bar(AT, 1000, 1080, 920, 1070, 50_000))
    assert len(prices) <= STEPS_PER_BAR_MAX + 4
    assert max(abs(end - start) for start, end in pairwise(prices)) <= 6


def test_a_minute_shows_no_more_trades_than_contracts() -> None:
    ticks = list(bar_ticks([Bar(AT, 1000, 1020, 980, 1010, 7)]))
    assert len(ticks) <= 7
    assert all(tick.size > 0 for tick in ticks)


def test_a_minute_with_fewer_contracts_than_prices_moves_the_quote_without_trading() -> None:
    assert [tick.size for tick in bar_ticks([Bar(AT, 10, 12, 9, 11, 2)])][:3] == [1, 1, 0]


def test_a_minute_without_volume_is_one_quote() -> None:
    bar = Bar(AT, 100, 100, 100, 100, 0)
    assert list(bar_ticks([bar])) == [
        MarketTick(AT + timedelta(seconds=30), bid=99, ask=100, last=100, size=0)
    ]


def test_ticks_are_inside_their_minute_in_order_and_gaps_stay_gaps() -> None:
    bars = [Bar(AT, 10, 13, 9, 11, 90), Bar(AT + timedelta(hours=3), 11, 12, 8, 9, 90)]
    times = [tick.at for tick in bar_ticks(bars)]
    assert all(start < end for start, end in pairwise(times))
    minutes = {time.replace(second=0, microsecond=0) for time in times}
    assert minutes == {bar.opened_at for bar in bars}


def test_no_ticks_make_no_bars() -> None:
    assert list(aggregate(bar_ticks([]))) == []


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(900, 1100), min_size=4, max_size=4), st.integers(0, 100_000)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_ticks_add_up_to_their_bars(drawn: list[tuple[list[int], int]]) -> None:
    bars = []
    for minute, (prices, volume) in enumerate(drawn):
        low, start, end, high = sorted(prices)
        opened = AT + timedelta(minutes=minute)
        first, last = (start, end) if prices[0] % 2 else (end, start)
        bars.append(Bar(opened, first, high, low, last, volume))
    ticks = list(bar_ticks(bars))
    assert list(aggregate(ticks)) == bars
    assert all(tick.ask - tick.bid == 1 and tick.bid <= tick.last <= tick.ask for tick in ticks)
    assert len(ticks) <= len(bars) * (STEPS_PER_BAR_MAX + 4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["es-1m-2025-12-12.parquet", "es-1m-2025-11.parquet"])
def test_real_days_are_given_back_exactly(name: str) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    bars = load_bars(path, ES)
    ticks = list(bar_ticks(bars))
    assert list(aggregate(ticks)) == bars
    assert len(ticks) < 20 * len(bars)
