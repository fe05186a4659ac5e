"""What hangs beside the line of one trader: memory, advisors outside, alerts, telemetry.

All of it watches or argues; none of it can send anything, and the line works with all of it gone.
It is opened after the journal and closed before it, after the trader's last event.

The order of use: construct, `watch` the journal, tell `record` of every record of the past,
`catch_up`, hand `panel` and `observers` to the loop, `begin`, `end_calls`, `close`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from mytrader import __version__, services
from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
from mytrader.advisors.panel import Panel, Seat
from mytrader.domain.decision import AdvisorCall
from mytrader.domain.events import AdvisorCalled
from mytrader.domain.trader import TraderState
from mytrader.execution.live_trading_manager import Observer
from mytrader.journal.watched import WatchedJournal
from mytrader.ports import Journal, JournalRecord, Runtime
from mytrader.rag.documents import lesson_of
from mytrader.rag.pipeline_integration import PipelineIntegration
from mytrader.replay.cycle_book import CycleBook
from mytrader.settings import Settings

Noted = Callable[[str, AdvisorCall], None]
"""Told the cycle id and the end of every call to an advisor outside."""


class Beside:
    """The services that the settings ask for; raises `BadInput` where one cannot be opened."""

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        *,
        journal: Path,
        environ: Mapping[str, str],
        noted: Noted,
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._noted = noted
        self._calls: list[tuple[datetime, AdvisorCall]] = []
        self._memory = services.open_memory(settings, journal, runtime=runtime, environ=environ)
        self._pipeline = PipelineIntegration(self._memory)
        self._outlets = services.open_outlets(settings, version=__version__, lesson=lesson_of)
        self._alerts = services.open_alerts(settings, now=runtime.now)
        self._bedrock: services.Bedrock | None = None

    def watch(self, journal: Journal) -> Journal:
        """Return the journal for the loop to write to."""
        return self._outlets.watch(journal) if self._outlets.wanted else journal

    def record(self, record: JournalRecord, state: TraderState) -> None:
        """Take note of a record of the past, and of the state after it."""
        if isinstance(record.event, AdvisorCalled):
            self._calls.append((record.at, record.event.call))
        for listener in self._outlets.past:
            listener.recorded(record)
            listener.looked(state, record.at)

    def catch_up(self, past: CycleBook) -> None:
        """Take over where the last process left: trades remembered, calls paid for."""
        self._pipeline.catch_up(past.closed)
        self._bedrock = services.open_bedrock(
            self._settings.aws_agents, self._runtime, self._noted, past=self._calls
        )
        self._calls.clear()

    @property
    def panel(self) -> Panel:
        """The advisors, with the memory before them."""
        outside = () if self._bedrock is None else self._bedrock.seats
        return Panel(
            [*outside, *local_seats()],
            self._runtime,
            deadline=self._settings.aws_agents.timeout,
            memory=self._memory,
        )

    def observers(self, journal: Journal) -> Sequence[Observer]:
        """Return who is told of every event; `journal` is what `watch` returned."""
        found: list[Observer] = [self._pipeline]
        if isinstance(journal, WatchedJournal):
            found.append(journal)
        if self._alerts is not None:
            found.append(self._alerts)
        return found

    def begin(self, state: TraderState, *, lag_of: Runtime | None, speed: float) -> None:
        """Send from here on; `lag_of` is a runtime whose loop's lag means something."""
        self._outlets.begin(state, self._runtime.now(), runtime=lag_of, speed=speed)
        if self._bedrock is not None:
            # Only so that the first question need not wait for it. Nobody waits for this, and
            # whatever fails here fails again, with its word, when an advisor is asked.
            warming = asyncio.ensure_future(  # noqa: TID251 - nothing depends on its outcome
                self._bedrock.start()
            )
            warming.add_done_callback(lambda done: done.cancelled() or done.exception())

    def end_calls(self) -> None:
        """Let the record have the calls that are still under way, while it can."""
        if self._bedrock is not None:
            self._bedrock.close()

    def close(self, failure: BaseException | None = None) -> None:
        """Let go of everything, within seconds; raises nothing."""
        if self._alerts is not None:
            self._alerts.close(failure=failure)
        self._outlets.close()
        self._memory.close()


def local_seats() -> Sequence[Seat]:
    """Return the advisors that need no network; they sit on every panel."""
    advisors = (LocalDecisionAdvisor(), LocalRiskAdvisor())
    return [Seat(advisor.name, advisor.role, advisor) for advisor in advisors]
