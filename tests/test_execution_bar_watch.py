"""Bars that stop while the contract trades are noticed; a market that does not trade is not."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mytrader.execution.bar_watch import (
    SILENT_BARS,
    BarWatch,
    Silence,
)

NOON = datetime(2025, 12, 12, 18, tzinfo=UTC)
SESSION = (NOON - timedelta(hours=10), NOON + timedelta(hours=4))
REOPENS = (SESSION[1] + timedelta(hours=1), SESSION[1] + timedelta(hours=20))
ES, MES = 1, 2
MINUTE = timedelta(minutes=1)


def watched(*con_ids: int) -> BarWatch:
    """Wait for bars; the newest has just ended at noon."""
    watch = BarWatch()
    for con_id in con_ids or (ES,):
        watch.begin(con_id, (SESSION, REOPENS), now=NOON - MINUTE)
        watch.known(con_id, NOON - MINUTE)
    return watch


def trades(
    watch: BarWatch, seconds: Iterable[float], *, since: datetime = NOON, con_id: int = ES
) -> list[tuple[float, Silence]]:
    """Trade at these seconds; returns when a silence was told, and which."""
    found = []
    for second in seconds:
        silence = watch.traded(con_id, since + timedelta(seconds=second))
        if silence is not None:
            found.append((second, silence))
    return found


def test_three_minutes_that_traded_and_are_no_bars_are_a_silence() -> None:
    assert trades(watched(), range(181)) == [(180, Silence(NOON, 1))]


def test_a_bar_a_minute_is_no_silence() -> None:
    watch = watched()
    for minute in range(100):
        begins = NOON + minute * MINUTE
        assert trades(watch, [0.0, 0.4, 59.9], since=begins) == []
        watch.known(ES, begins)
        assert watch.live(ES) is None


def test_a_bar_that_comes_late_begins_the_count_anew() -> None:
    watch = watched()
    assert trades(watch, range(170)) == []
    watch.known(ES, NOON + MINUTE)
    assert trades(watch, range(170, 300)) == []
    assert trades(watch, [301]) == [(301, Silence(NOON + 2 * MINUTE, 1))]


def test_a_thin_market_is_no_silence() -> None:
    """A minute without a trade has no bar, and the last bar is complete with the next trade."""
    watch = watched()
    for hour in range(1, 4):
        at = NOON + timedelta(hours=hour)
        assert trades(watch, [0], since=at) == []
        watch.known(ES, at - timedelta(hours=1))


@pytest.mark.parametrize("hours", [4, 4.5])
def test_outside_the_session_nothing_is_waited_for(hours: float) -> None:
    """A new subscription tells the last trade, however old that is."""
    watch = watched()
    assert trades(watch, range(0, 600, 30), since=NOON + timedelta(hours=hours)) == []
    reopened = trades(watch, range(0, 181, 30), since=REOPENS[0])
    assert reopened == [(180, Silence(NOON, 1))]


def test_a_clock_that_jumps_is_no_silence() -> None:
    watch = watched()
    jumps = [0, 3600, 7200, 60, 120, 7201]
    assert trades(watch, jumps) == []


def test_bars_are_asked_for_ever_more_rarely() -> None:
    watch = watched()
    told = trades(watch, range(0, 3 * 3600, 10))
    assert [silence.asked for _, silence in told] == list(range(1, len(told) + 1))
    assert {silence.since for _, silence in told} == {NOON}
    waits = [after - before for (before, _), (after, _) in pairwise(told)]
    assert waits[:5] == [120, 240, 480, 900, 900]
    assert set(waits[5:]) == {900}


def test_history_fills_the_silence_but_does_not_end_it() -> None:
    """The subscription that came with the answer may be as dead as the one before."""
    watch = watched()
    trades(watch, range(181))
    watch.known(ES, NOON + 2 * MINUTE)
    assert watch.is_silent(ES)
    assert trades(watch, [181, 239]) == []
    assert trades(watch, [240], since=NOON) == [], "nothing is due yet"
    assert trades(watch, [301]) == [(301, Silence(NOON, 2))]


def test_a_market_that_stands_still_meanwhile_is_not_asked_about() -> None:
    watch = watched()
    trades(watch, range(181))
    watch.known(ES, NOON + 3 * MINUTE)
    assert trades(watch, [3600]) == [], "its only trade since is in a minute that still forms"
    assert trades(watch, [3660]) == [(3660, Silence(NOON, 2))], "now one minute is missing"


def test_the_minute_in_which_the_watch_begins_is_no_whole_one() -> None:
    watch = BarWatch()
    watch.begin(ES, (SESSION,), now=NOON + timedelta(microseconds=1))
    assert [second for second, _ in trades(watch, range(301))] == [240]


def test_a_bar_that_comes_by_itself_ends_it() -> None:
    watch = watched()
    trades(watch, range(181))
    watch.known(ES, NOON + 3 * MINUTE)
    assert watch.live(ES) == Silence(NOON, 1)
    assert (watch.live(ES), watch.is_silent(ES)) == (None, False)
    assert trades(watch, range(240, 420)) == []
    assert trades(watch, [420]) == [(420, Silence(NOON + 4 * MINUTE, 1))], "a new one"


def test_a_new_connection_begins_the_count_anew_and_keeps_the_silence() -> None:
    watch = watched()
    trades(watch, range(181))
    watch.begin(ES, (SESSION,), now=NOON + 10 * MINUTE)
    assert watch.is_silent(ES)
    assert watch.live(ES) == Silence(NOON, 1)


def test_contracts_are_watched_each_for_itself_and_no_other() -> None:
    watch = watched(ES, MES)
    assert trades(watch, range(0, 181, 60), con_id=MES) == [(180, Silence(NOON, 1))]
    assert not watch.is_silent(ES)
    assert trades(watch, range(600), con_id=7) == []
    watch.known(7, NOON)
    assert (watch.live(7), watch.is_silent(7)) == (None, False)
    assert SILENT_BARS == 3
