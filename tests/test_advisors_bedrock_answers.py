"""What an answer holds is read, and anything else is named, whatever the service made of it."""

from typing import Any

import pytest

from mytrader.advisors.bedrock_answers import (
    TOOL,
    Unreadable,
    joined,
    plain_code,
    tokens,
    tool_input,
    written_text,
)


def answered(*content: object, ended: str = "tool_use") -> dict[str, Any]:
    """A model's answer."""
    return {"stopReason": ended, "output": {"message": {"content": list(content)}}}


USED = {"toolUse": {"name": TOOL, "input": {"decision": "GO"}}}


def test_an_agents_text_is_its_chunks_and_nothing_else() -> None:
    opened, closed = {"chunk": {"bytes": b"{"}}, {"chunk": {"bytes": b"}"}}
    stream: list[dict[str, Any]] = [{"trace": {"x": 1}}, opened, {"chunk": {}}, closed]
    assert joined(stream) == b"{}"


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        ([], "no answer in the stream"),
        ([{"chunk": {"bytes": b"{}"}}, {"returnControl": {}}], "asks for an action"),
        ([{"chunk": {"bytes": b"x" * 10_000}}] * 2, "longer than"),
    ],
)
def test_a_stream_without_an_answer_is_named(stream: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        joined(stream)


def test_a_models_answer_is_its_one_tool_or_its_words() -> None:
    assert tool_input(answered({"text": "GO!"}, USED)) == '{"decision": "GO"}'
    assert written_text(answered({"text": "a"}, {"text": "b"}, ended="end_turn")) == "ab"


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "stopped for no reason told"),
        (answered(USED, ended="max_tokens"), "stopped for max_tokens"),
        (answered(USED, ended="<b>ours</b>"), "stopped for no reason told"),
        (answered(), "not used exactly once"),
        (answered(USED, USED), "not used exactly once"),
        (answered({"toolUse": {"name": "order"}}), "not used exactly once"),
    ],
)
def test_a_model_that_did_not_use_its_tool_is_named(told: dict[str, Any], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        tool_input(told)


def test_a_count_that_is_none_makes_the_sum_unknown() -> None:
    names = ("inputTokens", "cacheReadInputTokens")
    assert tokens({"inputTokens": 5, "cacheReadInputTokens": 7}, names) == 12
    assert tokens({"inputTokens": 5}, names) == 5
    assert tokens({"cacheReadInputTokens": 7}, names) is None
    assert tokens({"inputTokens": 5, "cacheReadInputTokens": -1}, names) is None
    assert tokens({"inputTokens": True}, names) is None


def test_only_letters_are_a_code() -> None:
    assert plain_code("end_turn") == "end_turn"
    assert plain_code("arn:aws:iam::1:user/x") == plain_code(None) == plain_code("x" * 65) == ""
