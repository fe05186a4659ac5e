"""A strategy that proposes what it was told to, and a market that goes nowhere: for rehearsals.

Whoever wants to see what advisors, guards or a broker make of one proposal needs it at a known
minute, at a known price and with numbers to which nobody at home objects.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.domain.regime import Regime, Trend, Volatility
from mytrader.signals.features import Features

NAME: Final = "scripted"
CALM_AND_DIRECTED: Final = {
    "efficiency_ratio": 1.0,
    "efficiency_net": 30.0,
    "volatility_ratio": 1.0,
    "volume_ratio": 1.0,
    "volume_minutes": 120.0,
}
"""Numbers to which neither of the embedded advisors has an objection."""


class Proposal(Struct, frozen=True):
    """A trade that is proposed when a minute closes; the bracket is in ticks from the close."""

    minute: datetime
    confidence: float = 0.9
    side: Side = Side.BUY
    stop_ticks: int = 16
    target_ticks: int = 12
    symbol: str = "ES"


class Scripted:
    """Proposes what it was told to, in a market of which the advisors at home think well."""

    def __init__(self, instrument: Instrument, proposals: Sequence[Proposal]) -> None:
        self._instrument = instrument
        self._due = {
            proposal.minute: proposal
            for proposal in proposals
            if proposal.symbol == instrument.symbol
        }

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        asked = self._due.get(bar.opened_at)
        if asked is None:
            return None
        price, sign = self._instrument.price, asked.side.sign
        return Signal(
            strategy=NAME,
            side=asked.side,
            confidence=asked.confidence,
            entry=price(bar.close),
            stop=price(bar.close - sign * asked.stop_ticks),
            target=price(bar.close + sign * asked.target_ticks),
            features={**features.numbers(), **CALM_AND_DIRECTED},
            reason="the script says so",
            regime=Regime(Trend.UPTREND, Volatility.MEDIUM),
        )


def quiet(first: datetime, minutes: int, *, around: int = 27_600) -> list[Bar]:
    """Return minutes of a market that stays within three ticks of `around`."""
    return [
        Bar(first + timedelta(minutes=minute), around, around + 2, around - 1, around, 500)
        for minute in range(minutes)
    ]
