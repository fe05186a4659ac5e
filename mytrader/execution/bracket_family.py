"""The orders of one lot, held against the bracket that was judged: the join of words and bytes.

The other guards judge the signal's numbers. Whoever sends a bracket sends these orders.
"""

from typing import Final

from msgspec.structs import replace

from mytrader.domain.limits import Limits, Profile
from mytrader.domain.orders import Bracket, OrderKind, OrderSpec, TimeInForce
from mytrader.execution.order_builder import group_name

_BRACKET: Final = Profile.BRACKET
_LMT: Final = OrderKind.LMT
_STP_LMT: Final = OrderKind.STP_LMT
_GTC: Final = TimeInForce.GTC


def wrong_order(
    bracket: Bracket, lot: tuple[OrderSpec, ...], *, number: int, limits: Limits
) -> str:
    """Return which order of a lot is not as judged; empty where all are.

    One-lot entries, each with its stop, and in profile `bracket` with its target in their group.
    """
    entry, *rest, stop = lot
    group = group_name(bracket.cycle_id, number) if limits.profile is _BRACKET else ""
    if entry.ref != f"mt/{bracket.cycle_id}/E{number}" or not _is_lot_entry(entry, bracket):
        return f"{entry.ref} is not entry {number} as judged"
    is_stop = _is_lot_stop(stop, bracket, parent_ref=entry.ref) and stop.oca_group == group
    if stop.ref != f"mt/{bracket.cycle_id}/S{number}" or not is_stop:
        return f"{stop.ref} is not stop {number} as judged"
    if (rest or group) and rest != _wanted_targets(entry, bracket, number=number, group=group):
        return f"the target of {entry.ref} is not as judged"
    return ""


def _wanted_targets(
    entry: OrderSpec, bracket: Bracket, *, number: int, group: str
) -> list[OrderSpec]:
    """The target that has to rest beside a lot's stop, in its group; none without a group."""
    if not group:
        return []
    return [
        replace(
            entry,
            ref=f"mt/{bracket.cycle_id}/T{number}",
            side=bracket.side.opposite,
            limit=bracket.target,
            parent_ref=entry.ref,
            reduce_only=True,
            oca_group=group,
        )
    ]


def _is_lot_entry(spec: OrderSpec, bracket: Bracket) -> bool:
    """One contract at the judged limit, held until its stop has arrived."""
    return (
        spec.con_id == bracket.con_id
        and spec.side is bracket.side
        and spec.quantity == 1
        and spec.kind is _LMT
        and spec.limit == bracket.entry
        and not spec.transmit
        and not spec.reduce_only
        and spec.parent_ref is None
    )


def _is_lot_stop(spec: OrderSpec, bracket: Bracket, *, parent_ref: str) -> bool:
    """A stop-limit of one contract that rests at the judged stop for as long as it takes."""
    return (
        spec.con_id == bracket.con_id
        and spec.side is bracket.side.opposite
        and spec.quantity == 1
        and spec.kind is _STP_LMT
        and spec.stop == bracket.stop
        and (spec.limit - bracket.stop) * spec.side.sign >= 0
        and spec.transmit
        and spec.reduce_only
        and spec.parent_ref == parent_ref
        and spec.tif is _GTC
        and spec.outside_rth
    )
