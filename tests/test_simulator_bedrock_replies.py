"""What the loopback service says has the shapes of the service's own model of itself."""

import json

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape

from mytrader.simulator.bedrock_replies import agent_answer, model_answer, refusal
from mytrader.simulator.bedrock_script import Deed, Step

REFUSED = {Deed.THROTTLE, Deed.ERROR, Deed.UNAVAILABLE, Deed.DENY, Deed.REDIRECT}


def shape(name: str) -> StructureShape:
    description = Loader().load_service_model("bedrock-runtime", "service-2")
    found = ServiceModel(description).shape_for(name)
    assert isinstance(found, StructureShape)
    return found


@pytest.mark.slow
def test_a_models_answer_has_every_member_that_the_service_promises() -> None:
    told = json.loads(model_answer(Step()).pieces[0])
    response = shape("ConverseResponse")
    assert set(response.required_members) <= set(told) <= set(response.members)
    assert set(shape("TokenUsage").required_members) <= set(told["usage"])
    assert told["stopReason"] in response.members["stopReason"].enum  # type: ignore[attr-defined]  # an enumeration


@pytest.mark.parametrize("deed", Deed)
def test_every_deed_has_bytes_either_way(deed: Deed) -> None:
    agent, model = agent_answer(Step(do=deed), "session"), model_answer(Step(do=deed))
    assert (agent.status == 200, model.status == 200) == (deed not in REFUSED,) * 2
    assert agent.stream is (deed not in REFUSED)
    assert not model.stream
    assert agent.whole is model.whole is (deed is not Deed.CUT)
    assert all(agent.pieces)
    assert all(model.pieces)


def test_a_session_is_told_back() -> None:
    assert agent_answer(Step(), "s-1").headers["x-amz-bedrock-agent-session-id"] == "s-1"


def test_a_refusal_names_its_type_as_the_service_does() -> None:
    answer = refusal(429, "ThrottlingException", "slow")
    assert answer.headers["x-amzn-ErrorType"].startswith("ThrottlingException:")
    assert json.loads(answer.pieces[0]) == {"message": "slow"}


def test_a_reply_can_be_given() -> None:
    mine = {"decision": "WAIT", "confidence": 1, "rationale": "mine"}
    told = json.loads(model_answer(Step(reply=mine)).pieces[0])
    (block,) = told["output"]["message"]["content"]
    assert block["toolUse"]["input"] == mine
    said = json.loads(model_answer(Step(reply="hm")).pieces[0])
    assert said["output"]["message"]["content"] == [{"text": "hm"}]
