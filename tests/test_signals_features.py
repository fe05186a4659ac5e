"""Features agree with the plain definitions, on real bars and on made ones."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from math import isclose, isfinite, sqrt
from typing import get_type_hints
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from mytrader.domain.bar_holes import HOLE_MINUTES_MAX
from mytrader.domain.exchange_days import exchange_session
from mytrader.domain.market import BAR_LENGTH, Bar
from mytrader.domain.session import minute_of_session, trading_date
from mytrader.domain.volume_profile import expected_share
from mytrader.errors import InvariantBroken
from mytrader.signals.features import WARM_BARS, FeatureEngine, Features
from tests.signal_bars import INCIDENT_DAY, QUICK, SESSION_OPEN, bar, bar_series, real_bars


def profile(minute: int) -> float:
    """Busy in the last quarter of the session, otherwise sloping gently."""
    return 1 + minute / 1000 if minute < 930 else 20.0


def features_of(bars: list[Bar]) -> list[Features]:
    engine = FeatureEngine(profile)
    return [engine.update(each) for each in bars]


@cache
def exchange_is_open(at: datetime) -> bool:
    """By the day whose session may contain the moment, or the next one's."""
    days = [at.date(), at.date() + timedelta(days=1)]
    sessions = [session for day in days if (session := exchange_session(day)) is not None]
    return any(opens <= at < closes for opens, closes in sessions)


class Plainly:
    """The definitions, computed from the whole history every time."""

    def __init__(self, bars: list[Bar]) -> None:
        self.bars = bars
        self.places = [self._place(each) for each in bars]
        self.fresh = [
            i == 0 or self.places[i][0] != self.places[i - 1][0] for i in range(len(bars))
        ]
        self.steps = [
            each.close - (each.open if self.fresh[i] else bars[i - 1].close)
            for i, each in enumerate(bars)
        ]
        self.ranges = [
            each.high - each.low
            if self.fresh[i]
            else max(
                each.high - each.low,
                abs(each.high - bars[i - 1].close),
                abs(each.low - bars[i - 1].close),
            )
            for i, each in enumerate(bars)
        ]
        self.ema_fast = self._averages([each.close for each in bars], 20, 2 / 21)
        self.ema_slow = self._averages([each.close for each in bars], 50, 2 / 51)
        self.atr = self._averages(self.ranges, 14, 1 / 14)
        self.in_a_row = self._bars_in_a_row()

    @staticmethod
    def _place(each: Bar) -> tuple[date, int]:
        local = each.opened_at.astimezone(ZoneInfo("America/Chicago"))
        day = local.date() + timedelta(days=1 if local.hour >= 17 else 0)
        return day, min((local.hour * 60 + local.minute - 17 * 60) % 1440, 1379)

    @staticmethod
    def _averages(values: list[int], period: int, weight: float) -> list[float]:
        averages: list[float] = []
        for i in range(len(values)):
            if i < period:
                averages.append(sum(values[: i + 1]) / (i + 1))
            else:
                averages.append(weight * values[i] + (1 - weight) * averages[-1])
        return averages

    def _bars_in_a_row(self) -> list[int]:
        """How many bars there were since the last hole, each included."""
        counts = [1] * len(self.bars)
        for i in range(1, len(self.bars)):
            if self._missing(i) <= HOLE_MINUTES_MAX:
                counts[i] += counts[i - 1]
        return counts

    def _missing(self, i: int) -> int:
        """Minutes of the open exchange between a bar and the one before it, each looked at."""
        began = self.bars[i - 1].opened_at + BAR_LENGTH
        minutes = (self.bars[i].opened_at - began) // BAR_LENGTH
        if not self.fresh[i] and exchange_session(self.places[i][0]) is None:
            return minutes
        return sum(exchange_is_open(began + minute * BAR_LENGTH) for minute in range(minutes))

    def session_start(self, i: int) -> int:
        """Where the session of a bar begins."""
        return max(j for j in range(i + 1) if self.fresh[j])

    def efficiency(self, i: int) -> float:
        """Net change by path over twenty bars."""
        steps = self.steps[max(i - 19, 0) : i + 1]
        path = sum(abs(step) for step in steps)
        return abs(sum(steps)) / path if path else 0.0

    def efficiency_session(self, i: int) -> float:
        """The mean of the ratios of the session."""
        ratios = [self.efficiency(j) for j in range(self.session_start(i), i + 1)]
        return sum(ratios) / len(ratios)

    def volume(self, i: int, minutes: int) -> tuple[int, float, int]:
        """Volume, share and length of the last minutes of the session."""
        start = self.session_start(i)
        last = self.places[i][1]
        first = max(self.places[start][1], last - minutes + 1)
        volume = sum(
            self.bars[j].volume for j in range(start, i + 1) if self.places[j][1] >= first
        )
        return volume, sum(profile(m) for m in range(first, last + 1)), last - first + 1

    def volume_expected(self, i: int) -> float:
        """Two hours of volume, scaled to five minutes by the profile."""
        volume, share, _ = self.volume(i, 120)
        return volume / share * self.volume(i, 5)[1]

    def session_sums(self, i: int) -> tuple[float, float]:
        """Squared changes and weights, with the share kept of the session before."""
        start = self.session_start(i)
        squares = float(sum(step**2 for step in self.steps[start : i + 1]))
        weights = sum(sqrt(profile(minute)) for _, minute in self.places[start : i + 1])
        if start > 0:
            before = self.session_sums(start - 1)
            squares, weights = squares + before[0] / 23, weights + before[1] / 23
        return squares, weights

    def volatility_ratio(self, i: int) -> float:
        """Twenty bars against what the session lets one expect."""
        squares, weights = self.session_sums(i)
        window = range(max(i - 19, 0), i + 1)
        expected = squares / weights * sum(sqrt(profile(self.places[j][1])) for j in window)
        return sqrt(sum(self.steps[j] ** 2 for j in window) / expected) if expected else 1.0


def assert_equal(found: Features, plainly: Plainly, i: int) -> None:
    volume = plainly.volume(i, 5)[0]
    expected_volume = plainly.volume_expected(i)
    window = plainly.steps[max(i - 19, 0) : i + 1]
    expected = {
        "bars": plainly.in_a_row[i],
        "minute_of_session": plainly.places[i][1],
        "close": plainly.bars[i].close,
        "ema_fast": plainly.ema_fast[i],
        "ema_slow": plainly.ema_slow[i],
        "ema_fast_slope": plainly.ema_fast[i] - plainly.ema_fast[max(i - 10, 0)],
        "ema_slow_slope": plainly.ema_slow[i] - plainly.ema_slow[max(i - 10, 0)],
        "atr": plainly.atr[i],
        "efficiency_ratio": plainly.efficiency(i),
        "efficiency_net": sum(window),
        "efficiency_session": plainly.efficiency_session(i),
        "volatility": sqrt(sum(step**2 for step in window) / len(window)),
        "volatility_ratio": plainly.volatility_ratio(i),
        "volume_5m": volume,
        "volume_5m_expected": expected_volume,
        "volume_ratio": volume / expected_volume if expected_volume else 0.0,
        "volume_minutes": plainly.volume(i, 120)[2],
        "warm": plainly.in_a_row[i] >= WARM_BARS,
    }
    assert set(expected) == set(get_type_hints(Features))
    for name, value in expected.items():
        assert isclose(getattr(found, name), value, rel_tol=1e-9, abs_tol=1e-7), (i, name)


@pytest.mark.slow
@settings(deadline=None)
@given(bar_series(most=200))
def test_features_agree_with_the_definitions_on_any_bars(bars: list[Bar]) -> None:
    plainly = Plainly(bars)
    for i, found in enumerate(features_of(bars)):
        assert_equal(found, plainly, i)


def test_features_agree_with_the_definitions_on_the_incident_day() -> None:
    bars = list(real_bars(INCIDENT_DAY))
    plainly, found = Plainly(bars), features_of(bars)
    for i in (0, 49, 50, 119, 120, 121, 930, 1379):
        assert_equal(found[i], plainly, i)


@QUICK
@given(bar_series())
def test_every_number_is_finite_and_within_its_bounds(bars: list[Bar]) -> None:
    for found in features_of(bars):
        assert all(isfinite(value) for value in found.numbers().values())
        assert 0 <= found.efficiency_ratio <= 1
        assert 0 <= found.efficiency_session <= 1 + 1e-12
        assert min(found.atr, found.volatility, found.volatility_ratio, found.volume_ratio) >= 0
        assert 1 <= found.volume_minutes <= 120


@QUICK
@given(bar_series())
def test_a_repeated_or_older_bar_changes_nothing(bars: list[Bar]) -> None:
    """After a reconnect the feed sends again what was already seen."""
    engine = FeatureEngine(profile)
    answers = []
    for i, each in enumerate(bars):
        answers.append(engine.update(each))
        assert engine.update(each) is answers[-1]
        assert engine.update(bars[i // 2]) is answers[-1]
    assert answers == features_of(bars)


def test_the_jump_over_the_break_is_nobodys_range() -> None:
    """A night's gap of 400 ticks would stay in the ATR for an hour and widen every stop."""
    calm = [bar(minute, 27_000) for minute in range(30)]
    after = bar(1440, 27_400)
    found = features_of([*calm, after])[-1]
    assert found.atr == 4
    assert found.efficiency_net == 0
    assert found.volatility == 0


def test_a_gap_inside_a_session_counts() -> None:
    found = features_of([*(bar(minute, 27_000) for minute in range(14)), bar(20, 27_012)])[-1]
    assert found.atr == pytest.approx((13 * 4 + 14) / 14)
    assert found.efficiency_net == 12


def test_volume_that_follows_the_profile_is_exactly_as_expected() -> None:
    """The rush after 08:30 is not a rush for that minute of the day."""
    bars = [
        bar(minute, 27_000, volume=round(1000 * profile(minute))) for minute in range(800, 1000)
    ]
    for found in features_of(bars):
        assert found.volume_ratio == pytest.approx(1)


def test_volume_is_thin_when_the_last_minutes_had_half() -> None:
    bars = [bar(minute, 27_000, volume=0 if minute < 120 else 1) for minute in range(125)]
    found = features_of(bars)[-1]
    assert found.volume_5m == 5
    assert found.volume_5m_expected == pytest.approx(
        5 * sum(map(profile, range(120, 125))) / sum(map(profile, range(5, 125)))
    )


def test_no_volume_at_all_is_thin() -> None:
    found = features_of([bar(minute, 27_000, volume=0) for minute in range(3)])[-1]
    assert (found.volume_ratio, found.volume_5m_expected) == (0, 0)


def test_a_start_in_mid_session_expects_nothing_from_minutes_it_has_not_seen() -> None:
    bars = [
        bar(minute, 27_000, volume=round(1000 * profile(minute))) for minute in range(600, 640)
    ]
    found = features_of(bars)[-1]
    assert found.volume_minutes == 40
    assert found.volume_ratio == pytest.approx(1)


def test_the_measured_profile_is_the_one_used_unless_another_is_given() -> None:
    volumes = [round(10_000_000 * expected_share(minute)) for minute in range(1380)]
    engine = FeatureEngine()
    for minute, volume in enumerate(volumes):
        found = engine.update(bar(minute, 27_000, volume=volume))
        assert found.volume_ratio == pytest.approx(1, abs=1e-3)


def test_minutes_without_trades_count_as_no_volume() -> None:
    bars = [bar(minute, 27_000, volume=100) for minute in range(100)]
    found = features_of([*bars, bar(110, 27_000, volume=100)])[-1]
    assert found.volume_5m == 100
    assert found.volume_minutes == 111


@pytest.mark.parametrize(
    ("at", "day", "minute"),
    [
        (SESSION_OPEN, date(2025, 11, 5), 0),
        (datetime(2025, 11, 5, 14, 30, tzinfo=UTC), date(2025, 11, 5), 930),
        (datetime(2025, 11, 5, 21, 59, tzinfo=UTC), date(2025, 11, 5), 1379),
        (datetime(2025, 11, 5, 22, 0, tzinfo=UTC), date(2025, 11, 5), 1380),
        (datetime(2025, 7, 1, 22, 0, tzinfo=UTC), date(2025, 7, 2), 0),
        (datetime(2025, 11, 2, 23, 0, tzinfo=UTC), date(2025, 11, 3), 0),
        (datetime(2026, 3, 8, 22, 0, tzinfo=UTC), date(2026, 3, 9), 0),
    ],
)
def test_sessions_begin_at_five_in_chicago_summer_and_winter(
    at: datetime, day: date, minute: int
) -> None:
    assert (trading_date(at), minute_of_session(at)) == (day, minute)


def test_warm_after_three_periods_of_the_slow_average() -> None:
    found = features_of([bar(minute, 27_000) for minute in range(WARM_BARS)])
    assert [each.warm for each in found] == [False] * (WARM_BARS - 1) + [True]
    assert WARM_BARS == 150


def test_numbers_are_floats_of_four_digits_by_the_names_of_the_fields() -> None:
    found = features_of([bar(0, 27_000), bar(1, 27_001), bar(2, 27_003)])[-1]
    numbers = found.numbers()
    assert numbers["ema_slow"] == 27_001.3333
    assert all(type(value) is float for value in numbers.values())
    assert set(numbers) == set(get_type_hints(Features)) - {"bars", "warm"}


def test_a_profile_without_volume_in_some_minute_is_refused() -> None:
    """Dividing by a share of nothing would make an expectation without a meaning."""
    with pytest.raises(InvariantBroken, match="share"):
        FeatureEngine(lambda minute: 0.0 if minute == 700 else 1.0)


def test_a_hole_makes_everything_cold_again() -> None:
    """Averages over minutes that never reached us look like any others."""
    before = [bar(minute, 27_000) for minute in range(200)]
    resumed = 200 + HOLE_MINUTES_MAX + 1
    after = [bar(minute, 27_000) for minute in range(resumed, resumed + 2 * WARM_BARS)]
    found = features_of([*before, *after])
    assert [each.warm for each in found[WARM_BARS - 1 : 200]] == [True] * 51
    assert [each.bars for each in found[199:202]] == [200, 1, 2]
    assert [each.warm for each in found[200:]] == [False] * (WARM_BARS - 1) + [True] * 151


def test_minutes_without_trades_are_no_hole() -> None:
    """A thin night leaves minutes out; its averages are as good as any."""
    found = features_of([bar(minute, 27_000) for minute in range(0, 1200, HOLE_MINUTES_MAX + 1)])
    assert found[-1].bars == len(found) == 200
    assert found[-1].warm
