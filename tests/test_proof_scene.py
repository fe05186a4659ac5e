"""The scene lets everything happen: two trades, either side, in both profiles."""

import pytest

from mytrader.domain.decision import Advice
from mytrader.domain.limits import Profile
from mytrader.domain.orders import Side
from mytrader.proof.scene import CYCLE_IDS, advice, limits_of, margin, quote, signal


@pytest.mark.parametrize("profile", list(Profile))
def test_groups_are_trusted_in_profile_bracket_alone(profile: Profile) -> None:
    limits = limits_of(profile, 2)
    assert (limits.oca_trusted, limits.quantity_per_entry) == (profile is Profile.BRACKET, 2)


def test_the_second_trade_is_the_other_way_round() -> None:
    first, second = signal(0), signal(1)
    assert (first.signal.side, second.signal.side) == (Side.BUY, Side.SELL)
    assert (first.cycle_id, second.cycle_id) == CYCLE_IDS
    for event in (first, second):
        stop, entry = event.signal.stop, event.signal.entry
        assert stop is not None
        assert (entry - stop) * event.signal.side.sign > 0


def test_both_advisors_say_the_same_and_the_margin_is_ample() -> None:
    given = advice(CYCLE_IDS[0], Advice.WAIT)
    assert {opinion.decision for opinion in given.opinions} == {Advice.WAIT}
    assert margin(CYCLE_IDS[0]).cycle_id == CYCLE_IDS[0]
    assert quote(3).quote.ask == quote(0).quote.ask + 3  # type: ignore[operator]  # both are there
