"""The opening range: whole or none, each side once a day, only while there is time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.signals.practice_bars import practice_bars
from mytrader.signals.strategies.opening_range import BreakEvidence, OpeningRange, confidence
from tests.signal_bars import QUICK, bar_series, decided, mirrored, raised

WEDNESDAY = datetime(2025, 11, 5, 14, 30, tzinfo=UTC)
"""08:30 in Chicago."""
SUMMER = datetime(2025, 7, 1, 13, 30, tzinfo=UTC)
THANKSGIVING = datetime(2025, 11, 27, 14, 30, tzinfo=UTC)
HALF_DAY = datetime(2025, 11, 28, 14, 30, tzinfo=UTC)
MIDDLE = 27_000
HIGH, LOW = MIDDLE + 20, MIDDLE - 20
ANY_VOLUME = {"volume_ratio_min": 0, "height_atr_min": 1.0}


def minute_bar(opens: datetime, minute: int, close: int, *, reach: int = 4) -> Bar:
    at = opens + timedelta(minutes=minute)
    return Bar(at, close, close + reach, close - reach, close, 100)


def day(opens: datetime, *closes: int, after: int = 15, skip: Sequence[int] = ()) -> list[Bar]:
    """Half an hour before the open, a range of 40 ticks, then closes from minute `after` on."""
    bars = [minute_bar(opens, minute, MIDDLE) for minute in range(-30, after)]
    bars[30] = minute_bar(opens, 0, MIDDLE, reach=20)
    bars += [minute_bar(opens, after + i, close) for i, close in enumerate(closes)]
    return [each for i, each in enumerate(bars) if i - 30 not in skip]


def proposed(*bars: Bar, **params: object) -> list[Signal]:
    return raised(OpeningRange.create(ES, ANY_VOLUME | params), bars)


def ticks_of(signal: Signal) -> tuple[int, int, int]:
    assert signal.stop is not None
    assert signal.target is not None
    return ES.ticks(signal.entry), ES.ticks(signal.stop), ES.ticks(signal.target)


def test_a_close_above_the_range_is_bought_with_its_numbers() -> None:
    (signal,) = proposed(*day(WEDNESDAY, 27_010, 27_026))
    assert signal.strategy == OpeningRange.create(ES, {}).name == "opening-range"
    assert signal.side is Side.BUY
    entry, stop, target = ticks_of(signal)
    atr = signal.features["atr"]
    assert entry == 27_026
    assert stop == pytest.approx(entry - 3 * atr, abs=1), "nearer than the other side"
    assert target == pytest.approx(entry + 6 * atr, abs=1)
    assert (signal.features["range_high"], signal.features["range_low"]) == (HIGH, LOW)
    assert signal.features["range_height_atr"] == pytest.approx(40 / atr, abs=1e-3)
    assert "Close 6756.50 above the first 15 minutes (6745.00 to 6755.00)" in signal.reason
    assert "17 minutes after the open" in signal.reason
    assert not signal.warm, "47 bars"
    assert signal.regime is not None


def test_a_narrow_stop_stands_at_the_other_side_of_the_range() -> None:
    (signal,) = proposed(*day(WEDNESDAY, 26_974), stop_atr_max=50)
    assert signal.side is Side.SELL
    assert ticks_of(signal) == (26_974, HIGH, 26_974 - 2 * 46)
    assert "below the first 15 minutes" in signal.reason


def test_each_side_is_proposed_once_a_day() -> None:
    up, middle, down = 27_030, MIDDLE, 26_970
    closes = [up, up + 9, middle, up, middle, down, middle, down, up]
    assert [s.side for s in proposed(*day(WEDNESDAY, *closes))] == [Side.BUY, Side.SELL]
    both_days = [*day(WEDNESDAY, *closes), *day(WEDNESDAY + timedelta(days=1), down)]
    assert [s.side for s in proposed(*both_days)] == [Side.BUY, Side.SELL, Side.SELL]


def test_a_close_on_the_level_has_not_broken_it() -> None:
    assert proposed(*day(WEDNESDAY, HIGH, LOW), beyond_atr=0) == []
    assert len(proposed(*day(WEDNESDAY, HIGH, HIGH + 1), beyond_atr=0)) == 1


def test_a_break_counts_from_a_quarter_of_an_atr_beyond() -> None:
    bars = day(WEDNESDAY, HIGH + 2)
    assert proposed(*bars) == []
    assert len(proposed(*bars, beyond_atr=0.1)) == 1


@pytest.mark.parametrize("opens", [WEDNESDAY, SUMMER])
def test_the_range_begins_at_half_past_eight_in_chicago(opens: datetime) -> None:
    assert len(proposed(*day(opens, 27_030))) == 1
    an_hour_off = day(opens + timedelta(hours=1), 27_030, after=16)
    (signal,) = proposed(*an_hour_off, *day(opens + timedelta(days=1), 26_970))
    assert signal.side is Side.SELL, "a morning that begins late has no range, the next one has"


def test_nothing_happens_before_the_open() -> None:
    """The night is not the range, and its moves break nothing."""
    night = [minute_bar(WEDNESDAY, minute, MIDDLE + minute) for minute in range(-400, 0)]
    assert proposed(*night) == []


@pytest.mark.parametrize("missing", [0, 7, 14])
def test_a_day_of_which_a_minute_is_missing_has_no_range(missing: int) -> None:
    """What happened in it is unknown, and unknown is not nothing."""
    assert proposed(*day(WEDNESDAY, 27_100, 26_900, skip=[missing])) == []


def test_a_range_hardly_wider_than_a_minute_is_none() -> None:
    bars = day(WEDNESDAY, 27_040)
    assert len(proposed(*bars, height_atr_min=3)) == 1
    assert proposed(*bars, height_atr_min=6) == []


def test_a_break_without_volume_is_passed_over_and_not_kept() -> None:
    bars = day(WEDNESDAY, 27_030, 27_040, MIDDLE, 27_030)
    thin = [*bars[:45], *(Bar(b.opened_at, b.open, b.high, b.low, b.close, 0) for b in bars[45:])]
    assert proposed(*thin, volume_ratio_min=0.95) == []
    late = [*thin[:-1], Bar(bars[-1].opened_at, MIDDLE, 27_034, MIDDLE, 27_030, 900)]
    (signal,) = proposed(*late, volume_ratio_min=0.95)
    assert "19 minutes after the open" in signal.reason


@pytest.mark.parametrize(
    ("opens", "minutes", "proposes"),
    [
        (WEDNESDAY, 180, True),
        (WEDNESDAY, 181, False),
        (HALF_DAY, 165, True),
        (HALF_DAY, 166, False),
        (THANKSGIVING, 30, False),
    ],
)
def test_nothing_is_proposed_too_late(opens: datetime, minutes: int, *, proposes: bool) -> None:
    """Three hours after the open, or an hour before the end; on holidays nothing opens at all."""
    assert len(proposed(*day(opens, 27_030, after=minutes - 1))) == proposes


def test_the_last_hour_of_the_session_is_left_out_whatever_is_asked() -> None:
    for minutes, count in ((330, 1), (331, 0)):
        bars = day(WEDNESDAY, 27_030, after=minutes - 1)
        assert len(proposed(*bars, entry_minutes=390)) == count


@QUICK
@given(bar_series(), st.sampled_from((0.5, 1.5, 4.0)))
def test_brackets_stand_around_the_entry(bars: list[Bar], stop_atr: float) -> None:
    morning = [*day(WEDNESDAY), *(each for each in bars if each.opened_at > WEDNESDAY)]
    for each, features, signal in decided(
        OpeningRange.create(ES, ANY_VOLUME | {"stop_atr_max": stop_atr}), morning
    ):
        if signal is None:
            continue
        entry, stop, target = ticks_of(signal)
        assert entry == each.close
        sign = signal.side.sign
        assert 0 < sign * (entry - stop) <= stop_atr * features.atr + 1
        assert sign * (target - entry) >= 2 * (sign * (entry - stop) - 1)
        assert 0.5 <= signal.confidence <= 1


@pytest.mark.slow
def test_a_market_upside_down_is_sold_where_it_was_bought() -> None:
    bars = practice_bars(5)
    upright, turned = (raised(OpeningRange.create(ES, {}), b) for b in (bars, mirrored(bars)))
    assert upright
    assert [s.side.opposite for s in upright] == [s.side for s in turned]
    assert [s.confidence for s in upright] == [s.confidence for s in turned]
    assert [s.warm for s in upright] == [True] * len(upright)


def test_a_repeated_bar_proposes_nothing() -> None:
    strategy = OpeningRange.create(ES, ANY_VOLUME)
    bars = day(WEDNESDAY, 27_030)
    assert len(raised(strategy, bars)) == 1
    assert raised(strategy, bars) == []


finite = st.floats(-100, 100)
evidences = st.builds(BreakEvidence, volume_ratio=finite, efficiency=finite, beyond_atr=finite)


@settings(max_examples=40, deadline=None)
@given(evidences, evidences)
def test_more_evidence_never_lowers_confidence(one: BreakEvidence, other: BreakEvidence) -> None:
    more = BreakEvidence(
        volume_ratio=max(one.volume_ratio, other.volume_ratio),
        efficiency=max(one.efficiency, other.efficiency),
        beyond_atr=max(one.beyond_atr, other.beyond_atr),
    )
    assert confidence(more) >= max(confidence(one), confidence(other))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (BreakEvidence(1, 0, 0), 0.5),
        (BreakEvidence(-9, -9, -9), 0.5),
        (BreakEvidence(1.5, 0, 0), 0.6),
        (BreakEvidence(1, 0.5, 0), 0.6),
        (BreakEvidence(1, 0, 0.5), 0.55),
        (BreakEvidence(2, 1, 1), 1.0),
    ],
)
def test_confidence_is_a_coin_plus_what_was_earned(
    evidence: BreakEvidence, expected: float
) -> None:
    assert confidence(evidence) == expected


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"range_minutes": 30, "entry_minutes": 30}, "`entry_minutes` is 30 and `range_minutes`"),
        ({"range_minutes": 1}, "range_minutes"),
        ({"entry_minutes": 391}, "entry_minutes"),
        ({"beyond_atr": -1}, "beyond_atr"),
        ({"stop_atr_max": 0}, "stop_atr_max"),
        ({"target_risks": "inf"}, "target_risks"),
        ({"minutes": 15}, "unknown field `minutes`"),
    ],
)
def test_unusable_parameters_are_refused(params: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        OpeningRange.create(ES, params)
