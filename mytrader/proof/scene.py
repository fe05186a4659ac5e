"""Where the proof begins: one trader, one contract, limits under which everything can happen."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from mytrader.domain.decision import Advice, AdvisorRole, Opinion, Signal
from mytrader.domain.events import (
    AdviceGiven,
    AnyEvent,
    BarClosed,
    Book,
    BookAnswered,
    ContractStated,
    LinkChanged,
    MarginStated,
    QuoteSeen,
    SettlementStated,
    SignalRaised,
    TraderStarted,
)
from mytrader.domain.known import Known
from mytrader.domain.limits import Limits, Profile
from mytrader.domain.margin import Margin
from mytrader.domain.market import Bar, Quote
from mytrader.domain.orders import Side

CON_ID: Final = 495512563
NOON: Final = datetime(2025, 11, 12, 18, tzinfo=UTC)
SESSION: Final = (datetime(2025, 11, 11, 23, tzinfo=UTC), datetime(2025, 11, 12, 22, tzinfo=UTC))
ENTRY: Final = 27_200
STOP_TICKS: Final = 20
TARGET_TICKS: Final = 40
RECONCILE_MS: Final = 30_000
CYCLE_IDS: Final = ("01JCXW5M7Q0000000000000000", "01JCXW5M7Q0000000000000001")
AMPLE: Final = Known(Margin(Decimal(23_760), Decimal(100_000)))


def limits_of(profile: Profile, lots: int) -> Limits:
    """Return limits that let a second trade follow the first at once."""
    return Limits(
        quantity_per_entry=lots,
        cooldown=timedelta(0),
        loss_streak_max=1000,
        daily_trades_max=1000,
        quote_age_max=timedelta(days=1),
        reconcile_interval=timedelta(milliseconds=RECONCILE_MS),
        profile=profile,
        oca_trusted=profile is Profile.BRACKET,
    )


def beginning(limits: Limits) -> tuple[AnyEvent, ...]:
    """What a trader hears before it may trade."""
    return (
        TraderStarted(limits),
        ContractStated(CON_ID, "ES", "ESZ5", date(2025, 12, 19), (SESSION,)),
        LinkChanged(up=True, why="connected"),
        BookAnswered(1, Known(Book((), (), ()))),
        SettlementStated(CON_ID, ENTRY),
        quote(0),
        BarClosed(CON_ID, Bar(NOON, ENTRY, ENTRY, ENTRY, ENTRY, 1)),
    )


def quote(ticks: int) -> QuoteSeen:
    """Return the market `ticks` away from the entry."""
    return QuoteSeen(CON_ID, Quote(NOON, ENTRY - 1 + ticks, ENTRY + ticks, ENTRY))


def signal(number: int) -> SignalRaised:
    """Return the `number`-th proposal: first a long, then a short."""
    side = Side.SELL if number else Side.BUY
    tick, sign = Decimal("0.25"), side.sign
    proposal = Signal(
        strategy="proof",
        side=side,
        confidence=0.8,
        entry=tick * ENTRY,
        stop=tick * (ENTRY - sign * STOP_TICKS),
        target=tick * (ENTRY + sign * TARGET_TICKS),
        features={},
        reason="the proof",
    )
    return SignalRaised(CYCLE_IDS[number], CON_ID, proposal)


def advice(cycle_id: str, said: Advice) -> AdviceGiven:
    """Return both advisors agreeing."""
    return AdviceGiven(
        cycle_id, tuple(Opinion(role, role, said, "-", confidence=0.9) for role in AdvisorRole)
    )


def margin(cycle_id: str) -> MarginStated:
    """Return the broker's word that the account can carry an entry."""
    return MarginStated(cycle_id, AMPLE)
