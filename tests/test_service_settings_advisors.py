"""Advisors outside: what can be set, and what is refused."""

import pytest
from pydantic import ValidationError

from mytrader.config import load_settings
from mytrader.errors import BadInput
from mytrader.service_settings import (
    AwsAgentsSettings,
    aws_agents_conflicts,
)

AWS = "MYTRADER__AWS_AGENTS__"
MODEL = {
    f"{AWS}ENABLED": "true",
    f"{AWS}REGION": "us-east-1",
    f"{AWS}RISK_MODEL_ID": "us.anthropic.claude-sample-v1:0",
    f"{AWS}PRICE_IN_USD_PER_MTOK": "3",
    f"{AWS}PRICE_OUT_USD_PER_MTOK": "15",
}


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
