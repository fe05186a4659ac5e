"""Whatever bytes come back, the answer is a word: nothing is raised, printed or taken for a GO."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.simulator.bedrock_replies import agent_answer, model_answer
from mytrader.simulator.bedrock_script import Step
from mytrader.simulator.event_stream import frame
from tests.bedrock_samples import Station, station

SEED = 20251212
ROUNDS = 150
STREAM = b"".join(agent_answer(Step(), "s").pieces)
CONVERSATION = model_answer(Step()).pieces[0]
KINDS = ("event", "exception", "error", "")
EVENTS = ("chunk", "trace", "files", "returnControl", "unheard-of", "")
PAYLOADS = (
    *(b"", b"{}", b"[]", b"null", b'"x"', b"\xff", b"[" * 5000),
    *(b'{"bytes":1}', b'{"bytes":"%%%"}', b'{"bytes":null}', b'{"bytes":["R08="]}'),
)
LEAVES: tuple[Any, ...] = (None, [], {}, 0, -1, "", "x", True, [None], {"toolUse": None}, 1e300)


@pytest.fixture(scope="module", name="bench")
def _bench() -> Iterator[Station]:
    with station() as made:
        yield made


def ask(bench: Station, raw: bytes, role: AdvisorRole) -> Opinion:
    connected = bench.line(Step(raw=raw), attempts_max=1)
    (opinion,) = connected.ask(role)
    assert connected.failures == []
    assert len(connected.calls) == 1
    return opinion


def broken_stream(chance: random.Random) -> bytes:
    """A stream with a bit turned, an end cut off, noise behind it, or nothing but noise."""
    match chance.randrange(5):
        case 0:
            at = chance.randrange(len(STREAM))
            return STREAM[:at] + bytes([STREAM[at] ^ 1 << chance.randrange(8)]) + STREAM[at + 1 :]
        case 1:
            return STREAM[: chance.randrange(1, len(STREAM))]
        case 2:
            return STREAM + chance.randbytes(chance.randrange(1, 40))
        case 3:
            return chance.randbytes(chance.randrange(1, 600))
        case _:
            headers = {":message-type": chance.choice(KINDS), ":event-type": chance.choice(EVENTS)}
            return frame(headers, chance.choice(PAYLOADS))


def broken_conversation(chance: random.Random) -> bytes:
    """A response with one member anywhere replaced by something else, or bytes that are none."""
    if chance.random() < 0.2:
        return chance.choice(PAYLOADS[1:]) if chance.random() < 0.5 else chance.randbytes(200)
    told: dict[str, Any] = json.loads(CONVERSATION)
    node: Any = told
    while True:
        key = chance.choice(range(len(node)) if isinstance(node, list) else list(node))
        if not node[key] or not isinstance(node[key], dict | list) or chance.random() < 0.3:
            break
        node = node[key]
    node[key] = chance.choice(LEAVES)
    return json.dumps(told).encode()


@pytest.mark.slow
def test_a_broken_stream_is_never_an_opinion(bench: Station) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable is the point
    for number in range(ROUNDS):
        raw = broken_stream(chance)
        opinion = ask(bench, raw, AdvisorRole.DECISION)
        where = f"seed {SEED}, round {number}: {raw!r}"
        assert opinion.failure is not None, where
        assert (opinion.decision, opinion.binding) == (Advice.WAIT, True), where


@pytest.mark.slow
def test_a_broken_conversation_is_an_opinion_only_within_the_schema(bench: Station) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable is the point
    for number in range(ROUNDS):
        raw = broken_conversation(chance)
        opinion = ask(bench, raw, AdvisorRole.RISK)
        where = f"seed {SEED}, round {number}: {raw!r}"
        if opinion.failure is None:
            assert 0 <= (opinion.confidence or 0.0) <= 1, where
            assert opinion.size_multiplier == 1, where
        else:
            assert (opinion.decision, opinion.binding) == (Advice.WAIT, True), where
