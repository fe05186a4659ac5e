"""What was known when an order went out: the facts before it, folded."""

from collections.abc import Sequence

from msgspec import Struct

from mytrader.domain.decision import Opinion
from mytrader.domain.positions import PositionView
from mytrader.replay.history import (
    Advised,
    AnyFact,
    Doubtful,
    Filled,
    History,
    LinkLost,
    Placed,
    Reported,
    Signalled,
    StatusSeen,
)

DEAD_STATUSES = frozenset({"Filled", "Cancelled", "ApiCancelled", "Inactive", "Rejected"})
"""Statuses after which the record's broker no longer worked the order."""


class Working(Struct, frozen=True):
    """An order not known to be dead, with the contracts that may still fill."""

    order: Placed
    remaining: int


class Moment(Struct, frozen=True):
    """What was known just before an order went out.

    `position.booked` is the signed sum of the fills since the start of the record. A report that
    is older than the newest fill is no evidence and does not widen the interval (SAFETY.md 5.2);
    `reported` shows it all the same. `signal` and `opinions` belong to this order alone.
    `working` are the other orders of the contract that were not known to be dead.
    """

    position: PositionView
    reported: Reported | None
    signal: Signalled | None
    opinions: tuple[Opinion, ...]
    working: tuple[Working, ...]

    @property
    def known(self) -> bool:
        """Whether the fills before the order could all be read and nothing was missed."""
        return self.position.confirmed and self.position.doubt is None

    @property
    def contradicted(self) -> bool:
        """Whether a report newer than every fill disagrees with them."""
        reported = self.position.reported
        return reported is not None and reported != self.position.booked


def moment_before(history: History, order: Placed) -> Moment:
    """Fold everything that the record says before `order`, and nothing later."""
    facts = history.before(order)
    since = _since_last_order(facts)
    signals = [fact for fact in since if isinstance(fact, Signalled)]
    reports = [
        fact for fact in facts if isinstance(fact, Reported) and fact.symbol == order.symbol
    ]
    return Moment(
        position=_position(facts, order.symbol),
        reported=reports[-1] if reports else None,
        signal=signals[-1] if signals else None,
        opinions=tuple(
            fact.opinion for fact in _after_last(since, Signalled) if isinstance(fact, Advised)
        ),
        working=_working(facts, order.symbol),
    )


def _since_last_order(facts: Sequence[AnyFact]) -> Sequence[AnyFact]:
    """Cut off what an earlier order was decided on: a signal is used once."""
    return _after_last(facts, Placed)


def _after_last(facts: Sequence[AnyFact], kind: type[AnyFact]) -> Sequence[AnyFact]:
    for index in range(len(facts) - 1, -1, -1):
        if isinstance(facts[index], kind):
            return facts[index + 1 :]
    return facts


def _position(facts: Sequence[AnyFact], symbol: str) -> PositionView:
    booked = 0
    reported: int | None = None
    confirmed = True
    for fact in facts:
        match fact:
            case Filled() if fact.symbol == symbol:
                booked += fact.side.sign * fact.quantity
                reported = None
            case Reported() if fact.symbol == symbol:
                reported = fact.quantity
                confirmed = True
            case LinkLost():
                confirmed = False
            case _:
                pass
    return PositionView(
        con_id=0, booked=booked, confirmed=confirmed, reported=reported, doubt=_doubt(facts)
    )


def _doubt(facts: Sequence[AnyFact]) -> str | None:
    """Return why the fills cannot be trusted so far, if there is a reason."""
    for fact in facts:
        if isinstance(fact, Doubtful):
            return fact.why
    filled = _filled(facts)
    claims = {fact.order_id: fact.filled for fact in facts if isinstance(fact, StatusSeen)}
    for order_id, claim in claims.items():
        if claim > filled.get(order_id, 0):
            return f"order {order_id} is said to have filled {claim}, its executions sum to less"
    for order in facts:
        if isinstance(order, Placed) and filled.get(order.order_id, 0) > order.quantity:
            return f"order {order.order_id} has more executions than contracts"
    return None


def _filled(facts: Sequence[AnyFact]) -> dict[int, int]:
    filled: dict[int, int] = {}
    for fact in facts:
        if isinstance(fact, Filled):
            filled[fact.order_id] = filled.get(fact.order_id, 0) + fact.quantity
    return filled


def _working(facts: Sequence[AnyFact], symbol: str) -> tuple[Working, ...]:
    """Return what may still fill; a leg whose parent has no fill is dormant (SAFETY.md 5.2)."""
    filled = _filled(facts)
    ended = {
        fact.order_id
        for fact in facts
        if isinstance(fact, StatusSeen) and fact.status in DEAD_STATUSES
    }
    orders = [
        fact
        for fact in facts
        if isinstance(fact, Placed)
        and fact.symbol == symbol
        and fact.order_id not in ended
        and (fact.parent_id is None or fact.parent_id in filled)
    ]
    rest = [Working(order, order.quantity - filled.get(order.order_id, 0)) for order in orders]
    return tuple(working for working in rest if working.remaining > 0)
