"""Whatever an agent or a model answers, nothing gets larger, surer, or other than proposed."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from mytrader.advisors.opinion import (
    OPTIONAL_KEYS,
    RATIONALE_CHARACTERS_MAX,
    REPLY_LENGTH_MAX,
    REQUIRED_KEYS,
    checked,
    checked_recall,
    parse_reply,
)
from mytrader.domain import events
from mytrader.domain.commands import PlaceBracket as Place
from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.limits import Limits
from mytrader.domain.memory import Recall, SimilarTrade
from mytrader.domain.orders import Side
from mytrader.simulator.bedrock_script import Step
from tests.advisor_samples import RECALL
from tests.bedrock_samples import Station, station
from tests.injection_corpus import CORPUS, REPLIES, Hostile
from tests.playbook import ENTRY, LIMITS, STOP, TARGET, Playbook, proposed, the_start

SEED = 20251213
ROUNDS = 60
LOTS = 3
START = Playbook(the_start(Limits(quantity_per_entry=LOTS)))
WORST_ENTRY = ENTRY + LIMITS.entry_collar_ticks
ADVISOR = "bedrock-decision"

every_text = pytest.mark.parametrize("hostile", CORPUS, ids=lambda each: each.name)
every_reply = pytest.mark.parametrize("name", REPLIES)


def is_the_schema(text: str) -> bool:
    """Whether a body is exactly what was asked for, by a reading of its own."""
    if len(text) > REPLY_LENGTH_MAX:
        return False
    names: list[str] = []

    def noted(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names.extend(name for name, _ in pairs)
        return dict(pairs)

    try:
        told = json.loads(text, object_pairs_hook=noted)
    except (ValueError, RecursionError):
        return False
    if not isinstance(told, dict) or len(set(names)) != len(names) or set(names) != set(told):
        return False
    return (
        set(told) >= REQUIRED_KEYS
        and set(told) <= REQUIRED_KEYS | OPTIONAL_KEYS
        and told["decision"] in ("GO", "WAIT")
        and isinstance(told["rationale"], str)
        and any(each.isprintable() and each != " " for each in told["rationale"])
        and isinstance(told.get("advisory_only", False), bool)
        and all(is_part(told.get(name, 1)) for name in ("confidence", "size_multiplier"))
    )


def is_part(value: object) -> bool:
    """Whether a value is a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def holds(opinion: Opinion, *, usable: bool) -> None:
    """An opinion is within the schema, or a WAIT that binds; its words are one plain line."""
    assert (opinion.failure is None) is usable, opinion
    assert opinion.advisor == ADVISOR
    for words in (opinion.rationale, opinion.failure or ""):
        assert words.isprintable()
        assert len(words) <= RATIONALE_CHARACTERS_MAX
    if usable:
        assert opinion.confidence is not None
        assert 0 <= opinion.confidence <= 1
        assert 0 <= opinion.size_multiplier <= 1
    else:
        assert (opinion.decision, opinion.binding) == (Advice.WAIT, True)
        assert opinion.confidence is None
        assert opinion.failure, "a failure has a name"


def read(body: object) -> Opinion:
    return parse_reply(body, advisor=ADVISOR, role=AdvisorRole.DECISION)


def decided(*opinions: Opinion, recall: Recall | None = None) -> Playbook:
    """Propose three lots to the real kernel and let it hear these opinions."""
    script = (START >> proposed()).ignoring()
    return script.after(events.AdviceGiven(script.cycle.cycle_id, opinions, recall))


def only_subtracts(script: Playbook) -> None:
    """The cycle is the one that was proposed, or smaller, or none."""
    cycle = script.cycle
    assert cycle.confidence is not None
    assert cycle.confidence <= cycle.signal.confidence
    assert cycle.quantity <= LOTS
    assert cycle.side is Side.BUY
    placed = [command for command in script.left if isinstance(command, Place)]
    for command in placed:
        bracket = command.approved.order
        assert (bracket.side, bracket.entry) == (Side.BUY, WORST_ENTRY)
        assert (bracket.stop, bracket.target) == (STOP, TARGET)
        assert 1 <= len(bracket.lots) <= LOTS
        assert {spec.quantity for lot in bracket.lots for spec in lot} == {1}
    if not placed:
        assert not cycle.orders


def test_the_corpus_holds_replies_that_are_read_and_many_that_are_not() -> None:
    usable = [name for name, text in REPLIES.items() if is_the_schema(text)]
    assert 5 <= len(usable) <= 10, usable
    assert len(REPLIES) >= 60


@every_reply
def test_a_reply_is_the_schema_or_a_wait_that_binds(name: str) -> None:
    body = REPLIES[name]
    usable = is_the_schema(body)
    opinion = read(body)
    holds(opinion, usable=usable)
    only_subtracts(decided(opinion))
    if not usable:
        assert not decided(opinion).cycle.orders
    encoded = body.encode("utf-8", "surrogatepass")
    holds(read(encoded), usable=usable)


@every_reply
def test_a_reply_in_another_encoding_is_no_reply(name: str) -> None:
    """A lenient reader would find out which one it is; a NUL between letters is not ours."""
    text = REPLIES[name].encode("utf-16", "surrogatepass")
    for body in (text, text[2:], REPLIES[name].encode("utf-32", "surrogatepass")):
        holds(read(body), usable=False)


@every_text
def test_a_text_is_no_reply(hostile: Hostile) -> None:
    holds(read(hostile.text), usable=is_the_schema(hostile.text))
    holds(read([hostile.text]), usable=False)


@every_text
def test_the_words_of_a_go_change_nothing_about_it(hostile: Hostile) -> None:
    fields = {"decision": "GO", "confidence": 0.5, "size_multiplier": 0.5}
    usual = read({**fields, "rationale": "fine"})
    opinion = read({**fields, "rationale": hostile.text})
    if opinion.failure is None:
        assert replace(opinion, rationale="") == replace(usual, rationale="")
        script = decided(opinion)
        only_subtracts(script)
        assert script.cycle.quantity == decided(usual).cycle.quantity == 1
        assert script.cycle.confidence == decided(usual).cycle.confidence
    holds(opinion, usable=any(each.isprintable() and each != " " for each in hostile.text))


@every_text
@pytest.mark.parametrize("field", ["decision", "confidence", "size_multiplier", "advisory_only"])
def test_a_text_in_place_of_a_value_is_no_reply(hostile: Hostile, field: str) -> None:
    fields = {"decision": "GO", "confidence": 0.5, "rationale": "fine", field: hostile.text}
    holds(read(fields), usable=False)
    holds(
        read({"decision": "GO", "confidence": 1, "rationale": "x", hostile.text: 1}), usable=False
    )


@every_text
def test_an_advisors_code_may_call_itself_what_it_likes(hostile: Hostile) -> None:
    claimed = Opinion(
        hostile.text,
        AdvisorRole.DECISION,
        Advice.GO,
        hostile.text,
        confidence=1.0,
        cited=(hostile.text,) * 30,
    )
    opinion = checked(claimed, advisor=ADVISOR, role=AdvisorRole.DECISION)
    assert opinion.advisor == ADVISOR
    assert all(each.isprintable() for each in opinion.cited)
    only_subtracts(decided(opinion))
    failure = checked(
        replace(claimed, failure=hostile.text), advisor=ADVISOR, role=AdvisorRole.DECISION
    )
    holds(failure, usable=False)
    assert not decided(failure).cycle.orders


@every_text
def test_a_memory_of_hostile_words_lends_no_more_than_its_numbers(hostile: Hostile) -> None:
    go = read({"decision": "GO", "confidence": 0.9, "rationale": "fine"})
    trade = SimilarTrade(hostile.text, 0.1, RECALL.similar[0].net_usd, 1.0, hostile.text)
    recall = checked_recall(replace(RECALL, similar=(trade,)))
    usual = decided(go, recall=RECALL).cycle
    script = decided(go, recall=recall)
    only_subtracts(script)
    assert (script.cycle.confidence, script.cycle.quantity) == (usual.confidence, usual.quantity)


def test_replies_put_together_are_no_stronger_than_alone() -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable is the point
    bodies = list(REPLIES.values())
    for number in range(ROUNDS):
        one, other = chance.sample(bodies, 2)
        body = chance.choice((one + other, one[: len(one) // 2] + other, f"[{one},{other}]"))
        where = f"seed {SEED}, round {number}: {body[:300]!r}"
        opinions = (read(body), read(one), read(other))
        assert (opinions[0].failure is None) is is_the_schema(body), where
        only_subtracts(decided(*opinions))


# Over the wire


@pytest.fixture(scope="module", name="bench")
def _bench() -> Iterator[Station]:
    with station() as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("role", list(AdvisorRole))
@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_of_bedrock_is_the_schema_or_a_wait_that_binds(
    bench: Station, name: str, role: AdvisorRole
) -> None:
    """The decision advisor is an agent and answers in text, the risk advisor a model."""
    body = REPLIES[name]
    reply: object = body
    if role is AdvisorRole.RISK:
        try:
            decoded = json.loads(body)
        except (ValueError, RecursionError):
            decoded = None
        reply = decoded if isinstance(decoded, dict) else body
    line = bench.line(Step(reply=reply), attempts_max=1, timeout=timedelta(seconds=2))  # type: ignore[arg-type]  # an object or a text
    (opinion,) = line.ask(role)
    assert line.failures == []
    holds_as(opinion, role)
    if role is AdvisorRole.DECISION:
        assert (opinion.failure is None) is is_the_schema(body), opinion
    only_subtracts(decided(opinion))


@pytest.mark.slow
def test_every_text_as_a_rationale_over_the_wire(bench: Station) -> None:
    for hostile in CORPUS:
        reply = {"decision": "GO", "confidence": 0.5, "rationale": hostile.text}
        (opinion,) = bench.line(Step(reply=reply), attempts_max=1).ask(AdvisorRole.RISK)
        holds_as(opinion, AdvisorRole.RISK)
        only_subtracts(decided(opinion))


def holds_as(opinion: Opinion, role: AdvisorRole) -> None:
    """As `holds`, for whichever advisor it was."""
    assert opinion.role is role
    assert opinion.advisor == f"bedrock-{role}"
    holds(replace(opinion, advisor=ADVISOR), usable=opinion.failure is None)
