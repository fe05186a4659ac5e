"""Which worlds are one state: everything that decides what can happen next, and nothing else.

Left out are prices (what is kept is whether an order stands as first sent, tightened, at the
market or at a former market), ids, texts, times of day (what is kept is how far away each
deadline is, and the part of the session) and the numbers of book queries (what is kept is
which of them an answer can still settle). Two worlds with equal digests are taken for one.
"""

from datetime import datetime
from hashlib import blake2b
from typing import Final

import msgspec

from mytrader.domain.cycle import TradeCycle
from mytrader.domain.known import Known
from mytrader.domain.orders import OrderSpec, Side, TrackedOrder
from mytrader.domain.trader import LinkState
from mytrader.proof.truth import (
    CON_ID,
    ENTRY,
    NOON,
    RECONCILE,
    SESSIONS,
    STOP_DISTANCE,
    ZONES,
    World,
    number_of,
)

_encode = msgspec.msgpack.Encoder().encode
_BEFORE_CLOSE_S: Final = 300.0
_EXACT_S: Final = 5.0
_ROUGH_S: Final = 30.0
_FAR_MS: Final = 60_000
_MARKET: Final = {
    (zone, side): (ENTRY + bid - 20 if side is Side.SELL else ENTRY + bid + 21)
    for zone, bid in ZONES.items()
    for side in Side
}
"""The limit of an order that trades now, by zone and side (`exit_collar_ticks` beyond)."""


def digest(world: World) -> int:
    """Return 64 bits by which a state is remembered; equal on every machine and in every run."""
    return int.from_bytes(blake2b(_encode(canonical(world)), digest_size=8).digest(), "big")


def canonical(world: World) -> tuple[object, ...]:
    """Return what tells a world from others."""
    state, now = world.state, world.now
    link = state.link
    view = state.position(CON_ID)
    answered = link.queries_answered
    return (
        state.mode,
        (link.up, link.query_pending, link.query_wanted),
        (_until(link.query_due_at, now), _until(link.reconcile_due_at, now)),
        (view.booked, view.confirmed, view.reported, view.doubt is not None),
        min(view.disagreeing_books, 2),
        [_cycle(cycle, link, now, zone=world.zone) for cycle in state.cycles.values()],
        [min(link.queries_asked - closed.query, 1) for closed in state.closed.values()],
        (len(state.foreign), len(state.foreign_executions), len(state.early_commissions)),
        sorted(state.move_stop_refused),
        (min(state.day.emergency_stops, 2), state.day.losses_in_a_row, state.day.entries),
        (_hours(now), min((now - NOON) // RECONCILE, 2)),
        [
            (
                order.number,
                order.active,
                order.accepted,
                order.filled,
                order.over,
                order.change is not None,
                order.cancelling,
                order.triggered,
                order.heard,
                order.excused,
            )
            for order in world.orders
        ],
        world.position,
        world.told,
        [
            word.key if not word.book else (word.book - answered, *word.key[2:], word.settles)
            for word in world.outbox
        ],
        [number - answered for number in world.asked],
        None if world.shown is None else [(o.order_id, o.status) for o in world.shown],
        (world.connected, world.signals, world.zone, world.foreign, world.leaked, world.slow),
        (
            world.corrected,
            world.by_hand,
            world.blind,
            [number_of(ref) for ref in world.obscured],
            world.paged,
            world.alarmed,
            _late(world.naked_since, now),
            _late(world.left_at, now),
        ),
    )


def _until(when: datetime | None, now: datetime) -> int | None:
    """Return the milliseconds until a deadline, and no more than a minute either way.

    Where something else is asked for twice a second, a deadline that is hours away would make a
    state of every half second.
    """
    if when is None:
        return None
    return min(max(round((when - now).total_seconds() * 1000), -_FAR_MS), _FAR_MS)


def _late(since: datetime | None, now: datetime) -> int | None:
    """Return how long the judge's clock runs: exactly while `T_cover` matters, then roughly."""
    if since is None:
        return None
    late = (now - since).total_seconds()
    return round(late * 1000) if late <= _EXACT_S else -min(int(late // _ROUGH_S), 3)


def _hours(now: datetime) -> int:
    """Return which part of which session it is: trading, the end of it, shut."""
    part = 0
    for opens, closes in SESSIONS:
        if now < opens:
            return part
        left = (closes - now).total_seconds()
        if left > _BEFORE_CLOSE_S:
            return part + 1
        if left > 0:
            return part + 2
        part += 3
    return part


def _cycle(cycle: TradeCycle, link: LinkState, now: datetime, *, zone: str) -> tuple[object, ...]:
    plan = cycle.exit
    margin = cycle.margin
    return (
        cycle.cycle_id[25],
        cycle.phase,
        cycle.quantity,
        margin is None,
        isinstance(margin, Known),
        cycle.advised,
        [opinion.decision for opinion in cycle.opinions],
        [_order(order, link, zone) for order in cycle.orders.values()],
        [(fill.ref[26:], fill.exec_id[-5:]) for fill in cycle.fills],
        len(cycle.commissions_usd),
        None
        if plan is None
        else (plan.reason, plan.stage, _until(plan.due_at, now), plan.attempts, plan.refused),
        cycle.emergency_stops,
        (
            _until(cycle.advice_due_at, now),
            _until(cycle.entry_due_at, now),
            _until(cycle.cover_due_at, now),
            _until(cycle.query_due_at, now),
            _until(cycle.settle_due_at, now),
            _until(cycle.commissions_due_at, now),
        ),
        min(cycle.settle_asked, 3),
        cycle.naked_since is not None,
        cycle.protection_refused,
    )


def _order(order: TrackedOrder, link: LinkState, zone: str) -> tuple[object, ...]:
    if order.death is not None:
        return (order.spec.ref[26:], order.death, order.filled)
    asked = link.queries_asked
    change = order.change
    return (
        order.spec.ref[26:],
        order.life,
        len(order.perm_ids),
        order.filled,
        order.status,
        _terms(order.spec, zone),
        None if change is None else _terms(change, zone),
        order.former is None,
        order.change_refusal,
        order.change_unknown,
        order.cancel_asked and min(asked - order.cancel_query, 1),
        order.refusal is not None,
        sorted(order.claims.items()),
        min(asked - order.claim_query, 1) if order.claims or order.refusal else None,
        order.quantity_echoed,
        order.echo_differs,
        order.order_id > 0,
        order.missing,
        min(asked - order.heard_query, 1),
    )


def _terms(spec: OrderSpec, zone: str) -> int:
    """Return how an order stands: 0 as first sent, 1 tightened, 2 at the market, 3 formerly so."""
    if spec.limit == _MARKET[zone, spec.side]:
        return 2
    if spec.stop is None:
        return 0 if spec.ref[30] in "ET" else 3
    distance = abs(spec.stop - ENTRY)
    return 0 if distance == STOP_DISTANCE else 1 if distance < STOP_DISTANCE else 3
