"""The bytes with which the loopback Bedrock meets a request, in the words of either protocol.

Agents answer with a stream of events, models with one JSON object; refusals look the same.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from mytrader.simulator import event_stream
from mytrader.simulator.bedrock_script import GO, WAIT, Deed, Step

JSON_TYPE: Final = "application/json"
HUGE_BYTES: Final = 3_000_000
ELSEWHERE: Final = "https://elsewhere.invalid/"


class Answer(Struct, frozen=True):
    """A response: `pieces` are written one after the other; `whole` is false if it breaks off.

    A stream is sent in chunks of HTTP, anything else with its length.
    """

    status: int
    headers: dict[str, str]
    pieces: tuple[bytes, ...]
    stream: bool = False
    whole: bool = True


REFUSALS: Final = {
    Deed.THROTTLE: (429, "ThrottlingException", "Too many requests, please wait."),
    Deed.ERROR: (500, "InternalServerException", "The server encountered an internal error."),
    Deed.UNAVAILABLE: (503, "ServiceUnavailableException", "The service is unavailable."),
    Deed.DENY: (
        403,
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/x is not authorized to perform this action.",
    ),
}


def refusal(status: int, code: str, message: str) -> Answer:
    """Return an error as the service words it."""
    body = json.dumps({"message": message}).encode()
    headers = {"Content-Type": JSON_TYPE, "x-amzn-ErrorType": f"{code}:http://internal.invalid/"}
    return Answer(status, headers, (body,))


def agent_answer(step: Step, session: str) -> Answer:
    """Return what an agent's runtime sends."""
    if (early := _without_answer(step)) is not None:
        return early
    headers = {
        "Content-Type": event_stream.CONTENT_TYPE,
        "x-amzn-bedrock-agent-content-type": JSON_TYPE,
        "x-amz-bedrock-agent-session-id": session,
    }
    shape = _AGENT_SHAPES.get(step.do, _plain_stream)
    pieces = shape(step) if step.raw is None else (step.raw,)
    return Answer(200, headers, pieces, stream=True, whole=step.do is not Deed.CUT)


def model_answer(step: Step) -> Answer:
    """Return what a model's runtime sends."""
    if (early := _without_answer(step)) is not None:
        return early
    body = json.dumps(_conversation(step)).encode() if step.raw is None else step.raw
    if step.do in (Deed.CHECKSUM, Deed.CUT_FRAME, Deed.EXCEPTION):
        # There is no frame and no checksum here: what arrives is not JSON.
        body = body[: len(body) // 2] + b"\x00" + body[len(body) // 2 + 1 :]
    return Answer(200, {"Content-Type": JSON_TYPE}, (body,), whole=step.do is not Deed.CUT)


def _without_answer(step: Step) -> Answer | None:
    if step.do in REFUSALS:
        status, code, message = REFUSALS[step.do]
        return refusal(status, code, message)
    if step.do is Deed.REDIRECT:
        return Answer(307, {"Location": ELSEWHERE, "Content-Type": JSON_TYPE}, (b"{}",))
    return None


def _reply(step: Step) -> dict[str, Any] | str:
    """Return what is answered: an object, or text that is none."""
    if step.do in _FIXED_REPLIES:
        return _FIXED_REPLIES[step.do]
    usual = GO if step.reply is None else step.reply
    if step.do is Deed.FENCED:
        return f"Here is my answer:\n```json\n{json.dumps(usual)}\n```"
    return usual


_FIXED_REPLIES: Final[dict[Deed, dict[str, Any] | str]] = {
    Deed.WAIT: WAIT,
    Deed.SHAPE: {"verdict": "yes", "confidence": "high"},
    Deed.PROSE: "I would go ahead with this trade.",
    Deed.BIGGER: {**GO, "size_multiplier": 3},
    Deed.ANOTHER_STOP: {**GO, "stop_ticks": -400},
    Deed.HUGE: {**GO, "rationale": "x" * HUGE_BYTES},
}


# Agents


def _plain_stream(step: Step) -> tuple[bytes, ...]:
    reply = _reply(step)
    text = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
    half = len(text) // 2
    thought = {"orchestrationTrace": {"rationale": {"text": json.dumps(GO), "traceId": "1"}}}
    trace = event_stream.event("trace", {"trace": thought})
    return trace, event_stream.chunk(text[:half]), event_stream.chunk(text[half:])


def _cut_frame(step: Step) -> tuple[bytes, ...]:
    # The answer is complete and can be read; what follows it is not.
    reply = event_stream.chunk(json.dumps(_reply(step)).encode())
    return reply, event_stream.chunk(b" and one thing more")[:-5]


def _wrong_checksum(step: Step) -> tuple[bytes, ...]:
    *before, last = _plain_stream(step)
    return (*before, event_stream.with_wrong_checksum(last))


def _exception(step: Step) -> tuple[bytes, ...]:
    begun = event_stream.chunk(json.dumps(_reply(step)).encode())
    return begun, event_stream.exception("throttlingException", "Your request rate is too high.")


def _action(step: Step) -> tuple[bytes, ...]:
    wanted = {"invocationId": "1", "invocationInputs": []}
    return (*_plain_stream(step), event_stream.event("returnControl", wanted))


def _grown_too_long(step: Step) -> tuple[bytes, ...]:
    text = json.dumps(_reply(step)).encode()
    return (event_stream.chunk(text[: len(text) * 2 // 3]),)


_AGENT_SHAPES: Final[dict[Deed, Callable[[Step], tuple[bytes, ...]]]] = {
    Deed.MAX_TOKENS: _grown_too_long,
    Deed.CUT_FRAME: _cut_frame,
    Deed.CHECKSUM: _wrong_checksum,
    Deed.EXCEPTION: _exception,
    Deed.ACTION: _action,
}


# Models


def _conversation(step: Step) -> Mapping[str, object]:
    reply = _reply(step)
    tool = "order" if step.do is Deed.ACTION else "opinion"
    if isinstance(reply, str):
        content: list[dict[str, object]] = [{"text": reply}]
        stopped = "end_turn"
    else:
        content = [{"toolUse": {"toolUseId": "tooluse_1", "name": tool, "input": reply}}]
        stopped = "max_tokens" if step.do is Deed.MAX_TOKENS else "tool_use"
    tokens = step.tokens_in + step.tokens_out
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stopped,
        "usage": {
            "inputTokens": step.tokens_in,
            "outputTokens": step.tokens_out,
            "totalTokens": tokens,
        },
        "metrics": {"latencyMs": round(step.after_s * 1000)},
    }
