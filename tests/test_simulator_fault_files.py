"""Fault files are read strictly; a mistake in one is a line, not a stack trace."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mytrader.errors import BadInput
from mytrader.simulator.fault_catalogue import CATALOGUE, FAMILIES
from mytrader.simulator.fault_files import PROFILES, load_faults
from mytrader.simulator.fault_rules import Delay, Match, When
from mytrader.simulator.faults import EndMessage, Faults, StopHome, WhatIfFault


def _file(folder: Path, text: str) -> Path:
    path = folder / "faults.yaml"
    path.write_text(text)
    return path


def test_every_switch_is_read(tmp_path: Path) -> None:
    text = """
reject_child_stops: 2
freeze_positions_after_fills: 0
refuse_marketable_stop_changes: true
drop_stop_acknowledgements: true
stop_acknowledgement_delay_ms: 700
acknowledgement_delay_ms: 20
fill_delay_ms: 30
cancel_delay_ms: 40
drop_connections_at: ["2025-12-12T15:00:00Z"]
missing_end: executions
oca_cancel_delay_ms: 50
both_oca_legs_fill: 3
what_if: sentinel
what_if_delay_ms: 60
children_work_for_part: true
stops: broker
cancels_wait_for_open: true
executions_since_midnight: true
queue_ahead: 7
inactive_rejections: true
answers_by_seed: true
"""
    faults = load_faults(_file(tmp_path, text))
    assert faults == Faults(
        reject_child_stops=2,
        freeze_positions_after_fills=0,
        refuse_marketable_stop_changes=True,
        drop_stop_acknowledgements=True,
        stop_acknowledgement_delay_ms=700,
        acknowledgement_delay_ms=20,
        fill_delay_ms=30,
        cancel_delay_ms=40,
        drop_connections_at=(datetime(2025, 12, 12, 15, 0, tzinfo=UTC),),
        missing_end=EndMessage.EXECUTIONS,
        oca_cancel_delay_ms=50,
        both_oca_legs_fill=3,
        what_if=WhatIfFault.SENTINEL,
        what_if_delay_ms=60,
        children_work_for_part=True,
        stops=StopHome.BROKER,
        cancels_wait_for_open=True,
        executions_since_midnight=True,
        queue_ahead=7,
        inactive_rejections=True,
        answers_by_seed=True,
    )
    assert (faults.oca_cancel_delay, faults.what_if_delay) == (
        timedelta(milliseconds=50),
        timedelta(milliseconds=60),
    )
    assert faults.acknowledgement_delay(stop=True) == timedelta(milliseconds=700)
    assert faults.acknowledgement_delay(stop=False) == timedelta(milliseconds=20)
    assert (faults.fill_delay, faults.cancel_delay) == (
        timedelta(milliseconds=30),
        timedelta(milliseconds=40),
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_empty_file_switches_nothing_on(tmp_path: Path, text: str) -> None:
    assert load_faults(_file(tmp_path, text)) == Faults()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("reject_child_stop: 1", "unknown field"),
        ("reject_child_stops: -1", "reject_child_stops"),
        ("reject_child_stops: many", "reject_child_stops"),
        ("fill_delay_ms: 1.5", "fill_delay_ms"),
        ("missing_end: nothing", "missing_end"),
        ("drop_connections_at: [2025-12-12 15:00:00]", "timezone"),
        ("- a list", "Expected `object`"),
        ("{broken", "not YAML"),
        ("a: !!python/object:os.system x", "not YAML"),
        ("\x07", "not YAML"),
        ("profile: stormy", "calm, flaky, hostile"),
        ("named: [earthquake]", "no fault is named 'earthquake'; choose from refuse, "),
        ("named: [close mid-frme]", "did you mean close mid-frame"),
        ("rules: [{effect: {do: explode}}]", "choose from drop, delay"),
        ("rules: [{effect: {do: dorp}}]", "did you mean drop"),
        ("rules: [{effect: {do: drop}, match: {message: PlaceOrdr}}]", "did you mean PlaceOrder"),
        ("profle: flaky", "did you mean profile"),
        (
            "rules: [{effect: {do: drop}, match: {message: Position}, when: {every_s: 5}}]",
            "for rules without a match",
        ),
        (
            "rules: [{effect: {do: halt, seconds: 5}, when: {daily_at: '24:00'}}]",
            "daily_at",
        ),
        ("rules: [{effect: {do: drop}}]", "needs a match"),
        ("rules: [{effect: {do: drop}, match: {message: OpenOrders}}]", "OpenOrders"),
        (
            "rules: [{effect: {do: drop}, match: {message: Position, where: {size: '1'}}}]",
            "Position has no field 'size'",
        ),
        (
            "rules: [{effect: {do: alter, set: {position: x}}, match: {message: Position}}]",
            "Position.position",
        ),
        (
            "rules: [{effect: {do: alter, add: {position: x}}, match: {message: Position}}]",
            "no number",
        ),
    ],
)
def test_mistake_is_one_line_that_names_the_file(tmp_path: Path, text: str, why: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        load_faults(path)
    line = str(caught.value)
    assert str(path) in line
    assert why in line
    assert "\n" not in line


def test_file_that_is_missing_or_too_long_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        load_faults(tmp_path / "none.yaml")
    with pytest.raises(BadInput, match="directory"):
        load_faults(tmp_path)
    with pytest.raises(BadInput, match="over 1000000 bytes"):
        load_faults(_file(tmp_path, "#" * 1_000_001))


def test_script_is_read(tmp_path: Path) -> None:
    text = """
profile: flaky
fill_delay_ms: 5
named: [close mid-frame]
rules:
  - name: slow pictures
    when: {after_s: 60, until_s: 600, chance: 0.5, skip: 1, times: 3}
    match: {message: OpenOrder, client_id: 7, where: {order_type: LMT}, known: true}
    effect: {do: delay, ms: 100, spread_ms: 50}
"""
    faults = load_faults(_file(tmp_path, text))
    flaky = PROFILES["flaky"]
    assert faults.fill_delay_ms == 5
    assert faults.acknowledgement_delay_ms == flaky.acknowledgement_delay_ms
    assert faults.rules[: len(flaky.rules)] == flaky.rules
    named, own = faults.rules[len(flaky.rules) :]
    assert named == CATALOGUE["close mid-frame"]
    assert own.when == When(after_s=60, until_s=600, chance=0.5, skip=1, times=3)
    assert own.match == Match("OpenOrder", 7, {"order_type": "LMT"}, known=True)
    assert own.effect == Delay(100, 50)


@pytest.mark.parametrize("name", ["calm", "flaky", "hostile"])
def test_profiles_go_by_their_names(name: str) -> None:
    assert load_faults(Path(name)) is PROFILES[name]


def test_hostile_has_something_of_every_family_and_calm_nothing() -> None:
    assert PROFILES["calm"] == Faults()
    assert {rule.family for rule in PROFILES["hostile"].rules} == set(FAMILIES)
