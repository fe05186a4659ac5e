"""What joins: features that are warm, bars taken once, an outcome of this run alone."""

import json
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from mytrader import runs
from mytrader.bootstrap import Plan, Proposer, held_contracts
from mytrader.domain.decision import Signal
from mytrader.domain.instrument import ES
from mytrader.domain.market import Bar
from mytrader.domain.orders import Side
from mytrader.errors import BadInput
from mytrader.settings import Settings
from mytrader.signals.features import Features
from mytrader.signals.idea import Idea, signal
from mytrader.signals.strategy import create_strategy
from mytrader.simulator.bar_files import load_bar_file
from tests.command_line import FIRST, rows, write_bars
from tests.playbook import CON_ID as SCRIPTED
from tests.playbook import entering, opened, the_start

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


def test_the_outcome_of_a_quiet_run(tmp_path: Path) -> None:
    settings = Settings()
    bars = load_bar_file(write_bars(tmp_path / "bars.csv", rows()), ES)
    plan = Plan(settings, ("ES",), "ema-cross", tmp_path / "x.journal", seed=1)
    outcome = runs.run_embedded(plan, runs.SimulatedDay(("ES",), bars, settings))
    assert (outcome.mode, outcome.position_open) == ("NORMAL", 0)
    assert outcome.started_flat
    assert not outcome.interrupted
    assert outcome.cash_change_usd == Decimal(0)
    assert outcome.started_at < bars.session[0].opened_at < outcome.ended_at
    other = replace(plan, journal=tmp_path / "y.journal", seed=2)
    again = runs.run_embedded(other, runs.SimulatedDay(("ES",), bars, settings))
    assert again.head_hash != outcome.head_hash, "the header names the seed"


def test_what_may_be_open_is_held() -> None:
    assert held_contracts(the_start(), ["ES", "MES"]) == {"ES": frozenset(), "MES": frozenset()}
    assert held_contracts(entering().state, ["MES", "ES"])["ES"] == {SCRIPTED}, (
        "an order is enough"
    )
    assert held_contracts(opened().state, ["ES"]) == {"ES": {SCRIPTED}}


def test_a_record_with_an_open_trade_belongs_to_its_symbol() -> None:
    """Under another symbol nobody would watch the position."""
    with pytest.raises(BadInput, match="an open trade in ESZ5: start with --symbol ES until"):
        held_contracts(opened().state, ["MES"])


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
