"""The reference strategy proposes what its averages show, and no more."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.signals.features import FeatureEngine, Features
from mytrader.signals.strategies.ema_cross import CrossEvidence, EmaCross, confidence
from tests.signal_bars import INCIDENT_DAY, QUICK, bar, bar_series, real_bars

SHORT = {"fast": 2, "slow": 3}
NOISE_TICKS = 1e-9
Decided = tuple[Bar, Features, Signal | None]


def decide(bars: list[Bar], params: Mapping[str, object] | None = None) -> list[Decided]:
    engine, strategy = FeatureEngine(lambda _: 1.0), EmaCross.create(ES, params or {})
    decided: list[Decided] = []
    for each in bars:
        features = engine.update(each)
        decided.append((each, features, strategy.on_bar(each, features)))
    return decided


def signals(bars: list[Bar], params: Mapping[str, object] | None = None) -> list[Signal]:
    return [signal for _, _, signal in decide(bars, params) if signal is not None]


def closes(*prices: int) -> list[Bar]:
    return [bar(minute, price) for minute, price in enumerate(prices)]


def test_the_incident_day_has_25_crosses() -> None:
    """The count holds for averages seeded with the mean of their first closes.

    An average that starts at the first close itself finds one more, at the tenth bar, long
    before fifty closes exist to average.
    """
    bars = list(real_bars(INCIDENT_DAY))
    decided = decide(bars)
    raised = [(i, signal) for i, (_, _, signal) in enumerate(decided) if signal is not None]
    assert len(raised) == 25
    assert [i for i, _ in raised][:4] == [94, 113, 137, 253]
    assert [i for i, signal in raised if not signal.warm] == [94, 113, 137]
    averages = [(features.ema_fast, features.ema_slow) for _, features, _ in decided[49:]]
    above = [fast > slow for fast, slow in averages]
    assert sum(now != before for before, now in pairwise(above)) == 25


@QUICK
@given(bar_series())
def test_sides_alternate_with_the_averages(bars: list[Bar]) -> None:
    raised = signals(bars, SHORT)
    assert all(now.side is before.side.opposite for before, now in pairwise(raised))
    for signal in raised:
        gap = signal.features["cross_ema_fast"] - signal.features["cross_ema_slow"]
        assert gap * signal.side.sign >= 0


@QUICK
@given(bar_series(), st.sampled_from((0.5, 1.5, 4.0)))
def test_the_bracket_is_on_the_grid_and_never_nearer_than_asked(
    bars: list[Bar], stop_atr: float
) -> None:
    params = {**SHORT, "stop_atr": stop_atr, "target_atr": 2 * stop_atr}
    for each, features, signal in decide(bars, params):
        if signal is None:
            continue
        assert signal.entry == ES.price(each.close)
        assert signal.stop is not None
        assert signal.target is not None
        sign = signal.side.sign
        to_stop = sign * (each.close - ES.ticks(signal.stop))
        to_target = sign * (ES.ticks(signal.target) - each.close)
        # The ATR carries the rounding of its sum: what is nearer by that is not nearer.
        assert -NOISE_TICKS <= to_stop - stop_atr * features.atr < 1
        assert -NOISE_TICKS <= to_target - 2 * stop_atr * features.atr < 1


def test_a_buy_has_the_numbers_of_its_bar() -> None:
    bars = closes(*([27_000] * 3), 26_994, 26_988, 27_010)
    signal = signals(bars, SHORT)[0]
    assert signal.strategy == EmaCross.create(ES, SHORT).name == "ema-cross"
    assert signal.side is Side.BUY
    assert signal.entry == Decimal("6752.50")
    # True ranges 4, 4, 4, 8, 8 and 24: an ATR of 52 / 6 ticks.
    assert signal.stop == ES.price(27_010 - 13)
    assert signal.target == ES.price(27_010 + 26)
    assert signal.features["atr"] == 8.6667
    assert "EMA 2 crossed above EMA 3 at 6752.50" in signal.reason
    assert "ATR 8.7 ticks" in signal.reason


def test_averages_that_only_touch_have_not_crossed() -> None:
    up_touch_up = closes(*([27_000] * 3), 27_006, 27_001, 27_008)
    gaps = [features for _, features, _ in decide(up_touch_up, SHORT)]
    assert len(gaps) == 6
    assert signals(up_touch_up, SHORT) == []
    assert [s.side for s in signals([*up_touch_up, bar(9, 26_900)], SHORT)] == [Side.SELL]


def test_nothing_is_proposed_before_the_slow_average_has_its_seed() -> None:
    """Two averages of the same few closes are no averages yet."""
    swings = [27_000 + 40 * (minute // 3 % 2) for minute in range(40)]
    raised = [f.bars for _, f, s in decide(closes(*swings), {"fast": 2, "slow": 20}) if s]
    assert raised
    assert min(raised) > 20


def test_the_slope_counts_for_a_sell_when_the_slow_average_falls() -> None:
    zigzag = closes(*(27_000 + 60 * (minute // 70 % 2) for minute in range(400)))
    raised = [(features, signal) for _, features, signal in decide(zigzag) if signal]
    assert {signal.side for _, signal in raised} == {Side.BUY, Side.SELL}
    for features, signal in raised:
        slope = signal.side.sign * features.ema_slow_slope / features.atr
        assert slope != 0
        assert signal.features["cross_slope_atr"] == round(slope, 4)


def test_a_market_that_stands_still_proposes_nothing() -> None:
    assert signals(closes(*([27_000] * 200))) == []


def test_a_cross_in_a_market_without_any_range_has_a_bracket_for_the_guards_to_judge() -> None:
    """Nothing is forced to a minimum here, and nothing divides by a range of zero."""
    flat = [bar(minute, 27_000, reach=0) for minute in range(900)]
    moved = [bar(900, 27_001, reach=0), *(bar(m, 27_000, reach=0) for m in range(901, 904))]
    raised = signals([*flat, *moved], {**SHORT, "stop_atr": 0.01})
    assert [signal.side for signal in raised] == [Side.SELL]
    assert raised[0].entry - ES.price(1) <= (raised[0].target or 0) < raised[0].entry


@QUICK
@given(bar_series())
def test_a_repeated_bar_proposes_nothing_and_changes_nothing(bars: list[Bar]) -> None:
    engine, strategy = FeatureEngine(lambda _: 1.0), EmaCross.create(ES, SHORT)
    raised = []
    for i, each in enumerate(bars):
        raised.append(strategy.on_bar(each, engine.update(each)))
        assert strategy.on_bar(each, engine.update(each)) is None
        assert strategy.on_bar(bars[i // 2], engine.update(bars[i // 2])) is None
    assert raised == [signal for _, _, signal in decide(bars, SHORT)]


@QUICK
@given(bar_series())
def test_the_same_bars_give_the_same_words_and_digits(bars: list[Bar]) -> None:
    first, again = signals(bars, SHORT), signals(bars, SHORT)
    assert repr(first) == repr(again)
    for signal in first:
        assert all(round(number, 4) == number for number in signal.features.values())


def test_a_signal_is_warm_only_after_three_slow_periods_of_its_own() -> None:
    zigzag = closes(*(27_000 + 60 * (minute // 70 % 2) for minute in range(700)))
    for params, first_warm in (({"fast": 20, "slow": 50}, 150), ({"fast": 20, "slow": 100}, 300)):
        raised = [(f.bars, s.warm) for _, f, s in decide(zigzag, params) if s is not None]
        assert {warm for _, warm in raised} == {False, True}
        assert all(warm is (bars >= first_warm) for bars, warm in raised)


finite = st.floats(-100, 100)
evidences = st.builds(CrossEvidence, speed_atr=finite, efficiency=finite, slope_atr=finite)


@settings(max_examples=40, deadline=None)
@given(evidences, evidences)
def test_more_evidence_never_lowers_confidence(one: CrossEvidence, other: CrossEvidence) -> None:
    more = CrossEvidence(
        speed_atr=max(one.speed_atr, other.speed_atr),
        efficiency=max(one.efficiency, other.efficiency),
        slope_atr=max(one.slope_atr, other.slope_atr),
    )
    assert confidence(more) >= max(confidence(one), confidence(other))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (CrossEvidence(0, 0, -1), 0.5),
        (CrossEvidence(-9, -1, -9), 0.5),
        (CrossEvidence(0, 0, 0), 0.55),
        (CrossEvidence(0.125, 0, -1), 0.6),
        (CrossEvidence(0, 0.5, -1), 0.6),
        (CrossEvidence(0.25, 1, 1), 1.0),
        (CrossEvidence(9, 9, 9), 1.0),
    ],
)
def test_confidence_is_a_coin_plus_what_was_earned(
    evidence: CrossEvidence, expected: float
) -> None:
    assert confidence(evidence) == expected


@QUICK
@given(bar_series())
def test_evidence_counts_in_the_direction_of_the_trade(bars: list[Bar]) -> None:
    for _, features, signal in decide(bars, SHORT):
        if signal is None:
            continue
        efficiency = signal.features["cross_efficiency"]
        assert abs(efficiency) == round(features.efficiency_ratio, 4)
        assert efficiency * features.efficiency_net * signal.side.sign >= 0
        assert signal.features["cross_speed_atr"] >= 0
        assert 0.5 <= signal.confidence <= 1


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"fast": 50, "slow": 20}, "`fast` is 50 and `slow` 20"),
        ({"fast": 20, "slow": 20}, "below `slow`"),
        ({"fast": 1}, "fast"),
        ({"stop_atr": 0}, "stop_atr"),
        ({"target_atr": "nan"}, "target_atr"),
        ({"min_confidence": 0}, "min_confidence"),
    ],
)
def test_unusable_parameters_are_refused(params: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        EmaCross.create(ES, params)
