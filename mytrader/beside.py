"""What hangs beside the line of one trader: memory, advisors outside, alerts, telemetry.

All of it watches or argues; none of it can send anything, and the line works with all of it gone.
It is opened before the trader connects and closed after its last event, before the journal is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mytrader import services
from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
from mytrader.advisors.panel import Panel, Seat
from mytrader.domain.cycle import TradeCycle
from mytrader.domain.decision import AdvisorCall
from mytrader.execution.live_trading_manager import Observer
from mytrader.ports import Runtime
from mytrader.rag.pipeline_integration import PipelineIntegration
from mytrader.settings import Settings

Noted = Callable[[str, AdvisorCall], None]
"""Told the cycle id and the end of every call to an advisor outside."""


class Beside:
    """The services that the settings ask for; raises `BadInput` where one cannot be opened.

    `closed` are the trades that the journal knows already.
    """

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        *,
        journal: Path,
        closed: Iterable[TradeCycle],
        environ: Mapping[str, str],
        noted: Noted,
    ) -> None:
        self._memory = services.open_memory(settings, journal, runtime=runtime, environ=environ)
        pipeline = PipelineIntegration(self._memory)
        pipeline.catch_up(closed)
        self.observers: tuple[Observer, ...] = (pipeline,)
        seats = local_seats()
        self.panel = Panel(
            seats, runtime, deadline=settings.aws_agents.timeout, memory=self._memory
        )

    async def start(self) -> None:
        """Do what would make the first question wait."""

    def close(self) -> None:
        """Let go of everything; raises nothing."""
        self._memory.close()


def local_seats() -> Sequence[Seat]:
    """Return the advisors that need no network; they sit on every panel."""
    advisors = (LocalDecisionAdvisor(), LocalRiskAdvisor())
    return [Seat(advisor.name, advisor.role, advisor) for advisor in advisors]
