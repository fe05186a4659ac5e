"""The volume profile is a distribution over the session, and looks like a trading day."""

import math

from mytrader.domain.session import SESSION_MINUTES
from mytrader.domain.volume_profile import expected_share


def test_the_shares_of_a_session_add_up_to_one() -> None:
    shares = [expected_share(minute) for minute in range(SESSION_MINUTES)]
    assert math.isclose(sum(shares), 1.0)
    assert min(shares) > 0


def test_outside_the_session_nothing_is_expected() -> None:
    assert expected_share(-1) == expected_share(SESSION_MINUTES) == expected_share(1439) == 0.0


def test_the_regular_open_is_the_busiest_and_the_close_comes_second() -> None:
    opening, last_half_hour = (8 + 7) * 60 + 30, (14 + 7) * 60 + 30
    by_slot = sorted((expected_share(minute), minute) for minute in range(0, SESSION_MINUTES, 30))
    assert [minute for _, minute in by_slot[-2:]] == [last_half_hour, opening]
