"""`mytrader trace`: which journal, which cycle, on the screen, as JSON, as a picture."""

import json
from pathlib import Path

import pytest

from mytrader.errors import BadInput, JournalFault
from mytrader.journal.writer import JournalWriter
from mytrader.trace_commands import trace
from tests.journal_samples import OPENING
from tests.playbook import CYCLE, NOON
from tests.trace_samples import closed


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with one closed trade."""
    path = tmp_path / "a.journal"
    writer = JournalWriter(path, at=NOON, opening=OPENING)
    for record in closed().records:
        writer.append(record.at, record.event, record.commands, durable=False)
    writer.close()
    return path


def test_a_trade_is_drawn(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace(CYCLE[:8].lower(), journal, as_json=False, svg=None)
    out = capsys.readouterr().out
    assert f"cycle {CYCLE}" in out
    assert "0.151 s uncovered" in out
    assert "settlement" in out


def test_a_trade_is_told_to_programs(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace(CYCLE, journal, as_json=True, svg=None)
    told = json.loads(capsys.readouterr().out)
    assert told["cycle_id"] == CYCLE
    assert "lesson" in [span["name"] for span in told["spans"]]


def test_a_picture_is_written_and_replaced(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "t.svg"
    picture.write_text("old")
    trace(CYCLE, journal, as_json=False, svg=picture)
    assert picture.read_text("utf-8").startswith("<svg")
    assert capsys.readouterr().out == f"{picture}: 17 spans of cycle {CYCLE}\n"
    trace(CYCLE, journal, as_json=True, svg=picture)
    assert json.loads(capsys.readouterr().out)


def test_the_newest_journal_is_the_default(
    journal: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(journal.parent)
    with pytest.raises(BadInput, match="no journal in runs/"):
        trace(CYCLE, None, as_json=False, svg=None)
    (journal.parent / "runs").mkdir()
    journal.rename(journal.parent / "runs" / journal.name)
    trace(CYCLE, None, as_json=False, svg=None)
    assert CYCLE in capsys.readouterr().out


def test_bad_input_is_one_line(journal: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "folder.svg"
    with pytest.raises(BadInput, match=r"--svg .*folder.svg: No such file"):
        trace(CYCLE, journal, as_json=False, svg=nowhere)
    with pytest.raises(BadInput, match="not in this journal"):
        trace("7Z", journal, as_json=False, svg=None)
    with pytest.raises(JournalFault):
        trace(CYCLE, tmp_path / "none.journal", as_json=False, svg=None)
