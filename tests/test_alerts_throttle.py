"""The first is told at once, the rest together."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from mytrader.alerts.throttle import KEYS_MAX, Throttle

NOON = datetime(2025, 11, 12, 18, tzinfo=UTC)
EVERY = timedelta(minutes=15)


def at(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def test_what_comes_again_is_held_back_and_told_together() -> None:
    throttle = Throttle(EVERY)
    assert throttle.lets_pass("COOLDOWN", at(0))
    assert throttle.lets_pass("MODE", at(0))
    assert not any(throttle.lets_pass("COOLDOWN", at(minute)) for minute in range(1, 10))
    assert throttle.due(at(15)) == Counter()
    assert throttle.due(at(16)) == Counter(COOLDOWN=9)
    assert throttle.due(at(60)) == Counter()


def test_a_flood_stays_held_back_until_it_ends() -> None:
    """One message, then one every quarter of an hour, however long it goes on."""
    throttle = Throttle(EVERY)
    passed = sum(throttle.lets_pass("COOLDOWN", at(minute)) for minute in range(120))
    assert passed == 1
    assert throttle.rest() == Counter(COOLDOWN=119)
    assert not throttle.lets_pass("COOLDOWN", at(133))
    assert throttle.lets_pass("COOLDOWN", at(148))


def test_the_memory_of_keys_is_bounded() -> None:
    throttle = Throttle(EVERY)
    assert all(throttle.lets_pass(str(number), at(0)) for number in range(2 * KEYS_MAX))
    assert len(throttle._last) <= KEYS_MAX
