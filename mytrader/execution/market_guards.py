"""What the market must look like for an entry: a fresh, live, sane quote, away from its limits."""

from decimal import Decimal
from typing import Final

from mytrader.domain.instrument import FuturesContract, OffGridError
from mytrader.domain.orders import Side, Verdict, refusal
from mytrader.domain.price_limits import price_limits
from mytrader.execution.bracket_guards import counted
from mytrader.execution.entry_case import Case, passed

_FRESH: Final = passed("STALE_DATA")
_LIVE: Final = passed("DELAYED_DATA")
_NOT_CROSSED: Final = passed("CROSSED_BOOK")
_CLOCK_AGREES: Final = passed("CLOCK_SKEW")
_IN_LIMITS: Final = passed("PRICE_LIMIT")
_NEAR: Final = passed("PRICE_COLLAR")
_BUY: Final = Side.BUY


def data_is_fresh(case: Case) -> Verdict:
    """The last quote is recent and has both sides; so are the last bar and the proposal."""
    quote, most = case.quote, case.limits.quote_age_max
    if quote is None or not _is_price(quote.bid) or not _is_price(quote.ask):
        return refusal("STALE_DATA", "no two-sided quote")
    age = case.now - quote.seen_at
    if age > most:
        return refusal("STALE_DATA", f"the last quote is {age.total_seconds():.1f} s old")
    age = case.now - case.cycle.proposed_at
    if age > most:
        return refusal("STALE_DATA", f"the proposal is {age.total_seconds():.1f} s old")
    bar_ended = case.state.bars.get(case.cycle.con_id)
    if bar_ended is None:
        return refusal("STALE_DATA", "no bar has closed")
    age = case.now - bar_ended
    if age > most:
        return refusal("STALE_DATA", f"the last bar ended {age.total_seconds():.1f} s ago")
    return _FRESH


def _is_price(ticks: int | None) -> bool:
    return ticks is not None and ticks > 0


def data_is_live(case: Case) -> Verdict:
    """Delayed data is no basis for an order."""
    if case.quote is None or case.quote.delayed:
        return refusal("DELAYED_DATA", "the feed is delayed" if case.quote else "no quote")
    return _LIVE


def book_is_not_crossed(case: Case) -> Verdict:
    """Bid below ask; a crossed book is a broken feed."""
    quote = case.quote
    if quote is None:
        return refusal("CROSSED_BOOK", "no quote")
    if quote.bid is not None and quote.ask is not None and quote.bid >= quote.ask:
        return refusal("CROSSED_BOOK", f"bid {quote.bid}, ask {quote.ask}")
    return _NOT_CROSSED


def clock_agrees(case: Case) -> Verdict:
    """Neither the feed nor our own past may lie in the future."""
    newest = case.state.newest_at
    if case.quote is None or newest is None:
        return refusal("CLOCK_SKEW", "no time to compare with")
    latest = case.now + case.limits.clock_skew_max
    if newest > latest or case.quote.seen_at > latest:
        ahead = max(newest, case.quote.seen_at) - case.now
        return refusal("CLOCK_SKEW", f"the clock is {ahead.total_seconds():.1f} s behind")
    return _CLOCK_AGREES


def price_is_inside_its_limits(case: Case) -> Verdict:
    """Market, entry and stop lie away from the day's price limits: beyond one nobody trades."""
    quote, bracket = case.quote, case.proposal.bracket
    settlement = case.state.settlements.get(case.cycle.con_id)
    if settlement is None or settlement <= 0:
        return refusal("PRICE_LIMIT", "the last settlement is unknown")
    if quote is None or quote.bid is None or quote.ask is None:
        return refusal("PRICE_LIMIT", "no price to compare")
    low, high = price_limits(settlement, case.times.exchange_minute)
    lowest, highest = quote.bid, quote.ask
    if not isinstance(bracket, str):
        lowest = min(lowest, bracket.entry, bracket.stop)
        highest = max(highest, bracket.entry, bracket.stop)
    least, room = case.limits.price_limit_distance_ticks_min, lowest - low
    if high is not None and high - highest < room:
        room = high - highest
    if room < least:
        seen = f"{counted(room, 'tick')} to a price limit, at least {least}"
        return refusal("PRICE_LIMIT", f"{seen} (settlement {settlement})")
    return _IN_LIMITS


def price_is_near_the_market(case: Case) -> Verdict:
    """The order's price, the signal's and the other side of the book lie within the collar."""
    quote, bracket, contract = case.quote, case.proposal.bracket, case.proposal.contract
    if quote is None or quote.bid is None or quote.ask is None:
        return refusal("PRICE_COLLAR", "no price to compare with")
    if contract is None or isinstance(bracket, str):
        return refusal("PRICE_COLLAR", "no price to compare")
    touch, most = quote.ask if bracket.side is _BUY else quote.bid, case.limits.price_collar_ticks
    paid, spread = abs(bracket.entry - touch), quote.ask - quote.bid
    drift = _drift(case, contract, touch=touch)
    if isinstance(drift, str):
        return refusal("PRICE_COLLAR", drift)
    if drift > most or paid > most or spread > most:
        away = counted(max(Decimal(drift), Decimal(paid), Decimal(spread)), "tick")
        return refusal("PRICE_COLLAR", f"{away} from the market")
    return _NEAR


def _drift(case: Case, contract: FuturesContract, *, touch: int) -> Decimal | int | str:
    """Ticks from the signal's entry to the market, or why the entry is no price."""
    if case.ticks.entry is not None:
        return abs(case.ticks.entry - touch)
    try:
        return abs(contract.instrument.exact_ticks(case.cycle.signal.entry) - touch)
    except OffGridError as error:
        return str(error)
