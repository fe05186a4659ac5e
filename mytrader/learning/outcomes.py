"""What became of every proposal: trades as they ended, refusals as they would have ended.

Pure: from finished cycles and the minutes of their contracts to one `Outcome` each. Profit follows
from fills and commissions alone. R is the net result in multiples of the risk, which is the
distance from the entry's average fill to the signal's own stop, whatever became of the stop later.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mytrader.domain.cycle import ExitReason, Phase, TradeCycle
from mytrader.domain.decision import Advice, AdvisorCall
from mytrader.domain.exchange_days import exchange_session
from mytrader.domain.instrument import INSTRUMENTS, Instrument, OffGridError
from mytrader.domain.market import Bar
from mytrader.domain.orders import Role, Side
from mytrader.domain.session import exchange_hour, trading_date
from mytrader.learning.counterfactual import WouldBe, would_have_earned

FLATTEN_BEFORE_CLOSE: Final = timedelta(minutes=5)
UNKNOWN: Final = "not said"


class Ended(StrEnum):
    """What a proposal came to."""

    TRADED = "traded"
    REFUSED = "refused"
    ABORTED = "aborted"


class Heard(StrEnum):
    """What the advisors said, and what was done about it."""

    GO = "GO"
    WAIT_FOLLOWED = "WAIT followed"
    WAIT_OVERRIDDEN = "WAIT overridden"
    SILENT = "nobody said"


class Material(Struct, frozen=True):
    """One record: its finished cycles, and the minutes of their contracts in order.

    `calls` are those to advisors outside, each with the time of its record.
    """

    cycles: Sequence[TradeCycle]
    bars: Mapping[int, Sequence[Bar]]
    calls: Sequence[tuple[datetime, AdvisorCall]] = ()


class Before(Struct, frozen=True):
    """What the day had seen when a proposal came; entries, dollars and losses of that day.

    `entry_gap` is the time since the last entry, of this day or an earlier one. `to_close` is the
    time left of the session, `None` outside of one.
    """

    entries: int
    losses_in_a_row: int
    realised_usd: Decimal
    entry_gap: timedelta | None
    to_close: timedelta | None


class Outcome(Struct, frozen=True):
    """One proposal and its end. Dollars; `hour` is that of US Central.

    `net_usd`, `risk_usd` and `r` are those of the trade that was made; `None` where there was
    none, and `risk_usd` and `r` also where its signal had no usable stop. `slippage_usd` is what
    the fills lost against the signal's price, the stop's and the target's; `None` without fills.
    `would_be` is the trade by the convention of `counterfactual`: for a refusal what it would
    have earned, for a trade the measure of that convention. `codes` are the refusals.
    """

    cycle_id: str
    ended: Ended
    at: datetime
    strategy: str
    symbol: str
    side: Side
    regime: str
    hour: int
    heard: Heard
    confidence: float | None
    quantity: int
    exit_reason: str
    codes: tuple[str, ...]
    before: Before
    net_usd: Decimal | None = None
    commission_usd: Decimal = Decimal(0)
    slippage_usd: Decimal | None = None
    risk_usd: Decimal | None = None
    r: float | None = None
    emergency_stops: int = 0
    would_be: WouldBe | None = None


def outcomes_of(
    material: Material, *, flatten_before_close: timedelta = FLATTEN_BEFORE_CLOSE
) -> tuple[Outcome, ...]:
    """Return the outcome of every finished cycle, in the order in which they were proposed."""
    day = _Day()
    found = []
    ordered = sorted(material.cycles, key=lambda cycle: (cycle.proposed_at, cycle.cycle_id))
    for cycle in ordered:
        if not cycle.phase.final:
            continue
        instrument = INSTRUMENTS.get(cycle.symbol)
        would_be = None
        if instrument is not None:
            would_be = would_have_earned(
                cycle.signal,
                material.bars.get(cycle.con_id, ()),
                at=cycle.proposed_at,
                instrument=instrument,
                quantity=max(cycle.quantity, 1),
                flatten_before_close=flatten_before_close,
            )
        outcome = _outcome(cycle, instrument, before=day.before(cycle), would_be=would_be)
        day.take(cycle, outcome)
        found.append(outcome)
    return tuple(found)


def once_each(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """Return outcomes without repeats, oldest first: one trade may stand in two records."""
    found: dict[str, Outcome] = {}
    for outcome in outcomes:
        found.setdefault(outcome.cycle_id, outcome)
    return tuple(sorted(found.values(), key=lambda outcome: (outcome.at, outcome.cycle_id)))


class _Day:
    """What is remembered while the cycles pass; the trader's own day ledger, in a few lines.

    A trade's result counts from when it closed: proposals that came before did not know it.
    """

    def __init__(self) -> None:
        self._entries: Counter[date] = Counter()
        self._last_entry_at: datetime | None = None
        self._closed: list[tuple[datetime, Decimal]] = []

    def before(self, cycle: TradeCycle) -> Before:
        at = cycle.proposed_at
        today = trading_date(at)
        self._closed = [one for one in self._closed if trading_date(one[0]) >= today]
        nets = [net for closed_at, net in sorted(self._closed) if closed_at <= at]
        losses = 0
        for net in reversed(nets):
            if net >= 0:
                break
            losses += 1
        session = exchange_session(today)
        return Before(
            entries=self._entries[today],
            losses_in_a_row=losses,
            realised_usd=sum(nets, Decimal(0)),
            entry_gap=None if self._last_entry_at is None else at - self._last_entry_at,
            to_close=None if session is None or at < session[0] else session[1] - at,
        )

    def take(self, cycle: TradeCycle, outcome: Outcome) -> None:
        if cycle.phase is Phase.REFUSED:
            return
        self._entries[trading_date(cycle.proposed_at)] += 1
        self._last_entry_at = cycle.proposed_at
        if outcome.net_usd is not None and cycle.closed_at is not None:
            self._closed.append((cycle.closed_at, outcome.net_usd))


def _outcome(
    cycle: TradeCycle,
    instrument: Instrument | None,
    *,
    before: Before,
    would_be: WouldBe | None,
) -> Outcome:
    traded = cycle.phase is Phase.CLOSED and bool(cycle.fills) and instrument is not None
    net = risk = slippage = None
    if traded and instrument is not None:
        net = instrument.usd(cycle.gross_ticks) - cycle.commission_usd
        risk, slippage = _risk_usd(cycle, instrument), _slippage_usd(cycle, instrument)
    regime = cycle.signal.regime
    refused = cycle.phase is Phase.REFUSED
    ended = Ended.REFUSED if refused else Ended.TRADED if traded else Ended.ABORTED
    return Outcome(
        cycle_id=cycle.cycle_id,
        ended=ended,
        at=cycle.proposed_at,
        strategy=cycle.signal.strategy,
        symbol=cycle.symbol or UNKNOWN,
        side=cycle.side,
        regime=UNKNOWN if regime is None else regime.name,
        hour=exchange_hour(cycle.proposed_at),
        heard=_heard(cycle),
        confidence=cycle.confidence,
        quantity=cycle.quantity,
        exit_reason=str(cycle.exit_reason or UNKNOWN) if traded else "",
        codes=tuple(code for code in cycle.reason_codes if code != _OVERRIDDEN),
        before=before,
        net_usd=net,
        commission_usd=cycle.commission_usd,
        slippage_usd=slippage,
        risk_usd=risk,
        r=None if net is None or risk is None else float(net / risk),
        emergency_stops=cycle.emergency_stops,
        would_be=would_be,
    )


_OVERRIDDEN: Final = "AWS_WAIT_OVERRIDE"


def _heard(cycle: TradeCycle) -> Heard:
    if _OVERRIDDEN in cycle.reason_codes:
        return Heard.WAIT_OVERRIDDEN
    if not cycle.opinions:
        return Heard.SILENT
    waited = any(
        opinion.decision is not Advice.GO or opinion.failure is not None
        for opinion in cycle.opinions
    )
    return Heard.WAIT_FOLLOWED if waited else Heard.GO


def _risk_usd(cycle: TradeCycle, instrument: Instrument) -> Decimal | None:
    """Dollars from the entry's fills to the signal's stop; `None` where there is none to lose."""
    entries = [fill for fill in cycle.fills if fill.side is cycle.side]
    if cycle.signal.stop is None:
        return None
    rounded = instrument.ticks_down if cycle.side is Side.BUY else instrument.ticks_up
    try:
        stop = rounded(cycle.signal.stop)
    except OffGridError:
        return None
    ticks = sum((fill.price - stop) * fill.quantity for fill in entries) * cycle.side.sign
    return instrument.usd(ticks) if ticks > 0 else None


def _slippage_usd(cycle: TradeCycle, instrument: Instrument) -> Decimal | None:
    """Dollars that fills were worse than what was asked for; a better fill counts against it."""
    try:
        entry = instrument.exact_ticks(cycle.signal.entry)
    except OffGridError:
        return None
    ticks = Decimal(0)
    for fill in cycle.fills:
        if fill.side is cycle.side:
            ticks += (fill.price - entry) * fill.side.sign * fill.quantity
            continue
        wanted = _exit_price(cycle, fill.ref)
        if wanted is not None:
            ticks += (fill.price - wanted) * fill.side.sign * fill.quantity
    return (ticks * instrument.tick_value_usd).quantize(Decimal("0.01"))


def _exit_price(cycle: TradeCycle, ref: str) -> int | None:
    """The price in ticks that an exit was meant to have; `None` where it was to end, at any."""
    if cycle.exit_reason is ExitReason.TARGET:
        return cycle.target
    order = cycle.orders.get(ref)
    resting = order is not None and order.spec.role in (Role.STOP, Role.EMERGENCY)
    if cycle.exit_reason is ExitReason.STOP and order is not None and resting:
        return order.spec.stop
    return None
