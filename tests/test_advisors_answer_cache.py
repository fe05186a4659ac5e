"""Equal questions within a little while are asked once; a failure is asked again."""

from datetime import UTC, datetime, timedelta

from mytrader.advisors.answer_cache import AnswerCache, question_key
from mytrader.advisors.opinion import failed
from mytrader.domain.decision import Advice, AdvisorRole, Opinion

NOW = datetime(2025, 11, 5, 15, tzinfo=UTC)
TTL = timedelta(seconds=60)
GO = Opinion("x", AdvisorRole.RISK, Advice.GO, "fine", confidence=0.8)


def test_an_answer_is_kept_for_its_time_and_says_so() -> None:
    cache = AnswerCache(2, TTL)
    cache.put("a", GO, NOW)
    kept = cache.get("a", NOW + TTL - timedelta(microseconds=1))
    assert kept is not None
    assert (kept.cached, kept.decision) == (True, Advice.GO)
    assert cache.get("a", NOW + TTL) is None
    assert len(cache) == 0
    assert cache.get("b", NOW) is None


def test_a_clock_that_steps_back_keeps_nothing_alive() -> None:
    cache = AnswerCache(2, TTL)
    cache.put("a", GO, NOW)
    assert cache.get("a", NOW - timedelta(seconds=1)) is None


def test_a_failure_is_never_kept() -> None:
    cache = AnswerCache(2, TTL)
    cache.put("a", failed("x", AdvisorRole.RISK, failure="timeout"), NOW)
    assert cache.get("a", NOW) is None


def test_it_is_bounded_and_forgets_what_was_not_asked_for_longest() -> None:
    cache = AnswerCache(2, TTL)
    cache.put("a", GO, NOW)
    cache.put("b", GO, NOW)
    cache.get("a", NOW)
    cache.put("c", GO, NOW)
    assert len(cache) == 2
    assert cache.get("b", NOW) is None
    assert cache.get("a", NOW) is not None


def test_a_key_is_of_everything_that_was_asked() -> None:
    facts = {"a": 1, "b": [2]}
    same = question_key({"b": [2], "a": 1}, role="risk", target="model/x")
    assert question_key(facts, role="risk", target="model/x") == same
    assert question_key(facts, role="decision", target="model/x") != same
    assert question_key(facts, role="risk", target="model/y") != same
    assert question_key({**facts, "a": 2}, role="risk", target="model/x") != same
