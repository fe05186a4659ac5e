"""A memory that failed is not an empty one."""

from mytrader.domain.memory import Recall


def test_an_empty_memory_says_nothing_and_has_not_failed() -> None:
    empty = Recall()
    assert (empty.similar, empty.support, empty.failure) == ((), None, None)


def test_a_failure_is_told_from_nothing() -> None:
    assert Recall(failure="timeout") != Recall()
