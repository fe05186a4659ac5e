"""A strategy of another package, as far as the command line can tell: it always wants to buy."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Self

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.signals.features import Features
from mytrader.signals.scripted import Proposal, Scripted
from mytrader.signals.strategy import GROUP

NAME = "eager"
TARGET_TICKS = 12


class Eager:
    """Proposes a long trade with every bar."""

    name = NAME

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument

    @classmethod
    def create(cls, instrument: Instrument, params: Mapping[str, object]) -> Self:
        """See `signals.strategy.Strategy`."""
        del params
        return cls(instrument)

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        return Scripted(self._instrument, [wish(bar.opened_at)]).on_bar(bar, features)


def wish(minute: datetime) -> Proposal:
    """What it proposes."""
    return Proposal(minute, target_ticks=TARGET_TICKS)


def install(folder: Path) -> Path:
    """Write the entry point; whoever has `folder` in its path finds the strategy."""
    info = folder / "eager-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: eager\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{NAME} = {__name__}:Eager\n", "utf-8")
    return folder
