"""What hangs beside the line of one trader: memory, advisors outside, alerts, telemetry.

All of it watches or argues; none of it can send anything, and the line works with all of it gone.
It is opened after the journal and closed before it, after the trader's last event.

What cannot be opened ends the start in one line, while there is nothing to lose. With a trade
open the trader starts without it and says so in one line: a package, a port or a file that
nobody needs for an exit may not keep a position waiting. Advisors and a memory that are missing
in this way have failed, which blocks every entry.

The order of use: construct, tell `record` of every record of the past, `catch_up`, `watch` the
journal, hand `panel` and `observers` to the loop, `begin`, `end_calls`, `close`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import structlog

from mytrader import __version__, services
from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
from mytrader.advisors.opinion import failed
from mytrader.advisors.panel import Panel, Seat
from mytrader.alerts.messenger import Alerts
from mytrader.domain.commands import AlertLevel, AnyCommand, RaiseAlert
from mytrader.domain.decision import AdvisorCall, AdvisorRole, Opinion, Question
from mytrader.domain.events import AdvisorCalled, AnyEvent
from mytrader.domain.trader import TraderState
from mytrader.errors import BadInput
from mytrader.execution.live_trading_manager import Observer, caught
from mytrader.journal.watched import WatchedJournal
from mytrader.learning.desk import paid_for_words
from mytrader.plain_text import on_record
from mytrader.ports import Journal, JournalRecord, Runtime
from mytrader.rag.absent import AbsentMemory
from mytrader.rag.cache import CachedMemory
from mytrader.rag.documents import lesson_of
from mytrader.rag.pipeline_integration import PipelineIntegration
from mytrader.replay.cycle_book import CycleBook
from mytrader.service_settings import TelemetrySettings
from mytrader.settings import Settings

STARTED_WITHOUT: Final = "STARTED_WITHOUT"
T = TypeVar("T")

Noted = Callable[[str, AdvisorCall], None]
"""Told the cycle id and the end of every call to an advisor outside."""


class Aside:
    """An observer beside the line: when it fails it is told nothing more, and the line goes on.

    What the loop's own observers raise ends the loop; these are not worth an open position.
    """

    def __init__(self, observer: Observer, runtime: Runtime) -> None:
        self._observer: Observer | None = observer
        self._runtime = runtime

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """See `execution.live_trading_manager.Observer`."""
        observer = self._observer
        if observer is None:
            return
        error = caught(lambda: observer.seen(event, asked, state))
        if error is None:
            return
        self._observer = None
        structlog.get_logger("mytrader.beside").error(
            "WATCHER_FAILED",
            at=self._runtime.now(),
            text=on_record(
                f"{type(observer).__name__} failed, {type(error).__name__}: {error};"
                " it is told nothing more until a restart"
            ),
        )


class Beside:
    """The services that the settings ask for.

    `without` says which could not be opened, and why; `mark` stands in every alert.
    """

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        *,
        journal: Path,
        environ: Mapping[str, str],
        noted: Noted,
        mark: str = "",
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._noted = noted
        self._calls: list[tuple[datetime, AdvisorCall]] = []
        self._environ = environ
        self._journal = journal
        self._mark = mark
        self._open_trade = False
        self.without: list[str] = []
        self._memory = CachedMemory(AbsentMemory("nothing of the past was told yet"))
        self._pipeline = PipelineIntegration(self._memory)
        self._outlets_refused: BadInput | None = None
        self._outlets = self._open_outlets()
        self._alerts: Alerts | None = None
        self._bedrock: services.Bedrock | None = None
        self._outside: Sequence[Seat] = ()

    def _open_outlets(self) -> services.Outlets:
        """Open telemetry, which has to see the past; whether a trade is open is not known yet."""
        try:
            return services.open_outlets(self._settings, version=__version__, lesson=lesson_of)
        except BadInput as why:
            self._outlets_refused = why
            off = self._settings.model_copy(update={"telemetry": TelemetrySettings()})
            return services.open_outlets(off, version=__version__, lesson=lesson_of)

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

    def catch_up(self, past: CycleBook, *, open_trade: bool = False) -> None:
        """Open the rest, and take over where the last process left.

        Trades are remembered again, calls count as paid for. Raises `BadInput` where something
        cannot be opened, unless `open_trade` says that something of the record may be open.
        """
        self._open_trade = open_trade
        if self._outlets_refused is not None:
            self._go_without("telemetry", self._outlets_refused)
        self._memory = self._opened("memory", self._open_memory, without=_absent_memory)
        self._pipeline = PipelineIntegration(self._memory)
        self._pipeline.catch_up(past.closed)
        self._outside = self._opened("Bedrock", self._open_bedrock, without=_absent_seats)
        self._calls.clear()
        self._alerts = self._opened("alerts", self._open_alerts, without=lambda _: None)
        for missing in self.without:
            self.tell(RaiseAlert(AlertLevel.WARNING, STARTED_WITHOUT, missing))

    def _opened(self, name: str, opening: Callable[[], T], *, without: Callable[[str], T]) -> T:
        try:
            return opening()
        except BadInput as why:
            self._go_without(name, why)
            return without(str(why))

    def _go_without(self, name: str, why: BadInput) -> None:
        """Say so, or raise `why` while nothing is open."""
        if not self._open_trade:
            self.close()
            raise why
        text = f"{why}: a trade is open, so the trader starts without {name}"
        self.without.append(text)
        structlog.get_logger("mytrader.beside").warning(
            STARTED_WITHOUT, at=self._runtime.now(), text=text
        )

    def tell(self, alert: RaiseAlert) -> None:
        """Tell people of something that no event speaks of."""
        if self._alerts is not None:
            self._alerts.note(alert)

    def _open_memory(self) -> CachedMemory:
        return services.open_memory(
            self._settings, self._journal, runtime=self._runtime, environ=self._environ
        )

    def _open_bedrock(self) -> Sequence[Seat]:
        aws, now = self._settings.aws_agents, self._runtime.now()
        words = paid_for_words(self._settings, self._journal, now=now) if aws.enabled else ()
        self._bedrock = services.open_bedrock(
            aws, self._runtime, self._noted, past=[*self._calls, *words]
        )
        return () if self._bedrock is None else self._bedrock.seats

    def _open_alerts(self) -> Alerts | None:
        return services.open_alerts(self._settings, now=self._runtime.now, mark=self._mark)

    @property
    def panel(self) -> Panel:
        """The advisors, with the memory before them."""
        return Panel(
            [*self._outside, *local_seats()],
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
        return [Aside(each, self._runtime) for each in found]

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


class _AbsentAdvisor:
    """An advisor that the settings ask for and that could not be opened: it blocks."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def opine(self, question: Question, now: datetime) -> Opinion:
        """Fail."""
        del question, now
        return failed(ABSENT_SEAT, AdvisorRole.RISK, failure=f"not opened: {self._why}")


ABSENT_SEAT: Final = "bedrock"


def _absent_seats(why: str) -> Sequence[Seat]:
    return [Seat(ABSENT_SEAT, AdvisorRole.RISK, _AbsentAdvisor(why))]


def _absent_memory(why: str) -> CachedMemory:
    return CachedMemory(AbsentMemory(why))


def local_seats() -> Sequence[Seat]:
    """Return the advisors that need no network; they sit on every panel."""
    advisors = (LocalDecisionAdvisor(), LocalRiskAdvisor())
    return [Seat(advisor.name, advisor.role, advisor) for advisor in advisors]
