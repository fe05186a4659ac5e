"""The postmortem's list: each thing that went wrong on 2025-12-12, and what refuses it now."""

import math
from decimal import Decimal

import pytest
from msgspec.structs import replace

from mytrader.domain.decision import Advice, AdvisorRole, Opinion
from mytrader.domain.limits import Limits
from mytrader.domain.orders import (
    Approved,
    Bracket,
    Death,
    OrderSpec,
    Refused,
    Role,
    Side,
    TrackedOrder,
    Verdict,
)
from mytrader.domain.positions import PositionView
from mytrader.domain.trader import LinkState, Mode, TraderState
from mytrader.execution.guards import (
    AskedBracket,
    approve_change,
    approve_entry,
    approve_exit,
    exit_rule_holds,
    judge_exit,
    judge_exit_when,
    should_block_on_wait,
    validate_entry,
)
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, NOON
from tests.guard_samples import (
    LIMITS,
    MES_DECEMBER,
    OTHER_ID,
    a_proposal,
    a_proposed_cycle,
    a_signal,
    a_trader,
    a_working,
    an_entry_spec,
    at,
    code_of,
    exit_spec,
    holding,
)

FINE = AskedBracket("BUY", Decimal(6800), Decimal(6795), Decimal(6810), 1)


def asked(bracket: AskedBracket = FINE) -> Approved[None] | Refused:
    """Put a bracket before the rule behind `_validate_entry_guard`."""
    return validate_entry(bracket, symbol="ES", limits=LIMITS)


def refused_as(answer: Approved[OrderSpec] | Refused) -> str:
    """Return the code of a refusal."""
    assert isinstance(answer, Refused) and answer.detail  # noqa: PT018 - one thing: a told refusal
    return answer.code


# Invalid stop or target blocks the trade


def test_an_order_without_stop_and_target_is_refused() -> None:
    """Order 14812 had neither."""
    answer = asked(replace(FINE, stop_loss=None, take_profit=None))
    assert isinstance(answer, Refused)
    assert {"MISSING_STOP", "MISSING_TARGET", "MAX_LOSS_PER_TRADE"} <= code_of(answer.verdicts)
    assert answer.code == "MISSING_STOP"


@pytest.mark.parametrize("leg", ["stop_loss", "take_profit"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 0, -6795, "six thousand", Decimal("sNaN")])
def test_a_leg_that_is_no_price_is_refused(leg: str, value: object) -> None:
    assert not asked(replace(FINE, **{leg: value}))


# Bracket sanity, long and short


@pytest.mark.parametrize(
    ("action", "stop", "target", "valid"),
    [
        ("BUY", 6795, 6810, True),
        ("BUY", 6805, 6810, False),
        ("BUY", 6795, 6790, False),
        ("BUY", 6810, 6795, False),
        ("BUY", 6800, 6810, False),
        ("SELL", 6805, 6790, True),
        ("SELL", 6795, 6790, False),
        ("SELL", 6805, 6810, False),
        ("SELL", 6790, 6805, False),
        ("SELL", 6805, 6800, False),
    ],
)
def test_a_bracket_is_the_right_way_round(
    action: str, stop: int, target: int, *, valid: bool
) -> None:
    """BUY: stop < entry < target. SELL: target < entry < stop."""
    legs = (Decimal(stop), Decimal(target))
    answer = asked(AskedBracket(action, Decimal(6800), *legs, 1))
    assert bool(answer) is valid
    assert valid or (isinstance(answer, Refused) and answer.code == "BRACKET_ORIENTATION")


@pytest.mark.parametrize(("ticks", "valid"), [(4, True), (3, False)])
@pytest.mark.parametrize("leg", ["stop_loss", "take_profit"])
def test_the_least_distance_is_four_ticks(leg: str, ticks: int, *, valid: bool) -> None:
    sign = -1 if leg == "stop_loss" else 1
    price = 6800 + sign * ticks * Decimal("0.25")
    answer = asked(replace(FINE, **{leg: price}))
    assert bool(answer) is valid
    assert valid or (isinstance(answer, Refused) and answer.code == "BRACKET_TOO_CLOSE")


def test_the_largest_loss_is_allowed_and_one_tick_more_is_not() -> None:
    """24 points of ES are $1,200; two commissions make $1,204.80, and a tick is $12.50."""
    assert asked(replace(FINE, stop_loss=Decimal(6776)))
    limits = Limits(loss_usd_trade_max=Decimal("1204.80"))
    for stop, valid in ((Decimal(6776), True), (Decimal("6775.75"), False)):
        bracket = AskedBracket("BUY", Decimal(6800), stop, Decimal(6810), 1)
        answer = validate_entry(bracket, symbol="ES", limits=limits)
        assert bool(answer) is valid
    assert isinstance(answer, Refused)
    assert answer.code == "MAX_LOSS_PER_TRADE"


def test_an_unknown_instrument_is_refused() -> None:
    answer = validate_entry(FINE, symbol="CL", limits=LIMITS)
    assert isinstance(answer, Refused)
    assert answer.code == "CONTRACT_NOT_ALLOWED"


def test_no_limits_let_a_bracket_without_stop_pass() -> None:
    """There is no setting for it; the widest limits change nothing."""
    widest = Limits(
        order_size_max=10**6,
        position_size_max=10**6,
        stop_distance_ticks_min=0,
        loss_usd_trade_max=Decimal(10**9),
    )
    for changes in ({"stop_loss": None}, {"take_profit": None}, {"quantity": 11}):
        bracket = replace(FINE, **changes)
        assert not validate_entry(bracket, symbol="ES", limits=widest)


# WAIT blocks


def waits(*opinions: Opinion, confidence: float = 0.8, override: float = 0.75) -> Verdict:
    """Return what the rule says about opinions."""
    return should_block_on_wait(opinions, signal_confidence=confidence, override=override)


ADVISORY = Opinion("local", AdvisorRole.DECISION, Advice.WAIT, "why", advisory_only=True)
GO = replace(ADVISORY, decision=Advice.GO)


@pytest.mark.parametrize(
    ("confidence", "code"),
    [
        (0.76, "AWS_WAIT_OVERRIDE"),
        (1.0, "AWS_WAIT_OVERRIDE"),
        (0.75, "AWS_WAIT"),
        (0.5, "AWS_WAIT"),
        (1.01, "AWS_WAIT"),
        (math.nan, "AWS_WAIT"),
        (math.inf, "AWS_WAIT"),
        (-math.inf, "AWS_WAIT"),
    ],
)
def test_an_advisory_wait_yields_only_above_the_threshold(confidence: float, code: str) -> None:
    """Equal does not, and a confidence that is no confidence does not either."""
    verdict = waits(ADVISORY, confidence=confidence)
    assert (verdict.code, verdict.approved) == (code, code != "AWS_WAIT")
    assert verdict.detail.startswith(("local: why", "confidence"))


def test_an_override_that_is_not_a_number_overrides_nothing() -> None:
    assert not waits(ADVISORY, confidence=1.0, override=math.nan).approved


@pytest.mark.parametrize(
    "changes",
    [
        {"role": AdvisorRole.RISK},
        {"advisory_only": False},
        {"failure": "timeout"},
        {"failure": ""},
        {"decision": Advice.GO, "failure": "unreadable"},
    ],
)
def test_a_wait_that_binds_blocks_whatever_the_confidence(changes: dict[str, object]) -> None:
    """The risk advisor, a failure (even one that says GO) and a plain WAIT."""
    other = replace(ADVISORY, **changes)
    for opinions in ((other,), (GO, other), (other, GO)):
        verdict = waits(*opinions, confidence=1.0)
        assert (verdict.code, verdict.approved) == ("AWS_WAIT", False)


def test_silence_is_a_wait() -> None:
    assert not waits(confidence=1.0).approved


def test_go_from_all_is_a_go() -> None:
    verdict = waits(GO, replace(GO, role=AdvisorRole.RISK))
    assert (verdict.code, verdict.approved) == ("AWS_GO", True)


def test_a_wait_blocks_an_entry_that_all_else_lets_pass() -> None:
    cycle = a_proposed_cycle(opinions=(replace(ADVISORY, advisory_only=False),))
    answer, verdicts = approve_entry(a_proposal(cycle), a_trader(), now=NOON)
    assert isinstance(answer, Refused)
    assert code_of(verdicts) == {"AWS_WAIT"}


# An entry that nothing speaks against


@pytest.mark.parametrize("side", Side)
def test_a_guarded_entry_is_permitted(side: Side) -> None:
    cycle = a_proposed_cycle(side)
    proposal = a_proposal(cycle)
    answer, verdicts = approve_entry(proposal, a_trader(), now=NOON)
    assert isinstance(answer, Approved)
    assert answer.order is proposal.bracket
    assert code_of(verdicts) == set()


def test_every_guard_answers_once_whatever_the_others_say() -> None:
    """The record shows every reason, not only the first."""
    _, fine = approve_entry(a_proposal(), a_trader(), now=NOON)
    blind = TraderState(LIMITS)
    nothing = replace(a_proposal(), contract=None, bracket="STALE_DATA")
    answer, verdicts = approve_entry(nothing, blind, now=NOON)
    codes = [verdict.code for verdict in fine]
    assert len(set(codes)) == len(codes)
    # Without any bracket there is nothing to compare with what was judged.
    assert [verdict.code for verdict in verdicts] == codes[:-1]
    assert isinstance(answer, Refused)
    assert answer.code == "MODE"


def test_a_bracket_that_could_not_be_built_is_refused() -> None:
    answer, _ = approve_entry(replace(a_proposal(), bracket="OFF_TICK"), a_trader(), now=NOON)
    assert isinstance(answer, Refused)
    assert answer.code == "DAILY_LOSS"


# Exits only reduce, in every direction

UNCONFIRMED = a_trader(positions={ES_DECEMBER: PositionView(ES_DECEMBER, 1)})


@pytest.mark.parametrize(
    ("interval", "side", "quantity", "code"),
    [
        ((0, 0), Side.BUY, 1, "EXIT_WHEN_FLAT"),
        ((0, 0), Side.SELL, 1, "EXIT_WHEN_FLAT"),
        ((0, 0), Side.SELL, 0, "EXIT_WHEN_FLAT"),
        ((1, 1), Side.BUY, 1, "EXIT_WRONG_SIDE"),
        ((-1, -1), Side.SELL, 1, "EXIT_WRONG_SIDE"),
        ((1, 1), Side.SELL, 2, "EXIT_EXCEEDS_POSITION"),
        ((-1, -1), Side.BUY, 2, "EXIT_EXCEEDS_POSITION"),
        ((1, 3), Side.SELL, 2, "EXIT_EXCEEDS_POSITION"),
        ((-3, -1), Side.BUY, 2, "EXIT_EXCEEDS_POSITION"),
        ((-1, 1), Side.SELL, 1, "POSITION_UNKNOWN"),
        ((0, 1), Side.SELL, 1, "POSITION_UNKNOWN"),
        ((-1, 0), Side.BUY, 1, "POSITION_UNKNOWN"),
        ((1, 1), Side.SELL, 0, "ORDER_SIZE"),
        ((-1, -1), Side.BUY, -1, "ORDER_SIZE"),
        ((2, 2), Side.SELL, True, "ORDER_SIZE"),
        ((1, 1), Side.SELL, 10**6, "EXIT_EXCEEDS_POSITION"),
        ((1, 1), Side.SELL, 1, "EXIT_SAFE"),
        ((-1, -1), Side.BUY, 1, "EXIT_SAFE"),
        ((2, 2), Side.SELL, 2, "EXIT_SAFE"),
        ((1, 3), Side.SELL, 1, "EXIT_SAFE"),
    ],
)
def test_an_exit_alone(interval: tuple[int, int], side: Side, quantity: int, code: str) -> None:
    verdict = judge_exit_when(interval, side, quantity=quantity)
    assert (verdict.code, verdict.approved) == (code, code == "EXIT_SAFE")


@pytest.mark.parametrize("quantity", [math.nan, math.inf, 1.0, "1", None])
def test_a_quantity_that_is_no_number_of_contracts_is_no_exit(quantity: int) -> None:
    """What the types forbid is refused as well: NaN is not greater than the position."""
    assert judge_exit_when((1, 1), Side.SELL, quantity=quantity).code == "ORDER_SIZE"


@pytest.mark.parametrize(
    ("state", "side", "code"),
    [
        (a_trader(), Side.BUY, "EXIT_WHEN_FLAT"),
        (a_trader(), Side.SELL, "EXIT_WHEN_FLAT"),
        (a_trader(positions={}), Side.SELL, "POSITION_UNKNOWN"),
        (
            a_trader(positions={ES_DECEMBER: PositionView(ES_DECEMBER, 1)}),
            Side.SELL,
            "POSITION_UNKNOWN",
        ),
        (holding(1), Side.BUY, "EXIT_WRONG_SIDE"),
        (holding(-1), Side.SELL, "EXIT_WRONG_SIDE"),
        (holding(1), Side.SELL, "EXIT_SAFE"),
        (holding(-1), Side.BUY, "EXIT_SAFE"),
        (holding(1, a_working(exit_spec(Side.SELL, number=2))), Side.SELL, "EXIT_ALREADY_WORKING"),
        (holding(-1, a_working(exit_spec(Side.BUY, number=2))), Side.BUY, "EXIT_ALREADY_WORKING"),
        (holding(2, a_working(exit_spec(Side.SELL, number=2))), Side.SELL, "EXIT_SAFE"),
        (holding(1, a_working(exit_spec(Side.BUY, number=2))), Side.SELL, "EXIT_ALREADY_WORKING"),
    ],
)
def test_an_exit_reduces_or_is_refused(state: TraderState, side: Side, code: str) -> None:
    verdict = judge_exit(state, exit_spec(side))
    assert (verdict.code, verdict.approved) == (code, code == "EXIT_SAFE")


def test_flat_by_our_fills_is_flat_whatever_the_broker_reports() -> None:
    """The founding incident: the broker's short that our fills never made."""
    view = replace(at(0), reported=-1)
    verdict = judge_exit(a_trader(positions={ES_DECEMBER: view}), exit_spec(Side.BUY))
    assert verdict.code == "EXIT_WHEN_FLAT"
    assert verdict.detail == "BUY 1: our fills say flat; the broker reports -1"


def test_no_mode_and_no_limits_reach_the_exit_rule() -> None:
    """An exit that is safe leaves in HALT; one that is not, leaves under no limits at all."""
    none_allowed = Limits(order_size_max=0, position_size_max=0, symbols_allowed=())
    everything = Limits(order_size_max=10**6, position_size_max=10**6)
    for limits in (none_allowed, everything):
        for mode in Mode:
            assert approve_exit(holding(1, limits=limits, mode=mode), exit_spec(Side.SELL))
            assert not approve_exit(holding(1, limits=limits, mode=mode), exit_spec(Side.BUY))


def test_an_exit_must_say_that_it_only_reduces() -> None:
    spec = replace(exit_spec(Side.SELL), reduce_only=False)
    assert refused_as(approve_exit(holding(1), spec)) == "EXIT_NOT_REDUCE_ONLY"


@pytest.mark.parametrize("quantity", [0, -1, 11, True, math.nan, 10**40])
def test_an_exit_has_a_size_below_the_ceiling(quantity: int) -> None:
    assert refused_as(approve_exit(holding(1), exit_spec(Side.SELL, quantity))) == "ORDER_SIZE"


def test_a_position_at_the_ceiling_can_be_closed_at_once() -> None:
    assert approve_exit(holding(10), exit_spec(Side.SELL, 10))


# The exit carries the entry's trade id


@pytest.mark.parametrize("role", [role for role in Role if role.is_exit])
def test_an_exit_resolves_its_trade_id(role: Role) -> None:
    answer = approve_exit(holding(1), exit_spec(Side.SELL, role=role))
    assert isinstance(answer, Approved)
    assert answer.order.ref.split("/")[1] == CYCLE_ID


@pytest.mark.parametrize(
    "changes",
    [
        {"ref": f"mt/{OTHER_ID}/X1"},
        {"ref": "somebody's"},
        {"ref": f"mt/{CYCLE_ID}/E1"},
        {"con_id": MES_DECEMBER},
    ],
)
def test_an_exit_outside_every_open_cycle_is_refused(changes: dict[str, object]) -> None:
    """Its fills would belong to nobody, and the exit rule would not count it."""
    spec = replace(exit_spec(Side.SELL), **changes)
    assert refused_as(approve_exit(holding(1), spec)) == "EXIT_WITHOUT_CYCLE"


@pytest.mark.parametrize("death", [None, Death.CANCELLED])
def test_a_reference_is_used_once(death: Death | None) -> None:
    """A second order of the same name would hide the first from the exit rule (C08)."""
    state = holding(1, a_working(exit_spec(Side.SELL), death=death))
    assert refused_as(approve_exit(state, exit_spec(Side.SELL))) == "DUPLICATE_ORDER"


# Changes of a resting exit

STOP = exit_spec(Side.SELL, role=Role.STOP)


def changed(
    order: TrackedOrder, spec: OrderSpec, *, state: TraderState | None = None
) -> Approved[OrderSpec] | Refused:
    """Ask for the change of a stop on a long of one."""
    return approve_change(state or holding(1, order), order, spec=spec)


MOVED = replace(STOP, stop=27_198)


def test_a_resting_stop_may_be_moved() -> None:
    assert changed(a_working(STOP), MOVED) == Approved(MOVED, "EXIT_SAFE", "SELL 1 reduces 1")


@pytest.mark.parametrize(
    ("order", "changes", "code"),
    [
        (a_working(STOP), {"quantity": 2}, "EXIT_EXCEEDS_POSITION"),
        (a_working(replace(STOP, quantity=2)), {"quantity": 1}, "EXIT_EXCEEDS_POSITION"),
        (a_working(STOP, perm_ids=(900, 901)), {}, "EXIT_EXCEEDS_POSITION"),
        (a_working(STOP, filled=1), {}, "ORDER_SIZE"),
        (a_working(STOP, change=STOP), {}, "CHANGE_PENDING"),
        (a_working(STOP, change_unknown=True), {}, "CHANGE_PENDING"),
        (a_working(STOP, death=Death.CANCELLED), {}, "ORDER_DEAD"),
        (a_working(STOP), {"side": Side.BUY}, "ORDER_DEAD"),
        (a_working(STOP), {"ref": f"mt/{CYCLE_ID}/S2"}, "ORDER_DEAD"),
        (a_working(STOP), {"con_id": MES_DECEMBER}, "ORDER_DEAD"),
        (a_working(STOP), {"reduce_only": False}, "EXIT_NOT_REDUCE_ONLY"),
        (a_working(replace(STOP, reduce_only=False)), {}, "EXIT_NOT_REDUCE_ONLY"),
        (a_working(STOP), {"quantity": 0}, "ORDER_SIZE"),
    ],
)
def test_a_change_is_refused(order: TrackedOrder, changes: dict[str, object], code: str) -> None:
    """The larger of old and new counts, times every identity that the broker gave the order."""
    assert refused_as(changed(order, replace(MOVED, **changes))) == code


def test_nothing_is_changed_on_a_bad_link() -> None:
    """SAFETY.md B16: that is how one stop became two."""
    order = a_working(STOP)
    state = holding(1, order, link=LinkState(up=False))
    assert refused_as(changed(order, MOVED, state=state)) == "LINK_DOWN"


def test_a_change_beside_another_exit_is_refused() -> None:
    order = a_working(STOP)
    state = holding(1, order, a_working(exit_spec(Side.SELL)))
    assert refused_as(changed(order, MOVED, state=state)) == "EXIT_ALREADY_WORKING"


def test_a_short_beside_a_working_buy_is_refused() -> None:
    """Also where what works is an entry on the other side: it may take the position away."""
    state = holding(-1, a_working(an_entry_spec(Side.BUY)))
    verdict = judge_exit(state, exit_spec(Side.BUY))
    assert verdict.detail == (
        "counting BUY 1, buys of 2 and sells of 0 may still fill: the position is -1"
    )


def test_a_signal_of_another_magnitude_is_a_refusal_and_no_crash() -> None:
    cycle = a_proposed_cycle(signal=a_signal(entry=Decimal("9e999999"), stop=Decimal("NaN")))
    answer, verdicts = approve_entry(a_proposal(cycle), a_trader(), now=NOON)
    assert isinstance(answer, Refused)
    assert {"BRACKET_ORIENTATION", "PRICE_COLLAR", "OFF_TICK"} <= code_of(verdicts)
    assert not isinstance(a_proposal(cycle).bracket, Bracket)


@pytest.mark.parametrize(("booked", "holds"), [(1, True), (0, False), (-1, False), (2, True)])
def test_the_last_check_before_the_bytes(booked: int, *, holds: bool) -> None:
    """A stop of one lot: the rule on the state as it is, the order itself included."""
    state = holding(1, a_working(STOP), positions={ES_DECEMBER: at(booked)})
    assert exit_rule_holds(state, ES_DECEMBER) is holds


# A missing bracket gets the emergency stop

EMERGENCY = exit_spec(Side.SELL, role=Role.EMERGENCY)


def test_a_fill_without_its_stop_may_have_an_emergency_stop() -> None:
    """Once: the same stop twice is refused, and so is one for a lot that is covered."""
    filled = a_working(an_entry_spec(Side.BUY), filled=1, death=Death.FILLED)
    assert approve_exit(holding(1, filled), EMERGENCY)
    placed = holding(1, filled, a_working(EMERGENCY))
    assert refused_as(approve_exit(placed, EMERGENCY)) == "DUPLICATE_ORDER"
    again = exit_spec(Side.SELL, role=Role.EMERGENCY, number=2)
    assert refused_as(approve_exit(placed, again)) == "EXIT_ALREADY_WORKING"


@pytest.mark.parametrize("death", Death)
def test_the_emergency_stop_waits_until_the_missing_one_is_proven_dead(death: Death) -> None:
    """While its fate is unknown it may still rest, and two stops would flip the position."""
    unproven = approve_exit(holding(1, a_working(STOP)), EMERGENCY)
    assert refused_as(unproven) == "EXIT_ALREADY_WORKING"
    assert approve_exit(holding(1, a_working(STOP, death=death)), EMERGENCY)


# Reduce-only in every direction


@pytest.mark.parametrize("booked", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("quantity", [1, 2, 3])
def test_an_exit_never_opens_enlarges_or_flips(booked: int, side: Side, quantity: int) -> None:
    """It leaves exactly when what remains lies between the position and zero."""
    allowed = bool(approve_exit(holding(booked), exit_spec(side, quantity)))
    after = booked + side.sign * quantity
    assert allowed is (booked != 0 and booked * after >= 0 and abs(after) < abs(booked))
