"""A breaker leaves a failing service alone, and finds out when it is well again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mytrader.advisors.breaker import Breaker, Phase

NOW = datetime(2025, 11, 5, 15, tzinfo=UTC)
REST = timedelta(seconds=30)
FRESH = Breaker(failures_max=3, rest=REST)


def opened(at: datetime = NOW) -> Breaker:
    return FRESH.failed(at).failed(at).failed(at)


def test_failures_in_a_row_open_it() -> None:
    twice = FRESH.failed(NOW).failed(NOW)
    assert twice.phase is Phase.CLOSED
    assert twice.admit(NOW) is twice
    assert opened().phase is Phase.OPEN
    assert opened().admit(NOW + REST - timedelta(microseconds=1)) is None


def test_a_success_between_failures_keeps_it_closed() -> None:
    assert FRESH.failed(NOW).failed(NOW).succeeded().failed(NOW).phase is Phase.CLOSED


def test_after_the_rest_one_call_tries_and_only_one() -> None:
    trying = opened().admit(NOW + REST)
    assert trying is not None
    assert trying.phase is Phase.HALF_OPEN
    assert trying.admit(NOW + REST) is None
    assert trying.succeeded() == FRESH


def test_a_try_that_fails_opens_it_for_another_rest() -> None:
    later = NOW + REST
    trying = opened().admit(later)
    assert trying is not None
    again = trying.failed(later)
    assert again.phase is Phase.OPEN
    assert again.admit(later + REST - timedelta(microseconds=1)) is None
    assert again.admit(later + REST) is not None


def test_a_try_that_never_ends_does_not_close_the_door_for_ever() -> None:
    trying = opened().admit(NOW + REST)
    assert trying is not None
    assert trying.admit(NOW + 2 * REST) is not None


def test_what_ends_while_it_is_open_says_nothing_about_now() -> None:
    assert opened().succeeded() == opened()
    assert opened().failed(NOW + REST) == opened()


@given(st.lists(st.tuples(st.sampled_from(["ok", "bad", "ask"]), st.integers(0, 40))))
def test_an_open_breaker_admits_at_most_one_call_a_rest(moves: list[tuple[str, int]]) -> None:
    """Whatever happens in whatever order, a service that is down is not hammered."""
    breaker, now = FRESH, NOW
    for move, seconds in moves:
        now += timedelta(seconds=seconds)
        if move == "ok":
            breaker = breaker.succeeded()
        elif move == "bad":
            breaker = breaker.failed(now)
        elif (admitted := breaker.admit(now)) is not None:
            assert breaker.since is None or now - breaker.since >= REST
            breaker = admitted
