"""An order may fill until its death is proven, and its reference says whose it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.orders import (
    Approved,
    Bracket,
    Death,
    OrderLife,
    OrderRef,
    Refused,
    Role,
    Side,
    TrackedOrder,
    parse_ref,
)
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, an_order

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_sides_are_opposite_and_signed() -> None:
    """Every side undoes the other."""
    assert {side: (side.sign, side.opposite) for side in Side} == {
        Side.BUY: (1, Side.SELL),
        Side.SELL: (-1, Side.BUY),
    }


def test_roles_say_what_they_may_do() -> None:
    """All but the entry only reduce; the two stops rest at the broker."""
    assert {role for role in Role if not role.is_exit} == {Role.ENTRY}
    assert {role for role in Role if role.is_protective} == {Role.STOP, Role.EMERGENCY}


@given(
    seed=st.integers(0, 32**26 - 1),
    role=st.sampled_from(Role),
    number=st.integers(1, 9999),
)
def test_a_reference_is_read_as_it_was_written(seed: int, role: Role, number: int) -> None:
    """After a crash an order finds its cycle by this text alone."""
    cycle_id = "".join(CROCKFORD[seed >> 5 * place & 31] for place in range(26))
    ref = OrderRef(cycle_id, role, number)
    assert parse_ref(str(ref)) == ref
    assert replace(an_order(), ref=str(ref)).role is role


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mt",
        f"mt/{CYCLE_ID}/S0",
        f"mt/{CYCLE_ID}/Q1",
        f"mt/{CYCLE_ID}/S1 ",
        f"mt/{CYCLE_ID}/S1\n",
        f"mt/{CYCLE_ID[:-1]}/S1",
        f"mt/{CYCLE_ID[:-1]}U/S1",
        f"x/mt/{CYCLE_ID}/S1",
        f"mt/{CYCLE_ID}/S12345",
    ],
)
def test_any_other_text_is_foreign(text: str) -> None:
    """An order that only resembles ours is not ours to touch."""
    assert parse_ref(text) is None


def test_only_what_is_left_of_an_order_can_fill() -> None:
    """Executions reduce what remains, never below zero; a proven death ends it."""
    order = TrackedOrder(an_order(quantity=3), filled=2)
    assert order.remaining == 1
    assert replace(order, filled=5).remaining == 0
    dead = replace(order, death=Death.CANCELLED)
    assert (dead.remaining, dead.live, order.live) == (0, False, True)


def test_a_change_under_way_counts_as_the_larger_of_both() -> None:
    """Until the echo comes, either quantity may be the one that works."""
    order = TrackedOrder(an_order(quantity=3), change=an_order(quantity=1))
    assert order.remaining == 3
    assert replace(order, change=an_order(quantity=4)).remaining == 4


def test_a_change_lost_with_the_link_may_have_made_a_second_order() -> None:
    """Both quantities can fill until the broker has answered."""
    order = TrackedOrder(an_order(quantity=3), change=an_order(quantity=1), change_unknown=True)
    assert order.remaining == 4


def test_two_permanent_ids_are_two_orders() -> None:
    """A doubled order fills doubly, whatever one of them says."""
    order = TrackedOrder(an_order(quantity=2), perm_ids=(11, 12), filled=1)
    assert order.remaining == 3


def test_a_change_of_unknown_fate_counts_twice_even_when_one_version_was_seen() -> None:
    """The other version may be invisible, and fill later (SAFETY.md B16)."""
    assert TrackedOrder(an_order(quantity=2), change_unknown=True).remaining == 4


def test_what_the_broker_echoes_may_fill() -> None:
    """Whatever we sent, the larger quantity is the one to fear."""
    assert TrackedOrder(an_order(quantity=1), quantity_echoed=3, filled=1).remaining == 2


def test_an_order_is_over_when_every_identity_has_its_own_word() -> None:
    """One of two orders is not both; what they filled adds up."""
    order = TrackedOrder(an_order(), perm_ids=(11, 12))
    assert order.claim_filled is None
    assert replace(order, claims={11: 1}).claim_filled is None
    assert replace(order, claims={11: 1, 12: 1}).claim_filled == 2
    assert TrackedOrder(an_order(), claims={0: 0}).claim_filled == 0


@pytest.mark.parametrize("life", OrderLife)
def test_an_order_works_only_when_the_broker_said_so(life: OrderLife) -> None:
    """Neither written nor held is working: only a working stop protects."""
    order = TrackedOrder(an_order(), life=life)
    assert order.confirmed_working == (life is OrderLife.WORKING)


@pytest.mark.parametrize(
    "doubt",
    [
        {"death": Death.FILLED},
        {"refusal": "201: margin"},
        {"claims": {0: 0}},
        {"echo_differs": True},
        {"change_unknown": True},
    ],
)
def test_any_doubt_ends_the_confirmation(doubt: dict[str, object]) -> None:
    """A stop that may be gone protects nothing."""
    working = TrackedOrder(an_order(), life=OrderLife.WORKING)
    assert working.confirmed_working
    assert not replace(working, **doubt).confirmed_working


def test_a_refusal_is_false_and_a_permission_is_true() -> None:
    """Whoever asks the guards may write `if`."""
    assert not Refused("MODE", "reduce only")
    assert Approved(an_order())


def test_a_bracket_counts_its_lots() -> None:
    """Size is the number of one-lot families."""
    lot = (an_order(Role.ENTRY), an_order(Role.STOP))
    bracket = Bracket(
        CYCLE_ID, ES_DECEMBER, Side.BUY, entry=1, stop=0, target=2, lots=(lot, lot, lot)
    )
    assert bracket.quantity == 3
