"""Bars to decide on: real ones where the data is at hand, made ones everywhere."""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.signals.features import FeatureEngine, Features
from mytrader.signals.strategy import Strategy

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
INCIDENT_DAY = "es-1m-2025-12-12.parquet"
MONTH = "es-1m-2025-11.parquet"
QUICK = settings(max_examples=15, deadline=None)
"""For properties over whole series, so that each test stays a unit test."""
SESSION_OPEN = datetime(2025, 11, 4, 23, 0, tzinfo=UTC)
"""17:00 US/Central on a Tuesday."""


@cache
def real_bars(name: str) -> tuple[Bar, ...]:
    """The bars of a file of real ES minutes; skips the test where the file is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"real bars are not at hand: {path} does not exist")
    ticks = ES.ticks
    return tuple(
        Bar(at, ticks(opened), ticks(high), ticks(low), ticks(closed), int(volume))
        for at, opened, high, low, closed, volume in pl.read_parquet(path).iter_rows()
    )


def bar(minute: int, close: int, *, volume: int = 100, reach: int = 2) -> Bar:
    """A bar that opens `minute` minutes into the session and closes where it opened."""
    return Bar(
        opened_at=SESSION_OPEN + timedelta(minutes=minute),
        open=close,
        high=close + reach,
        low=close - reach,
        close=close,
        volume=volume,
    )


def random_bars(seed: int, count: int) -> Iterator[Bar]:
    """Minutes of a random walk from a seed, session after session, with its jumps over breaks."""
    numbers, close = random.Random(seed), 27_000  # noqa: S311 - a market, not a secret
    for index in range(count):
        day, minute = divmod(index, 23 * 60)
        jump = numbers.randint(-80, 80) if minute == 0 else numbers.randint(-1, 1)
        opened = close + jump
        close = opened + round(numbers.gauss(0, 6))
        yield Bar(
            opened_at=SESSION_OPEN + timedelta(days=day, minutes=minute),
            open=opened,
            high=max(opened, close) + numbers.randint(0, 4),
            low=min(opened, close) - numbers.randint(0, 4),
            close=close,
            volume=numbers.randint(0, 900),
        )


@st.composite
def bar_series(draw: st.DrawFn, most: int = 60) -> list[Bar]:
    """Any bars: flat and wild ones, absent minutes, breaks between sessions, no volume."""
    gaps = st.sampled_from((1, 1, 1, 1, 1, 1, 2, 7, 45, 130, 700, 1500))
    shapes = st.tuples(
        gaps,
        st.integers(-40, 40),
        st.integers(-40, 40),
        st.integers(0, 30),
        st.integers(0, 30),
        st.sampled_from((0, 0, 1, 17, 250, 90_000)),
    )
    price, minute, bars = 27_000, draw(st.integers(0, 1300)), []
    for gap, jump, change, above, below, volume in draw(st.lists(shapes, max_size=most)):
        opened, closed = price + jump, price + jump + change
        bars.append(
            Bar(
                opened_at=SESSION_OPEN + timedelta(minutes=minute),
                open=opened,
                high=max(opened, closed) + above,
                low=min(opened, closed) - below,
                close=closed,
                volume=volume,
            )
        )
        price, minute = closed, minute + gap
    return bars


def mirrored(bars: Sequence[Bar], around: int = 27_000) -> list[Bar]:
    """The same market upside down."""
    return [
        Bar(
            opened_at=each.opened_at,
            open=2 * around - each.open,
            high=2 * around - each.low,
            low=2 * around - each.high,
            close=2 * around - each.close,
            volume=each.volume,
        )
        for each in bars
    ]


Decided = tuple[Bar, Features, Signal | None]


def decided(strategy: Strategy, bars: Iterable[Bar]) -> list[Decided]:
    """What a strategy makes of each bar, with features for which every minute is alike."""
    engine = FeatureEngine(lambda _: 1.0)
    found: list[Decided] = []
    for each in bars:
        features = engine.update(each)
        found.append((each, features, strategy.on_bar(each, features)))
    return found


def raised(strategy: Strategy, bars: Iterable[Bar]) -> list[Signal]:
    """What a strategy proposes."""
    return [signal for _, _, signal in decided(strategy, bars) if signal is not None]
