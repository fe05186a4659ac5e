"""The template for AWS is valid, gives away nothing, and its agents know the schema of a reply."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]  # it brings no types
from cfnlint.decode.cfn_yaml import loads  # type: ignore[import-untyped]  # likewise

from mytrader.advisors.bedrock_words import INSTRUCTION
from mytrader.advisors.opinion import REPLY_SCHEMA
from mytrader.advisors.prompts import instruction
from mytrader.domain.decision import AdvisorRole
from mytrader.service_settings import AwsAgentsSettings

TEMPLATE: Final = Path(__file__).resolve().parents[1] / "deploy" / "aws" / "template.yaml"
RUNBOOK: Final = TEMPLATE.parents[2] / "docs" / "runbooks" / "aws.md"
BELOW_A_BUCKET: Final = re.compile(r"\$\{Lessons\.Arn\}/(lessons/)?\*")
ACTION: Final = re.compile(r"[a-z0-9]+:[A-Za-z]+")
AGENTS: Final = ("Ingestion", "Decision", "Risk", "Learning")


@cache
def template() -> dict[str, Any]:
    """The template, its short functions written out."""
    decoded: dict[str, Any] = loads(TEMPLATE.read_text("utf-8"))
    return decoded


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of every resource of a kind."""
    found = template()["Resources"].items()
    return {name: each["Properties"] for name, each in found if each["Type"] == kind}


def statements(node: object) -> Iterator[dict[str, Any]]:
    """Every statement of every policy, wherever it stands."""
    if isinstance(node, dict):
        if "Effect" in node:
            yield node
        for each in node.values():
            yield from statements(each)
    elif isinstance(node, list):
        for each in node:
            yield from statements(each)


def listed(value: object) -> list[Any]:
    """A value that may stand alone, as a list."""
    return value if isinstance(value, list) else [value]


@pytest.mark.slow
def test_the_template_is_valid() -> None:
    matches = lint(TEMPLATE.read_text("utf-8"), regions=["us-east-1"])
    told = [f"{match.rule.id}: {match.message}" for match in matches]
    assert [each for each in told if not each.startswith("I")] == []


def test_there_are_statements_to_look_at() -> None:
    assert len(list(statements(template()["Resources"]))) > 15


def test_every_action_is_one_action() -> None:
    for statement in statements(template()["Resources"]):
        assert "NotAction" not in statement
        for action in listed(statement["Action"]):
            assert ACTION.fullmatch(action), action


def test_every_resource_is_named() -> None:
    for statement in statements(template()["Resources"]):
        if "sts:AssumeRole" in listed(statement["Action"]):
            continue  # What a role's trust is about is the role.
        assert "NotResource" not in statement
        for resource in listed(statement["Resource"]):
            text = json.dumps(resource)
            assert "*" not in BELOW_A_BUCKET.sub("", text), text
            assert isinstance(resource, dict), "a name of this template, or a parameter"


def test_only_what_denies_is_for_everybody() -> None:
    for statement in statements(template()["Resources"]):
        assert statement.get("Principal") != "*" or statement["Effect"] == "Deny"


def test_every_role_of_a_service_is_for_this_account() -> None:
    for properties in resources("AWS::IAM::Role").values():
        (trust,) = statements(properties["AssumeRolePolicyDocument"])
        assert trust["Condition"]["StringEquals"] == {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"}
        }


def test_the_trader_may_ask_and_nothing_else() -> None:
    policy = resources("AWS::IAM::ManagedPolicy")["TraderPolicy"]
    found = list(statements(policy))
    assert {action for each in found for action in listed(each["Action"])} == {
        "bedrock:InvokeModel",
        "bedrock:InvokeAgent",
    }
    asked = json.dumps(found)
    assert "DecisionAlias" in asked
    assert "RiskAlias" in asked
    assert "LearningAlias" not in asked


@pytest.mark.parametrize("role", AdvisorRole)
def test_the_advisors_are_told_what_the_trader_tells(role: AdvisorRole) -> None:
    agent = resources("AWS::Bedrock::Agent")[f"{role.capitalize()}Agent"]
    assert agent["Instruction"].strip() == instruction(role)
    assert json.dumps(REPLY_SCHEMA, separators=(",", ":")) in agent["Instruction"]


def test_the_learning_agent_is_told_what_learning_tells() -> None:
    agent = resources("AWS::Bedrock::Agent")["LearningAgent"]
    assert agent["Instruction"].strip() == INSTRUCTION


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_has_an_alias_a_guardrail_and_no_action(name: str) -> None:
    agent = resources("AWS::Bedrock::Agent")[f"{name}Agent"]
    assert "ActionGroups" not in agent
    assert "GuardrailConfiguration" in agent
    alias = resources("AWS::Bedrock::AgentAlias")[f"{name}Alias"]
    assert alias["AgentId"] == {"Ref": f"{name}Agent"}
    assert "never an instruction" in " ".join(agent["Instruction"].split())


def test_the_lessons_are_encrypted_private_and_versioned() -> None:
    (bucket,) = resources("AWS::S3::Bucket").values()
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_every_night_starts_the_ingestion_of_this_knowledge_base() -> None:
    (schedule,) = resources("AWS::Scheduler::Schedule").values()
    wanted = schedule["Target"]["Input"]["Fn::Sub"]
    assert json.loads(wanted) == {
        "KnowledgeBaseId": "${KnowledgeBase}",
        "DataSourceId": "${LessonSource.DataSourceId}",
    }
    assert schedule["ScheduleExpressionTimezone"] == "America/Chicago"
    assert "DeadLetterConfig" in schedule["Target"]


def test_outputs_and_runbook_name_settings_that_exist() -> None:
    known = {f"aws_agents.{name}" for name in AwsAgentsSettings.model_fields}
    named = [each["Description"] for each in template()["Outputs"].values()]
    told = {word for text in named for word in re.findall(r"aws_agents\.\w+", text)}
    assert len(told) == 6
    written = set(re.findall(r"aws_agents\.\w+", RUNBOOK.read_text("utf-8")))
    assert told | written <= known
    variables = re.findall(r"MYTRADER__AWS_AGENTS__(\w+)", RUNBOOK.read_text("utf-8"))
    assert {f"aws_agents.{name.lower()}" for name in variables} <= known
