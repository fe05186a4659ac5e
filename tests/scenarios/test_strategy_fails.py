"""A strategy that fails proposes nothing more; whatever is open is watched to its end.

Hazard: the target, the holding time and the end of the session are watched here, only the stop
rests at the broker. A mistake in somebody's thirty lines must not end that watch.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from mytrader.bootstrap import Outcome, Parts
from mytrader.domain import events
from mytrader.domain.decision import Signal
from mytrader.domain.instrument import Instrument
from mytrader.domain.market import Bar
from mytrader.errors import StrategyFault
from mytrader.journal.reader import JournalReader
from mytrader.signals.features import Features
from mytrader.signals.scripted import Proposal, Scripted, quiet
from tests.sessions import Session, a_plan, play

BEGIN: Final = datetime(2025, 12, 11, 15, tzinfo=UTC)
FIRST, FAILS, EXIT, LATER = 1, 4, 8, 12
"""Minutes: a trade; the strategy fails; its target is reached; one more would be proposed."""


def at(minute: int) -> datetime:
    """A minute of the session."""
    return BEGIN + timedelta(minutes=minute)


class Failing(Scripted):
    """Proposes twice; at one minute it does what `deed` does."""

    def __init__(self, instrument: Instrument, deed: Callable[[Signal], Any], when: int) -> None:
        wishes = [Proposal(at(minute)) for minute in (FIRST, FAILS, LATER)]
        super().__init__(instrument, wishes)
        self._deed, self._when = deed, at(when)
        self._sample: Signal | None = None

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        proposed = super().on_bar(bar, features)
        self._sample = self._sample or proposed
        if bar.opened_at == self._when:
            return self._deed(self._sample)  # type: ignore[arg-type, no-any-return] # nonsense is the point
        return None if bar.opened_at == at(FAILS) else proposed


def raises(signal: Signal) -> Signal:
    """What a division does that nobody thought of."""
    return replace(signal, confidence=1 / 0)


DEEDS: Final[dict[str, tuple[Callable[[Signal], Any], str]]] = {
    "raises": (raises, "ZeroDivisionError: division by zero"),
    "a word": (lambda _: "BUY", "it gave 'BUY', which is no signal"),
    "a float for a price": (
        lambda signal: replace(signal, stop=6896.0),
        "stop of its signal is 6896.0: give a Decimal",
    ),
    "a word for a side": (
        lambda signal: replace(signal, side="BUY"),
        "side of its signal is 'BUY': give a Side",
    ),
    "a word for a feature": (
        lambda signal: replace(signal, features={"atr": "wide"}),
        "feature 'atr' of its signal is 'wide': give a number",
    ),
}


def traded(folder: Path, deed: Callable[[Signal], Any], *, when: int = FAILS) -> Outcome:
    """Trade a session in which the strategy fails."""
    bars = quiet(BEGIN, LATER + 6)
    bars[EXIT] = replace(bars[EXIT], high=bars[EXIT].high + 30)
    history = quiet(BEGIN - timedelta(minutes=300), 300)
    parts = Parts(strategy=lambda instrument: Failing(instrument, deed, when))
    outcome, _ = play(Session(a_plan(folder), history, bars, parts))
    return outcome


@pytest.mark.parametrize("name", DEEDS)
def test_the_open_trade_still_reaches_its_target(tmp_path: Path, name: str) -> None:
    deed, said = DEEDS[name]
    outcome = traded(tmp_path, deed)
    (cycle,) = outcome.book.closed
    assert cycle.exit_reason == "target"
    assert outcome.position_open == 0
    assert outcome.mode == "REDUCE_ONLY"
    assert said in outcome.mode_why
    with JournalReader(tmp_path / "x.journal") as journal:
        proposed = [r for r in journal.read() if isinstance(r.event, events.SignalRaised)]
    assert len(proposed) == 1, "a strategy that failed is not asked again"


def test_one_that_fails_over_history_does_not_start_flat(tmp_path: Path) -> None:
    with pytest.raises(
        StrategyFault, match=r"ZeroDivisionError.* \(test_strategy_fails\.py:\d+\)"
    ):
        traded(tmp_path, raises, when=-3)


def test_one_that_fails_over_history_leaves_the_open_trade_watched(tmp_path: Path) -> None:
    """The process died in the trade; in the next one the strategy fails before it begins."""
    bars = quiet(BEGIN, LATER + 6)
    bars[EXIT] = replace(bars[EXIT], high=bars[EXIT].high + 30)
    history = quiet(BEGIN - timedelta(minutes=300), 300)
    made: list[int] = []

    def make(instrument: Instrument) -> Failing:
        made.append(1)
        return Failing(instrument, raises, when=-3 if len(made) > 1 else 99)

    session = Session(a_plan(tmp_path), history, bars, Parts(strategy=make), dies=at(FAILS))
    outcome, _ = play(session)
    (cycle,) = outcome.book.closed
    assert cycle.exit_reason == "target"
    assert outcome.mode == "REDUCE_ONLY"
    assert "ZeroDivisionError" in outcome.mode_why
