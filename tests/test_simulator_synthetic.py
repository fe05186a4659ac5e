"""The synthetic market is valid, repeatable and resembles the real one."""

import hashlib
import subprocess
import sys
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mytrader.domain.instrument import ES, MES
from mytrader.domain.market import Bar
from mytrader.domain.price_limits import price_limits
from mytrader.domain.session import SESSION_MINUTES, minute_of_session
from mytrader.errors import BadInput
from mytrader.simulator.day_kinds import HALT_MINUTES, RELEASE_MINUTES, USUAL, DayKind
from mytrader.simulator.synthetic import START_PRICE, synthetic_bars, synthetic_sessions
from mytrader.simulator.trading_hours import session_bounds

DAY = date(2025, 12, 12)


def digest(bars: list[Bar]) -> str:
    """Return a fingerprint of bars."""
    return hashlib.sha256(repr(bars).encode()).hexdigest()


def test_every_minute_of_the_session_has_a_bar_that_fits_together() -> None:
    bars = synthetic_bars(1, ES, session=DAY)
    opened, closed = session_bounds(DAY)
    assert [bar.opened_at for bar in bars] == [
        opened + timedelta(minutes=minute) for minute in range((closed - opened).seconds // 60)
    ]
    for bar in bars:
        assert 0 < bar.low <= min(bar.open, bar.close)
        assert bar.high >= max(bar.open, bar.close)
        assert bar.volume > 0


@pytest.mark.slow
def test_a_seed_is_a_market() -> None:
    bars = synthetic_bars(7, ES, session=DAY)
    assert synthetic_bars(7, ES, session=DAY) == bars
    others = [
        synthetic_bars(8, ES, session=DAY),
        synthetic_bars(7, MES, session=DAY),
        synthetic_bars(7, ES, session=date(2025, 12, 11)),
    ]
    assert all(other != bars for other in others)


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_the_same_seed_gives_the_same_bars_in_another_process(hash_seed: str) -> None:
    program = (
        "from datetime import date; from hashlib import sha256;"
        "from mytrader.domain.instrument import ES;"
        "from mytrader.simulator.synthetic import synthetic_bars;"
        "bars = synthetic_bars(7, ES, session=date(2025, 12, 12));"
        "print(sha256(repr(bars).encode()).hexdigest())"
    )
    result = subprocess.run(  # noqa: S603  # our own interpreter and our own program
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == digest(synthetic_bars(7, ES, session=DAY))


def test_regular_hours_are_a_part_of_the_same_session() -> None:
    whole = synthetic_bars(3, ES, session=DAY)
    regular = synthetic_bars(3, ES, session=DAY, regular_hours_only=True)
    assert len(regular) == 390
    assert regular == whole[930:1320]


def test_sessions_in_a_row_join() -> None:
    days = [date(2025, 12, 11), DAY]
    bars = synthetic_sessions(3, ES, sessions=days)
    assert len(bars) == 2 * 1380
    assert abs(bars[1380].open - bars[1379].close) < 200


def test_a_weekend_has_no_session() -> None:
    with pytest.raises(BadInput, match="2025-12-13 is a Saturday; choose"):
        synthetic_bars(1, ES, session=date(2025, 12, 13))


@pytest.mark.slow
def test_a_session_without_an_event_has_every_minute() -> None:
    for kind in USUAL:
        assert len(synthetic_bars(5, ES, session=DAY, kinds=[kind])) == SESSION_MINUTES


@pytest.mark.slow
def test_a_limit_day_locks_at_its_limit() -> None:
    """At night 7 % from the settlement: one price for a while, and none beyond it."""
    settlement = ES.ticks_down(START_PRICE)
    for seed in range(3):
        bars = synthetic_bars(seed, ES, session=DAY, kinds=[DayKind.LIMIT])
        night = [bar for bar in bars if minute_of_session(bar.opened_at) < 930]
        limits = price_limits(settlement, 0)
        (locked,) = (limit for limit in limits if any(bar.close == limit for bar in night))
        still = [bar for bar in night if bar.high == bar.low == locked]
        assert 20 <= len(still) < 120
        assert limits[0] <= min(bar.low for bar in night)
        assert max(bar.high for bar in night) <= (limits[1] or 0)


@pytest.mark.slow
def test_the_breaker_stops_trading() -> None:
    """7 % down in regular hours: a quarter of an hour without a trade; then 13 % is the limit."""
    settlement = ES.ticks_down(START_PRICE)
    depths = set()
    for seed in range(8):
        bars = synthetic_bars(seed, ES, session=DAY, kinds=[DayKind.BREAKER])
        pauses = [
            (before, after)
            for before, after in pairwise(bars)
            if after.opened_at - before.opened_at > timedelta(minutes=1)
        ]
        depths.add(len(pauses))
        for percent, (before, after) in zip((7, 13), pauses, strict=False):
            assert before.low == -(-settlement * (100 - percent) // 100)
            assert after.opened_at - before.opened_at == timedelta(minutes=HALT_MINUTES + 1)
            assert 930 <= minute_of_session(before.opened_at) < 1320
    assert depths == {1, 2}


def test_an_outage_is_a_hole() -> None:
    bars = synthetic_bars(2, ES, session=DAY, kinds=[DayKind.OUTAGE])
    (pause,) = (
        after.opened_at - before.opened_at
        for before, after in pairwise(bars)
        if after.opened_at - before.opened_at > timedelta(minutes=1)
    )
    assert timedelta(minutes=20) < pause <= timedelta(minutes=90)


@pytest.mark.slow
def test_news_jump() -> None:
    """The minute of a release moves further than any minute of the hour before it."""
    for seed in range(3):
        bars = synthetic_bars(seed, ES, session=DAY, kinds=[DayKind.NEWS])
        moves = [abs(bar.close - bar.open) for bar in bars]
        assert any(moves[at] > max(moves[at - 60 : at]) for at in RELEASE_MINUTES)
