"""Replies are read by the letter of the schema; everything else is a WAIT that binds."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mytrader.advisors.opinion import checked, failed, parse_reply, plain
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, hybrid_confidence

GOOD: dict[Any, Any] = {"decision": "GO", "confidence": 0.7, "rationale": "trend is intact"}
DEEP = "[" * 8_000 + "]" * 8_000


def parsed(reply: object) -> Opinion:
    return parse_reply(reply, advisor="foreign", role=AdvisorRole.DECISION)


def is_failure(opinion: Opinion) -> bool:
    return bool(
        opinion.decision is Advice.WAIT
        and opinion.failure
        and opinion.binding
        and opinion.confidence is None
        and opinion.size_multiplier == 1
        and (opinion.advisor, opinion.role) == ("foreign", AdvisorRole.DECISION)
    )


@pytest.mark.parametrize("reply", [GOOD, json.dumps(GOOD), f"\n {json.dumps(GOOD)} ".encode()])
def test_a_reply_by_the_letter_is_an_opinion_in_any_wrapping(reply: object) -> None:
    assert parsed(reply) == Opinion(
        advisor="foreign",
        role=AdvisorRole.DECISION,
        decision=Advice.GO,
        rationale="trend is intact",
        confidence=0.7,
    )


def test_every_field_of_the_schema_is_read() -> None:
    opinion = parsed(
        {
            "decision": "WAIT",
            "confidence": 1,
            "rationale": "news",
            "advisory_only": True,
            "size_multiplier": 0,
        }
    )
    assert (opinion.decision, opinion.confidence) == (Advice.WAIT, 1.0)
    assert (opinion.advisory_only, opinion.size_multiplier) == (True, 0.0)
    assert not opinion.binding


def test_a_wait_binds_unless_it_says_otherwise() -> None:
    assert parsed({**GOOD, "decision": "WAIT"}).binding


GARBAGE: dict[str, object] = {
    "nothing": None,
    "empty": "",
    "no bytes": b"",
    "prose": "I would go long here, confidence 85 %.",
    "prose around": f"Sure! {json.dumps(GOOD)}",
    "prose after": f"{json.dumps(GOOD)} Good luck!",
    "fenced": f"```json\n{json.dumps(GOOD)}\n```",
    "two objects": json.dumps(GOOD) * 2,
    "a list": [GOOD],
    "a list in text": json.dumps([GOOD]),
    "a word": '"GO"',
    "a number": "1",
    "cut off": json.dumps(GOOD)[:-2],
    "not utf-8": b'{"decision": "GO\xff"}',
    "utf-16": json.dumps(GOOD).encode("utf-16"),
    "deeply nested": DEEP,
    "too long": json.dumps({**GOOD, "rationale": "x" * 20_000}),
    "empty object": {},
    "no decision": {"confidence": 0.7, "rationale": "r"},
    "no confidence": {"decision": "GO", "rationale": "r"},
    "no rationale": {"decision": "GO", "confidence": 0.7},
    "another decision": {**GOOD, "decision": "BUY"},
    "lower case": {**GOOD, "decision": "go"},
    "a padded decision": {**GOOD, "decision": " GO"},
    "a decision in a list": {**GOOD, "decision": ["GO"]},
    "decision true": {**GOOD, "decision": True},
    "confidence in percent": {**GOOD, "confidence": 85},
    "confidence below zero": {**GOOD, "confidence": -0.01},
    "confidence above one": {**GOOD, "confidence": 1.0000001},
    "confidence NaN": {**GOOD, "confidence": float("nan")},
    "confidence NaN in text": '{"decision":"GO","confidence":NaN,"rationale":"r"}',
    "confidence infinite": {**GOOD, "confidence": float("inf")},
    "confidence infinite in text": '{"decision":"GO","confidence":Infinity,"rationale":"r"}',
    "confidence overflowing": '{"decision":"GO","confidence":1e999,"rationale":"r"}',
    "confidence huge": {**GOOD, "confidence": 10**400},
    "confidence huge in text": '{"decision":"GO","confidence":' + "9" * 5000 + ',"rationale":""}',
    "confidence true": {**GOOD, "confidence": True},
    "confidence in words": {**GOOD, "confidence": "0.7"},
    "confidence null": {**GOOD, "confidence": None},
    "rationale empty": {**GOOD, "rationale": ""},
    "rationale blank": {**GOOD, "rationale": " \n\u200b"},
    "rationale a number": {**GOOD, "rationale": 7},
    "advisory in words": {**GOOD, "advisory_only": "true"},
    "advisory one": {**GOOD, "advisory_only": 1},
    "advisory null": {**GOOD, "advisory_only": None},
    "more size": {**GOOD, "size_multiplier": 1.5},
    "negative size": {**GOOD, "size_multiplier": -1},
    "size NaN": {**GOOD, "size_multiplier": float("nan")},
    "size null": {**GOOD, "size_multiplier": None},
    "a new stop": {**GOOD, "stop": 6800.0},
    "another side": {**GOOD, "side": "SELL"},
    "a role": {**GOOD, "role": "decision"},
    "a failure": {**GOOD, "failure": None},
    "a key that is no text": {**GOOD, 7: "x"},
    "a key in capitals": {**GOOD, "Decision": "GO"},
    "a key twice": '{"decision":"WAIT","confidence":0.7,"rationale":"r","decision":"GO"}',
    "wrapped": {"opinion": GOOD},
}


@pytest.mark.parametrize("reply", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_a_wait_that_binds(reply: object) -> None:
    opinion = parsed(reply)
    assert is_failure(opinion)
    assert (opinion.failure or "").startswith("unreadable: ")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({**GOOD, "stop": 6800.0}, "'stop' is not part of an opinion"),
        ({**GOOD, "size_multiplier": 1.5}, "size_multiplier is 1.5, not from 0 to 1"),
        ({**GOOD, "confidence": 10**400}, "confidence is a huge number, not from 0 to 1"),
        ({**GOOD, "confidence": 85}, "confidence is 85, not from 0 to 1"),
        ({**GOOD, "confidence": []}, "confidence is a list, not a number"),
        ({**GOOD, "advisory_only": None}, "advisory_only is None"),
        ({"decision": "GO", "rationale": "r"}, "'confidence' is missing"),
        ('{"decision":"GO","confidence":NaN}', "NaN is not a number"),
        ('{"decision":"GO","decision":"GO"}', "given twice"),
        ("x" * 16_385, "longer than 16384 characters"),
        (7, "a int, not an object"),
    ],
)
def test_a_failure_says_what_was_unreadable(reply: object, said: str) -> None:
    assert said in (parsed(reply).failure or "")


JUNK_TEXT = st.text('GOWAIT{}[]":,.019eE-+ \n\t\\/\x00\x1b\u202eé\ud800', max_size=60)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | JUNK_TEXT
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JUNK_TEXT, inner, max_size=3),
    max_leaves=5,
)
KEYS = ("decision", "confidence", "rationale", "advisory_only", "size_multiplier", "stop")
NEAR_MISSES = st.dictionaries(
    st.sampled_from(KEYS), st.sampled_from(("GO", "WAIT", 0, 0.5, 1, 2, True, "because")) | JUNK
)


@settings(max_examples=20, deadline=None)
@given(JUNK | st.binary(max_size=60) | NEAR_MISSES | NEAR_MISSES.map(json.dumps))
def test_no_reply_raises_and_none_holds_more_than_the_schema(reply: object) -> None:
    opinion = parsed(reply)
    if opinion.failure is not None:
        assert is_failure(opinion)
        return
    assert opinion.confidence is not None
    assert 0 <= opinion.confidence <= 1
    assert 0 <= opinion.size_multiplier <= 1
    assert (opinion.advisor, opinion.role) == ("foreign", AdvisorRole.DECISION)
    assert opinion.rationale.isprintable()


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), NEAR_MISSES, st.none() | st.floats(0, 1))
def test_no_reply_raises_the_confidence_of_a_signal(
    technical: float, reply: dict[str, object], memory: float | None
) -> None:
    model = parsed({**GOOD, **reply}).confidence
    assert hybrid_confidence(technical, model, memory) <= technical
    assert hybrid_confidence(technical, model) <= technical


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KEYS[:3]), SCALARS)
def test_one_wrong_field_spoils_the_reply(key: str, value: object) -> None:
    opinion = parsed({**GOOD, key: value})
    usable = {
        "decision": value in ("GO", "WAIT"),
        "confidence": type(value) in (int, float) and 0 <= float(str(value)) <= 1,
        "rationale": isinstance(value, str) and bool(plain(value)),
    }
    assert (opinion.failure is None) is usable[key]


def test_a_rationale_is_one_printable_line_of_bounded_length() -> None:
    """It goes into logs, alerts and the journal; it must not forge a line or break UTF-8."""
    text = "first\nsecond\x1b[31m\u202ethird \ud800" + "n" * 600
    rationale = parsed({**GOOD, "rationale": text}).rationale
    assert rationale.startswith("first second [31m third nnn")
    assert rationale.endswith("n…")
    assert len(rationale) == 500
    assert rationale.encode()


def test_an_opinion_from_code_is_held_to_the_same_schema() -> None:
    good = Opinion("foreign", AdvisorRole.DECISION, Advice.GO, "fine", confidence=0.5)
    assert checked(good, advisor="foreign", role=AdvisorRole.DECISION) == good


def test_an_advisor_cannot_choose_its_role_or_name() -> None:
    """As a decision advisor its WAIT could be overridden."""
    claims = Opinion(
        "someone", AdvisorRole.DECISION, Advice.WAIT, "r", confidence=0.5, advisory_only=True
    )
    opinion = checked(claims, advisor="risk", role=AdvisorRole.RISK)
    assert (opinion.advisor, opinion.role) == ("risk", AdvisorRole.RISK)
    assert opinion.binding


def test_an_opinion_with_a_failure_stays_a_failure() -> None:
    for failure in ("throttled", ""):
        claims = Opinion(
            "foreign",
            AdvisorRole.DECISION,
            Advice.GO,
            "r",
            confidence=0.9,
            advisory_only=True,
            failure=failure,
        )
        opinion = checked(claims, advisor="foreign", role=AdvisorRole.DECISION)
        assert is_failure(opinion)
        assert opinion.failure == (failure or "unnamed failure")


@pytest.mark.parametrize("answer", [None, GOOD, "GO", Advice.GO, Opinion, 7])
def test_what_is_no_opinion_is_a_failure(answer: object) -> None:
    assert is_failure(checked(answer, advisor="foreign", role=AdvisorRole.DECISION))


def test_failure_text_is_plain() -> None:
    opinion = failed("a", AdvisorRole.RISK, failure="line\nbreak")
    assert opinion.failure == "line break"
    assert opinion.rationale == "No opinion: line break"
