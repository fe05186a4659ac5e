"""What a person sees: the mode and its reason first, and nothing that is only coloured."""

from datetime import timedelta
from io import StringIO

from msgspec.structs import replace
from rich.console import Console

from mytrader.control.status import Said, Status, status_of
from mytrader.control.status_text import print_said, print_status
from mytrader.domain.commands import AlertLevel
from mytrader.domain.trader import Mode, TraderState
from tests.playbook import CON_ID, NOON, opened, the_start

PAGE = Said(NOON, AlertLevel.PAGE, "UNEXPECTED_FILL", "a fill [nobody] asked for")


def told(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def text_of(status: Status) -> str:
    console = Console(width=140, file=StringIO())
    print_status(status, console)
    return told(console)


def shown(state: TraderState, *alerts: Said) -> Status:
    status = status_of(state, NOON + timedelta(seconds=3), alerts=alerts, pages=len(alerts))
    return replace(status, pid=42, version="1.2", journal="runs/x.journal")


def test_a_shadow_says_that_it_is_one() -> None:
    """Its mode is NORMAL and its day has entries, of which none was sent."""
    status = shown(opened().state)
    words = "a shadow: it decides everything and sends nothing"
    assert words not in text_of(status)
    assert words in text_of(replace(status, shadow=True))


def test_an_open_trade_is_one_glance() -> None:
    lines = text_of(shown(opened().state)).splitlines()
    assert lines[0].split() == ["mode", "NORMAL"]
    text = "\n".join(lines)
    assert "runs/x.journal, process 42, mytrader 1.2, profile strict" in text
    assert "OPEN ES +1 from 6800.00" in text
    assert "$250.00 to its stop" in text
    assert "stop SELL 1 6795.00" in text
    assert "2025-11-12 12:00:03 CT, link up" in text


def test_a_stop_shows_why_and_how_to_resume() -> None:
    halted = replace(the_start(), mode=Mode.HALT, mode_why="a fill nobody asked for")
    status = shown(halted, PAGE)
    text = text_of(status)
    assert text.splitlines()[0].strip().split(maxsplit=2) == [
        "mode",
        "HALT",
        "a fill nobody asked for",
    ]
    assert f"mytrader resume --code {status.resume_code}" in text
    assert "12:00:00 UNEXPECTED_FILL a fill [nobody] asked for" in text


def test_what_is_not_known_is_said_in_words() -> None:
    state = the_start()
    unsure = replace(state.position(CON_ID), confirmed=False, doubt="a corrected execution")
    text = text_of(shown(replace(state, positions={CON_ID: unsure})))
    assert "a corrected execution" in text
    assert "ES flat" not in text


def test_a_naked_position_cannot_be_missed() -> None:
    state = opened().state
    (cycle,) = state.cycles.values()
    naked = replace(cycle, naked_since=NOON, halted_why="stuck")
    text = text_of(shown(replace(state, cycles={cycle.cycle_id: naked})))
    assert "WITHOUT COVER since 12:00:00" in text
    assert "halted: stuck" in text


def test_what_the_process_lacks_is_on_its_own_lines() -> None:
    lacks = ("port 9 [taken]: the trader starts without telemetry", "no alerts")
    lines = text_of(replace(shown(the_start()), without=lacks)).splitlines()
    without = [line.split(maxsplit=1)[1].strip() for line in lines if line.startswith("without")]
    assert without == list(lacks)
    assert "without" not in text_of(shown(the_start()))


def test_a_trader_that_is_not_running_says_so() -> None:
    text = text_of(replace(shown(the_start()), pid=None, linked=False))
    assert "not running" in text
    assert "no link to the broker" in text


def test_what_a_request_led_to_is_listed() -> None:
    console = Console(width=140, file=StringIO())
    print_said((PAGE,), console)
    assert "UNEXPECTED_FILL a fill [nobody] asked for" in told(console)
