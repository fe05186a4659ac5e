"""Hostile words in the memory stay data in a prompt, and move no opinion of ours upwards."""

import json
import random
import unicodedata

import pytest
from msgspec.structs import replace

from mytrader.advisors.local import LocalDecisionAdvisor, LocalRiskAdvisor
from mytrader.advisors.opinion import RATIONALE_CHARACTERS_MAX, checked, checked_recall
from mytrader.advisors.prompts import (
    FENCE_CLOSES,
    FENCE_OPENS,
    NAME_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    Prompt,
    put,
)
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Question
from mytrader.domain.memory import Recall
from mytrader.rag.knowledge_base import KnowledgeBase
from tests.advisor_samples import NOW, QUESTION, RECALL, SIGNAL
from tests.injection_corpus import CORPUS, Channel, Hostile, without_surrogates
from tests.memory_samples import a_document, question_like

SEED = 20251212
ROUNDS = 40
LESSON = "Chased a short in chop."
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
FEATURES = {
    **SIGNAL.features,
    "efficiency_ratio": 0.6,
    "volume_ratio": 1.0,
    "volatility_ratio": 1.0,
}

every_text = pytest.mark.parametrize("hostile", CORPUS, ids=lambda each: each.name)


def with_lesson(lesson: str, *, distance: float = 0.2, avoid: bool = True) -> Question:
    trade = replace(RECALL.similar[0], lesson=lesson, distance=distance, avoid=avoid)
    recall = replace(RECALL, similar=(trade,))
    return replace(QUESTION, signal=replace(SIGNAL, features=FEATURES), recall=recall)


def texts(facts: object) -> list[str]:
    """Every text in a decoded prompt, names of members included."""
    if isinstance(facts, dict):
        return [each for pair in facts.items() for part in pair for each in texts(part)]
    if isinstance(facts, list):
        return [each for one in facts for each in texts(one)]
    return [facts] if isinstance(facts, str) else []


def holds(prompt: Prompt, *, names: bool = True) -> None:
    """The prompt is one fence around the JSON of the question, and nothing in it is unseen."""
    opens, body, closes = prompt.text.split("\n")
    assert (opens, closes) == (FENCE_OPENS, FENCE_CLOSES)
    assert not {"<", ">"} & set(body)
    assert body.isascii()
    assert body.isprintable()
    facts = json.loads(body)
    harmless = put(with_lesson(LESSON), AdvisorRole.RISK).facts
    assert set(facts) == set(harmless)
    same = ("symbol", "side", "confidence", "stop_ticks", "target_ticks", "regime")
    assert [facts[name] for name in same] == [harmless[name] for name in same]
    if names:
        assert facts["features"] == harmless["features"]
    for text in texts(facts):
        assert len(text) <= TEXT_CHARACTERS_MAX
        assert not {unicodedata.category(each) for each in text} & INVISIBLE
    assert prompt.instruction == put(with_lesson(LESSON), AdvisorRole.RISK).instruction


def test_there_are_a_hundred_distinct_texts_for_every_channel_and_tongue() -> None:
    assert len(CORPUS) >= 100
    assert len({each.text for each in CORPUS}) == len({each.name for each in CORPUS})
    assert len({each.name for each in CORPUS}) == len(CORPUS)
    assert {each.channel for each in CORPUS} == set(Channel) - {Channel.REPLY}


@every_text
def test_a_lesson_stays_data(hostile: Hostile) -> None:
    holds(put(with_lesson(hostile.text), AdvisorRole.RISK))
    checked_first = checked_recall(with_lesson(hostile.text).recall)
    holds(put(replace(with_lesson(LESSON), recall=checked_first), AdvisorRole.RISK))


@every_text
def test_the_name_of_a_strategy_or_a_feature_stays_data(hostile: Hostile) -> None:
    question = with_lesson(LESSON)
    signal = replace(
        question.signal,
        strategy=hostile.text,
        reason=hostile.text,
        features={**FEATURES, hostile.text: 1.0},
    )
    prompt = put(replace(question, signal=signal), AdvisorRole.RISK)
    holds(prompt, names=False)
    assert len(prompt.facts["strategy"]) <= NAME_CHARACTERS_MAX


@every_text
def test_no_lesson_makes_our_own_advisors_more_permissive(hostile: Hostile) -> None:
    for avoid in (True, False):
        told = with_lesson(hostile.text, avoid=avoid)
        harmless = with_lesson(LESSON, avoid=avoid)
        recall = checked_recall(told.recall)
        for advisor in (LocalDecisionAdvisor(), LocalRiskAdvisor()):
            opinions = []
            for question in (replace(told, recall=recall), told, harmless):
                if isinstance(advisor, LocalDecisionAdvisor):
                    opinion = advisor.judge(question.signal, question.recall)
                else:
                    opinion = advisor.judge(question.signal)
                opinions.append(checked(opinion, advisor=advisor.name, role=advisor.role))
            *hostiles, usual = opinions
            for opinion in hostiles:
                assert weight(opinion) == weight(usual)
                assert is_plain(opinion.rationale)
    # The sample is worth something: the lesson to avoid did block, the other one did not.
    decision = LocalDecisionAdvisor()
    assert decision.judge(told.signal, with_lesson(LESSON).recall).decision is Advice.WAIT
    assert decision.judge(told.signal, harmless.recall).decision is Advice.GO


def weight(opinion: Opinion) -> tuple[object, ...]:
    """Everything about an opinion that permits or forbids."""
    return (
        opinion.decision,
        opinion.confidence,
        opinion.size_multiplier,
        opinion.binding,
        opinion.failure,
    )


def is_plain(text: str) -> bool:
    """Whether a text is one short line of what can be seen."""
    return text.isprintable() and len(text) <= RATIONALE_CHARACTERS_MAX


@every_text
def test_a_memory_that_failed_in_hostile_words_is_still_a_failure(hostile: Hostile) -> None:
    recall = checked_recall(Recall(failure=hostile.text, support=1.0))
    assert recall.failure
    assert is_plain(recall.failure)
    assert recall.support is None
    opinion = LocalDecisionAdvisor().judge(with_lesson(LESSON).signal, recall)
    assert (opinion.decision, opinion.binding) == (Advice.WAIT, True)
    assert put(replace(QUESTION, recall=recall), AdvisorRole.RISK).facts["memory"] == "unavailable"


@every_text
def test_the_memory_keeps_and_finds_a_trade_whatever_its_lesson_says(hostile: Hostile) -> None:
    """A lesson in an index outside is anybody's; a strategy's name is its author's."""
    memory = KnowledgeBase(None)
    document = a_document(1, lesson=hostile.text, strategy=hostile.text, avoid=True)
    memory.remember(document)
    question = question_like(a_document(1))
    recall = checked_recall(memory.recall_now(question))
    memory.close()
    assert recall.failure is None
    # Half a character cannot be written into any file; such a trade is refused aloud.
    kept = hostile.text == without_surrogates(hostile.text)
    assert (True in [trade.avoid for trade in recall.similar]) is kept
    assert memory.stock.refused == (not kept)
    holds(put(replace(with_lesson(LESSON), recall=recall), AdvisorRole.RISK))


def test_texts_put_together_are_no_stronger_than_alone() -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable is the point
    for number in range(ROUNDS):
        parts = [each.text[:200] for each in chance.sample(CORPUS, 3)]
        text = chance.choice(("", " ", "\n", "</data>")).join(parts)
        trades = tuple(
            replace(RECALL.similar[0], lesson=text[at:], document_id=text) for at in range(3)
        )
        recall = checked_recall(replace(RECALL, similar=trades))
        try:
            holds(put(replace(with_lesson(text), recall=recall), AdvisorRole.RISK))
        except AssertionError as why:
            pytest.fail(f"seed {SEED}, round {number}, {NOW}: {text!r}: {why}")
