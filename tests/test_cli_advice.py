"""The commands of `mytrader advice` reach what does their work."""

import pytest
from typer.testing import CliRunner

from mytrader.cli_advice import advice_app
from mytrader.errors import BadInput


def test_help_names_the_commands() -> None:
    said = CliRunner().invoke(advice_app, ["--help"]).output
    assert "ask" in said
    assert "demo" in said
    assert "serve" in said


def test_asking_without_settings_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYTRADER__AWS_AGENTS__ENABLED", raising=False)
    result = CliRunner().invoke(advice_app, ["ask"])
    assert isinstance(result.exception, BadInput)


def test_deeds_are_listed_and_nothing_is_served() -> None:
    result = CliRunner().invoke(advice_app, ["serve", "--deeds"])
    assert result.exit_code == 0
    assert "takes the request and says nothing" in result.output


def test_a_script_that_is_not_there_is_bad_input() -> None:
    result = CliRunner().invoke(advice_app, ["serve", "--script", "none.yaml"])
    assert isinstance(result.exception, BadInput)
