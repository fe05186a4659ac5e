"""Asking by hand: an opinion with what it took, or one line."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mytrader import advice_commands
from mytrader.advice_demo import Kind
from mytrader.advisors.prompts import put
from mytrader.domain.decision import AdvisorRole
from mytrader.errors import BadInput
from mytrader.simulator.bedrock_script import Deed
from mytrader.simulator.bedrock_server import BedrockServer
from tests.bedrock_samples import script

AWS = "MYTRADER__AWS_AGENTS__"


@pytest.fixture(name="served")
def _served(monkeypatch: pytest.MonkeyPatch) -> Iterator[BedrockServer]:
    with BedrockServer(script()) as server:
        names = {
            "ENABLED": "true",
            "REGION": "us-east-1",
            "ENDPOINT_URL": server.url,
            "DECISION_MODEL_ID": "sample.model",
            "PRICE_IN_USD_PER_MTOK": "3",
            "PRICE_OUT_USD_PER_MTOK": "15",
            "RISK_AGENT_ID": "SAMPLE",
            "RISK_AGENT_ALIAS_ID": "SAMPLE",
        }
        for name, value in names.items():
            monkeypatch.setenv(f"{AWS}{name}", value)
        yield server


def test_the_sample_can_be_put() -> None:
    assert put(advice_commands.SAMPLE, AdvisorRole.RISK).facts["stop_ticks"] == -16


def test_nobody_is_asked_who_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{AWS}ENABLED", raising=False)
    with pytest.raises(BadInput, match=r"aws_agents.enabled is false: .*docs/runbooks/aws.md"):
        advice_commands.ask(None, as_json=False)


@pytest.mark.slow
def test_opinions_and_what_they_took_are_shown(
    served: BedrockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert advice_commands.ask(None, as_json=False) == 0
    said = capsys.readouterr().out
    assert "bedrock-decision: GO with confidence 0.8" in said
    assert "bedrock-risk: GO" in said
    assert "0.0036" in said
    assert "?" in said
    assert len(served.asked) == 2


@pytest.mark.slow
def test_a_failure_is_shown_and_is_the_exit_status(
    served: BedrockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    served.script = script(Deed.DENY)
    assert advice_commands.ask(None, as_json=True) == 2
    said = json.loads(capsys.readouterr().out)
    assert [each["failure"] for each in said["opinions"]] == ["access_denied"] * 2
    assert [each["outcome"] for each in said["calls"]] == ["access_denied"] * 2


def test_serving_says_how_to_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "script.yaml"
    path.write_text("- {do: wait}\n")

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert advice_commands.serve(0, path, wait=interrupt) == 0
    assert advice_commands.serve(0, None, wait=lambda: None) == 0
    said = capsys.readouterr().out
    assert "export MYTRADER__AWS_AGENTS__ENDPOINT_URL=http://127.0.0.1:" in said
    assert "closed after 0 requests" in said


def test_every_deed_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert advice_commands.deeds() == 0
    assert len(capsys.readouterr().out.splitlines()) == len(Deed)


@pytest.mark.slow
def test_the_demo_shows_each_case_and_where_the_record_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "demo.journal"
    assert advice_commands.demo(Kind.AGENT, journal, as_json=False) == 0
    said = capsys.readouterr().out
    assert "17 of 17 as promised" in said
    assert str(journal) in said
    for word in ("AWS_WAIT_OVERRIDE", "timeout", "throttled", "server_error", "cut_stream"):
        assert word in said
    with pytest.raises(BadInput, match="is there already"):
        advice_commands.demo(Kind.AGENT, journal, as_json=False)


def test_without_its_package_the_demo_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BadInput, match=r"boto3 is not installed: .*\[aws\]"):
        advice_commands.demo(Kind.AGENT, tmp_path / "demo.journal", as_json=False)
    assert list(tmp_path.iterdir()) == []
