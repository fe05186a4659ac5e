"""What hangs beside the line is off by default where it reaches outside."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from mytrader.config import load_settings
from mytrader.errors import BadInput
from mytrader.service_settings import (
    AwsAgentsSettings,
    RagSettings,
    TelegramSettings,
    aws_agents_conflicts,
    TelemetrySettings,
)
from mytrader.settings import Settings

AWS = "MYTRADER__AWS_AGENTS__"
MODEL = {
    f"{AWS}ENABLED": "true",
    f"{AWS}REGION": "us-east-1",
    f"{AWS}RISK_MODEL_ID": "us.anthropic.claude-sample-v1:0",
    f"{AWS}PRICE_IN_USD_PER_MTOK": "3",
    f"{AWS}PRICE_OUT_USD_PER_MTOK": "15",
}


def test_nothing_reaches_outside_unless_asked_for() -> None:
    settings = Settings()
    assert not settings.rag.opensearch_enabled
    assert not settings.aws_agents.enabled
    assert not settings.telegram.enabled
    telemetry = settings.telemetry
    assert not telemetry.enabled
    assert (telemetry.otlp_endpoint, telemetry.prometheus_port, telemetry.log_file) == (None,) * 3
    assert TelegramSettings() == settings.telegram


def test_a_wait_cannot_be_switched_off() -> None:
    with pytest.raises(ValidationError, match="no off switch"):
        AwsAgentsSettings(block_on_wait=False)


def test_the_cache_is_bounded() -> None:
    assert (RagSettings().cache_entries, RagSettings().cache_ttl.total_seconds()) == (128, 120)
    with pytest.raises(ValidationError):
        RagSettings(cache_entries=0)


@pytest.mark.parametrize(
    "url",
    ["https://search.example:9200", "http://127.0.0.1:9200", "http://localhost", "http://[::1]:9"],
)
def test_an_index_is_spoken_to_encrypted_or_on_this_machine(url: str) -> None:
    assert RagSettings(opensearch_url=url).opensearch_url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://search.example:9200", "not encrypted"),
        ("http://10.0.0.7:9200", "not encrypted"),
        ("http://127.0.0.1.example", "not encrypted"),
        ("https://someone:hunter2@search.example", "OPENSEARCH_PASSWORD"),
        ("search.example:9200", "no address"),
        ("ftp://127.0.0.1", "no address"),
        ("https://", "no address"),
        ("https://a:99999", "no address"),
        ("http://[::1", "no address"),
        ("https://search.example?q=1", "no address"),
    ],
)
def test_an_address_that_would_leak_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        RagSettings(opensearch_url=url)


@pytest.mark.parametrize("name", ["Trades", "", "_x", "a" * 101, "a/b", "a*"])
def test_the_name_of_an_index_is_plain(name: str) -> None:
    with pytest.raises(ValidationError):
        RagSettings(opensearch_index=name)


def test_the_memory_is_bounded() -> None:
    assert RagSettings().documents_max == 100_000
    for wrong in ({"documents_max": 1_000_001}, {"documents_max": 99}, {"neighbours": 4}):
        with pytest.raises(ValidationError):
            RagSettings.model_validate(wrong)
def test_aws_is_set_by_the_environment_alone() -> None:
    agents = load_settings(environ=MODEL).aws_agents
    assert (agents.enabled, agents.risk_model_id) == (True, "us.anthropic.claude-sample-v1:0")
    assert list(aws_agents_conflicts(agents)) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"RISK_MODEL_ID": ""}, "RISK_MODEL_ID: "),
        ({"REGION": None}, "aws_agents.region: is needed"),
        ({"RISK_MODEL_ID": None}, "needs an agent or a model for decision or risk"),
        ({"PRICE_IN_USD_PER_MTOK": None}, "price_in_usd_per_mtok: is needed with a model"),
        ({"RISK_AGENT_ID": "A", "RISK_AGENT_ALIAS_ID": "B"}, "risk_model_id: is beside an agent"),
        ({"DECISION_AGENT_ID": "A"}, "decision_agent_id: an agent is named by its id and its"),
        ({"DECISION_AGENT_ALIAS_ID": "B"}, "decision_agent_alias_id: an agent is named by"),
        ({"DECISION_AGENT_ID": "A/../B"}, "pattern"),
        ({"REGION": "somewhere"}, "pattern"),
        ({"COST_PER_DAY_MAX": "0"}, "must be greater than 0"),
    ],
)
def test_what_cannot_be_together_is_a_line_with_its_name(
    changes: dict[str, str | None], told: str
) -> None:
    given = {**MODEL, **{f"{AWS}{name}": value for name, value in changes.items()}}
    environ = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(BadInput) as caught:
        load_settings(environ=environ)
    assert told in str(caught.value)
    assert str(caught.value).startswith(("environment:", "default:"))


def test_what_is_off_may_be_incomplete() -> None:
    named = AwsAgentsSettings(risk_agent_id="A", risk_agent_alias_id="B")
    assert list(aws_agents_conflicts(named)) == []
    assert list(aws_agents_conflicts(AwsAgentsSettings())) == []


@pytest.mark.parametrize(
    "url",
    ["https://vpce-1.bedrock-runtime.example:443", "http://127.0.0.1:8080", "http://[::1]:1"],
)
def test_a_question_goes_to_https_or_to_this_machine(url: str) -> None:
    assert AwsAgentsSettings(endpoint_url=url).endpoint_url == url
@pytest.mark.parametrize("chat", [123456789, "-1001234567890", "@desk_alerts"])
def test_a_chat_is_a_number_or_a_name(chat: object) -> None:
    assert TelegramSettings.model_validate({"chat_id": chat}).chat_id == str(chat)


@pytest.mark.parametrize("chat", [True, "me", "12a", "@x", "", "-", 1.5])
def test_what_is_no_chat_is_refused(chat: object) -> None:
    with pytest.raises(ValidationError, match="number of a chat"):
        TelegramSettings.model_validate({"chat_id": chat})


@pytest.mark.parametrize("url", ["https://bots.example.org/", "http://127.0.0.1:8081"])
def test_a_token_goes_by_tls_or_stays_here(url: str) -> None:
    assert TelegramSettings(base_url=url).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:80",
        "https://user:secret@example.com",
        "https://example.com/path",
        "https://",
        "http://[::1",
    ],
)
def test_a_question_goes_nowhere_else(url: str) -> None:
    with pytest.raises(ValidationError, match=r"must be|Invalid"):
        AwsAgentsSettings(endpoint_url=url)
        "http://bots.example.org",
        "http://127.0.0.1.example.org",
        "https://",
        "ftp://localhost",
        "https://user:word@example.org",
        "https://example.org/{token}",
        "https://example.org/?x=1",
    ],
)
def test_an_address_that_would_leak_a_token_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be https"):
        TelegramSettings(base_url=url)


def test_a_token_is_not_in_what_is_printed() -> None:
    settings = TelegramSettings.model_validate({"token": "123456:canary"})
    assert "canary" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_pages_and_troubles_cannot_be_muted() -> None:
    assert TelegramSettings.model_validate({"muted": "entry, exit"}).muted == ("entry", "exit")
    with pytest.raises(ValidationError):
        TelegramSettings.model_validate({"muted": ["trouble"]})
    "address",
    [
        "http://127.0.0.1:4318",
        "http://localhost:4318/v1/traces",
        "http://[::1]:4318",
        "https://collector.example/otlp?tenant=desk",
    ],
)
def test_a_collector_is_on_this_machine_or_behind_tls(address: str) -> None:
    assert TelemetrySettings(otlp_endpoint=address).otlp_endpoint == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://collector.example:4318", "leaves this machine unencrypted"),
        ("http://192.168.0.5:4318", "leaves this machine unencrypted"),
        ("http://127.0.0.1.example:4318", "leaves this machine unencrypted"),
        ("http://2130706433:4318", "leaves this machine unencrypted"),
        ("https://user:word@collector.example", "credentials belong to the collector"),
        ("https://collector.example/#x", "more than host, port and path"),
        ("ftp://127.0.0.1", "is no address"),
        ("127.0.0.1:4318", "is no address"),
        ("http://", "is no address"),
        ("http://127.0.0.1:99999", "is no address"),
        ("http://127.0.0.1:0", "is no address"),
        ("http://[::1", "is no address"),
        ("https://collector.example/a b", "is no address"),
        ("https://collector.example/\r\nX: y", "is no address"),
        ("", "is no address"),
    ],
)
def test_any_other_address_is_refused(address: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        TelemetrySettings(otlp_endpoint=address)


def test_the_rest_of_telemetry_is_bounded(tmp_path: Path) -> None:
    for odd in ({"prometheus_port": 0}, {"prometheus_port": 65_536}, {"service_name": "a b"}):
        with pytest.raises(ValidationError):
            TelemetrySettings.model_validate(odd)
    assert TelemetrySettings(log_file=tmp_path / "x").log_file == tmp_path / "x"
    assert TelemetrySettings.model_validate({"log_file": "~/x"}).log_file == Path.home() / "x"
