"""A proposal before the guards, with what several of them look at looked up once."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.instrument import FuturesContract
from mytrader.domain.limits import Limits
from mytrader.domain.market import Quote
from mytrader.domain.orders import Bracket, Side, Verdict
from mytrader.domain.session import LocalTimes, Session, local_times, session_at
from mytrader.domain.trader import DayLedger, TraderState
from mytrader.execution.bracket_guards import is_count
from mytrader.execution.risk import NOTHING, Survey, survey

_BUY: Final = Side.BUY
_FLAT: Final = (0, 0)


class Proposal(Struct, frozen=True):
    """What is to be judged. `bracket` is a reason code when none could be built."""

    cycle: TradeCycle
    contract: FuturesContract | None
    bracket: Bracket | str


class SignalTicks(Struct, frozen=True):
    """The signal's prices in whole ticks, `None` where one is not on the contract's grid."""

    entry: int | None = None
    stop: int | None = None
    target: int | None = None


class Standing(Struct, frozen=True):
    """Where the account may stand, everything that works and this entry filled.

    `longest_usd` and `shortest_usd` are dollars per index point over the contracts of the
    proposal's group, every expiry of them; `margin_usd` is the own table's initial margin of the
    largest position that each contract of the account may reach. `unknown` says what is not
    known of it, "" if nothing is missing.
    """

    longest_usd: int = 0
    shortest_usd: int = 0
    margin_usd: int = 0
    unknown: str = ""


class Case(Struct, frozen=True):
    """A proposal before the guards.

    `countable` says whether the quantity is a number of contracts at all; `working` is what may
    still fill on the contract, as in `Survey.working`; `risk_cents` is `None` where the risk
    cannot be said.
    """

    proposal: Proposal
    state: TraderState
    now: datetime
    times: LocalTimes
    cycle: TradeCycle
    limits: Limits
    countable: bool
    quote: Quote | None
    session: Session | None
    day: DayLedger
    position: tuple[int, int]
    working: tuple[int, int, int, int]
    ticks: SignalTicks
    standing: Standing
    risk_cents: int | None


def passed(code: str) -> Verdict:
    """Return the verdict of a guard that lets a proposal pass; one object serves all of them."""
    return Verdict(code, approved=True, detail="")


def open_case(proposal: Proposal, state: TraderState, *, now: datetime) -> Case:
    """Return the proposal with everything that several guards look at."""
    cycle = proposal.cycle
    con_id = cycle.con_id
    times = local_times(now)
    day = state.day
    if day.on is None or day.on < times.trading_date:
        day = state.ledger(now)
    position = state.position(con_id).interval
    found = survey(state)
    return Case(
        proposal,
        state,
        now,
        times,
        cycle,
        state.limits,
        is_count(cycle.quantity),
        state.quotes.get(con_id),
        session_at(state.sessions.get(con_id, ()), now),
        day,
        position,
        found.working.get(con_id, NOTHING),
        _signal_ticks(proposal),
        _standing(proposal, state, position=position, found=found),
        _risk_cents(proposal, found),
    )


def _signal_ticks(proposal: Proposal) -> SignalTicks:
    contract, signal = proposal.contract, proposal.cycle.signal
    if contract is None:
        return SignalTicks()
    ticks = contract.instrument.grid_ticks
    return SignalTicks(ticks(signal.entry), ticks(signal.stop), ticks(signal.target))


def _risk_cents(proposal: Proposal, found: Survey) -> int | None:
    """What is at risk with this entry in it, cents; `None` if that cannot be said."""
    contract, bracket = proposal.contract, proposal.bracket
    if contract is None or isinstance(bracket, str):
        return None
    instrument = contract.instrument
    distance = abs(bracket.entry - bracket.stop)
    lot = distance * instrument.tick_value_cents + 2 * instrument.commission_cents_per_side
    return found.worst_cents + lot * len(bracket.lots)


def _standing(
    proposal: Proposal, state: TraderState, *, position: tuple[int, int], found: Survey
) -> Standing:
    own, quantity = proposal.contract, proposal.cycle.quantity
    if own is None or not is_count(quantity):
        return Standing(unknown="the contract or the quantity of the entry is unknown")
    stranger = _stranger(state, found)
    if stranger is not None:
        return Standing(unknown=f"contract {stranger} is none of ours, and is not flat")
    buys, sells, _, _ = found.working.get(own.con_id, NOTHING)
    up, down = position[1] + buys, position[0] - sells
    if proposal.cycle.side is _BUY:
        up += quantity
    else:
        down -= quantity
    instrument = own.instrument
    group = instrument.group
    longest, shortest = up * instrument.multiplier_usd, down * instrument.multiplier_usd
    margin = max(-down, up) * instrument.initial_margin_usd
    for con_id, contract in state.contracts.items():
        if con_id == own.con_id:
            continue
        interval = state.position(con_id).interval
        if interval == _FLAT and con_id not in found.working:
            continue
        low, high = interval
        buys, sells, _, _ = found.working.get(con_id, NOTHING)
        up, down = high + buys, low - sells
        instrument = contract.instrument
        margin += max(-down, up) * instrument.initial_margin_usd
        if instrument.group == group:
            longest += up * instrument.multiplier_usd
            shortest += down * instrument.multiplier_usd
    return Standing(longest, shortest, margin)


def _stranger(state: TraderState, found: Survey) -> int | None:
    """Return a contract that was never described to us and holds or may come to hold something.

    It may be another expiry of what we trade: its multiplier and its margin are unknown.
    """
    known = state.contracts
    for con_id in found.working:
        if con_id not in known:
            return con_id
    for con_id, view in state.positions.items():
        if con_id not in known and (view.booked or view.reported or view.doubt):
            return con_id
    return None
