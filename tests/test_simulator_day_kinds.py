"""A seed draws the kind of a day, as often as the page says, and within bounds."""

import random
from collections import Counter

import pytest

from mytrader.domain.session import SESSION_MINUTES
from mytrader.simulator.day_kinds import (
    RELEASE_MINUTES,
    RUN_MINUTES,
    USUAL,
    DayKind,
    DayPlan,
    draw_day,
)

REGULAR_HOURS = range(930, 1320)


def plans(kind: DayKind, count: int) -> list[DayPlan]:
    """Return what several seeds make of a kind."""
    return [draw_day(random.Random(seed), [kind]) for seed in range(count)]  # noqa: S311  # repeatable


def test_kinds_come_as_often_as_the_page_says() -> None:
    """`docs/synthetic-market.md` names them in 1,000 days; every kind is met in 5,000."""
    met = Counter(draw_day(random.Random(seed)).kind for seed in range(5000))  # noqa: S311  # repeatable
    assert 2800 < met[DayKind.ORDINARY] < 3200
    assert 650 < met[DayKind.CHOP] < 850
    assert 550 < met[DayKind.TREND] < 750
    assert 350 < met[DayKind.NEWS] < 520
    for kind in set(DayKind) - set(USUAL):
        assert 25 < met[kind] < 90


def test_a_draw_can_be_narrowed() -> None:
    drawn = {draw_day(random.Random(seed), USUAL).kind for seed in range(300)}  # noqa: S311  # repeatable
    assert drawn == set(USUAL)


@pytest.mark.parametrize("kind", DayKind)
def test_a_seed_is_a_plan(kind: DayKind) -> None:
    assert plans(kind, 20) == plans(kind, 20)


def test_what_happens_happens_within_its_hours() -> None:
    """A limit locks at night, a breaker falls by day, an outage ends before the session."""
    for seed in range(300):
        limit, breaker, outage, news = (
            draw_day(random.Random(seed), [kind])  # noqa: S311  # repeatable
            for kind in (DayKind.LIMIT, DayKind.BREAKER, DayKind.OUTAGE, DayKind.NEWS)
        )
        assert limit.event_minute + RUN_MINUTES + limit.locked_minutes < REGULAR_HOURS.start
        assert breaker.side == -1
        assert breaker.event_minute in REGULAR_HOURS
        assert breaker.event_minute + RUN_MINUTES in REGULAR_HOURS
        assert 20 <= len(outage.silent) < 90
        assert 0 < outage.silent.start < outage.silent.stop < SESSION_MINUTES
        assert news.event_minute in RELEASE_MINUTES


def test_a_trend_has_one_direction() -> None:
    sides = set()
    for seed in range(50):
        plan = draw_day(random.Random(seed), [DayKind.TREND])  # noqa: S311  # repeatable
        assert {plan.side * spell for spell in plan.character.spells} == {0, 1}
        sides.add(plan.side)
    assert sides == {-1, 1}
