"""The truth of the check: names, numbers, words."""

from msgspec.structs import replace

from mytrader.domain.limits import Profile
from mytrader.proof.truth import (
    CYCLE_IDS,
    Resting,
    echo_of,
    limits_of,
    name_of,
    number_of,
    status_of,
)
from tests.proof_samples import STOP_NUMBER, entering, trader_of


def stop() -> Resting:
    """Return the stop of a bracket that rests."""
    world = entering(trader_of())
    return next(order for order in world.orders if order.number == STOP_NUMBER)


def test_every_order_has_a_number_of_its_own() -> None:
    """Two ways to one state must not be told apart by numbers given on the way."""
    refs = [f"mt/{cycle}/{role}{n}" for cycle in CYCLE_IDS for role in "ESTXM" for n in (1, 9)]
    assert len({number_of(ref) for ref in refs}) == len(refs)
    assert [name_of(refs[0]), name_of(refs[10])] == ["E1", "E1/1"]


def test_only_the_profile_bracket_trusts_a_group() -> None:
    """Its limits also make time an exit's reason."""
    strict, bracket = limits_of(Profile.STRICT), limits_of(Profile.BRACKET, lots=2)
    assert (strict.oca_trusted, bracket.oca_trusted) == (False, True)
    assert bracket.quantity_per_entry == 2


def test_a_child_is_held_until_its_parent_fills() -> None:
    """Its status does not show that, its reason does."""
    held = stop()
    woken = replace(held, active=True)
    assert [status_of(held).why_held, status_of(woken).why_held] == ["child", "trigger"]
    elected = replace(woken, triggered=True)
    assert (elected.status, status_of(elected).why_held) == ("Submitted", "")


def test_an_order_that_is_over_says_how() -> None:
    """Filled is what filled in full, anything else was cancelled."""
    assert replace(stop(), over="filled", filled=1).status == "Filled"
    assert (replace(stop(), over="ended").status, replace(stop(), over="ended").left) == (
        "Cancelled",
        0,
    )


def test_an_echo_says_what_was_sent() -> None:
    """Or other terms, under another identity, where the broker errs."""
    order = stop()
    assert echo_of(order).limit == order.spec.limit
    other = echo_of(order, replace(order.spec, limit=1), perm_id=7)
    assert (other.limit, other.perm_id) == (1, 7)
