"""The options of `mytrader alerts`, and what they lead to."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mytrader.cli_alerts import alerts_app
from mytrader.errors import BadInput
from mytrader.journal.writer import JournalWriter
from tests.journal_samples import AT, OPENING

RUNNER = CliRunner()


def test_help_names_both_commands() -> None:
    said = RUNNER.invoke(alerts_app, ["--help"]).output
    assert "test" in said
    assert "preview" in said


def test_a_test_without_a_token_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYTRADER__TELEGRAM__TOKEN", raising=False)
    result = RUNNER.invoke(alerts_app, ["test"])
    assert isinstance(result.exception, BadInput), "cli.main makes a line and status 2 of it"
    assert "there is no token" in str(result.exception)


def test_a_preview_takes_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    JournalWriter(path, at=AT, opening=OPENING).close()
    result = RUNNER.invoke(alerts_app, ["preview", "--journal", str(path), "--json"])
    assert (result.exit_code, result.output) == (0, "[]\n")
