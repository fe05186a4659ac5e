"""History warms a strategy up, a bar is taken once, and what a strategy gives can be written down.

What becomes of a trade when a strategy fails is in `tests/scenarios/test_strategy_fails.py`.
"""

import json
from datetime import timedelta
from functools import partial

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.errors import StrategyFault
from mytrader.proposer import Proposer
from mytrader.signals.features import Features
from mytrader.signals.idea import Idea, signal
from mytrader.signals.strategy import create_strategy
from tests.command_line import FIRST

CON_ID = 1


def wave(count: int) -> list[Bar]:
    """Minutes of a market that swings slowly enough to be followed."""
    bars = []
    for minute in range(count):
        phase = minute % 120
        close = 27_600 + (phase if phase < 60 else 120 - phase) * 2
        at = FIRST + timedelta(minutes=minute)
        bars.append(Bar(at, close, close + 3, close - 3, close, 100))
    return bars


def proposals(proposer: Proposer, bars: list[Bar]) -> list[str]:
    return [
        f"{bar.opened_at:%H:%M} {signal.side} {signal.entry}"
        for bar in bars
        if (signal := proposer.propose(CON_ID, bar)) is not None
    ]


def proposer(history: list[Bar]) -> Proposer:
    made = Proposer(partial(create_strategy, "ema-cross"))
    made.prepare(CON_ID, ES, history=history)
    return made


def test_history_warms_up_and_proposes_nothing_afterwards() -> None:
    bars = wave(600)
    whole = proposals(proposer([]), bars)
    warm = proposals(proposer(bars[:400]), bars[400:])
    assert warm, "the market swings"
    assert warm == whole[-len(warm) :]


def test_a_bar_is_taken_once_however_often_it_is_delivered() -> None:
    bars = wave(600)
    once = proposals(proposer([]), bars)
    twice = proposals(proposer([]), [bar for bar in bars for _ in range(2)])
    again = proposer(bars)
    again.prepare(CON_ID, ES, history=bars)
    assert twice == once
    assert proposals(again, bars) == [], "after a reconnect the past is the past"


class Library:
    """Proposes with the numbers of a library, which are floats and yet no plain ones."""

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        idea = Idea(Side.BUY, np.float64(0.6), 8, 12, "r", numbers={"own": np.float64(1.5)})
        made = signal("library", idea, bar=bar, features=features, instrument=ES)
        return replace(made, confidence=np.float64(0.6))


def test_the_numbers_of_a_library_can_be_written_down() -> None:
    """The journal writes plain numbers only: a strategy with numpy would have halted the loop."""
    made = Proposer(lambda _: Library())
    made.prepare(CON_ID, ES, history=[])
    proposed = made.propose(CON_ID, wave(1)[0])
    assert proposed is not None
    assert json.loads(msgspec.json.encode(proposed))["confidence"] == 0.6
    assert proposed.features["own"] == 1.5


class Fails:
    """Proposes nothing, and fails at its third bar."""

    def __init__(self) -> None:
        self.asked = 0

    def on_bar(self, bar: Bar, features: Features) -> Signal | None:
        """See `signals.strategy.Strategy`."""
        del bar, features
        self.asked += 1
        if self.asked == 3:
            raise IndexError
        return None


def test_a_failure_is_told_once_and_nothing_is_asked_from_then_on() -> None:
    strategy = Fails()
    made = Proposer(lambda _: strategy)
    made.prepare(CON_ID, ES, history=wave(2))
    with pytest.raises(StrategyFault, match=r"the strategy failed: IndexError \(test_proposer"):
        made.propose(CON_ID, wave(3)[-1])
    assert made.untold() is None
    assert [made.propose(CON_ID, bar) for bar in wave(9)] == [None] * 9
    assert strategy.asked == 3


def test_a_failure_over_history_waits_to_be_told() -> None:
    made = Proposer(lambda _: Fails())
    made.prepare(CON_ID, ES, history=wave(5))
    fault = made.untold()
    assert isinstance(fault, StrategyFault)
    assert made.fault is fault
    assert made.untold() is None
