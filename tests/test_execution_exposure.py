"""The exit rule is exact: it allows nothing that can flip, and refuses nothing that cannot."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations_with_replacement, product

import pytest
from msgspec.structs import replace

from mytrader.domain.limits import Limits, Profile
from mytrader.domain.orders import Death, ForeignOrder, OrderRef, Role, Side, TrackedOrder
from mytrader.execution.exposure import (
    Exposure,
    OcaGroup,
    Reach,
    exit_safe,
    groups_are_trusted,
    may_fill,
    position_text,
    reach,
    rho,
    rule_holds,
    working_is_safe,
)
from mytrader.execution.guards import approve_change, approve_exit, exit_rule_holds, judge_exit
from tests.domain_samples import CYCLE_ID, ES_DECEMBER
from tests.guard_samples import (
    MES_DECEMBER,
    OTHER_ID,
    a_proposed_cycle,
    a_trader,
    a_working,
    an_entry_spec,
    at,
    exit_spec,
    holding,
)

POSITIONS = range(-2, 3)
NAMES = ("A", "B")
UNTRUSTED = -1

Order = tuple[int, int, int, bool]
"""Side, what may still fill, group (0 for none), whether it is an exit."""


@cache
def can_harm(position: int, orders: tuple[Order, ...], *, budgets: tuple[int, int]) -> bool:
    """Search every sequence of one-lot fills for an exit that does not reduce.

    Written unlike the rule on purpose: it fills, one contract at a time, and looks. A budget of
    -1 is a group that is not trusted.
    """
    for index, (side, rest, group, is_exit) in enumerate(orders):
        budget = budgets[group - 1] if group else UNTRUSTED
        if rest == 0 or budget == 0:
            continue
        if is_exit and side * position >= 0:
            return True
        after = (*orders[:index], (side, rest - 1, group, is_exit), *orders[index + 1 :])
        left = list(budgets)
        if budget > 0:
            left[group - 1] -= 1
        if can_harm(position + side, tuple(sorted(after)), budgets=(left[0], left[1])):
            return True
    return False


KINDS: tuple[Order, ...] = tuple(product((-1, 1), (1, 2), (0, 1, 2), (False, True)))


def group_states(orders: tuple[Order, ...], group: int) -> list[int]:
    """Every state of a group: untrusted, or trusted with each budget that its orders can have."""
    sizes = [rest for _side, rest, name, _exit in orders if name == group]
    return [UNTRUSTED, *range(max(sizes) + 1)] if sizes else [UNTRUSTED]


def books() -> Iterator[tuple[tuple[Order, ...], tuple[int, int]]]:
    """Every set of orders with its groups, each once; a state is one of them at a position.

    Orders are multisets: their order in a list means nothing. A group that no order is in has
    one state. A trusted group has every budget that is left after some of its fills.
    """
    for count in range(4):
        for orders in combinations_with_replacement(sorted(KINDS), count):
            for first, second in product(group_states(orders, 1), group_states(orders, 2)):
                yield orders, (first, second)


def as_exposures(orders: tuple[Order, ...]) -> list[Exposure]:
    """Return the orders as the rule takes them."""
    return [
        Exposure(side, rest, NAMES[group - 1] if group else None, is_exit)
        for side, rest, group, is_exit in orders
    ]


def as_groups(budgets: tuple[int, int]) -> dict[str, OcaGroup]:
    """Return the groups as the rule takes them."""
    return {
        name: OcaGroup(trusted=budget != UNTRUSTED, budget=max(budget, 0))
        for name, budget in zip(NAMES, budgets, strict=True)
    }


def has_live_exit(orders: tuple[Order, ...], budgets: tuple[int, int]) -> bool:
    """Whether any exit can fill at all."""
    return any(
        is_exit and (group == 0 or budgets[group - 1] != 0)
        for _side, _rest, group, is_exit in orders
    )


@pytest.mark.slow
def test_the_rule_is_exact_in_every_small_state() -> None:
    """SAFETY.md 5.4: |P| up to 2, up to three orders of one or two, two one-cancels-all groups."""
    seen = allowed_and_harmful = refused_and_safe = 0
    for orders, budgets in books():
        exposures, groups = as_exposures(orders), as_groups(budgets)
        live = has_live_exit(orders, budgets)
        for position in POSITIONS:
            seen += 1
            allowed = exit_safe(position, position, orders=exposures, groups=groups)
            harmful = live and can_harm(position, orders, budgets=budgets)
            allowed_and_harmful += allowed and harmful
            refused_and_safe += live and not allowed and not harmful
    assert (seen, allowed_and_harmful, refused_and_safe) == (102_885, 0, 0)


def test_the_search_finds_harm_and_lets_safety_pass() -> None:
    """A search that finds nothing would agree with a rule that allows everything."""
    sell = (-1, 1, 0, True)
    assert can_harm(0, (sell,), budgets=(UNTRUSTED, UNTRUSTED))
    assert not can_harm(1, (sell,), budgets=(UNTRUSTED, UNTRUSTED))
    assert can_harm(1, (sell, sell), budgets=(UNTRUSTED, UNTRUSTED))
    together = ((-1, 1, 1, True), (-1, 1, 1, True))
    assert not can_harm(1, together, budgets=(1, UNTRUSTED))
    assert can_harm(1, together, budgets=(UNTRUSTED, UNTRUSTED))


def small_books() -> Iterator[tuple[Order, ...]]:
    """Up to three orders outside any group."""
    kinds = sorted(kind for kind in KINDS if kind[2] == 0)
    for count in range(4):
        yield from combinations_with_replacement(kinds, count)


def tracked(orders: tuple[Order, ...]) -> list[TrackedOrder]:
    """Return the same orders as the trader tracks them."""
    found = []
    for number, (side, rest, _group, is_exit) in enumerate(orders, 1):
        role = Role.EXIT if is_exit else Role.ENTRY
        spec = exit_spec(Side.BUY if side > 0 else Side.SELL, rest, role=role, number=number)
        found.append(a_working(replace(spec, reduce_only=is_exit)))
    return found


@pytest.mark.slow
def test_the_traders_own_sum_answers_like_the_search() -> None:
    """The rule as it is asked before every order, on whole trader states and on intervals."""
    seen = 0
    for orders in small_books():
        state = holding(0, *tracked(orders))
        for low, high in combinations_with_replacement(POSITIONS, 2):
            view = replace(at(low), reported=high)
            asked = replace(state, positions={ES_DECEMBER: view})
            safe = not any(can_harm(p, orders, budgets=(-1, -1)) for p in range(low, high + 1))
            if any(is_exit for *_rest, is_exit in orders):
                assert exit_rule_holds(asked, ES_DECEMBER) == safe, (low, high, orders)
                seen += 1
    assert seen == 130 * 15


@pytest.mark.slow
@pytest.mark.parametrize("foreign", [None, Side.BUY, Side.SELL])
def test_what_is_left_out_of_the_sum_changes_no_answer(foreign: Side | None) -> None:
    """The last check counts less than the whole reach, and answers as the reach does."""
    for orders in small_books():
        state = holding(0, *tracked(orders))
        if foreign is not None:
            state = replace(state, foreign={7: ForeignOrder(7, ES_DECEMBER, foreign, 1, "")})
        whole = reach(state, ES_DECEMBER)
        for low, high in combinations_with_replacement(POSITIONS, 2):
            found = working_is_safe(state, ES_DECEMBER, interval=(low, high))
            assert found is rule_holds(low, high, reach=whole), (low, high, orders)


BRACKET_LIMITS = Limits(profile=Profile.BRACKET, oca_trusted=True)


def grouped_exits() -> Iterator[tuple[Order, ...]]:
    """Up to three orders; exits may stand in a one-cancels-all group, entries never do."""
    kinds = sorted(kind for kind in KINDS if kind[2] < 2 and (kind[3] or not kind[2]))
    for count in range(4):
        yield from combinations_with_replacement(kinds, count)


@pytest.mark.slow
def test_the_traders_own_sum_counts_a_trusted_group_like_the_search() -> None:
    """With a fill of the group as without one: its budget is what its fills have left."""
    seen = 0
    for orders, spent in product(grouped_exits(), (0, 1)):
        sizes = [rest for _side, rest, group, _exit in orders if group]
        if not sizes:
            continue
        budget = max(sizes) - spent
        found = [
            replace(order, spec=replace(order.spec, oca_group="mt/O1" if group else ""))
            for order, (_side, _rest, group, _exit) in zip(tracked(orders), orders, strict=True)
        ]
        if spent:
            done = replace(exit_spec(Side.SELL, number=9), oca_group="mt/O1")
            found.append(a_working(done, filled=1, death=Death.FILLED))
        state = replace(holding(0, *found), limits=BRACKET_LIMITS)
        for position in POSITIONS:
            asked = replace(state, positions={ES_DECEMBER: at(position)})
            harmful = can_harm(position, orders, budgets=(budget, UNTRUSTED))
            if has_live_exit(orders, (budget, UNTRUSTED)):
                assert exit_rule_holds(asked, ES_DECEMBER) != harmful, (position, orders, spent)
                seen += 1
    assert seen == 2655


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (BRACKET_LIMITS, 1),
        (Limits(profile=Profile.BRACKET), 2),
        (Limits(oca_trusted=True), 2),
    ],
)
def test_only_a_measured_group_of_profile_bracket_counts_once(limits: Limits, most: int) -> None:
    legs = [
        a_working(replace(exit_spec(Side.SELL, role=role), oca_group="mt/O1"))
        for role in (Role.STOP, Role.TARGET)
    ]
    state = replace(holding(1, *legs), limits=limits)
    assert reach(state, ES_DECEMBER) == Reach(sells=most, exit_sells=most)
    siblings = {leg.spec.ref: leg for leg in legs}
    assert may_fill(legs, siblings, trusted=groups_are_trusted(limits)) == most


def test_an_order_that_joins_a_group_shares_its_budget() -> None:
    """The emergency stop beside a resting target; outside the group it would be one too many."""
    target = replace(exit_spec(Side.SELL, role=Role.TARGET), oca_group="mt/O1")
    state = replace(holding(1, a_working(target)), limits=BRACKET_LIMITS)
    stop = exit_spec(Side.SELL, role=Role.EMERGENCY)
    assert judge_exit(state, replace(stop, oca_group="mt/O1")).approved
    assert judge_exit(state, replace(stop, oca_group="mt/O2")).code == "EXIT_ALREADY_WORKING"
    assert judge_exit(state, stop).code == "EXIT_ALREADY_WORKING"


def test_a_group_that_nobody_described_is_not_trusted() -> None:
    orders = [Exposure(-1, 1, "A", is_exit=True), Exposure(-1, 1, "A", is_exit=True)]
    assert exit_safe(2, 2, orders=orders)
    assert not exit_safe(1, 1, orders=orders)
    assert exit_safe(1, 1, orders=orders, groups={"A": OcaGroup(trusted=True, budget=1)})


def test_an_overfilled_group_makes_no_room_for_others() -> None:
    """A budget below zero must not be subtracted from what other orders may fill."""
    orders = [Exposure(-1, 1, "A", is_exit=True), Exposure(-1, 2, None, is_exit=True)]
    assert not exit_safe(1, 1, orders=orders, groups={"A": OcaGroup(trusted=True, budget=-1)})


# The worked cases of SAFETY.md 5.5

STOP_BUY = exit_spec(Side.BUY, role=Role.STOP)
EXIT_BUY = exit_spec(Side.BUY)


def test_flat_buy_to_flatten_is_refused() -> None:
    """The founding incident."""
    assert judge_exit(a_trader(), EXIT_BUY).code == "EXIT_WHEN_FLAT"


def test_an_exit_beside_a_working_stop_is_refused() -> None:
    """UP = -1 + 2 = +1."""
    assert judge_exit(holding(-1, a_working(STOP_BUY)), EXIT_BUY).code == "EXIT_ALREADY_WORKING"


def test_an_exit_beside_a_stop_in_pending_cancel_is_still_refused() -> None:
    stop = a_working(STOP_BUY, cancel_asked=True, status="PendingCancel")
    assert judge_exit(holding(-1, stop), EXIT_BUY).code == "EXIT_ALREADY_WORKING"


@pytest.mark.parametrize("death", [Death.CANCELLED, Death.REFUSED, Death.NEVER_WRITTEN])
def test_an_exit_is_allowed_once_the_stop_is_proven_dead(death: Death) -> None:
    assert judge_exit(holding(-1, a_working(STOP_BUY, death=death)), EXIT_BUY).approved


@pytest.mark.parametrize(("trusted", "safe"), [(True, True), (False, False)])
def test_stop_and_target_in_one_group_are_safe_where_it_is_trusted(
    *, trusted: bool, safe: bool
) -> None:
    legs = [Exposure(+1, 1, "oca", is_exit=True), Exposure(+1, 1, "oca", is_exit=True)]
    groups = {"oca": OcaGroup(trusted=trusted, budget=1)}
    assert exit_safe(-1, -1, orders=legs, groups=groups) is safe


def test_a_working_entry_makes_no_room_for_an_exit() -> None:
    """Short 1 with SELL 1 still working: the second sell may never fill."""
    state = holding(-1, a_working(an_entry_spec(Side.SELL)))
    assert judge_exit(state, exit_spec(Side.BUY, 2)).code == "EXIT_EXCEEDS_POSITION"
    assert judge_exit(state, EXIT_BUY).approved


def test_broker_flat_and_journal_short_refuses() -> None:
    view = replace(at(-1), reported=0)
    verdict = judge_exit(a_trader(positions={ES_DECEMBER: view}), EXIT_BUY)
    assert (verdict.code, verdict.detail) == (
        "POSITION_UNKNOWN",
        "the position may be anything from -1 to 0",
    )


def test_a_stop_changed_on_a_lost_link_counts_twice() -> None:
    """Short 1, stop modify sent, link lost: both versions may work, so nothing is allowed."""
    stop = a_working(STOP_BUY, change=replace(STOP_BUY, stop=27_190), change_unknown=True)
    lost = holding(-1, stop)
    assert rho(stop, {}) == 2
    assert not exit_rule_holds(lost, ES_DECEMBER)
    assert not approve_exit(lost, EXIT_BUY)
    assert not approve_change(lost, stop, spec=replace(STOP_BUY, stop=27_200))


# What may still fill


def test_a_child_is_dormant_until_its_parent_fills() -> None:
    entry = a_working(an_entry_spec(Side.BUY))
    stop = a_working(replace(exit_spec(Side.SELL, role=Role.STOP), parent_ref=entry.spec.ref))
    before = holding(0, entry, stop)
    assert reach(before, ES_DECEMBER) == Reach(buys=1)
    after = holding(1, replace(entry, filled=1, death=Death.FILLED), stop)
    assert reach(after, ES_DECEMBER) == Reach(sells=1, exit_sells=1)


def test_a_child_whose_parent_is_unknown_counts_in_full() -> None:
    child = replace(exit_spec(Side.SELL, role=Role.STOP), parent_ref="mt/lost/E1")
    assert reach(holding(1, a_working(child)), ES_DECEMBER) == Reach(sells=1, exit_sells=1)


def test_every_broker_identity_counts() -> None:
    """SAFETY.md B16: a modify on a bad link has made two live orders of one."""
    twice = a_working(exit_spec(Side.SELL, role=Role.STOP), perm_ids=(900, 901))
    assert reach(holding(1, twice), ES_DECEMBER) == Reach(sells=2, exit_sells=2)
    assert not exit_rule_holds(holding(1, twice), ES_DECEMBER)


def test_only_the_contracts_own_orders_count() -> None:
    """An order counts where it can fill, whatever cycle holds it."""
    elsewhere = replace(exit_spec(Side.SELL), con_id=MES_DECEMBER)
    state = holding(1, a_working(elsewhere))
    assert reach(state, ES_DECEMBER) == Reach()
    assert reach(state, MES_DECEMBER) == Reach(sells=1, exit_sells=1)


def test_the_dead_and_the_order_under_judgement_do_not_count() -> None:
    stop, spent = exit_spec(Side.SELL, role=Role.STOP), exit_spec(Side.SELL, number=2)
    state = holding(1, a_working(stop), a_working(spent, death=Death.CANCELLED))
    assert reach(state, ES_DECEMBER, after=stop, rho_after=2) == Reach(sells=2, exit_sells=2)
    assert reach(state, ES_DECEMBER, after=spent, rho_after=0) == Reach(sells=1, exit_sells=1)


@pytest.mark.parametrize(
    ("side", "remaining", "expected"),
    [
        (Side.BUY, 3, Reach(buys=3)),
        (Side.SELL, 2, Reach(sells=2)),
        (Side.SELL, -2, Reach()),
    ],
)
def test_foreign_orders_count_and_never_make_room(
    side: Side, remaining: int, expected: Reach
) -> None:
    orders = {7: ForeignOrder(7, ES_DECEMBER, side, remaining, "Submitted")}
    orders[8] = ForeignOrder(8, MES_DECEMBER, side, 1, "Submitted")
    assert reach(a_trader(foreign=orders), ES_DECEMBER) == expected


def test_orders_of_all_cycles_of_the_contract_count() -> None:
    stop = exit_spec(Side.SELL, role=Role.STOP)
    other = replace(exit_spec(Side.SELL), ref=str(OrderRef(OTHER_ID, Role.EXIT, 1)))
    cycles = {
        CYCLE_ID: a_proposed_cycle(orders={stop.ref: a_working(stop)}),
        OTHER_ID: a_proposed_cycle(cycle_id=OTHER_ID, orders={other.ref: a_working(other)}),
    }
    state = a_trader(cycles=cycles, positions={ES_DECEMBER: at(1)})
    assert reach(state, ES_DECEMBER) == Reach(sells=2, exit_sells=2)
    assert not exit_rule_holds(state, ES_DECEMBER)


@pytest.mark.parametrize(
    ("low", "high", "found", "holds"),
    [
        (1, 1, Reach(sells=1, exit_sells=1), True),
        (1, 1, Reach(sells=2, exit_sells=1), False),
        (1, 1, Reach(buys=1, exit_buys=1), False),
        (-1, -1, Reach(buys=1, exit_buys=1), True),
        (-1, -1, Reach(buys=2), False),
        (-1, -1, Reach(sells=1, exit_sells=1), False),
        (0, 0, Reach(buys=5, sells=5), True),
        (0, 0, Reach(buys=1, exit_buys=1), False),
        (0, 0, Reach(sells=1, exit_sells=1), False),
        (1, 3, Reach(sells=2, exit_sells=2), False),
        (-1, 1, Reach(sells=1, exit_sells=1), False),
    ],
)
def test_the_rule_at_its_edges(low: int, high: int, found: Reach, *, holds: bool) -> None:
    assert rule_holds(low, high, reach=found) is holds


def test_positions_are_said_in_words() -> None:
    assert position_text(1, 1) == "the position is 1"
    assert position_text(-1, 0) == "the position may be anything from -1 to 0"
    view = a_trader(positions={}).position(ES_DECEMBER)
    assert position_text(*view.interval) == "the position is unknown"
