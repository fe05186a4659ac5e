"""Entry guards: each answers one question about a proposal, with one stable code.

A guard is a function of a `Case`. All of them run on every proposal. Passing verdicts carry no
text and are made once, so that a decision costs microseconds; refusals say what was seen and what
was allowed. Data that is missing is a refusal with the code of the guard that needs it. What
needs the hours, closed lists, the market or the account is in `session_guards`, `rule_guards`,
`market_guards` and `account_guards`; this module holds the others, and the list of all.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Final

from mytrader.domain.cycle import Phase
from mytrader.domain.instrument import FuturesContract
from mytrader.domain.orders import (
    Side,
    Verdict,
    refusal,
)
from mytrader.domain.trader import Mode
from mytrader.execution.account_guards import (
    daily_loss_stays_in_limit,
    drawdown_stays_in_limit,
    margin_suffices,
    position_stays_in_limit,
)
from mytrader.execution.bracket_family import wrong_order
from mytrader.execution.bracket_guards import (
    BRACKET_CODES,
    BRACKET_PASSED,
    AskedBracket,
    TickBracket,
    bracket_holds,
    counted,
    judge_bracket,
)
from mytrader.execution.entry_case import Case, Proposal, open_case, passed
from mytrader.execution.exposure import position_text
from mytrader.execution.market_guards import (
    book_is_not_crossed,
    clock_agrees,
    data_is_fresh,
    data_is_live,
    price_is_inside_its_limits,
    price_is_near_the_market,
)
from mytrader.execution.rule_guards import nothing_is_closed_by_rule
from mytrader.execution.session_guards import (
    broker_is_not_reset,
    no_release_is_near,
    session_has_time_left,
    session_is_open,
)

__all__ = ["ENTRY_GUARDS", "Case", "Guard", "Proposal", "bracket_verdicts", "open_case"]

Guard = Callable[[Case], Verdict]

_NORMAL: Final = Mode.NORMAL
_PROPOSED: Final = Phase.PROPOSED
_BUY: Final = Side.BUY
_ONE_MINUTE: Final = timedelta(minutes=1)
_OK_MODE: Final = passed("MODE")
_OK_CONTRACT_NOT_ALLOWED: Final = passed("CONTRACT_NOT_ALLOWED")
_OK_ROLL_WINDOW: Final = passed("ROLL_WINDOW")
_OK_NOT_WARM: Final = passed("NOT_WARM")
_OK_COOLDOWN: Final = passed("COOLDOWN")
_OK_DUPLICATE_SIGNAL: Final = passed("DUPLICATE_SIGNAL")
_OK_TRADE_COUNT: Final = passed("TRADE_COUNT")
_OK_LOSS_STREAK: Final = passed("LOSS_STREAK")
_OK_POSITION_OPEN: Final = passed("POSITION_OPEN")
_OK_OPPOSITE_ENTRY: Final = passed("OPPOSITE_ENTRY")
_OK_FOREIGN_ORDER: Final = passed("FOREIGN_ORDER")
_OK_MESSAGE_RATE: Final = passed("MESSAGE_RATE")
_OK_LOW_CONFIDENCE: Final = passed("LOW_CONFIDENCE")
_OK_BRACKET_MISMATCH: Final = passed("BRACKET_MISMATCH")


def mode_is_normal(case: Case) -> Verdict:
    """Entries only in NORMAL, and only while the broker hears us."""
    if case.state.mode is not _NORMAL:
        return refusal("MODE", f"{case.state.mode}: {case.state.mode_why}")
    if not case.state.link.up:
        return refusal("MODE", "the link to the broker is down")
    return _OK_MODE


def contract_is_allowed(case: Case) -> Verdict:
    """Only contracts of the configured instruments that the broker has described."""
    contract = case.proposal.contract
    if contract is None or contract.con_id != case.cycle.con_id:
        return refusal("CONTRACT_NOT_ALLOWED", f"contract {case.cycle.con_id} is unknown")
    if contract.instrument.symbol not in case.limits.symbols_allowed:
        return refusal("CONTRACT_NOT_ALLOWED", f"{contract.instrument.symbol} is not configured")
    return _OK_CONTRACT_NOT_ALLOWED


def contract_is_not_rolling(case: Case) -> Verdict:
    """No entry in a contract that expires within the roll window."""
    contract = case.proposal.contract
    if contract is None:
        return refusal("ROLL_WINDOW", "the expiry is unknown")
    days = (contract.expiry - case.times.trading_date).days
    if days < case.limits.roll_days_before_expiry:
        return refusal("ROLL_WINDOW", f"{contract.local_symbol} expires in {counted(days, 'day')}")
    return _OK_ROLL_WINDOW


def indicators_are_warm(case: Case) -> Verdict:
    """Enough bars for every indicator of the signal."""
    if not case.cycle.signal.warm:
        return refusal("NOT_WARM", "too few bars for the indicators")
    return _OK_NOT_WARM


def cooldown_is_over(case: Case) -> Verdict:
    """Some minutes lie between two entries."""
    last = case.day.last_entry_at
    if last is not None and case.now - last < case.limits.cooldown:
        ago = (case.now - last).total_seconds()
        return refusal("COOLDOWN", f"the last entry was {ago:.0f} s ago")
    return _OK_COOLDOWN


def signal_is_new(case: Case) -> Verdict:
    """The same strategy may not propose the same side twice within one minute."""
    last = case.day.last_signal
    if last is not None and case.now - last[2] < _ONE_MINUTE:
        key = (case.cycle.con_id, f"{case.cycle.signal.strategy} {case.cycle.side}")
        if last[:2] == key:
            at = f"{last[2]:%H:%M:%S} UTC"
            return refusal("DUPLICATE_SIGNAL", f"{key[1]} was proposed at {at}")
    return _OK_DUPLICATE_SIGNAL


def day_has_entries_left(case: Case) -> Verdict:
    """A ceiling on entries per day."""
    if case.day.entries >= case.limits.daily_trades_max:
        return refusal("TRADE_COUNT", f"entries today: {case.day.entries}")
    return _OK_TRADE_COUNT


def losses_are_few(case: Case) -> Verdict:
    """A run of losses ends the day's entries."""
    if case.day.losses_in_a_row >= case.limits.loss_streak_max:
        return refusal("LOSS_STREAK", f"losses in a row: {case.day.losses_in_a_row}")
    return _OK_LOSS_STREAK


def no_cycle_is_open(case: Case) -> Verdict:
    """One cycle per contract, and a position that is known to be flat."""
    for other in case.state.cycles.values():
        if (
            other.con_id == case.cycle.con_id
            and other.cycle_id != case.cycle.cycle_id
            and other.phase is not _PROPOSED
        ):
            return refusal("POSITION_OPEN", f"cycle {other.cycle_id} is {other.phase}")
    if case.position != (0, 0):
        return refusal("POSITION_OPEN", position_text(*case.position))
    return _OK_POSITION_OPEN


def no_entry_opposes(case: Case) -> Verdict:
    """Never entries on both sides of a contract, nor against its position."""
    side = case.cycle.side
    _, _, entry_buys, entry_sells = case.working
    if side is _BUY:
        entries, against = entry_sells, -case.position[0]
    else:
        entries, against = entry_buys, case.position[1]
    if entries > 0:
        return refusal("OPPOSITE_ENTRY", f"{entries} {side.opposite} may still fill as an entry")
    if against > 0:
        return refusal("OPPOSITE_ENTRY", f"{side}, and {position_text(*case.position)}")
    return _OK_OPPOSITE_ENTRY


def no_foreign_order(case: Case) -> Verdict:
    """Orders of other people on the contract are theirs to finish first."""
    for order in case.state.foreign.values():
        if order.con_id == case.cycle.con_id and order.remaining:
            return refusal("FOREIGN_ORDER", f"perm id {order.perm_id} works on the contract")
    return _OK_FOREIGN_ORDER


def message_rate_has_room(case: Case) -> Verdict:
    """The whole bracket fits into this second's messages; protection never waits for a slot."""
    link = case.state.link
    # A count from a later second, of a clock that stepped back, still counts.
    sent = link.messages if link.messages_second >= case.times.epoch_second else 0
    if not case.countable:
        return refusal("MESSAGE_RATE", "the quantity is no number of contracts")
    after = sent + 2 * case.cycle.quantity
    if after > case.limits.messages_per_second_max:
        return refusal("MESSAGE_RATE", f"{after} messages in one second")
    return _OK_MESSAGE_RATE


def confidence_is_enough(case: Case) -> Verdict:
    """The final confidence reaches the minimum; NaN and None do not."""
    confidence = case.cycle.confidence
    least = case.limits.confidence_min
    if confidence is None or not least <= confidence <= 1:
        seen = "unknown" if confidence is None else f"{confidence:.3f}"
        return refusal("LOW_CONFIDENCE", f"{seen}, at least {least:.2f}")
    return _OK_LOW_CONFIDENCE


def bracket_is_what_was_judged(case: Case) -> Verdict:
    """The orders that would be sent are the proposal's own: one-lot entries, each with its stop.

    The other guards judge the signal's numbers; this one joins them to the bytes.
    """
    bracket, cycle, contract = case.proposal.bracket, case.cycle, case.proposal.contract
    if isinstance(bracket, str) or contract is None:
        return refusal("BRACKET_MISMATCH", "there is no bracket to send")
    ticks = case.ticks
    judged = (cycle.cycle_id, cycle.con_id, ticks.stop, ticks.target, cycle.quantity)
    sent = (bracket.cycle_id, bracket.con_id, bracket.stop, bracket.target, len(bracket.lots))
    if sent != judged or not bracket.side is cycle.side is cycle.signal.side:
        return refusal("BRACKET_MISMATCH", "the bracket differs from what the signal proposed")
    for number, lot in enumerate(bracket.lots, 1):
        wrong = wrong_order(bracket, lot, number=number, limits=case.limits)
        if wrong:
            return refusal("BRACKET_MISMATCH", wrong)
    return _OK_BRACKET_MISMATCH


ENTRY_GUARDS: Final[tuple[Guard, ...]] = (
    mode_is_normal,
    contract_is_allowed,
    contract_is_not_rolling,
    session_is_open,
    session_has_time_left,
    broker_is_not_reset,
    no_release_is_near,
    nothing_is_closed_by_rule,
    data_is_fresh,
    data_is_live,
    book_is_not_crossed,
    clock_agrees,
    price_is_inside_its_limits,
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
    margin_suffices,
    price_is_near_the_market,
    message_rate_has_room,
    confidence_is_enough,
)


def bracket_verdicts(case: Case) -> list[Verdict]:
    """The bracket's own verdicts, judged at every price at which the entry may fill now."""
    contract = case.proposal.contract
    if contract is None:
        return [refusal(code, "the contract is unknown") for code in BRACKET_CODES]
    mismatch = bracket_is_what_was_judged(case)
    fills, ticks = _fill_ticks(case), case.ticks
    if ticks.entry is not None and ticks.stop is not None and ticks.target is not None:
        whole = TickBracket(
            case.cycle.side, (ticks.entry, *fills), ticks.stop, ticks.target, case.cycle.quantity
        )
        if bracket_holds(whole, instrument=contract.instrument, limits=case.limits):
            return [*BRACKET_PASSED, mismatch]
    return [*_judge_in_points(case, contract, fills=fills), mismatch]


def _judge_in_points(
    case: Case, contract: FuturesContract, *, fills: tuple[int, ...]
) -> list[Verdict]:
    """Say exactly what is wrong with a bracket, whatever its prices are."""
    cycle, signal, price = case.cycle, case.cycle.signal, contract.instrument.price
    prices: tuple[Decimal, ...] = tuple(price(fill) for fill in fills)
    asked = AskedBracket(
        cycle.side, signal.entry, signal.stop, signal.target, cycle.quantity, prices
    )
    return judge_bracket(asked, instrument=contract.instrument, limits=case.limits)


def _fill_ticks(case: Case) -> tuple[int, ...]:
    """The limit, the worst that the entry may pay, and the far touch, where it fills now."""
    bracket, quote = case.proposal.bracket, case.quote
    if isinstance(bracket, str) or quote is None:
        return ()
    touch = quote.ask if bracket.side is _BUY else quote.bid
    return (bracket.entry,) if touch is None else (bracket.entry, touch)
