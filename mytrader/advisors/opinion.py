"""The schema of a reply, and a reading of replies that trusts nothing.

A reply is a JSON object with exactly these keys, and no others:

    decision         "GO" or "WAIT"                       required
    confidence       a number from 0 to 1                 required
    rationale        text                                 required
    advisory_only    true or false                        false (the WAIT binds)
    size_multiplier  a number from 0 to 1                 1

Anything else is no opinion but a failure, and a failure is a WAIT that binds. That includes what
a lenient reader would repair: prose around the object, a confidence of 85 that may have meant
percent, a key given twice. It includes a multiplier above 1, because a reply that asks for more
was not written for this question, and any unknown key (a new stop, another side), because a
reply that believes it can say more than the schema holds has not understood what it was asked.
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NoReturn

from msgspec.structs import replace

from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.plain_text import on_record

REPLY_LENGTH_MAX: Final = 16_384
RATIONALE_CHARACTERS_MAX: Final = 500
REQUIRED_KEYS: Final = frozenset({"decision", "confidence", "rationale"})
OPTIONAL_KEYS: Final = frozenset({"advisory_only", "size_multiplier"})
QUOTED_CHARACTERS_MAX: Final = 40
CITED_MAX: Final = 10
UNNAMED: Final = "unnamed failure"
REPLY_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "enum": [Advice.GO.value, Advice.WAIT.value]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "rationale": {"type": "string", "maxLength": RATIONALE_CHARACTERS_MAX},
        "advisory_only": {"type": "boolean"},
        "size_multiplier": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["decision", "confidence", "rationale"],
    "additionalProperties": False,
}
"""The same as JSON Schema, for whoever has to write a reply. What comes is parsed all the same."""


class UnreadableReply(ValueError):
    """The reply is not what the schema says; the message is why, safe to print."""


def failed(advisor: str, role: AdvisorRole, *, failure: str) -> Opinion:
    """Return the opinion of an advisor that has none: a WAIT that binds, with the failure."""
    failure = plain(failure) or UNNAMED
    return Opinion(
        advisor=advisor,
        role=role,
        decision=Advice.WAIT,
        rationale=plain(f"No opinion: {failure}"),
        failure=failure,
    )


def parse_reply(reply: object, *, advisor: str, role: AdvisorRole) -> Opinion:
    """Return the opinion in a foreign reply (bytes, text or a decoded object).

    Never raises for what the reply holds: what cannot be read is a WAIT with `failure`.
    """
    try:
        return _opinion(_fields(reply), advisor=advisor, role=role)
    except UnreadableReply as why:
        return failed(advisor, role, failure=f"unreadable: {why}")


def checked(answer: object, *, advisor: str, role: AdvisorRole) -> Opinion:
    """Return what an advisor's code answered, held to the same schema as a foreign reply.

    Name and role are the given ones, whatever the answer claims: a risk advisor cannot become
    advisory by calling itself something else. An opinion with a failure stays one.
    """
    if type(answer) is not Opinion:
        return failed(
            advisor, role, failure=f"unreadable: a {type(answer).__name__}, not an opinion"
        )
    if answer.failure is not None:
        return failed(advisor, role, failure=str(answer.failure))
    fields: dict[object, object] = {
        "decision": answer.decision,
        "confidence": answer.confidence,
        "rationale": answer.rationale,
        "advisory_only": answer.advisory_only,
        "size_multiplier": answer.size_multiplier,
    }
    opinion = parse_reply(fields, advisor=advisor, role=role)
    cited = tuple(plain(str(each)) for each in answer.cited[:CITED_MAX])
    return replace(opinion, cited=cited, cached=answer.cached is True)


def checked_recall(answer: object) -> Recall:
    """Return what a memory's code answered; what is not a recall is a failure."""
    if type(answer) is not Recall:
        return Recall(failure=f"unreadable: a {type(answer).__name__}, not a recall")
    if answer.failure is not None:
        return Recall(failure=plain(str(answer.failure)) or UNNAMED)
    numbers = [answer.mean_r, *(trade.distance for trade in answer.similar)]
    numbers += [trade.result_r for trade in answer.similar]
    if not all(number is None or isfinite(number) for number in numbers):
        return Recall(failure="unreadable: a number is not finite")
    if answer.support is not None and not 0 <= answer.support <= 1:
        return Recall(failure="unreadable: support is not from 0 to 1")
    return replace(answer, similar=tuple(_harmless(trade) for trade in answer.similar))


def _harmless(trade: SimilarTrade) -> SimilarTrade:
    identity = plain(trade.document_id)
    return replace(trade, document_id=identity, lesson=plain(trade.lesson))


def plain(text: str) -> str:
    """Return foreign text as one short line, without account numbers and keys."""
    return on_record(text, RATIONALE_CHARACTERS_MAX)


def _opinion(fields: Mapping[object, object], *, advisor: str, role: AdvisorRole) -> Opinion:
    unknown = sorted(_quoted(key) for key in fields if key not in REQUIRED_KEYS | OPTIONAL_KEYS)
    if unknown:
        raise UnreadableReply(f"{unknown[0]} is not part of an opinion")
    missing = sorted(REQUIRED_KEYS - fields.keys())
    if missing:
        raise UnreadableReply(f"'{missing[0]}' is missing")
    decision, rationale = fields["decision"], fields["rationale"]
    if not isinstance(decision, str) or decision not in (Advice.GO, Advice.WAIT):
        raise UnreadableReply(f"decision is {_quoted(decision)}, neither GO nor WAIT")
    if not isinstance(rationale, str) or not plain(rationale):
        raise UnreadableReply("rationale is no text")
    advisory_only = fields.get("advisory_only", False)
    if not isinstance(advisory_only, bool):
        raise UnreadableReply(f"advisory_only is {_quoted(advisory_only)}, neither true nor false")
    return Opinion(
        advisor=advisor,
        role=role,
        decision=Advice(decision),
        rationale=plain(rationale),
        confidence=_fraction("confidence", fields["confidence"]),
        advisory_only=advisory_only,
        size_multiplier=_fraction("size_multiplier", fields.get("size_multiplier", 1.0)),
    )


def _fraction(name: str, value: object) -> float:
    # A bool is an int to Python; nobody means 1 by true.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableReply(f"{name} is {_quoted(value)}, not a number")
    # NaN is not between any two numbers. Comparing comes before converting, because a whole
    # number may be too large for a float.
    if not 0 <= value <= 1:
        raise UnreadableReply(f"{name} is {_quoted(value)}, not from 0 to 1")
    return float(value)


def _fields(reply: object) -> Mapping[object, object]:
    if isinstance(reply, bytes | str):
        reply = _decoded(reply)
    if type(reply) is not dict:
        raise UnreadableReply(f"a {type(reply).__name__}, not an object")
    return reply


def _decoded(reply: bytes | str) -> object:
    if len(reply) > REPLY_LENGTH_MAX:
        raise UnreadableReply(f"longer than {REPLY_LENGTH_MAX} characters")
    try:
        text = reply.decode() if isinstance(reply, bytes) else reply
        decoded: object = json.loads(
            text, object_pairs_hook=_without_repeats, parse_constant=_no_constant
        )
    except UnreadableReply:
        raise
    except (ValueError, RecursionError):
        raise UnreadableReply("not one JSON object") from None
    return decoded


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise UnreadableReply("a key is given twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise UnreadableReply(f"{name} is not a number")


def _quoted(value: object) -> str:
    # Only what is surely small and harmless is shown; anything else is named by its type.
    if isinstance(value, str):
        return f"'{plain(value[:QUOTED_CHARACTERS_MAX])}'"
    if isinstance(value, bool | float) or value is None:
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**9 else "a huge number"
    return f"a {type(value).__name__}"
