"""The synthetic market is valid, repeatable and resembles the real one."""

import hashlib
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from statistics import mean, pstdev

import pytest

from mytrader.domain.instrument import ES, MES
from mytrader.domain.market import Bar
from mytrader.domain.session import minute_of_session
from mytrader.errors import BadInput
from mytrader.simulator.synthetic import synthetic_bars, synthetic_sessions
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
def test_it_resembles_the_real_market() -> None:
    """Bounds around the measured November 2025: range 111 points, 1.8 million contracts."""
    sessions = [synthetic_bars(seed, ES, session=DAY) for seed in range(40)]
    ranges = [
        (max(bar.high for bar in bars) - min(bar.low for bar in bars)) / 4 for bars in sessions
    ]
    assert 80 < mean(ranges) < 140
    assert 1_300_000 < mean(sum(bar.volume for bar in bars) for bars in sessions) < 2_300_000
    moves: dict[bool, list[int]] = {True: [], False: []}
    for bars in sessions:
        for bar in bars:
            regular = 930 <= minute_of_session(bar.opened_at) < 1320
            moves[regular].append(bar.close - bar.open)
    assert 8 < pstdev(moves[True]) < 16
    assert 3.5 < pstdev(moves[False]) < 7.5
