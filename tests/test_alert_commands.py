"""`mytrader alerts test` and `preview`: what they print, and how they fail."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mytrader import alert_commands
from mytrader.domain import events
from mytrader.domain.limits import Limits
from mytrader.domain.trader import TraderState
from mytrader.errors import BadInput, JournalFault
from mytrader.execution.trade_cycle import step
from mytrader.journal.writer import JournalWriter
from mytrader.simulator import telegram_server as api
from mytrader.simulator.telegram_server import TelegramServer
from tests.journal_samples import AT, OPENING
from tests.playbook import CYCLE, proposed

PREFIX = "MYTRADER__TELEGRAM__"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TelegramServer]:
    """A Bot API that the environment names."""
    pytest.importorskip("telegram", reason="the extra telegram is not installed")
    with TelegramServer() as running:
        given = {"TOKEN": api.TOKEN, "CHAT_ID": api.CHAT, "BASE_URL": running.url}
        for name, value in given.items():
            monkeypatch.setenv(f"{PREFIX}{name}", value)
        yield running


def recorded(folder: Path) -> Path:
    """Record a proposal that is refused, for want of a price, and a page of a halt."""
    path = folder / "t.journal"
    writer = JournalWriter(path, at=AT, opening=OPENING)
    state = TraderState(limits=Limits())
    told = (
        events.TraderStarted(Limits()),
        proposed(),
        events.AdviceGiven(CYCLE, ()),
        events.OperatorAsked(events.Request.HALT, "U1234567"),
    )
    for event in told:
        state, asked = step(state, event, AT)
        writer.append(AT, event, asked, durable=False)
    writer.close()
    return path


@pytest.mark.slow
def test_a_test_says_how_long_it_took(
    server: TelegramServer, capsys: pytest.CaptureFixture[str]
) -> None:
    alert_commands.test(None, as_json=False)
    line = capsys.readouterr().out
    assert line.startswith("accepted from @desk_bot after ")
    assert line.endswith("telegram.enabled is false, so a run sends none\n")
    assert [each.text for each in server.accepted] == [alert_commands.TEST_TEXT]


@pytest.mark.slow
def test_a_test_for_programs(
    server: TelegramServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}ENABLED", "true")
    monkeypatch.setenv(f"{PREFIX}NAME", "paper")
    alert_commands.test(None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["bot"], told["enabled"]) == ("@desk_bot", True)
    assert 0 < told["took_ms"] < 5000
    assert "paper" in server.accepted[0].text


@pytest.mark.slow
def test_a_test_that_fails_is_one_line(server: TelegramServer) -> None:
    server.script(api.BLOCKED)
    with pytest.raises(BadInput, match="unblock it"):
        alert_commands.test(None, as_json=False)


def test_a_preview_shows_what_a_session_sends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alert_commands.preview(recorded(tmp_path), None, as_json=False)
    shown = capsys.readouterr().out
    for code in ("TRADER_STARTED", "MODE_HALT", "DAY", "TRADER_ENDED"):
        assert code in shown
    assert "messages in" in shown
    assert "U1234567" not in shown


def test_a_preview_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alert_commands.preview(recorded(tmp_path), None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    (halt,) = [each for each in told if each["code"] == "MODE_HALT"]
    assert (halt["level"], halt["kind"]) == ("page", "trouble")
    assert halt["at"] == AT.isoformat()
    assert "<code>mytrader flatten</code>" in halt["html"]
    assert "mytrader flatten" in halt["text"]
    (refused,) = [each for each in told if each["kind"] == "refusal"]
    assert refused["cycle_id"] == CYCLE


def test_a_preview_obeys_the_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}LEVEL", "page")
    alert_commands.preview(recorded(tmp_path), None, as_json=True)
    assert {each["level"] for each in json.loads(capsys.readouterr().out)} == {"page"}


def test_without_a_journal_the_newest_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="no journal in runs/"):
        alert_commands.preview(None, None, as_json=False)
    (tmp_path / "runs").mkdir()
    recorded(tmp_path / "runs")
    alert_commands.preview(None, None, as_json=False)
    assert "runs/t.journal; none was sent" in capsys.readouterr().out


def test_an_empty_record_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    JournalWriter(tmp_path / "e.journal", at=AT, opening=OPENING).close()
    alert_commands.preview(tmp_path / "e.journal", None, as_json=True)
    assert json.loads(capsys.readouterr().out) == []
    with pytest.raises(JournalFault):
        alert_commands.preview(tmp_path / "none.journal", None, as_json=False)
