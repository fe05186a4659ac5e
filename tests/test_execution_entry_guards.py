"""Each entry guard refuses with its own code, passes at its limit, and refuses without data."""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mytrader.domain.cycle import Phase
from mytrader.domain.limits import Limits
from mytrader.domain.market import Quote
from mytrader.domain.orders import (
    Death,
    ForeignOrder,
    OrderKind,
    OrderRef,
    Role,
    Side,
    TimeInForce,
)
from mytrader.domain.positions import PositionView
from mytrader.domain.trader import DayLedger, LinkState, Mode, TraderState
from mytrader.execution.bracket_guards import BRACKET_CODES
from mytrader.execution.entry_guards import (
    ENTRY_GUARDS,
    Case,
    bracket_verdicts,
    open_case,
)
from mytrader.execution.guards import approve_entry
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, NOON
from tests.guard_samples import (
    ES_CONTRACT,
    LIMITS,
    MES_CONTRACT,
    MES_DECEMBER,
    OTHER_ID,
    WIDE,
    a_bracket,
    a_case,
    a_proposal,
    a_proposed_cycle,
    a_signal,
    a_trader,
    a_working,
    an_entry_spec,
    at,
    in_limits,
    lots,
    of_cycle,
    on_day,
    quoted,
    refusals,
)
from tests.test_execution_account_guards import EDGES as ACCOUNT_EDGES
from tests.test_execution_market_guards import EDGES as MARKET_EDGES
from tests.test_execution_rule_guards import EDGES as RULE_EDGES
from tests.test_execution_session_guards import EDGES as SESSION_EDGES

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


def expiring(day: int) -> Case:
    """Return the sample case of a contract that expires in November."""
    contract = replace(ES_CONTRACT, expiry=date(2025, 11, day))
    return a_case(replace(a_proposal(), contract=contract))


def owned_by_other(phase: Phase, *, con_id: int = ES_DECEMBER) -> Case:
    """Return the sample case beside another cycle."""
    other = a_proposed_cycle(cycle_id=OTHER_ID, phase=phase, con_id=con_id)
    return a_case(cycles={OTHER_ID: other})


def beside_order(side: Side, *, con_id: int = ES_DECEMBER, **changes: object) -> Case:
    """Return the sample case beside a proposed cycle that has an entry."""
    spec = replace(an_entry_spec(side), ref=str(OrderRef(OTHER_ID, Role.ENTRY, 1)), con_id=con_id)
    order = a_working(spec, **changes)
    other = a_proposed_cycle(cycle_id=OTHER_ID, con_id=con_id, orders={spec.ref: order})
    return a_case(cycles={OTHER_ID: other})


def foreign(con_id: int, remaining: int = 1) -> Case:
    """Return the sample case beside somebody's own order."""
    return a_case(foreign={7: ForeignOrder(7, con_id, Side.BUY, remaining, "Submitted")})


def signalled(ago: timedelta, strategy: str = "ema-cross", *, side: Side = Side.BUY) -> Case:
    """Return the sample case after an earlier signal."""
    return on_day(last_signal=(ES_DECEMBER, f"{strategy} {side}", NOON - ago))


def sent(messages: int, *, later: int = 0, quantity: int = 1, most: int = 40) -> Case:
    """Return the sample case after messages in this second, or in one that is later."""
    second = int(NOON.timestamp()) + later
    return of_cycle(
        a_proposed_cycle(quantity=quantity),
        link=LinkState(up=True, messages_second=second, messages=messages),
        limits=replace(LIMITS, messages_per_second_max=most),
    )


def uncountable() -> Case:
    """Return the sample case with a quantity that is no number of contracts."""
    return a_case(replace(a_proposal(), cycle=a_proposed_cycle(quantity=1.5)))


# The entry of the samples pays 27,208 at worst and has its stop at 27,180: 28 ticks, $350.00,
# and two commissions of $2.40 make $354.80 at risk.
RISK = Decimal("354.80")
CENT = Decimal("0.01")
CLOSE = timedelta(minutes=15)
COOL = timedelta(minutes=5)


def confident(confidence: float | None) -> Case:
    """Return the sample case with another final confidence."""
    return of_cycle(a_proposed_cycle(confidence=confidence))


EDGES: list[tuple[str, Case, Case | None]] = [
    ("MODE", a_case(mode=Mode.REDUCE_ONLY), None),
    ("MODE", a_case(mode=Mode.HALT), None),
    ("MODE", a_case(link=LinkState(up=False)), None),
    ("CONTRACT_NOT_ALLOWED", in_limits(symbols_allowed=("MES",)), None),
    ("CONTRACT_NOT_ALLOWED", in_limits(symbols_allowed=()), in_limits(symbols_allowed=("ES",))),
    ("ROLL_WINDOW", expiring(14), expiring(15)),
    ("ROLL_WINDOW", expiring(1), None),
    ("NOT_WARM", of_cycle(a_proposed_cycle(signal=a_signal(warm=False))), None),
    ("LOW_CONFIDENCE", confident(0.599), confident(0.6)),
    ("LOW_CONFIDENCE", confident(1.001), confident(1.0)),
    ("LOW_CONFIDENCE", confident(math.nan), None),
    ("COOLDOWN", on_day(last_entry_at=NOON - COOL + TICK), on_day(last_entry_at=NOON - COOL)),
    ("COOLDOWN", on_day(last_entry_at=NOON + SECOND), None),
    ("DUPLICATE_SIGNAL", signalled(60 * SECOND - TICK), signalled(60 * SECOND)),
    ("DUPLICATE_SIGNAL", signalled(-SECOND), signalled(SECOND, side=Side.SELL)),
    ("DUPLICATE_SIGNAL", signalled(SECOND), signalled(SECOND, strategy="breakout")),
    ("TRADE_COUNT", on_day(entries=20), on_day(entries=19)),
    ("LOSS_STREAK", on_day(losses_in_a_row=5), on_day(losses_in_a_row=4)),
    ("POSITION_OPEN", owned_by_other(Phase.ENTERING), owned_by_other(Phase.PROPOSED)),
    (
        "POSITION_OPEN",
        owned_by_other(Phase.HALTED),
        owned_by_other(Phase.HALTED, con_id=MES_DECEMBER),
    ),
    ("POSITION_OPEN", a_case(positions={ES_DECEMBER: at(1)}), None),
    ("POSITION_OPEN", a_case(positions={ES_DECEMBER: replace(at(0), reported=1)}), None),
    ("POSITION_OPEN", a_case(positions={ES_DECEMBER: PositionView(ES_DECEMBER)}), None),
    ("OPPOSITE_ENTRY", beside_order(Side.SELL), beside_order(Side.SELL, death=Death.CANCELLED)),
    ("OPPOSITE_ENTRY", beside_order(Side.SELL), beside_order(Side.BUY)),
    ("OPPOSITE_ENTRY", beside_order(Side.SELL), beside_order(Side.SELL, con_id=MES_DECEMBER)),
    ("OPPOSITE_ENTRY", a_case(positions={ES_DECEMBER: at(-1)}), None),
    ("FOREIGN_ORDER", foreign(ES_DECEMBER), foreign(ES_DECEMBER, remaining=0)),
    ("FOREIGN_ORDER", foreign(ES_DECEMBER), foreign(MES_DECEMBER)),
    ("ORDER_SIZE", lots(3, order_size_max=2), lots(2, order_size_max=2)),
    ("ORDER_SIZE", lots(11, **WIDE), lots(10, **WIDE)),
    (
        "MAX_LOSS_PER_TRADE",
        in_limits(loss_usd_trade_max=RISK - CENT),
        in_limits(loss_usd_trade_max=RISK),
    ),
    ("MESSAGE_RATE", sent(39), sent(38)),
    ("MESSAGE_RATE", sent(39, later=1), sent(39, later=-1)),
    ("MESSAGE_RATE", sent(35, quantity=3), sent(34, quantity=3)),
    ("MESSAGE_RATE", sent(39, later=-1, most=1), sent(39, later=-1, most=2)),
    ("MESSAGE_RATE", uncountable(), None),
]


@pytest.mark.parametrize(("code", "spoiled", "allowed"), EDGES, ids=[edge[0] for edge in EDGES])
def test_a_guard_refuses_beyond_its_limit_and_passes_at_it(
    code: str, spoiled: Case, allowed: Case | None
) -> None:
    assert code in refusals(spoiled)
    assert allowed is None or code not in refusals(allowed)


@pytest.mark.parametrize(
    ("code", "spoiled", "detail"),
    [
        ("LOW_CONFIDENCE", confident(0.599), "0.599, at least 0.60"),
        ("LOW_CONFIDENCE", confident(None), "unknown, at least 0.60"),
        ("MESSAGE_RATE", sent(39), "41 messages in one second"),
        ("MESSAGE_RATE", uncountable(), "the quantity is no number of contracts"),
        (
            "DUPLICATE_SIGNAL",
            signalled(SECOND),
            f"ema-cross BUY was proposed at {NOON - SECOND:%H:%M:%S} UTC",
        ),
    ],
)
def test_a_refusal_says_what_was_seen_and_what_was_allowed(
    code: str, spoiled: Case, detail: str
) -> None:
    said = [
        verdict for verdict in (guard(spoiled) for guard in ENTRY_GUARDS) if not verdict.approved
    ]
    assert detail in [verdict.detail for verdict in said if verdict.code == code]


def test_the_sample_is_refused_by_nobody() -> None:
    """Otherwise a refusal in these tests would prove nothing."""
    assert refusals(a_case()) == set()
    assert refusals(of_cycle(a_proposed_cycle(Side.SELL))) == set()


def test_every_guard_has_a_code_of_its_own_and_its_edge_in_a_test() -> None:
    """The guards of the hours, the market and the account have theirs beside them."""
    codes = [guard(a_case()).code for guard in ENTRY_GUARDS]
    assert len(set(codes)) == len(ENTRY_GUARDS)
    edges = [*EDGES, *SESSION_EDGES, *RULE_EDGES, *MARKET_EDGES, *ACCOUNT_EDGES]
    assert set(codes) <= {code for code, _, _ in edges}


BLIND = {
    "MODE",
    "CONTRACT_NOT_ALLOWED",
    "ROLL_WINDOW",
    "SESSION_CLOSED",
    "SESSION_END",
    "STALE_DATA",
    "DELAYED_DATA",
    "CROSSED_BOOK",
    "CLOCK_SKEW",
    "PRICE_LIMIT",
    "LOW_CONFIDENCE",
    "POSITION_OPEN",
    "OPPOSITE_ENTRY",
    "POSITION_LIMIT",
    "DAILY_LOSS",
    "DRAWDOWN",
    "MARGIN",
    "PRICE_COLLAR",
    "BRACKET_MISMATCH",
}


def test_a_trader_that_knows_nothing_permits_nothing() -> None:
    """Every guard that needs data refuses without it; the others look at counts of ours."""
    cycle = a_proposed_cycle(confidence=None, margin=None)
    proposal = replace(a_proposal(cycle), contract=None, bracket="CONTRACT_NOT_ALLOWED")
    refused = refusals(open_case(proposal, TraderState(LIMITS), now=NOON))
    assert refused == (BLIND - {"BRACKET_MISMATCH"}) | set(BRACKET_CODES)
    known = replace(proposal, contract=ES_CONTRACT)
    assert refusals(open_case(known, TraderState(LIMITS), now=NOON)) == BLIND - {
        "CONTRACT_NOT_ALLOWED",
        "ROLL_WINDOW",
    }


def test_the_contract_must_be_the_cycles_own() -> None:
    """The tick value of MES would make a tenth of the risk of ES."""
    case = a_case(replace(a_proposal(), contract=MES_CONTRACT))
    assert refusals(case) == {"CONTRACT_NOT_ALLOWED"}


def test_a_clock_that_steps_back_over_the_date_finds_the_same_day() -> None:
    """An hour of another date is no unused day: the losses of today stay (H25)."""
    day = DayLedger(on=NOON.date(), entries=20, losses_in_a_row=5, realised_usd=Decimal(-1900))
    case = open_case(a_proposal(), a_trader(day=day), now=NOON - timedelta(days=1))
    assert {"TRADE_COUNT", "LOSS_STREAK", "DAILY_LOSS", "CLOCK_SKEW"} <= refusals(case)
    later = open_case(a_proposal(), a_trader(day=day), now=NOON + timedelta(days=1))
    assert not {"TRADE_COUNT", "LOSS_STREAK", "DAILY_LOSS"} & refusals(later)


# The market between the signal and the order


@pytest.mark.parametrize(
    ("ask", "refused"),
    [
        (27_184, set()),
        (27_183, {"BRACKET_TOO_CLOSE"}),
        (27_170, {"BRACKET_TOO_CLOSE"}),
        (27_160, {"BRACKET_TOO_CLOSE"}),
        (27_159, {"BRACKET_TOO_CLOSE", "PRICE_COLLAR"}),
        (27_228, set()),
        (27_229, {"BRACKET_TOO_CLOSE"}),
        (27_241, {"BRACKET_TOO_CLOSE", "PRICE_COLLAR"}),
    ],
)
def test_the_stop_and_the_target_fit_where_the_entry_would_fill_now(
    ask: int, refused: set[str]
) -> None:
    """Filled below its own stop, a long is stopped out at once; stop 27,180, target 27,240."""
    quote = Quote(NOON, ask - 1, ask, None)
    proposal = a_proposal()
    limit = ask + LIMITS.entry_collar_ticks
    bracket = a_bracket(proposal.cycle)
    entry, stop = bracket.lots[0]
    moved = replace(bracket, entry=limit, lots=((replace(entry, limit=limit), stop),))
    case = a_case(replace(proposal, bracket=moved), quotes={ES_DECEMBER: quote})
    assert refusals(case) == refused


def test_a_quote_with_one_side_is_judged_at_the_orders_own_price() -> None:
    case = quoted(ask=None)
    assert refusals(case) == {"STALE_DATA", "PRICE_COLLAR", "PRICE_LIMIT"}


# What is sent is what was judged


def spoiled_bracket(**changes: object) -> Case:
    """Return the case of a bracket with fields replaced."""
    proposal = a_proposal()
    bracket = a_bracket(proposal.cycle)
    return a_case(replace(proposal, bracket=replace(bracket, **changes)))


def spoiled_lot(leg: int, **changes: object) -> Case:
    """Return the case of a bracket whose entry (0) or stop (1) has fields replaced."""
    legs = list(a_bracket(a_proposed_cycle()).lots[0])
    legs[leg] = replace(legs[leg], **changes)
    return spoiled_bracket(lots=((legs[0], legs[1]),))


@pytest.mark.parametrize(
    "changes",
    [
        {"cycle_id": OTHER_ID},
        {"con_id": MES_DECEMBER},
        {"stop": 27_100},
        {"target": 27_300},
        {"lots": ()},
        {"lots": a_bracket(a_proposed_cycle()).lots * 2},
    ],
)
def test_a_bracket_that_differs_from_its_signal_is_refused(changes: dict[str, object]) -> None:
    assert "BRACKET_MISMATCH" in refusals(spoiled_bracket(**changes))


def test_a_bracket_of_the_other_side_is_refused() -> None:
    assert "BRACKET_MISMATCH" in refusals(spoiled_bracket(side=Side.SELL))
    cycle = a_proposed_cycle(signal=a_signal(Side.SELL))
    bracket = a_bracket(a_proposed_cycle())
    assert "BRACKET_MISMATCH" in refusals(a_case(replace(a_proposal(cycle), bracket=bracket)))


SPOILED: list[tuple[int, dict[str, object]]] = [
    (0, {"ref": f"mt/{OTHER_ID}/E1"}),
    (0, {"ref": f"mt/{CYCLE_ID}/E2"}),
    (0, {"con_id": MES_DECEMBER}),
    (0, {"side": Side.SELL}),
    (0, {"quantity": 2}),
    (0, {"kind": OrderKind.STP_LMT}),
    (0, {"limit": 27_209}),
    (0, {"transmit": True}),
    (0, {"reduce_only": True}),
    (0, {"parent_ref": "mt"}),
    (1, {"ref": f"mt/{CYCLE_ID}/X1"}),
    (1, {"ref": f"mt/{CYCLE_ID}/S2"}),
    (1, {"con_id": MES_DECEMBER}),
    (1, {"side": Side.BUY}),
    (1, {"quantity": 2}),
    (1, {"kind": OrderKind.LMT}),
    (1, {"stop": 27_179}),
    (1, {"stop": None}),
    (1, {"limit": 27_181}),
    (1, {"transmit": False}),
    (1, {"reduce_only": False}),
    (1, {"parent_ref": None}),
    (1, {"tif": TimeInForce.DAY}),
    (1, {"outside_rth": False}),
]


@pytest.mark.parametrize(("leg", "changes"), SPOILED)
def test_an_order_that_no_guard_has_judged_is_refused(
    leg: int, changes: dict[str, object]
) -> None:
    """The approval lets exactly the judged orders out, field by field."""
    assert refusals(spoiled_lot(leg, **changes)) == {"BRACKET_MISMATCH"}


def test_a_signal_without_a_leg_matches_no_bracket() -> None:
    cycle = a_proposed_cycle(signal=a_signal(stop=Decimal("NaN")))
    case = a_case(replace(a_proposal(cycle), bracket=a_bracket(a_proposed_cycle())))
    assert {"BRACKET_MISMATCH", "OFF_TICK"} <= refusals(case)


# Anything at all is answered by a code

ODD_FLOATS = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -1.0, 1e300, 5e-324])
PRICES = (
    st.none()
    | st.decimals()
    | st.sampled_from(
        [
            Decimal("6795.10"),
            Decimal(-6795),
            Decimal("67.95"),
            Decimal("9e999999"),
            Decimal("1e-30"),
        ]
    )
)
TICKS = st.none() | st.integers(-(10**12), 10**12)
COUNTS = st.integers(-3, 30) | st.sampled_from([10**6, 10**40])
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001 - hypothesis wants them naive
    lambda when: when.replace(tzinfo=NOON.tzinfo)
)


@pytest.mark.slow
@given(
    side=st.sampled_from(Side),
    legs=st.tuples(PRICES.filter(lambda price: price is not None), PRICES, PRICES),
    confidence=st.none() | st.floats() | ODD_FLOATS,
    market=st.tuples(COUNTS, TICKS, TICKS, MOMENTS),
)
def test_no_value_makes_a_guard_raise(
    side: Side,
    legs: tuple[Decimal, Decimal | None, Decimal | None],
    confidence: float | None,
    market: tuple[int, int | None, int | None, datetime],
) -> None:
    """NaN, infinities, other magnitudes, a clock that jumps: verdicts, one per guard."""
    entry, stop, target = legs
    quantity, bid, ask, now = market
    signal = a_signal(side, entry=entry, stop=stop, target=target)
    cycle = a_proposed_cycle(side, signal=signal, confidence=confidence, quantity=quantity)
    quote = Quote(NOON, bid, ask, None)
    bracket = a_bracket(a_proposed_cycle(side))
    for proposal in (
        replace(a_proposal(cycle), bracket=bracket),
        replace(a_proposal(), cycle=cycle, bracket="STALE_DATA"),
        replace(a_proposal(), cycle=replace(cycle, con_id=404)),
    ):
        case = open_case(proposal, a_trader(quotes={ES_DECEMBER: quote}), now=now)
        assert len([guard(case) for guard in ENTRY_GUARDS]) == len(ENTRY_GUARDS)
        assert bracket_verdicts(case)
        assert refusals(case) or (quantity >= 1 and case.session is not None)


@pytest.mark.slow
@given(limits=st.builds(Limits, order_size_max=COUNTS, position_size_max=COUNTS), count=COUNTS)
def test_no_limit_lets_more_than_ten_contracts_out(limits: Limits, count: int) -> None:
    """The ceiling is in the code; what is not a number of contracts is refused as well."""
    case = a_case(replace(a_proposal(), cycle=a_proposed_cycle(quantity=count)), limits=limits)
    refused = refusals(case)
    assert 1 <= count <= 10 or {"ORDER_SIZE", "POSITION_LIMIT"} <= refused


# All guards run, all are recorded

TABLE = """
MODE SESSION_CLOSED SESSION_END SESSION_RESET STALE_DATA DELAYED_DATA CROSSED_BOOK CLOCK_SKEW
NOT_WARM EVENT_BLACKOUT AWS_GO LOW_CONFIDENCE COOLDOWN DUPLICATE_SIGNAL TRADE_COUNT LOSS_STREAK
POSITION_OPEN OPPOSITE_ENTRY FOREIGN_ORDER MISSING_STOP MISSING_TARGET BRACKET_ORIENTATION
BRACKET_TOO_CLOSE OFF_TICK MAX_LOSS_PER_TRADE DAILY_LOSS DRAWDOWN ORDER_SIZE POSITION_LIMIT MARGIN
PRICE_COLLAR PRICE_LIMIT MESSAGE_RATE CONTRACT_NOT_ALLOWED ROLL_WINDOW BRACKET_MISMATCH
CLOSED_BY_RULE
"""


def test_every_guard_is_asked_and_recorded() -> None:
    """The stable codes: whoever removes a guard changes this list."""
    _, verdicts = approve_entry(a_proposal(), a_trader(), now=NOON)
    codes = [verdict.code for verdict in verdicts]
    assert sorted(codes) == sorted(TABLE.split())
