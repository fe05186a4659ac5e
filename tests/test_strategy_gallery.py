"""Every shipped strategy over a month of real bars and over made ones: sound, and not silent.

Nothing here says that any of them earns money.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from math import isfinite
from typing import Final

import pytest

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.domain.session import trading_date
from mytrader.signals.features import FeatureEngine
from mytrader.signals.practice_bars import practice_bars
from mytrader.signals.strategies.ema_cross import EmaCross
from mytrader.signals.strategies.opening_range import OpeningRange
from mytrader.signals.strategies.trend_pullback import TrendPullback
from mytrader.signals.strategy import BUILT_IN, Strategy, create_strategy
from mytrader.signals.trial import Trial, try_strategy
from tests.signal_bars import MONTH, real_bars

HISTORY_BARS: Final = 3000
"""So much a run gives its strategy to begin with, at most."""
KINDS: Final[tuple[type[Strategy], ...]] = (EmaCross, OpeningRange, TrendPullback)
PLAUSIBLE: Final = {"ema-cross": (300, 800), "opening-range": (8, 36), "trend-pullback": (80, 500)}
"""Signals in the 18 full and two short sessions of November 2025; the rest would be a fault."""
Proposed = list[tuple[datetime, Signal]]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
pytestmark = pytest.mark.slow


@cache
def month_of(kind: type[Strategy]) -> Trial:
    return try_strategy(kind, real_bars(MONTH))


def proposals(kind: type[Strategy], bars: Sequence[Bar]) -> Proposed:
    """As a run does it: one bar at a time, engine first."""
    engine, strategy = FeatureEngine(), kind.create(ES, {})
    found: Proposed = []
    for bar in bars:
        signal = strategy.on_bar(bar, engine.update(bar))
        if signal is not None:
            found.append((bar.opened_at, signal))
    return found


def test_every_built_in_strategy_stands_here() -> None:
    assert [type(create_strategy(point.name, ES)) for point in BUILT_IN] == list(KINDS)


@each_kind
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_made_bars_nothing_is_wrong(kind: type[Strategy], seed: int) -> None:
    """Brackets, numbers, repeats, restarts: everything that a trial looks at."""
    assert try_strategy(kind, practice_bars(5, seed=seed)).complaints == ()


@each_kind
def test_over_a_month_of_real_bars_nothing_is_wrong(kind: type[Strategy]) -> None:
    trial = month_of(kind)
    assert trial.complaints == ()
    least, most = PLAUSIBLE[trial.signals[0][1].strategy]
    assert least <= len(trial.signals) <= most
    sides = [signal.side for _, signal in trial.signals]
    assert min(sides.count(Side.BUY), sides.count(Side.SELL)) >= len(sides) / 5
    assert {at.weekday() for at, _ in trial.signals} >= {0, 1, 2, 3, 4}


@each_kind
def test_every_number_of_every_signal_is_one(kind: type[Strategy]) -> None:
    for _, signal in month_of(kind).signals:
        assert all(type(value) is float and isfinite(value) for value in signal.features.values())
        assert 0.5 <= signal.confidence <= 1
        assert signal.regime is not None
        assert signal.reason.endswith(".")
        assert "nan" not in signal.reason


@each_kind
def test_what_a_run_sees_is_what_a_trial_saw(kind: type[Strategy]) -> None:
    assert repr(proposals(kind, real_bars(MONTH))) == repr(list(month_of(kind).signals))


@each_kind
@pytest.mark.parametrize("begins", [8_000, 16_300, 21_000])
def test_a_start_from_history_proposes_the_same(kind: type[Strategy], begins: int) -> None:
    """A run that was given 3,000 bars goes on as one that was there all month.

    Sides, moments, brackets and the strategy's own numbers are equal to the last of their four
    digits: after 3,000 bars a slow average remembers its seed with a weight of 1e-51. Only the
    volatility is compared with sessions that carry over (a 23rd each), which shows in the third
    digit.
    """
    bars = real_bars(MONTH)
    starts = bars[begins].opened_at
    expected = [each for each in month_of(kind).signals if each[0] >= starts]
    found = proposals(kind, bars[begins - HISTORY_BARS :])
    found = [each for each in found if each[0] >= starts]
    assert expected
    assert [at for at, _ in found] == [at for at, _ in expected]
    for (_, one), (_, other) in zip(found, expected, strict=True):
        assert one.warm
        assert bracket_of(one) == bracket_of(other)
        volatility = {"volatility_ratio"}
        for name in one.features.keys() - volatility:
            assert one.features[name] == other.features[name], name
        ratios = one.features["volatility_ratio"], other.features["volatility_ratio"]
        assert ratios[0] == pytest.approx(ratios[1], rel=0.01)


def bracket_of(signal: Signal) -> tuple[object, ...]:
    return signal.side, signal.confidence, signal.entry, signal.stop, signal.target


@each_kind
def test_a_run_that_begins_cold_says_so(kind: type[Strategy]) -> None:
    """Of the first bars of a record nothing is warm, whatever is proposed."""
    bars = real_bars(MONTH)
    for _, signal in proposals(kind, bars[930:1079]):
        assert not signal.warm


def test_the_opening_range_proposes_on_days_with_an_opening_and_once_a_side() -> None:
    found = [(trading_date(at), signal.side) for at, signal in month_of(OpeningRange).signals]
    assert len(found) == len(set(found))
    assert all(day.isoformat() != "2025-11-27" for day, _ in found)
