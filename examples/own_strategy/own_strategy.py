"""In a row: after some minutes that closed higher, the next may do so too."""

from collections.abc import Mapping
from typing import Annotated, Self

from msgspec import Meta, Struct

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.signals.features import Features
from mytrader.signals.idea import Idea, signal
from mytrader.signals.strategy import parse_params


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """Closes in a row; the distances of stop and target in average true ranges."""

    closes: Annotated[int, Meta(ge=2)] = 4
    stop_atr: Annotated[float, Meta(gt=0)] = 1.5
    target_atr: Annotated[float, Meta(gt=0)] = 3.0


class InARow:
    """BUY after so many higher closes in a row, SELL after so many lower ones."""

    name = "in-a-row"

    def __init__(self, instrument: Instrument, params: Params) -> None:
        self._instrument, self._params = instrument, params
        self._last: Bar | None = None
        self._row = 0

    @classmethod
    def create(cls, instrument: Instrument, params: Mapping[str, object]) -> Self:
        """Return a fresh strategy; raises `BadInput` for parameters it cannot use."""
        return cls(instrument, parse_params(cls.name, params, kind=Params))

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """Count the closes; propose when enough went one way."""
        last, params = self._last or bar, self._params
        if self._last is not None and bar.opened_at <= last.opened_at:
            return None  # a repeat, after a reconnect
        self._last = bar
        step = (bar.close > last.close) - (bar.close < last.close)
        self._row = self._row + step if self._row * step > 0 else step
        if abs(self._row) != params.closes:
            return None
        idea = Idea(
            Side.BUY if self._row > 0 else Side.SELL,
            confidence=0.6,
            stop_ticks=params.stop_atr * features.atr,
            target_ticks=params.target_atr * features.atr,
            reason=f"{params.closes} closes in a row, ATR {features.atr:.1f} ticks.",
        )
        return signal(self.name, idea, bar=bar, features=features, instrument=self._instrument)
