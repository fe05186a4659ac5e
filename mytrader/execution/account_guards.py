"""What the account can bear: position, related contracts, losses, margin.

Everything that works counts as filled and everything open as ended at its stop, on all contracts.
"""

from decimal import Decimal
from typing import Final

from mytrader.domain.known import Known
from mytrader.domain.limits import is_amount
from mytrader.domain.orders import Side, Verdict, refusal
from mytrader.domain.positions import UNBOUNDED
from mytrader.execution.entry_case import Case, passed
from mytrader.execution.exposure import position_text
from mytrader.execution.order_builder import ORDER_SIZE_CEILING

_IN_POSITION: Final = passed("POSITION_LIMIT")
_IN_DAILY_LOSS: Final = passed("DAILY_LOSS")
_IN_DRAWDOWN: Final = passed("DRAWDOWN")
_IN_MARGIN: Final = passed("MARGIN")
_BUY: Final = Side.BUY


def position_stays_in_limit(case: Case) -> Verdict:
    """The position in the contract, and the net of related contracts, stay within their limits.

    The net counts in dollars per index point, so that one ES and ten MES are the same.
    """
    alone = position_alone_stays_in_limit(case)
    return _judge_net(case) if alone.approved else alone


def position_alone_stays_in_limit(case: Case) -> Verdict:
    """`UP <= limit` and `DN >= -limit` with everything that works, and this entry, filled."""
    if not case.countable:
        return refusal("POSITION_LIMIT", "the quantity is no number of contracts")
    (low, high), (buys, sells, _, _) = case.position, case.working
    up, down = high + buys, low - sells
    if case.cycle.side is _BUY:
        up += case.cycle.quantity
    else:
        down -= case.cycle.quantity
    most = case.limits.position_size_max
    if up > most or down < -most or not -ORDER_SIZE_CEILING <= down <= up <= ORDER_SIZE_CEILING:
        known = high - low < UNBOUNDED
        seen = f"{down}..{up} is reachable" if known else position_text(low, high)
        return refusal("POSITION_LIMIT", f"{seen}, limit {min(most, ORDER_SIZE_CEILING)}")
    return _IN_POSITION


def _judge_net(case: Case) -> Verdict:
    standing, most = case.standing, case.limits.net_cents_per_point_max
    if standing.unknown:
        return refusal("POSITION_LIMIT", standing.unknown)
    longest, shortest = standing.longest_usd, standing.shortest_usd
    if longest * 100 > most or shortest * 100 < -most:
        if longest - shortest >= UNBOUNDED:
            return refusal("POSITION_LIMIT", "the position of a related contract is unknown")
        reached = f"${shortest}..${longest} per point is reachable with related contracts"
        limit = case.limits.net_usd_per_point_max
        return refusal("POSITION_LIMIT", f"{reached}, limit ${limit}")
    return _IN_POSITION


def daily_loss_stays_in_limit(case: Case) -> Verdict:
    """Realised today, less the worst case of everything to its stop, stays above the limit."""
    realised = case.day.realised_usd
    if case.risk_cents is None or not is_amount(realised):
        return refusal("DAILY_LOSS", "the risk of the entry is unknown")
    if case.risk_cents - realised * 100 > case.limits.loss_cents_daily_max:
        loss = Decimal(case.risk_cents) / 100 - realised
        most = case.limits.loss_usd_daily_max
        return refusal("DAILY_LOSS", f"a loss of ${loss:.2f} today is possible, limit ${most}")
    return _IN_DAILY_LOSS


def drawdown_stays_in_limit(case: Case) -> Verdict:
    """The fall from the equity peak since the start, worst case included, stays in the limit."""
    equity, peak = case.state.equity_usd, case.state.equity_peak_usd
    if case.risk_cents is None or not is_amount(equity) or not is_amount(peak):
        return refusal("DRAWDOWN", "the risk of the entry is unknown")
    fallen = peak - equity
    if case.risk_cents + fallen * 100 > case.limits.drawdown_cents_max:
        fall = Decimal(case.risk_cents) / 100 + fallen
        most = case.limits.drawdown_usd_max
        return refusal("DRAWDOWN", f"a fall of ${fall:.2f} is possible, limit ${most}")
    return _IN_DRAWDOWN


def margin_suffices(case: Case) -> Verdict:
    """The broker's word on the entry and our own table both leave the account its margin.

    A broker that did not say, or said its "not set", has not said that there is enough.
    """
    said = case.cycle.margin
    if not isinstance(said, Known):
        why = "the broker was not asked" if said is None else said.why
        return refusal("MARGIN", f"the margin of the entry is unknown: {why}")
    initial, equity = said.value.initial_usd, said.value.equity_usd
    if not is_amount(initial) or not is_amount(equity) or initial <= 0:
        return refusal("MARGIN", f"initial margin {initial}, equity {equity} are no amounts")
    least = case.limits.margin_excess_usd_min
    if not is_amount(least) or equity - initial < least:
        left = f"${equity - initial:.2f} above the initial margin of ${initial:.2f}"
        return refusal("MARGIN", f"the entry leaves {left}, at least ${least}")
    if case.standing.unknown:
        return refusal("MARGIN", case.standing.unknown)
    needed = case.standing.margin_usd
    if needed > equity:
        reached = f"everything reachable needs ${needed} by our own table"
        return refusal("MARGIN", f"{reached}, equity ${equity:.2f}")
    return _IN_MARGIN
