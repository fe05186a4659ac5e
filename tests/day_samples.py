"""An account, its orders and its record, made by hand for the umpire."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from mytrader.domain.commands import AnyCommand, CancelOrder, ChangeOrder, PlaceBracket
from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Signal
from mytrader.domain.events import SignalRaised, TimeReached
from mytrader.domain.instrument import ES
from mytrader.domain.limits import Profile
from mytrader.domain.orders import (
    Approved,
    Bracket,
    OrderKind,
    OrderSpec,
    Side,
    TimeInForce,
    parse_ref,
)
from mytrader.journal.writer import JournalWriter
from mytrader.proof.cover_watch import StartEnd
from mytrader.proof.permissions import NUMBER, Permissions
from mytrader.proof.record_tap import RecordTap
from mytrader.proof.umpire import Umpire
from mytrader.simulator.broker_orders import BrokerOrder, OrderState
from mytrader.simulator.ledger import BrokerFill
from mytrader.simulator.listing import front_month
from mytrader.simulator.order_rules import Terms
from mytrader.tws.contracts import WireContract
from mytrader.tws.place_order import PlaceOrder
from tests.journal_samples import OPENING

NOON = datetime(2025, 12, 9, 18, tzinfo=UTC)
CONTRACT = front_month(ES, NOON.date())
CYCLE, OTHER = "01KAGF4VG0" + "0" * 15 + "1", "01KAGF4VG0" + "0" * 15 + "2"
ENTRY, STOP, EXIT = f"mt/{CYCLE}/E1", f"mt/{CYCLE}/S1", f"mt/{CYCLE}/X1"
SIGNAL = Signal("dice", Side.BUY, 0.9, Decimal(6850), None, None, {NUMBER: 5.0}, "")
GO = Opinion("a", AdvisorRole.DECISION, Advice.GO, "")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Account(Struct):
    """A ledger that a test writes."""

    executions: tuple[BrokerFill, ...] = ()
    orders: tuple[BrokerOrder, ...] = ()

    def position(self, con_id: int) -> int:
        """What is open."""
        del con_id
        return sum(fill.side.sign * fill.quantity for fill in self.executions)

    def fill(self, ref: str, side: Side, quantity: int = 1, *, perm_id: int = 1) -> None:
        """Execute something."""
        number = len(self.executions)
        self.executions += (
            BrokerFill(
                exec_id=f"e{number}.01",
                contract=CONTRACT,
                perm_id=perm_id,
                client_id=1,
                order_id=perm_id,
                order_ref=ref,
                side=side,
                quantity=quantity,
                price=27400,
                at=NOON,
                aggressor=True,
                cumulative=quantity,
                average_price=Decimal(27400),
                commission_usd=Decimal("0.62"),
            ),
        )

    def rest(self, *orders: BrokerOrder) -> None:
        """Let exactly these orders live."""
        self.orders = orders


def resting(
    ref: str,
    side: Side,
    perm_id: int,
    *,
    parent: int = 0,
    group: str = "",
    state: OrderState = OrderState.WORKING,
) -> BrokerOrder:
    """An order at the broker."""
    terms = Terms(
        contract=CONTRACT,
        side=side,
        quantity=1,
        kind=OrderKind.STP_LMT,
        limit=27380,
        stop=27390,
        tif=TimeInForce.GTC,
        outside_rth=True,
        oca_group=group,
    )
    sent = PlaceOrder(perm_id, WireContract(), order_ref=ref)
    return BrokerOrder(perm_id, 1, sent, terms, state=state, parent_perm_id=parent)


def spec(ref: str, *, stop: int | None = 27390) -> OrderSpec:
    """An intent."""
    parts = parse_ref(ref)
    assert parts is not None
    entry = parts.role == "E"
    return OrderSpec(
        ref=ref,
        con_id=CONTRACT.con_id,
        side=Side.BUY if entry else Side.SELL,
        quantity=1,
        kind=OrderKind.LMT if entry else OrderKind.STP_LMT,
        limit=27400 if entry else 27380,
        stop=None if entry else stop,
        reduce_only=not entry,
    )


def bytes_of(intent: OrderSpec) -> PlaceOrder:
    """The message that carries an intent."""
    return PlaceOrder(
        7,
        WireContract(),
        action=intent.side,
        quantity=Decimal(intent.quantity),
        order_type=intent.kind,
        limit_price=ES.price(intent.limit),
        aux_price=None if intent.stop is None else ES.price(intent.stop),
        order_ref=intent.ref,
        tif=intent.tif,
        outside_rth=intent.outside_rth,
        trigger_method=intent.trigger_method,
        transmit=intent.transmit,
        oca_group=intent.oca_group,
    )


def bracket(*specs: OrderSpec) -> PlaceBracket:
    """A one-lot bracket of these orders."""
    return PlaceBracket(
        Approved(
            Bracket(
                cycle_id=CYCLE,
                con_id=CONTRACT.con_id,
                side=Side.BUY,
                entry=27400,
                stop=27390,
                target=27420,
                lots=(specs,),
            )
        )
    )


class Book:
    """A record that a test writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "record.journal"
        self.writer = JournalWriter(self.path, at=NOON, opening=OPENING)
        self.writer.append(NOON, SignalRaised(CYCLE, CONTRACT.con_id, SIGNAL), [], durable=True)

    def decide(self, *commands: AnyCommand, durable: bool = True) -> None:
        """Record commands."""
        self.writer.append(NOON, TimeReached(), commands, durable=durable)

    def change(self, intent: OrderSpec) -> None:
        """Record a change."""
        self.decide(ChangeOrder(Approved(intent), "why"))

    def cancel(self, ref: str) -> None:
        """Record a cancel."""
        self.decide(CancelOrder(ref, "why"))


def umpire(
    account: Account, book: Book | None = None, *, profile: Profile = Profile.STRICT, lots: int = 1
) -> Umpire:
    """An umpire over the account, at a moment at which an entry is permitted."""
    permissions = Permissions()
    permissions.quoted(NOON)
    permissions.advised(SIGNAL, GO)
    made = Umpire(
        account,
        CONTRACT.con_id,
        instrument=ES,
        profile=profile,
        lots=lots,
        permissions=permissions,
    )
    made.record = None if book is None else RecordTap(book.path)
    made.cover.hears(NOON, True)
    for end in StartEnd:
        made.cover.told_end(NOON, end)
    return made
