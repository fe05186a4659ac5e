"""What joins: features that are warm, bars taken once, an outcome of this run alone."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mytrader import runs
from mytrader.bootstrap import Plan, held_contracts
from mytrader.domain.instrument import ES
from mytrader.errors import BadInput
from mytrader.settings import Settings
from mytrader.simulator.bar_files import load_bar_file
from tests.command_line import rows, write_bars
from tests.playbook import CON_ID as SCRIPTED
from tests.playbook import entering, opened, the_start

CON_ID = 1


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
