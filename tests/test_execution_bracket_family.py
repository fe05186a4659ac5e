"""What is sent is what was judged: every field of every order of a lot."""

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Limits, Profile
from mytrader.domain.orders import OrderKind, OrderSpec, Side, TimeInForce
from mytrader.execution.bracket_family import wrong_order
from tests.guard_samples import a_bracket, a_proposed_cycle

BRACKET = Limits(profile=Profile.BRACKET, oca_trusted=True)
ENTRY, TARGET, STOP = 0, 1, 2


def family(limits: Limits, leg: int = 0, spoilt: dict[str, object] | None = None) -> str:
    """Return what is said of the sample lot with one field of one order spoilt."""
    bracket = a_bracket(a_proposed_cycle(), limits)
    lot: list[OrderSpec] = list(bracket.lots[0])
    lot[leg] = replace(lot[leg], **(spoilt or {}))
    return wrong_order(bracket, tuple(lot), number=1, limits=limits)


@pytest.mark.parametrize("limits", [Limits(), BRACKET])
def test_what_the_builder_makes_is_as_judged(limits: Limits) -> None:
    assert family(limits) == ""


SPOILT: dict[str, object] = {
    "con_id": 1,
    "quantity": 2,
    "limit": 27_111,
    "transmit": None,
    "reduce_only": None,
    "parent_ref": "mt/another/E1",
    "ref": "mt/01JCXW5M7Q0000000000000000/E9",
    "side": None,
    "kind": None,
    "oca_group": "another",
    "tif": TimeInForce.DAY,
    "outside_rth": False,
    "stop": 27_000,
}


def spoil(spec: OrderSpec, field: str) -> object:
    """Return another value for one field of an order."""
    was = getattr(spec, field)
    if isinstance(was, bool):
        return not was
    if isinstance(was, Side):
        return was.opposite
    if isinstance(was, OrderKind):
        return OrderKind.LMT if was is OrderKind.STP_LMT else OrderKind.STP_LMT
    return SPOILT[field]


@pytest.mark.parametrize("field", sorted(SPOILT))
@pytest.mark.parametrize("leg", [TARGET, STOP])
def test_a_leg_that_differs_in_any_field_is_found(leg: int, field: str) -> None:
    bracket = a_bracket(a_proposed_cycle(), BRACKET)
    spec = bracket.lots[0][leg]
    # A stop-limit may lie anywhere beyond its trigger; on this side of it, it could not fill.
    other = spec.limit + 1000 if (leg, field) == (STOP, "limit") else spoil(spec, field)
    assert family(BRACKET, leg, {field: other})


ENTRY_FIELDS = sorted(set(SPOILT) - {"stop", "tif", "outside_rth", "oca_group"})


@pytest.mark.parametrize("field", ENTRY_FIELDS)
def test_an_entry_that_differs_in_any_field_is_found(field: str) -> None:
    spec = a_bracket(a_proposed_cycle()).lots[0][ENTRY]
    assert family(Limits(), ENTRY, {field: spoil(spec, field)})


def test_a_target_belongs_to_profile_bracket_alone() -> None:
    bracket = a_bracket(a_proposed_cycle(), BRACKET)
    lot = bracket.lots[0]
    assert wrong_order(bracket, lot, number=1, limits=Limits())
    assert wrong_order(bracket, (lot[ENTRY], lot[STOP]), number=1, limits=BRACKET)
    assert wrong_order(bracket, lot, number=2, limits=BRACKET)
