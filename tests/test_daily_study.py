"""After each day somebody looks at it, and the loop never waits."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from mytrader.daily_study import DailyStudy, Process, start_process
from mytrader.domain.events import BarClosed, TimeReached
from mytrader.domain.limits import Limits
from mytrader.domain.market import Bar
from mytrader.domain.trader import TraderState

STATE = TraderState(limits=Limits())
CLOSE = datetime(2025, 12, 11, 21, 59, tzinfo=UTC)
"""The last minute of a session; the next one opens an hour and a minute later."""


class Ran:
    """A process that has ended, or has not."""

    def __init__(self, status: int | None) -> None:
        self._status = status

    def poll(self) -> int | None:
        """Return the status that was given."""
        return self._status


class Desk:
    """A study whose processes are not started."""

    def __init__(self, status: int | None = 0, config: Path | None = None) -> None:
        self.started: list[list[str]] = []
        self._status = status
        self.study = DailyStudy(Path("x.journal"), config, start=self._start)

    def _start(self, words: Sequence[str]) -> Process:
        self.started.append(list(words))
        return Ran(self._status)

    def bar(self, at: datetime) -> None:
        """Let a minute close."""
        self.study.seen(BarClosed(1, Bar(at, 1, 1, 1, 1, 1)), [], STATE)


def test_the_first_bar_of_another_day_starts_one_look() -> None:
    desk = Desk(config=Path("my.yaml"))
    for minutes in (-1, 0, 61, 62, 63):
        desk.bar(CLOSE + timedelta(minutes=minutes))
    desk.study.seen(TimeReached(), [], STATE)
    (words,) = desk.started
    assert words[1:] == [
        *("-m", "mytrader", "learn", "--no-words", "--journal", "x.journal"),
        *("--config", "my.yaml"),
    ]


def test_a_bar_that_comes_late_starts_nothing() -> None:
    desk = Desk()
    for minutes in (61, 0, 62):
        desk.bar(CLOSE + timedelta(minutes=minutes))
    assert desk.started == []


def test_a_look_that_still_runs_is_not_joined_by_another() -> None:
    desk = Desk(status=None)
    for days in range(3):
        desk.bar(CLOSE + timedelta(days=days))
    assert len(desk.started) == 1


def test_a_process_that_cannot_be_started_is_a_line_in_the_log() -> None:
    def refuse(words: Sequence[str]) -> Process:
        del words
        raise OSError(12, "Cannot allocate memory")

    study = DailyStudy(Path("x.journal"), None, start=refuse)
    with structlog.testing.capture_logs() as told:
        for days in range(2):
            study.seen(BarClosed(1, Bar(CLOSE + timedelta(days=days), 1, 1, 1, 1, 1)), [], STATE)
    assert [line["event"] for line in told] == ["STUDY_NOT_STARTED"]


def test_a_real_process_runs_beside_us() -> None:
    process = start_process(["true"])
    while process.poll() is None:
        pass
    assert process.poll() == 0
