"""Orders: what we ask for, what we know of it, and the permission without which nothing is sent.

An order's identity is its `ref`, written into the broker's `orderRef` field:
`mt/<cycle id, 26 characters>/<role><n>`. Order ids and permanent ids are attributes that the
broker adds; they never identify an order on their own (SAFETY.md B14, B15).
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Side(StrEnum):
    """BUY raises the position, SELL lowers it.

    `sign` is +1 for BUY, -1 for SELL.
    """

    sign: int

    BUY = "BUY"
    SELL = "SELL"

    def __init__(self, word: str) -> None:
        self.sign = 1 if word == "BUY" else -1

    @property
    def opposite(self) -> "Side":
        """The side that undoes this one."""
        return _SELL if self is _BUY else _BUY


# A member of an enumeration is looked up slowly; these are compared with for every order.
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL


class OrderKind(StrEnum):
    """Order types, in the broker's spelling."""

    LMT = "LMT"
    STP_LMT = "STP LMT"


class TimeInForce(StrEnum):
    """How long an order may work."""

    DAY = "DAY"
    GTC = "GTC"


class Role(StrEnum):
    """Why an order exists; the letter stands in its reference."""

    ENTRY = "E"
    STOP = "S"
    TARGET = "T"
    EXIT = "X"
    EMERGENCY = "M"

    @property
    def is_exit(self) -> bool:
        """Whether the order may only reduce a position."""
        return self is not _ENTRY

    @property
    def is_protective(self) -> bool:
        """Whether the order is a stop that rests at the broker."""
        return self is _STOP or self is _EMERGENCY


_ENTRY: Final = Role.ENTRY
_STOP: Final = Role.STOP
_EMERGENCY: Final = Role.EMERGENCY
_ROLES: Final = {role.value: role for role in Role}


class OrderRef(Struct, frozen=True):
    """The parts of an order reference."""

    cycle_id: str
    role: Role
    number: int

    def __str__(self) -> str:
        return f"mt/{self.cycle_id}/{self.role}{self.number}"


_REF: Final = re.compile(r"mt/([0-9A-HJKMNP-TV-Z]{26})/([ESTXM])([1-9][0-9]{0,3})", re.ASCII)


@lru_cache(maxsize=1024)
def parse_ref(text: str) -> OrderRef | None:
    """Return the parts of one of our references, `None` for any other text."""
    match = _REF.fullmatch(text)
    if match is None:
        return None
    return OrderRef(match[1], _ROLES[match[2]], int(match[3]))


class OrderSpec(Struct, frozen=True):
    """Everything that is said to the broker about one order, each field explicit.

    Prices are ticks. `parent_ref` makes it a bracket child. `reduce_only` is our promise, kept
    by the guards: the broker has no such field (SAFETY.md B1). `trigger_method` 2 is last price.
    `oca_group` names the one-cancels-all group (type 1, SAFETY.md B2), "" is none.
    """

    ref: str
    con_id: int
    side: Side
    quantity: int
    kind: OrderKind
    limit: int
    stop: int | None = None
    tif: TimeInForce = TimeInForce.GTC
    outside_rth: bool = True
    trigger_method: int = 2
    parent_ref: str | None = None
    transmit: bool = True
    reduce_only: bool = False
    oca_group: str = ""

    @property
    def role(self) -> Role:
        """The role letter of the reference."""
        return _ROLES[self.ref[30]]


class Bracket(Struct, frozen=True):
    """An entry with its protection: `quantity` one-lot families.

    Each of `lots` holds the orders of one family as they are sent: the entry first, the stop,
    which transmits them all, last. In profile `bracket` the target stands between them; in
    profile `strict` the trader watches the price `target` itself. Prices are ticks.
    """

    cycle_id: str
    con_id: int
    side: Side
    entry: int
    stop: int
    target: int
    lots: tuple[tuple[OrderSpec, ...], ...]

    @property
    def quantity(self) -> int:
        """Contracts over all lots."""
        return len(self.lots)


class OrderLife(StrEnum):
    """What we know of an order. Everything but DEAD may still fill."""

    INTENDED = "intended"
    WRITTEN = "written"
    HELD = "held"
    WORKING = "working"
    CANCELLING = "cancelling"
    DEAD = "dead"


_WORKING: Final = OrderLife.WORKING


class Death(StrEnum):
    """The only four proofs that an order cannot fill any more (SAFETY.md 5.2)."""

    FILLED = "filled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    NEVER_WRITTEN = "never_written"


class TrackedOrder(Struct, frozen=True):
    """One order of ours as far as it is known.

    `filled` comes from executions alone. `change` is a modification that was sent and not yet
    echoed, `change_refusal` the code of the error that came for it; `change_unknown` says that the
    link broke meanwhile: from then on two versions may work, until the order's death is proven.
    `claims` holds, per permanent id (0 before the first), the cumulative quantity in a status that
    says that the order is over; `claim_query` is the last book query asked before that, or before
    a refusal: only a later query can prove the death. `cancel_asked` stays set until a book asked
    after the cancel (`cancel_query`) shows the order resting. `quantity_echoed` is the largest
    quantity that the broker has named, `echo_differs` whether it last named other terms than
    ours; `former` is the version before the last change, whose echo may still arrive late.
    `missing` says that a complete book, asked after the broker last spoke of the order
    (`heard_query`), does not list it: it may be over, and nobody has said so.
    """

    spec: OrderSpec
    life: OrderLife = OrderLife.INTENDED
    order_id: int = 0
    perm_ids: tuple[int, ...] = ()
    filled: int = 0
    status: str = ""
    former: OrderSpec | None = None
    change: OrderSpec | None = None
    change_refusal: int | None = None
    change_unknown: bool = False
    cancel_asked: bool = False
    cancel_query: int = 0
    refusal: str | None = None
    claims: dict[int, int] = {}
    claim_query: int = 0
    quantity_echoed: int = 0
    echo_differs: bool = False
    heard_query: int = 0
    missing: bool = False
    death: Death | None = None

    @property
    def live(self) -> bool:
        """Whether the order may still fill."""
        return self.death is None

    @property
    def remaining(self) -> int:
        """The most that may still fill, in contracts (rho of SAFETY.md 5.2)."""
        if self.death is not None:
            return 0
        quantity = self.spec.quantity
        if (
            self.change is not None
            or self.change_unknown
            or self.quantity_echoed > quantity
            or len(self.perm_ids) > 1
        ):
            quantity = self._doubtful_quantity()
        return quantity - self.filled if quantity > self.filled else 0

    def _doubtful_quantity(self) -> int:
        """The most that the order may amount to where more than its plain terms may count."""
        quantity = max(self.spec.quantity, self.quantity_echoed)
        if self.change is not None or self.change_unknown:
            changed = quantity if self.change is None else self.change.quantity
            quantity = quantity + changed if self.change_unknown else max(quantity, changed)
        return quantity * max(len(self.perm_ids), 1)

    @property
    def claim_filled(self) -> int | None:
        """What was filled, by the broker's word that the order is over; `None` if it still may be.

        Each permanent id needs its own word: one of two orders is not both.
        """
        if not self.claims or not self.claims.keys() >= set(self.perm_ids):
            return None
        return sum(self.claims.values())

    @property
    def confirmed_working(self) -> bool:
        """Whether the broker itself has said that this order works, not merely is held.

        One with a second identity may be two orders or one: nobody knows how much of it works.
        """
        return (
            self.death is None
            and self.life is _WORKING
            and self.refusal is None
            and not self.claims
            and not self.change_unknown
            and not self.echo_differs
            and not self.missing
            and len(self.perm_ids) < 2
        )


class ForeignOrder(Struct, frozen=True):
    """An order on our contracts that is not ours: seen, counted as live, never touched."""

    perm_id: int
    con_id: int
    side: Side
    remaining: int
    status: str


class Verdict(Struct, frozen=True):
    """What one guard said. `code` is stable; `detail` is for people."""

    code: str
    approved: bool
    detail: str


def refusal(code: str, detail: str) -> Verdict:
    """Return the verdict of a guard that refuses."""
    return Verdict(code, approved=False, detail=detail)


class Refused(Struct, frozen=True):
    """No permission. The first refusal decides; `verdicts` holds every guard's answer."""

    code: str
    detail: str
    verdicts: tuple[Verdict, ...] = ()

    def __bool__(self) -> bool:
        return False


class Approved(Struct, Generic[T], frozen=True):
    """Permission to send `order`. Only `execution/guards.py` constructs it."""

    order: T
    code: str = "APPROVED"
    detail: str = ""

    def __bool__(self) -> bool:
        return True
