"""Telemetry as one thing: what was asked for is opened, everything else does not exist.

It hangs off the line and watches the journal from behind it: a trader whose collector is dead, or
whose scrapes nobody fetches, decides, protects and exits as one without telemetry.

The order of use: construct, fold the journal with `past`, let the loop write to `watch(journal)`
and tell it as an observer, `begin`, and `close` when the loop has ended.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mytrader.domain.trader import TraderState
from mytrader.journal.cycle_histories import (
    CycleHistories,
    CycleHistory,
    LateCall,
    Lesson,
    no_lesson,
)
from mytrader.journal.loop_lag import LoopLag
from mytrader.journal.watched import Listener, WatchedJournal
from mytrader.ports import Journal, Runtime
from mytrader.service_settings import TelemetrySettings

if TYPE_CHECKING:
    from mytrader.journal.metrics import Metrics
    from mytrader.journal.otlp import OtlpExporter

AGAIN_MAX: Final = 4
"""Cycles that ended just before a start are sent again: a crash may have kept them back."""

CLOSE_WITHIN_S: Final = 3.0


class Outlets:
    """Traces and metrics of one trader, as the settings ask for them.

    `elapsed_s` is a machine's seconds that never go back; `lesson` is what the memory keeps of an
    ended trade. Raises `BadInput` where a package is missing or the port cannot be had.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        *,
        version: str,
        elapsed_s: Callable[[], float],
        lesson: Lesson = no_lesson,
    ) -> None:
        self._elapsed_s = elapsed_s
        self.metrics: Metrics | None = None
        self.exporter: OtlpExporter | None = None
        self._lag: LoopLag | None = None
        self._again: deque[CycleHistory] = deque(maxlen=AGAIN_MAX)
        self._begun = False
        if settings.enabled and settings.prometheus_port is not None:
            self.metrics = _metrics(settings.prometheus_port)
        if settings.enabled and settings.otlp_endpoint is not None:
            self.exporter = _exporter(
                settings,
                settings.otlp_endpoint,
                self.metrics,
                version=version,
                elapsed_s=elapsed_s,
            )
        self._histories = CycleHistories(self._ended, late=self._late, lesson=lesson)

    @property
    def wanted(self) -> bool:
        """Whether anything was asked for; else there is nothing to watch."""
        return self.metrics is not None or self.exporter is not None

    @property
    def past(self) -> tuple[Listener, ...]:
        """Who has to see the journal as it is folded: open cycles go on where they were."""
        return () if self.exporter is None else (self._histories,)

    def watch(self, journal: Journal) -> WatchedJournal:
        """Return a journal for the loop to write to, which is also an observer of it."""
        metrics = self.metrics
        listeners = [*self.past, *([] if metrics is None else [metrics])]
        committed = None if metrics is None else metrics.committed
        return WatchedJournal(journal, listeners, elapsed_s=self._elapsed_s, committed=committed)

    def begin(
        self,
        state: TraderState,
        at: datetime,
        *,
        runtime: Runtime | None = None,
        speed: float = 1.0,
    ) -> None:
        """Send from here on what ends; `state` is as it was folded, `at` the present.

        `runtime` is the machine's, for the loop's lag; none in virtual time. Called again after a
        reconnect it does nothing.
        """
        if self._begun:
            return
        self._begun = True
        if self.exporter is not None:
            for history in self._again:
                self.exporter.send(history)
        self._again.clear()
        if self.metrics is not None:
            self.metrics.looked(state, at)
            if runtime is not None:
                self._lag = LoopLag(runtime, self.metrics.lagged, speed=speed)
                self._lag.start()

    def close(self) -> None:
        """Send what is left, within seconds, and serve nothing more."""
        if self._lag is not None:
            self._lag.stop()
        if self.exporter is not None:
            self.exporter.close(CLOSE_WITHIN_S)
        if self.metrics is not None:
            self.metrics.close()

    def _ended(self, history: CycleHistory) -> None:
        if not self._begun:
            self._again.append(history)
        elif self.exporter is not None:
            self.exporter.send(history)

    def _late(self, late: LateCall) -> None:
        if self._begun and self.exporter is not None:
            self.exporter.send_late(late)


def _metrics(port: int) -> "Metrics":
    from mytrader.journal.metrics import Metrics  # noqa: PLC0415 - an extra that need not be there

    metrics = Metrics()
    metrics.serve(port)
    return metrics


def _exporter(
    settings: TelemetrySettings,
    endpoint: str,
    metrics: "Metrics | None",
    *,
    version: str,
    elapsed_s: Callable[[], float],
) -> "OtlpExporter":
    from mytrader.journal.otlp import OtlpExporter  # noqa: PLC0415 - likewise

    return OtlpExporter(
        endpoint,
        service=settings.service_name,
        version=version,
        elapsed_s=elapsed_s,
        dropped=None if metrics is None else metrics.dropped,
    )
