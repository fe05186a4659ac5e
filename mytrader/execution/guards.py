"""Permission: pure checks from (proposal, state, limits) to `Approved` or `Refused`.

Theory of operation. An **entry** passes every guard of `entry_guards.py` and
`bracket_guards.py`; all verdicts are recorded and the first refusal decides. An **exit** passes
the rule of `exposure.py` alone, evaluated on the state *after* the order: everything that may
still fill is counted in the least favourable order, and an exit for which that count reaches
past zero is refused (SAFETY.md section 5). Working orders on the position's own side never make
room; only confirmed fills do. No setting reaches the exit rule.

A guard that lacks its data refuses; it is never skipped. This module alone constructs
`Approved`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

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
    parse_ref,
    refusal,
)
from mytrader.domain.positions import UNBOUNDED
from mytrader.domain.trader import TraderState
from mytrader.execution.bracket_guards import (
    AskedBracket,
    is_count,
    judge_bracket,
)
from mytrader.execution.entry_case import Proposal, open_case
from mytrader.execution.entry_guards import ENTRY_GUARDS, bracket_verdicts
from mytrader.execution.exposure import position_text, reach, rule_holds, working_is_safe
from mytrader.execution.order_builder import ORDER_SIZE_CEILING, shown

__all__ = [
    "AskedBracket",
    "Proposal",
    "approve_change",
    "approve_entry",
    "approve_exit",
    "exit_rule_holds",
    "judge_bracket",
    "judge_exit",
    "judge_exit_when",
    "should_block_on_wait",
    "validate_entry",
]


_GO: Final = Advice.GO

# Exits: SAFETY.md section 5


def exit_rule_holds(state: TraderState, con_id: int) -> bool:
    """Evaluate the exit rule on the state as it is: the last check before bytes are written."""
    return working_is_safe(state, con_id, interval=state.position(con_id).interval)


def judge_exit_when(interval: tuple[int, int], side: Side, *, quantity: int) -> Verdict:
    """Judge an exit on a contract without any other order, given the possible positions."""
    low, high = interval
    if (low, high) == (0, 0):
        return refusal("EXIT_WHEN_FLAT", f"{side} {shown(quantity)}, but the position is flat")
    if low <= 0 <= high:
        return refusal("POSITION_UNKNOWN", position_text(low, high))
    position = low if low > 0 else high
    if side.sign * position > 0:
        return refusal("EXIT_WRONG_SIDE", f"{side} would enlarge the position of {position}")
    if not is_count(quantity):
        return refusal("ORDER_SIZE", f"{shown(quantity)} is no number of contracts")
    if quantity > abs(position):
        detail = f"{side} {shown(quantity)} is more than {abs(position)}"
        return refusal("EXIT_EXCEEDS_POSITION", detail)
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
        detail = f"{spec.side} {shown(most)}: our fills say flat{told}"
        return refusal("EXIT_WHEN_FLAT", detail)
    alone = judge_exit_when((low, high), spec.side, quantity=most)
    if not alone.approved:
        return alone
    found = reach(state, spec.con_id, after=spec, rho_after=most)
    if rule_holds(low, high, reach=found):
        return alone
    detail = (
        f"counting {spec.side} {most}, buys of {found.buys} and sells of {found.sells} "
        f"may still fill: {position_text(low, high)}"
    )
    return refusal("EXIT_ALREADY_WORKING", detail)


def approve_exit(state: TraderState, spec: OrderSpec) -> Approved[OrderSpec] | Refused:
    """Permit a new exit order of an open cycle, or refuse it with one of the exit codes."""
    ref = parse_ref(spec.ref)
    cycle = None if ref is None else state.cycles.get(ref.cycle_id)
    if ref is None or cycle is None or cycle.con_id != spec.con_id or not ref.role.is_exit:
        return Refused("EXIT_WITHOUT_CYCLE", f"{spec.ref} is no exit of an open cycle")
    if spec.ref in cycle.orders:
        # A second order of one name would not be counted beside the first.
        return Refused("DUPLICATE_ORDER", f"{spec.ref} was already used")
    return _permit(state, spec, rho_after=spec.quantity)


def approve_change(
    state: TraderState, order: TrackedOrder, *, spec: OrderSpec
) -> Approved[OrderSpec] | Refused:
    """Permit the change of a resting exit: old and new count as the larger of the two.

    Every broker identity that was seen for the order counts, as anywhere else.
    """
    if not state.link.up:
        return Refused("LINK_DOWN", "a change is sent on a healthy link only")
    if order.change is not None or order.change_unknown:
        return Refused("CHANGE_PENDING", f"an earlier change of {spec.ref} is unanswered")
    before = order.spec
    same = (before.ref, before.con_id, before.side) == (spec.ref, spec.con_id, spec.side)
    if not order.live or not same:
        return Refused("ORDER_DEAD", f"{before.ref} cannot be changed to {spec.ref}")
    if not before.reduce_only:
        return Refused("EXIT_NOT_REDUCE_ONLY", f"{before.ref} is no exit")
    return _permit(state, spec, rho_after=replace(order, change=spec).remaining)


def _permit(
    state: TraderState, spec: OrderSpec, *, rho_after: int
) -> Approved[OrderSpec] | Refused:
    if not spec.reduce_only:
        return Refused("EXIT_NOT_REDUCE_ONLY", f"{spec.ref} is not marked reduce-only")
    if not is_count(spec.quantity) or spec.quantity > ORDER_SIZE_CEILING:
        detail = f"quantity {shown(spec.quantity)}, ceiling {ORDER_SIZE_CEILING}"
        return Refused("ORDER_SIZE", detail)
    verdict = judge_exit(state, spec, rho_after=rho_after)
    if verdict.approved:
        return Approved(spec, verdict.code, verdict.detail)
    return Refused(verdict.code, verdict.detail, (verdict,))


# Advice: DESIGN.md section 5


def should_block_on_wait(
    opinions: Sequence[Opinion], *, signal_confidence: float, override: float
) -> Verdict:
    """Whether a WAIT blocks the entry.

    A binding WAIT always does (risk advisor, failure, timeout, unreadable, not advisory). An
    advisory WAIT yields only to a signal confidence above `override` and at most 1; equal does
    not. Silence is a WAIT, and so is an advisor that failed, whatever it seems to say.
    """
    if not opinions:
        return refusal("AWS_WAIT", "no advisor answered")
    waits = [
        opinion
        for opinion in opinions
        if opinion.decision is not _GO or opinion.failure is not None
    ]
    if not waits:
        said = ", ".join([opinion.advisor for opinion in opinions])
        return Verdict("AWS_GO", approved=True, detail=f"GO from {said}")
    for opinion in waits:
        if opinion.binding:
            return refusal(
                "AWS_WAIT", f"{opinion.advisor}: {opinion.failure or opinion.rationale}"
            )
    said = f"{waits[0].advisor}: {waits[0].rationale}"
    if override < signal_confidence <= 1:
        detail = f"confidence {signal_confidence:.2f} is above {override:.2f}; {said}"
        return Verdict("AWS_WAIT_OVERRIDE", approved=True, detail=detail)
    return refusal(
        "AWS_WAIT", f"{said} (confidence {signal_confidence:.2f}, not above {override:.2f})"
    )


# Entries: DESIGN.md section 4


def approve_entry(
    proposal: Proposal, state: TraderState, *, now: datetime
) -> tuple[Approved[Bracket] | Refused, tuple[Verdict, ...]]:
    """Permit a bracket, or refuse it. All guards run: the record shows every reason."""
    case = open_case(proposal, state, now=now)
    advice = should_block_on_wait(
        proposal.cycle.opinions,
        signal_confidence=proposal.cycle.signal.confidence,
        override=state.limits.wait_override_confidence,
    )
    verdicts = (*[guard(case) for guard in ENTRY_GUARDS], advice, *bracket_verdicts(case))
    first = None
    for verdict in verdicts:
        if not verdict.approved:
            first = verdict
            break
    if first is None and isinstance(proposal.bracket, Bracket):
        return Approved(proposal.bracket), verdicts
    why = first or refusal("BRACKET_MISMATCH", "there is no bracket to send")
    return Refused(why.code, why.detail, verdicts), verdicts


def validate_entry(
    asked: AskedBracket, *, symbol: str, limits: Limits
) -> Approved[None] | Refused:
    """Judge a bracket's prices alone (index points): truthy approved, falsy refused.

    What would have to be adjusted is refused. The approval carries no order: it cannot be sent.
    """
    instrument = INSTRUMENTS.get(symbol)
    if instrument is None:
        return Refused("CONTRACT_NOT_ALLOWED", f"{symbol} is not an instrument we know")
    verdicts = judge_bracket(asked, instrument=instrument, limits=limits)
    first = next((verdict for verdict in verdicts if not verdict.approved), None)
    if first is not None:
        return Refused(first.code, first.detail, tuple(verdicts))
    return Approved(None)
