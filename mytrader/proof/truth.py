"""The truth of the check: what rests at the broker, what it has filled, what is on its way.

A `World` is one state of the search: the trader's own state beside the truth. It is a value: a
move copies it, changes the copy and never touches what the copy shares with the original. Order
numbers, permanent ids and execution ids follow from names alone, so that two ways to one state
are seen to be one.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from mytrader.domain import events
from mytrader.domain.decision import Signal
from mytrader.domain.events import AnyEvent, OrderReported, PositionReported, StatusReported
from mytrader.domain.fills import Execution
from mytrader.domain.known import Known
from mytrader.domain.limits import Limits, Profile
from mytrader.domain.market import Bar, Quote
from mytrader.domain.orders import OrderSpec, Side
from mytrader.domain.trader import TraderState

CON_ID: Final = 495512563
NOON: Final = datetime(2025, 11, 12, 18, tzinfo=UTC)
SESSIONS: Final = (
    (datetime(2025, 11, 11, 23, tzinfo=UTC), datetime(2025, 11, 12, 18, 40, tzinfo=UTC)),
    (datetime(2025, 11, 12, 23, tzinfo=UTC), datetime(2025, 11, 13, 22, tzinfo=UTC)),
)
RECONCILE: Final = timedelta(minutes=20)
CYCLE_IDS: Final = tuple(f"01JCXW5M7Q000000000000000{number}" for number in range(4))
TICK: Final = Decimal("0.25")
ENTRY: Final = 27_200
STOP_DISTANCE: Final = 20
TARGET_DISTANCE: Final = 40
COMMISSION: Final = Decimal("2.40")

ZONES: Final = {"home": -1, "gain": 12, "target": 41, "deep": -35, "beyond": -60}
"""Where the bid stands, in ticks from the entry: as it was, better, at a long's target, through
its stop, beyond its stop's limit. For a short the last is its target."""


def limits_of(profile: Profile, *, lots: int = 1) -> Limits:
    """Return the limits of a profile under which every reason for an exit can come up."""
    bracket = profile is Profile.BRACKET
    return Limits(
        profile=profile,
        oca_trusted=bracket,
        quantity_per_entry=lots,
        cooldown=timedelta(0),
        loss_usd_daily_max=Decimal(360 * lots),
        break_even_ticks=10,
        hold_max=timedelta(minutes=15) if bracket else None,
        reconcile_interval=RECONCILE,
    )


class Resting(Struct, frozen=True, gc=False):
    """One order as the broker holds it.

    `heard` says that the last word about it that reached the trader was that it works;
    `excused` that a person's own fill made it excessive, which no rule of ours can prevent.
    """

    spec: OrderSpec
    number: int
    active: bool
    accepted: bool = False
    filled: int = 0
    over: str = ""
    change: OrderSpec | None = None
    cancelling: bool = False
    triggered: bool = False
    heard: bool = False
    excused: bool = False

    @property
    def left(self) -> int:
        """Contracts that may still fill."""
        return 0 if self.over else self.spec.quantity - self.filled

    @property
    def status(self) -> str:
        """The broker's word for where the order stands."""
        if self.over:
            return "Filled" if self.filled >= self.spec.quantity else "Cancelled"
        waits = self.spec.stop is not None and not self.triggered
        return "PreSubmitted" if waits or not self.active else "Submitted"


class Word(Struct, frozen=True, gc=False):
    """Something on its way to the trader: events that arrive together, and what they amount to.

    `key` is what the search tells words apart by; `fills` the executions told by it, as bits;
    `works` and `ends` the numbers of orders that it calls working, or over. `settles` says that
    it shows the whole truth of its moment.
    """

    key: tuple[object, ...]
    events: tuple[AnyEvent, ...]
    fills: int = 0
    book: int = 0
    works: int = 0
    ends: tuple[int, ...] = ()
    settles: bool = False


class World(Struct, gc=False):
    """One state: the trader, the truth, and the words between them.

    `told` are the executions that were delivered, as bits over `fills`, `by_hand` those of a
    person. `blind` says that a word was lost and that no book has shown the truth since.
    `naked_since` and `left_at`, when an exit was last seen under way, are the judge's own clocks;
    `paged` says that a person was paged since then, `alarmed` that one ever was. `obscured` are
    the emergency stops whose fate nobody can prove: a crash or the link kept their bytes back, or
    the broker gave them a second identity. `slow` is how much may still happen in a slow spell.
    """

    state: TraderState
    now: datetime = NOON
    orders: tuple[Resting, ...] = ()
    fills: tuple[Execution, ...] = ()
    position: int = 0
    told: int = 0
    outbox: tuple[Word, ...] = ()
    asked: tuple[int, ...] = ()
    shown: tuple[OrderReported, ...] | None = None
    connected: bool = True
    signals: int = 0
    zone: str = "home"
    foreign: int = 0
    leaked: bool = False
    corrected: bool = False
    by_hand: int = 0
    blind: bool = False
    obscured: tuple[str, ...] = ()
    slow: int = 0
    naked_since: datetime | None = None
    left_at: datetime | None = None
    paged: bool = False
    alarmed: bool = False


def number_of(ref: str) -> int:
    """Return the broker's number for one of our references: the same on every way to it."""
    return (int(ref[28]) * 5 + "ESTXM".index(ref[30])) * 20 + int(ref[31:])


def trades_now(spec: OrderSpec, zone: str) -> bool:
    """Whether an exit trades where the market stands."""
    bid = ENTRY + ZONES[zone]
    if spec.side is Side.SELL:
        return spec.limit <= bid and (spec.stop is None or spec.stop >= bid)
    return spec.limit > bid and (spec.stop is None or spec.stop <= bid + 1)


def name_of(ref: str) -> str:
    """Return the short name of one of our orders: role and number, the cycle after the first."""
    return ref[30:] if ref[28] == "0" else f"{ref[30:]}/{ref[28]}"


def quote_at(zone: str, now: datetime) -> Quote:
    """Return the top of the book in a zone, one tick wide."""
    bid = ENTRY + ZONES[zone]
    return Quote(now, bid, bid + 1, bid)


def signal_for(side: Side) -> Signal:
    """Return the proposal of a trade at the standard prices."""
    sign = side.sign
    return Signal(
        strategy="proof",
        side=side,
        confidence=0.9,
        entry=TICK * ENTRY,
        stop=TICK * (ENTRY - sign * STOP_DISTANCE),
        target=TICK * (ENTRY + sign * TARGET_DISTANCE),
        features={},
        reason="the check proposes",
    )


def opening_events(limits: Limits) -> tuple[AnyEvent, ...]:
    """What a trader hears before its day begins."""
    bar = Bar(NOON, *(ENTRY,) * 4, 100)
    return (
        events.TraderStarted(limits, numbers_first=True),
        events.ContractStated(CON_ID, "ES", "ESZ5", date(2025, 12, 19), SESSIONS),
        events.SettlementStated(CON_ID, ENTRY),
        events.LinkChanged(up=True, why="connected"),
        events.BookAnswered(1, Known(events.Book((), (), ()))),
        events.QuoteSeen(CON_ID, quote_at("home", NOON)),
        events.BarClosed(CON_ID, bar),
    )


def echo_of(order: Resting, spec: OrderSpec | None = None, *, perm_id: int = 0) -> OrderReported:
    """Return the broker's echo of an order, or of other terms for it."""
    said = spec or order.spec
    return OrderReported(
        said.ref,
        order.number,
        perm_id or order.number + 900,
        1,
        CON_ID,
        said.side,
        said.quantity,
        said.kind,
        said.limit,
        said.stop,
        said.tif,
        said.outside_rth,
        said.trigger_method,
        0,
        order.status,
        said.oca_group,
        1 if said.oca_group else 0,
    )


def status_of(order: Resting, *, status: str = "") -> StatusReported:
    """Return the broker's statement of an order's status."""
    held = "" if order.active else "child"
    if order.active and order.spec.stop is not None and not order.triggered:
        held = "trigger"
    return StatusReported(
        order.spec.ref,
        order.number,
        order.number + 900,
        status or order.status,
        order.filled,
        order.spec.quantity - order.filled,
        held,
    )


def positions_of(world: World) -> tuple[PositionReported, ...]:
    """Return the broker's own idea of the position."""
    return (PositionReported(CON_ID, world.position),)
