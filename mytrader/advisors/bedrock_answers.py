"""What an answer of Bedrock holds: the text of an agent's stream, the tool or words of a model.

Answers are what the client decoded; their shape is the service's and is not trusted. Pure.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mytrader.advisors.opinion import REPLY_LENGTH_MAX

TOOL: Final = "opinion"
_CODE: Final = re.compile(r"[A-Za-z]{1,64}", re.ASCII)


class Unreadable(ValueError):
    """An answer that is none; the message is safe to print."""


def joined(stream: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the text of an agent's answer. Traces and citations are not part of it."""
    body = bytearray()
    for event in stream:
        if "returnControl" in event:
            raise Unreadable("the agent asks for an action")
        chunk = event.get("chunk") or {}
        body += chunk.get("bytes") or b""
        if len(body) > REPLY_LENGTH_MAX:
            raise Unreadable(f"longer than {REPLY_LENGTH_MAX} characters")
    if not body:
        raise Unreadable("no answer in the stream")
    return bytes(body)


def tool_input(told: Mapping[str, Any]) -> str:
    """Return what the model put into the tool. Text beside it is no answer, and not read."""
    blocks = _content(told, ended="tool_use")
    used = [block["toolUse"] for block in blocks if "toolUse" in block]
    if len(used) != 1 or used[0].get("name") != TOOL:
        raise Unreadable("the tool was not used exactly once")
    # As text, so that it is held to the same length as any other reply.
    return json.dumps(used[0].get("input"))


def written_text(told: Mapping[str, Any]) -> str:
    """Return what the model wrote; its thoughts, if it tells them, are no part of it."""
    texts = [block.get("text", "") for block in _content(told, ended="end_turn")]
    if not any(texts) or not all(isinstance(text, str) for text in texts):
        raise Unreadable("no text in the answer")
    return "".join(texts)


def _content(told: Mapping[str, Any], *, ended: str) -> list[Mapping[str, Any]]:
    """Return the blocks of an answer that stopped for the reason that is wanted."""
    stopped = told.get("stopReason")
    if stopped != ended:
        raise Unreadable(f"stopped for {plain_code(stopped) or 'no reason told'}")
    message = (told.get("output") or {}).get("message") or {}
    return list(message.get("content") or ())


def tokens(usage: Mapping[str, object], names: tuple[str, ...]) -> int | None:
    """Return the sum of some counts; `None` if the first is missing or one is no count."""
    counts = [usage.get(name) for name in names]
    if counts[0] is None:
        return None
    total = 0
    for told in counts:
        if told is None:
            continue
        if not isinstance(told, int) or isinstance(told, bool) or told < 0:
            return None
        total += told
    return total


def plain_code(code: object) -> str:
    """Return a code as the service has them, "" for anything else: it may hold whatever."""
    text = code.removesuffix("_") if isinstance(code, str) else ""
    plain = text.replace("_", "")
    return text if _CODE.fullmatch(plain) else ""
