"""Entry guards: each answers one question about a proposal, with one stable code.

A guard is a function of a `Case`: the proposal, the trader's state and the time, with what
several guards look at looked up once. All of them run on every proposal. Passing verdicts carry
no text, so that a decision costs microseconds; refusals say what was seen and what was allowed.
Data that is missing is a refusal with the code of the guard that needs it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.instrument import FuturesContract, OffGridError
from mytrader.domain.limits import Limits
from mytrader.domain.market import Quote
from mytrader.domain.orders import (
    Bracket,
    Side,
    Verdict,
    refusal,
)
from mytrader.domain.positions import UNBOUNDED
from mytrader.domain.session import Session, session_at, trading_date
from mytrader.domain.trader import DayLedger, Mode, TraderState
from mytrader.execution.bracket_family import wrong_order
from mytrader.execution.bracket_guards import (
    BRACKET_CODES,
    AskedBracket,
    counted,
    is_count,
    judge_bracket,
    loss_at_stop_usd,
)
from mytrader.execution.exposure import Reach, position_text, reach
from mytrader.execution.order_builder import ORDER_SIZE_CEILING
from mytrader.execution.risk import worst_case_usd


class Proposal(Struct, frozen=True):
    """What is to be judged. `bracket` is a reason code when none could be built."""

    cycle: TradeCycle
    contract: FuturesContract | None
    bracket: Bracket | str


class Case(Struct, frozen=True):
    """A proposal before the guards. `risk_usd` is `None` where the risk cannot be said."""

    proposal: Proposal
    state: TraderState
    now: datetime
    cycle: TradeCycle
    limits: Limits
    quote: Quote | None
    session: Session | None
    day: DayLedger
    position: tuple[int, int]
    working: Reach
    risk_usd: Decimal | None


def open_case(proposal: Proposal, state: TraderState, *, now: datetime) -> Case:
    """Return the proposal with everything that several guards look at."""
    cycle = proposal.cycle
    return Case(
        proposal=proposal,
        state=state,
        now=now,
        cycle=cycle,
        limits=state.limits,
        quote=state.quotes.get(cycle.con_id),
        session=session_at(state.sessions.get(cycle.con_id, ()), now),
        day=state.ledger(now),
        position=state.position(cycle.con_id).interval,
        working=reach(state, cycle.con_id),
        risk_usd=_at_risk_usd(proposal, state),
    )


Guard = Callable[[Case], Verdict]
_PASSED: Final[dict[str, Verdict]] = {}


def _yes(code: str) -> Verdict:
    verdict = _PASSED.get(code)
    if verdict is None:
        verdict = _PASSED[code] = Verdict(code, approved=True, detail="")
    return verdict


def mode_is_normal(case: Case) -> Verdict:
    """Entries only in NORMAL, and only while the broker hears us."""
    if case.state.mode is not Mode.NORMAL:
        return refusal("MODE", f"{case.state.mode}: {case.state.mode_why}")
    if not case.state.link.up:
        return refusal("MODE", "the link to the broker is down")
    return _yes("MODE")


def contract_is_allowed(case: Case) -> Verdict:
    """Only contracts of the configured instruments that the broker has described."""
    contract = case.proposal.contract
    if contract is None or contract.con_id != case.cycle.con_id:
        return refusal("CONTRACT_NOT_ALLOWED", f"contract {case.cycle.con_id} is unknown")
    if contract.instrument.symbol not in case.limits.symbols_allowed:
        return refusal("CONTRACT_NOT_ALLOWED", f"{contract.instrument.symbol} is not configured")
    return _yes("CONTRACT_NOT_ALLOWED")


def contract_is_not_rolling(case: Case) -> Verdict:
    """No entry in a contract that expires within the roll window."""
    contract = case.proposal.contract
    if contract is None:
        return refusal("ROLL_WINDOW", "the expiry is unknown")
    days = (contract.expiry - trading_date(case.now)).days
    if days < case.limits.roll_days_before_expiry:
        return refusal("ROLL_WINDOW", f"{contract.local_symbol} expires in {counted(days, 'day')}")
    return _yes("ROLL_WINDOW")


def session_is_open(case: Case) -> Verdict:
    """The exchange trades this contract now."""
    if case.session is None:
        return refusal("SESSION_CLOSED", f"no session contains {case.now:%Y-%m-%d %H:%M} UTC")
    return _yes("SESSION_CLOSED")


def session_has_time_left(case: Case) -> Verdict:
    """No entry in the last minutes of a session."""
    if case.session is None:
        return refusal("SESSION_END", "the end of the session is unknown")
    left = case.session[1] - case.now
    if left < case.limits.no_entry_before_close:
        return refusal("SESSION_END", f"{left} to the close")
    return _yes("SESSION_END")


def data_is_fresh(case: Case) -> Verdict:
    """The last quote is recent, and has both sides."""
    quote = case.quote
    if quote is None or not _is_price(quote.bid) or not _is_price(quote.ask):
        return refusal("STALE_DATA", "no two-sided quote")
    age = case.now - quote.seen_at
    if age > case.limits.quote_age_max:
        return refusal("STALE_DATA", f"the last quote is {age.total_seconds():.1f} s old")
    return _yes("STALE_DATA")


def _is_price(ticks: int | None) -> bool:
    return ticks is not None and ticks > 0


def data_is_live(case: Case) -> Verdict:
    """Delayed data is no basis for an order."""
    if case.quote is None or case.quote.delayed:
        return refusal("DELAYED_DATA", "the feed is delayed" if case.quote else "no quote")
    return _yes("DELAYED_DATA")


def book_is_not_crossed(case: Case) -> Verdict:
    """Bid below ask; a crossed book is a broken feed."""
    quote = case.quote
    if quote is None:
        return refusal("CROSSED_BOOK", "no quote")
    if quote.crossed:
        return refusal("CROSSED_BOOK", f"bid {quote.bid}, ask {quote.ask}")
    return _yes("CROSSED_BOOK")


def clock_agrees(case: Case) -> Verdict:
    """Neither the feed nor our own past may lie in the future."""
    newest = case.state.newest_at
    if case.quote is None or newest is None:
        return refusal("CLOCK_SKEW", "no time to compare with")
    ahead = max(newest, case.quote.seen_at) - case.now
    if ahead > case.limits.clock_skew_max:
        return refusal("CLOCK_SKEW", f"the clock is {ahead.total_seconds():.1f} s behind")
    return _yes("CLOCK_SKEW")


def indicators_are_warm(case: Case) -> Verdict:
    """Enough bars for every indicator of the signal."""
    if not case.cycle.signal.warm:
        return refusal("NOT_WARM", "too few bars for the indicators")
    return _yes("NOT_WARM")


def confidence_is_enough(case: Case) -> Verdict:
    """The final confidence reaches the minimum; NaN and None do not."""
    confidence = case.cycle.confidence
    least = case.limits.confidence_min
    if confidence is None or not least <= confidence <= 1:
        seen = "unknown" if confidence is None else f"{confidence:.3f}"
        return refusal("LOW_CONFIDENCE", f"{seen}, at least {least:.2f}")
    return _yes("LOW_CONFIDENCE")


def cooldown_is_over(case: Case) -> Verdict:
    """Some minutes lie between two entries."""
    last = case.day.last_entry_at
    if last is not None and case.now - last < case.limits.cooldown:
        ago = (case.now - last).total_seconds()
        return refusal("COOLDOWN", f"the last entry was {ago:.0f} s ago")
    return _yes("COOLDOWN")


def signal_is_new(case: Case) -> Verdict:
    """The same strategy may not propose the same side twice within one minute."""
    last = case.day.last_signal
    if last is not None and case.now - last[2] < timedelta(minutes=1):
        key = (case.cycle.con_id, f"{case.cycle.signal.strategy} {case.cycle.side}")
        if last[:2] == key:
            at = f"{last[2]:%H:%M:%S} UTC"
            return refusal("DUPLICATE_SIGNAL", f"{key[1]} was proposed at {at}")
    return _yes("DUPLICATE_SIGNAL")


def day_has_entries_left(case: Case) -> Verdict:
    """A ceiling on entries per day."""
    if case.day.entries >= case.limits.daily_trades_max:
        return refusal("TRADE_COUNT", f"entries today: {case.day.entries}")
    return _yes("TRADE_COUNT")


def losses_are_few(case: Case) -> Verdict:
    """A run of losses ends the day's entries."""
    if case.day.losses_in_a_row >= case.limits.loss_streak_max:
        return refusal("LOSS_STREAK", f"losses in a row: {case.day.losses_in_a_row}")
    return _yes("LOSS_STREAK")


def no_cycle_is_open(case: Case) -> Verdict:
    """One cycle per contract, and a position that is known to be flat."""
    for other in case.state.cycles.values():
        if (
            other.con_id == case.cycle.con_id
            and other.cycle_id != case.cycle.cycle_id
            and other.phase is not Phase.PROPOSED
        ):
            return refusal("POSITION_OPEN", f"cycle {other.cycle_id} is {other.phase}")
    if case.position != (0, 0):
        return refusal("POSITION_OPEN", position_text(*case.position))
    return _yes("POSITION_OPEN")


def no_entry_opposes(case: Case) -> Verdict:
    """Never entries on both sides of a contract, nor against its position."""
    side = case.cycle.side
    working = case.working
    if side is Side.BUY:
        entries, against = working.sells - working.exit_sells, -case.position[0]
    else:
        entries, against = working.buys - working.exit_buys, case.position[1]
    if entries > 0:
        return refusal("OPPOSITE_ENTRY", f"{entries} {side.opposite} may still fill as an entry")
    if against > 0:
        return refusal("OPPOSITE_ENTRY", f"{side}, and {position_text(*case.position)}")
    return _yes("OPPOSITE_ENTRY")


def no_foreign_order(case: Case) -> Verdict:
    """Orders of other people on the contract are theirs to finish first."""
    for order in case.state.foreign.values():
        if order.con_id == case.cycle.con_id and order.remaining:
            return refusal("FOREIGN_ORDER", f"perm id {order.perm_id} works on the contract")
    return _yes("FOREIGN_ORDER")


def position_stays_in_limit(case: Case) -> Verdict:
    """`UP <= limit` and `DN >= -limit` with everything that works, and this entry, filled."""
    most = min(case.limits.position_size_max, ORDER_SIZE_CEILING)
    quantity = case.cycle.quantity
    if not is_count(quantity):
        return refusal("POSITION_LIMIT", "the quantity is no number of contracts")
    low, high = case.position
    up, down = high + case.working.buys, low - case.working.sells
    if case.cycle.side is Side.BUY:
        up += quantity
    else:
        down -= quantity
    if up > most or down < -most:
        known = high - low < UNBOUNDED
        reached = f"{down}..{up} is reachable" if known else position_text(low, high)
        return refusal("POSITION_LIMIT", f"{reached}, limit {most}")
    return _yes("POSITION_LIMIT")


def _at_risk_usd(proposal: Proposal, state: TraderState) -> Decimal | None:
    """What is at risk with this entry in it, dollars; `None` if that cannot be said."""
    contract, bracket = proposal.contract, proposal.bracket
    if contract is None or isinstance(bracket, str):
        return None
    distance = abs(bracket.entry - bracket.stop)
    own = loss_at_stop_usd(contract.instrument, distance, quantity=bracket.quantity)
    return worst_case_usd(state) + own


def daily_loss_stays_in_limit(case: Case) -> Verdict:
    """Realised today, less the worst case of everything to its stop, stays above the limit."""
    realised, most = case.day.realised_usd, case.limits.loss_usd_daily_max
    if case.risk_usd is None or not realised.is_finite():
        return refusal("DAILY_LOSS", "the risk of the entry is unknown")
    loss = case.risk_usd - realised
    if loss > most:
        return refusal("DAILY_LOSS", f"a loss of ${loss:.2f} today is possible, limit ${most}")
    return _yes("DAILY_LOSS")


def drawdown_stays_in_limit(case: Case) -> Verdict:
    """The fall from the equity peak since the start, worst case included, stays in the limit."""
    fallen = case.state.equity_peak_usd - case.state.equity_usd
    if case.risk_usd is None or not fallen.is_finite():
        return refusal("DRAWDOWN", "the risk of the entry is unknown")
    fall = fallen + case.risk_usd
    most = case.limits.drawdown_usd_max
    if fall > most:
        return refusal("DRAWDOWN", f"a fall of ${fall:.2f} is possible, limit ${most}")
    return _yes("DRAWDOWN")


def price_is_near_the_market(case: Case) -> Verdict:
    """The order's price, the signal's and the other side of the book lie within the collar."""
    quote, bracket, contract = case.quote, case.proposal.bracket, case.proposal.contract
    if quote is None or quote.bid is None or quote.ask is None:
        return refusal("PRICE_COLLAR", "no price to compare with")
    if contract is None or isinstance(bracket, str):
        return refusal("PRICE_COLLAR", "no price to compare")
    touch = quote.ask if bracket.side is Side.BUY else quote.bid
    try:
        drift = abs(contract.instrument.exact_ticks(case.cycle.signal.entry) - touch)
    except OffGridError as error:
        return refusal("PRICE_COLLAR", str(error))
    distance = max(drift, Decimal(abs(bracket.entry - touch)), Decimal(quote.ask - quote.bid))
    if distance > case.limits.price_collar_ticks:
        return refusal("PRICE_COLLAR", f"{counted(distance, 'tick')} from the market")
    return _yes("PRICE_COLLAR")


def message_rate_has_room(case: Case) -> Verdict:
    """The whole bracket fits into this second's messages; protection never waits for a slot."""
    link, quantity = case.state.link, case.cycle.quantity
    # A count from a later second, of a clock that stepped back, still counts.
    sent = link.messages if link.messages_second >= int(case.now.timestamp()) else 0
    if not is_count(quantity):
        return refusal("MESSAGE_RATE", "the quantity is no number of contracts")
    after = sent + 2 * quantity
    if after > case.limits.messages_per_second_max:
        return refusal("MESSAGE_RATE", f"{after} messages in one second")
    return _yes("MESSAGE_RATE")


def bracket_is_what_was_judged(case: Case) -> Verdict:
    """The orders that would be sent are the proposal's own: one-lot entries, each with its stop.

    The other guards judge the signal's numbers; this one joins them to the bytes.
    """
    bracket, cycle, contract = case.proposal.bracket, case.cycle, case.proposal.contract
    if isinstance(bracket, str) or contract is None:
        return refusal("BRACKET_MISMATCH", "there is no bracket to send")
    signal = cycle.signal
    try:
        prices = (contract.instrument.ticks(leg or 0) for leg in (signal.stop, signal.target))
        judged = (cycle.cycle_id, cycle.con_id, cycle.side, signal.side, *prices, cycle.quantity)
    except OffGridError as error:
        return refusal("BRACKET_MISMATCH", str(error))
    sent = (bracket.cycle_id, bracket.con_id, bracket.side, bracket.side)
    if (*sent, bracket.stop, bracket.target, len(bracket.lots)) != judged:
        return refusal("BRACKET_MISMATCH", "the bracket differs from what the signal proposed")
    for number, lot in enumerate(bracket.lots, 1):
        wrong = wrong_order(bracket, lot, number=number, limits=case.limits)
        if wrong:
            return refusal("BRACKET_MISMATCH", wrong)
    return _yes("BRACKET_MISMATCH")


ENTRY_GUARDS: Final[tuple[Guard, ...]] = (
    mode_is_normal,
    contract_is_allowed,
    contract_is_not_rolling,
    session_is_open,
    session_has_time_left,
    data_is_fresh,
    data_is_live,
    book_is_not_crossed,
    clock_agrees,
    indicators_are_warm,
    cooldown_is_over,
    signal_is_new,
    day_has_entries_left,
    losses_are_few,
    no_cycle_is_open,
    no_entry_opposes,
    no_foreign_order,
    position_stays_in_limit,
    daily_loss_stays_in_limit,
    drawdown_stays_in_limit,
    price_is_near_the_market,
    message_rate_has_room,
    confidence_is_enough,
)


def bracket_verdicts(case: Case) -> list[Verdict]:
    """The bracket's own verdicts, judged at every price at which the entry may fill now."""
    cycle, contract = case.cycle, case.proposal.contract
    if contract is None:
        return [refusal(code, "the contract is unknown") for code in BRACKET_CODES]
    asked = AskedBracket(
        cycle.side,
        cycle.signal.entry,
        cycle.signal.stop,
        cycle.signal.target,
        cycle.quantity,
        _fill_prices(case, contract),
    )
    verdicts = judge_bracket(asked, instrument=contract.instrument, limits=case.limits)
    return [*verdicts, bracket_is_what_was_judged(case)]


def _fill_prices(case: Case, contract: FuturesContract) -> tuple[Decimal, ...]:
    """The far touch, where the entry fills now, and its limit, the worst that it may pay."""
    bracket, quote = case.proposal.bracket, case.quote
    if isinstance(bracket, str) or quote is None:
        return ()
    touch = quote.ask if bracket.side is Side.BUY else quote.bid
    prices = (bracket.entry,) if touch is None else (bracket.entry, touch)
    return tuple(contract.instrument.price(ticks) for ticks in prices)
