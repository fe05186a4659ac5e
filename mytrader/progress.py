"""Progress of a run on standard error: a bar on a terminal, a line now and then elsewhere."""

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mytrader.domain.commands import AnyCommand
from mytrader.domain.events import AnyEvent, BarClosed
from mytrader.domain.session import EXCHANGE_ZONE
from mytrader.domain.trader import TraderState

LINE_EVERY_BARS: Final = 345
"""A quarter of a session, where there is no terminal to draw on."""


class RunProgress:
    """Observes a run and shows how far it has come; `bars_total` is `None` if nobody knows."""

    def __init__(
        self, bars_total: int | None, *, quiet: bool, console: Console | None = None
    ) -> None:
        self._console = console or Console(stderr=True, quiet=quiet)
        self._bars_total = bars_total
        self._bars = 0
        self._closed = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("bars"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("connecting", total=bars_total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def seen(self, event: AnyEvent, asked: list[AnyCommand], state: TraderState) -> None:
        """Count bars and closed cycles."""
        del asked
        self._closed += sum(1 for cycle in state.finished if cycle.fills)
        if not isinstance(event, BarClosed):
            return
        self._bars += 1
        at = event.bar.opened_at.astimezone(EXCHANGE_ZONE)
        said = f"{at:%m-%d %H:%M} CT, {self._closed} closed"
        self._bar.update(self._task, completed=self._bars, description=said)
        if not self._console.is_terminal and self._bars % LINE_EVERY_BARS == 0:
            total = f" of {self._bars_total}" if self._bars_total else ""
            self._console.print(f"{self._bars}{total} bars, {said}", soft_wrap=True)
