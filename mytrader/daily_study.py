"""The look after a day, in a process of its own: it reads whole records and takes seconds.

The loop only starts it and never waits for it. What it finds is in the ledger beside the record
and counts from the next start on; what it says goes nowhere, because `mytrader learn` says it
again to whoever asks. So it asks no learning agent for words: nobody would read what they cost.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

import structlog

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent, BarClosed
from mytrader.domain.session import trading_date
from mytrader.domain.trader import TraderState


class Process(Protocol):
    """A process that was started."""

    def poll(self) -> int | None:
        """Return its exit status, `None` while it runs."""
        ...


Start = Callable[[Sequence[str]], Process]


def start_process(words: Sequence[str]) -> Process:
    """Start a command whose words nobody reads; raises `OSError`."""
    return subprocess.Popen(  # noqa: S603 - our own program, with words of our own
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class DailyStudy:
    """Starts the look when the first bar of another trading date closes; an observer."""

    def __init__(
        self, journal: Path, config: Path | None, *, start: Start = start_process
    ) -> None:
        self._words = [sys.executable, "-m", "mytrader", "learn", "--no-words"]
        self._words += ["--journal", str(journal)]
        self._words += [] if config is None else ["--config", str(config)]
        self._start = start
        self._day: date | None = None
        self._process: Process | None = None
        self._log = structlog.get_logger("mytrader.learning")

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """See `execution.live_trading_manager.Observer`."""
        del asked, state
        if not isinstance(event, BarClosed):
            return
        day = trading_date(event.bar.opened_at)
        before, self._day = self._day, max(day, self._day or day)
        if before is not None and day > before:
            self._look(before)

    def _look(self, day: date) -> None:
        if self._process is not None and self._process.poll() is None:
            self._log.warning("STUDY_SLOW", text=f"the look before that of {day} still runs")
            return
        try:
            self._process = self._start(self._words)
        except OSError as error:
            self._log.warning("STUDY_NOT_STARTED", text=f"{day}: {error.strerror or error}")
