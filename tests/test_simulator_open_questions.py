"""Open questions are answered by the seed alone, and over some seeds in every way."""

from typing import Final

from mytrader.simulator.faults import Faults
from mytrader.simulator.open_questions import answered

QUESTIONS: Final = {
    "children_work_for_part": 2,
    "refuse_marketable_stop_changes": 2,
    "cancels_wait_for_open": 2,
    "executions_since_midnight": 2,
    "inactive_rejections": 2,
    "stops": 3,
    "queue_ahead": 3,
}


def test_every_answer_is_given_and_nothing_else_is_touched() -> None:
    faults = Faults(fill_delay_ms=7, reject_child_stops=2, answers_by_seed=True)
    days = [answered(faults, seed) for seed in range(64)]
    for name, answers in QUESTIONS.items():
        assert len({getattr(each, name) for each in days}) == answers
    assert {(each.fill_delay_ms, each.reject_child_stops) for each in days} == {(7, 2)}


def test_equal_seeds_answer_equally() -> None:
    faults = Faults(answers_by_seed=True)
    assert answered(faults, 5) == answered(faults, 5)


def test_switches_that_are_not_left_to_the_seed_stay() -> None:
    assert answered(Faults(queue_ahead=4), 5) == Faults(queue_ahead=4)
