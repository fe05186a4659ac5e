"""The trend pullback: with the trend alone, once a pullback, not across sessions."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.signals.practice_bars import practice_bars
from mytrader.signals.strategies.trend_pullback import (
    PullbackEvidence,
    TrendPullback,
    confidence,
)
from tests.signal_bars import QUICK, bar, bar_series, decided, mirrored, raised

RISE = [5, -3] * 50
DIP = [-4] * 5
TURN = [5] * 6
SHORT = {"rsi_bars": 3, "slope_atr_min": 0}
NOISE_TICKS = 1e-9


def market(*steps: int, begins: int = 0) -> list[Bar]:
    """A bar for each change."""
    closes = accumulate(steps, initial=27_000)
    return [bar(begins + minute, close) for minute, close in enumerate(closes)]


def strategy(**params: object) -> TrendPullback:
    return TrendPullback.create(ES, params)


def test_a_pullback_in_an_uptrend_is_bought_when_it_turns() -> None:
    bars = market(*RISE, *DIP, *TURN)
    found = [(each, features, s) for each, features, s in decided(strategy(), bars) if s]
    ((each, features, signal),) = found
    assert signal.side is Side.BUY
    assert signal.strategy == strategy().name == "trend-pullback"
    assert signal.entry == ES.price(each.close)
    lowest = min(b.low for b in bars[100:])
    numbers = signal.features
    assert numbers["pullback_rsi"] >= 50
    assert numbers["pullback_rsi_worst"] <= 45
    turn = numbers["pullback_rsi"] - numbers["pullback_rsi_worst"]
    assert numbers["pullback_turn"] == pytest.approx(turn, abs=2e-4)
    hold = (lowest - features.ema_slow) / features.atr
    assert numbers["pullback_hold_atr"] == pytest.approx(hold, abs=1e-4)
    slope = features.ema_slow_slope / features.atr
    assert numbers["pullback_slope_atr"] == pytest.approx(slope, abs=1e-4)
    assert "Trend up, pullback over at" in signal.reason
    assert "RSI 14 went from" in signal.reason
    assert "ATR" in signal.reason
    assert "\n" not in signal.reason
    assert not signal.warm, "hardly more than a hundred bars"


def test_a_pullback_is_proposed_once() -> None:
    again = [*RISE, *DIP, *TURN, *[5, -3] * 20, *DIP, *TURN, *[5, -3] * 5]
    assert [s.side for s in raised(strategy(), market(*again))] == [Side.BUY, Side.BUY]


def test_a_fall_that_ends_the_trend_is_no_pullback() -> None:
    assert raised(strategy(), market(*RISE, *[-6] * 30, 9, 9, 9)) == []


def test_without_a_trend_nothing_is_proposed() -> None:
    sideways = [4, 4, 4, 4, 4, 4, -4, -4, -4, -4, -4, -4] * 20
    assert raised(strategy(slope_atr_min=2.0), market(*sideways)) == []


def test_a_shallow_pause_is_no_pullback() -> None:
    bars = market(*RISE, -3, -3, *TURN)
    assert raised(strategy(), bars) == []
    assert len(raised(strategy(rsi_pullback=57, rsi_resumed=58), bars)) == 1


def test_a_pullback_does_not_outlive_its_session() -> None:
    """What turned on the next morning is another day's market."""
    before = market(*RISE, *DIP)
    missing = 1440 - len(before)
    after = [bar(len(before) + missing + i, each.close) for i, each in enumerate(before[-1:])]
    after += [bar(1441 + i, before[-1].close + 5 * (i + 1)) for i in range(6)]
    assert len(raised(strategy(), market(*RISE, *DIP, *TURN))) == 1
    assert raised(strategy(), [*before, *after]) == []


def test_the_jump_over_the_break_moves_no_index() -> None:
    """A gap of 400 ticks would be the whole RSI for an hour."""
    flat = [bar(minute, 27_000) for minute in range(60)]
    next_day = [bar(1440 + minute, 27_400 + minute % 2) for minute in range(60)]
    for _, features, signal in decided(strategy(), [*flat, *next_day]):
        assert signal is None
        assert features.atr < 6


def test_nothing_is_proposed_before_the_index_has_its_seed() -> None:
    bars = market(*[5] * 30, -4, -4, -4, 9, 9)
    assert raised(strategy(slope_atr_min=0, rsi_bars=40), bars) == []
    assert raised(strategy(**SHORT), bars) != []


def test_a_signal_is_warm_after_three_periods_as_long_as_the_index_remembers() -> None:
    waves = market(*(RISE + DIP + TURN) * 6)
    for rsi_bars, first_warm in ((14, 150), (60, 3 * 119)):
        found = decided(strategy(rsi_bars=rsi_bars, rsi_pullback=61, rsi_resumed=61.5), waves)
        warm = [(features.bars, signal.warm) for _, features, signal in found if signal]
        assert {is_warm for _, is_warm in warm} == {False, True}
        assert all(is_warm is (bars >= first_warm) for bars, is_warm in warm)


@QUICK
@given(bar_series(), st.sampled_from((0.5, 2.0, 4.0)))
def test_the_bracket_is_on_the_grid_and_never_nearer_than_asked(
    bars: list[Bar], stop_atr: float
) -> None:
    params = SHORT | {"stop_atr": stop_atr, "target_atr": 2 * stop_atr}
    for each, features, signal in decided(TrendPullback.create(ES, params), bars):
        if signal is None:
            continue
        assert signal.entry == ES.price(each.close)
        assert signal.stop is not None
        assert signal.target is not None
        sign = signal.side.sign
        to_stop = sign * (each.close - ES.ticks(signal.stop))
        to_target = sign * (ES.ticks(signal.target) - each.close)
        assert -NOISE_TICKS <= to_stop - stop_atr * features.atr < 1
        assert -NOISE_TICKS <= to_target - 2 * stop_atr * features.atr < 1
        assert sign * features.ema_slow_slope >= 0
        assert sign * (features.ema_fast - features.ema_slow) > 0
        assert signal.features["pullback_turn"] > 0
        assert 0.5 <= signal.confidence <= 1


@QUICK
@given(bar_series())
def test_a_market_upside_down_is_sold_where_it_was_bought(bars: list[Bar]) -> None:
    params = {"rsi_bars": 3}
    upright, turned = (
        [(b.opened_at, s) for b, _, s in decided(strategy(**params), each) if s]
        for each in (bars, mirrored(bars))
    )
    assert [(at, s.side.opposite) for at, s in upright] == [(at, s.side) for at, s in turned]
    for (_, one), (_, other) in zip(upright, turned, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=2e-4)


@QUICK
@given(bar_series())
def test_a_repeated_bar_proposes_nothing_and_changes_nothing(bars: list[Bar]) -> None:
    once = raised(strategy(**SHORT), bars)
    pestered = strategy(**SHORT)
    found = []
    for each, features, _ in decided(strategy(**SHORT), bars):
        found.append(pestered.on_bar(each, features))
        assert pestered.on_bar(each, features) is None
    assert [signal for signal in found if signal is not None] == once


def test_sell_words_name_the_trend_and_the_index_as_shown() -> None:
    bars = mirrored(market(*RISE, *DIP, *TURN))
    (signal,) = raised(strategy(), bars)
    assert signal.side is Side.SELL
    assert "Trend down" in signal.reason
    assert signal.features["pullback_rsi"] <= 50
    assert signal.features["pullback_rsi_worst"] >= 55


@pytest.mark.slow
def test_two_proposals_have_a_pullback_between_them() -> None:
    found = decided(strategy(), practice_bars(5))
    places = [i for i, (_, _, signal) in enumerate(found) if signal is not None]
    assert len(places) > 10
    assert all(later > earlier + 1 for earlier, later in pairwise(places))


finite = st.floats(-100, 100)
evidences = st.builds(PullbackEvidence, slope_atr=finite, hold_atr=finite, turn=finite)


@settings(max_examples=40, deadline=None)
@given(evidences, evidences)
def test_more_evidence_never_lowers_confidence(
    one: PullbackEvidence, other: PullbackEvidence
) -> None:
    more = PullbackEvidence(
        slope_atr=max(one.slope_atr, other.slope_atr),
        hold_atr=max(one.hold_atr, other.hold_atr),
        turn=max(one.turn, other.turn),
    )
    assert confidence(more) >= max(confidence(one), confidence(other))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (PullbackEvidence(0, -1, 0), 0.5),
        (PullbackEvidence(-9, -9, -9), 0.5),
        (PullbackEvidence(0.5, -1, 0), 0.6),
        (PullbackEvidence(0, 0, 0), 0.575),
        (PullbackEvidence(0, -1, 12.5), 0.575),
        (PullbackEvidence(1, 1, 25), 1.0),
    ],
)
def test_confidence_is_a_coin_plus_what_was_earned(
    evidence: PullbackEvidence, expected: float
) -> None:
    assert confidence(evidence) == expected


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"rsi_pullback": 50}, "`rsi_pullback` is 50 and `rsi_resumed` 50; give an"),
        ({"rsi_bars": 1}, "rsi_bars"),
        ({"rsi_resumed": 100}, "rsi_resumed"),
        ({"slope_atr_min": -1}, "slope_atr_min"),
        ({"stop_atr": 0}, "stop_atr"),
        ({"target_atr": "nan"}, "target_atr"),
        ({"rsi": 14}, "unknown field `rsi`"),
    ],
)
def test_unusable_parameters_are_refused(params: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        TrendPullback.create(ES, params)
