"""Feeds closed bars to strategies, and keeps what they give to what the loop can take.

Strategies are other people's code. What one raises, or gives instead of a signal, ends its
proposals here and nothing else.
"""

import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.errors import StrategyFault
from mytrader.execution.live_trading_manager import caught
from mytrader.plain_text import on_record
from mytrader.signals.features import FeatureEngine, Features
from mytrader.signals.strategy import check_signal


class Proposes(Protocol):
    """What the trader needs of a strategy."""

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        ...


MakeStrategy = Callable[[Instrument], Proposes]


class Proposer:
    """Feeds each contract's bars to its features and its strategy.

    Once one strategy has failed none is asked any more. `fault` says what it was.
    """

    def __init__(self, make: MakeStrategy) -> None:
        self.fault: StrategyFault | None = None
        self._told = False
        self._make = make
        self._engines: dict[int, tuple[FeatureEngine, Proposes]] = {}
        self._newest: dict[int, datetime] = {}

    def prepare(self, con_id: int, instrument: Instrument, *, history: Sequence[Bar]) -> None:
        """Take in the bars that were missed; what they would have proposed is the past.

        Raises nothing over a strategy that fails meanwhile: that stands in `fault`.
        """
        if con_id not in self._engines:
            self._engines[con_id] = (FeatureEngine(), self._make(instrument))
        for bar in history:
            self._take(con_id, bar)

    def propose(self, con_id: int, bar: Bar) -> Signal | None:
        """Return what the strategy makes of a closed bar; a repeat proposes nothing.

        Raises `StrategyFault` when it fails over this bar.
        """
        signal = self._take(con_id, bar)
        fault = self.untold()
        if fault is not None:
            raise fault
        return signal

    def untold(self) -> StrategyFault | None:
        """Return the fault when asked for the first time, and nothing from then on."""
        told, self._told = self._told, self._told or self.fault is not None
        return None if told else self.fault

    def _take(self, con_id: int, bar: Bar) -> Signal | None:
        newest = self._newest.get(con_id)
        if self.fault is not None or (newest is not None and bar.opened_at <= newest):
            return None
        self._newest[con_id] = bar.opened_at
        engine, strategy = self._engines[con_id]
        features = engine.update(bar)
        signal = caught(lambda: _checked(strategy.on_bar(bar, features)))
        if not isinstance(signal, Exception):
            return signal
        self.fault = _fault(signal)
        return None


def _checked(signal: Signal | None) -> Signal | None:
    if signal is None:
        return None
    check_signal(signal)
    return _recordable(signal)


def _fault(error: Exception) -> StrategyFault:
    """Return the failure of a strategy in one line, with the place where its author will look."""
    said = str(error)
    if not isinstance(error, StrategyFault):
        at = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error}" if said else type(error).__name__
        said = f"{what} ({Path(at.filename).name}:{at.lineno})"
    return StrategyFault(on_record(f"the strategy failed: {said}; mend it and start anew"))


_name_on_record: Final = lru_cache(maxsize=1024)(on_record)
"""Names of features: the same ones come with every proposal."""


def _recordable(signal: Signal) -> Signal:
    """Return a proposal that can be written down, in plain words and plain numbers.

    A strategy may quote anybody, and the floats of a library are of its own kinds.
    """
    return replace(
        signal,
        strategy=on_record(str(signal.strategy)),
        reason=on_record(str(signal.reason)),
        confidence=float(signal.confidence),
        features={
            _name_on_record(str(name)): float(each) for name, each in signal.features.items()
        },
    )
