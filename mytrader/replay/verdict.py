"""Whether today's guards would have let a recorded order out.

An order is read in two ways, as an entry and as an exit, because the sources do not say what it
was meant as. What it could do decides which reading counts:

- flat by the fills, or on the position's own side: it could only open or enlarge, so the entry
  guards decide; and if the trader believed in an opposite position, so that it meant an exit, the
  exit rule decides too;
- against the position: the exit rule decides;
- position unknown: both readings count, and both refuse: a guard that lacks its data does.

The position is the signed sum of the fills. A reported position only widens what is possible.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mytrader.domain.instrument import Instrument
from mytrader.domain.limits import Limits
from mytrader.domain.orders import Verdict
from mytrader.execution.bracket_guards import AskedBracket, judge_bracket, judge_order_size
from mytrader.execution.exposure import Exposure, exit_safe
from mytrader.execution.guards import judge_exit_when, should_block_on_wait
from mytrader.replay.day import NOT_ASKED, judge_day
from mytrader.replay.history import Doubtful, Filled, History, Placed, instrument_of
from mytrader.replay.moment import Moment, moment_before
from mytrader.replay.round_trips import RoundTrip, trade_of


class Decision(StrEnum):
    """What would have become of the order."""

    REFUSED = "refused"
    ALLOWED = "allowed"
    CANNOT_TELL = "cannot tell"

    @property
    def exit_status(self) -> int:
        """The exit status that says it: 0 refused, 1 allowed, 2 cannot tell."""
        return list(Decision).index(self)


class Meaning(StrEnum):
    """What an order may have been meant as."""

    ENTRY = "entry"
    EXIT = "exit"


class Reading(Struct, frozen=True):
    """The guards' answers if the order is taken as `meaning`.

    `counts` says whether the decision rests on it and `why` gives the reason. `gaps` are things
    the guards needed and the record names without their value; with a gap nothing is allowed.
    """

    meaning: Meaning
    counts: bool
    why: str
    verdicts: tuple[Verdict, ...]
    gaps: tuple[str, ...] = ()

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        """The answers that are a no."""
        return tuple(verdict for verdict in self.verdicts if not verdict.approved)


class Judgement(Struct, frozen=True):
    """One order with what was known when it went out and what the guards make of it.

    `unrecorded` names what the source does not hold at all, so that its guard was not asked.
    """

    order: Placed
    moment: Moment
    readings: tuple[Reading, ...]
    unrecorded: tuple[str, ...]

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        """Every refusal on which the decision rests."""
        return tuple(v for reading in self.readings if reading.counts for v in reading.refusals)

    @property
    def decision(self) -> Decision:
        """Refused, allowed, or cannot tell."""
        if self.refusals:
            return Decision.REFUSED
        gaps = [gap for reading in self.readings if reading.counts for gap in reading.gaps]
        return Decision.CANNOT_TELL if gaps else Decision.ALLOWED


class Explanation(Struct, frozen=True):
    """The answer to one question: the order that opened the trade, and how the trade ended.

    `asked_id` may be the id of the trade's exit; `judged` is then the order that opened it.
    `exits` are the later orders that reduced the position, without the bracket's own legs.
    `last_status` is the broker's last recorded word on the judged order.
    """

    source: str
    source_kind: str
    asked_id: int
    judged: Judgement
    last_status: str
    trade: RoundTrip | None
    exits: tuple[Judgement, ...]
    doubts: tuple[Doubtful, ...]
    instrument: Instrument
    limits: Limits


DEFAULTS: Final = Limits()
"""The limits a trader without a configuration runs with."""


def explain(history: History, order_id: int, *, limits: Limits = DEFAULTS) -> Explanation:
    """Judge the trade to which an order belongs.

    Raises `BadInput` when the record does not hold the order, or not unambiguously.
    """
    asked = history.order(order_id)
    trade = trade_of(history, order_id)
    opener = asked
    if trade is not None and order_id not in trade.entry_order_ids:
        opener = history.order(trade.entry_order_ids[0])
    elif trade is None and asked.parent_id is not None:
        opener = history.order(asked.parent_id)
    exits = [] if trade is None else [history.order(number) for number in trade.exit_order_ids]
    return Explanation(
        source=history.name,
        source_kind=history.kind,
        asked_id=order_id,
        judged=judge(history, opener, limits=limits),
        last_status=history.last_status(opener.order_id),
        trade=trade,
        exits=tuple(judge(history, order, limits=limits) for order in exits if order.leg is None),
        doubts=history.doubts,
        instrument=instrument_of(opener.symbol, history.name),
        limits=limits,
    )


def judge(history: History, order: Placed, *, limits: Limits) -> Judgement:
    """Put one recorded order before the trader's own guards, in both readings."""
    moment = moment_before(history, order)
    entry, unrecorded = _as_entry(history, order, moment=moment, limits=limits)
    return Judgement(order, moment, (_as_exit(order, moment), entry), unrecorded)


def _as_entry(
    history: History, order: Placed, *, moment: Moment, limits: Limits
) -> tuple[Reading, tuple[str, ...]]:
    bracket, gaps = _judge_legs(history, order, limits=limits)
    advice, unrecorded = _judge_advice(moment, limits)
    instrument = instrument_of(order.symbol, history.name)
    day = judge_day(history, order, moment=moment, instrument=instrument, limits=limits)
    counts, why = _counts_as_entry(order, moment)
    reading = Reading(Meaning.ENTRY, counts, why, (*bracket, *advice, *day), gaps)
    return reading, (*unrecorded, NOT_ASKED)


def _counts_as_entry(order: Placed, moment: Moment) -> tuple[bool, str]:
    booked = moment.position.booked
    if not moment.known:
        return True, "the position is unknown, so it may have opened one"
    if booked == 0:
        return True, "the fills say flat, so it could only open a position"
    if order.side.sign * booked > 0:
        return True, "it was on the position's own side, so it could only enlarge it"
    return False, "it went against the position"


def _as_exit(order: Placed, moment: Moment) -> Reading:
    booked = moment.position.booked
    believed = moment.position.reported
    if not moment.known:
        counts, why = True, "the position is unknown, so it may have been an exit"
    elif order.side.sign * booked < 0:
        counts, why = True, "it went against the position"
    elif believed is not None and order.side.sign * believed < 0:
        counts, why = True, "the reported position was opposite, so an exit was meant"
    elif believed is not None:
        counts, why = False, "no opposite position was reported, so none was meant"
    else:
        counts, why = False, "the record does not say that an exit was meant"
    return Reading(Meaning.EXIT, counts, why, tuple(_judge_exit(order, moment)))


def _judge_exit(order: Placed, moment: Moment) -> Iterable[Verdict]:
    booked, interval = moment.position.booked, moment.position.interval
    if moment.known:
        by_fills = judge_exit_when((booked, booked), order.side, quantity=order.quantity)
        yield replace(by_fills, detail=f"by the fills: {by_fills.detail}")
    if not moment.known or interval != (booked, booked):
        verdict = judge_exit_when(interval, order.side, quantity=order.quantity)
        yield replace(verdict, detail=f"by fills and report: {verdict.detail}")
    yield from _judge_company(order, moment)


def _judge_company(order: Placed, moment: Moment) -> Iterable[Verdict]:
    """Ask the exit rule again with the orders that were working, if there were any."""
    if not moment.working or not moment.known:
        return
    low, high = moment.position.interval
    others = [
        Exposure(other.order.side.sign, other.remaining, None, other.order.leg is not None)
        for other in moment.working
    ]
    after = [*others, Exposure(order.side.sign, order.quantity, None, is_exit=True)]
    holds = exit_safe(low, high, orders=after)
    count = len(others)
    yield Verdict(
        "EXIT_ALREADY_WORKING",
        approved=holds,
        detail=f"with the {count} other working order{'s' * (count > 1)} it "
        + ("cannot" if holds else "could")
        + " go past zero",
    )


def _judge_legs(
    history: History, order: Placed, *, limits: Limits
) -> tuple[list[Verdict], tuple[str, ...]]:
    given = {"stop": order.stop_loss, "target": order.take_profit}
    gaps = tuple(
        f"the record names the {child.leg} {child.order_id} but not its price"
        for child in history.children(order.order_id)
        if child.leg is not None and given[child.leg] is None
    )
    price = _entry_price(history, order)
    if price is None:
        gaps = (*gaps, "the record names neither a limit nor a fill for the entry price")
    if gaps:
        return [judge_order_size(order.quantity, limits)], gaps
    asked = AskedBracket(order.side, price, order.stop_loss, order.take_profit, order.quantity)
    instrument = instrument_of(order.symbol, history.name)
    return judge_bracket(asked, instrument=instrument, limits=limits), ()


def _entry_price(history: History, order: Placed) -> Decimal | None:
    """Return the limit; for an order without one, the price of its first fill."""
    if order.limit is not None:
        return order.limit
    instrument = instrument_of(order.symbol, history.name)
    fills: Iterable[Filled] = (fill for fill in history.fills if fill.order_id == order.order_id)
    return next((instrument.price(fill.price) for fill in fills), None)


def _judge_advice(moment: Moment, limits: Limits) -> tuple[list[Verdict], tuple[str, ...]]:
    """Judge recorded advice. An unknown confidence counts as 0: it overrides nothing."""
    if not moment.opinions:
        return [], ("what the advisors said",)
    confidence = moment.signal.confidence if moment.signal is not None else None
    override = limits.wait_override_confidence
    verdict = should_block_on_wait(
        moment.opinions, signal_confidence=confidence or 0.0, override=override
    )
    return [verdict], ()
