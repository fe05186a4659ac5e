"""Entry guards: each answers one question about a proposal, with one stable code.

A guard is a function of (proposal, state, now). All of them run on every proposal. Passing
verdicts carry no text, so that a decision costs microseconds; refusals say what was seen and
what was allowed. Data that is missing is a refusal with the code of the guard that needs it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.domain.cycle import Phase, TradeCycle
from mytrader.domain.instrument import FuturesContract
from mytrader.domain.orders import Bracket, Side, Verdict, refusal
from mytrader.domain.session import session_at, trading_date
from mytrader.domain.trader import Mode, TraderState
from mytrader.execution.bracket_guards import (
    ORDER_SIZE_CEILING,
    judge_bracket,
    loss_at_stop_usd,
)
from mytrader.execution.exposure import exposures, rho


class Proposal(Struct, frozen=True):
    """What is to be judged. `bracket` is a reason code when none could be built."""

    cycle: TradeCycle
    contract: FuturesContract | None
    bracket: Bracket | str


Guard = Callable[[Proposal, TraderState, datetime], Verdict]
_PASSED: Final[dict[str, Verdict]] = {}


def _yes(code: str) -> Verdict:
    verdict = _PASSED.get(code)
    if verdict is None:
        verdict = _PASSED[code] = Verdict(code, approved=True, detail="")
    return verdict


def mode_is_normal(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Entries only in NORMAL, and only while the broker hears us."""
    if state.mode is not Mode.NORMAL:
        return refusal("MODE", f"{state.mode}: {state.mode_why}")
    if not state.link.up:
        return refusal("MODE", "the link to the broker is down")
    return _yes("MODE")


def contract_is_allowed(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Only contracts of the configured instruments that the broker has described."""
    contract = proposal.contract
    if contract is None:
        return refusal("CONTRACT_NOT_ALLOWED", f"contract {proposal.cycle.con_id} is unknown")
    if contract.instrument.symbol not in state.limits.symbols_allowed:
        return refusal("CONTRACT_NOT_ALLOWED", f"{contract.instrument.symbol} is not configured")
    return _yes("CONTRACT_NOT_ALLOWED")


def contract_is_not_rolling(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """No entry in a contract that expires within the roll window."""
    contract = proposal.contract
    if contract is None:
        return refusal("ROLL_WINDOW", "the expiry is unknown")
    days = (contract.expiry - trading_date(now)).days
    if days < state.limits.roll_days_before_expiry:
        return refusal("ROLL_WINDOW", f"{contract.local_symbol} expires in {days} days")
    return _yes("ROLL_WINDOW")


def session_is_open(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """The exchange trades this contract now."""
    sessions = state.sessions.get(proposal.cycle.con_id, ())
    if session_at(sessions, now) is None:
        return refusal("SESSION_CLOSED", f"no session contains {now:%Y-%m-%d %H:%M} UTC")
    return _yes("SESSION_CLOSED")


def session_has_time_left(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """No entry in the last minutes of a session."""
    session = session_at(state.sessions.get(proposal.cycle.con_id, ()), now)
    if session is None:
        return refusal("SESSION_END", "the end of the session is unknown")
    left = session[1] - now
    if left < state.limits.no_entry_before_close:
        return refusal("SESSION_END", f"{left} to the close")
    return _yes("SESSION_END")


def data_is_fresh(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """The last quote is recent, and has both sides."""
    quote = state.quotes.get(proposal.cycle.con_id)
    if quote is None or quote.bid is None or quote.ask is None:
        return refusal("STALE_DATA", "no two-sided quote")
    age = now - quote.seen_at
    if age > state.limits.quote_age_max:
        return refusal("STALE_DATA", f"the last quote is {age.total_seconds():.1f} s old")
    return _yes("STALE_DATA")


def data_is_live(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Delayed data is no basis for an order."""
    quote = state.quotes.get(proposal.cycle.con_id)
    if quote is None or quote.delayed:
        return refusal("DELAYED_DATA", "the feed is delayed" if quote else "no quote")
    return _yes("DELAYED_DATA")


def book_is_not_crossed(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Bid below ask; a crossed book is a broken feed."""
    quote = state.quotes.get(proposal.cycle.con_id)
    if quote is None or quote.crossed:
        return refusal(
            "CROSSED_BOOK", f"bid {quote.bid}, ask {quote.ask}" if quote else "no quote"
        )
    return _yes("CROSSED_BOOK")


def clock_agrees(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Neither the feed nor our own past may lie in the future."""
    quote = state.quotes.get(proposal.cycle.con_id)
    newest = state.newest_at
    if quote is None or newest is None:
        return refusal("CLOCK_SKEW", "no time to compare with")
    ahead = max(newest, quote.seen_at) - now
    if ahead > state.limits.clock_skew_max:
        return refusal("CLOCK_SKEW", f"the clock is {ahead.total_seconds():.1f} s behind")
    return _yes("CLOCK_SKEW")


def indicators_are_warm(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Enough bars for every indicator of the signal."""
    if not proposal.cycle.signal.warm:
        return refusal("NOT_WARM", "too few bars for the indicators")
    return _yes("NOT_WARM")


def confidence_is_enough(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """The final confidence reaches the minimum; NaN and None do not."""
    confidence = proposal.cycle.confidence
    if confidence is None or not state.limits.confidence_min <= confidence <= 1:
        shown = "unknown" if confidence is None else f"{confidence:.3f}"
        return refusal("LOW_CONFIDENCE", f"{shown}, at least {state.limits.confidence_min:.2f}")
    return _yes("LOW_CONFIDENCE")


def cooldown_is_over(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Some minutes lie between two entries."""
    last = state.day.last_entry_at
    if last is not None and now - last < state.limits.cooldown:
        return refusal("COOLDOWN", f"the last entry was {(now - last).total_seconds():.0f} s ago")
    return _yes("COOLDOWN")


def signal_is_new(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """The same strategy may not propose the same side twice within one minute."""
    key = (proposal.cycle.con_id, f"{proposal.cycle.signal.strategy} {proposal.cycle.side}")
    last = state.day.last_signal
    if last is not None and last[:2] == key and now - last[2] < timedelta(minutes=1):
        return refusal("DUPLICATE_SIGNAL", f"{key[1]} was proposed at {last[2]:%H:%M:%S} UTC")
    return _yes("DUPLICATE_SIGNAL")


def day_has_entries_left(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """A ceiling on entries per day."""
    entries = state.ledger(now).entries
    if entries >= state.limits.daily_trades_max:
        return refusal("TRADE_COUNT", f"{entries} entries today")
    return _yes("TRADE_COUNT")


def losses_are_few(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """A run of losses ends the day's entries."""
    losses = state.ledger(now).losses_in_a_row
    if losses >= state.limits.loss_streak_max:
        return refusal("LOSS_STREAK", f"{losses} losses in a row")
    return _yes("LOSS_STREAK")


def no_cycle_is_open(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """One cycle per contract, and a position that is known to be flat."""
    cycle = proposal.cycle
    for other in state.cycles.values():
        if (
            other.con_id == cycle.con_id
            and other.cycle_id != cycle.cycle_id
            and other.phase is not Phase.PROPOSED
        ):
            return refusal("POSITION_OPEN", f"cycle {other.cycle_id} is {other.phase}")
    low, high = state.position(cycle.con_id).interval
    if (low, high) != (0, 0):
        return refusal("POSITION_OPEN", f"the position may be anything from {low} to {high}")
    return _yes("POSITION_OPEN")


def no_entry_opposes(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Never entries on both sides of a contract, nor against its position."""
    cycle = proposal.cycle
    against = cycle.side.opposite
    for other in state.cycles.values():
        if other.con_id == cycle.con_id and any(
            not order.spec.reduce_only and order.live and order.spec.side is against
            for order in other.orders.values()
        ):
            return refusal("OPPOSITE_ENTRY", f"a {against} entry of {other.cycle_id} works")
    low, high = state.position(cycle.con_id).interval
    if (low if cycle.side is Side.BUY else -high) < 0:
        return refusal("OPPOSITE_ENTRY", f"{cycle.side} against {low}..{high}")
    return _yes("OPPOSITE_ENTRY")


def no_foreign_order(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Orders of other people on the contract are theirs to finish first."""
    for order in state.foreign.values():
        if order.con_id == proposal.cycle.con_id and order.remaining:
            return refusal("FOREIGN_ORDER", f"perm id {order.perm_id} works on the contract")
    return _yes("FOREIGN_ORDER")


def position_stays_in_limit(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """`UP <= limit` and `DN >= -limit` with everything that works, and this entry, filled."""
    cycle = proposal.cycle
    most = min(state.limits.position_size_max, ORDER_SIZE_CEILING)
    low, high = state.position(cycle.con_id).interval
    up, down = high, low
    for order in exposures(state, cycle.con_id):
        if order.side > 0:
            up += order.rho
        else:
            down -= order.rho
    if cycle.side is Side.BUY:
        up += cycle.quantity
    else:
        down -= cycle.quantity
    if up > most or down < -most:
        return refusal("POSITION_LIMIT", f"{down}..{up} is reachable, limit {most}")
    return _yes("POSITION_LIMIT")


def worst_case_usd(state: TraderState) -> Decimal:
    """Dollars at risk in what is open or working, were every position to end at its stop.

    A cycle whose stop is unknown counts at the loss limit per trade.
    """
    worst = Decimal(0)
    for cycle in state.cycles.values():
        contract = state.contracts.get(cycle.con_id)
        lots = cycle.position * cycle.side.sign
        lots += sum(
            rho(order, cycle.orders)
            for order in cycle.orders.values()
            if not order.spec.reduce_only
        )
        if lots <= 0:
            continue
        if contract is None or cycle.stop is None:
            worst += state.limits.loss_usd_trade_max * lots
            continue
        paid = [fill.price for fill in cycle.fills if fill.side is cycle.side]
        entries = paid or [o.spec.limit for o in cycle.orders.values() if not o.spec.reduce_only]
        worst_price = max(entries) if cycle.side is Side.BUY else min(entries)
        distance = max((worst_price - cycle.stop) * cycle.side.sign, 0)
        worst += loss_at_stop_usd(contract.instrument, Decimal(distance), lots)
    return worst


def _at_risk_usd(proposal: Proposal, state: TraderState) -> Decimal | None:
    """What is at risk with this entry in it, dollars; `None` if that cannot be said."""
    contract, bracket = proposal.contract, proposal.bracket
    if contract is None or isinstance(bracket, str):
        return None
    distance = Decimal(abs(bracket.entry - bracket.stop))
    own = loss_at_stop_usd(contract.instrument, distance, bracket.quantity)
    return worst_case_usd(state) + own


def daily_loss_stays_in_limit(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """Realised today, less the worst case of everything to its stop, stays above the limit."""
    risk = _at_risk_usd(proposal, state)
    if risk is None:
        return refusal("DAILY_LOSS", "the risk of the entry is unknown")
    outcome = state.ledger(now).realised_usd - risk
    if outcome < -state.limits.loss_usd_daily_max:
        return refusal(
            "DAILY_LOSS", f"${outcome:.2f} possible, limit {state.limits.loss_usd_daily_max}"
        )
    return _yes("DAILY_LOSS")


def drawdown_stays_in_limit(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """The fall from the equity peak since the start, worst case included, stays in the limit."""
    risk = _at_risk_usd(proposal, state)
    if risk is None:
        return refusal("DRAWDOWN", "the risk of the entry is unknown")
    fall = state.equity_peak_usd - state.equity_usd + risk
    if fall > state.limits.drawdown_usd_max:
        return refusal("DRAWDOWN", f"${fall:.2f} possible, limit {state.limits.drawdown_usd_max}")
    return _yes("DRAWDOWN")


def price_is_near_the_market(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """The worst entry price and the signal's own lie within the collar around the last quote."""
    quote = state.quotes.get(proposal.cycle.con_id)
    bracket, contract = proposal.bracket, proposal.contract
    if quote is None or contract is None or isinstance(bracket, str):
        return refusal("PRICE_COLLAR", "no price to compare with")
    touch = quote.ask if bracket.side is Side.BUY else quote.bid
    if touch is None:
        return refusal("PRICE_COLLAR", "no price to compare with")
    proposed = contract.instrument.price(touch) - proposal.cycle.signal.entry
    drift = abs(proposed) / contract.instrument.tick_size
    distance = max(Decimal(abs(bracket.entry - touch)), drift)
    if not distance <= state.limits.price_collar_ticks:
        return refusal("PRICE_COLLAR", f"{distance} ticks from the market")
    return _yes("PRICE_COLLAR")


def message_rate_has_room(proposal: Proposal, state: TraderState, now: datetime) -> Verdict:
    """The whole bracket fits into this second's messages; protection never waits for a slot."""
    link = state.link
    sent = link.messages if link.messages_second == int(now.timestamp()) else 0
    after = sent + 2 * proposal.cycle.quantity
    if after > state.limits.messages_per_second_max:
        return refusal("MESSAGE_RATE", f"{after} messages in one second")
    return _yes("MESSAGE_RATE")


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


def bracket_verdicts(proposal: Proposal, state: TraderState) -> list[Verdict]:
    """The bracket's own verdicts, judged at the worst price at which the entry may fill."""
    cycle, contract, bracket = proposal.cycle, proposal.contract, proposal.bracket
    if contract is None:
        return [refusal("MAX_LOSS_PER_TRADE", "the contract is unknown")]
    worst = None if isinstance(bracket, str) else contract.instrument.price(bracket.entry)
    return judge_bracket(
        cycle.side,
        cycle.signal.entry,
        stop_loss=cycle.signal.stop,
        take_profit=cycle.signal.target,
        quantity=cycle.quantity,
        instrument=contract.instrument,
        limits=state.limits,
        worst_entry=worst,
    )
