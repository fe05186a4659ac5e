"""What a rule has closed for entries: hours of the day, strategies, regimes.

The lists are settings, and what learning has in force is in them already. Exits ask none of it.
"""

from collections.abc import Iterator
from typing import Final

from mytrader.domain.orders import Verdict, refusal
from mytrader.domain.regime import REGIMES, Regime
from mytrader.domain.session import exchange_hour
from mytrader.execution.entry_case import Case, passed

_OPEN: Final = passed("CLOSED_BY_RULE")


def nothing_is_closed_by_rule(case: Case) -> Verdict:
    """No entry in a closed hour, of a closed strategy, or in a closed regime.

    The hour is the proposal's own in US Central, as the tables count it that led to the rule: one
    that is judged seconds later belongs to the hour in which it was made.
    """
    limits = case.limits
    if not (limits.no_entry_hours or limits.no_entry_strategies or limits.no_entry_regimes):
        return _OPEN
    closed = "; ".join(_closed(case))
    return refusal("CLOSED_BY_RULE", closed) if closed else _OPEN


def _closed(case: Case) -> Iterator[str]:
    """Each rule that refuses, with its value."""
    limits, signal = case.limits, case.cycle.signal
    hour = exchange_hour(case.cycle.proposed_at)
    if hour in limits.no_entry_hours:
        yield f"no_entry_hours: {hour:02d} (US Central)"
    if signal.strategy in limits.no_entry_strategies:
        yield f"no_entry_strategies: {signal.strategy}"
    if limits.no_entry_regimes:
        name = signal.regime.name if isinstance(signal.regime, Regime) else ""
        if name not in REGIMES:
            yield "no_entry_regimes: the signal names no regime"
        elif name in limits.no_entry_regimes:
            yield f"no_entry_regimes: {name}"
