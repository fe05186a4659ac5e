"""A proposal that every guard lets pass, and the trader around it; tests spoil one thing of it.

Prices are ticks of ES: 27,200 is 6,800.00.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Signal
from mytrader.domain.fills import Execution
from mytrader.domain.instrument import ES, MES, FuturesContract
from mytrader.domain.known import Known
from mytrader.domain.limits import Limits
from mytrader.domain.margin import Margin
from mytrader.domain.market import Quote
from mytrader.domain.orders import (
    Bracket,
    OrderKind,
    OrderLife,
    OrderRef,
    OrderSpec,
    Role,
    Side,
    TrackedOrder,
    Verdict,
)
from mytrader.domain.positions import PositionView
from mytrader.domain.trader import DayLedger, LinkState, TraderState
from mytrader.execution.entry_case import Case, Proposal, open_case
from mytrader.execution.entry_guards import ENTRY_GUARDS, bracket_verdicts
from mytrader.execution.order_builder import build_bracket
from tests.domain_samples import CYCLE_ID, ES_DECEMBER, NOON

MES_DECEMBER: Final = ES_DECEMBER + 1
OTHER_ID: Final = "01JCXW5M7Q0000000000000001"
ES_CONTRACT: Final = FuturesContract(ES_DECEMBER, ES, "ESZ5", date(2025, 12, 19))
MES_CONTRACT: Final = FuturesContract(MES_DECEMBER, MES, "MESZ5", date(2025, 12, 19))
QUOTE: Final = Quote(NOON, 27_199, 27_200, 27_200)
SESSION: Final = (NOON - timedelta(hours=12), NOON + timedelta(hours=4))
LIMITS: Final = Limits()
SETTLEMENT: Final = 27_000
MARGIN: Final = Known(Margin(initial_usd=Decimal(20_000), equity_usd=Decimal(1_000_000)))
WIDE: Final[dict[str, object]] = {
    "position_size_max": 99,
    "order_size_max": 99,
    "net_usd_per_point_max": Decimal(10**4),
}
GO: Final = Opinion("local", AdvisorRole.DECISION, Advice.GO, "calm", 0.8)


def a_signal(side: Side = Side.BUY, **changes: object) -> Signal:
    """Return a proposal at 6,800.00 with the stop 20 and the target 40 ticks away."""
    points = Decimal(side.sign)
    signal = Signal(
        strategy="ema-cross",
        side=side,
        confidence=0.8,
        entry=Decimal(6800),
        stop=6800 - 5 * points,
        target=6800 + 10 * points,
        features={},
        reason="a sample",
    )
    return replace(signal, **changes)


def a_proposed_cycle(side: Side = Side.BUY, **changes: object) -> TradeCycle:
    """Return a cycle whose signal was raised and advised on, and nothing else yet."""
    cycle = TradeCycle(
        cycle_id=CYCLE_ID,
        con_id=ES_DECEMBER,
        symbol="ES",
        phase=Phase.PROPOSED,
        side=side,
        signal=a_signal(side),
        proposed_at=NOON,
        confidence=0.8,
        opinions=(GO,),
        margin=MARGIN,
    )
    return replace(cycle, **changes)


def a_trader(**changes: object) -> TraderState:
    """Return a trader in NORMAL, flat and confirmed in both contracts, on a fresh market."""
    state = TraderState(
        limits=LIMITS,
        link=LinkState(up=True),
        contracts={ES_DECEMBER: ES_CONTRACT, MES_DECEMBER: MES_CONTRACT},
        sessions={ES_DECEMBER: (SESSION,), MES_DECEMBER: (SESSION,)},
        quotes={ES_DECEMBER: QUOTE, MES_DECEMBER: QUOTE},
        positions={con_id: at(0, con_id) for con_id in (ES_DECEMBER, MES_DECEMBER)},
        day=DayLedger(on=NOON.date()),
        newest_at=NOON,
        bars={ES_DECEMBER: NOON, MES_DECEMBER: NOON},
        settlements={ES_DECEMBER: SETTLEMENT, MES_DECEMBER: SETTLEMENT},
    )
    return replace(state, **changes)


def at(booked: int, con_id: int = ES_DECEMBER) -> PositionView:
    """Return a position that executions and the broker agree on."""
    return PositionView(con_id, booked, confirmed=True)


def a_bracket(cycle: TradeCycle, limits: Limits = LIMITS) -> Bracket:
    """Return what the order builder makes of a cycle at the sample quote."""
    bracket = build_bracket(cycle, ES, quote=QUOTE, limits=limits)
    assert isinstance(bracket, Bracket)
    return bracket


def a_proposal(cycle: TradeCycle | None = None, limits: Limits = LIMITS) -> Proposal:
    """Return a proposal with its bracket, or with the reason why there is none."""
    cycle = cycle or a_proposed_cycle()
    bracket = build_bracket(cycle, ES, quote=QUOTE, limits=limits)
    return Proposal(cycle, ES_CONTRACT, bracket)


def a_case(proposal: Proposal | None = None, /, **changes: object) -> Case:
    """Return the sample case with fields of the trader's state replaced."""
    state = a_trader(**changes)
    return open_case(proposal or a_proposal(limits=state.limits), state, now=NOON)


def exit_spec(
    side: Side, quantity: int = 1, *, role: Role = Role.EXIT, number: int = 1
) -> OrderSpec:
    """Return a reduce-only order of the sample cycle."""
    return OrderSpec(
        ref=str(OrderRef(CYCLE_ID, role, number)),
        con_id=ES_DECEMBER,
        side=side,
        quantity=quantity,
        kind=OrderKind.STP_LMT if role.is_protective else OrderKind.LMT,
        limit=27_200,
        stop=27_200 if role.is_protective else None,
        reduce_only=True,
    )


def a_working(spec: OrderSpec, **changes: object) -> TrackedOrder:
    """Return an order that the broker confirmed."""
    order = TrackedOrder(spec, OrderLife.WORKING, order_id=5, perm_ids=(900,))
    return replace(order, **changes)


def an_entry_spec(side: Side, *, number: int = 1, limit: int = 27_208) -> OrderSpec:
    """Return an entry of the sample cycle."""
    spec = exit_spec(side, role=Role.ENTRY, number=number)
    return OrderSpec(spec.ref, ES_DECEMBER, side, 1, OrderKind.LMT, limit, transmit=False)


def holding(booked: int, *orders: TrackedOrder, **changes: object) -> TraderState:
    """Return a trader with an open cycle that owns these orders, at a known position."""
    side = Side.BUY if booked >= 0 else Side.SELL
    cycle = a_proposed_cycle(
        side, phase=Phase.OPEN, stop=27_180, orders={order.spec.ref: order for order in orders}
    )
    given = {"positions": {ES_DECEMBER: at(booked)}, "cycles": {CYCLE_ID: cycle}, **changes}
    return a_trader(**given)


def filled(side: Side, price: int, *, number: int = 1) -> Execution:
    """Return a fill of an order of the sample cycle."""
    ref = str(OrderRef(CYCLE_ID, Role.ENTRY, number))
    exec_id = f"{side}.{price}.{number}"
    return Execution(exec_id, ref, 5, 900, ES_DECEMBER, side, 1, price, NOON)


def code_of(verdicts: list[Verdict] | tuple[Verdict, ...]) -> set[str]:
    """Return the codes of all refusals."""
    return {verdict.code for verdict in verdicts if not verdict.approved}


def refusals(case: Case) -> set[str]:
    """Return the codes of all guards that refuse."""
    return code_of([*(guard(case) for guard in ENTRY_GUARDS), *bracket_verdicts(case)])


def of_cycle(cycle: TradeCycle, **changes: object) -> Case:
    """Return the case of a spoiled cycle."""
    return a_case(a_proposal(cycle), **changes)


def in_limits(**changes: object) -> Case:
    """Return the sample case under other limits."""
    return a_case(limits=replace(LIMITS, **changes))


def quoted(**changes: object) -> Case:
    """Return the sample case on another quote."""
    return a_case(quotes={ES_DECEMBER: replace(QUOTE, **changes)})


def on_day(**changes: object) -> Case:
    """Return the sample case on a day that is under way."""
    return a_case(day=replace(DayLedger(on=NOON.date()), **changes))


def lots(count: int, **changes: object) -> Case:
    """Return a case of several lots."""
    limits = replace(
        LIMITS,
        **{"loss_usd_trade_max": Decimal(10**5), "loss_usd_daily_max": Decimal(10**5), **changes},
    )
    return of_cycle(a_proposed_cycle(quantity=count), limits=limits)
