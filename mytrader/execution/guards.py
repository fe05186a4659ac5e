"""Permission: pure checks from (proposal, state, limits) to `Approved` or `Refused`.

Theory of operation. An **entry** passes every guard of `entry_guards.py` and
`bracket_guards.py`; all verdicts are recorded and the first refusal decides. An **exit** passes
`exit_safe` alone, evaluated on the state *after* the order: everything that may still fill is
counted in the least favourable order, and an exit for which that count reaches past zero is
refused (SAFETY.md section 5). Working orders on the position's own side never make room; only
confirmed fills do. No setting reaches the exit rule.

A guard that lacks its data refuses; it is never skipped. This module alone constructs
`Approved`.
"""

from collections.abc import Sequence
from datetime import datetime

from mytrader.domain.decision import Advice, Opinion
from mytrader.domain.instrument import INSTRUMENTS
from mytrader.domain.limits import Limits
from mytrader.domain.orders import (
    Approved,
    Bracket,
    OrderSpec,
    Refused,
    Side,
    TrackedOrder,
    Verdict,
    refusal,
)
from mytrader.domain.positions import UNBOUNDED
from mytrader.domain.trader import TraderState
from mytrader.execution.bracket_guards import ORDER_SIZE_CEILING, judge_bracket
from mytrader.execution.entry_guards import ENTRY_GUARDS, Proposal, bracket_verdicts
from mytrader.execution.exposure import Exposure, OcaGroup, exit_safe, exposures
from mytrader.execution.order_builder import Price

__all__ = [
    "ENTRY_GUARDS",
    "Exposure",
    "OcaGroup",
    "Proposal",
    "approve_change",
    "approve_entry",
    "approve_exit",
    "exit_rule_holds",
    "exit_safe",
    "judge_bracket",
    "judge_exit",
    "judge_exit_when",
    "should_block_on_wait",
    "validate_entry",
]


# Exits: SAFETY.md section 5


def exit_rule_holds(state: TraderState, con_id: int) -> bool:
    """Evaluate the exit rule on the state as it is: the last check before bytes are written."""
    low, high = state.position(con_id).interval
    return exit_safe(low, high, exposures(state, con_id))


def judge_exit_when(interval: tuple[int, int], side: Side, quantity: int) -> Verdict:
    """Judge an exit on a contract without any other order, given the possible positions."""
    low, high = interval
    if (low, high) == (0, 0):
        return refusal("EXIT_WHEN_FLAT", f"{side} {quantity} as an exit, but the position is flat")
    if low <= 0 <= high:
        return refusal("POSITION_UNKNOWN", f"the position may be anything from {low} to {high}")
    position = low if low > 0 else high
    if side.sign * position > 0:
        return refusal("EXIT_WRONG_SIDE", f"{side} would enlarge the position of {position}")
    if quantity > abs(position):
        return refusal("EXIT_EXCEEDS_POSITION", f"{side} {quantity} is more than {abs(position)}")
    return Verdict("EXIT_SAFE", approved=True, detail=f"{side} {quantity} reduces {position}")


def judge_exit(state: TraderState, spec: OrderSpec, *, rho_after: int | None = None) -> Verdict:
    """Judge an exit, or the change of one, on the state after it.

    `rho_after` is the most that the changed order may fill; a new order's is its quantity.
    """
    view = state.position(spec.con_id)
    low, high = view.interval
    most = spec.quantity if rho_after is None else rho_after
    if view.booked == 0 and low <= 0 <= high and high - low < UNBOUNDED:
        told = "" if view.reported is None else f"; the broker reports {view.reported}"
        return refusal("EXIT_WHEN_FLAT", f"{spec.side} {most}: our fills say flat{told}")
    alone = judge_exit_when((low, high), spec.side, most)
    if not alone.approved:
        return alone
    others = exposures(state, spec.con_id, without=spec.ref)
    after = [*others, Exposure(spec.side.sign, most, None, is_exit=True)]
    if exit_safe(low, high, after):
        return alone
    working = sum(other.rho for other in others if other.side == spec.side.sign)
    return refusal(
        "EXIT_ALREADY_WORKING", f"{working} {spec.side} may still fill on {low}..{high}"
    )


def approve_exit(
    state: TraderState, spec: OrderSpec, *, rho_after: int | None = None
) -> Approved[OrderSpec] | Refused:
    """Permit an exit order, or refuse it with one of the exit codes."""
    if not spec.reduce_only:
        return Refused("EXIT_NOT_REDUCE_ONLY", f"{spec.ref} is not marked reduce-only")
    if not 1 <= spec.quantity <= ORDER_SIZE_CEILING:
        return Refused("ORDER_SIZE", f"{spec.quantity} contracts, ceiling {ORDER_SIZE_CEILING}")
    verdict = judge_exit(state, spec, rho_after=rho_after)
    if verdict.approved:
        return Approved(spec, verdict.code, verdict.detail)
    return Refused(verdict.code, verdict.detail, (verdict,))


def approve_change(
    state: TraderState, order: TrackedOrder, spec: OrderSpec
) -> Approved[OrderSpec] | Refused:
    """Permit the change of a resting exit: old and new count as the larger of the two."""
    if not state.link.up:
        return Refused("LINK_DOWN", "a change is sent on a healthy link only")
    if order.change is not None or order.change_unknown:
        return Refused("CHANGE_PENDING", f"an earlier change of {spec.ref} is unanswered")
    if not order.live or order.spec.side is not spec.side:
        return Refused("ORDER_DEAD", f"{spec.ref} cannot be changed")
    larger = max(order.spec.quantity, spec.quantity) - order.filled
    return approve_exit(state, spec, rho_after=larger)


# Advice: DESIGN.md section 5


def should_block_on_wait(
    opinions: Sequence[Opinion], signal_confidence: float, override: float
) -> Verdict:
    """Whether a WAIT blocks the entry.

    A binding WAIT always does (risk advisor, failure, timeout, unreadable, not advisory). An
    advisory WAIT yields only to a signal confidence above `override`; equal does not. Silence is
    a WAIT.
    """
    if not opinions:
        return refusal("AWS_WAIT", "no advisor answered")
    waits = [opinion for opinion in opinions if opinion.decision is not Advice.GO]
    if not waits:
        return Verdict("AWS_GO", approved=True, detail=f"{len(opinions)} advisors say GO")
    for opinion in waits:
        if opinion.binding:
            return refusal(
                "AWS_WAIT", f"{opinion.advisor}: {opinion.failure or opinion.rationale}"
            )
    said = f"{waits[0].advisor}: {waits[0].rationale}"
    if signal_confidence > override:
        detail = f"confidence {signal_confidence:.2f} is above {override:.2f}; {said}"
        return Verdict("AWS_WAIT_OVERRIDE", approved=True, detail=detail)
    return refusal(
        "AWS_WAIT", f"{said} (confidence {signal_confidence:.2f}, not above {override:.2f})"
    )


# Entries: DESIGN.md section 4


def approve_entry(
    proposal: Proposal, state: TraderState, now: datetime
) -> tuple[Approved[Bracket] | Refused, tuple[Verdict, ...]]:
    """Permit a bracket, or refuse it. All guards run: the record shows every reason."""
    advice = should_block_on_wait(
        proposal.cycle.opinions,
        proposal.cycle.signal.confidence,
        state.limits.wait_override_confidence,
    )
    verdicts = (
        *(guard(proposal, state, now) for guard in ENTRY_GUARDS),
        advice,
        *bracket_verdicts(proposal, state),
    )
    first = next((verdict for verdict in verdicts if not verdict.approved), None)
    if first is not None:
        return Refused(first.code, first.detail, verdicts), verdicts
    if not isinstance(proposal.bracket, Bracket):
        return Refused("MISSING_STOP", "there is no bracket to send", verdicts), verdicts
    return Approved(proposal.bracket), verdicts


def validate_entry(
    action: str,
    entry_price: Price,
    *,
    stop_loss: Price,
    take_profit: Price,
    quantity: int,
    symbol: str,
    limits: Limits,
) -> Approved[None] | Refused:
    """Judge a bracket's prices alone (index points): truthy approved, falsy refused.

    What would have to be adjusted is refused. The approval carries no order: it cannot be sent.
    """
    instrument = INSTRUMENTS.get(symbol)
    if instrument is None:
        return Refused("CONTRACT_NOT_ALLOWED", f"{symbol} is not an instrument we know")
    verdicts = judge_bracket(
        action,
        entry_price,
        stop_loss=stop_loss,
        take_profit=take_profit,
        quantity=quantity,
        instrument=instrument,
        limits=limits,
    )
    first = next((verdict for verdict in verdicts if not verdict.approved), None)
    if first is not None:
        return Refused(first.code, first.detail, tuple(verdicts))
    return Approved(None)
