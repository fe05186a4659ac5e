"""Orders come out exact: on the grid, away from the entry, one protected lot at a time."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.instrument import ES
from mytrader.domain.limits import Profile
from mytrader.domain.market import Quote
from mytrader.domain.orders import Bracket, OrderKind, OrderSpec, Role, Side, TimeInForce
from mytrader.execution.order_builder import (
    STOP_LOSS,
    TAKE_PROFIT,
    Price,
    build_bracket,
    emergency_stop,
    exit_order,
    made_marketable,
    marketable_limit,
    shown,
    validate_bracket_prices,
)
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, NOON
from tests.guard_samples import LIMITS, QUOTE, a_proposed_cycle, a_signal, exit_spec, filled

TICK = Decimal("0.25")


# validate_bracket_prices: the postmortem's fix


@pytest.mark.parametrize(
    ("action", "stop", "target", "reason"),
    [
        ("BUY", 6795, 6810, ""),
        ("SELL", 6805, 6790, ""),
        ("BUY", 6805, 6810, "Stop-loss 6805 must be below the entry 6800"),
        ("BUY", 6795, 6790, "Take-profit 6790 must be above the entry 6800"),
        ("SELL", 6795, 6790, "Stop-loss 6795 must be above the entry 6800"),
        ("SELL", 6805, 6810, "Take-profit 6810 must be below the entry 6800"),
        ("BUY", 6800, 6810, "Stop-loss 6800 must be below the entry 6800"),
        ("BUY", None, 6810, "Stop-loss is missing"),
        ("BUY", 6795, None, "Take-profit is missing"),
        ("BUY", math.nan, 6810, "Stop-loss must be a positive number, not nan"),
        ("BUY", -1, 6810, "Stop-loss must be a positive number, not -1"),
        ("BUY", 0, 6810, "Stop-loss must be a positive number, not 0"),
        ("SELL", 6805, 0, "Take-profit must be a positive number, not 0"),
        ("BUY", 6795, "ten", "Take-profit must be a positive number, not 'ten'"),
        ("BUY", 6795, True, "Take-profit must be a positive number, not True"),
    ],
)
def test_a_leg_on_the_wrong_side_is_invalid_and_never_repaired(
    action: str, stop: Price, target: Price, reason: str
) -> None:
    checked = validate_bracket_prices(action, 6800, stop, target, TICK)
    assert (checked.valid, checked.reason) == (not reason, reason)
    assert checked.adjusted_fields == ()
    expected = (None, None) if reason else (stop, target)
    assert (checked.stop_loss, checked.take_profit) == expected


@pytest.mark.parametrize(
    ("action", "stop", "target", "legs", "adjusted"),
    [
        ("BUY", "6799.25", "6800.75", ("6799", "6801"), (STOP_LOSS, TAKE_PROFIT)),
        ("BUY", "6799", "6801", ("6799", "6801"), ()),
        ("SELL", "6800.75", "6799.25", ("6801", "6799"), (STOP_LOSS, TAKE_PROFIT)),
        ("BUY", "6795.10", "6810", ("6795", "6810"), (STOP_LOSS,)),
        ("BUY", "6795", "6810.10", ("6795", "6810.25"), (TAKE_PROFIT,)),
        ("SELL", "6805.10", "6789.90", ("6805.25", "6789.75"), (STOP_LOSS, TAKE_PROFIT)),
    ],
)
def test_a_leg_is_moved_out_and_away_from_the_entry(
    action: str, stop: str, target: str, legs: tuple[str, str], adjusted: tuple[str, ...]
) -> None:
    """At least four ticks, and on the grid: rounding never brings a leg nearer."""
    checked = validate_bracket_prices(action, "6800", stop, target, 0.25)
    assert checked.valid
    assert (checked.stop_loss, checked.take_profit) == (Decimal(legs[0]), Decimal(legs[1]))
    assert checked.adjusted_fields == adjusted


@pytest.mark.parametrize(("distance", "stop"), [(1, "6799.75"), (8, "6798"), (0, "6799.75")])
def test_the_least_distance_is_the_callers(distance: int, stop: str) -> None:
    checked = validate_bracket_prices("BUY", 6800, "6799.75", 6810, TICK, distance)
    assert checked.stop_loss == Decimal(stop)


@pytest.mark.parametrize(
    ("action", "entry", "tick", "reason"),
    [
        ("buy", 6800, TICK, "Action must be BUY or SELL, not 'buy'"),
        (None, 6800, TICK, "Action must be BUY or SELL, not None"),
        ("BUY", None, TICK, "Entry price must be a positive number, not None"),
        ("BUY", math.inf, TICK, "Entry price must be a positive number, not inf"),
        ("BUY", 0, TICK, "Entry price must be a positive number, not 0"),
        ("BUY", 6800, 0, "Tick size must be a positive number, not 0"),
        ("BUY", 6800, "NaN", "Tick size must be a positive number, not 'NaN'"),
    ],
)
def test_what_is_no_bracket_is_said_to_be_none(
    action: str, entry: Price, tick: Decimal, reason: str
) -> None:
    checked = validate_bracket_prices(action, entry, 6795, 6810, tick)
    assert (checked.valid, checked.reason) == (False, reason)


def test_a_leg_that_would_have_to_go_below_zero_is_invalid() -> None:
    """Half a point cannot be left by four ticks of a quarter, and no price is negative."""
    checked = validate_bracket_prices("BUY", "0.5", "0.25", "2", TICK)
    assert not checked.valid
    assert checked.reason == "Stop-loss has no room for 4 ticks below the entry 0.5"


@pytest.mark.parametrize("price", ["9e999999", "1e40"])
def test_a_price_beyond_every_grid_is_invalid(price: str) -> None:
    """Twenty-eight digits do not hold its quarters; it would be rounded in silence."""
    checked = validate_bracket_prices("BUY", 6800, 6795, price, TICK)
    assert not checked.valid
    assert checked.reason.endswith("is not on any grid of 0.25")


ANY: st.SearchStrategy[Price] = (
    st.none()
    | st.decimals()
    | st.floats()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from([Decimal("sNaN"), Decimal("9e999999"), Decimal("1e-999999"), 10**5000])
)


@pytest.mark.slow
@given(
    action=st.sampled_from(["BUY", "SELL", ""]),
    prices=st.tuples(ANY, ANY, ANY),
    tick=st.just(TICK) | st.decimals(),
    distance=st.integers(-100, 10**6),
)
def test_any_value_is_valid_and_sound_or_invalid_with_a_reason(
    action: str, prices: tuple[Price, Price, Price], tick: Decimal, distance: int
) -> None:
    checked = validate_bracket_prices(action, *prices, tick, distance)
    assert checked.valid == (checked.reason == "")
    if checked.valid:
        entry, sign = Decimal(str(prices[0])), 1 if action == "BUY" else -1
        assert checked.stop_loss is not None
        assert checked.take_profit is not None
        assert (entry - checked.stop_loss) * sign > 0
        assert (checked.take_profit - entry) * sign > 0
        assert checked.stop_loss % tick == checked.take_profit % tick == 0


def test_values_are_shown_whatever_they_are() -> None:
    assert shown("x") == "'x'"
    assert shown(10**5000) == "a number of thousands of digits"


# The bracket


@pytest.mark.parametrize(
    ("side", "entry", "stop", "stop_limit", "target"),
    [(Side.BUY, 27_208, 27_180, 27_160, 27_240), (Side.SELL, 27_191, 27_220, 27_240, 27_160)],
)
def test_a_bracket_is_an_entry_with_a_resting_stop(
    side: Side, entry: int, stop: int, stop_limit: int, target: int
) -> None:
    bracket = build_bracket(a_proposed_cycle(side), ES, quote=QUOTE, limits=LIMITS)
    assert isinstance(bracket, Bracket)
    assert (bracket.cycle_id, bracket.con_id, bracket.side) == (CYCLE_ID, ES_DECEMBER, side)
    assert (bracket.entry, bracket.stop, bracket.target) == (entry, stop, target)
    ((parent, child),) = bracket.lots
    assert (parent.kind, parent.side, parent.limit) == (OrderKind.LMT, side, entry)
    assert (parent.transmit, parent.reduce_only, parent.parent_ref) == (False, False, None)
    assert (child.kind, child.side) == (OrderKind.STP_LMT, side.opposite)
    assert (child.stop, child.limit) == (stop, stop_limit)
    assert (child.transmit, child.reduce_only, child.parent_ref) == (True, True, parent.ref)
    assert (child.tif, child.outside_rth, child.trigger_method) == (TimeInForce.GTC, True, 2)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    ("target_ticks", "pays_up"), [(12, 8), (11, 7), (5, 1), (4, 0), (3, 0), (1, 0)]
)
def test_an_entry_never_pays_up_into_its_own_target(
    side: Side, target_ticks: int, pays_up: int
) -> None:
    """In quiet markets the target is near: the collar ends where the minimum distance begins.

    A touch that is itself too near is not moved away from: the guard refuses that bracket.
    """
    touch = 27_200 if side is Side.BUY else 27_199
    signal = replace(a_signal(side), target=ES.price(touch + side.sign * target_ticks))
    bracket = build_bracket(a_proposed_cycle(side, signal=signal), ES, quote=QUOTE, limits=LIMITS)
    assert isinstance(bracket, Bracket)
    assert (bracket.entry - touch) * side.sign == pays_up
    assert type(bracket.entry) is int


def test_every_lot_is_a_family_of_its_own() -> None:
    """Partial fills then cannot make a stop larger than its position (H07)."""
    bracket = build_bracket(a_proposed_cycle(quantity=3), ES, quote=QUOTE, limits=LIMITS)
    assert isinstance(bracket, Bracket)
    specs = [spec for lot in bracket.lots for spec in lot]
    assert [spec.quantity for spec in specs] == [1] * 6
    assert [spec.ref for spec in specs] == [
        f"mt/{CYCLE_ID}/{role}{number}" for number in (1, 2, 3) for role in "ES"
    ]
    assert [child.parent_ref for _, child in bracket.lots] == [e.ref for e, _ in bracket.lots]


def test_a_leg_may_come_down_to_the_first_tick_and_not_to_zero() -> None:
    """A stop below the smallest price cannot rest."""
    low = validate_bracket_prices("BUY", 5, "0.5", 10, TICK)
    assert (low.valid, low.stop_loss, low.adjusted_fields) == (True, Decimal("0.5"), ())
    none = validate_bracket_prices("BUY", 1, "0.1", 10, TICK, min_distance_ticks=1)
    assert (none.valid, none.stop_loss) == (False, None)
    assert none.reason == "Stop-loss has no room for 1 ticks below the entry 1"


def family(side: Side, number: int, *, profile: Profile = Profile.STRICT) -> list[OrderSpec]:
    """Return one lot as it must be, each field by its own name and nothing by a default."""
    sign, group = side.sign, f"mt/{CYCLE_ID}/O{number}" if profile is Profile.BRACKET else ""
    entry = OrderSpec(
        ref=f"mt/{CYCLE_ID}/E{number}",
        con_id=ES_DECEMBER,
        side=side,
        quantity=1,
        kind=OrderKind.LMT,
        limit=(27_200 if side is Side.BUY else 27_199) + 8 * sign,
        stop=None,
        tif=TimeInForce.GTC,
        outside_rth=True,
        trigger_method=2,
        parent_ref=None,
        transmit=False,
        reduce_only=False,
        oca_group="",
    )
    stop = replace(
        entry,
        ref=f"mt/{CYCLE_ID}/S{number}",
        side=side.opposite,
        kind=OrderKind.STP_LMT,
        stop=27_200 - 20 * sign,
        limit=27_200 - 40 * sign,
        parent_ref=entry.ref,
        transmit=True,
        reduce_only=True,
        oca_group=group,
    )
    target = replace(
        stop,
        ref=f"mt/{CYCLE_ID}/T{number}",
        kind=OrderKind.LMT,
        stop=None,
        limit=27_200 + 40 * sign,
        transmit=False,
    )
    return [entry, target, stop] if profile is Profile.BRACKET else [entry, stop]


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("side", Side)
def test_a_bracket_is_exactly_what_is_sent(side: Side, profile: Profile) -> None:
    """Every field of every order of every lot, and whole numbers of ticks."""
    limits = replace(LIMITS, profile=profile)
    cycle = a_proposed_cycle(side, quantity=2)
    bracket = build_bracket(cycle, ES, quote=QUOTE, limits=limits)
    assert isinstance(bracket, Bracket)
    assert [list(lot) for lot in bracket.lots] == [
        family(side, number, profile=profile) for number in (1, 2)
    ]
    assert (bracket.cycle_id, bracket.con_id, bracket.side) == (CYCLE_ID, ES_DECEMBER, side)
    assert (bracket.entry, bracket.stop, bracket.target) == (
        bracket.lots[0][0].limit,
        27_200 - 20 * side.sign,
        27_200 + 40 * side.sign,
    )
    prices = [price for lot in bracket.lots for spec in lot for price in (spec.limit, spec.stop)]
    assert {type(price) for price in prices} == {int, type(None)}


def test_ten_lots_are_the_most_that_is_built() -> None:
    """The ceiling itself is allowed."""
    cycle = a_proposed_cycle(quantity=10)
    bracket = build_bracket(cycle, ES, quote=QUOTE, limits=LIMITS)
    assert isinstance(bracket, Bracket)
    assert len(bracket.lots) == 10


@pytest.mark.parametrize("side", Side)
def test_prices_off_the_grid_are_put_away_from_the_entry(side: Side) -> None:
    away = Decimal("0.10") * side.sign
    signal = a_signal(side)
    assert signal.stop is not None
    assert signal.target is not None
    signal = replace(signal, stop=signal.stop - away, target=signal.target + away)
    bracket = build_bracket(a_proposed_cycle(side, signal=signal), ES, quote=QUOTE, limits=LIMITS)
    assert isinstance(bracket, Bracket)
    assert (bracket.stop - 27_200) * side.sign == -21
    assert (bracket.target - 27_200) * side.sign == 41


@pytest.mark.parametrize(
    ("changes", "quote", "code"),
    [
        ({"stop": None}, QUOTE, "MISSING_STOP"),
        ({"target": None}, QUOTE, "MISSING_TARGET"),
        ({"stop": Decimal("NaN")}, QUOTE, "OFF_TICK"),
        ({"target": Decimal("Infinity")}, QUOTE, "OFF_TICK"),
        ({"stop": Decimal("9e999999")}, QUOTE, "OFF_TICK"),
        ({}, replace(QUOTE, ask=None), "STALE_DATA"),
    ],
)
def test_what_cannot_be_built_names_the_guard_that_refuses(
    changes: dict[str, object], quote: Quote, code: str
) -> None:
    cycle = a_proposed_cycle(signal=replace(a_signal(), **changes))
    assert build_bracket(cycle, ES, quote=quote, limits=LIMITS) == code


@pytest.mark.parametrize("quantity", [0, -1, 11, 10**40])
def test_no_more_than_ten_lots_are_ever_built(quantity: int) -> None:
    cycle = a_proposed_cycle(quantity=quantity)
    assert build_bracket(cycle, ES, quote=QUOTE, limits=LIMITS) == "ORDER_SIZE"


def test_a_sell_needs_a_bid() -> None:
    cycle = a_proposed_cycle(Side.SELL)
    quote = replace(QUOTE, bid=None)
    assert build_bracket(cycle, ES, quote=quote, limits=LIMITS) == "STALE_DATA"


# Ways out


@pytest.mark.parametrize(
    ("side", "quote", "limit"),
    [
        (Side.BUY, QUOTE, 27_220),
        (Side.SELL, QUOTE, 27_179),
        (Side.BUY, replace(QUOTE, ask=None, last=27_195), 27_215),
        (Side.SELL, replace(QUOTE, bid=None, last=27_195), 27_175),
        (Side.BUY, Quote(NOON, 27_199, None, None), None),
        (Side.SELL, Quote(NOON, None, 27_200, None), None),
    ],
)
def test_a_marketable_limit_is_beyond_the_far_touch(
    side: Side, quote: Quote, limit: int | None
) -> None:
    """A short book is priced by its last trade; a price that nobody said is none."""
    assert marketable_limit(side, quote, collar_ticks=20) == limit


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, 27_179), (Side.SELL, 27_220)])
def test_an_exit_goes_against_its_cycle(side: Side, limit: int) -> None:
    """Its side comes from the cycle that holds the position, never from a signal."""
    spec = exit_order(
        a_proposed_cycle(fills=(filled(side, 27_200),)), 2, quantity=3, quote=QUOTE, limits=LIMITS
    )
    assert spec is not None
    assert (spec.ref, spec.side, spec.quantity) == (f"mt/{CYCLE_ID}/X2", side.opposite, 3)
    assert (spec.kind, spec.limit, spec.reduce_only) == (OrderKind.LMT, limit, True)


@pytest.mark.parametrize("side", Side)
def test_every_way_out_is_exactly_what_is_sent(side: Side) -> None:
    """An exit and an emergency stop, field by field: alone, not in a group, reducing only."""
    cycle = a_proposed_cycle(side, fills=(filled(side, 27_200),))
    leaves, sign = side.opposite, side.sign
    exit_ = OrderSpec(
        ref=f"mt/{CYCLE_ID}/X1",
        con_id=ES_DECEMBER,
        side=leaves,
        quantity=2,
        kind=OrderKind.LMT,
        limit=27_179 if side is Side.BUY else 27_220,
        stop=None,
        tif=TimeInForce.GTC,
        outside_rth=True,
        trigger_method=2,
        parent_ref=None,
        transmit=True,
        reduce_only=True,
        oca_group="",
    )
    assert exit_order(cycle, 1, quantity=2, quote=QUOTE, limits=LIMITS) == exit_
    stop = replace(
        exit_,
        ref=f"mt/{CYCLE_ID}/M3",
        kind=OrderKind.STP_LMT,
        stop=27_200 - 20 * sign,
        limit=27_200 - 40 * sign,
    )
    resting = 27_200 - 20 * sign
    assert emergency_stop(cycle, 3, stop=resting, quantity=2, limits=LIMITS) == stop
    one = emergency_stop(cycle, 3, stop=resting, limits=LIMITS)
    assert one == replace(stop, quantity=1)


def test_an_exit_without_any_price_is_not_made() -> None:
    quote = Quote(NOON, None, None, None)
    cycle = a_proposed_cycle()
    assert exit_order(cycle, 1, quantity=1, quote=quote, limits=LIMITS) is None


def test_an_emergency_stop_carries_the_cycles_id() -> None:
    spec = emergency_stop(
        a_proposed_cycle(fills=(filled(Side.BUY, 27_200),)), 2, stop=27_180, limits=LIMITS
    )
    assert (spec.ref, spec.side, spec.quantity) == (f"mt/{CYCLE_ID}/M2", Side.SELL, 1)
    assert (spec.stop, spec.limit, spec.reduce_only) == (27_180, 27_160, True)


@pytest.mark.parametrize(
    ("side", "stop", "limit"), [(Side.SELL, 27_220, 27_179), (Side.BUY, 27_179, 27_220)]
)
def test_a_stop_made_marketable_elects_at_once(side: Side, stop: int, limit: int) -> None:
    """Exit protocol A: the trigger goes through the market; type, size and side stay."""
    resting = exit_spec(side, 2, role=Role.STOP)
    moved = made_marketable(resting, QUOTE, limits=LIMITS)
    assert moved == replace(resting, stop=stop, limit=limit)


def test_a_limit_made_marketable_follows_the_market() -> None:
    resting = exit_spec(Side.SELL)
    assert made_marketable(resting, QUOTE, limits=LIMITS) == replace(resting, limit=27_179)


@pytest.mark.parametrize(
    ("role", "quote"),
    [
        (Role.EXIT, Quote(NOON, None, None, None)),
        (Role.STOP, Quote(NOON, None, None, None)),
        (Role.STOP, Quote(NOON, 27_199, None, None)),
    ],
)
def test_nothing_is_moved_without_a_price(role: Role, quote: Quote) -> None:
    """A stop needs both sides: one to trigger beyond, one to trade at."""
    assert made_marketable(exit_spec(Side.SELL, role=role), quote, limits=LIMITS) is None


def test_what_the_builder_makes_of_a_cycle_carries_its_id() -> None:
    cycle = a_proposed_cycle()
    order = exit_order(cycle, 1, quantity=1, quote=QUOTE, limits=LIMITS)
    stop = emergency_stop(cycle, 1, stop=27_180, limits=LIMITS)
    assert order is not None
    assert [spec.ref for spec in (order, stop)] == [f"mt/{CYCLE_ID}/X1", f"mt/{CYCLE_ID}/M1"]
